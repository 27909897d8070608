"""What is written comes back bit for bit, tensor by tensor, in the same bytes every time."""

import hashlib
import json
import tracemalloc
import weakref

import numpy as np
import pytest
import safetensors.torch
import torch

from sfumato.checkpoints.hashes import hashes
from sfumato.checkpoints.header import read_header
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.safetensors import save
from sfumato.checkpoints.tensors import DTYPES, Tensors
from sfumato.checkpoints.write import write_folder, write_safetensors
from sfumato.errors import CheckpointError


def some() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"of {spelt}": torch.randn(3, 5, generator=generator).to(getattr(torch, name.removeprefix("torch.")))
        for name, spelt in DTYPES.items()
    }
    return tensors | {
        "none": torch.empty(0, 3),
        "one": torch.tensor(2.5),
        "turned": torch.randn(4, 6, generator=generator).T,
    }


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    bits = [x.contiguous().reshape(-1).view(torch.uint8) for x in (one, other)]
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*bits)


def test_tensors_of_every_type_come_back_bit_for_bit(tmp_path):
    write_safetensors(tmp_path / "some.safetensors", Tensors.of(some()), {"name": "größer"})
    again = open_checkpoint(tmp_path / "some.safetensors")
    assert again.metadata == {"name": "größer"}
    assert again.tensors.kinds.keys() == some().keys()
    for name, tensor in some().items():
        assert same(again.tensors.read(name), tensor), name


def test_the_reference_library_reads_and_writes_the_same_bytes(tmp_path):
    plain = {name: tensor for name, tensor in some().items() if name != "turned"}
    write_safetensors(tmp_path / "ours.safetensors", Tensors.of(plain), {"format": "pt"})
    safetensors.torch.save_file(plain, tmp_path / "theirs.safetensors", {"format": "pt"})
    theirs = safetensors.torch.load_file(tmp_path / "ours.safetensors")
    assert all(same(theirs[name], tensor) for name, tensor in plain.items())
    start = {name: read_header(tmp_path / f"{name}.safetensors").data_start for name in ("ours", "theirs")}
    assert (tmp_path / "ours.safetensors").stat().st_size - start["ours"] == (
        tmp_path / "theirs.safetensors"
    ).stat().st_size - start["theirs"]


def test_the_same_content_gives_the_same_bytes_in_any_order(tmp_path):
    tensors, metadata = some(), {f"key {i}": "value" for i in range(9)}
    write_safetensors(tmp_path / "one", Tensors.of(tensors), metadata)
    write_safetensors(
        tmp_path / "two", Tensors.of(dict(reversed(tensors.items()))), dict(reversed(metadata.items()))
    )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_half_precision_is_given_to_floating_numbers_alone(tmp_path):
    tensors = {"a": torch.randn(7), "ids": torch.arange(3), "eight": torch.ones(2).to(torch.float8_e4m3fn)}
    write_safetensors(tmp_path / "half", Tensors.of(tensors), {}, dtype=torch.float16)
    again = open_checkpoint(tmp_path / "half").tensors
    assert torch.equal(again.read("a"), tensors["a"].half())
    assert again.read("ids").dtype == torch.int64
    assert again.read("eight").dtype == torch.float8_e4m3fn


def test_a_number_too_large_for_half_precision_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(CheckpointError, match=r"big reaches 1e\+06, too much for torch.float16"):
        write_safetensors(
            tmp_path / "half", Tensors.of({"big": torch.full((2,), 1e6)}), {}, dtype=torch.float16
        )
    assert not list(tmp_path.iterdir())


def test_a_tensor_that_is_not_as_announced_is_an_error(tmp_path):
    kinds = Tensors.of({"a": torch.ones(2)}).kinds
    with pytest.raises(CheckpointError, match=r"a: .* announced"):
        write_safetensors(tmp_path / "x", Tensors(kinds=kinds, read=lambda name: torch.ones(3)), {})


def test_writing_holds_one_tensor_at_a_time(tmp_path):
    alive: set[str] = set()

    def read(name: str) -> torch.Tensor:
        numbers = np.zeros(1000, dtype=np.float32)  # which the tensor keeps alive
        alive.add(name)
        weakref.finalize(numbers, alive.remove, name)
        assert len(alive) <= 2, "the one that is written, and the one that comes"
        return torch.from_numpy(numbers)

    kinds = Tensors.of({f"{i}": torch.zeros(1000) for i in range(20)}).kinds
    write_safetensors(tmp_path / "x", Tensors(kinds=kinds, read=read), {})
    assert not alive


def test_a_folder_comes_back_as_it_went(tmp_path):
    parts = {
        "unet": {"a": torch.randn(4), "b": torch.randn(2, 3)},
        "text_encoder": {"c": torch.arange(3.0)},
    }
    configs = {
        "": {"_class_name": "X", "unet": ["diffusers", "U"], "text_encoder": ["transformers", "T"],
             "scheduler": ["diffusers", "S"], "tokenizer": ["transformers", "C"]},
        "unet": {"width": 4}, "text_encoder": {}, "scheduler": {"prediction_type": "epsilon"},
    }  # fmt: skip
    wrapped = {part: Tensors.of(tensors) for part, tensors in parts.items()}
    write_folder(tmp_path / "model", wrapped, configs, files={"tokenizer/vocab.json": b"{}"})
    assert (tmp_path / "model/text_encoder/model.safetensors").is_file()
    assert (tmp_path / "model/unet/diffusion_pytorch_model.safetensors").is_file()
    again = open_checkpoint(tmp_path / "model")
    assert again.configs == configs
    assert again.tokenizers == {"tokenizer": tmp_path / "model/tokenizer"}
    assert again.notes == ()
    assert sorted(again.tensors.kinds) == ["text_encoder.c", "unet.a", "unet.b"]
    assert torch.equal(again.tensors.read("unet.b"), parts["unet"]["b"])


def test_shards_hold_each_tensor_once_within_their_size(tmp_path):
    tensors = {f"{i:02}": torch.full((100,), float(i)) for i in range(10)} | {"wide": torch.ones(900)}
    write_folder(tmp_path / "m", {"unet": Tensors.of(tensors)}, {"unet": {}}, shard=1300)
    shards = sorted((tmp_path / "m/unet").glob("*.safetensors"))
    assert [file.name[-20:] for file in shards[:1]] == ["of-00005.safetensors"]
    assert sum(len(read_header(file).tensors) for file in shards) == len(tensors)
    index = json.loads((tmp_path / "m/unet/diffusion_pytorch_model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 4 * 1900
    again = open_checkpoint(tmp_path / "m").tensors
    assert all(torch.equal(again.read(f"unet.{name}"), tensor) for name, tensor in tensors.items())


def test_a_folder_that_fails_leaves_nothing_and_one_that_is_there_is_kept(tmp_path):
    def broken(name: str) -> torch.Tensor:
        raise CheckpointError("broken")

    kinds = Tensors.of({"a": torch.ones(1)}).kinds
    with pytest.raises(CheckpointError, match="broken"):
        write_folder(tmp_path / "m", {"unet": Tensors(kinds=kinds, read=broken)}, {"unet": {}})
    assert not list(tmp_path.iterdir())
    (tmp_path / "m").mkdir()
    with pytest.raises(CheckpointError, match="is there already"):
        write_folder(tmp_path / "m", {}, {})


def test_diffusers_loads_the_folder_that_we_wrote(tmp_path):
    from diffusers import AutoencoderKL

    theirs = AutoencoderKL(block_out_channels=(32,), norm_num_groups=8)
    config = json.loads(theirs.to_json_string())
    write_folder(tmp_path / "m", {"vae": Tensors.of(theirs.state_dict())}, {"vae": config}, shard=100_000)
    assert len(list((tmp_path / "m/vae").glob("*.safetensors"))) > 1
    again = AutoencoderKL.from_pretrained(tmp_path / "m", subfolder="vae", local_files_only=True)
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in again.state_dict().items())


def test_the_digests_are_those_that_sites_show(tmp_path):
    path = tmp_path / "a.safetensors"
    save(path, {"a": torch.arange(5.0)}, {"title": "one"})
    raw, start = path.read_bytes(), read_header(path).data_start
    whole = hashlib.sha256(raw).hexdigest()
    assert hashes(path) == (whole, whole[:10], hashlib.sha256(raw[start:]).hexdigest()[:12])
    save(tmp_path / "b.safetensors", {"a": torch.arange(5.0)}, {"title": "another, longer"})
    assert hashes(tmp_path / "b.safetensors").autov3 == hashes(path).autov3
    assert hashes(tmp_path / "b.safetensors").autov2 != hashes(path).autov2


def test_digests_of_a_file_longer_than_a_piece_agree_with_the_whole(tmp_path):
    path = tmp_path / "a.safetensors"
    save(path, {"a": torch.arange(700_000.0)}, {"text": "x" * 1_100_000})  # a header beyond the first piece
    raw, start = path.read_bytes(), read_header(path).data_start
    assert start > 2**20
    assert hashes(path).autov3 == hashlib.sha256(raw[start:]).hexdigest()[:12]


def test_a_pickle_has_no_third_digest_and_an_absent_file_none(tmp_path):
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pt")
    assert hashes(tmp_path / "a.pt").autov3 is None
    with pytest.raises(CheckpointError, match="check the path"):
        hashes(tmp_path / "absent")
    tracemalloc.start()
    with (tmp_path / "long").open("wb") as file:
        file.truncate(50_000_000)
    hashes(tmp_path / "long")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
