"""What a foreign protocol's request means here: a wish, and a line for all of it that has no effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from sfumato.errors import InputError
from sfumato.families.sizes import Sizes
from sfumato.serve.refused import Refused
from sfumato.serve.wish import Wish

if TYPE_CHECKING:
    from sfumato.serve.facts import Shape


class Translated(NamedTuple):
    """A wish, and what is to be told of how it was understood."""

    wish: Wish
    notes: tuple[str, ...]


def wish_of(values: Mapping[str, object]) -> Wish:
    """The wish with these values, absent where they are None. Raises Refused for what is no wish."""
    said = {name: value for name, value in values.items() if value is not None}
    try:
        return Wish.model_validate(said)
    except ValidationError as error:
        message, param = first_fault(error)
        raise Refused(400, message, param=param) from error


def first_fault(error: ValidationError) -> tuple[str, str | None]:
    """One line that tells what is wrong first, and the field that it is about."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    text = f"{where}: {faults[0]['msg']}{more}" if where else f"{faults[0]['msg']}{more}"
    return text, where.partition(".")[0] or None


def check_size(wish: Wish, shapes: Mapping[str, Shape], *, status: int) -> None:
    """Raise Refused, naming the nearest sizes, for one that the model is known not to draw."""
    shape = shapes.get(wish.model)
    if shape is None or wish.size is None or wish.outpaint is not None:
        return
    sizes = Sizes(
        native=shape.native, multiple=shape.multiple, smallest=shape.least, largest=shape.most
    )  # fmt: skip
    try:
        sizes.check(wish.size)
    except InputError as error:
        raise Refused(status, str(error), param="size") from error
