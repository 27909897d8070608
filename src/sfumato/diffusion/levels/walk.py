"""What spacings share: how they count, how they end, and which line they are put on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sfumato.diffusion.protocol import Level
from sfumato.errors import InputError

END = Level(1.0, 0.0)


def down(sigmas: Iterable[float]) -> list[Level]:
    """These levels at alpha = 1, and sigma 0 after them."""
    return [*(Level(1.0, sigma) for sigma in sigmas), END]


def straight(levels: Iterable[Level]) -> list[Level]:
    """The same sigmas on the line of flow models, alpha = 1 - sigma."""
    return [Level(1 - level.sigma, level.sigma) for level in levels]


def evenly(first: float, last: float, count: int) -> list[float]:
    """``count`` numbers from first to last, both exactly; the first alone when only one is asked for."""
    inner = [first + (last - first) * index / max(count - 1, 1) for index in range(count)]
    return [*inner[:-1], last] if count > 1 else inner


def between(steps: int, sigmas: Sequence[float], shape: Callable[[float], float]) -> list[Level]:
    """From the noisiest trained level to the least, both exactly, then to sigma 0.

    ``shape`` gives the sigma at each share of the way, 0 to 1.
    """
    check_steps(steps)
    inner = [shape(share) for share in evenly(0.0, 1.0, steps)[1:-1]]
    return down([sigmas[-1], *inner, *sigmas[: min(steps - 1, 1)]])


def ending_at(least: Level, spaced: Callable[[int], list[Level]], steps: int) -> list[Level]:
    """A walk in ``steps`` that ends at the least trained level: the other convention for the last one.

    It takes the place of sigma 0. A spacing that comes by it anyway is asked for one more level and stops
    there: other tools repeat it instead, and pay an evaluation for a step of no length.
    """
    levels = spaced(steps)
    return [*levels[:-1], least] if levels[-2].sigma > least.sigma else spaced(steps + 1)[:-1]


def check_steps(steps: int, most: int | None = None) -> None:
    """Raise InputError unless there is a step, and a trained level for each of them if ``most`` is given."""
    if steps < 1:
        raise InputError(f"{steps} steps draw nothing: ask for at least 1")
    if most is not None and steps > most:
        raise InputError(f"{steps} steps over {most} trained levels: ask for at most {most}, or use karras")


def check_between(name: str, value: float, least: float, most: float) -> None:
    """Raise InputError unless an option lies in its range."""
    if not least <= value <= most:
        raise InputError(f"{name} {value:g} is outside {least:g} to {most:g}")
