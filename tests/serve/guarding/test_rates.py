"""How often one client may ask, what it may hear at once, what all may send at once."""

from contextlib import ExitStack

import anyio
import pytest

from sfumato.serve.guarding.answers import Denied
from sfumato.serve.guarding.asked import Asked
from sfumato.serve.guarding.bodies import Bodies
from sfumato.serve.guarding.limits import BodyLimits
from sfumato.serve.guarding.rates import Rates


def asked(path="/v1/jobs", method="GET", **headers):
    return Asked(method=method, path=path, headers=headers, server=None, address="a", scheme="http")


def test_a_minute_has_so_many_requests_and_they_come_back_by_and_by():
    now = [0.0]
    rates = Rates(60, 5, clock=lambda: now[0])
    for _ in range(60):
        rates.count("anna")
    with pytest.raises(Denied, match="60 requests a minute") as told:
        rates.count("anna")
    assert (told.value.status, told.value.headers["Retry-After"]) == (429, "1")
    rates.count("bert")
    now[0] = 2.0
    rates.count("anna")
    rates.count("anna")
    with pytest.raises(Denied):
        rates.count("anna")
    now[0] = 1000.0
    for _ in range(60):
        rates.count("anna")
    with pytest.raises(Denied):
        rates.count("anna")


def test_streams_at_once_are_bounded_and_ended_ones_are_not_counted():
    rates, events = Rates(60, 2), asked("/v1/jobs/1/events")
    with ExitStack() as open_ones:
        for _ in range(2):
            open_ones.enter_context(rates.stream(events, "anna"))
        with pytest.raises(Denied, match="2 streams are open"), rates.stream(events, "anna"):
            pass
        with rates.stream(asked(), "anna"), rates.stream(events, "bert"):
            pass
    with rates.stream(events, "anna"), rates.stream(events, "anna"):
        pass


def test_what_all_send_at_once_is_bounded_and_given_back():
    bodies = Bodies(BodyLimits(json_bytes=100, upload_bytes=0, pending_bytes=150))
    head = asked(method="POST", **{"content-type": "application/json", "content-length": "100"})

    async def receive():
        return {"type": "http.request", "body": b" " * 100}

    async def attempt():
        async with bodies.received(head, receive):
            with pytest.raises(Denied, match="at once") as told:
                async with bodies.received(head, receive):
                    pass
            assert told.value.status == 503
        async with bodies.received(head, receive) as whole:
            assert await whole() == {"type": "http.request", "body": b" " * 100, "more_body": False}

    anyio.run(attempt)
