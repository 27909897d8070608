"""Whatever stands in a guide's brackets: a clear error before any network runs, or a finite picture."""

import inspect

import pytest
import torch

from sfumato.diffusion.guidance import GUIDES
from sfumato.engine import Engine, drawing
from sfumato.engine.job import Drawn
from sfumato.errors import InputError
from sfumato.families.model import EDITS
from sfumato.request import Request

BRACKETS = {
    "none": "",
    "cfg": "{scale}",
    "interval": "apg({scale})",
    "rescale": "cfg({scale})",
    "dynamic_thresholding": "cfg({scale})",
    "cfg_pp": "{scale}",
    "apg": "{scale}",
    "cfg_zero": "{scale}",
    "perp_neg": "{scale}, ['a dog', {weight}]",
    "compose": "{scale}, ['a dog', {weight}]",
    "autoguidance": "{scale}, layers=[1]",
    "pag": "cfg(4), {scale}, layers=[1]",
    "seg": "cfg(4), {scale}, layers=[1]",
    "slg": "cfg(4), {scale}, layers=[1], stop=0.5",
    "distilled": "{scale}",
    "true_cfg": "{scale}, guidance=3",
    "nag": "{scale}",
    "pix2pix": "{scale}",
}
USUAL = {"scale": "1.5", "weight": "2"}

NEVER = ["1e999", "-1e999", "nan", "inf", "'x'", "x", "[]", "[nan]", "9(9)", "true", "[1, 2, 3, 4, 5, 6, 7]"]
ABSURD = ["-1", "-1e-9", "-1e308", "1e308", "1e30", "1e-308", "0", "1001", "9" * 30, "none", "[-1]"]

BELOW_ZERO = {"apg": ["momentum"]}  # that may be


def outcome(model, guidance):
    """What is drawn, or the error that is raised before any text is read."""
    model.texts.clear()
    model.channels_beside = EDITS if str(guidance).startswith("pix2pix") else 0
    shown = "picture" if model.channels_beside else None
    request = Request(prompt="a red cat", seed=1, steps=3, sampler="euler", guidance=guidance, picture=shown)
    job = drawing(request, model, pictures={"picture": torch.zeros(1, 3, 8, 8)})
    try:
        ((ended,),) = [round_ for round_ in Engine(model).run([job]) if round_]
    except InputError as error:
        return error
    if isinstance(ended.outcome, Exception):
        assert model.texts == [], f"{guidance}: {ended.outcome}, after networks ran"
    return ended.outcome


def with_option(name: str, option: str, value: str) -> str:
    brackets = BRACKETS[name].format(**USUAL).split(", ")
    kept = [part for part in brackets if part and not part.startswith(f"{option}=")]
    extra = ["mimic=none"] * (option == "bound")
    return f"{name}({', '.join([*kept, *extra, f'{option}={value}'])})"


OPTIONS = [
    (name, each.name)
    for name, listing in GUIDES.items()
    for each in inspect.signature(listing.maker).parameters.values()
    if each.kind is each.KEYWORD_ONLY
]
PLACES = [(name, place) for name, inside in BRACKETS.items() for place in USUAL if f"{{{place}}}" in inside]


def test_every_guide_is_asked_for_here_and_can_be_drawn(glass):
    assert BRACKETS.keys() == GUIDES.keys()
    for name, brackets in BRACKETS.items():
        if name != "cfg_pp":
            assert isinstance(outcome(glass, f"{name}({brackets.format(**USUAL)})"), Drawn), name


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_that_is_no_value_is_refused(glass, name, option):
    for value in NEVER:
        numbers = value.startswith("[1,") and option == "layers"  # those may be layers
        found = outcome(glass, with_option(name, option, value))
        assert isinstance(found, Drawn if numbers else InputError), (value, found)


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_absurd_option_is_refused_or_draws_a_finite_picture(glass, name, option):
    for value in ABSURD:
        found = outcome(glass, with_option(name, option, value))
        if isinstance(found, Drawn):
            assert bool(found.picture.isfinite().all()), value
            assert not value.startswith(("-", "[-")) or option in BELOW_ZERO.get(name, []), value
        else:
            assert isinstance(found, InputError), (value, found)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_an_absurd_strength_is_refused_or_draws_a_finite_picture(glass, name, place):
    ends = ("-1", "1e999", "nan", "1e30")
    curves = [f"{curve}({end}, 2)" for curve in ("linear", "cosine") for end in ends]
    for value in [*NEVER, *ABSURD, *curves, "[1, nan, 2]", "[1, 2, 1e9]", "[1, -2, 1]"]:
        found = outcome(glass, f"{name}({BRACKETS[name].format(**{**USUAL, place: value})})")
        if isinstance(found, Drawn):
            assert bool(found.picture.isfinite().all()), value
            assert value in ABSURD, value
            assert "-" not in value or "e-3" in value or name == "compose", value  # weights, all
        else:
            assert isinstance(found, InputError), (value, found)


def test_a_number_is_checked_as_the_text_is(glass):
    assert isinstance(outcome(glass, 1e30), InputError)
    assert isinstance(outcome(glass, 1000), Drawn)
