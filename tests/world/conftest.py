"""The whole world at once: every sprite, colour, background and style."""

import pytest

from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.colours import COLOURS
from sfumato.world.compose import Variety
from sfumato.world.sprites import SPRITES
from sfumato.world.styles import STYLES


@pytest.fixture(scope="session")
def variety() -> Variety:
    return Variety(
        sprites=tuple(sprite.name for sprite in SPRITES),
        colours=tuple(COLOURS),
        backgrounds=dict.fromkeys(BACKGROUNDS, 1.0),
        styles=dict.fromkeys(STYLES, 1.0),
        layouts={"single": 1.0, "counted": 1.0, "pair": 2.0, "group pair": 2.0, "list": 1.0},
        coloured=0.6,
        grid=1 / 16,
        jitter=0.0,
        turn=0.0,
    )
