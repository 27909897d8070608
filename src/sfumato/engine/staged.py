"""A guide for every stage of a prompt that changes on the way: "a [cat:dog:0.5]" is two sentences in turn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import torch

from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Eval, Guide, Guiding, Level
from sfumato.engine.dressing import NOTHING, Dress
from sfumato.engine.guides import Asked, check_guide, guide_asked
from sfumato.engine.question import Encode
from sfumato.engine.wish import Wish
from sfumato.errors import InputError
from sfumato.families.model import Encoded
from sfumato.text.clip import LENGTH

Stages = Sequence[tuple[int, Wish]]

Asking: TypeAlias = Generator[list[Encode], Any, Asked]
"""A guide that is asking for its words."""

Telling: TypeAlias = Generator[list[Encode], Any, list[Any]]
"""What answers such questions, and may ask others for it."""

MOST_CHUNKS = 500
"""Of all that one request says at its steps: what was read is kept until the picture is done, which is 300 MB
of SDXL's vectors."""


def check_stages(stages: Stages, prediction: Prediction, levels: Sequence[Level], *, sees: bool) -> None:
    """Raise InputError for guides that cannot be made, before anything is asked for them.

    ``sees`` says whether their rows will see a picture beside the latent.
    """
    dress = replace(NOTHING, beside=torch.zeros(1, 1, 1, 1)) if sees else NOTHING
    for wish in dict.fromkeys(wish for _, wish in stages):
        check_guide(wish, prediction, levels, dress=dress)


def stages_asked(
    stages: Stages, prediction: Prediction, levels: Sequence[Level], *, dress: Dress = NOTHING
) -> Generator[list[Encode], Any, Asked]:
    """Ask for all that the guides of all stages need, each thing once, and make one guide of them.

    Stages that wish for the same share one guide. Raises InputError as ``guide_asked`` does, and for more
    text than is kept.
    """
    known: dict[Encode, object] = {}
    made: dict[Wish, Asked] = {}
    for _, wish in stages:
        if wish not in made:
            asking = guide_asked(wish, prediction, levels, dress=dress)
            made[wish] = yield from asking_once(asking, known)
    notes = dict.fromkeys(note for asked in made.values() for note in asked.notes)
    return Asked(
        staged([(first, made[wish].guide) for first, wish in stages], levels),
        tuple(notes),
        any(asked.renoises for asked in made.values()),
        tuple(dict.fromkeys(word for asked in made.values() for word in asked.words)),
    )


def retold(asking: Asking, told: Callable[[Sequence[Encode]], Telling]) -> Asking:
    """The same talk, whose questions are answered by another talk, ``told``, each time it asks some."""
    answers: list[Any] | None = None
    try:
        while True:
            try:
                questions = asking.send(answers)
            except StopIteration as done:
                return done.value
            answers = yield from told(questions)
    finally:
        asking.close()


def asking_once(asking: Asking, known: dict[Encode, object]) -> Asking:
    """The same talk, which is not heard where ``known`` has the answers; what it learns is added there."""

    def told(questions: Sequence[Encode]) -> Telling:
        new = list(dict.fromkeys(each for each in questions if each not in known))
        if new:
            known.update(zip(new, (yield new), strict=True))
            _check_kept(known.values())
        return [known[each] for each in questions]

    return retold(asking, told)


def too_much() -> InputError:
    """Of text in one request."""
    return InputError(
        f"the prompt says more than {MOST_CHUNKS} chunks of text in its steps, and all are kept: shorten it, "
        "or let fewer of its parts change"
    )


def _check_kept(known: Iterable[object]) -> None:
    tokens = sum(each.conditioning.context.shape[1] for each in known if isinstance(each, Encoded))
    if tokens > MOST_CHUNKS * LENGTH:
        raise too_much()


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
