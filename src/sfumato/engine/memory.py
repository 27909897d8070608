"""How much memory a picture will need, foreseen before anything is run, and compared with what is free."""

from __future__ import annotations

from types import MappingProxyType

from sfumato.engine.continuing import Pictures
from sfumato.families.model import Model
from sfumato.request import Request


def check_memory(
    request: Request,
    model: Model,
    *,
    pictures: Pictures = MappingProxyType({}),
    rows: int = 2,
    free: int | None = None,
) -> None:
    """Raise OutOfMemory, with a size or a pass that fits, if the request will need more than is free.

    ``rows`` share a forward; ``free`` bytes, None: what the system says. Models whose networks are not known
    here, and systems that do not tell what is free, are let through. Raises InputError as ``drawing`` does.
    """
    raise NotImplementedError
