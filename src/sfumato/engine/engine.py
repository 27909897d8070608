"""The one place that runs a network: it answers what all live jobs ask, in shared forwards, round by round.

One picture, a batch, a preview and a cancelled request are the same loop here, because every step of a job
is already a question. It also keeps the house's promise that a picture depends on its own request only.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeAlias, cast

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Call
from sfumato.engine.job import Drawing, Drawn
from sfumato.engine.question import Asked, Decode, Embed, Encode, Look, Prepare, Question, Refer
from sfumato.families.model import Encoded, Model

EXACT_ROWS = 2
FAST_ROWS = 8

Answer: TypeAlias = Encoded | Tensor | tuple[Tensor, ...]
Answers: TypeAlias = Sequence[Answer]


class Ended(NamedTuple):
    """Job ``number``, from 0, is over: here is its picture, or the error that it alone died of."""

    number: int
    outcome: Drawn | Exception


@dataclass(eq=False)
class _Live:
    """A job that waits for the answer to ``asked``."""

    number: int
    talk: Drawing
    asked: Question


class _Row(NamedTuple):
    """One row of a job's question: answer it at ``place`` of the job's answers."""

    job: _Live
    place: int
    question: Asked


class Engine:
    """Draws with one model. ``fast`` trades bitwise independence of the batch for speed.

    A network's sums are added up in another order when the batch has another size, so the same row differs
    in its last bits: measured, by up to 4e-6 of outputs of deviation 0.35 between batches of 1, 2, 4 and 8
    (U-Net of widths 128, 256, 384 at 16x16, float32, two cores, contiguous and channels-last alike). At one
    constant size it is the same bit for bit, whatever its place and its neighbours. So by default every
    forward has exactly ``EXACT_ROWS`` rows, and an odd one is filled up with its own copy.

    Two rows are what one guided picture asks for, so exactness costs it nothing. An unguided picture alone
    takes 1.5 times as long as it could; eight guided pictures together 1.6 times as long as with ``fast``,
    which fills forwards with what is there, up to ``FAST_ROWS``. Pictures then move with their neighbours,
    by 7e-7 of the range 0..1 after 2 to 4 steps, so now and then an 8-bit value flips to the next. Texts and
    latents are encoded and decoded one by one in either mode.
    """

    def __init__(self, model: Model, *, fast: bool = False) -> None:
        self.model = model
        self.fast = fast

    def run(
        self, drawings: Iterable[Drawing], *, at_once: int = FAST_ROWS
    ) -> Generator[list[Ended], None, None]:
        """Draw them all, ``at_once`` of them at a time; yields after every round the jobs that it ended.

        ``drawings`` is read as places become free. Closing this generator closes all live jobs.
        """
        waiting = enumerate(drawings)
        live: list[_Live] = []
        try:
            while True:
                new = [_Live(number, talk, ()) for number, talk in islice(waiting, at_once - len(live))]
                live += new
                outcomes = {job: self._send(job, None) for job in new}
                answers = self._answer([job for job in live if outcomes.get(job) is None])
                outcomes |= {job: self._send(job, answer) for job, answer in answers.items()}
                live = [job for job in live if outcomes[job] is None]
                if not outcomes:
                    return
                yield [Ended(job.number, outcome) for job, outcome in outcomes.items() if outcome is not None]
        finally:
            for job in live:
                job.talk.close()

    def decode(self, latent: Tensor) -> Tensor:
        """The picture (1, 3, H, W) of one latent, as a job would get it: for previews."""
        with torch.inference_mode():
            return self.model.decode(latent)

    def _send(self, job: _Live, answer: Answers | Exception | None) -> Drawn | Exception | None:
        """Send one job its answer: its outcome, or None if it asks on. What it raises ends no other job."""
        try:
            if isinstance(answer, Exception):
                raise answer
            with torch.inference_mode():
                job.asked = job.talk.send(answer)
        except StopIteration as done:
            return cast("Drawn", done.value)
        except Exception as error:  # handed to whoever asked for this picture
            job.talk.close()
            return error
        return None

    def _answer(self, jobs: Sequence[_Live]) -> dict[_Live, Answers | Exception]:
        """Answer what all jobs ask; a forward that fails is the answer to all that took part in it."""
        answers: dict[_Live, list[Any]] = {job: [None] * len(job.asked) for job in jobs}
        failed: dict[_Live, Exception] = {}
        for rows in self._forwards(jobs):
            try:
                with torch.inference_mode():
                    found = self._forward([row.question for row in rows])
            except Exception as error:  # as above
                failed |= {row.job: error for row in rows}
            else:
                for row, answer in zip(rows, found, strict=True):
                    answers[row.job][row.place] = answer
        return {job: failed.get(job, answers[job]) for job in jobs}

    def _forwards(self, jobs: Sequence[_Live]) -> Iterator[list[_Row]]:
        """The rows of all jobs, in groups that can share a forward."""
        alike: dict[Hashable, list[_Row]] = {}
        for job in jobs:
            for place, question in enumerate(job.asked):
                alike.setdefault(self._alike(question), []).append(_Row(job, place, question))
        for shape, rows in alike.items():
            size = 1 if shape is None else FAST_ROWS if self.fast else EXACT_ROWS
            yield from (rows[start : start + size] for start in range(0, len(rows), size))

    def _alike(self, question: Asked) -> Hashable:
        """Calls that are equal in this share forwards; None is for what is answered alone."""
        return (*_shape(question), self.model.lane(question)) if isinstance(question, Call) else None

    def _forward(self, questions: Sequence[Asked]) -> Answers:
        if not isinstance(questions[0], Call):
            return [self._alone(questions[0])]
        calls = cast("Sequence[Call]", questions)
        missing = 0 if self.fast else EXACT_ROWS - len(calls)
        return self.model.denoise([*calls, *[calls[-1]] * missing])[: len(calls)]

    def _alone(self, question: Encode | Look | Embed | Prepare | Refer | Decode) -> Answer:
        """The answer to what is never shared."""
        match question:
            case Encode(wording):
                return self.model.encode([wording])[0]
            case Look(picture, mask):
                return self.model.beside(picture, mask)
            case Embed(picture):
                return self.model.look(picture)
            case Prepare(name, kind, picture):
                return self.model.controls.control(name).prepare(picture, kind)
            case Refer(name, role, picture):
                return self.model.controls.reader(name).look(picture, role)
            case Decode(latent):
                return self.model.decode(latent)


def _shape(call: Call) -> tuple[Hashable, ...]:
    told = call.conditioning
    shapes = [None if x is None else x.shape for x in (told.context, told.mask, told.vector, told.beside)]
    return call.x.shape, *shapes, told.guidance is None, id(call.extras)
