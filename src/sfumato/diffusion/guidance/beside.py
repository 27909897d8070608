"""Asking more rows beside another guide's, in the same round: what guides that add to another share."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Extras, Guide, Guiding
from sfumato.errors import InputError

Beside = Generator[list[Call], list[Tensor], tuple[Denoised, list[Tensor]]]


def numbered(layers: Iterable[int]) -> frozenset[int]:
    """These layers of the network. Raises ValueError for none, and for a number below 0.

    The network alone knows how many it has; it raises for the others.
    """
    told = frozenset(layers)
    if not told or min(told) < 0:
        raise ValueError(f"layers {sorted(told)} are no layers: name some by their numbers, from 0")
    return told


def beside(guiding: Guiding, calls: Sequence[Call]) -> Beside:
    """The answer of a guide under way, and those to ``calls``, asked together with its first rows."""
    try:
        try:
            asked = next(guiding)
        except StopIteration as done:  # it asks nothing
            return done.value, (yield [*calls])
        answers = yield [*asked, *calls]
        own, others = answers[: len(asked)], answers[len(asked) :]
        while True:
            try:
                asked = guiding.send(own)
            except StopIteration as done:
                return done.value, others
            own = yield asked
    finally:
        guiding.close()


def away_from(guide: Guide, conditioning: Conditioning, lamed: Extras, scale: float) -> Guide:
    """``guide``, and ``scale`` times on from what the network sees with ``lamed`` to what it sees without.

    ``guide`` must ask for the row of ``conditioning`` itself and give its answer back as ``conditional``.
    """

    def guided(question: Eval) -> Guiding:
        x, level = question
        answer, (poor,) = yield from beside(guide(question), [Call(x, level, conditioning, lamed)])
        if answer.conditional is None:
            raise InputError(
                "the guide does not tell what the words alone show: there is nothing to compare to"
            )
        return answer._replace(clean=answer.clean + scale * (answer.conditional - poor))

    return guided
