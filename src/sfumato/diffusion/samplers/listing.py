"""What the table of samplers knows of each: what a person needs to choose one, and the laws to test it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfumato.diffusion.protocol import Sampler


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One sampler on the shelf."""

    sampler: Sampler
    order: int  # half as long steps: error of mean and variance over 2**order; 0: for distilled models alone
    evaluations: int  # of the network in a usual step
    warm_up: int = 0  # evaluations that its first steps need beyond these
    random: bool  # whether it draws noise on the way, at its default options
    fewest: int = 1  # steps that it can do with: 2 where it needs a last level before sigma 0 to go to
    euler_below: int = 1  # in fewer steps than this, a walk to sigma 0 is made of Euler's steps alone
    own_levels: bool = False  # whether it walks others between the first level and the last before sigma 0
    adaptive: bool = False  # whether its options ``rtol`` and ``atol`` alone decide how many
    renoises: bool = False  # whether it heeds ``Denoised.noise_from``, as CFG++ needs
    steps: tuple[int, int]  # from where pictures are good, and from where more steps gain nothing
    aliases: tuple[str, ...]  # in other tools: their menus, k-diffusion's function, diffusers' class
    # Names elsewhere that mean it with options: those, as in brackets; ``levels`` is the spacing they bring.
    variants: Mapping[str, str] = field(default_factory=dict[str, str])
    paper: str  # arXiv identifier, or where else it was published
