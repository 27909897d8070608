"""Guides: laws over the table, every formula against a small evaluation of its own, parity with diffusers.

The network here is a formula, so that what a guide must answer can be written down. What perturbations do
inside a real network is in ``tests/models/test_perturbations.py``.
"""

import gc
import math
import weakref
from dataclasses import replace

import diffusers
import pytest
import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from diffusers.guiders.classifier_free_zero_star_guidance import cfg_zero_star_scale
from diffusers.guiders.guider_utils import rescale_noise_cfg

from sfumato.diffusion.choose import plainly
from sfumato.diffusion.guidance import (
    GUIDES,
    apg,
    autoguidance,
    cfg,
    cfg_pp,
    cfg_zero,
    compose,
    distilled,
    dynamic_thresholding,
    interval,
    nag,
    pag,
    perp_neg,
    pix2pix,
    plain,
    rescale,
    seg,
    slg,
    true_cfg,
)
from sfumato.diffusion.guidance.cost import rows_of, rows_of_walk
from sfumato.diffusion.guidance.interval import share_of
from sfumato.diffusion.guidance.scale import at, cosine, linear, progress, stepwise
from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.prediction import EPSILON, FLOW, PREDICTIONS, V
from sfumato.diffusion.protocol import (
    NO_EXTRAS,
    Call,
    Conditioning,
    Denoised,
    Eval,
    Level,
    drive,
    guided,
)
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.dpmpp_2m import dpmpp_2m
from sfumato.diffusion.samplers.euler import euler


def words(seed: int) -> Conditioning:
    return Conditioning(torch.full((1, 3, 2), float(seed)))


CAT, NOTHING, FOG, HAT = (words(seed) for seed in range(4))
PICTURE = torch.ones(1, 4, 4, 4)
CAT_EDIT, NO_EDIT = (replace(told, beside=PICTURE) for told in (CAT, NOTHING))
LEVEL = Level(0.4, 0.6)
X = SeededNoise(9)(torch.empty(1, 3, 4, 4, dtype=torch.float64))
QUESTION = Eval(X, LEVEL)


def seen(call: Call) -> torch.Tensor:
    """What the network sees: something else for all words, weaker without its layers.

    A picture beside the latent is seen where it is black.
    """
    told = int(call.conditioning.context[0, 0, 0])
    if call.conditioning.beside is not None and not call.conditioning.beside.any():
        told += 7
    own = SeededNoise(told)(call.x)
    poor = 0.0 if call.extras is NO_EXTRAS and not call.weaker else 0.7
    bent = (
        0.6 * call.x / (1 + call.level.sigma) + 0.2 * told * call.x.sin()
    )  # no two words differ alike twice
    return (1 - 0.2 * poor) * bent + own * (1 - poor) * (0.5 + call.level.alpha)


def network(calls: list[Call]) -> list[torch.Tensor]:
    return [seen(call) for call in calls]


def answered(guide, question: Eval = QUESTION) -> Denoised:
    return drive(guide(question), network)


C, U, F, H = (seen(Call(X, LEVEL, told)) for told in (CAT, NOTHING, FOG, HAT))

STRONG = {
    "none": lambda: plain(CAT),
    "cfg": lambda: cfg(CAT, NOTHING, 4.0),
    "interval": lambda: interval(cfg(CAT, NOTHING, 4.0), plain(CAT), start=0.1, stop=0.9),
    "rescale": lambda: rescale(cfg(CAT, NOTHING, 4.0), FLOW, phi=0.7),
    "dynamic_thresholding": lambda: dynamic_thresholding(cfg(CAT, NOTHING, 9.0), mimic=3.0, percentile=0.9),
    "cfg_pp": lambda: cfg_pp(CAT, NOTHING, 0.6),
    "apg": lambda: apg(CAT, NOTHING, 6.0, threshold=3.0, momentum=-0.5, eta=0.2),
    "cfg_zero": lambda: cfg_zero(CAT, NOTHING, 4.0),
    "perp_neg": lambda: perp_neg(CAT, NOTHING, [(FOG, 1.5), (HAT, 0.5)], 4.0),
    "compose": lambda: compose([(CAT, 3.0), (FOG, 2.0), (HAT, -1.0)], NOTHING),
    "pix2pix": lambda: pix2pix(CAT_EDIT, NO_EDIT, 4.0, picture=1.5),
    "autoguidance": lambda: autoguidance(CAT, 2.0),
    "pag": lambda: pag(cfg(CAT, NOTHING, 4.0), CAT, 3.0, layers=[1]),
    "seg": lambda: seg(cfg(CAT, NOTHING, 4.0), CAT, 3.0, layers=[1], blur=2.0),
    "slg": lambda: slg(cfg(CAT, NOTHING, 4.0), CAT, 3.0, layers=[1], start=0.0, stop=1.0),
    "distilled": lambda: distilled(CAT, 3.5),
    "true_cfg": lambda: true_cfg(CAT, NOTHING, 4.0, guidance=3.5),
    "nag": lambda: nag(CAT, NOTHING, 4.0),
}
WRAPPED_ROWS = 2  # of cfg, in all of the above
MORE_SENTENCES = {"perp_neg": 1, "compose": 2}
NEUTRAL = {
    "none": lambda: plain(CAT),
    "cfg": lambda: cfg(CAT, NOTHING, 1.0),
    "interval": lambda: interval(cfg(CAT, NOTHING, 4.0), plain(CAT), start=0.5),
    "rescale": lambda: rescale(cfg(CAT, NOTHING, 1.0), FLOW),
    "dynamic_thresholding": lambda: dynamic_thresholding(cfg(CAT, NOTHING, 1.0), mimic=1.0, percentile=1.0),
    "cfg_pp": lambda: cfg_pp(CAT, NOTHING, 1.0),
    "apg": lambda: apg(CAT, NOTHING, 1.0),
    "cfg_zero": lambda: cfg_zero(CAT, NOTHING, 1.0),
    "perp_neg": lambda: perp_neg(CAT, NOTHING, [(FOG, 0.0)], 1.0),
    "compose": lambda: compose([(CAT, 1.0)], NOTHING),
    "pix2pix": lambda: pix2pix(CAT_EDIT, NO_EDIT, 1.0, picture=1.0),
    "autoguidance": lambda: autoguidance(CAT, 1.0, layers=[0]),
    "pag": lambda: pag(plain(CAT), CAT, 0.0, layers=[1]),
    "seg": lambda: seg(plain(CAT), CAT, 0.0, layers=[1]),
    "slg": lambda: slg(plain(CAT), CAT, 0.0, layers=[1], start=0.0, stop=1.0),
    "distilled": lambda: distilled(CAT, 3.5),
    "true_cfg": lambda: true_cfg(CAT, NOTHING, 1.0, guidance=3.5),
    "nag": lambda: nag(CAT, NOTHING, 1.0),
}
every_guide = pytest.mark.parametrize("name", GUIDES)


def walk(steps: int = 5) -> list[Level]:
    return [Level(1.0, 4.0 * (1 - step / steps) ** 2) for step in range(steps + 1)]


def run(guide, levels=None, start: float = 1.0):
    return guided(euler(start * 4.0 * X, levels or walk(), SeededNoise(0)), guide, renoises=True)


def close(got: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-11) -> None:
    torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance)


# laws over the table ------------------------------------------------------------------------------


def test_every_guide_of_the_table_is_tried_here():
    assert set(STRONG) == set(NEUTRAL) == set(GUIDES)


@every_guide
def test_a_guide_without_strength_is_the_plain_guess(name):
    close(answered(NEUTRAL[name]()).clean, C)


@every_guide
def test_a_guide_with_strength_is_another_guess(name):
    if GUIDES[name].scale is not None or name == "interval":
        changed = (answered(STRONG[name]()).clean - C).abs().max()
        assert changed > 1e-3 or name in {"distilled", "nag"}  # those two say it to the network alone


@every_guide
def test_where_all_rows_agree_there_is_nothing_to_follow(name):
    answer = drive(STRONG[name]()(QUESTION), lambda calls: [C] * len(calls))
    close(answer.clean, C, 1e-9)


@every_guide
def test_a_guide_asks_the_rows_that_the_table_says_in_one_round(name):
    rounds = []
    drive(STRONG[name]()(QUESTION), lambda calls: rounds.append(len(calls)) or network(calls))
    listing = GUIDES[name]
    stated = listing.rows + listing.each * MORE_SENTENCES.get(name, 0) + WRAPPED_ROWS * listing.wraps
    assert rounds == [stated]
    assert rows_of(STRONG[name](), QUESTION) == stated


@every_guide
def test_every_row_stands_where_the_sampler_asked_and_nothing_is_written_into(name):
    kept, calls = [], []

    def watched(asked):
        calls.extend(asked)
        kept.extend((answer, answer.clone()) for answer in network(asked))
        return [answer for answer, _ in kept[-len(asked) :]]

    before = X.clone()
    drive(STRONG[name]()(QUESTION), watched)
    assert all(call.x is X and call.level == LEVEL for call in calls)
    assert torch.equal(X, before)
    assert all(torch.equal(answer, copy) for answer, copy in kept)


@every_guide
def test_the_same_options_share_the_same_extras(name):
    """The engine puts only rows of one object into a forward, also those of different pictures."""
    first, second = (next(STRONG[name]()(QUESTION)) for _ in range(2))
    assert [id(call.extras) for call in first] == [id(call.extras) for call in second]


@every_guide
def test_an_answer_keeps_what_it_knows_and_says_where_noise_is_read(name):
    answer = answered(STRONG[name]())
    assert (answer.noise_from is not None) == GUIDES[name].renoises
    if name not in {"compose", "nag", "distilled"}:
        close(answer.conditional, C)


@every_guide
def test_no_state_outlives_a_run_and_two_runs_do_not_share_it(name):
    guide = STRONG[name]()
    first, again = drive(run(guide), network), drive(run(guide), network)
    assert torch.equal(first, again)
    one, other = run(STRONG[name]()), run(STRONG[name](), start=0.5)
    asked, pictures = {one: next(one), other: next(other)}, {}
    while asked:
        for job in list(asked):
            try:
                asked[job] = job.send(network(asked[job]))
            except StopIteration as done:
                pictures[job] = done.value
                del asked[job]
    assert torch.equal(pictures[one], first)
    assert not torch.equal(pictures[other], first)


@every_guide
def test_closing_a_half_run_guide_frees_its_tensors(name):
    guide = STRONG[name]()
    job = run(guide)
    held, calls = [], next(job)
    for _ in range(3):
        answers = network(calls)
        held += [weakref.ref(tensor) for tensor in (calls[0].x, *answers)]
        calls = job.send(answers)
    held.append(weakref.ref(calls[0].x))
    del calls, answers
    assert held[-1]() is not None
    job.close()
    del guide, job
    gc.collect()
    assert [ref() for ref in held] == [None] * len(held)


def test_the_names_of_the_table_are_unambiguous():
    meant: dict[str, set[str]] = {}
    for name, listing in GUIDES.items():
        for alias in (name, *listing.aliases):
            meant.setdefault(plainly(alias), set()).add(name)
    assert {alias: names for alias, names in meant.items() if len(names) > 1} == {}


def test_a_guide_that_remembers_refuses_to_serve_two_runs_at_once():
    guide = STRONG["apg"]()
    one, other = run(guide), run(guide)
    next(one)
    with pytest.raises(ValueError, match="two runs at once"):
        next(other)
    one.close()
    next(run(guide))  # closing gave it free


# nesting and cost ---------------------------------------------------------------------------------


def test_guides_nest_and_their_rows_add_up():
    nested = pag(seg(cfg(CAT, NOTHING, 4.0), CAT, 2.0, layers=[0]), CAT, 3.0, layers=[1])
    close(answered(nested).clean, answered(STRONG["cfg"]()).clean + 5.0 * (C - poor()))
    outer = rescale(interval(nested, plain(CAT), start=0.3, stop=0.9), FLOW)
    assert rows_of(outer, QUESTION) == 4
    assert rows_of_walk(outer, QUESTION, flow_uniform(10)) == 6 * 4 + 4 * 1
    assert rows_of(cfg_zero(CAT, NOTHING, 2.0, still=0.5), QUESTION) == 0


def test_a_guide_that_asks_twice_or_never_may_be_wrapped():
    def twice(question):
        (first,) = yield [Call(question.x, question.level, CAT)]
        (second,) = yield [Call(first, question.level, NOTHING)]
        return Denoised(second, conditional=first)

    rounds = []
    answer = drive(
        pag(twice, CAT, 2.0, layers=[0])(QUESTION), lambda calls: rounds.append(len(calls)) or network(calls)
    )
    assert rounds == [2, 1]
    close(answer.clean, seen(Call(C, LEVEL, NOTHING)) + 2.0 * (C - poor()))
    with pytest.raises(ValueError, match="nothing to compare"):
        answered(pag(cfg_zero(CAT, NOTHING, 2.0, still=0.5), CAT, 1.0, layers=[0]))


def test_closing_a_wrapper_closes_what_it_wraps():
    held = []

    def inner(question):
        held.append(plain(CAT)(question))  # else forgetting it would close it
        return held[0]

    asking = pag(inner, CAT, 2.0, layers=[0])(QUESTION)
    next(asking)
    assert held[0].gi_frame is not None
    asking.close()
    assert held[0].gi_frame is None


# formulas -----------------------------------------------------------------------------------------


def poor() -> torch.Tensor:
    return seen(Call(X, LEVEL, CAT, weaker=True))


@pytest.mark.parametrize(("scale", "part"), [(0.0, 0), (1.0, 1), (4.0, 4)])
def test_cfg_goes_from_the_negative_towards_the_words_and_beyond(scale, part):
    answer = answered(cfg(CAT, FOG, scale))
    close(answer.clean, F + part * (C - F))
    assert torch.equal(answer.unconditional, F)


def test_pix2pix_follows_the_picture_and_the_words_each_by_its_own_scale():
    free = seen(Call(X, LEVEL, replace(NOTHING, beside=torch.zeros_like(PICTURE))))
    answer = answered(pix2pix(CAT_EDIT, NO_EDIT, 5.0, picture=1.5))
    close(answer.clean, free + 1.5 * (U - free) + 5.0 * (C - U))
    close(answered(pix2pix(CAT_EDIT, NO_EDIT, 5.0, picture=1.0)).clean, U + 5.0 * (C - U))  # cfg
    with pytest.raises(ValueError, match="was given none"):
        pix2pix(CAT, NOTHING, 5.0)


def test_progress_is_time_for_a_flow_and_the_same_noise_elsewhere():
    assert [progress(level) for level in flow_uniform(4)] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    for level in flow_uniform(7)[1:-1]:
        alike = Level(1.0, level.sigma / level.alpha)
        assert progress(alike) == pytest.approx(progress(level))
        assert share_of(alike.sigma) == pytest.approx(progress(level))


def test_guidance_has_an_interval_that_begins_where_it_says_and_ends_before():
    guide = cfg(CAT, NOTHING, 4.0, start=0.25, stop=0.75)
    rows = [rows_of(guide, Eval(X, level)) for level in flow_uniform(4)[:-1]]
    assert rows == [1, 2, 2, 1]
    close(answered(guide, Eval(X, Level(0.0, 1.0))).clean, seen(Call(X, Level(0.0, 1.0), CAT)))
    with pytest.raises(ValueError, match=r"from 0.8 to 0.1"):
        cfg(CAT, NOTHING, 4.0, start=0.8, stop=0.1)


def test_a_scale_may_change_along_the_walk():
    assert at(3.0, LEVEL) == 3.0
    assert [linear(2.0, 6.0)(t) for t in (0, 0.25, 1)] == [2.0, 3.0, 6.0]
    assert [cosine(2.0, 6.0)(t) for t in (0, 0.5, 1)] == pytest.approx([2.0, 4.0, 6.0])
    levels = walk(3)
    scale = stepwise(levels, [5.0, 2.0, 7.0])
    assert [at(scale, level) for level in levels[:-1]] == [5.0, 2.0, 7.0]
    between = Level(1.0, (levels[1].sigma + levels[2].sigma) / 2)
    assert at(scale, between) == 2.0
    assert at(scale, Level(1.0, 2 * levels[0].sigma)) == 5.0
    close(answered(cfg(CAT, NOTHING, linear(0.0, 10.0))).clean, U + 4.0 * (C - U))
    with pytest.raises(ValueError, match="2 scales for a walk of 3 steps"):
        stepwise(levels, [1.0, 2.0])


def output_of(prediction, clean: torch.Tensor, level: Level = LEVEL) -> torch.Tensor:
    noise = (X - level.alpha * clean) / level.sigma
    return prediction.target(clean, noise, level.alpha, level.sigma)


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("phi", [0.0, 0.7, 1.0])
def test_rescale_is_the_reference_s_on_the_outputs_of_the_network(name, phi):
    prediction, level = PREDICTIONS[name], LEVEL if name == "flow" else Level(1.0, 1.5)
    question = Eval(X, level)
    mixed = answered(cfg(CAT, NOTHING, 5.0), question)
    got = answered(rescale(cfg(CAT, NOTHING, 5.0), prediction, phi=phi), question)
    outputs = (output_of(prediction, each, level) for each in (mixed.clean, mixed.conditional))
    wanted = prediction.clean(rescale_noise_cfg(*outputs, guidance_rescale=phi), X, *level)
    close(got.clean, wanted)
    assert torch.equal(got.unconditional, mixed.unconditional)
    with pytest.raises(ValueError, match=r"phi 1.5"):
        rescale(plain(CAT), V, phi=1.5)


def test_dynamic_thresholding_of_pixels_is_the_reference_s():
    reference = diffusers.DDIMScheduler(
        thresholding=True, sample_max_value=1e6, dynamic_thresholding_ratio=0.9
    )
    guide = cfg(CAT, NOTHING, 7.0)
    got = answered(dynamic_thresholding(guide, percentile=0.9, mimic=None)).clean
    close(got, reference._threshold_sample(answered(guide).clean))
    assert got.abs().max() <= 1.0
    wide = dynamic_thresholding(guide, percentile=0.9, mimic=None, bound=1e3)
    close(answered(wide).clean, answered(guide).clean)


def test_dynamic_thresholding_of_latents_keeps_the_range_of_a_lower_scale():
    got = answered(dynamic_thresholding(cfg(CAT, NOTHING, 9.0), percentile=0.8, mimic=3.0)).clean
    for channel in range(3):
        high, low = ((U + scale * (C - U))[0, channel].flatten() for scale in (9.0, 3.0))
        around, wanted = high - high.mean(), (low - low.mean()).abs().max()
        limit = max(torch.quantile(around.abs(), 0.8), wanted)
        close(got[0, channel].flatten(), high.mean() + around.clip(-limit, limit) * (wanted / limit))
    for options in ({"percentile": 0.0}, {"percentile": 1.1}, {"mimic": None, "bound": 0.0}, {"mimic": -1.1}):
        with pytest.raises(ValueError, match=r"0\.0|1\.1"):
            dynamic_thresholding(plain(CAT), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"eta": 1.0, "threshold": None, "momentum": 0.0},
        {"eta": 0.0, "threshold": None, "momentum": 0.0},
        {"eta": 0.3, "threshold": 2.0, "momentum": -0.5},
        {"eta": 0.0, "threshold": None, "momentum": -0.75},
    ],
)
def test_apg_is_the_reference_s_along_a_walk(options):
    guide, buffer = apg(CAT, NOTHING, 7.0, **options), MomentumBuffer(options["momentum"])
    for level in walk()[:-1]:
        question = Eval(X * level.sigma, level)
        wanted, unwanted = (seen(Call(*question, told)) for told in (CAT, NOTHING))
        reference = normalized_guidance(
            wanted,
            unwanted,
            7.0 - 1,  # on top of the conditional guess, as in the paper
            buffer,
            options["eta"],
            options["threshold"] or 0.0,
            use_original_formulation=True,
        )
        close(answered(guide, question).clean, reference)


def test_apg_without_its_parts_is_cfg():
    guide = apg(CAT, NOTHING, 7.0, eta=1.0, threshold=None, momentum=0.0)
    close(answered(guide).clean, answered(cfg(CAT, NOTHING, 7.0)).clean)
    for options in ({"threshold": 0.0}, {"momentum": -1.0}):
        with pytest.raises(ValueError, match=r"0\.0|-1\.0"):
            apg(CAT, NOTHING, 7.0, **options)


@pytest.mark.parametrize(("level", "prediction"), [(LEVEL, FLOW), (Level(1.0, 1.5), EPSILON)])
def test_cfg_zero_is_the_reference_s_on_the_velocity(level, prediction):
    """The reference finds its factor in float32."""
    question = Eval(X, level)
    wanted, unwanted = (output_of(prediction, seen(Call(*question, told)), level) for told in (CAT, NOTHING))
    factor = cfg_zero_star_scale(wanted.flatten(1), unwanted.flatten(1)).view(1, 1, 1, 1)
    mixed = factor * unwanted + 4.0 * (wanted - factor * unwanted)
    got = answered(cfg_zero(CAT, NOTHING, 4.0), question).clean
    close(output_of(prediction, got, level), mixed, 1e-5)


@pytest.mark.parametrize("levels", [walk(4), flow_uniform(4)])
def test_cfg_zero_stands_still_at_first(levels):
    guide, first = cfg_zero(CAT, NOTHING, 4.0, still=progress(levels[1])), []
    steps = guided(euler(X, levels, SeededNoise(0)), guide)
    first.append(next(steps)[0])
    steps.close()
    assert first[0].level == levels[1]
    close(first[0].x, X)
    with pytest.raises(ValueError, match=r"1\.0"):
        cfg_zero(CAT, NOTHING, 4.0, still=1.0)


def test_perp_neg_avoids_only_what_is_perpendicular_to_the_words():
    way = (C - U).flatten()
    avoided = torch.zeros_like(way)
    for clean, weight in ((F, 1.5), (H, 0.5)):
        there = (clean - U).flatten()
        avoided += weight * (there - there.dot(way) / way.dot(way) * way)
    got = answered(perp_neg(CAT, NOTHING, [(FOG, 1.5), (HAT, 0.5)], 4.0)).clean
    close(got, U + 4.0 * (way - avoided).view_as(X))
    assert avoided.dot(way).abs() < 1e-9
    close(answered(perp_neg(CAT, NOTHING, [(CAT, 5.0)], 4.0)).clean, U + 4.0 * (C - U))
    with pytest.raises(ValueError, match="take cfg"):
        perp_neg(CAT, NOTHING, [], 4.0)
    with pytest.raises(ValueError, match=r"-1\.0"):
        perp_neg(CAT, NOTHING, [(FOG, -1.0)], 4.0)


def test_compose_adds_the_ways_to_all_sentences():
    got = answered(STRONG["compose"]())
    close(got.clean, U + 3.0 * (C - U) + 2.0 * (F - U) - 1.0 * (H - U))
    close(got.conditional, U + (3.0 * (C - U) + 2.0 * (F - U) - 1.0 * (H - U)) / 4.0)
    close(answered(compose([(CAT, 4.0)], NOTHING)).clean, U + 4.0 * (C - U))
    with pytest.raises(ValueError, match="no sentences"):
        compose([], NOTHING)


REFERENCES = {
    "autoguidance": (diffusers.AutoGuidance, {"auto_guidance_layers": [1], "dropout": 1.0}, 2.0),
    "pag": (
        diffusers.PerturbedAttentionGuidance,
        {"perturbed_guidance_scale": 3.0, "perturbed_guidance_layers": [1]},
        4.0,
    ),
    "seg": (diffusers.SmoothedEnergyGuidance, {"seg_guidance_scale": 3.0, "seg_guidance_layers": [1]}, 4.0),
    "slg": (
        diffusers.SkipLayerGuidance,
        {"skip_layer_guidance_scale": 3.0, "skip_layer_guidance_layers": [1]},
        4.0,
    ),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_guides_by_a_weaker_network_mix_as_the_reference_s_do(name):
    kind, options, scale = REFERENCES[name]
    reference = kind(guidance_scale=scale, **options)
    wanted = reference.forward(C, poor()) if name == "autoguidance" else reference.forward(C, U, poor())
    close(answered(STRONG[name]()).clean, wanted.pred)


def test_the_weaker_rows_name_what_makes_them_so():
    assert next(autoguidance(CAT, 2.0)(QUESTION))[1].weaker
    lamed = next(autoguidance(CAT, 2.0, layers=[3, 4])(QUESTION))[1]
    assert (lamed.extras.skip, lamed.weaker) == (frozenset({3, 4}), False)
    *own, blinded = next(STRONG["pag"]()(QUESTION))
    assert blinded.extras.self_attention.layers == frozenset({1})
    assert blinded.conditioning is CAT
    assert all(call.extras is NO_EXTRAS for call in own)


def test_skip_layer_guidance_has_the_interval_of_sd35():
    guide = slg(plain(CAT), CAT, 2.5, layers=[7, 8, 9])
    assert [rows_of(guide, Eval(X, level)) for level in flow_uniform(8)[:-1]] == [1, 2] + [1] * 6


def test_distilled_guidance_is_told_to_the_network_in_every_row():
    assert next(distilled(CAT, 3.5)(QUESTION))[0].conditioning.guidance == 3.5
    rows = next(true_cfg(CAT, FOG, 2.0, guidance=3.5)(QUESTION))
    assert [row.conditioning.guidance for row in rows] == [3.5, 3.5]
    assert [row.conditioning.context for row in rows] == [CAT.context, FOG.context]
    close(answered(true_cfg(CAT, FOG, 2.0, guidance=3.5)).clean, F + 2.0 * (C - F))


# CFG++: the noise is read from another clean latent -----------------------------------------------


@pytest.mark.parametrize("levels", [walk(1), [Level(0.3, 0.7), Level(0.8, 0.2)], flow_uniform(1)])
@pytest.mark.parametrize("name", ["euler", "ddim", "dpmpp_2m"])
def test_cfg_pp_renoises_with_the_unconditional_noise(name, levels):
    here, there = levels[0], levels[-1]
    job = guided(SAMPLERS[name].sampler(X, levels, SeededNoise(0)), cfg_pp(CAT, NOTHING, 0.6), renoises=True)
    wanted, unwanted = (seen(Call(X, here, told)) for told in (CAT, NOTHING))
    noise = (X - here.alpha * unwanted) / here.sigma
    clean = unwanted + 0.6 * (wanted - unwanted)
    close(drive(job, network), there.alpha * clean + there.sigma * noise)


def test_cfg_pp_of_two_steps_is_the_authors_second_order_step():
    """At alpha = 1, in their exponential form: the guesses without words carry noise and history."""
    levels = walk(3)[:3]
    (_, a), (_, b), (_, c) = levels

    def guesses(x, level):
        wanted, unwanted = (seen(Call(x, level, told)) for told in (CAT, NOTHING))
        return unwanted + 0.6 * (wanted - unwanted), unwanted

    clean, older = guesses(X, levels[0])
    x = clean + (X - older) / a * b
    clean, free = guesses(x, levels[1])
    h, last = math.log(b / c), math.log(a / b)
    wanted = clean + math.exp(-h) * (x - free) - math.expm1(-h) * (free - older) / (2 * last / h)
    job = guided(dpmpp_2m(X, levels, SeededNoise(0)), cfg_pp(CAT, NOTHING, 0.6), renoises=True)
    close(drive(job, network), wanted)


@pytest.mark.parametrize("line", [walk(6), flow_uniform(6)], ids=["alpha = 1", "flow"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_that_say_so_heed_where_noise_is_read_and_only_they(name, line):
    """With the same words on both sides nothing changes; with others, the picture moves if it is heeded."""
    listing = SAMPLERS[name]

    def picture(source):
        def answer(question):
            clean = seen(Call(*question, CAT))
            return Denoised(clean, noise_from=None if source is None else seen(Call(*question, source)))

        levels = line[:-1]  # the last step, to sigma 0, leaves no noise to read
        return drive(listing.sampler(line[0].sigma * X, levels, SeededNoise(1)), answer)

    close(picture(CAT), picture(None))
    assert bool((picture(NOTHING) - picture(None)).abs().max() > 1e-3) == listing.renoises


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_that_would_not_look_is_an_error(name):
    listing, levels = SAMPLERS[name], walk(6)
    job = guided(
        listing.sampler(X, levels, SeededNoise(1)), cfg_pp(CAT, NOTHING, 0.6), renoises=listing.renoises
    )
    if listing.renoises:
        drive(job, network)
    else:
        with pytest.raises(ValueError, match="take a sampler that renoises"):
            drive(job, network)


def test_a_scale_of_cfg_pp_is_a_share():
    with pytest.raises(ValueError, match=r"scale 7\.5 of CFG\+\+ is a share"):
        cfg_pp(CAT, NOTHING, 7.5)
