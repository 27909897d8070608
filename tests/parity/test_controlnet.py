"""Our ControlNets are diffusers', weight for weight, from its files and from the authors'."""

import json
from dataclasses import replace

import pytest
import torch
from diffusers import ControlNetModel, ControlNetUnionModel
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

from sfumato.adapters.controlnet import HintedNet, read_controlnet
from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.models.controlnet import newborn
from sfumato.models.unet import UNet, UNetConfig

POOLED, TIME_IDS = 10, 6  # SDXL's vector: the pooled text, then six numbers as sinusoids of width 8 each
SD1 = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16, 24, 24),
    layers_per_block=2,
    transformer_depth=(1, 1, 1, 0),
    mid_transformer_depth=1,
    heads=(2, 2, 2, 2),
    context_width=12,
    norm_groups=4,
    linear_projection=False,
    vector_width=0,
)
SD2 = replace(SD1, heads=(1, 2, 3, 3), context_width=20, linear_projection=True)
SDXL = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16, 24),
    layers_per_block=2,
    transformer_depth=(0, 2, 3),
    mid_transformer_depth=3,
    heads=(1, 2, 3),
    context_width=12,
    norm_groups=4,
    linear_projection=True,
    vector_width=POOLED + TIME_IDS * 8,
)
CONFIGS = {"SD1": SD1, "SD2": SD2, "SDXL": SDXL, "SD1 inpainting": replace(SD1, in_channels=9)}


def options(config: UNetConfig) -> dict[str, object]:
    attends = [depth > 0 for depth in config.transformer_depth]
    vector = {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": config.vector_width,
    }
    return {
        "in_channels": 4,
        "down_block_types": tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        "block_out_channels": config.block_out_channels,
        "layers_per_block": config.layers_per_block,
        "transformer_layers_per_block": tuple(max(depth, 1) for depth in config.transformer_depth),
        "attention_head_dim": config.heads,
        "cross_attention_dim": config.context_width,
        "norm_num_groups": config.norm_groups,
        "use_linear_projection": config.linear_projection,
        "conditioning_embedding_out_channels": (4, 8, 12, 16),
        **(vector if config.vector_width else {}),
    }


def asked(config: UNetConfig, theirs) -> tuple[tuple[torch.Tensor, ...], dict, dict]:
    """What both are told, and beside it what ours is and what theirs is."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 4, 9, 14, generator=generator)  # odd: halves are rounded up
    context = torch.randn(2, 7, config.context_width, generator=generator)
    told = (x, torch.tensor([3.0, 981.5]), context)
    if not config.vector_width:
        return told, {}, {}
    pooled = torch.randn(2, POOLED, generator=generator)
    sizes = torch.tensor([[64.0, 96, 0, 8, 64, 96], [32, 32, 4, 0, 32, 32]])
    waves = theirs.add_time_proj(sizes.flatten()).unflatten(0, sizes.shape).flatten(1)
    added = {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": sizes}}
    return told, {"vector": torch.cat([pooled, waves], dim=1)}, added


def check_same(ours, theirs) -> None:
    down, middle = theirs
    assert len(ours) == len(down) + 1
    for mine, their in zip(ours, (*down, middle), strict=True):
        torch.testing.assert_close(mine, their, atol=1e-5 * float(their.abs().max()), rtol=0)


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS.keys())
def config(request: pytest.FixtureRequest) -> UNetConfig:
    return request.param


@pytest.fixture
def hints() -> torch.Tensor:
    return torch.rand(2, 3, 72, 112, generator=torch.Generator().manual_seed(6))


def read(theirs, config: UNetConfig, **changes: object):
    settings = json.loads(theirs.to_json_string()) | changes  # as their folders say it
    return read_controlnet(Tensors.of(theirs.state_dict()), settings, UNet(config))


def hint_of(control, hints: torch.Tensor, kinds: tuple[str, ...] = ("", "")) -> tuple[torch.Tensor, ...]:
    """As rows of two requests are put together."""
    rows = [control.prepare(hint[None], kind) for hint, kind in zip(hints, kinds, strict=True)]
    return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))


@torch.inference_mode()
def test_diffusers_weights_add_the_same_to_every_skip(config: UNetConfig, randomise, hints):
    theirs = randomise(ControlNetModel(**options(config)))
    control = read(theirs, config)
    told, ours, added = asked(config, theirs)
    made = control.residuals(*told, hint_of(control, hints), **ours)
    check_same(made, theirs(*told, hints, return_dict=False, **added))


@torch.inference_mode()
def test_channel_order_and_averages_of_a_configuration_are_heeded(randomise, hints):
    changes = {"controlnet_conditioning_channel_order": "bgr", "global_pool_conditions": True}
    theirs = randomise(ControlNetModel(**options(SD1), **changes))
    control = read(theirs, SD1)
    told, _, _ = asked(SD1, theirs)
    made = control.residuals(*told, hint_of(control, hints))
    check_same(made, theirs(*told, hints, return_dict=False))


@torch.inference_mode()
def test_a_small_one_whose_middle_has_no_blocks_adds_the_same(randomise, hints):
    """As diffusers' small ControlNets for SDXL: no attention, and a bare transformer at the bottom."""
    bare = {
        "down_block_types": ("DownBlock2D",) * 3,
        "transformer_layers_per_block": (0, 0, 0),
    }
    theirs = randomise(ControlNetModel(**{**options(SDXL), **bare}))
    assert "mid_block.attentions.0.proj_in.weight" in theirs.state_dict()
    assert not any("transformer_blocks" in name for name in theirs.state_dict())
    control = read(theirs, SDXL)
    told, ours, added = asked(SDXL, theirs)
    made = control.residuals(*told, hint_of(control, hints), **ours)
    check_same(made, theirs(*told, hints, return_dict=False, **added))


@torch.inference_mode()
@pytest.mark.parametrize("prefix", ["", "control_model."])
def test_original_files_are_what_diffusers_makes_of_them(prefix: str, randomise):
    theirs = randomise(ControlNetModel(**options(SD1)))
    weights = theirs.state_dict()
    original = keys.controlnet(weights).theirs(Tensors.of(weights))
    stored = {prefix + name: original.read(name) for name in original.kinds}
    converted = convert_controlnet_checkpoint(dict(stored), dict(theirs.config))
    control = read_controlnet(Tensors.of(stored), {}, UNet(SD1))
    ours = control.network.state_dict()
    assert ours.keys() == weights.keys() == converted.keys() - {None}
    for name, weight in weights.items():
        assert torch.equal(ours[name], weight)
        assert torch.equal(converted[name], weight)


def test_one_started_from_a_unet_is_what_diffusers_starts(randomise):
    from diffusers import UNet2DConditionModel

    for_unet = {name: value for name, value in options(SD1).items() if not name.startswith("conditioning")}
    up = tuple("CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(SD1.transformer_depth))
    reference = randomise(UNet2DConditionModel(**for_unet, up_block_types=up))
    unet = UNet(SD1)
    unet.load_state_dict(reference.state_dict())
    ours = newborn(unet).state_dict()
    theirs = ControlNetModel.from_unet(reference).state_dict()
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        own = name.startswith("controlnet_cond_embedding") and "conv_out" not in name
        assert ours[name].shape == weight.shape
        assert own or torch.equal(ours[name], weight), name


def union(kinds: int) -> ControlNetUnionModel:
    return ControlNetUnionModel(
        **options(SDXL), num_control_type=kinds, num_trans_channel=8, num_proj_channel=8, num_trans_head=2
    )


@torch.inference_mode()
@pytest.mark.parametrize("number", [0, 3, 7])
def test_a_union_adds_the_same_for_every_kind(number: int, randomise, hints):
    """To the two rows of a picture, with and without its words, as pipelines put them together."""
    theirs = randomise(union(8))
    control = read(theirs, SDXL)
    kind = ("pose", "depth", "softedge", "canny", "normal", "segmentation", "tile", "repaint")[number]
    told, ours, added = asked(SDXL, theirs)
    hints = hints[:1].expand(2, -1, -1, -1)
    made = control.residuals(*told, hint_of(control, hints, (kind, kind)), **ours)
    kinds = torch.zeros(2, 8)
    kinds[:, number] = 1.0
    expected = theirs(*told, [hints], kinds, [number], return_dict=False, **added)
    check_same(made, expected)


@torch.inference_mode()
def test_rows_of_a_union_may_see_pictures_of_different_kinds(randomise, hints):
    theirs = randomise(union(6))
    control = read(theirs, SDXL)
    told, ours, _ = asked(SDXL, theirs)
    together = control.residuals(*told, hint_of(control, hints, ("depth", "canny")), **ours)
    for row, kind in enumerate(("depth", "canny")):
        alone = control.residuals(
            *(each[row : row + 1] for each in told),
            control.prepare(hints[row : row + 1], kind),
            vector=ours["vector"][row : row + 1],
        )
        for one, both in zip(alone, together, strict=True):
            torch.testing.assert_close(one, both[row : row + 1], atol=1e-5, rtol=1e-5)


def test_a_control_is_one_that_a_model_can_wear(randomise):
    control = read(randomise(ControlNetModel(**options(SD1))), SD1)
    assert isinstance(control, HintedNet)
    assert control.kinds == ()
