"""The kinds of conditioning pictures as plain values: for programs that ask what there is."""

from __future__ import annotations

from sfumato.conditions import CONDITIONS
from sfumato.diffusion.named import options_told


def conditions_told() -> dict[str, dict[str, object]]:
    """Every kind by its name."""
    return {
        name: {
            "says": each.says,
            "takes": each.takes,
            "options": options_told(each.maker),
            "aliases": each.aliases,
            "networks": each.networks,
            "needs": each.needs,
        }
        for name, each in CONDITIONS.items()
    }
