"""Makes painters for ``Residency``: what a model and an adapter take, how they are loaded and hung."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sfumato import families
from sfumato.engine.footprint import foreseen_adapter_bytes, foreseen_bytes, held_bytes
from sfumato.families.source import Source
from sfumato.painter import Painter
from sfumato.serve.adapters import Adapters
from sfumato.serve.facts import Shape
from sfumato.serve.models import Models


class Shelf:
    """The ``Maker`` of a server: painters by the names of their models, beside them files by theirs."""

    def __init__(self, models: Models, adapters: Adapters) -> None:
        self.models = models
        self.adapters = adapters
        self._weighed: WeakKeyDictionary[Painter, tuple[tuple[str, ...], int]] = WeakKeyDictionary()
        files, shipped = models.by_name.values(), families.embedded()
        # of every model that was in memory, and of the embedded one
        self.shapes = {each.name: Shape.of_embedded() for each in files if each.path == shipped}

    def foreseen(self, name: str) -> int:
        """The bytes that a model will take."""
        file = self.models.named(name)
        return foreseen_bytes(file.path, families.Loading(dtype=file.dtype))

    def make(self, name: str) -> Painter:
        """Load a model."""
        file = self.models.named(name)
        how: families.LoadingOptions = {} if file.dtype is None else {"dtype": file.dtype}
        model = families.load(file.path, families.Loading(**how))
        self.shapes[name] = Shape.of(model)
        return Painter(model, name=name, source=Source(file.path, how))

    def foreseen_beside(self, name: str, beside: str) -> int:  # noqa: ARG002 - the same beside all
        """The bytes that an adapter will take."""
        return foreseen_adapter_bytes(self.adapters.named(beside).path)

    def hang(self, made: Painter, beside: str) -> None:
        """Hang an adapter, whatever its kind."""
        found = self.adapters.named(beside)
        encoder = self.adapters.encoder() if found.kind == "image-prompt" else None
        made.hang(found.path, name=beside, encoder=encoder)

    def remove(self, made: Painter, beside: str) -> None:
        """Take it off."""
        made.remove(beside)

    def weigh(self, made: Painter) -> int:
        """The bytes that all of it takes; counted anew when something else hangs beside it."""
        hung = (*made.model.closet.adapters, *made.model.closet.embeddings, *made.model.controls.names)
        before = self._weighed.get(made)
        if before is None or before[0] != hung:  # counting takes as long as a forward of a small model
            before = self._weighed[made] = hung, held_bytes(made.model)
        return before[1]
