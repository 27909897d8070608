"""The line of those who wait to begin: fair between clients, and between the small and the big of one client.

Clients take turns by the cost of what was taken and of what they ask next (``shares.py``). So do, within one
client, jobs of different sizes, a size for every factor of four; those of one size are taken in the order in
which they came. A small job waits for its share, not for all big ones before it, and no stream of small ones
starves a big one.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sfumato.engine.shares import Shares

PATIENCE = 8
"""How often others may go before one whose turn it is, while it does not fit. Then they wait for it."""


class _Waiting(NamedTuple):
    name: str
    client: str
    cost: float

    @property
    def size(self) -> int:
        return math.floor(math.log(self.cost, 4))


@dataclass(eq=False)
class _Own:
    """What one client waits for, by size."""

    turns: Shares[int] = field(default_factory=Shares[int])
    lines: dict[int, list[_Waiting]] = field(default_factory=dict[int, list[_Waiting]])

    def asks(self, size: int) -> float:
        """What the first of that size costs."""
        return self.lines[size][0].cost

    def first(self) -> _Waiting:
        """Whose turn it is."""
        return self.lines[self.turns.order(self.asks)[0]][0]

    def planned(self) -> deque[_Waiting]:
        """Everybody, in the order in which they would be taken."""
        had = {size: self.turns.had(size) for size in self.lines}
        lines = {size: deque(line) for size, line in self.lines.items()}
        found: deque[_Waiting] = deque()
        while lines:
            size = min(lines, key=lambda size: had[size] + lines[size][0].cost)
            one = lines[size].popleft()
            had[size] += one.cost
            found.append(one)
            if not lines[size]:
                del lines[size]
        return found


class _State:
    """Who waits, in no order but that which ``order`` finds."""

    def __init__(self) -> None:
        self.turns: Shares[str] = Shares()
        self.own: dict[str, _Own] = {}

    def put(self, one: _Waiting) -> None:
        if one.client not in self.own:
            self.own[one.client] = _Own()
            self.turns.come(one.client)
        own = self.own[one.client]
        if one.size not in own.lines:
            own.lines[one.size] = []
            own.turns.come(one.size)
        own.lines[one.size].append(one)

    def order(self, may: Callable[[str], bool]) -> Iterator[_Waiting]:
        """By whose turn it is now; the first is taken next, the others if those before them do not fit."""
        for client in filter(may, self.turns.order(self._asks)):
            own = self.own[client]
            for size in own.turns.order(own.asks):
                yield from own.lines[size]

    def take(self, one: _Waiting) -> None:
        """Charge one, and let it go."""
        self.turns.charge(one.client, one.cost)
        self.own[one.client].turns.charge(one.size, one.cost)
        self.remove(one)

    def remove(self, one: _Waiting) -> None:
        own = self.own[one.client]
        own.lines[one.size].remove(one)
        if not own.lines[one.size]:
            del own.lines[one.size]
            own.turns.go(one.size)
        if not own.lines:
            del self.own[one.client]
            self.turns.go(one.client)

    def put_back(self, one: _Waiting) -> None:
        """Give back what one paid who was put again at the end, and let it wait in front of its size."""
        own = self.own[one.client]
        own.lines[one.size].remove(one)
        own.lines[one.size].insert(0, one)
        self.turns.charge(one.client, -one.cost)
        own.turns.charge(one.size, -one.cost)

    def planned(self) -> Iterator[_Waiting]:
        """Everybody, in the order in which they would be taken if all fitted and nobody came."""
        heap: list[tuple[float, int, str]] = []
        orders = {client: own.planned() for client, own in self.own.items()}
        had = {client: self.turns.had(client) for client in self.own}
        for number, (client, order) in enumerate(orders.items()):
            heapq.heappush(heap, (had[client] + order[0].cost, number, client))
        while heap:
            _, number, client = heapq.heappop(heap)
            one = orders[client].popleft()
            had[client] += one.cost
            if orders[client]:
                heapq.heappush(heap, (had[client] + orders[client][0].cost, number, client))
            yield one

    def _asks(self, client: str) -> float:
        return self.own[client].first().cost


class Line:
    """Who waits, by name. For one thread at a time."""

    def __init__(self) -> None:
        self._state = _State()
        self._waiting: dict[str, _Waiting] = {}
        self._passed: dict[str, int] = {}
        self._places: dict[str, int] | None = None
        self._last: tuple[_Waiting, int] | None = None  # that was taken, and how often it was passed over

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, name: str) -> bool:
        return name in self._waiting

    def put(self, name: str, client: str, cost: float) -> None:
        """Wait at the end. ``cost`` is above 0, in one unit for all. ValueError for a name that waits."""
        if name in self._waiting:
            raise ValueError(f"{name!r} waits already: remove it first")
        if not 0 < cost < math.inf:
            raise ValueError(f"a cost of {cost}: it must be above 0, and have an end")
        one = _Waiting(name, client, cost)
        self._waiting[name] = one
        self._state.put(one)
        self._places = None

    def take(
        self, fits: Callable[[str], bool] | None = None, may: Callable[[str], bool] | None = None
    ) -> str | None:
        """The next that fits, of a client that ``may`` begin one; it waits no longer. None if there is none.

        Who has the turn and does not fit is passed over ``PATIENCE`` times; then all others wait for it. What
        will never fit, the caller removes. For clients that may not begin any now, nobody waits.
        """
        passed: list[str] = []
        for one in self._state.order(may or (lambda _: True)):
            if fits is None or fits(one.name):
                for name in passed[:1]:
                    self._passed[name] = self._passed.get(name, 0) + 1
                self._last = one, self._passed.get(one.name, 0)
                self._state.take(one)
                self._forget(one.name)
                return one.name
            if not passed and self._passed.get(one.name, 0) >= PATIENCE:
                return None
            passed.append(one.name)
        return None

    def place(self, name: str) -> int:
        """How many would be taken until it was its turn, itself among them, if all fitted; 1 is the next.

        KeyError for one that does not wait.
        """
        if self._places is None:
            self._places = {one.name: place for place, one in enumerate(self._state.planned(), start=1)}
        return self._places[name]

    def remove(self, name: str) -> None:
        """Wait no longer, and pay nothing. KeyError for one that does not wait."""
        self._state.remove(self._waiting[name])
        self._forget(name)

    def put_back(self, name: str) -> None:
        """Wait again, before others of its size, and pay nothing: it was taken last, and could not begin.

        How often it was passed over still counts: what is tried in vain, again and again, has its turn, too.
        """
        if self._last is None or self._last[0].name != name:
            raise ValueError(f"{name!r} is not what was taken last: put it at the end")
        one, passed = self._last
        self.put(name, one.client, one.cost)
        self._state.put_back(one)
        if passed:
            self._passed[name] = passed
        self._last = None

    def _forget(self, name: str) -> None:
        del self._waiting[name]
        self._passed.pop(name, None)
        self._places = None
