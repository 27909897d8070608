"""At their real sizes our networks have exactly the tensors of the published files, in name and shape.

Nothing is allocated: the networks are built on torch's meta device.
"""

import json
import re
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn

from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.models.controlnet import HINT_WIDTHS, ControlNet, ControlNetConfig
from sfumato.models.controlnet_union import ControlNetUnion, UnionConfig
from sfumato.models.t2i_adapter import FullAdapter, T2IConfig
from sfumato.models.unet import UNet, UNetConfig
from sfumato.models.vae import AutoencoderConfig, AutoencoderKL

NAMES = Path(__file__).parents[1] / "names"

SD15 = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(320, 640, 1280, 1280),
    layers_per_block=2,
    transformer_depth=(1, 1, 1, 0),
    mid_transformer_depth=1,
    heads=(8, 8, 8, 8),
    context_width=768,
    norm_groups=32,
    linear_projection=False,
    vector_width=0,
)
SDXL = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(320, 640, 1280),
    layers_per_block=2,
    transformer_depth=(0, 2, 10),
    mid_transformer_depth=10,
    heads=(5, 10, 20),
    context_width=2048,
    norm_groups=32,
    linear_projection=True,
    vector_width=2816,
)
SD_AUTOENCODER = AutoencoderConfig(
    in_channels=3,
    latent_channels=4,
    block_out_channels=(128, 256, 512, 512),
    layers_per_block=2,
    norm_groups=32,
    patch_size=1,
    mid_attention=True,
    quant_conv=True,
)


def expanded(name: str) -> list[str]:
    """`a.{0..2}.b` as the three names that it stands for."""
    pieces = re.split(r"\{(\d+\.\.\d+)\}", name)
    choices = [[piece] for piece in pieces]
    for place in range(1, len(pieces), 2):
        first, last = map(int, pieces[place].split(".."))
        choices[place] = [str(number) for number in range(first, last + 1)]
    return ["".join(choice) for choice in product(*choices)]


def published(file: str) -> dict[str, list[int]]:
    listed = json.loads((NAMES / file).read_text())
    tensors = {full: shape for name, shape in listed["tensors"].items() for full in expanded(name)}
    assert len(tensors) == listed["count"]
    return tensors


def tensors(network: nn.Module) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    ("config", "file", "count"), [(SD15, "sd15_unet.json", 686), (SDXL, "sdxl_unet.json", 1680)]
)
def test_the_unet_has_the_published_tensors(config: UNetConfig, file: str, count: int):
    with torch.device("meta"):
        network = UNet(config)
    assert tensors(network) == published(file)
    assert len(tensors(network)) == count


def test_the_autoencoder_has_the_published_tensors():
    with torch.device("meta"):
        network = AutoencoderKL(SD_AUTOENCODER)
    assert tensors(network) == published("sd_vae.json")
    assert len(tensors(network)) == 248


def hinted(config: UNetConfig) -> ControlNetConfig:
    return ControlNetConfig(unet=config, hint_channels=3, hint_widths=HINT_WIDTHS)


def test_a_controlnet_has_the_published_tensors_under_the_authors_names():
    with torch.device("meta"):
        ours = ControlNet(hinted(SD15)).state_dict()
    theirs = keys.controlnet(ours).theirs(Tensors.of(ours))
    found = {f"control_model.{name}": list(kind.shape) for name, kind in theirs.kinds.items()}
    assert found == published("sd15_controlnet.json")


def test_the_union_for_sdxl_has_the_shapes_that_are_known_of_it():
    """xinsir's ProMax, of which public loaders check these."""
    with torch.device("meta"):
        ours = tensors(ControlNetUnion(UnionConfig(net=hinted(SDXL), kinds=8, kind_waves=256, layers=1)))
    known = {
        "task_embedding": [8, 320],
        "control_add_embedding.linear_1.weight": [1280, 2048],
        "controlnet_cond_embedding.conv_in.weight": [16, 3, 3, 3],
        "controlnet_down_blocks.8.weight": [1280, 1280, 1, 1],
        "controlnet_mid_block.weight": [1280, 1280, 1, 1],
        "transformer_layes.0.attn.in_proj_weight": [960, 320],
    }
    assert {name: ours[name] for name in known} == known


def test_a_t2i_adapter_has_the_shapes_that_are_known_of_it_under_the_authors_names():
    """Those that diffusers' own converter of the original files checks."""
    config = T2IConfig(
        hint_channels=3,
        unshuffle=8,
        widths=(320, 640, 1280, 1280),
        halved=(False, True, True, True),
        layers=2,
    )
    with torch.device("meta"):
        ours = FullAdapter(config).state_dict()
    theirs = keys.t2i(ours).theirs(Tensors.of(ours)).kinds
    known = {
        "body.0.block1.weight": (320, 320, 3, 3),
        "body.2.in_conv.weight": (640, 320, 1, 1),
        "body.4.in_conv.weight": (1280, 640, 1, 1),
        "body.6.block1.weight": (1280, 1280, 3, 3),
    }
    assert {name: theirs[name].shape for name in known} == known
    assert {name.split(".")[1] for name in theirs if name.startswith("body.")} == set("01234567")
