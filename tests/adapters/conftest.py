"""What the tests of adapters share: a tiny U-Net, and random deltas for its leaves."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sfumato.adapters.deltas import (
    LEAVES,
    Decomposed,
    Delta,
    Full,
    Hadamard,
    Kronecker,
    LowRank,
)
from sfumato.models.unet import UNet, UNetConfig

RANK = 3
TINY = UNetConfig(
    in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1, transformer_depth=(1, 1),
    mid_transformer_depth=1, heads=(2, 2), context_width=12, norm_groups=4, linear_projection=False,
    vector_width=0,
)  # fmt: skip


def tiny_unet(seed: int = 0) -> UNet:
    network = UNet(TINY)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        spread = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.3
        parameter.data = spread * torch.randn(parameter.shape, generator=generator)
    return network.eval().requires_grad_(False)


@pytest.fixture
def unet() -> UNet:
    return tiny_unet()


@pytest.fixture
def run() -> Callable[[nn.Module, int], Tensor]:
    """Runs a tiny U-Net on the first rows of a fixed batch."""
    generator = torch.Generator().manual_seed(1)
    x, context = (torch.randn(4, *shape, generator=generator) for shape in ((4, 6, 6), (5, 12)))
    time = torch.tensor([999.0, 500.0, 20.0, 1.0])

    def run(network: nn.Module, rows: int = 2) -> Tensor:
        with torch.inference_mode():
            return network(x[:rows], time[:rows], context[:rows])

    return run


def low_rank(leaf: nn.Module, random: Callable[..., Tensor], *, mid: bool = False) -> LowRank:
    outputs, inputs, *kernel = leaf.weight.shape
    one = [1] * len(kernel)
    return LowRank(
        down=random(RANK, inputs, *(one if mid else kernel)),
        up=random(outputs, RANK, *one),
        mid=random(RANK, RANK, *kernel) if mid else None,
        scale=0.5,
    )


def hadamard(leaf: nn.Module, random: Callable[..., Tensor]) -> Hadamard:
    outputs, inputs, *kernel = leaf.weight.shape
    if kernel:
        thin = {name: random(RANK, outputs if name.endswith("a") else inputs) for name in W}
        return Hadamard(**thin, t1=random(RANK, RANK, *kernel), t2=random(RANK, RANK, *kernel), scale=0.5)
    thin = {name: random(outputs, RANK) if name.endswith("a") else random(RANK, inputs) for name in W}
    return Hadamard(**thin, scale=0.5)


W = ("w1_a", "w1_b", "w2_a", "w2_b")


def kronecker(leaf: nn.Module, random: Callable[..., Tensor]) -> Kronecker:
    outputs, inputs, *kernel = leaf.weight.shape
    return Kronecker(first=random(2, 2), second=random(outputs // 2, inputs // 2, *kernel), scale=0.5)


def some_delta(kind: str, leaf: nn.Module, random: Callable[..., Tensor]) -> Delta:
    bias = None if leaf.bias is None else random(*leaf.bias.shape)
    if not isinstance(leaf, nn.Linear | nn.Conv2d):
        return Delta(change=Full(difference=random(*leaf.weight.shape)), bias=bias)
    match kind:
        case "low rank":
            return Delta(change=low_rank(leaf, random))
        case "low rank with a middle":
            return Delta(change=low_rank(leaf, random, mid=isinstance(leaf, nn.Conv2d)), bias=bias)
        case "hadamard":
            return Delta(change=hadamard(leaf, random))
        case "kronecker":
            return Delta(change=kronecker(leaf, random))
        case "full":
            return Delta(change=Full(difference=random(*leaf.weight.shape)), bias=bias)
        case "bias alone":
            return Delta(change=None, bias=bias)
        case _:
            axis = {"decomposed by output": 0, "decomposed by input": 1}[kind]
            shape = [1] * leaf.weight.ndim
            shape[axis] = leaf.weight.shape[axis]
            return Delta(change=Decomposed(inside=low_rank(leaf, random), magnitude=random(*shape).abs()))


KINDS = (
    "low rank", "low rank with a middle", "hadamard", "kronecker", "full", "bias alone",
    "decomposed by output", "decomposed by input",
)  # fmt: skip


@pytest.fixture
def deltas_for() -> Callable[..., dict[str, Delta]]:
    """Makes random deltas of a kind for every leaf of a network, or for those of some type."""

    def deltas_for(
        network: nn.Module, kind: str = "low rank", *, seed: int = 2, of: tuple[type, ...] = LEAVES
    ) -> dict[str, Delta]:
        generator = torch.Generator().manual_seed(seed)

        def random(*shape: int) -> Tensor:
            return 0.3 * torch.randn(shape, generator=generator)

        return {
            name: some_delta(kind, module, random)
            for name, module in network.named_modules()
            if isinstance(module, of)
        }

    return deltas_for
