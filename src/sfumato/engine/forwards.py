"""Which rows share a forward, and the forward itself: here, and nowhere else, networks are run.

A row is one question of one job. Rows share a forward if they are calls of one model, of equal shape and in
equal lanes; steps, samplers, levels, guidance and what a row wears may differ. All else is answered alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch

from sfumato.diffusion.protocol import Call
from sfumato.engine.failures import Answer
from sfumato.engine.foresight import Foresight
from sfumato.engine.job import Drawing
from sfumato.engine.memory import rows_that_fit
from sfumato.engine.question import Asked, Decode, Embed, Encode, Look, Prepare, Question, Refer
from sfumato.families.model import Model

EXACT_ROWS = 2
FAST_ROWS = 8


class Row(NamedTuple):
    """One row of a job's question, to be answered at ``place`` of its answers."""

    job: Live
    place: int
    asked: Asked
    kin: Hashable  # equal in rows that can share a forward; None in those that share none


@dataclass(eq=False)
class Live:
    """A job under way: what it waits for, and how it was treated."""

    number: int
    talk: Drawing
    model: Model
    exact: bool  # whether every forward of it must have exactly ``EXACT_ROWS`` rows
    foresight: Foresight | None = None  # of the memory that forwards need
    waits: list[Row] = field(default_factory=list[Row])  # for these answers
    answers: list[Answer | None] = field(default_factory=list["Answer | None"])
    apart: bool = False  # shares no forward until its question is answered: one that it shared has failed
    was_exact: bool = True  # whether all its forwards had exactly ``EXACT_ROWS`` rows
    seconds: float = 0.0  # its share of the time that was spent

    def asks(self, question: Question) -> None:
        """Wait for all rows of a question. What the model cannot place among its lanes, it raises here."""
        self.apart = False
        self.answers = [None] * len(question)
        self.waits = [Row(self, place, asked, kin(asked, self.model)) for place, asked in enumerate(question)]


def kin(asked: Asked, model: Model) -> Hashable:
    """What is equal in rows that can share a forward; None for what is answered alone."""
    if not isinstance(asked, Call):
        return None
    told = asked.conditioning
    shapes = [None if x is None else x.shape for x in (told.context, told.mask, told.vector, told.beside)]
    lane = model.lane(asked)
    return id(model), asked.x.shape, *shapes, told.guidance is None, id(asked.extras), lane


def gathered(jobs: Iterable[Live], most: Callable[[Row], int]) -> list[Row]:
    """The rows of the next forward: the first that the first job waits for, and what can share with it.

    ``jobs`` are in the order of their turns; ``most`` says how many rows a fast forward may have. A fast job
    may fill the room that exact ones leave, for the forward's size is the same with it; an exact one never
    rides in a forward of another size.
    """
    lead, *others = jobs
    first = lead.waits[0]
    if first.kin is None:
        return [first]
    sharing = [] if lead.apart else [job for job in others if not job.apart]
    fast = [job for job in sharing if not job.exact]
    riders = [*(job for job in sharing if job.exact), *fast] if lead.exact else fast
    rows = [row for job in (lead, *riders) for row in job.waits if row.kin == first.kin]
    return rows[: EXACT_ROWS if lead.exact or len(rows) <= EXACT_ROWS else most(first)]


def most_rows(row: Row) -> int:
    """How many rows like this a fast forward may have: as many places as ``FAST_ROWS`` of the native size.

    More would cost memory, and the time of all who wait for its end: of rows of 2.25 times as many places,
    four take 36 ms each and eight 32, where two take 46 (the embedded model, one core). And no more than fit
    into the memory that is free, as far as that is foreseen.
    """
    call, model = cast("Call", row.asked), row.job.model
    fit = FAST_ROWS * model.blank(model.native).numel() // call.x.numel()
    rows, foresight = max(EXACT_ROWS, min(fit, FAST_ROWS)), row.job.foresight
    return rows if foresight is None else rows_that_fit(call, foresight, rows)


def answered(rows: Sequence[Row]) -> tuple[Sequence[Answer], int]:
    """The answers to rows that share a forward, and how many rows it had, with copies."""
    model, exact = rows[0].job.model, any(row.job.exact for row in rows)
    with torch.inference_mode():
        if rows[0].kin is None:
            return [_alone(rows[0].asked, model)], 1
        calls = [cast("Call", row.asked) for row in rows]
        if exact:
            calls += [calls[-1]] * (EXACT_ROWS - len(calls))
        return model.denoise(calls)[: len(rows)], len(calls)


def _alone(asked: Asked, model: Model) -> Answer:
    """The answer to what is never shared."""
    match asked:
        case Encode(wording):
            return model.encode([wording])[0]
        case Look(picture, mask):
            return model.beside(picture, mask)
        case Embed(picture):
            return model.look(picture)
        case Prepare(name, kind, picture):
            return model.controls.control(name).prepare(picture, kind)
        case Refer(name, role, picture):
            return model.controls.reader(name).look(picture, role)
        case Decode(latent):
            return model.decode(latent)
        case Call():
            return model.denoise([asked])[0]
