"""Controls and references reach every row that should wear them, and no other; they go with all there is."""

import math
from dataclasses import replace

import pytest
import torch
from guides_asked import ASKED
from torch import nn

from sfumato.adapters.controlnet import HintedNet
from sfumato.adapters.sight import Sight
from sfumato.adapters.world_reference import HALF, WorldReference
from sfumato.diffusion.protocol import Conditioning, Controlled, Later, Level
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.engine import Engine, drawing
from sfumato.engine.dressing import Dress, worn_between
from sfumato.errors import InputError
from sfumato.models.controlnet import newborn
from sfumato.models.reference import Reference, reference_config
from sfumato.request import Request


def picture_of(seed, size=16):
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    fine = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)
    return (fine * 255).round() / 255


PICTURES = {
    "a": picture_of(1),
    "b": picture_of(2),
    "large": picture_of(3, 24),
    "mask": torch.ones(1, 1, 16, 16),
    "spot": nn.functional.pad(torch.ones(1, 1, 6, 6), (4, 6, 4, 6)),
    "left": (torch.arange(16) < 8).float().expand(1, 1, 16, 16).contiguous(),
}


def awake(network):
    """Layers that begin at zero say something."""
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return network.eval()


@pytest.fixture(scope="module")
def steered(tiny_world):
    """The tiny world with a control, another one, and a reader of references beside it."""
    world = replace(tiny_world)
    for name in ("net", "other"):
        world.controls.hang(name, HintedNet(network=awake(newborn(world.unet, hint_widths=(4, 8)))))
    config = reference_config(world.unet, world.image, tokens=2, inner=64, layers=1)
    reader = WorldReference(
        network=awake(Reference(world.unet, config)),
        sight=Sight(tower=world.image, mean=HALF, deviation=HALF),
        layers=len(world.unet.layers),
    )
    world.controls.hang("ref", reader)
    return world


def asked(**wishes):
    settings = {"prompt": "a red cat", "seed": 3, "steps": 4, "sampler": "euler", "guidance": 2.0}
    return Request(**{**settings, **wishes})


def drawn(model, *requests):
    jobs = [drawing(request, model, pictures=PICTURES) for request in requests]
    found = {}
    for ended in Engine(model).run(jobs):
        found |= {each.number: each.outcome for each in ended}
    for outcome in found.values():
        if isinstance(outcome, Exception):
            raise outcome
    return [found[number] for number in range(len(requests))]


def control(name="net", picture="a", weight=1.0, start=0.0, stop=1.0):
    return (name, "as-is", picture, weight, start, stop)


def same(one, other):
    return torch.equal(one.picture, other.picture)


STEERED = {
    "control": {"controls": (control(),)},
    "reference": {"references": (("ref", "both", "b", 1.0),)},
}
STEERING = pytest.mark.parametrize("wishes", STEERED.values(), ids=STEERED)


@STEERING
def test_what_steers_changes_the_picture_and_at_weight_0_not_a_bit(steered, wishes):
    (plain,), (with_it,) = drawn(steered, asked()), drawn(steered, asked(**wishes))
    assert not same(plain, with_it)
    ((name, rows),) = wishes.items()
    none = tuple((*row[:3], 0.0, *row[4:]) for row in rows)
    (without,) = drawn(steered, asked(**{name: none}))
    assert same(plain, without)
    assert any("has no effect at weight 0" in note for note in without.notes)


@STEERING
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_with_it(steered, sampler, wishes):
    (got,) = drawn(steered, asked(**wishes, sampler=sampler))
    assert got.picture.isfinite().all()
    assert not same(got, drawn(steered, asked(sampler=sampler))[0])


@pytest.mark.parametrize(
    "wishes",
    [*STEERED.values(), {"picture": "b", "strength": 0.7}, {"picture": "b", "mask": "left"}],
    ids=[*STEERED, "picture", "mask"],
)
@pytest.mark.parametrize("guidance", ASKED.values(), ids=ASKED)
def test_every_guide_draws_with_it(steered, guidance, wishes):
    both = {"guidance": guidance, "negative": "a castle"}
    with_it, without = drawn(steered, asked(**both, **wishes), asked(**both))
    assert with_it.picture.isfinite().all()
    assert not same(with_it, without)


def test_all_that_steers_goes_together_and_each_adds_something(steered):
    whole = {
        **STEERED["control"],
        **STEERED["reference"],
        "picture": "b",
        "strength": 0.75,
        "mask": "mask",
        "regions": (((0.0, 0.0, 0.5, 1.0), "a castle", "", 0.1),),
        "variations": ((9, 0.5),),
        "toward": ("two yellow fish", 0.5),
    }
    (together,) = drawn(steered, asked(**whole))
    for name in ("controls", "references", "strength", "regions", "variations", "toward"):
        less = {key: value for key, value in whole.items() if key != name}
        assert not same(together, drawn(steered, asked(**less))[0]), name


def test_requests_with_other_controls_share_a_batch_and_are_as_alone(steered):
    requests = [
        asked(),
        asked(controls=(control(),)),
        asked(controls=(control("other", "b", 0.7),), seed=4),
        asked(controls=(control(), control("net", "b", 0.4), control("other", "a", -0.3)), guidance=1.0),
        asked(references=(("ref", "style", "a", 0.8),)),
        asked(references=(("ref", "composition", "b", 1.0), ("ref", "style", "a", 0.5)), seed=5),
        asked(controls=(control(start=0.5),), references=(("ref", "both", "a", 1.0),), guidance="nag(3)"),
    ]
    for request, together in zip(requests, drawn(steered, *requests), strict=True):
        assert same(together, drawn(steered, request)[0])


def test_a_control_is_worn_in_the_steps_that_lie_within_its_share_of_the_walk(steered):
    levels = [Level(1.0, sigma) for sigma in (4.0, 3.0, 2.0, 1.0, 0.0)]
    assert worn_between(levels, 0.0, 1.0) == (math.inf, -1.0)
    assert worn_between(levels, 0.25, 0.75) == (3.0, 1.0)
    assert worn_between(levels, 0.3, 1.0) == (2.0, -1.0)
    first, last = worn_between(levels, 0.3, 0.4)
    assert first == last
    whole, early, late = drawn(
        steered,
        asked(controls=(control(),)),
        asked(controls=(control(stop=0.5),)),
        asked(controls=(control(start=0.5),)),
    )
    assert not same(whole, early)
    assert not same(early, late)
    (never,) = drawn(steered, asked(controls=(control(start=0.3, stop=0.4),)))
    assert same(never, drawn(steered, asked())[0])
    assert any("no step of 4 lies within 0.3 to 0.4" in note for note in never.notes)


def test_a_control_that_stops_before_strength_begins_is_told(steered):
    there = {"picture": "b", "strength": 0.5}
    late, plain = drawn(steered, asked(controls=(control(stop=0.5),), **there), asked(**there))
    assert same(late, plain)
    assert any("as-is is never worn: strength 0.5 begins after 0.5" in note for note in late.notes)
    (worn,) = drawn(steered, asked(controls=(control(stop=0.75),), **there))
    assert not any("never worn" in note for note in worn.notes)


@STEERING
def test_it_is_worn_where_a_sampler_asks_above_the_first_level(steered, wishes):
    """With churn the noise of a step is more than its level's: here the only question of a step."""
    one = {"steps": 1, "sampler": "heun(churn=1)", "levels": "custom(0.5, 0)", "guidance": 1.0}
    assert not same(*drawn(steered, asked(**one), asked(**one, **wishes)))


@pytest.mark.parametrize(
    "wishes", [{"controls": (control("net2"),)}, {"references": (("ref", "both", "gone", 1.0),)}]
)
@pytest.mark.parametrize(
    "where", [{"strength": 0.5}, {"strength": 0, "passes": ("hires(2)",)}, {"passes": ("tiled(2)",)}]
)
def test_it_is_missed_before_the_picture_is_looked_at(steered, wishes, where):
    job = drawing(asked(**wishes, picture="b", **where), steered, pictures=PICTURES)
    with pytest.raises(InputError, match=r"net2|gone"):
        next(job)


def test_what_the_refiner_does_not_wear_is_told():
    def told(sigma, last):
        worn = Controlled("net", (), 1.0, math.inf, last)
        after = Conditioning(torch.zeros(1, 1, 1))
        return list(Dress(controls=(worn,)).left_out(replace(after, later=Later(sigma, after))))

    assert told(2.0, -1.0) == [
        "the refiner wears no controls and sees no references: where it draws, net is left out"
    ]
    assert not told(2.0, 2.0)  # it was taken off before
    assert not told(0.0, -1.0)  # the base draws all of it
    assert not list(Dress().left_out(Conditioning(torch.zeros(1, 1, 1))))


def test_a_role_of_a_reference_is_a_part_of_it(steered):
    style, composition, both = (
        drawn(steered, asked(references=(("ref", role, "b", 1.0),)))[0]
        for role in ("style", "composition", "both")
    )
    assert not same(style, composition)
    assert not same(style, both)
    assert not same(composition, both)


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"controls": (control("net2"),)}, "no control 'net2' hangs here; there is: net"),
        ({"controls": (control(picture="gone"),)}, "the picture gone of control .* is not here"),
        ({"controls": (control(picture="mask"),)}, "is a mask"),
        ({"controls": (control(picture="large"),)}, "has 24x24 pixels, 16x16 are drawn"),
        ({"references": (("rev", "both", "a", 1.0),)}, "no reader of references 'rev'.* ref"),
        ({"references": (("ref", "both", "gone", 1.0),)}, "the picture gone of reference"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_asked(steered, wishes, told):
    job = drawing(asked(**wishes), steered, pictures=PICTURES)
    with pytest.raises(InputError, match=told):
        next(job)


def test_a_name_that_is_taken_is_refused_and_one_that_was_taken_off_is_free(steered):
    controls = replace(steered).controls
    net = steered.controls.control("net")
    controls.hang("net", net)
    with pytest.raises(InputError, match="'net' hangs here already"):
        controls.hang("net", net)
    controls.remove("net")
    with pytest.raises(InputError, match="no control 'net' hangs here"):
        controls.remove("net")
    controls.hang("net", net)


@pytest.mark.parametrize(
    "where",
    [
        {"picture": "b", "mask": "spot", "around": 1},
        {"passes": ("hires(1.5, steps=2)",)},
        {"passes": ("tiled(2, tile=16, steps=2)",)},
    ],
    ids=["around", "hires", "tiled"],
)
def test_a_picture_that_is_control_and_reference_is_cut_for_the_control_alone(steered, monkeypatch, where):
    monkeypatch.setitem(PICTURES, "copy", PICTURES["a"].clone())
    one, other = (
        asked(controls=(control(),), references=(("ref", "both", name, 1.0),), **where)
        for name in ("a", "copy")
    )
    assert same(*drawn(steered, one, other))


def test_the_mask_of_a_region_that_is_not_here_is_missed_though_only_a_part_is_drawn(steered):
    there = {"picture": "b", "mask": "left", "around": 2}
    with pytest.raises(InputError, match="the mask gone of a region is not here"):
        drawn(steered, asked(regions=(("gone", "a castle", "", 0.0),), **there))
    with pytest.raises(InputError, match="is a picture in colours: name a mask there"):
        drawn(steered, asked(regions=(("a", "a castle", "", 0.0),), **there))
