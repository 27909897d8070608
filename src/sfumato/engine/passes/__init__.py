"""Passes: what goes over a finished picture again. One file each, one line here.

A request names them in their order: "hires(2, strength=0.5)", "tiled(2, tile=512)". Begin with ``hires.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.diffusion.named import Named, named, options_of
from sfumato.engine.passes.hires import HIRES
from sfumato.engine.passes.listing import Listing, Pass
from sfumato.engine.passes.tiled import TILED
from sfumato.errors import InputError

PASSES: dict[str, Listing] = {
    "hires": HIRES,
    "tiled": TILED,
}


def passes_asked(texts: Sequence[str]) -> list[Pass]:
    """The passes that a request names. Raises InputError for names, options and values that there are not."""
    return [_pass(named(text)) for text in texts]


def _pass(wanted: Named) -> Pass:
    if wanted.name not in PASSES:
        raise InputError(f"no pass {wanted.name!r}: there are {', '.join(PASSES)}")
    listing = PASSES[wanted.name]
    match wanted.values:
        case (int() | float() as factor,) if not isinstance(factor, bool):
            pass
        case _:
            raise InputError(
                f"pass {wanted} needs the factor by which the picture grows: write, for instance, "
                f"{wanted.name}(2)"
            )
    options = options_of(listing.maker, Named(wanted.name, (), wanted.options), "pass")
    return listing.maker(float(factor), **options)
