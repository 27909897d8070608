"""The verifier passes what is right and nothing that is wrong in one thing. Needs the emoji font."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sfumato.errors import InputError, MissingExtra
from sfumato.world.accuracy import CONDITIONS, examined, soft
from sfumato.world.artwork import find_font
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing
from sfumato.world.styles import STYLES
from sfumato.world.verifier import FAITHFUL, Verdict, Verifier

NAMES = ("cat", "bus", "rocket", "star", "tree", "apple", "owl", "bicycle")
LEFT, RIGHT, TOP, BOTTOM = (
    Place(x, y, 0.42) for x, y in ((0.25, 0.5), (0.75, 0.5), (0.5, 0.26), (0.5, 0.74))
)


@pytest.fixture(scope="module", autouse=True)
def _font() -> None:
    try:
        find_font()
    except MissingExtra as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def renderer(_font: None) -> Renderer:
    return Renderer(NAMES, 128)


@pytest.fixture(scope="module")
def verifier(_font: None) -> Verifier:
    return Verifier(NAMES, 128)


def thing(sprite: str, *places: Place, colour: str | None = None) -> Thing:
    return Thing(sprite=sprite, places=places, colour=colour)


def scene(*things: Thing, relation=None, background: str = "meadow", style: str = "sticker") -> Scene:
    return Scene(things=things, relation=relation, background=background, style=style)


PAIR = scene(thing("cat", LEFT, colour="red"), thing("bus", RIGHT), relation="left of")


@pytest.fixture(scope="module")
def pair(renderer: Renderer) -> Tensor:
    return renderer([PAIR])


def judge(verifier: Verifier, picture: Tensor, asked: Scene) -> Verdict:
    (verdict,) = verifier(picture, [asked])
    return verdict


def test_a_picture_passes_its_own_sentence(verifier: Verifier, pair: Tensor):
    verdict = judge(verifier, pair, PAIR)
    assert verdict.passed
    (cat, bus) = verdict.things
    assert (cat.colour, bus.colour, verdict.relation) == (True, None, True)
    assert abs(cat.places[0].place.x - LEFT.x) < 0.03
    assert abs(bus.places[0].place.extent - RIGHT.extent) < 0.05


def test_where_things_are_said_to_stand_does_not_matter(verifier: Verifier, pair: Tensor):
    elsewhere = replace(PAIR, things=(thing("cat", TOP, colour="red"), thing("bus", TOP)), background="snow")
    assert judge(verifier, pair, elsewhere).passed


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (replace(PAIR, things=(thing("owl", LEFT, colour="red"), PAIR.things[1])), "thing"),
        (replace(PAIR, things=(thing("cat", LEFT, colour="orange"), PAIR.things[1])), "colour"),
        (replace(PAIR, things=(PAIR.things[0], thing("bus", RIGHT, TOP))), "count"),
        (replace(PAIR, relation="right of"), "relation"),
        (replace(PAIR, relation="above"), "relation"),
        (replace(PAIR, style="watercolor"), "style"),
        (replace(PAIR, things=PAIR.things[:1], relation=None), "stranger"),
    ],
)
def test_a_sentence_that_is_wrong_in_one_thing_fails_for_that(
    verifier: Verifier, pair: Tensor, asked: Scene, wrong: str
):
    verdict = judge(verifier, pair, asked)
    assert not verdict.passed
    assert {
        "thing": not verdict.things[0].places,
        "colour": verdict.things[0].colour is False,
        "count": [(found.count, bool(found.places)) for found in verdict.things[1:]] == [(False, True)],
        "relation": verdict.relation is False,
        "style": not verdict.style,
        "stranger": [seen.sprite for seen in verdict.strangers] == ["bus"],
    }[wrong]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_things_are_counted(verifier: Verifier, renderer: Renderer, count: int):
    places = [Place(x, y, 0.375) for y in (0.26, 0.74) for x in (0.26, 0.74)][:count]
    picture = renderer([scene(thing("apple", *places), background="pink")])
    passed = [
        judge(verifier, picture, scene(thing("apple", *([LEFT] * number)))).passed for number in range(1, 6)
    ]
    assert passed == [number == count for number in range(1, 6)]


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_is_told_from_the_others(verifier: Verifier, renderer: Renderer, style: str):
    colour = "blue" if style in FAITHFUL else None
    shown = scene(thing("star", Place(0.45, 0.55, 0.5), colour=colour), background="yellow", style=style)
    picture = renderer([shown])
    passed = {each: judge(verifier, picture, replace(shown, style=each)).passed for each in STYLES}
    assert passed == {each: each == style for each in STYLES}


def test_on_top_of_is_above_and_near(verifier: Verifier, renderer: Renderer):
    def verdicts(upper: float, lower: float) -> list[bool | None]:
        things = thing("cat", Place(0.5, upper, 0.35)), thing("tree", Place(0.5, lower, 0.35))
        picture = renderer([scene(*things, background="white")])
        return [
            judge(verifier, picture, scene(*things, relation=relation)).relation
            for relation in ("on top of", "above", "below")
        ]

    assert verdicts(0.3, 0.66) == [True, True, False]
    assert verdicts(0.2, 0.8) == [False, True, False]


def test_a_thing_that_is_no_sprite_counts_against_the_picture(verifier: Verifier, pair: Tensor):
    spoilt = pair.clone()
    spoilt[:, :, 88:122, 40:100] = torch.tensor([1.0, 0.0, 1.0])[:, None, None]
    verdict = judge(verifier, spoilt, PAIR)
    assert not verdict.passed
    assert verdict.stray or verdict.strangers or not all(found.count for found in verdict.things)


def test_an_empty_picture_shows_nothing(verifier: Verifier, renderer: Renderer):
    verdict = judge(verifier, renderer([scene(background="sunset")]), scene(thing("cat", LEFT)))
    assert not verdict.passed
    assert not verdict.things[0].places


def test_noise_is_not_a_thing(verifier: Verifier):
    picture = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(3))
    assert not judge(verifier, picture, scene(thing("cat", LEFT))).passed


def test_a_soft_shifted_noisy_picture_still_passes(verifier: Verifier, pair: Tensor):
    damaged = soft(pair, torch.Generator().manual_seed(5))
    assert (damaged - pair).abs().mean() > 0.02
    assert judge(verifier, damaged, PAIR).passed


def test_pictures_of_other_sizes_are_understood(verifier: Verifier):
    turned = scene(
        thing("cat", Place(0.29, 0.5, 0.46, 6.0), colour="red"), thing("bus", Place(0.73, 0.52, 0.4, -5.0))
    )
    assert judge(verifier, Renderer(NAMES, 256)([turned]), PAIR).passed


def test_a_shape_that_is_no_picture_is_an_error(verifier: Verifier):
    with pytest.raises(InputError, match=r"\(1, 4, 128, 128\)"):
        verifier(torch.zeros(1, 4, 128, 128), [PAIR])


def test_the_examination_of_the_verifier_counts_right_and_wrong(verifier: Verifier):
    *_, accuracy = examined(verifier, NAMES, CONDITIONS["clean"], 4, 1)
    assert accuracy.right[-1].asked == 4
    assert accuracy.right[-1].right == 4
    assert accuracy.wrong[-1].asked >= 12
    assert accuracy.wrong[-1].right == 0
