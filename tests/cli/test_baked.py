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


LEAF = "down_blocks_0_attentions_0_transformer_blocks_0_ff_net_2"


def test_a_sum_too_large_for_its_numbers_is_an_error_and_no_file(sfumato, pipelines, ink, tmp_path):
    source = pipelines.file("sd1")
    assert sfumato("convert", source, tmp_path / "half.safetensors", "--half")[0] == 0
    code, _, err = sfumato("convert", "half.safetensors", "out.safetensors", "--lora", f"{ink}:1e6")
    assert code == 2
    assert "with the adapter text_model.encoder.layers.0.mlp.fc1.weight reaches 2" in err
    assert "too much for torch.float16: add it at a lower strength" in err
    assert not (tmp_path / "out.safetensors").exists()
    code, _, err = sfumato("convert", source, "out.safetensors", "--lora", f"{ink}:1e6")
    assert code == 0, err


def test_a_bias_of_another_shape_is_refused_as_it_is_when_it_is_worn(pipelines, tmp_path):
    save(tmp_path / "bias.safetensors", {f"lora_unet_{LEAF}.diff_b": torch.ones(1)})
    parts = recognise(open_checkpoint(pipelines.file("sd1"))).parts
    with pytest.raises(CheckpointError, match=r"a change of \[1\] does not fit .*ff\.net\.2\.bias, which is"):
        baked(parts, open_checkpoint(tmp_path / "bias.safetensors"), Strength(picture=1.0, words=1.0))


def test_digests_and_markers_of_a_baked_file_are_told_as_they_are(sfumato, pipelines, ink, tmp_path):
    from safetensors.torch import load_file

    stale = {"modelspec.hash_sha256": "0x12", "sshs_model_hash": "a", "sshs_legacy_hash": "b"}
    made = load_file(pipelines.file("sd1")) | {"v_pred": torch.zeros(0)}
    save(tmp_path / "v.safetensors", made, {"author": "Ada", "format": "np", **stale})
    code, out, err = sfumato("convert", "v.safetensors", "baked.safetensors", "--lora", ink)
    assert code == 0, err
    written = open_checkpoint("baked.safetensors")
    assert (written.metadata["author"], written.metadata["format"]) == ("Ada", "pt")
    assert not stale.keys() & written.metadata.keys()
    assert "v_pred" in written.tensors.kinds
    assert "left out: noise tables, which are computed: " in out
    assert "markers of the prediction" not in out


def test_what_wears_nothing_cannot_be_baked(sfumato, ink, tmp_path):
    code, _, err = sfumato("convert", ink, tmp_path / "out.safetensors", "--lora", ink)
    assert code == 2
    assert "has no U-Net that wears an adapter" in err
