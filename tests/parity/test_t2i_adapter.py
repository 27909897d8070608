"""Our T2I-Adapters are diffusers', weight for weight, and steer a U-Net as they do there."""

import json
from dataclasses import replace

import pytest
import torch
from diffusers import T2IAdapter, UNet2DConditionModel

from sfumato.adapters.t2i import read_t2i
from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.diffusion.protocol import Extras
from sfumato.models.unet import UNet, UNetConfig

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
SDXL = replace(
    SD1,
    block_out_channels=(8, 16, 24),
    transformer_depth=(0, 1, 2),
    mid_transformer_depth=2,
    heads=(1, 2, 3),
    linear_projection=True,
)
KINDS = {
    "full": (SD1, {"channels": [8, 16, 24, 24]}),
    "full, of gray pictures": (SD1, {"channels": [8, 16, 24, 24], "in_channels": 1}),
    "light": (SD1, {"channels": [8, 16, 24], "adapter_type": "light_adapter", "num_res_blocks": 4}),
    "XL": (
        SDXL,
        {"channels": [8, 16, 24, 24], "adapter_type": "full_adapter_xl", "downscale_factor": 16},
    ),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request: pytest.FixtureRequest) -> tuple[UNetConfig, dict[str, object]]:
    return request.param


def reference(config: UNetConfig) -> UNet2DConditionModel:
    attends = [depth > 0 for depth in config.transformer_depth]
    return UNet2DConditionModel(
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        block_out_channels=config.block_out_channels,
        layers_per_block=config.layers_per_block,
        transformer_layers_per_block=tuple(max(depth, 1) for depth in config.transformer_depth),
        attention_head_dim=config.heads,
        cross_attention_dim=config.context_width,
        norm_num_groups=config.norm_groups,
        use_linear_projection=config.linear_projection,
    )


@torch.inference_mode()
def test_a_unet_is_steered_as_by_diffusers(kind, randomise):
    config, options = kind
    theirs, their_unet = randomise(T2IAdapter(**options)), randomise(reference(config))
    unet = UNet(config).eval()
    unet.load_state_dict(their_unet.state_dict())
    settings = json.loads(theirs.to_json_string())
    control = read_t2i(Tensors.of(theirs.state_dict()), settings, unet)
    generator = torch.Generator().manual_seed(3)
    gray = torch.rand(1, 1, 144, 112, generator=generator).expand(-1, 3, -1, -1)  # sides of odd halves
    features = theirs(gray[:, : settings["in_channels"]])
    prepared = control.prepare(gray, "")
    for mine, their in zip(prepared, features, strict=True):
        torch.testing.assert_close(mine, their, atol=1e-5, rtol=1e-5)
    told = (
        torch.randn(1, 4, 18, 14, generator=generator),
        torch.tensor([321.0]),
        torch.randn(1, 7, 12, generator=generator),
    )
    expected = their_unet(*told, down_intrablock_additional_residuals=[x.clone() for x in features]).sample
    inner = control.residuals(*told, prepared)
    torch.testing.assert_close(unet(*told, Extras(inner=inner)), expected, atol=2e-5, rtol=0)
    assert not torch.allclose(unet(*told), expected, atol=1e-2)


def test_original_files_are_the_same_weights(kind, randomise):
    config, options = kind
    weights = randomise(T2IAdapter(**options)).state_dict()
    ours = {name.removeprefix("adapter."): weight for name, weight in weights.items()}
    original = keys.t2i(ours).theirs(Tensors.of(ours))
    stored = {name: original.read(name) for name in original.kinds}
    assert not stored.keys() & {name for name in ours if "resnets" in name}
    found = read_t2i(Tensors.of(stored), {}, UNet(config)).network.state_dict()
    assert found.keys() == ours.keys()
    assert all(torch.equal(found[name], ours[name]) for name in ours)
