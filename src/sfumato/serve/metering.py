"""What Prometheus is told: one registry for each app, read from the studio when it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sfumato.serve.studio import Studio

FOUND, ROUTE = "sfumato.found", "route"  # in the scope: what the routes tell of themselves
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS")
SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Meters:
    """The registry of an app, and what counts its requests."""

    def __init__(self, studio: Studio) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Drawing(studio))
        self._answers = Counter(
            "sfumato_http_requests",
            "Requests that were answered, by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "sfumato_http_request_seconds",
            "Seconds until an answer began.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )

    def around(self, app: ASGIApp) -> ASGIApp:
        """All of the app, its guard too: what that refuses is counted without a route."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, found = time.monotonic(), dict[str, str]()

            async def out(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route = found.get(ROUTE, "none")
                    self._answers.labels(_method(scope), route, str(message["status"])).inc()
                    self._seconds.labels(route).observe(time.monotonic() - began)
                await send(message)

            await app({**scope, FOUND: found}, receive, out)

        return counted

    def inside(self, app: ASGIApp) -> ASGIApp:
        """The routes themselves, which know their templates."""

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            async def out(message: Message) -> None:
                template = getattr(scope.get("route"), "path", None)
                if template is not None and FOUND in scope:
                    scope[FOUND][ROUTE] = str(template)
                await send(message)

            await app(scope, receive, out)

        return noted


def _method(scope: Scope) -> str:
    """The method, if it is a known one: what a client wrote makes no label."""
    return scope["method"] if scope["method"] in METHODS else "other"


class _Drawing(Collector):
    """How the studio is doing, asked when Prometheus asks."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def collect(self) -> Iterator[Metric]:
        status, worker, ended = self._studio.status(), self._studio.worker, self._studio.keeper.ended
        jobs = GaugeMetricFamily("sfumato_jobs", "Jobs that have not ended, by state.", labels=["state"])
        jobs.add_metric(["queued"], status.waiting)
        jobs.add_metric(["running"], len(status.running))
        yield jobs
        over = CounterMetricFamily("sfumato_jobs_ended", "Jobs that ended here, by how.", labels=["state"])
        for state, count in ended.items():
            over.add_metric([state], count)
        yield over
        yield GaugeMetricFamily("sfumato_pictures_live", "Pictures that are drawn now.", status.live)
        yield CounterMetricFamily("sfumato_pictures", "Pictures that were drawn.", worker.measured.pictures)
        rows = CounterMetricFamily("sfumato_forwards", "Forwards of networks, by rows.", labels=["rows"])
        for size, count in sorted(worker.measured.forwards.copy().items()):
            rows.add_metric([str(size)], count)
        yield rows
        yield CounterMetricFamily(
            "sfumato_forward_seconds", "Seconds spent in forwards.", worker.measured.seconds
        )
        yield GaugeMetricFamily(
            "sfumato_seconds_per_step",
            "Of all pictures together, lately; 0 where nothing was drawn lately.",
            status.seconds_per_step or 0.0,
        )
        memory = GaugeMetricFamily(
            "sfumato_model_bytes", "Memory that models take, with what hangs beside.", labels=["model"]
        )
        for name, size in status.resident.items():
            memory.add_metric([name], size)
        yield memory
        yield GaugeMetricFamily("sfumato_ready", "Whether it draws.", float(status.dead is None))
