"""Which models are in memory: as many as a budget allows, loaded on demand, the longest unused released.

A model is borrowed while it draws and given back; so are the adapters that hang beside it. What nobody has
borrowed may be released to make room for what is asked for, and the memory goes back to the system
(``returned.py``). What is made, and how, is a ``Maker``'s business; ``footprint.py`` counts bytes for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Generic, Protocol, TypeVar

from sfumato.engine.failures import is_of_memory
from sfumato.engine.returned import give_memory_back
from sfumato.engine.sized import sized
from sfumato.errors import OutOfMemory

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - a state, which passes
    """It would fit if others gave back what they have borrowed: ask again when something was."""


class Maker(Protocol[T]):
    """Makes what is borrowed, and says how many bytes it takes. Its errors go on to whoever borrows."""

    def foreseen(self, name: str) -> int:
        """How many bytes it will take, from its files' headers. Raises for files that cannot be loaded."""
        ...

    def make(self, name: str) -> T: ...

    def foreseen_beside(self, name: str, beside: str) -> int:
        """How many bytes an adapter will take beside the model of that name. Raises as ``foreseen``."""
        ...

    def hang(self, made: T, beside: str) -> None: ...

    def remove(self, made: T, beside: str) -> None: ...

    def weigh(self, made: T) -> int:
        """How many bytes it takes now, with all that hangs beside it."""
        ...


@dataclass(eq=False)
class _Beside:
    """An adapter that hangs: the bytes that came with it, and whether anybody wears it."""

    bytes: int
    borrowers: int = 0
    used: int = 0


@dataclass(eq=False)
class _Resident(Generic[T]):
    made: T
    bytes: int  # with all that hangs beside it
    borrowers: int = 0
    used: int = 0
    beside: dict[str, _Beside] = field(default_factory=dict[str, _Beside])

    @property
    def idle(self) -> int:
        """The bytes that can be had without waiting for anybody."""
        if not self.borrowers:
            return self.bytes
        return sum(each.bytes for each in self.beside.values() if not each.borrowers)


class Residency(Generic[T]):
    """Lends models by name. The thread that runs them borrows and gives back; any thread may look.

    A file whose header shows that it cannot be loaded fails before anything is released. If it fails later,
    nothing has changed either, but for what was released to make room: that is loaded again on demand.
    """

    def __init__(self, maker: Maker[T], *, budget: int) -> None:
        self.maker = maker
        self.budget = budget
        self._kept: dict[str, _Resident[T]] = {}
        self._lock = Lock()  # never held while anything is loaded: those who look do not wait
        self._ticks = count(1)

    @property
    def resident(self) -> Mapping[str, int]:
        """What is in memory, and its bytes with all that hangs beside it; the longest unused first."""
        with self._lock:
            kept = sorted(self._kept.items(), key=lambda item: item[1].used)
            return {name: each.bytes for name, each in kept}

    def beside(self, name: str) -> tuple[str, ...]:
        """The adapters that hang beside a model now; none if it is not in memory."""
        with self._lock:
            return tuple(self._kept[name].beside) if name in self._kept else ()

    def borrow(self, name: str, beside: Sequence[str] = ()) -> T:
        """The model, with adapters beside it: none of them is released until it was given back as often.

        Raises OutOfMemory if it could never fit, Busy if others have borrowed too much now, and what the
        maker raises; then nothing is borrowed.
        """
        wanted = tuple(dict.fromkeys(beside))
        found = self._found(name, wanted)
        there = [each for each in wanted if each in found.beside]
        taken: list[_Resident[T] | _Beside] = [found, *(found.beside[each] for each in there)]
        self._take(taken)
        try:
            taken.extend(self._hung(name, each, wanted) for each in wanted if each not in there)
        except BaseException:
            with self._lock:
                for one in taken:
                    one.borrowers -= 1
            raise
        return found.made

    def give_back(self, name: str, beside: Sequence[str] = ()) -> None:
        """End a ``borrow`` of the same names. KeyError for what is not borrowed."""
        with self._lock:
            found = self._kept[name]
            each = [found.beside[one] for one in dict.fromkeys(beside)]
            if not found.borrowers or not all(one.borrowers for one in each):
                raise KeyError(f"{name} with {', '.join(beside) or 'nothing'} is not borrowed")
            for one in (found, *each):
                one.borrowers -= 1
                one.used = next(self._ticks)
            found.bytes = self.maker.weigh(found.made)  # it may have grown while it drew
        self._release_until(self.budget)

    @contextmanager
    def lent(self, name: str, beside: Sequence[str] = ()) -> Generator[T]:
        """``borrow``, and ``give_back`` at the end."""
        made = self.borrow(name, beside)
        try:
            yield made
        finally:
            self.give_back(name, beside)

    def release(self, name: str) -> bool:
        """Let go of one that nobody has borrowed. Whether it was there, and is gone."""
        with self._lock:
            found = self._kept.get(name)
            if found is None or found.borrowers:
                return False
            del self._kept[name]
        del found
        give_memory_back()
        return True

    def _take(self, wanted: Sequence[_Resident[T] | _Beside]) -> None:
        with self._lock:
            for one in wanted:
                one.borrowers += 1
                one.used = next(self._ticks)

    def _found(self, name: str, beside: Sequence[str]) -> _Resident[T]:
        """The resident of that name, loaded if need be."""
        with self._lock:
            if name in self._kept:
                return self._kept[name]
        needed = self.maker.foreseen(name)
        least = needed + sum(self.maker.foreseen_beside(name, each) for each in beside)
        if least > self.budget:
            worn = f" with {', '.join(beside)}" if beside and needed <= self.budget else ""
            raise OutOfMemory(
                f"model {name}{worn} needs about {sized(least if worn else needed)} and the budget for "
                f"models is {sized(self.budget)}: raise --budget, or load it as bfloat16 "
                f"(--model {name}=FILE:bfloat16)"
            )
        self._make_room(needed, f"model {name}")
        made = self._made(name, needed)
        found = _Resident(made, self.maker.weigh(made))
        with self._lock:
            self._kept[name] = found
        return found

    def _made(self, name: str, needed: int) -> T:
        try:
            return self.maker.make(name)
        except Exception as error:
            if not is_of_memory(error):
                raise
            raise OutOfMemory(
                f"model {name} needs about {sized(needed)}, and the system has less than the budget of "
                f"{sized(self.budget)} allows: lower --budget, or end other programs"
            ) from None  # the error's frames would keep what was loaded so far

    def _hung(self, name: str, beside: str, wanted: Sequence[str]) -> _Beside:
        """An adapter, hung beside a model that is borrowed, and borrowed itself."""
        needed, found = self.maker.foreseen_beside(name, beside), self._kept[name]
        with self._lock:
            others = sum(each.bytes for one, each in found.beside.items() if one not in wanted)
            least = found.bytes - others
        if least + needed > self.budget:
            raise OutOfMemory(
                f"{beside} needs about {sized(needed)} beside model {name}, which takes {sized(least)} of "
                f"the budget of {sized(self.budget)}: raise --budget, or wear fewer adapters at once"
            )
        self._make_room(needed, f"{beside} beside model {name}")
        self.maker.hang(found.made, beside)
        with self._lock:
            before, found.bytes = found.bytes, self.maker.weigh(found.made)
            hung = _Beside(max(found.bytes - before, 0), borrowers=1, used=next(self._ticks))
            found.beside[beside] = hung
        return hung

    def _make_room(self, needed: int, what: str) -> None:
        """Release until ``needed`` bytes are free. Raises Busy, and releases nothing, if that cannot be."""
        with self._lock:
            lent = sum(each.bytes - each.idle for each in self._kept.values())
        if lent + needed > self.budget:
            raise Busy(
                f"{what} needs {sized(needed)}; {sized(lent)} of {sized(self.budget)} are borrowed: it waits "
                "until they are given back"
            )
        self._release_until(self.budget - needed)

    def _release_until(self, most: int) -> None:
        """Release what was unused for longest until no more than ``most`` bytes are taken, or all is lent."""
        released = False
        while True:
            with self._lock:
                if sum(each.bytes for each in self._kept.values()) <= most:
                    break
                oldest = min(self._idle(), default=None)
                if oldest is None:
                    break
                self._let_go(*oldest[1:])
            released = True
        if released:
            give_memory_back()

    def _idle(self) -> Iterator[tuple[int, str, str]]:
        """When it was last used, a model's name, and that of an adapter beside it or "" for itself."""
        for name, each in self._kept.items():
            if not each.borrowers:
                yield each.used, name, ""
            yield from ((hung.used, name, one) for one, hung in each.beside.items() if not hung.borrowers)

    def _let_go(self, name: str, beside: str) -> None:
        if not beside:
            del self._kept[name]
            return
        found = self._kept[name]
        self.maker.remove(found.made, beside)
        del found.beside[beside]
        found.bytes = self.maker.weigh(found.made)
