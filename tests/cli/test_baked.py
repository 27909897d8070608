"""An adapter that is added for good draws what one that is worn draws, from files of either layout."""

import numpy as np
import pytest
import torch
from PIL import Image
from pipelines.adapters import write_lora

from sfumato.adapters.baked import Strength, baked
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.recognise import recognise
from sfumato.checkpoints.safetensors import save
from sfumato.errors import CheckpointError


@pytest.fixture
def ink(pipelines, tmp_path):
    return write_lora(pipelines.reference("sd1"), tmp_path / "ink.safetensors")


def pixels(path):
    return np.asarray(Image.open(path), dtype=int)


@pytest.mark.parametrize("layout", ["file", "folder"])
def test_a_baked_model_draws_what_a_worn_adapter_draws(sfumato, pipelines, ink, tmp_path, layout):
    source = getattr(pipelines, layout)("sd1")
    target = tmp_path / ("baked.safetensors" if layout == "file" else "baked")
    code, out, err = sfumato("convert", source, target, "--lora", f"{ink}:0.8:0.5")
    assert code == 0, err
    assert "ink.safetensors: LoRA in the names of kohya" in out
    draw = ("draw", "a harbour", "--size", "64x64", "--steps", 4, "--seed", 7, "--sampler", "euler")
    assert sfumato(*draw, "--model", source, "-o", "bare.png")[0] == 0
    assert sfumato(*draw, "--model", source, "--lora", f"{ink}:0.8:0.5", "-o", "worn.png")[0] == 0
    assert sfumato(*draw, "--model", target, "-o", "baked.png")[0] == 0
    worn, made, bare = (pixels(tmp_path / f"{name}.png") for name in ("worn", "baked", "bare"))
    assert np.abs(worn - made).max() <= 1
    assert np.abs(worn - bare).mean() > 1


def test_what_is_added_at_strength_zero_is_nothing(pipelines, ink):
    parts = recognise(open_checkpoint(pipelines.file("sd1"))).parts
    same, _ = baked(parts, open_checkpoint(ink), Strength(picture=0.0, words=0.0))
    assert all(same[part] is parts[part] for part in parts)


def test_learned_words_have_no_place_in_weights(pipelines, ink, tmp_path):
    from safetensors.torch import load_file

    tensors = load_file(ink)
    words = {"bundle_emb.fog.emb_params": torch.ones(2, 32)}
    save(tmp_path / "bundle.safetensors", {**tensors, **words})
    parts = recognise(open_checkpoint(pipelines.file("sd1"))).parts
    with pytest.raises(CheckpointError, match="brings learned words"):
        baked(parts, open_checkpoint(tmp_path / "bundle.safetensors"), Strength(picture=1.0, words=1.0))


def test_what_wears_nothing_cannot_be_baked(sfumato, ink, tmp_path):
    code, _, err = sfumato("convert", ink, tmp_path / "out.safetensors", "--lora", ink)
    assert code == 2
    assert "has no U-Net that wears an adapter" in err
