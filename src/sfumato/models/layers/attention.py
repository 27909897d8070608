"""Attention as the U-Net, the autoencoder and CLIP share it: one function, and the blocks around it.

Tokens are (B, N, D). A picture (B, C, H, W) in channels-last memory becomes tokens, and tokens a picture, by
views alone: nothing here copies for a change of shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from sfumato.diffusion.protocol import Look, Looking
from sfumato.models.layers.residual import zeroed


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, heads: int, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """Mix `value` (B, M, D) into `query`'s places (B, N, D): Vaswani et al. 2017, arXiv:1706.03762, eq. 1.

    `mask` is bool, broadcastable to (B, heads, N, M): True may be attended. Each row needs one True.
    """
    q, k, v = (_split(x, heads) for x in (query, key, value))
    if torch.is_grad_enabled() and q.dtype == torch.bfloat16 and q.device.type == "cpu":
        mixed = _written_out(q, k, v, _lookback(q) if causal else mask)
    else:
        mixed = _fused(q, k, v, mask, causal)
    return mixed.transpose(1, 2).flatten(2)  # (B, N, D)


def _split(x: Tensor, heads: int) -> Tensor:
    batch, length, width = x.shape
    return x.view(batch, length, heads, width // heads).transpose(1, 2)  # (B, heads, N, D / heads)


def _fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
    """By torch's kernel, which is handed queries in fours: a row's bits must not depend on its place.

    With other counts, such as 1, 15 or 31, the two rows of a batch that change places give other last bits on
    two threads (torch 2.13, 198 of 2610 shapes tried; with counts that divide by 4 none).
    """
    missing = 0 if causal else -q.shape[2] % 4
    if not missing:
        return scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
    if mask is not None and mask.shape[2] > 1:
        mask = pad(mask, (0, 0, 0, missing), value=True)
    return scaled_dot_product_attention(pad(q, (0, 0, 0, missing)), k, v, attn_mask=mask)[:, :, :-missing]


def _written_out(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The same step by step, for training in bfloat16 on a CPU, where the fused kernel is slow backwards.

    Forward and backward of 16 x 64 tokens in 4 heads of 32 took 9.1 ms fused and 2.8 ms like this, of 32 x 77
    causal ones 28 ms and 7.5 ms (torch 2.13, one AMD EPYC core). In float32 the fused kernel is the better.
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1) @ v


def _lookback(q: Tensor) -> Tensor:
    length = q.shape[2]
    return torch.ones(length, length, dtype=torch.bool, device=q.device).tril()  # (N, N), True: not ahead


def check_heads(width: int, heads: int) -> None:
    """Raise ValueError if `width` channels cannot be shared out evenly among `heads`."""
    if heads < 1 or width % heads:
        raise ValueError(f"width {width} does not split into {heads} heads")


def to_tokens(x: Tensor) -> Tensor:
    """Read a picture (B, C, H, W) as tokens (B, H*W, C), row by row."""
    return x.flatten(2).transpose(1, 2)


def to_picture(tokens: Tensor, like: Tensor) -> Tensor:
    """Read tokens (B, H*W, C) as a picture with the height and width of `like`."""
    batch, _, width = tokens.shape
    return tokens.transpose(1, 2).view(batch, width, *like.shape[2:])


def straight(looking: Looking, what: Look) -> Tensor:
    """The layer's own look, undisturbed."""
    return looking(what)


class Attention(nn.Module):
    """What each token of `x` picks from `context`; with `context = x` it is self-attention."""

    def __init__(self, width: int, context_width: int, *, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(
        self,
        x: Tensor,
        context: Tensor,
        mask: Tensor | None = None,
        *,
        size: tuple[int, int] | None = None,
        layer: int = 0,
        look: Callable[[Looking, Look], Tensor] = straight,
    ) -> Tensor:
        """`look` mixes in the place of `attend`; told the picture's `size` and the `layer`."""
        query, key, value = self.to_q(x), self.to_k(context), self.to_v(context)
        what = Look(query, key, value, mask, size or (1, x.shape[1]), layer)
        return self.to_out(look(self._attend, what))

    def _attend(self, what: Look) -> Tensor:
        return attend(what.query, what.key, what.value, heads=self.heads, mask=what.mask)


class PictureAttention(nn.Module):
    """A residual layer of one-headed self-attention among all the places of a picture (B, C, H, W)."""

    def __init__(self, width: int, *, groups: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=epsilon)
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.Sequential(zeroed(nn.Linear(width, width)))  # begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        tokens = to_tokens(self.group_norm(x))
        mixed = attend(self.to_q(tokens), self.to_k(tokens), self.to_v(tokens), heads=1)
        return x + to_picture(self.to_out(mixed), like=x)
