"""What holds of every network's configuration: its whole numbers count something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast


def check_sizes(config: object, *, perhaps_zero: Sequence[str] = ()) -> None:
    """Raise ValueError unless every whole number of `config`, and in its tuples, is 1 or more.

    Those of the fields `perhaps_zero` may be 0. No tuple may be empty.
    """
    for name, value in vars(config).items():
        numbers = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
        least = 0 if name in perhaps_zero else 1
        if not numbers or any(type(number) is int and number < least for number in numbers):
            raise ValueError(f"{name} {value} where {least} is the least")
