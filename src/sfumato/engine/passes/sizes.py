"""What passes share: how far they go, and how large a picture becomes."""

from __future__ import annotations

from sfumato.engine.passes.listing import Going
from sfumato.engine.walk import Walk, walk_asked
from sfumato.errors import InputError

LARGEST = 8.0  # a factor


def check_pass(name: str, factor: float, strength: float, steps: int | None) -> None:
    """Raise InputError for numbers that make no pass."""
    if not 1 <= factor <= LARGEST:
        raise InputError(f"factor {factor:g} of pass {name} is outside 1 to {LARGEST:g}: 2 is usual")
    if not 0 < strength <= 1:
        raise InputError(f"strength {strength:g} of pass {name} is outside 0 to 1, and 0 draws nothing")
    if steps is not None and steps < 1:
        raise InputError(f"{steps} steps of pass {name} draw nothing: ask for at least 1")


def grown(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """The size (width, height) of a picture whose sides grow by a factor, in whole pixels."""
    return round(size[0] * factor), round(size[1] * factor)


def walk_of(name: str, going: Going, strength: float) -> Walk:
    """The walk of a pass. Raises InputError, naming the pass."""
    try:
        return walk_asked(going.request, going.model, strength)
    except InputError as error:
        raise InputError(f"pass {name}: {error}") from error
