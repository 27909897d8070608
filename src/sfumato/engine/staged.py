"""A guide for every stage of a prompt that changes on the way: "a [cat:dog:0.5]" is two sentences in turn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from sfumato.diffusion.protocol import Eval, Guide, Guiding, Level


def staged(stages: Sequence[tuple[int, Guide]], levels: Sequence[Level]) -> Guide:
    """The guide whose stage a question falls in: ``stages`` are (first step from 0, guide), the first at 0.

    A step lasts from its level until the next is reached; what a sampler asks in between belongs to it. A
    guide that remembers starts anew with its stage. One stage is its guide itself.
    """
    if len(stages) == 1:
        return stages[0][1]
    firsts = [first for first, _ in stages]
    if not firsts or firsts[0] != 0 or firsts != sorted(set(firsts)):
        raise ValueError(f"stages that begin at steps {firsts}: they must rise from 0")

    def guide(question: Eval) -> Guiding:
        step = sum(level.sigma >= question.level.sigma for level in levels) - 1
        current = stages[max(bisect_right(firsts, step) - 1, 0)][1]
        return (yield from current(question))

    return guide
