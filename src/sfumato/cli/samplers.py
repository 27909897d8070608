"""``sfumato samplers``: the shelf, with what a person needs to choose."""

from __future__ import annotations

import json
from inspect import signature
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sfumato.diffusion.protocol import Sampler


def samplers(
    *,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """List every sampler: order, cost, randomness, steps that suit it, its other names, its paper."""
    from sfumato.diffusion.samplers import SAMPLERS

    if to_json:
        told = {
            name: {
                "order": listing.order,
                "evaluations": listing.evaluations,
                "random": listing.random,
                "fewest": listing.fewest,
                "euler_below": listing.euler_below,
                "warm_up": listing.warm_up,
                "own_levels": listing.own_levels,
                "adaptive": listing.adaptive,
                "renoises": listing.renoises,
                "steps": listing.steps,
                "options": _options(listing.sampler),
                "aliases": listing.aliases,
                "variants": dict(listing.variants),
                "paper": listing.paper,
            }
            for name, listing in SAMPLERS.items()
        }
        typer.echo(json.dumps(told, indent=1))
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
        if options := _options(listing.sampler):
            typer.echo(f"    options: {', '.join(f'{option}={value}' for option, value in options.items())}")
    typer.echo("Draw with one by --sampler; its options go in brackets: --sampler 'ddim(eta=0.5)'.")


def _options(sampler: Sampler) -> dict[str, str]:
    """What may stand in the brackets behind a sampler's name, with what holds if it does not."""
    from sfumato.diffusion.named import KINDS

    return {
        name: str(parameter.default)
        for name, parameter in signature(sampler).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and str(parameter.annotation) in KINDS
    }
