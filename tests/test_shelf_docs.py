"""docs/samplers.md tells of every sampler, spacing and guide what the tables in the code say."""

from pathlib import Path

import pytest

from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.levels import SPACINGS
from sfumato.diffusion.samplers import SAMPLERS

PAGE = Path(__file__).parents[1] / "docs" / "samplers.md"


def samplers() -> list[str]:
    rows = [
        "| sampler | order | asks a step | noise | good steps | elsewhere | paper |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, listing in SAMPLERS.items():
        first, last = listing.steps
        elsewhere = [*listing.aliases, *(f"{each} ({means})" for each, means in listing.variants.items())]
        rows.append(
            f"| `{name}` | {listing.order} | {listing.evaluations} | {'random' if listing.random else ''} "
            f"| {first} to {last} | {', '.join(elsewhere)} | {listing.paper} |"
        )
    return rows


def spacings() -> list[str]:
    rows = ["| spacing | epsilon, v, clean | flow | elsewhere | source |", "|---|---|---|---|---|"]
    for name, listing in SPACINGS.items():
        serves = ["yes" if walk is not None else "" for walk in (listing.trained, listing.flow)]
        rows.append(f"| `{name}` | {' | '.join(serves)} | {', '.join(listing.aliases)} | {listing.paper} |")
    return rows


def guides() -> list[str]:
    rows = ["| guide | rows a question | good strength | elsewhere | paper |", "|---|---|---|---|---|"]
    for name, listing in GUIDES.items():
        cost = f"{listing.rows}{' and its own' if listing.wraps else ''}"
        cost += f", {listing.each} more a sentence" if listing.each else ""
        scale = "" if listing.scale is None else "{:g} to {:g}".format(*listing.scale)
        rows.append(f"| `{name}` | {cost} | {scale} | {', '.join(listing.aliases)} | {listing.paper} |")
    return rows


@pytest.mark.parametrize("table", [samplers, spacings, guides])
def test_the_page_holds_the_table_of_the_code(table):
    wanted = "\n".join(table())
    assert wanted in PAGE.read_text(), f"it should be:\n{wanted}"
