"""The transformer between the U-Net's convolutions: it looks round the picture, then at the words.

Rombach et al. 2022, arXiv:2112.10752, section 3.3 and appendix E.2.1. Stable Diffusion 1.x enters and leaves
it by 1x1 convolutions, 2.x and XL by linear layers: the same mathematics, with weights of other shapes.

Its blocks are the layers that `Extras` speak of: `numbered` gives each its number in the whole network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import gelu

from sfumato.diffusion.protocol import Extras, Look, Looking, Perturbed
from sfumato.models.layers.attention import Attention, straight, to_picture, to_tokens
from sfumato.models.layers.residual import zeroed


class GatedGELU(nn.Module):
    """A linear layer whose one half is gated by the GELU of the other.

    Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, 2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden, gate = self.proj(x).chunk(2, dim=-1)
        return hidden * gelu(gate)


class FeedForward(nn.Module):
    """What every token does with what it saw, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GatedGELU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention to the context, and a feed-forward layer, each added to its input."""

    def __init__(self, width: int, context_width: int, *, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads=heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, context_width, heads=heads)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)
        self.number = 0  # in the whole network: see `numbered`

    def forward(self, x: Tensor, context: Tensor, extras: Extras, size: tuple[int, int]) -> Tensor:
        mask = None if extras.attention_mask is None else extras.attention_mask[:, None, None, :]
        here = self.norm1(x)
        around, at_words = self._look(extras.self_attention), self._look(extras.cross_attention)
        x = x + self.attn1(here, here, size=size, layer=self.number, look=around)
        x = x + self.attn2(self.norm2(x), context, mask, size=size, layer=self.number, look=at_words)
        return x + self.ff(self.norm3(x))

    def _look(self, perturbed: Perturbed | None) -> Callable[[Looking, Look], Tensor]:
        if perturbed is None or (perturbed.layers is not None and self.number not in perturbed.layers):
            return straight
        return perturbed.look


def numbered(network: nn.Module) -> tuple[str, ...]:
    """Number the transformer blocks of `network`, whose parts stand in the order of its forward.

    The names of the blocks.
    """
    names: list[str] = []
    for name, part in cast("Iterator[tuple[str, nn.Module]]", network.named_modules()):
        if isinstance(part, TransformerBlock):
            part.number = len(names)
            names.append(name)
    return tuple(names)


def through(
    blocks: nn.ModuleList, tokens: Tensor, context: Tensor, extras: Extras, size: tuple[int, int]
) -> Tensor:
    """What becomes of `tokens` in all `blocks` that are not to be skipped."""
    for block in blocks:
        if extras.skip is None or block.number not in extras.skip:
            tokens = block(tokens, context, extras, size)
    return tokens


class ConvTransformer(nn.Module):
    """Transformer blocks over a picture (B, C, H, W), entered and left by 1x1 convolutions."""

    def __init__(self, width: int, context_width: int, *, heads: int, depth: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(width, context_width, heads=heads) for _ in range(depth)
        )
        self.proj_out = zeroed(nn.Conv2d(width, width, 1))  # begins as the identity

    def forward(self, x: Tensor, context: Tensor, extras: Extras) -> Tensor:
        tokens = to_tokens(self.proj_in(self.norm(x)))
        tokens = through(self.transformer_blocks, tokens, context, extras, (x.shape[2], x.shape[3]))
        return x + self.proj_out(to_picture(tokens, like=x))


class LinearTransformer(nn.Module):
    """Transformer blocks over a picture (B, C, H, W), entered and left by linear layers."""

    def __init__(self, width: int, context_width: int, *, heads: int, depth: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(width, context_width, heads=heads) for _ in range(depth)
        )
        self.proj_out = zeroed(nn.Linear(width, width))  # begins as the identity

    def forward(self, x: Tensor, context: Tensor, extras: Extras) -> Tensor:
        tokens = self.proj_in(to_tokens(self.norm(x)))
        tokens = through(self.transformer_blocks, tokens, context, extras, (x.shape[2], x.shape[3]))
        return x + to_picture(self.proj_out(tokens), like=x)


class NoTransformer(nn.Module):
    """Stands where a level has no attention: gives back what it got, and has no parameters."""

    def forward(self, x: Tensor, context: Tensor, extras: Extras) -> Tensor:  # noqa: ARG002
        return x
