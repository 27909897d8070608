"""Regions: every part of the picture follows a guide of its own, all of them asked in one round.

The mixture of what several sentences see, place by place: MultiDiffusion, Bar-Tal et al. 2023,
arXiv:2302.08113, for one picture that is not larger than the network's own. No request names this guide: it
is made of the regions that a request tells (``engine/regions.py``).
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from dataclasses import fields
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding

Together: TypeAlias = Generator[list[Call], list[Tensor], list[Denoised]]


def layered(masks: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The share that each mask (1, 1, h, w) has of every place, and last what is left for the rest.

    They lie on each other like sheets: a later mask covers the earlier ones by as much as it says, and what
    shows through all of them is the rest. At every place the shares add up to 1.
    """
    shares: list[Tensor] = []
    left = torch.ones_like(masks[0])
    for mask in reversed(masks):
        shares.append(mask * left)
        left = left * (1 - mask)
    return (*reversed(shares), left)


def regional(regions: Sequence[tuple[Guide, Tensor]], rest: Guide) -> Guide:
    """The guides of ``regions`` where their masks (1, 1, h, w), values 0 to 1, lie; elsewhere ``rest``.

    Masks that overlap are ``layered``. A guide that has no share of any place is not asked, and one that has
    all of it is the only one: its answers are then what it gives alone, bit for bit. Rows that several guides
    ask for alike, such as one negative prompt, are asked once. Raises ValueError without regions.
    """
    if not regions:
        raise ValueError("no regions: give at least one, or take the guide of the rest alone")
    guides = [*(guide for guide, _ in regions), rest]
    shares = layered([mask for _, mask in regions])
    seen = [(guide, share) for guide, share in zip(guides, shares, strict=True) if bool(share.any())]
    if len(seen) == 1:
        return seen[0][0]

    def guide(question: Eval) -> Guiding:
        answers = yield from together([each(question) for each, _ in seen])
        return blended(answers, [share for _, share in seen])

    return guide


def blended(answers: Sequence[Denoised], shares: Sequence[Tensor]) -> Denoised:
    """Each answer by its share; what one of them does not tell, the mixture does not tell either."""

    def mixed(parts: Sequence[Tensor | None]) -> Tensor | None:
        told = [part for part in parts if part is not None]
        return _sum(told, shares) if len(told) == len(shares) else None

    reads_noise = any(answer.noise_from is not None for answer in answers)
    return Denoised(
        _sum([answer.clean for answer in answers], shares),
        unconditional=mixed([answer.unconditional for answer in answers]),
        conditional=mixed([answer.conditional for answer in answers]),
        noise_from=_sum([answer.source for answer in answers], shares) if reads_noise else None,
    )


def _sum(parts: Sequence[Tensor], shares: Sequence[Tensor]) -> Tensor:
    """``torch.where`` keeps out what has no share: a guide that overflows elsewhere does no harm here."""
    whole = torch.zeros_like(parts[0])
    for part, share in zip(parts, (share.to(parts[0]) for share in shares), strict=True):
        whole = whole + torch.where(share > 0, share * part, 0)
    return whole


def together(talks: Sequence[Guiding]) -> Together:
    """The answers of guides under way, whose rows go in one list for each round, equal ones once."""
    answers: dict[int, Denoised] = {}
    sent: dict[int, list[Tensor] | None] = dict.fromkeys(range(len(talks)))
    try:
        while True:
            asked: dict[int, list[Call]] = {}
            for number, answer in sent.items():
                try:
                    asked[number] = talks[number].send(answer)  # pyright: ignore[reportArgumentType] - None starts
                except StopIteration as done:
                    answers[number] = done.value
            if not asked:
                return [answers[number] for number in range(len(talks))]
            rows = {_alike(call): call for calls in asked.values() for call in calls}
            found = dict(zip(rows, (yield [*rows.values()]), strict=True))
            sent = {number: [found[_alike(call)] for call in calls] for number, calls in asked.items()}
    finally:
        for talk in talks:
            talk.close()


def _alike(call: Call) -> Hashable:
    """Calls that are equal in this have the same answer."""
    return id(call.x), call.level, _told(call.conditioning), id(call.extras), call.weaker


def _told(conditioning: Conditioning) -> tuple[Hashable, ...]:
    """All that a row is told; of tensors, which they are."""
    values = (getattr(conditioning, each.name) for each in fields(conditioning))
    return tuple(id(value) if isinstance(value, Tensor) else value for value in values)
