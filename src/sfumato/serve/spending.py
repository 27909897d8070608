"""Quotas and the store together: what was spent before a restart, and what a job costs that is not new."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sfumato.serve.guarding.quotas import DAY, Quotas, QuotaSpent
from sfumato.serve.store import Store
from sfumato.serve.store.records import Job

PAGE = 200  # jobs that are asked for at once


def remember(quotas: Quotas, store: Store) -> None:
    """Count the jobs of the last day."""
    for client in quotas.clients:
        for job in _lately(store, client):
            count = job.wish.get("count", 1)
            quotas.remember(client, job.created, count if isinstance(count, int) else 1)


@contextmanager
def paid(
    quotas: Quotas, store: Store, client: str, *, key: str | None, pictures: int
) -> Generator[Callable[[], None]]:
    """Pay for a job; it is given back if that raises, or when the function that is given is called.

    Raises QuotaSpent; not where the ``key`` is of a job that was paid already.
    """
    try:
        mark = quotas.spend(client, pictures)
    except QuotaSpent:
        if key is None or all(job.key != key for job in _lately(store, client)):
            raise
        mark = None
    try:
        yield lambda: quotas.give_back(client, mark)
    except BaseException:
        quotas.give_back(client, mark)
        raise


def _lately(store: Store, client: str) -> Generator[Job]:
    """The jobs of a client of the last day, newest first."""
    since, before = time.time() - DAY, None
    while page := store.jobs(client=client, before=before, limit=PAGE):
        for job in page:
            if job.created < since:
                return
            yield job
        before = page[-1].id
