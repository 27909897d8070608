"""What a request wishes for at every stage of its walk: its texts understood, nothing asked yet.

"a [cat:dog:0.5]" wishes for two texts in turn; "a cat AND a dog" for both at once, which is a guide of its
own (``diffusion/guidance/compose.py``). The grammar itself is in ``text/grammar.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeAlias

from sfumato.diffusion.guidance.compose import COMPOSE
from sfumato.diffusion.named import Named
from sfumato.errors import InputError
from sfumato.families.model import Worn
from sfumato.request import Request
from sfumato.text.grammar import Branch, Prompt, Stage, parse

Branches: TypeAlias = tuple[Branch, ...]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A request as it stands at one stage, as guides read it. Fields as in ``Request``."""

    prompt: str
    negative: str
    guidance: float | str | Named
    weighting: str
    clip_skip: int | None
    adapters: Worn
    size: tuple[int, int]
    handoff: float | None
    framing: tuple[int, int, int, int] | None


class Wishes(NamedTuple):
    """(first step from 0, what is wished for from there) in order, and a line for all that has no effect.

    ``texts`` are all that its prompt says at one step or another, each once.
    """

    stages: tuple[tuple[int, Wish], ...]
    texts: tuple[str, ...]
    notes: tuple[str, ...]
    adapters: Worn


def wishes(request: Request, size: tuple[int, int]) -> Wishes:
    """Understand the texts of a request for a picture of ``size``. Raises InputError."""
    prompt, negative = parse(request.prompt), parse(request.negative)
    adapters = (*request.adapters, *((each.name, each.picture, each.words) for each in prompt.adapters))
    known: dict[tuple[Branches, Branches], Wish] = {}  # [a|b] wishes for the same again and again

    def wish(branches: Branches, without: Branches) -> Wish:
        return Wish(
            prompt=branches[0].text.strip(),
            negative=" AND ".join(branch.text for branch in without).strip(),
            guidance=request.guidance if len(branches) == 1 else _both(branches, request.guidance),
            weighting=request.weighting,
            clip_skip=request.clip_skip,
            adapters=adapters,
            size=size,
            handoff=request.handoff,
            framing=request.framing,
        )

    stages: list[tuple[int, Wish]] = []
    for first, branches, without in _together(prompt.stages(request.steps), negative.stages(request.steps)):
        if (branches, without) not in known:
            known[branches, without] = wish(branches, without)
        stages.append((first, known[branches, without]))
    texts = dict.fromkeys(branch.text for branches, _ in known for branch in branches)
    lost = chain(prompt.never_drawn(request.steps), negative.never_drawn(request.steps))
    notes = (*prompt.notes, *negative.notes, *lost, *_of_negative(negative))
    return Wishes(tuple(stages), tuple(texts), tuple(dict.fromkeys(notes)), adapters)


def _together(prompt: Sequence[Stage], negative: Sequence[Stage]) -> Iterator[tuple[int, Branches, Branches]]:
    """The first step of each stage of either, with what both say from there."""
    wanted = {stage.first_step: stage.branches for stage in prompt}
    unwanted = {stage.first_step: stage.branches for stage in negative}
    branches, without = wanted[0], unwanted[0]
    for first in sorted({*wanted, *unwanted}):
        branches, without = wanted.get(first, branches), unwanted.get(first, without)
        yield first, branches, without


def _both(branches: Branches, guidance: float | str) -> Named:
    """The guide of texts that AND joins: the scale is shared, each text's weight multiplies it."""
    if isinstance(guidance, str):
        raise InputError(
            f"AND guides by itself, and guidance {guidance} would take its place: give a number, or write "
            'compose(7, ["a dog", 5]) as guidance'
        )
    scale = guidance or 1.0  # 0 asks for no guidance, which is a scale of 1
    for text, weight in ((branch.text.strip(), branch.weight) for branch in branches):
        if abs(weight * scale) > (limit := COMPOSE.limit):
            raise InputError(
                f"weight {weight:g} of {text[:60]!r} times guidance {scale:g} is outside "
                f"{-limit:g} to {limit:g}: lower one of them"
            )
    first, *rest = branches  # compose takes the prompt's own weight first, then text and weight of the others
    others = tuple((branch.text.strip(), branch.weight * scale) for branch in rest)
    return Named("compose", (first.weight * scale, *others))


def _of_negative(negative: Prompt) -> list[str]:
    notes: list[str] = []
    if len(negative.branches) > 1:
        notes.append("AND joins texts of the prompt alone: in the negative prompt it is a word")
    if names := [mention.name for mention in negative.adapters]:
        notes.append(f"the negative prompt names adapters, which are not worn ({', '.join(names)})")
    return notes
