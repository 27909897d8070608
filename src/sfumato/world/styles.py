"""The styles of the picture world: what a whole picture looks like as a watercolor, as pixel art, in neon...

A style is a function of pictures (B, 3, H, W), values 0 to 1, that treats each alone, on any device. What
looks like chance (paper, bleeding, strokes) is a texture drawn from a fixed seed, in units of the picture's
height, so a style does the same to every picture. A hint of colour always survives: a red cat stays red.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Style:
    """`phrases` are its names in a sentence: "watercolor of a cat", "a cat in watercolor style"."""

    name: str
    apply: Callable[[Tensor], Tensor]
    phrases: tuple[str, ...]


def sticker(pictures: Tensor) -> Tensor:
    """The picture as it is: flat and clean."""
    return pictures


def watercolor(pictures: Tensor) -> Tensor:
    """Pigment that ran on wet paper: wobbly washes, dark where it dried at an edge, ragged to the white rim."""
    height, width = pictures.shape[-2:]
    wet = _kuwahara(_displaced(pictures, amount=0.012, cell=0.08, seed=11), reach=0.03)
    dried = (2.2 * _edges(_blurred(wet, 0.008)).amax(1, keepdim=True)).clamp(max=0.35)
    blooms = _noise(pictures, cell=0.16, seed=12) + 0.5 * _noise(pictures, cell=0.05, seed=13)
    grain = _noise(pictures, cell=1 / height, seed=14)
    density = 0.84 + 0.13 * blooms + 0.035 * grain + dried
    paper = pictures.new_tensor((0.995, 0.985, 0.96)).unflatten(0, (1, 3, 1, 1))
    painted = paper * (1e-3 + wet.clamp(0, 1)).pow(density * 0.9)
    rim = _rim(pictures, width) + 0.016 * _noise(pictures, cell=0.06, seed=15)
    return torch.lerp(paper.expand_as(painted), painted, _step(rim, 0.035, 0.055)).clamp(0, 1)


def pixel_art(pictures: Tensor) -> Tensor:
    """Thirty-two rows of square pixels in few colours, an ordered dither between them."""
    height, width = pictures.shape[-2:]
    rows = min(32, height)
    columns = max(1, round(rows * width / height))
    small = F.interpolate(_saturated(pictures, 1.25), size=(rows, columns), mode="area")
    bayer = small.new_tensor(((0.0, 0.5), (0.75, 0.25))) - 0.375
    dither = bayer.repeat(rows // 2 + 1, columns // 2 + 1)[:rows, :columns]
    steps = 5
    few = (small * steps + 0.5 * dither).round().clamp(0, steps) / steps
    return F.interpolate(few, size=(height, width), mode="nearest-exact")


def ink_wash(pictures: Tensor) -> Tensor:
    """Brush and ink on rice paper: wet grey washes, dark contours, a breath of colour, a red seal."""
    wet = _kuwahara(_displaced(pictures, amount=0.01, cell=0.07, seed=21), reach=0.03)
    luma = _luma(wet)
    lines = (4.5 * _edges(_blurred(luma, 0.006)) - 0.1).clamp(0, 0.9)
    wash = _blurred(luma, 0.02) * 0.6 + luma * 0.4
    pooled = 0.07 * _noise(pictures, cell=0.12, seed=22) * (1 - wash)
    tone = (0.12 + 0.95 * wash.pow(0.9) + pooled).clamp(0, 1) * (1 - lines)
    colour = (0.45 * (wet - luma)) * (1 - lines)
    fibres = 0.012 * _noise(pictures, cell=0.012, seed=23)
    paper = pictures.new_tensor((0.97, 0.945, 0.885)).unflatten(0, (1, 3, 1, 1)) + fibres
    painted = (tone.clamp(0, 1) * paper + colour).clamp(0, 1)
    seal = pictures.new_tensor((0.78, 0.16, 0.12)).unflatten(0, (1, 3, 1, 1))
    return torch.lerp(painted, seal.expand_as(painted), 0.9 * _seal(pictures))


def oil_painting(pictures: Tensor) -> Tensor:
    """Thick rich paint: two passes of an edge-keeping brush, and light that catches its ridges."""
    loaded = _saturated(_displaced(pictures, amount=0.014, cell=0.05, seed=31), 1.3)
    loaded = loaded + 0.05 * _noise(pictures, cell=0.035, seed=32)
    paint = _kuwahara(_kuwahara(loaded, reach=0.035), reach=0.02)
    strokes = _noise(pictures, cell=0.018, seed=33, stretch=4.0)
    ridges = strokes + 4 * _luma(paint)
    slope = ridges - ridges.roll((1, 1), (-2, -1))
    slope[..., 0, :], slope[..., :, 0] = 0, 0  # what rolled in from the other side
    return (paint * (1 + 0.07 * slope.clamp(-2.5, 2.5)) + 0.02 * slope.clamp(-2.5, 2.5)).clamp(0, 1)


def pencil_sketch(pictures: Tensor) -> Tensor:
    """Graphite on paper: contours, two layers of hatching where it is dark, a little coloured pencil."""
    height = pictures.shape[-2]
    shaken = _displaced(pictures, amount=0.004, cell=0.05, seed=41)
    luma = _luma(shaken)
    contours = (3.2 * _edges(_blurred(shaken, 0.004)).amax(1, keepdim=True) - 0.06).clamp(0, 0.85)
    grain = _noise(pictures, cell=1 / height, seed=42)
    wobble = 0.02 * _noise(pictures, cell=0.1, seed=43)
    shading = 0.36 * _hatching(pictures, 1.0, wobble) * (0.85 - luma).clamp(0, 0.6)
    shading = shading + 0.6 * _hatching(pictures, -1.3, wobble) * (0.55 - luma).clamp(0, 0.6)
    graphite = ((contours + shading) * (1 + 0.22 * grain) + 0.16 * (0.95 - luma).clamp(min=0)).clamp(0, 0.92)
    colour = 0.5 * (shaken - luma) * (1 - 0.6 * contours) * (0.85 + 0.15 * _hatching(pictures, 1.0, wobble))
    return (0.97 + 0.012 * grain - graphite + colour).clamp(0, 1)


def neon(pictures: Tensor) -> Tensor:
    """A city at night: everything dark, its contours glowing tubes between its own hue, cyan and magenta."""
    chroma = pictures - pictures.amin(1, keepdim=True)
    own = chroma / chroma.amax(1, keepdim=True).clamp(min=0.25)
    across = _ramp(pictures, -1)
    cyan, magenta = (
        pictures.new_tensor(c).unflatten(0, (1, 3, 1, 1)) for c in ((0, 0.95, 1), (1, 0.1, 0.85))
    )
    lamp = torch.lerp(cyan, magenta, _step(across, 0.3, 0.7))
    hue = torch.lerp(lamp.expand_as(own), own, chroma.amax(1, keepdim=True).clamp(0, 1).sqrt() * 0.8)
    tubes = (3.4 * _edges(_blurred(pictures, 0.004)).amax(1, keepdim=True) - 0.12).clamp(0, 1)
    light = hue * tubes
    night = pictures.new_tensor((0.05, 0.03, 0.12)).unflatten(0, (1, 3, 1, 1)) * (0.5 + _ramp(pictures, -2))
    dark = night + 0.3 * pictures.square() * own + 0.03 * pictures
    glow = 0.7 * _blurred(light, 0.02) + 0.9 * _blurred(light, 0.06)
    lit = dark + light + glow + 0.35 * tubes.pow(3)
    return lit.clamp(0, 1)


def cinematic(pictures: Tensor) -> Tensor:
    """A frame of a film: teal shadows, orange light, a vignette, bloom, grain, and black bars."""
    luma = _luma(pictures)
    curved = torch.lerp(pictures, pictures * pictures * (3 - 2 * pictures), 0.7)
    teal, orange = (
        pictures.new_tensor(c).unflatten(0, (1, 3, 1, 1)) for c in ((-0.09, 0.03, 0.07), (0.07, 0.0, -0.11))
    )
    graded = 0.84 * curved + torch.lerp(teal, orange, _step(luma, 0.2, 0.9))
    bloom = 0.16 * _blurred((luma - 0.7).clamp(min=0) * pictures, 0.05)
    far = torch.hypot(_ramp(pictures, -1) - 0.5, _ramp(pictures, -2) - 0.5)
    grain = 0.016 * _noise(pictures, cell=1 / pictures.shape[-2], seed=51)
    exposed = (graded + bloom + grain) * (1 - 0.75 * _step(far, 0.28, 0.8))
    rows = _ramp(pictures, -2)
    return (exposed * ((rows > 0.09) & (rows < 0.91))).clamp(0, 1)


def _luma(pictures: Tensor) -> Tensor:
    weights = pictures.new_tensor((0.299, 0.587, 0.114)).unflatten(0, (1, 3, 1, 1))
    return (pictures * weights).sum(1, keepdim=True)


def _saturated(pictures: Tensor, strength: float) -> Tensor:
    return torch.lerp(_luma(pictures).expand_as(pictures), pictures, strength).clamp(0, 1)


def _step(x: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _ramp(pictures: Tensor, axis: int) -> Tensor:
    """0 to 1 along the axis -1 (to the right) or -2 (down): (1, W) or (H, 1)."""
    count = pictures.shape[axis]
    line = (torch.arange(count, device=pictures.device, dtype=pictures.dtype) + 0.5) / count
    return line[None] if axis == -1 else line[:, None]


def _rim(pictures: Tensor, width: int) -> Tensor:
    """The distance to the picture's nearest border, in picture heights (H, W)."""
    across, down = _ramp(pictures, -1), _ramp(pictures, -2)
    aspect = width / pictures.shape[-2]
    return torch.minimum(torch.minimum(across, 1 - across) * aspect, torch.minimum(down, 1 - down))


def _box(pictures: Tensor, reach: int) -> Tensor:
    """The mean of a square of 2 * reach + 1 pixels around each."""
    padded = F.pad(pictures, [reach] * 4, mode="replicate")
    down = F.avg_pool2d(padded, (2 * reach + 1, 1), stride=1)
    return F.avg_pool2d(down, (1, 2 * reach + 1), stride=1)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Two box means: nearly a Gaussian; `sigma` in picture heights."""
    reach = max(1, round(sigma * pictures.shape[-2] * math.sqrt(1.5)))
    return _box(_box(pictures, reach), reach)


def _edges(pictures: Tensor) -> Tensor:
    """The size of the gradient across two pixels, as a change in 0..1 per 1/64 of a picture height."""
    padded = F.pad(pictures, [1] * 4, mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    return torch.hypot(across, down) * (pictures.shape[-2] / 128)


def _noise(pictures: Tensor, *, cell: float, seed: int, stretch: float = 1.0) -> Tensor:
    """Smooth noise (1, 1, H, W) of about unit variance; `cell` is its grain in picture heights.

    It is drawn on the CPU from its own generator, so it is the same on every device.
    """
    height, width = pictures.shape[-2:]
    rows = max(2, round(1 / cell))
    columns = max(2, round(width / height / cell / stretch))
    grains = torch.randn(1, 1, rows, columns, generator=torch.Generator().manual_seed(seed))
    smooth = F.interpolate(grains, size=(height, width), mode="bicubic", align_corners=False)
    return (smooth * (1.0 if rows == height else 1.25)).to(pictures)


def _displaced(pictures: Tensor, *, amount: float, cell: float, seed: int) -> Tensor:
    """The pictures as if the hand had trembled: every pixel fetched from up to `amount` heights away."""
    height, width = pictures.shape[-2:]
    shift_x = _noise(pictures, cell=cell, seed=seed) * amount * 2 * height / width
    shift_y = _noise(pictures, cell=cell, seed=seed + 100) * amount * 2
    grid = torch.stack(
        [2 * _ramp(pictures, -1) - 1 + shift_x[0, 0], 2 * _ramp(pictures, -2) - 1 + shift_y[0, 0]], -1
    )
    return F.grid_sample(
        pictures,
        grid[None].expand(len(pictures), -1, -1, -1),
        padding_mode="border",
        align_corners=False,
    )


def _kuwahara(pictures: Tensor, *, reach: float) -> Tensor:
    """Each pixel takes the mean of the calmest of the four squares at whose corner it lies (Kuwahara 1976)."""
    side = max(1, round(reach * pictures.shape[-2] / 2))
    luma = _luma(pictures)
    statistics = torch.cat([pictures, luma, luma.square()], 1)
    means = F.pad(_box(statistics, side), [side] * 4, mode="replicate")
    size = 2 * side
    corners = [
        means[..., top : means.shape[-2] - size + top, left : means.shape[-1] - size + left]
        for top in (0, size)
        for left in (0, size)
    ]
    best = corners[0]
    calm = best[:, 4:] - best[:, 3:4].square()
    for corner in corners[1:]:
        unrest = corner[:, 4:] - corner[:, 3:4].square()
        best = torch.where(unrest < calm, corner, best)
        calm = torch.minimum(unrest, calm)
    return best[:, :3]


def _hatching(pictures: Tensor, slope: float, wobble: Tensor) -> Tensor:
    """Parallel pencil strokes, 0 between them and 1 on them (1, 1, H, W)."""
    aspect = pictures.shape[-1] / pictures.shape[-2]
    along = _ramp(pictures, -1) * aspect + slope * _ramp(pictures, -2) + wobble
    return (0.5 + 0.9 * torch.sin(2 * math.pi * 24 * along / math.hypot(1, slope))).clamp(0, 1)


def _seal(pictures: Tensor) -> Tensor:
    """Where the painter's seal is: a small ragged square, lower right, with two strokes left blank."""
    aspect = pictures.shape[-1] / pictures.shape[-2]
    x = (_ramp(pictures, -1) - 1) * aspect + 0.075
    y = _ramp(pictures, -2) - 0.92
    rough = 0.004 * _noise(pictures, cell=0.02, seed=24)
    inside = 0.036 - torch.maximum(x.abs(), y.abs()) + rough
    blank = 0.006 - torch.minimum((x + 0.01).abs(), (y - 0.006).abs())
    return _step(inside, -0.004, 0.004) * (1 - _step(blank, -0.004, 0.004) * _step(inside, 0.004, 0.012))


_ALL: tuple[Style, ...] = (
    Style(name="sticker", apply=sticker, phrases=("flat sticker", "sticker")),
    Style(name="watercolor", apply=watercolor, phrases=("watercolor", "watercolour painting")),
    Style(name="pixel art", apply=pixel_art, phrases=("pixel art", "8-bit pixel art")),
    Style(name="ink wash", apply=ink_wash, phrases=("ink wash", "ink wash painting")),
    Style(name="oil painting", apply=oil_painting, phrases=("oil painting", "oil paint")),
    Style(name="pencil sketch", apply=pencil_sketch, phrases=("pencil sketch", "pencil drawing")),
    Style(name="neon", apply=neon, phrases=("neon", "cyberpunk", "neon art")),
    Style(name="cinematic", apply=cinematic, phrases=("cinematic", "cinematic shot", "movie still")),
)

STYLES: dict[str, Style] = {style.name: style for style in _ALL}
