"""Waiting for jobs whose pictures go back in one reply: whoever hangs up wants them no more."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from sfumato.serve.refused import Refused
from sfumato.serve.store.records import ENDED, Job
from sfumato.serve.studio import Studio

LOOK = 1.0  # seconds between two looks at whether the client still listens
CLOSED = 499  # what proxies write down for a client that has hung up; it never sees it
DEFECT = "a defect in sfumato"
"""How the error of a job begins that is nobody's fault but ours."""

LATE = ("its time was over", "not finished by the deadline")
"""How the errors of jobs begin whose deadline has passed, before and after they were begun."""


async def ended(studio: Studio, ids: Sequence[str], request: Request) -> list[Job]:
    """The jobs, once all have ended. If the client hangs up they are cancelled, and Refused is raised."""
    jobs: list[Job] = []
    for id in ids:  # noqa: A001 - as everywhere
        while True:
            try:
                jobs.append(await studio.ended(id, LOOK))
                break
            except TimeoutError:
                if await request.is_disconnected():
                    await cancelled(studio, ids)
                    raise Refused(CLOSED, "the client has hung up: its jobs are cancelled") from None
    return jobs


async def cancelled(studio: Studio, ids: Sequence[str]) -> None:
    """Cancel those that have not ended."""
    for id in ids:  # noqa: A001
        if (await studio.job(id)).state not in ENDED:
            await studio.cancel(id)


def failure_of(job: Job, status: int) -> Refused:
    """Why a job brought no pictures: with ``status`` where asking otherwise helps, else 504 or 500."""
    if job.state == "cancelled":
        return Refused(status, "the job was cancelled: ask again")
    told = job.error or f"the job ended as {job.state}"
    if told.startswith(LATE):
        return Refused(504, told, param="deadline")
    return Refused(500 if told.startswith(DEFECT) else status, told)
