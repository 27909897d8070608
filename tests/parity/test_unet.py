"""Our U-Net is diffusers' UNet2DConditionModel, weight for weight."""

import pytest
import torch
from diffusers import LatentConsistencyModelPipeline
from diffusers import UNet2DConditionModel as Reference

from sfumato.diffusion.protocol import NO_EXTRAS, Extras
from sfumato.models.unet import UNet, UNetConfig

POOLED, TIME_IDS = 10, 6  # SDXL's vector: the pooled text, then six numbers as sinusoids of width 8 each
CONFIGS = {
    "SD1: convolutions into the transformers, as many heads everywhere": UNetConfig(
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
    ),
    "SD2: linear layers into the transformers, heads of one width": UNetConfig(
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16, 24),
        layers_per_block=2,
        transformer_depth=(1, 1, 0),
        mid_transformer_depth=1,
        heads=(1, 2, 3),
        context_width=20,
        norm_groups=8,
        linear_projection=True,
        vector_width=0,
    ),
    "attention at low levels only, other channels out than in": UNetConfig(
        in_channels=9,
        out_channels=5,
        block_out_channels=(8, 12, 16),
        layers_per_block=1,
        transformer_depth=(0, 1, 2),
        mid_transformer_depth=2,
        heads=(2, 3, 4),
        context_width=6,
        norm_groups=2,
        linear_projection=True,
        vector_width=0,
    ),
    "one level": UNetConfig(
        in_channels=4,
        out_channels=4,
        block_out_channels=(16,),
        layers_per_block=3,
        transformer_depth=(1,),
        mid_transformer_depth=1,
        heads=(4,),
        context_width=8,
        norm_groups=4,
        linear_projection=False,
        vector_width=0,
    ),
    "LCM: told its scale of guidance": UNetConfig(
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        transformer_depth=(1, 1),
        mid_transformer_depth=1,
        heads=(2, 2),
        context_width=12,
        norm_groups=4,
        linear_projection=False,
        vector_width=0,
        guidance_width=10,
    ),
    "SDXL: depth per level and a vector": UNetConfig(
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
    ),
}


def reference(config: UNetConfig) -> Reference:
    """Diffusers calls the number of heads `attention_head_dim`, and says so itself."""
    attends = [depth > 0 for depth in config.transformer_depth]
    vector = (
        {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": config.vector_width,
        }
        if config.vector_width
        else {}
    )
    return Reference(
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        block_out_channels=config.block_out_channels,
        layers_per_block=config.layers_per_block,
        transformer_layers_per_block=tuple(max(depth, 1) for depth in config.transformer_depth),
        attention_head_dim=config.heads,
        cross_attention_dim=config.context_width,
        norm_num_groups=config.norm_groups,
        use_linear_projection=config.linear_projection,
        time_cond_proj_dim=config.guidance_width or None,
        **vector,
    )


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS.keys())
def config(request: pytest.FixtureRequest) -> UNetConfig:
    return request.param


@pytest.fixture
def pair(config: UNetConfig, randomise) -> tuple[UNet, Reference]:
    theirs = randomise(reference(config))
    ours = UNet(config)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def inputs(config: UNetConfig) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, config.in_channels, 8, 16, generator=generator)
    context = torch.randn(2, 7, config.context_width, generator=generator)
    return x, torch.tensor([3.0, 981.5]), context


def conditions(config: UNetConfig, theirs: Reference) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """What else our network is told, and theirs: of vectors it makes the sinusoids itself, of scales not."""
    if config.guidance_width:
        scales = torch.tensor([8.5, 1.7])
        waves = LatentConsistencyModelPipeline.get_guidance_scale_embedding(
            None, scales - 1, config.guidance_width
        )
        return {"guidance": scales}, {"timestep_cond": waves}
    if not config.vector_width:
        return {}, {}
    pooled = torch.randn(2, POOLED, generator=torch.Generator().manual_seed(6))
    sizes = torch.tensor([[64.0, 96, 0, 8, 64, 96], [32, 32, 4, 0, 32, 32]])
    waves = theirs.add_time_proj(sizes.flatten()).unflatten(0, sizes.shape).flatten(1)
    vector = torch.cat([pooled, waves], dim=1)
    return {"vector": vector}, {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": sizes}}


@torch.inference_mode()
def test_diffusers_weights_predict_the_same(config: UNetConfig, pair: tuple[UNet, Reference], epsilons):
    ours, theirs = pair
    assert epsilons(ours) == epsilons(theirs)
    x, time, context = inputs(config)
    told, added = conditions(config, theirs)
    expected = theirs(x, time, context, **added).sample
    torch.testing.assert_close(ours(x, time, context, **told), expected, atol=2e-5, rtol=0)


@torch.inference_mode()
def test_a_latent_of_any_size_is_halved_and_doubled_as_there(
    config: UNetConfig, pair: tuple[UNet, Reference]
):
    ours, theirs = pair
    _, time, context = inputs(config)
    told, added = conditions(config, theirs)
    x = torch.randn(2, config.in_channels, 9, 14, generator=torch.Generator().manual_seed(7))
    expected = theirs(x, time, context, **added).sample
    torch.testing.assert_close(ours(x, time, context, **told), expected, atol=2e-5, rtol=0)


@torch.inference_mode()
def test_masks_and_residuals_mean_the_same(config: UNetConfig, pair: tuple[UNet, Reference]):
    ours, theirs = pair
    x, time, context = inputs(config)
    told, added = conditions(config, theirs)
    mask = torch.arange(7) < torch.tensor([[4], [7]])
    residuals = tuple(0.5 * torch.randn(shape) for shape in skip_shapes(config))
    expected = theirs(
        x,
        time,
        context,
        encoder_attention_mask=mask,
        down_block_additional_residuals=residuals[:-1],
        mid_block_additional_residual=residuals[-1],
        **added,
    ).sample
    extras = Extras(attention_mask=mask, residuals=residuals)
    got = ours(x, time, context, extras, **told)
    torch.testing.assert_close(got, expected, atol=2e-5, rtol=0)
    assert not torch.allclose(got, ours(x, time, context, NO_EXTRAS, **told), atol=1e-2)


def skip_shapes(config: UNetConfig) -> list[tuple[int, ...]]:
    """The shape of every skip in the order of their making, then of the middle, for an 8x16 latent."""
    widths, height, width = config.block_out_channels, 8, 16
    shapes = [(2, widths[0], height, width)]
    for level, channels in enumerate(widths):
        shapes += [(2, channels, height, width)] * config.layers_per_block
        if level < len(widths) - 1:
            height, width = height // 2, width // 2
            shapes.append((2, channels, height, width))
    return [*shapes, (2, widths[-1], height, width)]
