"""A wish on its model: borrowed with what hangs beside it, made requests, looked at before it is drawn.

For the worker's thread: painters are asked, and pictures laid upon them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sfumato.engine.foreseeing import foreseen_notes
from sfumato.engine.residency import Residency
from sfumato.request import Request
from sfumato.serve.adapters import Adapters
from sfumato.serve.models import Models
from sfumato.serve.preparing import Pictures, Prepared, pictures_named, prepared
from sfumato.serve.wish import Wish

if TYPE_CHECKING:
    from sfumato.painter import Painter


class Borrowed(NamedTuple):
    """A painter, by the name of its model, and the names of what was hung beside it for a wish."""

    painter: Painter
    model: str
    beside: tuple[str, ...]


class Planning:
    """What the worker needs to know of models. ``pictures`` are those that a client may name."""

    def __init__(
        self,
        shelf: Residency[Painter],
        models: Models,
        adapters: Adapters,
        pictures: Callable[[str], Pictures],
    ) -> None:
        self.shelf = shelf
        self._models = models
        self._adapters = adapters
        self._pictures = pictures

    def wanted(self, wish: Wish) -> tuple[str, ...]:
        """What is to hang beside its model for a wish. Raises InputError; for any thread."""
        return self._adapters.wanted(self._named(wish))

    def borrowed(self, wish: Wish) -> Borrowed:
        """The painter that is to draw a wish. Raises Busy, OutOfMemory, InputError, CheckpointError."""
        beside = self.wanted(wish)
        return Borrowed(self.shelf.borrow(wish.model, beside), wish.model, beside)

    def give_back(self, borrowed: Borrowed) -> None:
        """Give back what was borrowed."""
        self.shelf.give_back(borrowed.model, borrowed.beside)

    def prepared(self, wish: Wish, client: str, painter: Painter) -> Prepared:
        """All requests of a wish, whose pictures lie on the painter now. Raises InputError."""
        family = self._models.known[wish.model].family
        return prepared(self._named(wish), painter, self._pictures(client), family=family)

    def lay_again(self, wish: Wish, client: str, painter: Painter, request: Request) -> None:
        """Bring the pictures of a request of a wish, if those of others have displaced any since."""
        if not {*pictures_named(request)} <= painter.pictures.keys():
            self.prepared(wish, client, painter)

    def _named(self, wish: Wish) -> Wish:
        """The wish with its networks; the embedded model's are shipped with it."""
        embedded = self._models.known[wish.model].path is None
        return wish if embedded else self._adapters.named_in(wish)

    def foreseen(self, wish: Wish, client: str) -> tuple[str, ...] | None:
        """What of a wish would have no effect; None, and nothing loaded, where its model is not in memory.

        Raises InputError and OutOfMemory for what cannot be drawn.
        """
        if wish.model not in self.shelf.resident:
            return None
        hung = {*self.shelf.beside(wish.model)}
        worn = tuple(each for each in wish.adapters if each[0] in hung)
        wish = wish.model_copy(update={"adapters": worn})  # the others are told of when they hang
        beside = self.wanted(wish)
        if not {*beside} <= hung:
            return None
        with self.shelf.lent(wish.model, beside) as painter:
            request = self.prepared(wish, client, painter).requests[0]
            return foreseen_notes(request, painter.model, pictures=painter.pictures)
