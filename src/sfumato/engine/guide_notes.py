"""One line for every part of the asked guidance that has no effect on the picture, or an unexpected one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.guidance.scale import progress
from sfumato.diffusion.named import Named, named
from sfumato.diffusion.protocol import Level
from sfumato.engine.guide_tree import listing_of, optional, positional, scaled_to_nothing, tree
from sfumato.engine.wish import Wish


def effects(wanted: Named, wish: Wish, levels: Sequence[Level], *, read: Sequence[str]) -> list[str]:
    """What of the guides in ``wanted``, and of the negative prompt, changes nothing; ``read`` was encoded."""
    notes = list(_negative(wanted, wish, read))
    if (asked := _asked(wish)) != wanted and asked.options:  # cfg(1, start=0.2)
        names = " and ".join(name for name, _ in asked.options)
        notes.append(f"{names} of {asked} has no effect: this scale means no guidance")
    for each in tree(wanted):
        notes += _idle(each)
        notes += window(each, levels)
    return notes


def _asked(wish: Wish) -> Named:
    if isinstance(wish.guidance, Named):
        return wish.guidance
    if isinstance(wish.guidance, str):
        return named(wish.guidance)
    return Named("cfg", (wish.guidance,))


def _negative(wanted: Named, wish: Wish, read: Sequence[str]) -> Iterator[str]:
    """What the negative prompt does not do, or does against all expectation."""
    if not wish.negative:
        return
    scales = _scales(wanted)
    parameters = {parameter.name for parameter in positional(listing_of(wanted))}
    if scaled_to_nothing(asked := _asked(wish)):
        yield f"the negative prompt has no effect at guidance {_briefly(asked)}: raise it above 1"
    elif wish.negative not in read:
        names = " in ".join(reversed([each.name for each in tree(wanted)]))
        yield f"the negative prompt has no effect: guide {names} does not read it; cfg does"
    elif set(scales) == {1} and "negative" in parameters and not _begins_there(wanted):
        yield f"the negative prompt has no effect at guidance {wanted}: raise it above 1"
    elif scales and max(scales) < 1 and listing_of(wanted) is GUIDES["cfg"]:
        yield (
            f"at guidance {max(scales):g} the negative prompt draws the picture towards itself, not away: "
            "raise it above 1"
        )


def _begins_there(wanted: Named) -> bool:
    """Whether the way of the guide begins at the negative prompt even at scale 1: CFG++, and AND's sum."""
    return listing_of(wanted).renoises or listing_of(wanted).each > 0


def _scales(wanted: Named) -> list[float]:
    """Its strength: one number, the ends of a curve, or one for every step."""
    for value in wanted.values:
        inside = value.values if isinstance(value, Named) else value if isinstance(value, tuple) else (value,)
        numbers = [float(each) for each in inside if isinstance(each, (int, float))]
        if numbers and len(numbers) == len(inside):
            return numbers
    return []


def _briefly(asked: Named) -> str:
    scale = asked.values[0]
    return f"{scale:g}" if isinstance(scale, (int, float)) and not asked.options else str(asked)


def _idle(wanted: Named) -> Iterator[str]:
    """A guide that finds nothing to do in what it wraps, or was told to do it by nothing."""
    listing = listing_of(wanted)
    if not listing.wraps:
        return
    _, *within = tree(wanted)
    base = within[-1]
    mixed = any(listing_of(each).mixes for each in within)
    if listing is GUIDES["rescale"] and not mixed:
        yield f"{wanted.name} has no effect on {base}, which mixes nothing: let it wrap cfg, for instance"
    mimics = listing is GUIDES["dynamic_thresholding"] and dict(wanted.options).get("mimic") != Named("none")
    if mimics and not listing_of(base).contrasts:
        yield (
            f"{wanted.name} has no effect on {base}, which does not tell what it guides away from: "
            "let it wrap cfg, for instance"
        )
    if listing is GUIDES["interval"] and not mixed and listing_of(base) is not GUIDES["nag"]:
        yield f"{wanted.name} has no effect on {base}: inside of it and outside the words alone are asked"
    if listing.perturbs and 0 in wanted.values[1:2]:
        yield f"{wanted.name} at scale 0 has no effect, and its row is computed all the same: leave it out"


def window(wanted: Named, levels: Sequence[Level]) -> Iterator[str]:
    """A stretch of the walk in which no level stands, or outside of which none does."""
    found = {**optional(listing_of(wanted)), **dict(wanted.options)}
    start, stop = found.get("start", 0.0), found.get("stop", found.get("still"))
    if not isinstance(start, (int, float)) or not isinstance(stop, (int, float)) or stop == 0:
        return
    stands = [progress(level) for level in levels[:-1]]
    within = [start <= passed < stop for passed in stands]
    if not any(within):
        yield (
            f"{wanted.name} acts from {start:g} to {stop:g} of the walk, and none of the levels stands there "
            f"({', '.join(f'{passed:.2g}' for passed in stands[:8])}{', ...' * (len(stands) > 8)}): "
            "it has no effect, unless the sampler asks between them; widen it, or take more steps"
        )
    elif all(within) and {"start", "stop"} & dict(wanted.options).keys() and (start, stop) != (0, 1):
        yield f"{wanted.name} acts from {start:g} to {stop:g} of the walk, and all levels stand there"
