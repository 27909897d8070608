"""The models of a server by name, and what their files tell of them before they are loaded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sfumato.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from sfumato.engine.precision import ModelFile
    from sfumato.words.known import Known
    from sfumato.words.lexicon import Lexicon


class Models:
    """The table of models; the first is what draws where a wish names none."""

    def __init__(self, files: Iterable[ModelFile]) -> None:
        self.by_name: Mapping[str, ModelFile] = {each.name: each for each in files}

    @property
    def default(self) -> str:
        return next(iter(self.by_name))

    def named(self, name: str) -> ModelFile:
        """The file of a name. Raises InputError with those that are near."""
        if name not in self.by_name:
            raise InputError(unknown("model", name, self.by_name))
        return self.by_name[name]

    def known_by(self, name: str | None) -> Known:
        """What the model of a name knows, or the default one. Raises InputError."""
        return self.known[self.named(name or self.default).name]

    def lexicon(self, name: str | None) -> Lexicon | None:
        """The words of a model that knows a closed world, as far as its file tells. Raises InputError."""
        try:
            return self.known_by(name).lexicon
        except CheckpointError:
            return None  # a world whose card does not say what it knows

    @cached_property
    def known(self) -> Mapping[str, Known]:
        """What each model knows, as its file tells. Raises CheckpointError for one that is not drawn with."""
        from sfumato.families import embedded
        from sfumato.words.known import known_of

        shipped = embedded()
        return {
            name: known_of(None if each.path == shipped else each.path) for name, each in self.by_name.items()
        }


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A line for a name that is none of those ``known``."""
    names = list(known)
    folded = {each.casefold(): each for each in names}
    near = [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    hint = f"is it {' or '.join(near)}?" if near else f"there is {', '.join(names[:12]) or 'none'}"
    return f"no {what} {name!r} here: {hint}"
