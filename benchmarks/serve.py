"""Ten people at once: how many pictures a second, and how long each waits, against two simpler servers.

    python benchmarks/serve.py [--users 1,4,16,64] [--per-user N] [--live 16] [--seed 0] [--json FILE]

Every user sends a request, waits for the picture, and sends the next. The requests are mixed: other steps,
samplers and scales, a quarter of them small (6 steps, unguided: what a page asks for while one types), an
eighth with 2.25 times the pixels. Four servers draw the same requests:

- one by one: first come, first served, each alone, to its end
- whole batches: up to eight begin together, the next eight when all of them are done
- exact, fast: the scheduler with its line, which is what ``sfumato serve`` runs, in its two modes

The first two draw fast, too. The servers take turns step by step, each with a clock that counts its own steps
alone, so whatever else the machine does slows all of them alike. With --cpu the clocks count processor time
of one thread instead of seconds: for a machine that others use, too. No HTTP is spoken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import quantiles

os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch

import sfumato
from sfumato.engine import Entry, Scheduler
from sfumato.engine.line import Line
from sfumato.engine.scheduler import LIVE
from sfumato.painter import Painter
from sfumato.request import Request

BATCH = 8
USUAL = ("dpmpp_2m", "euler", "ddim", "euler_ancestral", "unipc")
PROMPTS = (
    "a red cat to the left of a blue car",
    "a castle, night sky background",
    "two yellow fish",
    "a tree",
)
PER_USER = {1: 12, 4: 5, 16: 3, 64: 2}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; all times in seconds."""

    server: str
    users: int
    pictures: int
    rate: float  # pictures a second
    p50: float
    p95: float
    small_p50: float
    small_p95: float
    large_p95: float


@dataclass(eq=False)
class Asked:
    """A request on its way through one server."""

    name: str
    user: int
    request: Request
    sent: float

    @property
    def kind(self) -> str:
        return "small" if self.request.guidance == 1 else "large" if self.request.size else "usual"

    @property
    def cost(self) -> float:
        """In rows of the native size."""
        width, height = self.request.size or (128, 128)
        return self.request.steps * (1 if self.kind == "small" else 2) * width * height / 128**2


@dataclass(eq=False)
class Server:
    """Draws what users send. ``begins(server)`` names those who may begin now."""

    name: str
    painter: Painter
    clock: Callable[[], float]
    begins: Callable[[Server], Iterable[Asked]]
    exact: bool
    live: int
    scheduler: Scheduler = field(init=False)
    line: Line = field(default_factory=Line)
    waiting: dict[str, Asked] = field(default_factory=dict[str, Asked])  # in the order in which they came
    drawing: dict[int, Asked] = field(default_factory=dict[int, Asked])
    to_come: dict[int, list[Request]] = field(default_factory=dict[int, list[Request]])
    took: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    now: float = 0.0

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(clock=self.clock, good=self.live)

    def send(self, user: int) -> None:
        """The user's next request, if there is one."""
        if not self.to_come[user]:
            return
        asked = Asked(f"{user}-{len(self.to_come[user])}", user, self.to_come[user].pop(), self.now)
        self.waiting[asked.name] = asked
        self.line.put(asked.name, str(user), asked.cost)

    def step(self) -> None:
        """One forward, by the server's own clock."""
        began = self.clock()
        for asked in self.begins(self):
            if asked.name in self.line:
                self.line.remove(asked.name)
            talk = self.painter.job(asked.request)
            entry = Entry(talk, self.painter.model, client=str(asked.user), exact=self.exact)
            self.drawing[self.scheduler.join(entry)] = asked
        over = self.scheduler.step()
        self.now += self.clock() - began
        for each in over:
            if isinstance(each.outcome, Exception):
                raise each.outcome
            asked = self.drawing.pop(each.number)
            self.took.append((asked.kind, self.now - asked.sent))
            self.send(asked.user)


def first(server: Server, most: int) -> list[Asked]:
    """Those who came first, once nothing is drawn any more."""
    if server.drawing:
        return []
    return [server.waiting.pop(name) for name in [*server.waiting][:most]]


def by_line(server: Server) -> Iterator[Asked]:
    """Those whose turn it is, while there is room for them: as the worker of ``sfumato serve`` does."""
    while (name := server.line.take(may=server.scheduler.has_room)) is not None:
        yield server.waiting.pop(name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure serving.")
    parser.add_argument("--users", default="1,4,16,64", help="how many at once, of each run")
    parser.add_argument("--per-user", type=int, help="pictures of each user; more of fewer, if not given")
    parser.add_argument("--live", type=int, default=LIVE, help="pictures that the scheduler draws at a time")
    parser.add_argument("--servers", help="only these, by their names, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", help="a weights file; the embedded model if not given")
    parser.add_argument("--cpu", action="store_true", help="count processor time, of one thread")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.cpu:
        torch.set_num_threads(1)
    clock = time.thread_time if options.cpu else time.perf_counter
    painter = sfumato.load(options.weights)
    painter("a cat", steps=2)  # warm
    print(f"load of the machine before: {os.getloadavg()[0]:.2f}")
    print(" users  server         pictures/s     p50     p95  small p50     p95  large p95")
    rows: list[Row] = []
    for users in map(int, options.users.split(",")):
        count = options.per_user or PER_USER.get(users, 2)
        sent = requests(painter, users, count, random.Random(options.seed))  # noqa: S311
        servers = made(painter, clock, options.live, (options.servers or ",".join(SERVERS)).split(","))
        run(servers, sent)
        for server in servers:
            rows.append(row(server, users))
            print(line_of(rows[-1]), flush=True)
    print(f"load of the machine after: {os.getloadavg()[0]:.2f}")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in rows], indent=1))


def made(painter: Painter, clock: Callable[[], float], live: int, names: Sequence[str]) -> list[Server]:
    return [
        Server(name=name, painter=painter, clock=clock, begins=begins, exact=exact, live=live)
        for name, (begins, exact) in SERVERS.items()
        if name in names
    ]


SERVERS: dict[str, tuple[Callable[[Server], Iterable[Asked]], bool]] = {
    "one by one": (lambda server: first(server, 1), False),
    "whole batches": (lambda server: first(server, BATCH), False),
    "exact": (by_line, True),
    "fast": (by_line, False),
}
"""Who begins when, and whether it draws exactly."""


def requests(painter: Painter, users: int, count: int, chance: random.Random) -> dict[int, list[Request]]:
    """What each user sends, the last first."""
    width, height = painter.model.native
    found: dict[int, list[Request]] = {}
    kinds = chance.sample([0, 1, 2, 3, 4, 5, 6, 7] * (users * count // 8 + 1), users * count)
    for number, kind in enumerate(kinds):
        usual = {
            "steps": chance.choice((16, 20, 24, 28)),
            "sampler": chance.choice(USUAL),
            "guidance": chance.choice((3.0, 4.0, 5.5, 7.0)),
        }
        settings = {"steps": 6, "sampler": "euler", "guidance": 1.0} if kind < 2 else usual
        if kind == 7:
            settings["size"] = (width * 3 // 2, height * 3 // 2)
        request = painter.request(chance.choice(PROMPTS), seed=chance.randrange(2**32), **settings)
        found.setdefault(number % users, []).append(request)
    return found


def run(servers: Sequence[Server], sent: dict[int, list[Request]]) -> None:
    """Let all servers draw everything, a step of each in turn."""
    for server in servers:
        server.to_come = {user: list(each) for user, each in sent.items()}
        for user in sent:
            server.send(user)
    busy = list(servers)
    while busy:
        server = min(busy, key=lambda each: each.now)
        server.step()
        if not server.waiting and not server.drawing:
            busy.remove(server)


def row(server: Server, users: int) -> Row:
    everybody = [seconds for _, seconds in server.took]
    small, large = (
        [seconds for kind, seconds in server.took if kind == asked] for asked in ("small", "large")
    )
    p50, p95 = shares(everybody)
    small_p50, small_p95 = shares(small)
    return Row(
        server=server.name, users=users, pictures=len(everybody), rate=len(everybody) / server.now,
        p50=p50, p95=p95, small_p50=small_p50, small_p95=small_p95, large_p95=shares(large)[1],
    )  # fmt: skip


def shares(seconds: Sequence[float]) -> tuple[float, float]:
    """The median, and what 95 of 100 stay below."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (float("nan"), float("nan"))
    found = quantiles(seconds, n=20, method="inclusive")
    return found[9], found[18]


def line_of(row: Row) -> str:
    times = f"{row.p50:8.2f}{row.p95:8.2f}{row.small_p50:11.2f}{row.small_p95:8.2f}{row.large_p95:11.2f}"
    return f"{row.users:5d}  {row.server:<14}{row.rate:11.2f}{times}"


if __name__ == "__main__":
    main()
