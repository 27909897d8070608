"""What a mask means: where the network may paint in latents, and how its work is pasted into the picture.

White (1) is painted, black (0) is kept to the pixel, and gray is in between as ``masking`` says. A place of
the latent is as free as the freest pixel that it stands for: of the average, a thin stroke would keep next
to nothing, and what a place paints beyond the stroke is taken back when the picture is pasted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, max_pool2d

from sfumato.diffusion.guidance.keep import Free
from sfumato.diffusion.protocol import Level
from sfumato.engine.started import strength_at

HARD = 0.5
FEATHER = 32  # the seam is one of so many parts of the picture's shorter side


def of_latent(mask: Tensor, like: Tensor) -> Tensor:
    """How free the places of a latent (1, C, h, w) are, (1, 1, h, w), under a mask (1, 1, H, W)."""
    return adaptive_max_pool2d(mask.to(like), like.shape[2:])


def soft(places: Tensor, levels: Sequence[Level], strength: float) -> Free:
    """Gray mixes what is painted with what was there, at every step."""
    return lambda level: places  # noqa: ARG005


def hard(places: Tensor, levels: Sequence[Level], strength: float) -> Free:
    """Gray is black or white, whichever is nearer."""
    return soft((places > HARD).to(places), levels, strength)


def differential(places: Tensor, levels: Sequence[Level], strength: float) -> Free:
    """Gray says how much a place may change: it is held until the walk comes down to its share of strength.

    Levin and Fried 2023, arXiv:2306.00950. White is free from the start, and what is left of the walk is to
    each place the image-to-image of its own strength.
    """

    def free(level: Level) -> Tensor:
        left = min(strength_at(levels, level) / strength, 1.0)
        return ((places >= left - 1e-6) & (places > 0)).to(places)

    return free


MASKINGS: dict[str, Callable[[Tensor, Sequence[Level], float], Free]] = {
    "soft": soft,
    "hard": hard,
    "differential": differential,
}
"""What gray means: (places, the whole walk, strength) give what is free at a level."""


def meant(mask: Tensor, masking: str) -> Tensor:
    """The mask of pixels as it is to be understood: hard masks have no gray."""
    return (mask > HARD).to(mask) if masking == "hard" else mask


def pasted(painted: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """The original (1, 3, H, W) with what was painted where the mask is above 0; the rest bit for bit.

    The seam lies on the painted side alone.
    """
    share = seam(mask).to(painted)
    return share * painted + (1 - share) * original.to(painted)


def seam(mask: Tensor) -> Tensor:
    """How much of each pixel (1, 1, H, W) is of the painting: 0 where the mask is, 1 well inside.

    It rises with the distance to what is kept; in strokes too thin for the whole rise, to 1 in the middle.
    """
    width = max(min(mask.shape[2:]) // FEATHER, 1)
    rises = torch.zeros_like(mask, dtype=torch.float32)
    places = _about(mask > 0)
    if places is None:
        return rises
    depth = core = (mask[..., *places] > 0).float()  # of a large picture, the part that is painted
    for _ in range(width - 1):
        core = -max_pool2d(-core, 3, stride=1, padding=1)
        depth = depth + core
    deepest = max_pool2d(depth, (2 * width + 1, 1), stride=1, padding=(width, 0))
    deepest = max_pool2d(deepest, (1, 2 * width + 1), stride=1, padding=(0, width))
    rises[..., *places] = depth / deepest.clamp(min=1)
    return rises


def _about(inside: Tensor) -> tuple[slice, slice] | None:
    """The rows and columns (1, 1, H, W) in which anything is, and one more where there is one; None: none."""
    spans: list[slice] = []
    for across in (1, 0):
        found = torch.nonzero(inside[0, 0].any(across))[:, 0]
        if not len(found):
            return None
        spans.append(slice(max(int(found[0]) - 1, 0), int(found[-1]) + 2))
    return spans[0], spans[1]
