"""Regions: every part of the picture follows a guide of its own, all of them asked in one round.

The mixture of what several sentences see, place by place: MultiDiffusion, Bar-Tal et al. 2023,
arXiv:2302.08113, for one picture that is not larger than the network's own. No request names this guide: it
is made of the regions that a request tells (``engine/regions.py``).
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from dataclasses import fields
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.guidance.scale import progress
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding, Level

APART = 0.5
"""Of the walk's progress. With the embedded model 0.8 places things no better than a half."""

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


def regional(regions: Sequence[tuple[Guide, Tensor]], rest: Guide, *, apart: float = APART) -> Guide:
    """The guides of ``regions`` where their masks (1, 1, h, w), values 0 to 1, lie; elsewhere ``rest``.

    Masks that overlap are ``layered``. Up to ``apart``, a share of the walk's progress, each region has the
    picture to itself (``_Apart``). A guide that has no share of any place is not asked, and one that has all
    of it is the only one: its answers are then what it gives alone, bit for bit. Rows that several guides ask
    for alike, such as one negative prompt, are asked once. Raises ValueError without regions.
    """
    if not regions:
        raise ValueError("no regions: give at least one, or take the guide of the rest alone")
    guides = [*(guide for guide, _ in regions), rest]
    shares = layered([mask for _, mask in regions])
    moves = [*(_to_the_middle(share) for share in shares[:-1]), None]
    seen = [_Part(*each) for each in zip(guides, shares, moves, strict=True) if bool(each[1].any())]
    if len(seen) == 1:
        return seen[0].guide
    memory = _Apart(seen)

    def guide(question: Eval) -> Guiding:
        memory.begin(question.level)
        early = progress(question.level) < apart
        try:
            asked = [memory.alone(question, part) if early else question for part in seen]
            talks = [part.guide(each) for part, each in zip(seen, asked, strict=True)]
            answers = yield from together(talks)
        finally:
            memory.waiting = False
        if early:
            answers = [_moved_back(answer, part) for answer, part in zip(answers, seen, strict=True)]
        answer = blended(answers, [part.share for part in seen])
        memory.keep(answer, answers)
        return answer

    return guide


class _Part(NamedTuple):
    """A guide, its share of every place, and how far (down, across) a region is from the middle."""

    guide: Guide
    share: Tensor
    move: tuple[int, int] | None  # None: the rest


class _Apart:
    """What each region is shown while it has the picture to itself.

    A network puts what it is told of into the middle. Were all regions shown the same picture, each would see
    its own there, and the masks would cut it to pieces. So the picture is moved until the region is in its
    middle, and what lies outside of it becomes the ground: the last guess of the rest, or without one the
    mean of the whole. To show regions a plain ground first is MultiDiffusion's bootstrapping; it replaces the
    guess behind the noise and keeps the noise. To move the picture is our own.
    """

    def __init__(self, parts: Sequence[_Part]) -> None:
        self.has_rest = parts[-1].move is None
        self.first: Level | None = None
        self.clean: Tensor | None = None
        self.ground: Tensor | None = None
        self.waiting = False

    def begin(self, level: Level) -> None:
        """A level at least as noisy as the first begins another run, and nothing is known of it."""
        if self.waiting:
            raise ValueError("one guide of regions serves two runs at once: make one for each")
        if self.first is None or level.sigma >= self.first.sigma:
            self.first, self.clean, self.ground = level, None, None
        self.waiting = True

    def alone(self, question: Eval, part: _Part) -> Eval:
        x, level = question
        if part.move is None:
            return question
        if self.clean is not None and self.ground is not None:
            outside = 1 - part.share.to(x)
            x = x + level.alpha * outside * (self.ground - self.clean)
        return Eval(x.roll(part.move, (2, 3)), level)

    def keep(self, answer: Denoised, answers: Sequence[Denoised]) -> None:
        self.clean = answer.clean
        mean = answer.clean.mean((2, 3), keepdim=True)
        self.ground = answers[-1].clean if self.has_rest else mean.expand_as(answer.clean)


def _to_the_middle(share: Tensor) -> tuple[int, int]:
    """How far (down, across) it is from the middle of a share to that of the picture."""
    weight = share[0, 0].double()
    total = float(weight.sum())
    if not total:
        return 0, 0
    height, width = weight.shape
    down = float((weight.sum(1) * (torch.arange(height, device=weight.device) + 0.5)).sum()) / total
    across = float((weight.sum(0) * (torch.arange(width, device=weight.device) + 0.5)).sum()) / total
    return round(height / 2 - down), round(width / 2 - across)


def _moved_back(answer: Denoised, part: _Part) -> Denoised:
    if part.move is None:
        return answer
    back = (-part.move[0], -part.move[1])
    told = {name: each.roll(back, (2, 3)) for name, each in answer._asdict().items() if each is not None}
    return Denoised(**told)


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
