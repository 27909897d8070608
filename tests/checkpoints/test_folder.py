"""A folder gives every part its tensors, and tells each choice that was made between files."""

import json
from pathlib import Path

import pytest
import torch

from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.safetensors import save
from sfumato.errors import CheckpointError

INDEX = {
    "_class_name": "Pipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "force_zeros_for_empty_prompt": True,
}


def model(path: Path, weights: dict[str, float] | None = None) -> Path:
    """A folder whose U-Net's files hold one tensor "a" each, filled with the given number."""
    for part in ("unet", "tokenizer", "scheduler"):
        (path / part).mkdir(parents=True)
    (path / "model_index.json").write_text(json.dumps(INDEX))
    (path / "unet/config.json").write_text('{"sample_size": 64}')
    (path / "scheduler/scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    (path / "tokenizer/vocab.json").write_text("{}")
    for name, number in (weights or {"diffusion_pytorch_model.safetensors": 1.0}).items():
        content = {"a": torch.full((2,), number)}
        if name.endswith(".bin"):
            torch.save(content, path / "unet" / name)
        else:
            save(path / "unet" / name, content)
    return path


def number(found) -> float:
    return float(found.tensors.read("unet.a")[0])


def test_a_folder_gives_tensors_settings_and_tokenizers_by_part(tmp_path):
    found = open_checkpoint(model(tmp_path / "m"))
    assert (found.layout, found.format, found.notes) == ("folder", "safetensors", ())
    assert found.configs == {
        "": INDEX, "unet": {"sample_size": 64}, "scheduler": {"prediction_type": "v_prediction"}
    }  # fmt: skip
    assert found.tokenizers == {"tokenizer": tmp_path / "m/tokenizer"}
    assert found.files == (tmp_path / "m/unet/diffusion_pytorch_model.safetensors",)
    assert list(found.tensors.kinds) == ["unet.a"]
    assert number(found) == 1


STEM = "diffusion_pytorch_model"
ONLY = "unet: took the variant 'non_ema', the only one there is"
FIRST = f"unet: took {STEM}.safetensors, not model.safetensors"
CHOICES = {
    "plain before variants": ((f"{STEM}.safetensors", f"{STEM}.fp16.safetensors"), None, 0, ()),
    "the variant that is wished": ((f"{STEM}.safetensors", f"{STEM}.fp16.safetensors"), "fp16", 1, ()),
    "the only variant there is": ((f"{STEM}.non_ema.safetensors",), None, 0, (ONLY,)),
    "safetensors before pickles": ((f"{STEM}.bin", f"{STEM}.fp16.safetensors"), "fp16", 1, ()),
    "the name that diffusers gives": ((f"{STEM}.safetensors", "model.safetensors"), None, 0, (FIRST,)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_files_that_are_taken_follow_the_rule_and_every_choice_is_told(tmp_path, name):
    files, variant, taken, notes = CHOICES[name]
    found = open_checkpoint(
        model(tmp_path / "m", {file: float(i) for i, file in enumerate(files)}), variant=variant
    )
    assert number(found) == taken
    assert found.notes == notes
    assert found.files == (tmp_path / "m/unet" / files[taken],)


def test_a_variant_that_only_some_parts_have_is_told_and_one_that_none_has_is_an_error(tmp_path):
    path = model(tmp_path / "m", {f"{STEM}.safetensors": 1.0, f"{STEM}.fp16.safetensors": 2.0})
    (path / "vae").mkdir()
    (path / "vae/config.json").write_text("{}")
    save(path / f"vae/{STEM}.safetensors", {"b": torch.ones(1)})
    (path / "model_index.json").write_text(json.dumps(INDEX | {"vae": ["diffusers", "AutoencoderKL"]}))
    found = open_checkpoint(path, variant="fp16")
    assert found.notes == (f"vae: has no variant 'fp16'; took {STEM}.safetensors",)
    assert number(found) == 2
    with pytest.raises(CheckpointError, match="no part has the variant 'fp8'"):
        open_checkpoint(path, variant="fp8")
    with pytest.raises(CheckpointError, match="a file has no variant 'fp16'"):
        open_checkpoint(path / f"vae/{STEM}.safetensors", variant="fp16")


def test_two_variants_without_a_plain_file_are_a_question(tmp_path):
    path = model(tmp_path / "m", {f"{STEM}.fp16.safetensors": 1.0, f"{STEM}.non_ema.safetensors": 2.0})
    with pytest.raises(CheckpointError, match="only the variants fp16, non_ema; name one of them"):
        open_checkpoint(path)


def test_a_pickled_part_makes_a_pickled_folder(tmp_path):
    found = open_checkpoint(model(tmp_path / "m", {f"{STEM}.bin": 3.0}))
    assert found.format == "pickle"
    assert number(found) == 3


def test_the_index_decides_which_folders_are_parts(tmp_path):
    path = model(tmp_path / "m")
    (path / "vae_1_0").mkdir()
    (path / "vae_1_0/config.json").write_text("{}")
    save(path / f"vae_1_0/{STEM}.safetensors", {"b": torch.ones(1)})
    (path / "model_index.json").write_text(json.dumps(INDEX | {"vae": ["diffusers", "AutoencoderKL"]}))
    found = open_checkpoint(path)
    assert list(found.tensors.kinds) == ["unet.a"]
    assert found.notes == (
        "vae: listed in model_index.json, but there is no such folder",
        "vae_1_0: not listed in model_index.json, left alone",
    )


def test_a_folder_that_lost_its_index_and_a_part_that_lost_its_weights_are_opened(tmp_path):
    path = model(tmp_path / "m")
    (path / "model_index.json").unlink()
    (path / "vae").mkdir()
    (path / "vae/config.json").write_text("{}")
    found = open_checkpoint(path)
    assert number(found) == 1
    assert found.tokenizers == {"tokenizer": path / "tokenizer"}
    assert found.notes == ("vae: there is a config.json but no weights",)


def test_one_part_alone_has_its_own_names_and_metadata(tmp_path):
    path = model(tmp_path / "m")
    save(path / f"unet/{STEM}.safetensors", {"a": torch.ones(2)}, {"modelspec.title": "ink"})
    found = open_checkpoint(path / "unet")
    assert list(found.tensors.kinds) == ["a"]
    assert found.configs == {"": {"sample_size": 64}}
    assert found.metadata == {"modelspec.title": "ink"}


def test_code_that_a_configuration_names_is_not_imported(tmp_path):
    path = model(tmp_path / "m")
    (path / "unet/modeling.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    index = INDEX | {"unet": ["modeling", "Evil"], "_class_name": "custom.Pipeline"}
    (path / "model_index.json").write_text(json.dumps(index))
    (path / "unet/config.json").write_text(json.dumps({"auto_map": {"AutoModel": "modeling.Evil"}}))
    assert number(open_checkpoint(path)) == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards_and_variants_that_diffusers_writes_are_read(tmp_path, variant):
    from diffusers import AutoencoderKL

    theirs = AutoencoderKL(block_out_channels=(32,), norm_num_groups=8)
    theirs.save_pretrained(tmp_path / "vae", variant=variant, max_shard_size=100_000)
    found = open_checkpoint(tmp_path / "vae", variant=variant)
    assert len(found.files) > 1
    assert set(found.tensors.kinds) == set(theirs.state_dict())
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(found.tensors.read(name), tensor)
