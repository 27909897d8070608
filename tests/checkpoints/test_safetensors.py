"""Tensors come back as they went; a network takes exactly its own; a file is whole or absent."""

import hashlib

import pytest
import safetensors.torch
import torch
from torch import nn

from sfumato.checkpoints.safetensors import check_claimed, digest, load, load_into, read_header, save
from sfumato.errors import CheckpointError


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def prefixed(module: nn.Module, prefix: str = "net.") -> dict[str, torch.Tensor]:
    return {prefix + name: value.clone() for name, value in module.state_dict().items()}


def test_tensors_and_metadata_come_back_as_they_went(tmp_path):
    tensors = {
        "half": torch.randn(3, 5).bfloat16(),
        "whole": torch.arange(7),
        "turned": torch.randn(4, 6).T,
        "none": torch.empty(0, 3),
        "one": torch.tensor(2.5, requires_grad=True),
    }
    path = tmp_path / "some.safetensors"
    save(path, tensors, {"name": "größer", "b": "2"})
    again = load(path)
    assert set(again) == set(tensors)
    for name, tensor in tensors.items():
        assert again[name].dtype == tensor.dtype
        assert torch.equal(again[name], tensor.detach())
    assert read_header(path).metadata == {"name": "größer", "b": "2"}


def test_the_reference_library_reads_what_we_write(tmp_path):
    save(tmp_path / "some.safetensors", {"a": torch.arange(3.0)}, {"k": "v"})
    assert torch.equal(safetensors.torch.load_file(tmp_path / "some.safetensors")["a"], torch.arange(3.0))


def test_a_dtype_is_given_to_floating_tensors_only(tmp_path):
    save(tmp_path / "some.safetensors", {"a": torch.ones(2).bfloat16(), "ids": torch.arange(3)})
    again = load(tmp_path / "some.safetensors", dtype=torch.float32)
    assert again["a"].dtype == torch.float32
    assert again["ids"].dtype == torch.int64


def test_two_names_of_one_tensor_are_both_kept(tmp_path):
    tied = torch.randn(4)
    save(tmp_path / "some.safetensors", {"a": tied, "b": tied})
    assert torch.equal(load(tmp_path / "some.safetensors")["b"], tied)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    tensors = {"a": torch.ones(3), "b": torch.zeros(2)}
    metadata = {f"key {i}": "value" for i in range(9)}
    save(tmp_path / "one.safetensors", tensors, metadata)
    save(tmp_path / "two.safetensors", dict(reversed(tensors.items())), dict(reversed(metadata.items())))
    assert digest(tmp_path / "one.safetensors") == digest(tmp_path / "two.safetensors")


def test_the_digest_is_that_of_the_file(tmp_path):
    (tmp_path / "file").write_bytes(b"weights")
    assert digest(tmp_path / "file") == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(CheckpointError, match="check the path"):
        digest(tmp_path / "absent")


def test_the_digest_of_a_folder_is_that_of_its_files_and_their_names(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "weights").write_bytes(b"weights")
    (tmp_path / "index").write_bytes(b"{}")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "lock").write_bytes(b"of whoever downloaded it")
    listed = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("index", b"{}"), ("unet/weights", b"weights"))
    )
    found = digest(tmp_path)
    assert found == hashlib.sha256(listed.encode()).hexdigest()
    (tmp_path / "unet" / "weights").rename(tmp_path / "unet" / "other")
    assert digest(tmp_path) != found


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "some.safetensors"
    save(path, {"a": torch.zeros(1)})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sfumato.files.os.fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        save(path, {"a": torch.ones(1)})
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert load(path)["a"].item() == 0


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "absent" / "some.safetensors", {"a": torch.ones(1)})


def test_a_network_takes_its_tensors_and_casts_them_to_its_own_type():
    source, target = network(), network()
    tensors = {
        name: value.double() if value.is_floating_point() else value
        for name, value in prefixed(source).items()
    }
    load_into(target, tensors | {"other.weight": torch.ones(1)}, "net.")
    for name, value in target.state_dict().items():
        assert torch.equal(value, source.state_dict()[name])
        assert value.dtype == source.state_dict()[name].dtype


def test_a_network_on_the_meta_device_becomes_real():
    source = network()
    with torch.device("meta"):
        target = network()
    load_into(target, prefixed(source), "net.")
    x = torch.randn(2, 3)
    assert torch.equal(target.eval()(x), source.eval()(x))
    assert all(parameter.requires_grad for parameter in target.parameters())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors: tensors.pop("net.0.bias"), r"1 missing: net\.0\.bias"),
        (lambda tensors: tensors.update({"net.2.bias": torch.ones(1)}), r"1 unexpected: net\.2\.bias"),
        (
            lambda tensors: tensors.update({"net.0.weight": torch.ones(3, 4)}),
            r"1 of another shape: net\.0\.weight \[3, 4\] where the network has \[4, 3\]",
        ),
        (
            lambda tensors: tensors.update({"net.0.bias": torch.ones(4, dtype=torch.int8)}),
            r"1 of another kind: net\.0\.bias torch\.int8",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named_and_nothing_is_changed(change, told):
    target = network()
    before, tensors = prefixed(target), prefixed(network())
    change(tensors)
    with pytest.raises(CheckpointError, match=told):
        load_into(target, tensors, "net.")
    assert all(torch.equal(value, before[name]) for name, value in prefixed(target).items())


def test_all_kinds_of_faults_are_named_together_and_long_lists_are_shortened():
    with pytest.raises(CheckpointError, match=r"7 missing: .* and 1 more; 1 unexpected: net\.x") as caught:
        load_into(network(), {"net.x": torch.ones(1)}, "net.")
    assert "\n" not in str(caught.value)


def test_a_tensor_of_no_network_is_named():
    check_claimed(["unet.a", "text.b"], ("unet.", "text."))
    with pytest.raises(CheckpointError, match=r"1 unexpected: vae\.c"):
        check_claimed(["unet.a", "vae.c"], ("unet.", "text."))
