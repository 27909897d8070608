"""``sfumato guides``: every way to follow the words, what it costs and what it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sfumato.diffusion.guidance.listing import Listing


def guides(
    *,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """List every guide: rows of the network a question, good strengths, options, other names, its paper."""
    from sfumato.diffusion.guidance import GUIDES
    from sfumato.diffusion.named import options_told
    from sfumato.diffusion.telling import guides_told

    if to_json:
        typer.echo(json.dumps(guides_told(), indent=1))
        return
    width = max(map(len, GUIDES))
    typer.echo(f"{'guide':{width}}  rows a question      good strength  paper")
    for name, listing in GUIDES.items():
        strength = "-" if listing.scale is None else "{:g} to {:g}".format(*listing.scale)
        typer.echo(f"{name:{width}}  {_cost(listing):19}  {strength:>13}  {listing.paper}")
        typer.echo(f"    {', '.join(listing.aliases)}")
        if options := options_told(listing.maker):
            typer.echo(f"    options: {', '.join(f'{option}={value}' for option, value in options.items())}")
        if listing.renoises:
            typer.echo("    needs a sampler that reads where the noise comes from, such as euler or ddim")
    typer.echo(
        "Draw with one by --guidance: a number is the scale of cfg; others are named with theirs, 'apg(7)'."
    )
    typer.echo("Those that cost 'and its own' wrap another, which comes first: 'rescale(cfg(8), phi=0.5)'.")


def _cost(listing: Listing) -> str:
    cost = f"{listing.rows}{' and its own' if listing.wraps else ''}"
    return cost + (f", {listing.each} a sentence" if listing.each else "")
