"""A file is looked at without being read, and read piece by piece without anything staying behind."""

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.checkpoints import mapped
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.safetensors import save
from sfumato.errors import CheckpointError


def resident() -> int:
    """Bytes of memory that this process takes now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="counts memory as Linux tells it"
)


def sparse(path: Path, count: int, each: int) -> Path:
    """A file of ``count`` half-precision tensors of ``each`` zeros, which takes no room on the disk."""
    entries = {
        f"model.diffusion_model.layer.{i}.weight": {
            "dtype": "F16", "shape": [each], "data_offsets": [2 * each * i, 2 * each * (i + 1)]
        }
        for i in range(count)
    }  # fmt: skip
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 2 * each * count)
    return path


@needs_proc
def test_seven_gigabytes_are_looked_at_in_a_second_and_a_little_memory(tmp_path):
    path = sparse(tmp_path / "large.safetensors", 2600, 1_400_000)
    assert path.stat().st_size > 7e9
    before, start = resident(), time.process_time()
    found = open_checkpoint(path)
    assert time.process_time() - start < 1
    assert resident() - before < 50e6
    assert len(found.tensors.kinds) == 2600


@needs_proc
def test_what_was_cast_and_dropped_takes_no_memory_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "WINDOW", 8 * 2**20)
    tensors = open_checkpoint(sparse(tmp_path / "some.safetensors", 64, 2**19)).tensors  # 64 MB
    gc.collect()
    before = resident()
    first, *others = tensors.kinds
    kept = tensors.read(first)  # as it is: one map of the file would stay with it
    held = {name: tensors.read(name).float() for name in others}
    assert sum(tensor.nbytes for tensor in held.values()) + 2 * kept.nbytes == 2**27
    assert resident() - before < 1.2 * 2**27


@needs_proc
def test_thousands_of_tensors_are_held_with_few_open_files(tmp_path):
    tensors = open_checkpoint(sparse(tmp_path / "some.safetensors", 3000, 10)).tensors
    before = len([*Path("/proc/self/fd").iterdir()])
    held = [tensors.read(name) for name in tensors.kinds]
    assert len(held) == 3000
    assert len([*Path("/proc/self/fd").iterdir()]) < before + 5


def test_whoever_writes_into_a_tensor_changes_neither_the_file_nor_what_others_read(tmp_path):
    save(tmp_path / "some.safetensors", {"a": torch.zeros(4), "b": torch.zeros(4)})
    raw = (tmp_path / "some.safetensors").read_bytes()
    tensors = open_checkpoint(tmp_path / "some.safetensors").tensors
    first = tensors.read("a")
    first += 1
    assert torch.equal(tensors.read("a"), torch.zeros(4))
    assert torch.equal(tensors.read("b"), torch.zeros(4))
    assert torch.equal(first, torch.ones(4))
    assert (tmp_path / "some.safetensors").read_bytes() == raw


def test_a_file_that_changed_since_it_was_opened_is_told(tmp_path):
    save(tmp_path / "some.safetensors", {"a": torch.zeros(4)})
    tensors = open_checkpoint(tmp_path / "some.safetensors").tensors
    save(tmp_path / "some.safetensors", {"b": torch.ones(400)})
    with pytest.raises(CheckpointError, match="has changed since it was opened"):
        tensors.read("a")
    (tmp_path / "some.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        tensors.read("a")


DTYPES = st.sampled_from([torch.float32, torch.bfloat16, torch.int8, torch.float64, torch.bool])
SHAPES = st.lists(st.integers(0, 5), max_size=3)


@given(
    kinds=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), st.tuples(DTYPES, SHAPES)),
    window=st.sampled_from([1, 64, 5000, 2**28]),
    order=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=60)
def test_any_set_of_tensors_is_read_as_the_reference_library_reads_it(tmp_path_factory, kinds, window, order):
    kinds.pop("__metadata__", None)
    tensors = {name: torch.randn(shape).mul(9).to(dtype) for name, (dtype, shape) in kinds.items()}
    path = tmp_path_factory.mktemp("any") / "some.safetensors"
    safetensors.torch.save_file(tensors, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "WINDOW", window)
        found = open_checkpoint(path).tensors
    assert set(found.kinds) == set(tensors)
    names = list(tensors)
    order.shuffle(names)
    for name in names:
        assert found.kinds[name].shape == tuple(tensors[name].shape)
        assert torch.equal(found.read(name), tensors[name])


@pytest.mark.parametrize("shift", range(8))
def test_numbers_that_begin_anywhere_are_read(tmp_path, shift):
    entries = {"a": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}}
    header = json.dumps(entries).encode() + b" " * shift
    numbers = torch.tensor([1.5, -2.0, 3e300], dtype=torch.float64)
    raw = len(header).to_bytes(8, "little") + header + numbers.numpy().tobytes()
    (tmp_path / "old.safetensors").write_bytes(raw)
    found = open_checkpoint(tmp_path / "old.safetensors").tensors.read("a")
    assert torch.equal(found, numbers)
    assert found.data_ptr() % 8 == 0


def test_looking_at_a_file_does_not_import_torch(tmp_path):
    save(tmp_path / "some.safetensors", {"a": torch.zeros(4)})
    program = """if True:
        import sys
        from sfumato.checkpoints.open import open_checkpoint
        print(*open_checkpoint(sys.argv[1]).tensors.kinds, "torch" in sys.modules)
    """
    command = [sys.executable, "-c", program, tmp_path / "some.safetensors"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["a", "False"]
