"""Image towers are read from what people have of them, and see pictures of any size."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.adapters.sight import Sight, fit, image_config, read_sight
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.placing import PLACE
from sfumato.checkpoints.safetensors import save
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError
from sfumato.models.clip import ImageConfig, ImageTower

CONFIG = ImageConfig(
    size=16, patch=8, width=48, layers=3, heads=12, hidden=40, activation="quick_gelu", projection=20
)
SETTINGS = {"num_attention_heads": 12, "hidden_act": "quick_gelu"}
PICTURE = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {name: x.detach() for name, x in ImageTower(CONFIG).state_dict().items()}


def folder(path: Path, tensors: dict[str, Tensor], settings: dict[str, object]) -> Path:
    path.mkdir(parents=True)
    save(path / "model.safetensors", tensors)
    (path / "config.json").write_text(json.dumps(settings))
    return path


def test_a_folder_a_whole_clip_and_the_part_of_a_model_are_one_tower(tensors, tmp_path):
    whole = {
        **tensors,
        "vision_model.embeddings.position_ids": torch.arange(5),
        "text_model.final_layer_norm.weight": torch.ones(3),
        "text_projection.weight": torch.ones(3, 3),
        "logit_scale": torch.ones(()),
    }
    alone = folder(tmp_path / "alone", tensors, SETTINGS)
    model = tmp_path / "model"
    folder(model / "image_encoder", tensors, SETTINGS)
    (model / "model_index.json").write_text(json.dumps({"image_encoder": ["transformers", "CLIP"]}))
    clip = folder(tmp_path / "clip", whole, {"vision_config": SETTINGS, "text_config": {}})
    sights = [read_sight(open_checkpoint(path), PLACE) for path in (alone, model, clip)]
    assert [each.tower.config for each in sights] == [CONFIG] * 3
    first, *others = (each.embedding(PICTURE) for each in sights)
    for other in others:
        torch.testing.assert_close(first, other, atol=0, rtol=0)


@pytest.mark.parametrize(
    ("width", "layers", "hidden", "projection", "heads", "activation"),
    [
        (1024, 24, 4096, 768, 16, "quick_gelu"),
        (1280, 32, 5120, 1024, 16, "gelu"),
        (1664, 48, 8192, 1280, 16, "gelu"),
    ],
    ids=["ViT-L", "ViT-H", "ViT-bigG"],
)
def test_a_bare_file_of_a_published_tower_says_all_by_its_shapes(
    width, layers, hidden, projection, heads, activation
):
    config = ImageConfig(
        size=224, patch=14, width=width, layers=layers, heads=heads, hidden=hidden, activation=activation,
        projection=projection,
    )  # fmt: skip
    with torch.device("meta"):
        shapes = {name: tuple(x.shape) for name, x in ImageTower(config).state_dict().items()}
    kinds = {name: Kind("F16", shape) for name, shape in shapes.items()}
    assert image_config(Tensors(kinds=kinds, read=lambda name: torch.empty(0)), {}) == config


def test_what_a_configuration_leaves_out_is_as_transformers_has_it(tensors):
    told = image_config(Tensors.of(tensors), {"model_type": "clip_vision_model"})
    assert (told.heads, told.activation) == (12, "quick_gelu")
    with pytest.raises(CheckpointError, match="layer_norm_eps = 1e-06"):
        image_config(Tensors.of(tensors), {"layer_norm_eps": 1e-6})


def test_a_bare_tower_is_taken_for_openais_and_that_is_told(tensors, tmp_path):
    save(tmp_path / "bare.safetensors", tensors)
    (told,) = read_sight(open_checkpoint(tmp_path / "bare.safetensors"), PLACE).notes
    assert "bare.safetensors has no config.json" in told
    assert "quick_gelu" in told
    with_settings = open_checkpoint(folder(tmp_path / "told", tensors, SETTINGS))
    assert not read_sight(with_settings, PLACE).notes


@pytest.mark.parametrize(("height", "width"), [(1, 3000), (3000, 1), (2, 1001), (1, 1), (3, 16)])
def test_of_a_long_picture_the_middle_is_seen_without_the_memory_of_the_rest(height, width, monkeypatch):
    """As if all of it were resized: what lies far outside the square is cut off first."""
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(4))
    monkeypatch.setattr("sfumato.adapters.sight.FAR", 10**9)
    whole = fit(picture, 16)
    monkeypatch.undo()
    sizes = []
    monkeypatch.setattr(
        "sfumato.adapters.sight.interpolate",
        lambda x, size, **told: sizes.append(size) or interpolate(x, size=size, **told),
    )
    seen = fit(picture, 16)
    assert max(map(max, sizes)) <= 16 * 32
    assert (seen - whole).abs().max() < 0.1


def test_what_is_no_image_tower_is_refused(tensors, tmp_path):
    less = {name: x for name, x in tensors.items() if not name.endswith("post_layernorm.bias")}
    for name, faulty, why in (
        ("text", {"text_model.final_layer_norm.weight": torch.ones(3)}, "no image tower of CLIP"),
        ("more", {**tensors, "head.weight": torch.ones(3)}, "no image tower: head.weight"),
        ("less", less, "missing: vision_model.post_layernorm.bias"),
    ):
        save(tmp_path / f"{name}.safetensors", faulty)
        with pytest.raises(CheckpointError, match=why):
            read_sight(open_checkpoint(tmp_path / f"{name}.safetensors"), PLACE)


def test_the_square_in_the_middle_is_seen_and_what_is_outside_is_not():
    wide = torch.zeros(1, 3, 32, 96)
    wide[..., 32:64] = PICTURE[..., :24, :32].mean()
    seen = fit(wide, 32)
    torch.testing.assert_close(seen, (wide[..., 32:64] * 255).round() / 255)
    assert fit(torch.rand(1, 3, 7, 31), 16).shape == (1, 3, 16, 16)


def test_agreement_is_a_cosine_and_only_within_one_space(tensors, tmp_path):
    sight = Sight(tower=ImageTower(CONFIG).eval())
    with torch.inference_mode():
        own = sight.embedding(PICTURE)
        assert sight.agreement(PICTURE, 3 * own) == pytest.approx(1, abs=1e-6)
        assert sight.agreement(PICTURE, -own) == pytest.approx(-1, abs=1e-6)
        assert -1 < sight.agreement(1 - PICTURE, own) < 0.9999
        with pytest.raises(ValueError, match="trained with this image tower"):
            sight.agreement(PICTURE, own[:, :5])
