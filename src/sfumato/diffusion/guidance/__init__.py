"""Guides: how the answers of a network become the one that a sampler follows. One file each, one line here.

They differ in what they are made from, so the table holds makers: ``GUIDES["cfg"](words, negative, 4.0)``.
"""

from collections.abc import Callable

from sfumato.diffusion.guidance.cfg import cfg
from sfumato.diffusion.guidance.none import plain
from sfumato.diffusion.protocol import Guide

GUIDES: dict[str, Callable[..., Guide]] = {"none": plain, "cfg": cfg}

__all__ = ["GUIDES", "cfg", "plain"]
