"""What a ControlNet's file is taken for, and what of it is refused."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sfumato.adapters.controlnet import UNION_KINDS, UnionNet, read_controlnet
from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError
from sfumato.models.controlnet import ControlNet, ControlNetConfig
from sfumato.models.controlnet_union import ControlNetUnion, UnionConfig
from sfumato.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16),
    layers_per_block=1,
    transformer_depth=(1, 0),
    mid_transformer_depth=1,
    heads=(2, 2),
    context_width=768,
    norm_groups=4,
    linear_projection=False,
    vector_width=0,
)
XL = replace(CONFIG, context_width=2048, linear_projection=True, vector_width=24)
HINTS = (4, 8)


def weights(config: UNetConfig = CONFIG, widths: tuple[int, ...] = HINTS, channels: int = 3):
    config = replace(config, in_channels=4)
    net = ControlNet(ControlNetConfig(unet=config, hint_channels=channels, hint_widths=widths))
    return drawn(net).state_dict()


def drawn(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.2)
    return network


def original(ours: dict[str, torch.Tensor], prefix: str = "control_model.") -> dict[str, torch.Tensor]:
    theirs = keys.controlnet(ours).theirs(Tensors.of(ours))
    return {prefix + name: theirs.read(name) for name in theirs.kinds}


def read(tensors: dict[str, torch.Tensor], unet: UNetConfig = CONFIG, **settings: object):
    return read_controlnet(Tensors.of(tensors), settings, UNet(unet))


@pytest.mark.parametrize("prefix", ["", "control_model.", "model.control_model."])
@pytest.mark.parametrize("widths", [(4,), (4, 8), (4, 8, 12, 16)])
def test_original_names_are_the_same_weights(prefix: str, widths: tuple[int, ...]):
    ours = weights(widths=widths)
    found = read(original(ours, prefix)).network.state_dict()
    assert found.keys() == ours.keys()
    assert all(torch.equal(found[name], ours[name]) for name in ours)


def test_of_a_whole_model_its_controlnet_is_taken_and_the_rest_told():
    beside = {
        "model.diffusion_model.out.0.weight": torch.ones(2),
        "first_stage_model.encoder.conv_in.weight": torch.ones(2),
        "cond_stage_model.transformer.text_model.final_layer_norm.bias": torch.ones(2),
        "betas": torch.ones(3),
    }
    control = read({**original(weights()), **beside})
    assert control.notes == ("4 tensors of the model that it was trained beside are not used",)


def test_tensors_that_belong_to_nothing_are_named():
    with pytest.raises(CheckpointError, match=r"control_model\.who|who\.weight"):
        read({**original(weights()), "control_model.who.weight": torch.ones(2)})
    with pytest.raises(CheckpointError, match=r"1 tensors are none .* who\.weight"):
        read({**original(weights()), "who.weight": torch.ones(2)})
    with pytest.raises(CheckpointError, match=r"unexpected.* who\.weight"):
        read({**weights(), "who.weight": torch.ones(2)})


def test_a_tensor_that_is_missing_is_named():
    ours = weights()
    del ours["controlnet_mid_block.bias"]
    with pytest.raises(CheckpointError, match=r"missing.* controlnet_mid_block\.bias"):
        read(ours)


def test_one_of_differences_is_refused():
    with pytest.raises(CheckpointError, match="differences"):
        read({**original(weights(), ""), "difference": torch.ones(())})


def test_one_of_another_family_is_refused_with_the_names_of_both():
    with pytest.raises(CheckpointError, match=r"ControlNet of sdxl .* model of sd1 "):
        read(weights(XL))
    with pytest.raises(CheckpointError, match=r"ControlNet of sd1 .* model of sd2 "):
        read(weights(), replace(CONFIG, context_width=1024, linear_projection=True))


def test_one_of_another_width_is_refused_with_both_widths():
    with pytest.raises(CheckpointError, match=r"levels 8, 16,.* levels 8, 24,"):
        read(weights(), replace(CONFIG, block_out_channels=(8, 24)))


@pytest.mark.parametrize("theirs", [CONFIG, replace(CONFIG, in_channels=9)])
def test_the_channels_that_a_unet_sees_beside_the_latent_do_not_matter(theirs: UNetConfig):
    assert read(weights(), theirs).network.conv_in.in_channels == 4


def test_its_numbers_are_of_the_kind_of_its_unets():
    unet = UNet(CONFIG).to(torch.bfloat16)
    control = read_controlnet(Tensors.of(weights()), {}, unet)
    assert control.network.conv_in.weight.dtype == torch.bfloat16
    (hint,) = control.prepare(torch.rand(1, 3, 16, 12), "")
    assert hint.dtype == torch.bfloat16
    assert hint.shape == (1, 8, 8, 6)


def test_settings_that_are_computed_otherwise_are_refused():
    with pytest.raises(CheckpointError, match="norm_num_groups = 8"):
        read(weights(), norm_num_groups=8)
    with pytest.raises(CheckpointError, match=r"4 heads; the model has \[2, 2\]"):
        read(weights(), attention_head_dim=4)
    with pytest.raises(CheckpointError, match="channel_order = 'hsv'"):
        read(weights(), controlnet_conditioning_channel_order="hsv")


def test_one_that_reads_other_pictures_than_coloured_ones_is_refused():
    with pytest.raises(CheckpointError, match="reads 4 channels of its hint"):
        read(weights(channels=4))


@torch.inference_mode()
def test_a_shuffle_is_known_by_its_files_name_alone_and_told():
    tensors = Tensors.of(original(weights()))
    control = read_controlnet(tensors, {}, UNet(CONFIG), name="control_v11e_sd15_shuffle")
    assert control.notes == ("it speaks of the whole picture: its residuals are averaged",)
    hint = control.prepare(torch.rand(1, 3, 16, 12), "")
    made = control.residuals(torch.randn(1, 4, 8, 6), torch.ones(1), torch.randn(1, 5, 768), hint)
    assert {tuple(each.shape[2:]) for each in made} == {(1, 1)}
    told = read_controlnet(Tensors.of(weights()), {"global_pool_conditions": False}, UNet(CONFIG))
    assert not told.pooled


def union(kinds: int = 6) -> dict[str, torch.Tensor]:
    net = ControlNetConfig(unet=XL, hint_channels=3, hint_widths=HINTS)
    return drawn(ControlNetUnion(UnionConfig(net=net, kinds=kinds, kind_waves=4, layers=1))).state_dict()


@pytest.mark.parametrize("kinds", [6, 8])
def test_a_union_knows_its_kinds_by_its_weights(kinds: int):
    control = read(union(kinds), XL)
    assert isinstance(control, UnionNet)
    assert control.kinds == tuple(name for names in UNION_KINDS[:kinds] for name in names)
    assert ("tile" in control.kinds) == (kinds == 8)


@torch.inference_mode()
def test_a_union_must_be_told_what_the_picture_is():
    control = read(union(), XL)
    picture = torch.rand(1, 3, 16, 12)
    with pytest.raises(InputError, match=r"not taught 'tile'.* canny"):
        control.prepare(picture, "tile")
    assert not torch.equal(control.prepare(picture, "canny")[0], control.prepare(picture, "depth")[0])


def test_a_union_of_more_kinds_is_refused():
    with pytest.raises(CheckpointError, match="Union of 9 kinds"):
        read(union(9), XL)
