"""The styles of the picture world: what a whole picture looks like as a watercolor, as pixel art, in neon...

A style is a function of pictures (B, 3, H, W), values 0 to 1, that treats each alone, on any device. What
looks like chance (paper, bleeding, strokes) is a texture drawn from a fixed seed, in units of the picture's
height, so a style does the same to every picture. A hint of colour always survives: a red cat stays red.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad


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
    """Pigment that ran on wet paper: wobbly washes, dark where they dried at an edge, a ragged white rim."""
    height, width = pictures.shape[-2:]
    wet = _kuwahara(_displaced(pictures, amount=0.006, cell=0.06, seed=11), reach=0.008)
    dried = (2.0 * _edges(wet).amax(1, keepdim=True) - 0.1).clamp(0, 0.4)
    blooms = _noise(pictures, cell=0.16, seed=12) + 0.5 * _noise(pictures, cell=0.05, seed=13)
    grain = _noise(pictures, cell=1 / height, seed=14)
    density = 0.8 + 0.13 * blooms + 0.035 * grain + dried
    paper = _colour(pictures, 0.995, 0.985, 0.96)
    painted = paper * wet.clamp(1e-3, 1).pow(density)
    rim = _rim(pictures, width) + 0.016 * _noise(pictures, cell=0.06, seed=15)
    return torch.lerp(paper.expand_as(painted), painted, _step(rim, 0.035, 0.055)).clamp(0, 1)


def pixel_art(pictures: Tensor) -> Tensor:
    """Thirty-two rows of square pixels in few colours, crisper than their mean."""
    height, width = pictures.shape[-2:]
    rows = min(32, height)
    columns = max(1, round(rows * width / height))
    small = interpolate(_saturated(pictures, 1.2), size=(rows, columns), mode="area")
    crisp = small + 0.25 * (small - _box(small, 1))
    shades = 7
    few = (crisp * shades).round().clamp(0, shades) / shades
    return interpolate(few, size=(height, width), mode="nearest-exact")


def ink_wash(pictures: Tensor) -> Tensor:
    """Brush and ink on rice paper: wet grey washes, dark contours, a breath of colour, a red seal."""
    wet = _displaced(pictures, amount=0.005, cell=0.06, seed=21)
    luma = _luma(wet)
    pressure = 1 + 0.35 * _noise(pictures, cell=0.09, seed=25)
    lines = (2.6 * pressure * _edges(luma) - 0.16).clamp(0, 0.9)
    wash = _blurred(luma, 0.02) * 0.5 + luma * 0.5
    pooled = 0.09 * _noise(pictures, cell=0.12, seed=22) * (1 - wash)
    tone = (0.14 + 0.94 * wash.pow(0.85) + pooled).clamp(0, 1) * (1 - lines)
    chroma = wet - luma
    vivid = chroma.abs().amax(1, keepdim=True)
    colour = 0.62 * chroma * _step(vivid, 0.0, 0.4) * (1 - lines)
    fibres = 0.012 * _noise(pictures, cell=0.012, seed=23)
    paper = _colour(pictures, 0.97, 0.945, 0.885) + fibres
    painted = (tone * paper + colour).clamp(0, 1)
    return torch.lerp(painted, _colour(pictures, 0.78, 0.16, 0.12).expand_as(painted), 0.9 * _seal(pictures))


def oil_painting(pictures: Tensor) -> Tensor:
    """Thick rich paint: an edge-keeping brush, and light that catches the ridges of its strokes."""
    loaded = _saturated(_displaced(pictures, amount=0.003, cell=0.03, seed=31), 1.35)
    mixed = loaded + 0.045 * _noise(pictures, cell=0.03, seed=32, stretch=2.5)
    paint = _kuwahara(mixed, reach=0.016)
    strokes = 0.8 * _noise(pictures, cell=0.016, seed=33, stretch=3.0) + 5 * _luma(paint)
    slope = pad(strokes[..., 1:, 1:] - strokes[..., :-1, :-1], [1, 0, 1, 0]).clamp(-2, 2)
    return (paint * (1 + 0.07 * slope) + 0.025 * slope).clamp(0, 1)


def pencil_sketch(pictures: Tensor) -> Tensor:
    """Graphite on paper: contours, two layers of hatching where it is dark, a little coloured pencil."""
    shaken = _displaced(pictures, amount=0.003, cell=0.05, seed=41)
    luma = _luma(shaken)
    grain = _noise(pictures, cell=1 / pictures.shape[-2], seed=42)
    wobble = 0.012 * _noise(pictures, cell=0.12, seed=43)
    contours = (2.4 * _edges(shaken).amax(1, keepdim=True) - 0.14).clamp(0, 0.75)
    strokes = _hatching(pictures, 1.0, wobble)
    shading = 0.42 * strokes * (0.82 - luma).clamp(0, 0.5)
    shading = shading + 0.32 * _hatching(pictures, -1.0, wobble) * (0.45 - luma).clamp(0, 0.4)
    tone = 0.5 * (0.9 - luma).clamp(min=0)
    graphite = ((contours + shading + tone) * (1 + 0.16 * grain)).clamp(0, 0.9)
    colour = 0.8 * (shaken - luma) * (1 - 0.5 * contours) * (0.75 + 0.25 * strokes)
    return (0.97 + 0.012 * grain - graphite + colour).clamp(0, 1)


def neon(pictures: Tensor) -> Tensor:
    """A city at night: all is dark, contours are glowing tubes of the thing's hue, or of cyan and magenta."""
    chroma = pictures.amax(1, keepdim=True) - pictures.amin(1, keepdim=True)
    own = (pictures - pictures.amin(1, keepdim=True)) / chroma.clamp(min=0.2)
    vivid = _step(chroma, 0.22, 0.55)
    lamp = torch.lerp(
        _colour(pictures, 0, 0.95, 1), _colour(pictures, 1, 0.1, 0.85), _step(_ramp(pictures, -1), 0.3, 0.7)
    )
    near = _box(torch.cat([own * vivid, vivid], 1), max(1, pictures.shape[-2] // 64))
    hue = near[:, :3] + lamp * (1 - near[:, 3:])
    tubes = (2.6 * _edges(pictures).amax(1, keepdim=True) - 0.15).clamp(0, 1)
    light = hue * tubes
    night = _colour(pictures, 0.05, 0.03, 0.12) * (0.5 + _ramp(pictures, -2))
    dark = night + 0.2 * pictures.square() + 0.65 * pictures * own * vivid
    return (dark + 0.9 * light + 1.1 * _glow(light) + 0.25 * tubes.pow(3)).clamp(0, 1)


def cinematic(pictures: Tensor) -> Tensor:
    """A frame of a film: teal shadows, orange light, a vignette, bloom, grain, and black bars."""
    luma = _luma(pictures)
    curved = torch.lerp(pictures, pictures * pictures * (3 - 2 * pictures), 0.7)
    teal, orange = _colour(pictures, -0.09, 0.03, 0.07), _colour(pictures, 0.07, 0.01, -0.07)
    graded = 0.86 * curved + torch.lerp(teal, orange, _step(luma, 0.2, 0.9))
    bloom = 0.16 * _blurred((luma - 0.7).clamp(min=0) * pictures, 0.05)
    far = torch.hypot(_ramp(pictures, -1) - 0.5, _ramp(pictures, -2) - 0.5)
    grain = 0.016 * _noise(pictures, cell=1 / pictures.shape[-2], seed=51)
    exposed = (graded + bloom + grain) * (1 - 0.75 * _step(far, 0.28, 0.8))
    rows = _ramp(pictures, -2)
    return (exposed * ((rows > 0.09) & (rows < 0.91))).clamp(0, 1)


def _colour(pictures: Tensor, red: float, green: float, blue: float) -> Tensor:
    return pictures.new_tensor((red, green, blue))[None, :, None, None]


def _luma(pictures: Tensor) -> Tensor:
    weights = pictures.new_tensor((0.299, 0.587, 0.114))[None, :, None, None]
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
    padded = pad(pictures, [reach] * 4, mode="replicate")
    down = avg_pool2d(padded, (2 * reach + 1, 1), stride=1)
    return avg_pool2d(down, (1, 2 * reach + 1), stride=1)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Two box means: nearly a Gaussian; `sigma` in picture heights."""
    reach = max(1, round(sigma * pictures.shape[-2] * math.sqrt(1.5)))
    return _box(_box(pictures, reach), reach)


def _glow(light: Tensor) -> Tensor:
    """Light that spreads, a little near and less far; made at a quarter of the size, which is cheap."""
    height, width = light.shape[-2:]
    small = interpolate(light, size=(max(1, height // 4), max(1, width // 4)), mode="area")
    spread = 0.5 * _blurred(small, 0.015) + 0.5 * _blurred(small, 0.05)
    return interpolate(spread, size=(height, width), mode="bilinear", align_corners=False)


def _edges(pictures: Tensor) -> Tensor:
    """The size of the gradient across two pixels, as a change per 1/64 of a picture height."""
    padded = pad(pictures, [1] * 4, mode="replicate")
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
    smooth = interpolate(grains, size=(height, width), mode="bicubic", align_corners=False)
    return (smooth * (1.0 if rows == height else 1.25)).to(pictures)


def _displaced(pictures: Tensor, *, amount: float, cell: float, seed: int) -> Tensor:
    """The pictures as if the hand had trembled: every pixel fetched from up to `amount` heights away."""
    height, width = pictures.shape[-2:]
    shift_x = _noise(pictures, cell=cell, seed=seed) * amount * 2 * height / width
    shift_y = _noise(pictures, cell=cell, seed=seed + 100) * amount * 2
    x, y = 2 * _ramp(pictures, -1) - 1 + shift_x[0, 0], 2 * _ramp(pictures, -2) - 1 + shift_y[0, 0]
    grid = torch.stack([x, y], -1)
    return grid_sample(
        pictures,
        grid[None].expand(len(pictures), -1, -1, -1),
        padding_mode="border",
        align_corners=False,
    )


def _kuwahara(pictures: Tensor, *, reach: float) -> Tensor:
    """Each pixel becomes the mean of the calmest of the four squares that meet in it (Kuwahara 1976)."""
    side = max(1, round(reach * pictures.shape[-2] / 2))
    luma = _luma(pictures)
    statistics = torch.cat([pictures, luma, luma.square()], 1)
    means = pad(_box(statistics, side), [side] * 4, mode="replicate")
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
    return (0.5 + 0.9 * torch.sin(2 * math.pi * 20 * along / math.hypot(1, slope))).clamp(0, 1)


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
