"""What a T2I-Adapter's file is taken for, and what of it is refused."""

from dataclasses import replace

import pytest
import torch

from sfumato.adapters.t2i import GRAY, read_t2i
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError
from sfumato.models.t2i_adapter import FullAdapter, T2IConfig
from sfumato.models.unet import UNet, UNetConfig

SD1 = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16, 24, 24),
    layers_per_block=1,
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
    heads=(1, 2, 3),
    linear_projection=True,
    vector_width=24,
)
FULL = T2IConfig(
    hint_channels=3,
    unshuffle=8,
    widths=(8, 16, 24, 24),
    halved=(False, True, True, True),
    layers=2,
)
XL = replace(FULL, unshuffle=16, halved=(False, False, True, False))


def weights(config: T2IConfig = FULL) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return FullAdapter(config).state_dict()


def read(tensors: dict[str, torch.Tensor], unet: UNetConfig = SD1, **settings: object):
    return read_t2i(Tensors.of(tensors), settings, UNet(unet))


@pytest.mark.parametrize(("config", "unet"), [(FULL, SD1), (XL, SDXL)])
def test_its_kind_is_told_by_the_channels_it_reads(config: T2IConfig, unet: UNetConfig):
    assert read(weights(config), unet).network.config == config


def test_its_features_lie_at_the_ends_of_levels():
    """Behind the last block of a level that attends; of one that does not, behind its halving."""
    assert read(weights()).places == (1, 3, 5, 7)
    control = read(weights(XL), SDXL)
    assert control.places == (2, 3, 5, 6)
    assert control.count == 7


def test_one_of_another_family_is_refused():
    with pytest.raises(CheckpointError, match=r"T2I-Adapter of sdxl, .* does not fit"):
        read(weights(XL))
    with pytest.raises(CheckpointError, match=r"T2I-Adapter of sd1, .* which is sdxl"):
        read(weights(), SDXL)
    with pytest.raises(CheckpointError, match=r"8, 16, 24, 32 wide .* levels 8, 16, 24, 24"):
        read(weights(replace(FULL, widths=(8, 16, 24, 32))))


def test_a_picture_that_does_not_divide_is_refused_with_its_size():
    control = read(weights(XL), SDXL)
    with pytest.raises(InputError, match="16 pixels, and 40x32"):
        control.prepare(torch.rand(1, 3, 32, 40), "")


@torch.inference_mode()
def test_one_that_reads_gray_pictures_sees_how_bright_colours_are():
    control = read(weights(replace(FULL, hint_channels=1)))
    red = torch.zeros(1, 3, 64, 64)
    red[:, 0] = 1.0
    gray = torch.full((1, 3, 64, 64), GRAY[0])
    for one, other in zip(control.prepare(red, ""), control.prepare(gray, ""), strict=True):
        torch.testing.assert_close(one, other)


@torch.inference_mode()
def test_where_it_adds_nothing_there_are_zeros_that_fit_any_shape():
    control = read(weights())
    x = torch.randn(1, 4, 8, 8)
    made = control.residuals(
        x, torch.ones(1), torch.randn(1, 5, 12), control.prepare(torch.rand(1, 3, 64, 64), "")
    )
    shapes = [tuple(each.shape) for each in made]
    assert [place for place, shape in enumerate(shapes) if shape != (1, 1, 1, 1)] == [1, 3, 5, 7]


def test_tensors_that_belong_to_nothing_are_named():
    with pytest.raises(CheckpointError, match=r"who\.weight"):
        read({**weights(), "who.weight": torch.ones(2)})
    with pytest.raises(CheckpointError, match=r"who\.weight"):
        read({**{f"adapter.{name}": each for name, each in weights().items()}, "who.weight": torch.ones(2)})
    lacking = weights()
    del lacking["body.1.resnets.0.block1.bias"]
    with pytest.raises(CheckpointError, match=r"missing.* body\.1\.resnets\.0\.block1\.bias"):
        read(lacking)


def test_kinds_that_are_not_known_are_refused():
    with pytest.raises(CheckpointError, match="for style"):
        read({"style_embedding": torch.ones(1, 8, 4)})
    with pytest.raises(CheckpointError, match="reads 80 channels"):
        read({**weights(), "conv_in.weight": torch.ones(8, 80, 3, 3)})
    with pytest.raises(CheckpointError, match="kind 'odd_adapter' with 4 levels"):
        read(weights(), adapter_type="odd_adapter")
