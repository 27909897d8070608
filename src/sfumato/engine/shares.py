"""Whose turn it is: every one who is there gets an equal share of the machine, counted in seconds had.

Start-time fair queueing (Goyal, Vin and Cheng 1996): whoever has had least is next, and who comes begins at
what whoever is worst off has had, so to have been away earns nothing. Newcomers who soon leave again could
keep that where it is for ever, and starve who has had more. So they begin no further back than a clock, that
of weighted fair queueing, which advances by all that is charged, divided among all who are there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)
Group = TypeVar("Group", bound=Hashable)


class Shares(Generic[Who]):
    """Who is there, and how much each has had. All are alike: to weigh one less, charge it more."""

    def __init__(self) -> None:
        self._had: dict[Who, float] = {}
        self._ahead: dict[Who, float] = {}  # of those who left with more than their share
        self._clock = 0.0
        self._longest = 0.0

    def __contains__(self, who: Who) -> bool:
        return who in self._had

    def __len__(self) -> int:
        return len(self._had)

    def had(self, who: Who) -> float:
        """How much one who is there has had, and what came to be counted so when it came."""
        return self._had[who]

    def come(self, who: Who) -> None:
        """Begin at what the one who is worst off has had, or later."""
        worst_off = min(self._had.values(), default=self._clock)
        # fair shares lie apart by the longest turn: less than that behind the clock is nobody's fault
        self._had[who] = max(worst_off, self._clock - self._longest, self._ahead.pop(who, 0.0))

    def go(self, who: Who) -> None:
        """Be away. What was had is remembered until those who come begin with as much."""
        had = self._had.pop(who)
        since = self._clock - self._longest
        self._ahead = {each: much for each, much in self._ahead.items() if much > since}
        if had > since:
            self._ahead[who] = had

    def charge(self, who: Who, seconds: float) -> None:
        """Count what one who is there has had."""
        self._had[who] += seconds
        self._longest = max(self._longest, seconds)
        self._clock += seconds / len(self._had)

    def order(self, asks: Callable[[Who], float] | None = None) -> list[Who]:
        """All who are there, whoever has had least first; among equals, who came first.

        With ``asks``, whoever will have had least once they have had that much more: then small wishes go
        before large ones. None is starved, for what others have had grows.
        """
        had = self._had
        return sorted(had, key=had.__getitem__ if asks is None else lambda who: had[who] + asks(who))


class Turns(Generic[Group, Who]):
    """Shares of two storeys: equal between groups, and equal again between those of one group."""

    def __init__(self) -> None:
        self._groups: Shares[Group] = Shares()
        self._within: dict[Group, Shares[Who]] = {}
        self._group_of: dict[Who, Group] = {}

    def come(self, who: Who, group: Group) -> None:
        if group not in self._within:
            self._groups.come(group)
            self._within[group] = Shares()
        self._within[group].come(who)
        self._group_of[who] = group

    def go(self, who: Who) -> None:
        group = self._group_of.pop(who)
        self._within[group].go(who)
        if not self._within[group]:
            del self._within[group]
            self._groups.go(group)

    def charge(self, who: Who, seconds: float) -> None:
        group = self._group_of[who]
        self._groups.charge(group, seconds)
        self._within[group].charge(who, seconds)

    def order(self) -> Iterator[Who]:
        """The first of each group in the order of the groups, then the second of each, and so on."""
        lines = [self._within[group].order() for group in self._groups.order()]
        for turn in range(max(map(len, lines), default=0)):
            yield from (line[turn] for line in lines if turn < len(line))
