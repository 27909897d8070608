"""``sfumato samplers``: the shelf, with what a person needs to choose."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def samplers(
    *,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """List every sampler: order, cost, randomness, steps that suit it, its other names, its paper."""
    from sfumato.diffusion.samplers import SAMPLERS
    from sfumato.diffusion.telling import sampler_options, samplers_told

    if to_json:
        typer.echo(json.dumps(samplers_told(), indent=1))
        return
    width = max(map(len, SAMPLERS))
    typer.echo(f"{'sampler':{width}}  order  asks/step  noise    good steps  paper")
    for name, listing in SAMPLERS.items():
        first, last = listing.steps
        typer.echo(
            f"{name:{width}}  {listing.order:>5}  {listing.evaluations:>9}  "
            f"{'random' if listing.random else '-':6}  {f'{first} to {last}':>11}  {listing.paper}"
        )
        variants = (f"{name} ({means})" for name, means in listing.variants.items())
        typer.echo(f"    {', '.join((*listing.aliases, *variants))}")
        if options := sampler_options(listing.sampler):
            typer.echo(f"    options: {', '.join(f'{option}={value}' for option, value in options.items())}")
    typer.echo("Draw with one by --sampler; its options go in brackets: --sampler 'ddim(eta=0.5)'.")
