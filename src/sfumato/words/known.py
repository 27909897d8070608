"""What a model knows, as its file tells before a network is read: its family, and a world's words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sfumato.errors import CheckpointError
from sfumato.styles.preset import FAMILIES

if TYPE_CHECKING:
    from sfumato.words.lexicon import Lexicon

SPEAKS_AS = {"sdxl-refiner": "sdxl"}
"""Families that heed the words of another."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A model's family, and where it lies; None is the embedded one."""

    family: str
    path: Path | None
    card: str = ""

    @cached_property
    def lexicon(self) -> Lexicon | None:
        """The words of a picture world; None for other families. CheckpointError for a card without."""
        from sfumato.words.lexicon import embedded_lexicon, lexicon_of

        if self.family != "world" or self.path is None:
            return embedded_lexicon() if self.path is None else None
        from sfumato.world.sprites import BY_NAME

        try:
            return lexicon_of([name for name in json.loads(self.card)["sprites"] if name in BY_NAME])
        except (ValueError, TypeError, LookupError) as error:
            raise CheckpointError(f"{self.path}: its card does not say which things it knows") from error


def known_of(model: Path | None) -> Known:
    """What the model at a path knows. Raises CheckpointError for a file of no family that is drawn with."""
    if model is None:
        return Known(family="world", path=None)
    from sfumato.checkpoints.open import open_checkpoint
    from sfumato.checkpoints.recognise import recognise

    checkpoint = open_checkpoint(model)
    found = recognise(checkpoint)
    family = SPEAKS_AS.get(found.family, found.family)
    if family not in FAMILIES:
        why = found.obstacle or f"is of family {found.family}, whose words are not known here"
        raise CheckpointError(f"{model}: {why}; `sfumato inspect` tells what it is")
    return Known(family=family, path=model, card=checkpoint.metadata.get("sfumato.card", ""))
