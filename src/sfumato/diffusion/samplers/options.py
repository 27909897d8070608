"""The checks of options that several samplers have."""

from __future__ import annotations

from sfumato.errors import InputError

NOISIEST = 10.0  # times as strong as it should be: whoever wants more wants noise, and no picture


def check_share(name: str, value: float) -> None:
    """Raise InputError unless 0 <= value <= 1."""
    if not 0 <= value <= 1:
        raise InputError(f"{name} {value} is no share of the noise: give 0 (none is drawn anew) to 1 (all)")


def check_order(name: str, order: int, least: int, most: int) -> None:
    """Raise InputError unless least <= order <= most."""
    if not least <= order <= most:
        euler = "; euler is order 1" if least > 1 else ""
        raise InputError(f"{name} of order {order}: give {least} to {most}{euler}")


def check_solver(name: str, solver: str) -> None:
    """Raise InputError unless it is one of the two ways in which two guesses are averaged."""
    if solver not in ("midpoint", "heun"):
        raise InputError(f"unknown solver {solver!r} of {name}: there are midpoint and heun")


def check_curvature(curvature: float) -> None:
    """Raise InputError unless 0 <= curvature <= 4."""
    if not 0 <= curvature <= 4:
        raise InputError(f"curvature {curvature}: give 1 (as published), 2 (exact), or else 0 to 4")


def check_noise_scale(scale: float, *, noisy: bool, without: str) -> None:
    """Raise InputError unless 0 <= scale <= 10, and unless it is 1 where no noise is drawn.

    ``without`` are the options of a run that draws none.
    """
    if not 0 <= scale <= NOISIEST:
        raise InputError(f"noise_scale {scale}: give 1 (as it is), a number near it, or else 0 to 10")
    if scale != 1 and not noisy:
        raise InputError(f"noise_scale {scale} has no effect with {without}: leave one of them out")
