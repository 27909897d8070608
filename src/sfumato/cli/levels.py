"""``sfumato levels``: every way to space the noise levels, and what it takes."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def levels(
    *,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """List every spacing of noise levels: the models it serves, its options, its other names, its source."""
    from sfumato.diffusion.levels import SPACINGS
    from sfumato.diffusion.levels.asked import spacing_options
    from sfumato.diffusion.telling import levels_told

    if to_json:
        typer.echo(json.dumps(levels_told(), indent=1))
        return
    width = max(map(len, SPACINGS))
    typer.echo(f"{'spacing':{width}}  epsilon, v, clean  flow  source")
    for name, listing in SPACINGS.items():
        trained, flow = ("yes" if walk else "-" for walk in (listing.trained, listing.flow))
        typer.echo(f"{name:{width}}  {trained:17}  {flow:4}  {listing.paper}")
        if listing.aliases:
            typer.echo(f"    {', '.join(listing.aliases)}")
        if options := spacing_options(listing):
            typer.echo(f"    options: {', '.join(f'{option}={value}' for option, value in options.items())}")
    typer.echo(
        "All take final=least, to stop at the least trained level instead of at zero; on flow models also"
    )
    typer.echo(
        "shift (or mu, its logarithm) and terminal, the last level that has noise. A list of your own is a"
    )
    typer.echo("spacing too: --levels 'custom(1, 0.6, 0.2, 0)'. Draw with one by --levels 'karras(rho=5)'.")
