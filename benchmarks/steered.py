"""The pictures of docs/control.md: what every control does to the embedded model's pictures.

    python benchmarks/steered.py                     all of them, some four minutes on two cores
    python benchmarks/steered.py strength regions    only these

They are written to docs/pictures, or to --out. Sentences and seeds are fixed and the results are not picked.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "0")

from PIL import Image, ImageDraw

import sfumato
from sfumato.cli.sheet import Sheet, laid_out
from sfumato.conditions.making import made
from sfumato.painter import Painter

SIDE = 128
BOXES = [[0.05, 0.1, 0.4, 0.4], [0.5, 0.5, 0.45, 0.4]]
Row = tuple[str, list[Image.Image]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of docs/control.md.")
    parser.add_argument("what", nargs="*", choices=[[], *PICTURES], default=[])
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    painter = sfumato.load()
    for name in options.what or PICTURES:
        path = options.out / f"control-{name}.png"
        PICTURES[name](painter).quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        print(path)


def strength(painter: Painter) -> Image.Image:
    """From one picture towards another sentence."""
    first = painter("a red cat", seed=7).image
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    pictures = [painter("a blue dog", seed=7, picture=first, strength=share).image for share in shares]
    return _sheet(
        "a blue dog, from a picture of a red cat, at strengths",
        ["the picture", *(f"{share:g}" for share in shares)],
        [("", [first, *pictures])],
    )


def painting(painter: Painter) -> Image.Image:
    """Masks of three kinds, a part at full size, and beyond an edge."""
    first = painter("a red cat to the left of a green tree, yellow background", seed=3).image
    mask = Image.new("L", first.size)
    ImageDraw.Draw(mask).rectangle((64, 0, 127, 127), fill=255)
    ramp = Image.linear_gradient("L").rotate(90).resize(first.size)
    how = {"picture": first, "seed": 4}
    words = "a blue car, yellow background"
    pictures = [
        first,
        mask.convert("RGB"),
        painter(words, mask=mask, **how).image,
        painter(words, mask=mask, around=8, **how).image,
        ramp.convert("RGB"),
        painter(words, mask=ramp, masking="differential", **how).image,
    ]
    names = ["the picture", "mask", "painted", "only its part, around=8", "a ramp", "painted, differential"]
    wide = painter("a red cat, yellow background", outpaint=(0, 0, 64, 0), **how).image
    return _sheet(words, [*names, "outpaint right=64"], [("", [*pictures, wide])])


def layout(painter: Painter) -> Image.Image:
    """Boxes, with and without."""
    words = "a red apple and a blue car"
    seeds = range(1, 6)
    hint = made("layout", BOXES, (SIDE, SIDE)).image
    steered = [painter(words, seed=s, controls=[sfumato.control("layout", BOXES)]).image for s in seeds]
    plain = [painter(words, seed=s).image for s in seeds]
    rows = [("without", [Image.new("RGB", (SIDE, SIDE)), *plain]), ("with the layout", [hint, *steered])]
    return _sheet(words, ["control", *(f"seed {seed}" for seed in seeds)], rows)


def edges(painter: Painter) -> Image.Image:
    """Outlines of one picture, filled by other sentences."""
    first = painter("a yellow house beside a green tree", seed=2).image
    hint = made("edges", first, (SIDE, SIDE)).image
    words = [
        "a red house beside a blue tree",
        "a house beside a tree, night sky background",
        "a house beside a tree, oil painting",
    ]
    rows: list[Row] = []
    for weight in (0.5, 1.0):
        control = sfumato.control("edges", first, strength=weight)
        drawn = [painter(text, seed=5, controls=[control]).image for text in words]
        rows.append((f"weight {weight:g}", [first, hint, *drawn]))
    return _sheet("the outlines of one picture", ["from", "edges", *words], rows)


def references(painter: Painter) -> Image.Image:
    """Style and composition of a picture, for other things."""
    rows: list[Row] = []
    for sentence in ("a castle, night sky background, watercolor", "a fish above a boat, pixel art"):
        first = painter(sentence, seed=5).image
        plain = painter("a dog and a flower", seed=6).image
        taken = [
            painter("a dog and a flower", seed=6, references=[sfumato.reference(first, role)]).image
            for role in ("style", "composition", "both")
        ]
        rows.append((sentence, [first, plain, *taken]))
    names = ["reference", "without", "style", "composition", "both"]
    return _sheet("a dog and a flower, with references", names, rows)


def regions(painter: Painter) -> Image.Image:
    """Two boxes with their own words."""
    areas = [
        sfumato.region((0, 0, 0.5, 1), "a red cat, pink background"),
        sfumato.region((0.5, 0, 0.5, 1), "a blue car, pink background"),
    ]
    seeds = range(1, 7)
    rows: list[Row] = [
        ("without: a red cat and a blue car, pink background",
         [painter("a red cat and a blue car, pink background", seed=seed).image for seed in seeds]),
    ]  # fmt: skip
    for by in ("blend", "attention"):
        drawn = [painter("pink background", seed=s, regions=areas, regions_by=by).image for s in seeds]
        rows.append((f"left: a red cat, right: a blue car, by {by}", drawn))
    return _sheet("pink background", [f"seed {seed}" for seed in seeds], rows)


def larger(painter: Painter) -> Image.Image:
    """A second pass, and a picture larger than the model draws."""
    words = "a red cat beside a green tree, sea background"
    pictures = [
        painter(words, seed=2).image,
        painter(words, seed=2, passes=["hires(1.5, strength=0.5)"]).image,
        painter(words, seed=2, passes=["tiled(2, strength=0.3)"]).image,
    ]
    names = ["128x128", "hires(1.5, strength=0.5)", "tiled(2, strength=0.3)"]
    return _sheet(words, names, [("", pictures)], cell=256)


def between(painter: Painter) -> Image.Image:
    """From seed to seed, and from sentence to sentence."""
    shares = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    seeds = [painter("a red cat", seed=7, variations=[(8, share)]).image for share in shares]
    words = [painter("a red cat", seed=7, toward=("a blue dog", share)).image for share in shares]
    rows = [("from seed 7 to seed 8", seeds), ("from a red cat to a blue dog", words)]
    return _sheet("", [f"{share:g}" for share in shares], rows)


def _sheet(title: str, columns: Sequence[str], rows: Sequence[Row], *, cell: int = SIDE) -> Image.Image:
    return laid_out(
        Sheet(
            title=title,
            columns=[(name,) for name in columns],
            headings=[(name,) for name, _ in rows],
            rows=[pictures for _, pictures in rows],
            cell=cell,
        )
    )


PICTURES: dict[str, Callable[[Painter], Image.Image]] = {
    "strength": strength,
    "painting": painting,
    "layout": layout,
    "edges": edges,
    "references": references,
    "regions": regions,
    "larger": larger,
    "between": between,
}

if __name__ == "__main__":
    main()
