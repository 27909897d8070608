"""A base and its refiner draw one picture: who is asked at which level, and what each is told."""

from dataclasses import replace

import pytest
import torch
from pipelines.adapters import write_lora

import sfumato
from sfumato import families
from sfumato.checkpoints.safetensors import digest
from sfumato.diffusion.protocol import Call, Level
from sfumato.errors import CheckpointError, InputError
from sfumato.families import Loading, Wording


@pytest.fixture(scope="module")
def both(pipelines):
    return families.load(pipelines.folder("sdxl"), Loading(refiner=pipelines.folder("sdxl-refiner")))


def told(model, text="a red cat", **how):
    (encoded,) = model.encode([Wording(text=text, size=(64, 64), **how)])
    return encoded.conditioning


@torch.inference_mode()
def test_below_the_level_of_the_handoff_the_refiner_answers_and_above_it_the_base(both):
    conditioning = told(both)
    sigma = both.base.trained.sigmas[200]  # 80% of the levels are passed
    noisy = torch.randn(1, 4, 8, 8) * sigma
    (at,) = both.denoise([Call(noisy, Level(1.0, sigma), conditioning)])
    (below,) = both.denoise([Call(noisy, Level(1.0, 0.999 * sigma), conditioning)])
    words = replace(conditioning, later=None)
    assert torch.equal(at, both.base.denoise([Call(noisy, Level(1.0, sigma), words)])[0])
    call = Call(noisy, Level(1.0, 0.999 * sigma), conditioning.later.conditioning)
    assert torch.equal(below, both.refiner.denoise([call])[0])


@torch.inference_mode()
@pytest.mark.parametrize(("handoff", "refined"), [(0.0, [0, 499, 500, 999]), (0.5, [0, 499]), (1.0, [])])
def test_a_request_says_which_share_of_the_walk_is_the_bases(both, handoff, refined):
    conditioning = told(both, handoff=handoff)
    sigmas = both.base.trained.sigmas
    asked = [
        number
        for number in (0, 499, 500, 999)
        if both.lane(Call(torch.zeros(1, 4, 8, 8), Level(1.0, sigmas[number]), conditioning))[0]
    ]
    assert asked == refined


@torch.inference_mode()
def test_the_refiner_reads_the_same_words_and_that_they_are_not_wanted(both):
    wanted, unwanted = told(both), told(both, unwanted=True)
    assert torch.equal(wanted.later.conditioning.context, unwanted.later.conditioning.context)
    assert not torch.equal(wanted.later.conditioning.vector, unwanted.later.conditioning.vector)
    assert torch.equal(wanted.vector, unwanted.vector)  # the base is told no score


def test_base_and_refiner_share_no_forward(both):
    conditioning = told(both)
    high, low = (Call(torch.zeros(1, 4, 8, 8), Level(1.0, sigma), conditioning) for sigma in (5.0, 0.1))
    assert both.lane(high) != both.lane(low)
    with pytest.raises(ValueError, match="refiner cannot share"):
        both.denoise([high, low])


def test_pictures_at_other_levels_in_one_batch_are_those_drawn_alone(both):
    painter = sfumato.Painter(both, name="both")
    wishes = [
        painter.request("a red cat", seed=seed, steps=steps, size=(64, 64), handoff=handoff)
        for seed, steps, handoff in ((1, 4, None), (2, 3, 0.5))
    ]
    together = [picture.image.tobytes() for picture in painter.batch(wishes)]
    alone = [painter(wish).image.tobytes() for wish in wishes]
    assert together == alone


def test_a_recipe_tells_every_file_that_was_read_and_how(pipelines):
    base, refiner = pipelines.folder("sdxl"), pipelines.folder("sdxl-refiner")
    painter = sfumato.load(base, refiner=refiner, dtype="float32")
    recipe = painter("a red cat", seed=1, steps=1, size=(64, 64), sampler="euler").recipe()
    assert recipe.weights_sha256 == digest(base)
    assert recipe.files == {"refiner": digest(refiner)}
    assert recipe.loading == {"dtype": "float32"}
    assert painter.notes[-1].startswith("refiner: predicts epsilon")


def notes(model, **how):
    (encoded,) = model.encode([Wording(text="a red cat", size=(64, 64), **how)])
    return encoded.notes


def test_who_draws_nothing_is_told(both):
    assert notes(both) == notes(both, handoff=0.5) == ()
    assert notes(both, handoff=0.0) == ("handoff 0: the refiner draws all of it, the base nothing",)
    assert notes(both, handoff=0.0001) == ("handoff 0.0001: the refiner draws all of it, the base nothing",)
    assert notes(both, handoff=1.0) == ("handoff 1: the base draws all of it, the refiner nothing",)


def test_adapters_that_the_refiner_does_not_wear_are_told(pipelines, tmp_path):
    base, refiner = pipelines.folder("sdxl"), pipelines.folder("sdxl-refiner")
    painter = sfumato.load(base, refiner=refiner, dtype="float32")
    painter.hang(write_lora(pipelines.reference("sdxl"), tmp_path / "ink.safetensors"))
    wish = {"seed": 1, "steps": 1, "size": (64, 64), "sampler": "euler", "guidance": 5.0}
    drawn = {
        share: painter("a cat <lora:ink:1>", handoff=share, **wish).notes for share in (None, 0.5, 0.0, 1.0)
    }
    lost = "the refiner wears no adapters: "
    assert lost + "from 0.8 of the walk on, ink is left out" in drawn[None]
    assert lost + "from 0.5 of the walk on, ink is left out" in drawn[0.5]
    assert lost + "ink changes nothing" in drawn[0.0]
    assert not any(note.startswith(lost) for note in drawn[1.0])
    (weightless,) = painter.model.encode([Wording(text="a cat", adapters=(("ink", 0.0, 0.0),))])
    assert weightless.notes == ()


def test_who_has_no_refiner_says_so_of_a_handoff(both):
    with pytest.raises(InputError, match="has no refiner beside it"):
        told(both.base, handoff=0.8)


def test_only_sdxl_is_refined_and_only_by_its_refiner(pipelines):
    refiner = Loading(refiner=pipelines.folder("sdxl-refiner"))
    with pytest.raises(CheckpointError, match=r"sd1\) begins: there is a refiner for SDXL only"):
        families.load(pipelines.folder("sd1"), refiner)
    with pytest.raises(CheckpointError, match=r"sdxl \(sdxl\) cannot end what sdxl \(sdxl\) begins"):
        families.load(pipelines.folder("sdxl"), Loading(refiner=pipelines.folder("sdxl")))
