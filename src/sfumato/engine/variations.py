"""Variations of a seed: its first noise moved some of the way to other seeds'."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.noise import SeededNoise


def varied(noise: Tensor, variations: Sequence[tuple[int, float]]) -> Tensor:
    """Noise (1, C, h, w), moved by each (seed, share) in turn towards the first noise of that seed."""
    for seed, share in variations:
        noise = on_the_sphere(noise, SeededNoise(seed)(noise), share)
    return noise


def on_the_sphere(here: Tensor, there: Tensor, share: float) -> Tensor:
    """From ``here`` at share 0 to ``there`` at 1, along the great circle, norms in even proportion.

    In so many dimensions all noise lies on a sphere, and on the straight line between two points it would be
    too weak to be noise. Shoemake 1985, doi:10.1145/325334.325242.
    """
    if share in (0, 1):
        return there if share else here
    lengths = [float(each.double().square().sum().sqrt()) for each in (here, there)]
    cosine = float((here.double() * there.double()).sum()) / (lengths[0] * lengths[1])
    angle = math.acos(min(max(cosine, -1.0), 1.0))
    if math.sin(angle) < 1e-6:  # the same noise, or its opposite, between which no way is shorter
        return here
    length = lengths[0] ** (1 - share) * lengths[1] ** share
    parts = (math.sin((1 - share) * angle) / lengths[0], math.sin(share * angle) / lengths[1])
    scale = length / math.sin(angle)
    return scale * parts[0] * here + scale * parts[1] * there
