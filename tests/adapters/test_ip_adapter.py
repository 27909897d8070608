"""IP-Adapters are read whole or not at all, and each layer of the right U-Net heeds the right reference."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sfumato.adapters.controls import ImageReader
from sfumato.adapters.ip_adapter import BOTH, COMPOSITION, STYLE, blocks_of, read_ip_adapter
from sfumato.adapters.sight import Sight
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.safetensors import save
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError
from sfumato.models.clip import ImageConfig, ImageTower
from sfumato.models.image_prompt import (
    AdapterConfig,
    IPAdapter,
    PatchProjectionConfig,
    ProjectionConfig,
    ResamplerConfig,
    numbers,
)
from sfumato.models.unet import UNet, UNetConfig

WORDS, FEATURES, EMBEDDING = 24, 32, 20
SMALL = UNetConfig(
    in_channels=4, out_channels=4, block_out_channels=(16, 16, 16), layers_per_block=1,
    transformer_depth=(0, 1, 1), mid_transformer_depth=1, heads=(2, 2, 2), context_width=WORDS, norm_groups=4,
    linear_projection=True, vector_width=0,
)  # fmt: skip
SD1 = replace(
    SMALL, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, transformer_depth=(1, 1, 1, 0),
    heads=(8, 8, 8, 8), context_width=768, norm_groups=32,
)  # fmt: skip
SDXL = replace(
    SD1, block_out_channels=(320, 640, 1280), transformer_depth=(0, 2, 10), mid_transformer_depth=10,
    heads=(5, 10, 20), context_width=2048, vector_width=2816,
)  # fmt: skip
CONFIGS: dict[str, AdapterConfig] = {
    "plain": ProjectionConfig(embedding=EMBEDDING, tokens=3, width=WORDS),
    "face": PatchProjectionConfig(features=FEATURES, width=WORDS),
    "plus": ResamplerConfig(
        features=FEATURES, tokens=5, width=WORDS, inner=12, layers=2, heads=1, head=64, hidden=16
    ),
}


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(SMALL).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def sight() -> Sight:
    torch.manual_seed(1)
    config = ImageConfig(
        size=16,
        patch=8,
        width=FEATURES,
        layers=3,
        heads=4,
        hidden=40,
        activation="gelu",
        projection=EMBEDDING,
    )
    return Sight(tower=ImageTower(config).eval().requires_grad_(requires_grad=False))


def written(unet: UNet, kind: str) -> dict[str, Tensor]:
    torch.manual_seed(2)
    return {
        name: tensor.detach().clone() for name, tensor in IPAdapter(unet, CONFIGS[kind]).state_dict().items()
    }


def hollow(config: UNetConfig) -> UNet:
    with torch.device("meta"):
        return UNet(config)


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_shape_is_read_from_the_tensors_and_every_number_arrives(unet, sight, kind):
    tensors = written(unet, kind)
    reader = read_ip_adapter(Tensors.of(tensors), unet, sight)
    assert isinstance(reader, ImageReader)
    assert reader.network.config == CONFIGS[kind]
    got = reader.network.state_dict()
    assert got.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(got[name], tensor, atol=0, rtol=0)


def test_a_pickle_that_nests_the_halves_is_the_same_adapter(unet, sight, tmp_path):
    tensors = written(unet, "plus")
    save(tmp_path / "a.safetensors", tensors)
    halves = {
        half: {name.removeprefix(f"{half}."): x for name, x in tensors.items() if name.startswith(half)}
        for half in ("image_proj", "ip_adapter")
    }
    torch.save(halves, tmp_path / "a.bin")
    picture = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(3))
    seen = [
        read_ip_adapter(open_checkpoint(tmp_path / name).tensors, unet, sight).look(picture, BOTH)[0]
        for name in ("a.safetensors", "a.bin")
    ]
    torch.testing.assert_close(*seen, atol=0, rtol=0)


@pytest.mark.parametrize(("kind", "tokens"), [("plain", 3), ("face", 5), ("plus", 5)])
def test_no_picture_is_the_same_for_all_pictures_and_is_not_the_picture(unet, sight, kind, tokens):
    reader = read_ip_adapter(Tensors.of(written(unet, kind)), unet, sight)
    pictures = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(3))
    (first, nothing), (second, still_nothing) = (reader.look(each[None], BOTH) for each in pictures)
    assert first.shape == (1, tokens, WORDS)
    torch.testing.assert_close(nothing, still_nothing, atol=0, rtol=0)
    assert (first - second).abs().max() > 1e-3
    assert (first - nothing).abs().max() > 1e-3


def test_published_numbers_count_the_way_down_the_way_up_and_the_middle_last():
    """SD 1.x: tensors 1 to 31, of which 31 is as wide as the bottom. SDXL: 1 to 139."""
    layers = hollow(SD1).layers
    by_name = dict(zip(layers, numbers(layers), strict=True))
    assert by_name["down_blocks.0.attentions.0.transformer_blocks.0"] == "1"
    assert by_name["down_blocks.2.attentions.1.transformer_blocks.0"] == "11"
    assert by_name["up_blocks.1.attentions.0.transformer_blocks.0"] == "13"
    assert by_name["up_blocks.3.attentions.2.transformer_blocks.0"] == "29"
    assert by_name["mid_block.attentions.0.transformer_blocks.0"] == "31"
    many = numbers(hollow(SDXL).layers)
    assert sorted(map(int, many)) == list(range(1, 140, 2))


@pytest.mark.parametrize(
    ("config", "role", "count", "where"),
    [
        (SDXL, STYLE, 10, "up_blocks.0.attentions.1."),
        (SDXL, COMPOSITION, 10, "down_blocks.2.attentions.1."),
        (SD1, STYLE, 3, "up_blocks.1."),
        (SD1, COMPOSITION, 3, ("down_blocks.2.", "mid_block.")),
        (SMALL, STYLE, 4, "up_blocks."),
        (SMALL, COMPOSITION, 3, ("down_blocks.", "mid_block.")),
    ],
)
def test_roles_are_heeded_by_their_blocks(config, role, count, where):
    layers, blocks = hollow(config).layers, blocks_of(config)
    heeding = [name for name in layers if name.startswith(blocks[role])]
    assert len(heeding) == count
    assert all(name.startswith(where) for name in heeding)


def test_a_role_weighs_its_own_layers_and_both_weighs_all(unet, sight):
    reader = read_ip_adapter(Tensors.of(written(unet, "plain")), unet, sight)
    style, composition, both = (reader.weights(role, 0.5) for role in (STYLE, COMPOSITION, BOTH))
    assert both == (0.5,) * len(unet.layers)
    assert tuple(map(sum, zip(style, composition, strict=True))) == both  # in a U-Net of this build
    assert sum(style) == 2.0
    for ask in (
        lambda: reader.weights("colour", 0.5),
        lambda: reader.look(torch.rand(1, 3, 16, 16), "colour"),
    ):
        with pytest.raises(InputError, match=r"'colour'.*both, style, composition"):
            ask()


def test_an_adapter_of_another_family_is_refused_by_name(sight):
    made = IPAdapter(hollow(SD1), ProjectionConfig(embedding=EMBEDDING, tokens=4, width=768))
    kinds = Tensors.of({name: torch.empty(x.shape, device="meta") for name, x in made.state_dict().items()})
    with pytest.raises(
        CheckpointError, match=r"for Stable Diffusion 1\.x \(16 layers.*is of SDXL \(70 layers"
    ):
        read_ip_adapter(kinds, hollow(SDXL), sight)


@pytest.mark.parametrize(
    ("kind", "what"), [("plain", "embeddings of width 20"), ("plus", "patches of width 32")]
)
def test_another_image_tower_is_refused(unet, kind, what):
    config = ImageConfig(
        size=16, patch=8, width=40, layers=1, heads=4, hidden=8, activation="gelu", projection=24
    )
    with pytest.raises(CheckpointError, match=f"reads {what}"):
        read_ip_adapter(Tensors.of(written(unet, kind)), unet, Sight(tower=ImageTower(config)))


def test_faceid_is_refused_in_words(unet, sight):
    plain = written(unet, "plain")
    faceid = {name: x for name, x in plain.items() if not name.startswith("image_proj.proj")}
    faceid |= {"image_proj.proj.0.weight": torch.zeros(8, 4), "image_proj.proj.2.weight": torch.zeros(8, 8)}
    layer = {"ip_adapter.1.to_q_lora.down.weight": torch.zeros(4, 16)}
    for tensors in (faceid, plain | layer):
        with pytest.raises(CheckpointError, match="FaceID"):
            read_ip_adapter(Tensors.of(tensors), unet, sight)


def test_what_does_not_fit_is_named(unet, sight):
    tensors = written(unet, "plus")
    less = {name: x for name, x in tensors.items() if name != "ip_adapter.3.to_v_ip.weight"}
    more = {**tensors, "image_proj.bias": torch.zeros(2)}
    flat = {**tensors, "image_proj.latents": torch.zeros(5, 12)}
    for faulty, name in (
        (less, "missing: ip_adapter.3.to_v_ip"),
        (more, "unexpected: image_proj.bias"),
        (flat, r"image_proj.latents has the shape \[5, 12\]"),
        ({"unet.conv_in.weight": torch.zeros(1)}, "no IP-Adapter"),
    ):
        with pytest.raises(CheckpointError, match=name):
            read_ip_adapter(Tensors.of(faulty), unet, sight)


def test_training_begins_where_the_words_are(unet):
    adapter = IPAdapter(unet, CONFIGS["plain"])
    adapter.ip_adapter.begin_as_words(unet)
    generator = torch.Generator().manual_seed(4)
    for number, name in enumerate(unet.layers):
        attention = unet.get_submodule(name).attn2
        x, words = (torch.randn(1, 9, width, generator=generator) for width in (16, WORDS))
        seen: list[Tensor] = []

        def look(looking, what, seen=seen, words=words, number=number):
            seen += [looking(what), adapter.ip_adapter.mixed(number, what.query, words)]
            return seen[0]

        attention(x, words, look=look)
        torch.testing.assert_close(seen[1], seen[0], atol=0, rtol=0)


def test_the_table_of_layers_is_what_the_code_says():
    """On failure: put the right cells, which are printed here, into docs/control/references.md."""
    document = Path(__file__).parents[2] / "docs" / "control" / "references.md"
    for role in (STYLE, COMPOSITION):
        cells = [
            ", ".join(f"`{name.removesuffix('.')}`" for name in blocks_of(config)[role])
            for config in (SDXL, SD1, SMALL)
        ]
        row = f"| `{role}` | {' | '.join(cells)} |"
        assert row in document.read_text(encoding="utf-8"), row
