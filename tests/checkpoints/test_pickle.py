"""Pickles give their tensors and nothing else, whatever they hold beside them."""

import collections
import contextlib
import os
import pickle
import re
import struct
import sys
import tempfile
import time
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.checkpoints import pickle as pickles
from sfumato.checkpoints import unpickler
from sfumato.checkpoints.open import open_checkpoint
from sfumato.errors import CheckpointError

TIED = torch.arange(12.0).view(4, 3)
PLAIN = {
    "a": torch.arange(5.0),
    "half": torch.ones(2, 3).bfloat16(),
    "tied 1": TIED,
    "tied 2": TIED,
    "slice": torch.arange(10)[3:6],
    "none": torch.empty(0, 2),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "one": torch.tensor(3.0),
}


class Calls:
    """What a pickle runs when it is opened by others."""

    def __init__(self, function, *given):
        self.function, self.given = function, given

    def __reduce__(self):
        return self.function, self.given


def read(tmp_path, what, **options):
    """By the program itself, but in this process, which is quicker than starting one."""
    torch.save(what, tmp_path / "some.pt", **options)
    return unpickler._read(tmp_path / "some.pt", tmp_path / "copy")


def same(found, wanted):
    assert found.kinds.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found.kinds[name].shape == tuple(tensor.shape)
        again = found.read(name)
        assert again.dtype == tensor.dtype
        assert torch.equal(again.float(), tensor.detach().float()), name


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_both_formats_come_back_and_no_copy_stays(tmp_path, monkeypatch, zipped):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    torch.save(
        {"state_dict": PLAIN, "epoch": 3, "name": "größer", "callbacks": {"k": [1]}},
        tmp_path / "some.ckpt",
        _use_new_zipfile_serialization=zipped,
    )
    found = open_checkpoint(tmp_path / "some.ckpt")
    assert (found.layout, found.format) == ("file", "pickle")
    assert found.metadata == {"epoch": "3", "name": "größer"}
    assert found.notes == ("left out beside state_dict: callbacks",)
    assert len(list(tmp_path.iterdir())) == (1 if zipped else 2)
    same(found.tensors, PLAIN)
    one, other = found.tensors.read("tied 1"), found.tensors.read("tied 2")
    one += 1
    assert torch.equal(other, TIED), "tied weights come as tensors of their own"
    assert torch.equal(found.tensors.read("tied 1"), TIED)
    kept = found.tensors.read("a")
    del found
    assert [file.name for file in tmp_path.iterdir()] == ["some.ckpt"]
    assert torch.equal(kept, PLAIN["a"])


def test_a_pickle_that_runs_a_program_runs_nothing(tmp_path):
    torch.save({"a": torch.ones(2), "b": Calls(os.system, f"touch {tmp_path}/ran")}, tmp_path / "some.pt")
    with pytest.raises(CheckpointError, match=r"it wants to run (posix|nt).system") as caught:
        open_checkpoint(tmp_path / "some.pt")
    assert "weights_only" not in str(caught.value)  # torch's advice is to allow it
    assert not (tmp_path / "ran").exists()


REFUSED = {
    "sparse": (lambda: {"a": torch.eye(3).to_sparse()}, "tensor a is not dense but torch.sparse_coo"),
    "sparse rows": (
        lambda: {"a": torch.eye(3).to_sparse_csr()},
        "tensor a is not dense but torch.sparse_csr",
    ),
    "quantised": (
        lambda: {"a": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)},
        "is quantised",
    ),
    "meta": (lambda: {"a": torch.ones(3, device="meta")}, "tensor a has a shape and no numbers"),
    "turned": (lambda: {"a": torch.ones(3, 4).T}, r"does not lie in a row but with strides \[1, 4\]"),
    "expanded": (lambda: {"a": torch.ones(1).expand(10**9, 10**9)}, r"with strides \[0, 0\]"),
    "conjugate": (lambda: {"a": torch.ones(2, dtype=torch.complex64).conj()}, "does not lie in a row"),
    "network": (lambda: {"a": torch.nn.Linear(2, 2)}, "wants to run torch.nn.modules.linear.Linear"),
    "array": (lambda: {"a": np.ones(3)}, "wants to run numpy"),
    "eval": (lambda: {"a": Calls(eval, "1")}, "wants to run eval"),
    "a tensor alone": (lambda: torch.ones(2), "it holds a Tensor, not named tensors"),
    "a list": (lambda: [torch.ones(2)], "it holds a list"),
    "nothing": (lambda: {"epoch": 3}, "it holds no tensors"),
    "two of a name": (
        lambda: {"a": {"b": torch.ones(1)}, "a.b": torch.ones(1)},
        "two tensors come to the name a.b",
    ),
    "a tuple as name": (lambda: {("a", 1): torch.ones(1)}, "a key that is a tuple"),
    "a line break as name": (lambda: {"a\nb": torch.ones(1)}, r"the name 'a\\nb'"),
    "half a character": (lambda: {"a\ud800": torch.ones(1)}, "the name"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch's about sparse and quantised tensors
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plain_tensor_is_refused_by_name(tmp_path, name):
    make, told = REFUSED[name]
    with pytest.raises((unpickler.Refused, pickle.UnpicklingError)) as caught:
        read(tmp_path, make())
    error = caught.value
    reason = str(error) if isinstance(error, unpickler.Refused) else str(unpickler._reason(error))
    assert re.search(told, reason), reason


def test_dictionaries_that_hold_each_other_end(tmp_path):
    circle: dict[str, object] = {"a": torch.ones(1)}
    circle["again"] = circle
    with pytest.raises(unpickler.Refused, match="nests deeper than 16"):
        read(tmp_path, circle)
    many: list[object] = []
    for _ in range(15):
        many = [many] * 10
    with pytest.raises(unpickler.Refused, match="more than 200000 things"):
        read(tmp_path, {"a": many})


def test_what_training_left_in_a_checkpoint_is_no_obstacle(tmp_path, monkeypatch):
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__):
        monkeypatch.setitem(sys.modules, name, module)
    given = {
        "state_dict": collections.OrderedDict(a=torch.ones(2)),
        "callbacks": {module.ModelCheckpoint: {"best": np.float64(3.0), "kept": module.ModelCheckpoint()}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(4)}}}],
    }
    found = read(tmp_path, given)
    assert list(found["tensors"]) == ["a"]
    assert found["beside"] == ["callbacks", "optimizer_states"]


def test_an_embedding_of_2022_is_read(tmp_path):
    vectors = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(2, 768))})
    found = read(tmp_path, {"string_to_token": {"*": 265}, "string_to_param": vectors, "name": "mood"})
    assert [(name, entry[:2]) for name, entry in found["tensors"].items()] == [
        ("string_to_param.*", ["torch.float32", [2, 768]])
    ]
    assert found["metadata"] == {"name": "mood"}


def rezipped(path: Path, change) -> None:
    """Write the zip again; ``change(name, content)`` gives each record and whether it is compressed."""
    with zipfile.ZipFile(path) as archive:
        records = {record.filename: archive.read(record) for record in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records.items():
            content, compressed = change(name, content)
            archive.writestr(name, content, zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)


def refused(tmp_path, change) -> str:
    torch.save(PLAIN, tmp_path / "some.pt")
    rezipped(tmp_path / "some.pt", change)
    with pytest.raises(unpickler.Refused) as caught:
        unpickler._read(tmp_path / "some.pt", tmp_path / "copy")
    return str(caught.value)


@given(data=st.data(), zipped=st.booleans())
@settings(deadline=None, max_examples=80)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch's about what it meets
def test_wrong_bytes_never_make_a_tensor_that_lies_outside_the_file(tmp_path_factory, data, zipped):
    path = tmp_path_factory.getbasetemp() / "wrong.pt"
    torch.save({"state_dict": PLAIN}, path, _use_new_zipfile_serialization=zipped)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(4, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    copy = path.with_suffix(".copy")
    found = {}
    with contextlib.suppress(Exception):  # of any kind: the program that this is answers with all of them
        found = unpickler._read(path, copy)["tensors"]
    size = (path if zipped else copy).stat().st_size if found else 0
    assert all(0 <= start <= end <= size for _, _, start, end in found.values())


def test_a_zip_that_torch_would_not_write_is_refused(tmp_path):
    bomb = refused(
        tmp_path, lambda name, content: (bytes(10**7) if name.endswith("/data/0") else content, True)
    )
    assert "compressed, which torch.save never does" in bomb
    assert "big end first" in refused(
        tmp_path, lambda name, content: (b"big" if name.endswith("byteorder") else content, False)
    )
    short = refused(
        tmp_path, lambda name, content: (content[:4] if name.endswith("/data/0") else content, False)
    )
    assert "does not lie in the record that it names" in short
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(unpickler.Refused, match=r"other things \(readme.txt\); unpack it"):
        unpickler._read(tmp_path / "other.zip", tmp_path / "copy")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("m/data.pkl", b"")
        archive.writestr("m/constants.pkl", b"")
    with pytest.raises(unpickler.Refused, match="TorchScript program"):
        unpickler._read(tmp_path / "script.pt", tmp_path / "copy")


def test_a_pickle_that_computes_without_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "PATIENCE", 60)  # it is the computing that is bounded here, not the waiting
    nested: object = (1,)
    for _ in range(60):
        nested = (nested, nested)  # 2**60 steps to hash, a hundred bytes to write
    raw = pickle.dumps({"a": 1}, protocol=2)[:-1]
    inner = pickle.dumps(nested, protocol=2)[2:-1]
    (tmp_path / "some.pt").write_bytes(raw + inner + b"K\x01s.")
    start = time.process_time()
    with pytest.raises(CheckpointError, match=r"the process that read it was ended \(-\d+\)"):
        pickles.unpickled(tmp_path / "some.pt", seconds=1)
    assert time.process_time() - start < 5


def test_a_pickle_is_not_waited_for_without_end(tmp_path, monkeypatch):
    torch.save(PLAIN, tmp_path / "some.pt")
    monkeypatch.setattr(pickles, "PATIENCE", 0.01)
    with pytest.raises(CheckpointError, match="reading it took more than"):
        pickles.unpickled(tmp_path / "some.pt", seconds=1)


def test_a_pickle_that_asks_for_more_memory_than_it_has_is_refused(tmp_path):
    torch.save({"a": torch.ones(3)}, tmp_path / "some.pt", _use_new_zipfile_serialization=False)
    raw = (tmp_path / "some.pt").read_bytes()
    count = raw.index(b"cpu") + 3
    place = raw.index(b"K\x03", count)
    huge = b"\x8a\x04" + struct.pack("<i", 2**29)  # 2 GB, which most machines would give
    (tmp_path / "some.pt").write_bytes(raw[:place] + huge + raw[place + 2 :])
    with pytest.raises(CheckpointError, match="more memory than its size explains"):
        open_checkpoint(tmp_path / "some.pt")


def test_what_the_other_process_says_is_not_believed(tmp_path):
    for answer, told in {
        b"": "gave no answer",
        b"[1]": "gave no answer",
        b'{"tensors": {"a": ["torch.float32", [2], 0, 800]}, "metadata": {}, "beside": []}': "is said to lie",
        b'{"tensors": {"a": ["torch.float32", [9], 0, 8]}, "metadata": {}, "beside": []}': "is said to lie",
        b'{"tensors": {"a": ["torch.float32", [-1], 0, -4]}, "metadata": {}, "beside": []}': "is said to lie",
        b'{"tensors": {"a": ["torch.bits8", [2], 0, 2]}, "metadata": {}, "beside": []}': "type torch.bits8",
    }.items():
        with pytest.raises(CheckpointError, match=told):
            pickles._check_places(tmp_path, pickles._understood(tmp_path, answer).tensors, 100)


def test_an_older_torch_is_not_trusted_with_a_pickle(tmp_path, monkeypatch):
    torch.save(PLAIN, tmp_path / "some.pt")
    monkeypatch.setattr(pickles, "version", lambda name: "2.9.1+cpu")
    with pytest.raises(CheckpointError, match=r"torch 2.9.1\+cpu cannot read safely; install torch 2.10"):
        open_checkpoint(tmp_path / "some.pt")


def test_a_pickle_under_the_name_of_a_safetensors_file_is_refused(tmp_path):
    torch.save(PLAIN, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="a pickle under the name of a safetensors file"):
        open_checkpoint(tmp_path / "model.safetensors")


def test_a_full_disk_is_told_before_anything_is_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    torch.save(PLAIN, tmp_path / "some.pt", _use_new_zipfile_serialization=False)
    monkeypatch.setattr("shutil.disk_usage", lambda path: collections.namedtuple("Usage", "free")(5))
    with pytest.raises(CheckpointError, match=r"\(5 bytes are free\); set TMPDIR"):
        open_checkpoint(tmp_path / "some.pt")
    assert [file.name for file in tmp_path.iterdir()] == ["some.pt"]
