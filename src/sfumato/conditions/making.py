"""A conditioning picture by the name of its kind: ``canny``, ``canny(low=50)``, ``hed``."""

from __future__ import annotations

from dataclasses import replace

from sfumato.conditions import CONDITIONS
from sfumato.conditions.condition import Given, Size
from sfumato.diffusion.choose import own_name
from sfumato.diffusion.named import Named, named, options_of
from sfumato.pictures import Opened

WHAT = "kind of conditioning picture"


def settled(kind: str) -> Named:
    """The kind by its own name, its options checked as far as that takes no picture. Raises InputError."""
    wanted = named(kind)
    wanted = replace(wanted, name=own_name(CONDITIONS, wanted.name, WHAT))
    options_of(CONDITIONS[wanted.name].maker, wanted, WHAT)
    return wanted


def made(kind: str, given: Given, size: Size | None = None) -> Opened:
    """The conditioning picture, RGB, of ``size``, which is the drawing's, or else of what is given.

    Raises InputError for what cannot be read or made, MissingExtra where OpenCV is needed and absent. Notes
    say what was decided on the way: a first frame, a shape that was stretched.
    """
    wanted = settled(kind)
    condition = CONDITIONS[wanted.name]
    material = condition.reader(given, size)
    image = condition.maker(material.of, **options_of(condition.maker, wanted, WHAT))
    return Opened(image, material.notes)


def read_as(kind: str) -> str:
    """The name of the kind that a control is to take a picture for: that of ``as-is(of=canny)`` is canny.

    "" is a picture of which nothing is said.
    """
    if not kind:
        return ""
    wanted = settled(kind)
    if wanted.name != "as-is":
        return wanted.name
    of = options_of(CONDITIONS["as-is"].maker, wanted, WHAT).get("of")
    return own_name(CONDITIONS, str(of), WHAT) if of else ""
