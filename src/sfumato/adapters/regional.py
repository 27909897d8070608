"""Regions inside the attention: every place of the picture looks at the words of its own region.

The words of all regions stand behind those of the whole in one context (``protocol.Region``). Each layer that
looks at words looks at each part of them by itself, and mixes what it saw by the regions' masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.diffusion.guidance.regional import layered
from sfumato.diffusion.protocol import Look, Looking, Perturbed, Region

Looker: TypeAlias = Callable[[Looking, Look], Tensor]
Layout: TypeAlias = tuple[tuple[int, int], ...]
"""The first token of each region of a row, and the first behind it."""


def regional_look(rows: Sequence[tuple[Region, ...]], words: Perturbed | None) -> Looker:
    """How layers look at words in a forward whose row k has the regions ``rows[k]``.

    ``words`` is how they look otherwise, NAG for instance, and is asked for each part. Tokens behind those of
    the last region belong to every part; masks that overlap are ``layered``. Every look is at the whole
    batch, so no row's bits depend on the others' regions, and rows without any have those of the bare look.
    """
    layouts = [tuple((each.start, each.stop) for each in row) for row in rows]
    known: dict[tuple[int, int], list[Tensor | None]] = {}

    def look(looking: Looking, what: Look) -> Tensor:
        mine = words if words is None or words.layers is None or what.layer in words.layers else None
        if what.size not in known:
            known[what.size] = [_shares(row, what.size) for row in rows]
        seen: dict[Layout, list[Tensor]] = {}
        for layout in dict.fromkeys(layouts):
            parts = _parts(what, layout)
            seen[layout] = [looking(part) if mine is None else mine.look(looking, part) for part in parts]
        return torch.cat(
            [
                _mixed([part[number : number + 1] for part in seen[layout]], shares)
                for number, (layout, shares) in enumerate(zip(layouts, known[what.size], strict=True))
            ]
        )

    return look


def _parts(what: Look, layout: Layout) -> list[Look]:
    """The same look at the words of each region alone, and last at those of the rest."""
    if not layout:
        return [what]
    behind = slice(layout[-1][1], None)

    def part(tokens: slice) -> Look:
        def cut(x: Tensor, axis: int) -> Tensor:
            pieces = [x.movedim(axis, 0)[each].movedim(0, axis) for each in (tokens, behind)]
            return torch.cat(pieces, dim=axis)

        mask = None if what.mask is None else cut(what.mask, -1)
        return what._replace(key=cut(what.key, 1), value=cut(what.value, 1), mask=mask)

    return [*(part(slice(start, stop)) for start, stop in layout), part(slice(layout[0][0]))]


def _shares(regions: Sequence[Region], size: tuple[int, int]) -> Tensor | None:
    """The share of each part in each place: (parts, 1, N, 1); None without regions."""
    if not regions:
        return None
    shares = torch.cat(layered([each.mask for each in regions]))  # (parts, 1, h, w)
    return interpolate(shares, size=size, mode="area").flatten(2)[..., None]


def _mixed(parts: Sequence[Tensor], shares: Tensor | None) -> Tensor:
    """What a row saw of each part, (1, N, D), by the parts' shares; a share of 1 is the part, bit for bit."""
    if shares is None:
        return parts[0]
    whole = torch.zeros_like(parts[0])
    for part, share in zip(parts, shares.to(parts[0]), strict=True):
        whole = whole + torch.where(share > 0, share * part, 0)
    return whole
