"""From the name that a person gave to the levels, options and all: ``karras(rho=5)``, ``uniform(shift=3)``.

Every spacing takes ``final``: zero, or least to stop at the least trained level. On a flow all take
``shift``, or ``mu``, which is its logarithm, and ``terminal``, the last level that has noise.
``custom(1, 0.6, 0.2, 0)`` is a list of sigmas.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sfumato.diffusion.choose import own_name, plainly
from sfumato.diffusion.levels.custom import custom
from sfumato.diffusion.levels.flow import OverFlow, flow_sigmas, mu_shift, stretched
from sfumato.diffusion.levels.listing import FlowSpacing, Listing, Spacing
from sfumato.diffusion.levels.table import FLOW_SPACINGS, SPACINGS, TRAINED_SPACINGS
from sfumato.diffusion.levels.walk import ending_at
from sfumato.diffusion.named import Named, Value, named, options_of, options_told
from sfumato.diffusion.protocol import Level
from sfumato.errors import InputError

WHAT = "level spacing"
ENDS = ("zero", "least")
NUMBERS = ("shift", "mu", "terminal")
LEAST, MOST = 1e-6, 1e5  # beyond them float32 ends before the walk does

Served = TypeVar("Served")


def trained_levels(spacing: str, steps: int, sigmas: Sequence[float]) -> list[Level]:
    """The walk of an epsilon, v or clean model that was trained at ``sigmas``, given from least to most."""
    wanted = named(spacing)
    if plainly(wanted.name) == "custom":
        return _written(wanted, steps, flow=False)
    walk: Spacing = _serving(TRAINED_SPACINGS, wanted.name, "epsilon, v and clean models")
    options = _options(wanted, (*_own(walk), "final"))
    walk = partial(walk, **_chosen(walk, wanted))
    return _ended(lambda count: walk(count, sigmas), steps, Level(1.0, sigmas[0]), options)


def flow_levels(spacing: str, steps: int, *, shift: float = 1.0) -> list[Level]:
    """The walk of a flow model, whose own ``shift`` an option replaces."""
    wanted = named(spacing)
    if plainly(wanted.name) == "custom":
        return _written(wanted, steps, flow=True)
    flow: FlowSpacing = _serving(FLOW_SPACINGS, wanted.name, "flow models")
    own = flow.spacing if isinstance(flow, OverFlow) else flow
    options = _options(wanted, (*_own(own), "shift", "mu", "terminal", "final"))
    chosen = _chosen(own, wanted)
    walk = (
        OverFlow(partial(flow.spacing, **chosen)) if isinstance(flow, OverFlow) else partial(flow, **chosen)
    )
    asked = _shift(wanted, options, walk, steps)
    kept = shift if asked is None else asked
    terminal = _only(options, ("terminal",)).get("terminal")

    def spaced(count: int) -> list[Level]:
        levels = walk(count, kept)
        return levels if terminal is None else stretched(levels, terminal)

    least = flow_sigmas(kept)[0]
    return _ended(spaced, steps, Level(1 - least, least), options)


def spacing_options(listing: Listing) -> dict[str, str]:
    """The options that this spacing has and others do not, with what holds if they are not given."""
    walks = (listing.trained, listing.flow.spacing if isinstance(listing.flow, OverFlow) else listing.flow)
    return {name: value for walk in walks if walk is not None for name, value in options_told(walk).items()}


def _serving(table: Mapping[str, Served], name: str, models: str) -> Served:
    own = own_name(SPACINGS, name, WHAT)
    if own not in table:
        raise InputError(f"{WHAT} {own!r} does not serve {models}: there are {', '.join(sorted(table))}")
    return table[own]


def _own(walk: Callable[..., list[Level]]) -> tuple[str, ...]:
    """The names of the options that this spacing has and others do not."""
    parameters = inspect.signature(walk).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


def _options(wanted: Named, known: Sequence[str]) -> dict[str, Value]:
    there_are = f"it has {', '.join(known)}"
    if wanted.values:
        raise InputError(f"{WHAT} {wanted.name} takes options by name only: {there_are}")
    options = dict(wanted.options)
    for name, value in options.items():
        if name not in known:
            raise InputError(f"{WHAT} {wanted.name} has no option {name!r}: {there_are}")
        if name == "final":
            if str(value) not in ENDS:
                raise InputError(f"final {value} is not an end of a walk: there are {' and '.join(ENDS)}")
        elif name in NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise InputError(f"{name} of {WHAT} {wanted.name} is a number, not {value}")
    return options


def _chosen(walk: Callable[..., list[Level]], wanted: Named) -> dict[str, Any]:
    """The options of its own that were given."""
    own = tuple(option for option in wanted.options if option[0] in _own(walk))
    return dict(options_of(walk, Named(wanted.name, (), own), WHAT))


def _only(options: Mapping[str, Value], names: Sequence[str]) -> dict[str, float]:
    return {
        name: value for name, value in options.items() if name in names and isinstance(value, (int, float))
    }


def _shift(wanted: Named, options: Mapping[str, Value], walk: FlowSpacing, steps: int) -> float | None:
    """The shift that was asked for; raises InputError where it would change nothing."""
    found = _only(options, ("shift", "mu"))
    if len(found) == 2:
        raise InputError(f"{wanted} says both shift and mu: mu is the logarithm of shift, leave one out")
    for name, value in found.items():
        shift = mu_shift(value) if name == "mu" else value
        if shift != 1 and steps > 1 and walk(steps, shift) == walk(steps, 1.0):
            raise InputError(f"{name} {value:g} changes nothing in {wanted.name}: leave it out")
        return shift
    return None


def _ended(
    spaced: Callable[[int], list[Level]], steps: int, least: Level, options: Mapping[str, Value]
) -> list[Level]:
    """The walk with the last level that was asked for; checked, for options can be bold."""
    if str(options.get("final", "zero")) == "zero":
        return custom(spaced(steps))
    return custom(ending_at(least, spaced, steps))


def _written(wanted: Named, steps: int, *, flow: bool) -> list[Level]:
    """The list of sigmas in the brackets, of which there is one more than steps."""
    values = wanted.values[0] if len(wanted.values) == 1 else wanted.values
    if wanted.options or not isinstance(values, tuple):
        raise InputError(f"{wanted} is no list of levels: write, for instance, custom(1, 0.6, 0.2, 0)")
    sigmas: list[float | Level] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{value} of {wanted} is not a number: levels are sigmas, from most to least")
        if value > 0 and not LEAST <= value <= MOST:
            raise InputError(f"level {value:g} of {wanted} is outside {LEAST:g} to {MOST:g}, and is not 0")
        sigmas.append(float(value))
    levels = custom(sigmas, flow=flow)
    if len(levels) != steps + 1:
        raise InputError(f"{len(levels)} levels are {len(levels) - 1} steps, not {steps}: ask for as many")
    return levels
