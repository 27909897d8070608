"""The best of several: who judges, by what, and that the better picture has the higher score."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from sfumato.checkpoints.placing import Place as Placing
from sfumato.choosing import Score, best_of, judge_of, read_clip
from sfumato.choosing.similar import clip_of_world, similar
from sfumato.choosing.verified import Verified
from sfumato.errors import CheckpointError, InputError
from sfumato.world import artwork
from sfumato.world.reading import read
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing
from sfumato.world.verifier import Verifier

NAMES = ("cat", "bus", "star")
LEFT, RIGHT = (Place(x, 0.5, 0.42) for x in (0.25, 0.75))


def scene(*things, relation=None, style="sticker"):
    return Scene(things=things, background="light blue", style=style, relation=relation)


def thing(sprite, *places, colour=None):
    return Thing(sprite=sprite, places=places, colour=colour)


RED_LEFT = scene(thing("cat", LEFT, colour="red"), thing("bus", RIGHT), relation="left of")
BLUE_LEFT = scene(thing("cat", LEFT, colour="blue"), thing("bus", RIGHT), relation="left of")
RED_RIGHT = scene(thing("cat", RIGHT, colour="red"), thing("bus", LEFT), relation="left of")
CAT_ALONE = scene(thing("cat", LEFT, colour="red"))


def gray(value: int):
    return SimpleNamespace(image=Image.new("L", (4, 4), value))


class Brightness:
    by = "brightness"

    def __call__(self, picture):
        assert picture.shape == (1, 3, 4, 4)
        return Score(float(picture.mean().round()), float(picture.mean()), "so bright")


# choosing -----------------------------------------------------------------------------------------


def test_the_best_has_the_highest_score_then_the_clearest_then_comes_first():
    assert best_of(map(gray, (10, 250, 20)), Brightness()).number == 1
    assert best_of(map(gray, (10, 30, 20)), Brightness()).number == 1
    drawn = best_of(map(gray, (30, 30)), Brightness())
    assert drawn.picture is drawn.candidates[0]
    with pytest.raises(InputError, match="no pictures"):
        best_of([], Brightness())


def test_notes_give_every_score_and_say_who_judged():
    notes = best_of(map(gray, (255, 0)), Brightness()).notes
    assert notes[0] == "the best of 2 by brightness"
    assert notes[1:] == ("candidate 1: 1.000, kept (so bright)", "candidate 2: 0.000 (so bright)")


# by the verifier ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def verified():
    return Verified(Verifier(NAMES, 128), read("a red cat to the left of a bus"))


def test_a_picture_of_all_that_was_asked_scores_highest_and_others_by_what_they_lack(verified):
    pictures = Renderer(NAMES, 128)([RED_LEFT, BLUE_LEFT, RED_RIGHT, CAT_ALONE])
    right, blue, swapped, alone = (verified(picture[None]) for picture in pictures)
    assert (right.value, right.said) == (1.0, "all as asked")
    assert blue.said == "cat not red"
    assert swapped.said == "cat not left of bus"
    assert {"no bus", "0 bus, not 1"} <= set(alone.said.split("; "))
    assert right.value > blue.value == swapped.value > alone.value > 0
    assert 0.5 < right.clearness <= 1


# by CLIP ------------------------------------------------------------------------------------------


def test_the_model_s_own_clip_gives_the_cosine_of_its_towers(tiny_world):
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    picture = (picture * 255).round() / 255
    judge = similar(clip_of_world(tiny_world), "a castle")
    ids = torch.tensor([tiny_world.tokenizer("a castle").ids])
    with torch.inference_mode():
        seen, told = tiny_world.image(picture * 2 - 1), tiny_world.text(ids)[1]
    assert judge(picture).value == pytest.approx(float(torch.cosine_similarity(seen, told)), abs=1e-6)
    assert judge(picture).value != similar(clip_of_world(tiny_world), "a red cat")(picture).value


def test_a_whole_clip_judges_as_transformers_does(tmp_path, clip_files):
    transformers, folder, tokenizer = clip_files
    own = transformers.CLIPModel.from_pretrained(folder).eval()
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    picture = (picture * 255).round() / 255
    clip = read_clip(folder, Placing())
    colours = (clip.sight.mean, clip.sight.deviation)
    mean, deviation = (torch.tensor(each)[None, :, None, None] for each in colours)
    ids = torch.tensor([[tokenizer.start, *tokenizer("a cat"), tokenizer.end]])
    with torch.inference_mode():
        answer = own(input_ids=ids, pixel_values=(picture - mean) / deviation)
    expected = float(torch.cosine_similarity(answer.image_embeds, answer.text_embeds))
    assert similar(clip, "a cat")(picture).value == pytest.approx(expected, abs=2e-5)


def test_a_tower_alone_is_no_judge(tmp_path):
    from pipelines.references import write_encoder

    with pytest.raises(CheckpointError, match="name a whole CLIP"):
        read_clip(write_encoder(tmp_path / "encoder"), Placing())


# who judges ---------------------------------------------------------------------------------------


@pytest.fixture
def knowing(tiny_world):
    return replace(tiny_world, card={"sprites": [*NAMES, "unheard of"]})


def test_the_verifier_judges_what_it_understands(knowing):
    assert judge_of(knowing, "a red cat to the left of a bus").by == "the world's verifier"


@pytest.mark.parametrize(
    ("sentence", "size", "why"),
    [
        ("a happy cat", None, "does not understand"),
        ("a dog", None, "does not understand"),
        ("a cat", (16, 8), "square pictures only"),
    ],
)
def test_the_model_s_clip_judges_the_rest_and_says_why(knowing, sentence, size, why):
    by = judge_of(knowing, sentence, size=size).by
    assert by.startswith("the model's own CLIP, because")
    assert why in by


def test_without_the_font_clip_judges(knowing, monkeypatch):
    monkeypatch.setattr(artwork, "_PLACES", ())
    assert "apt-get install fonts-noto-color-emoji" in judge_of(knowing, "a cat").by


def test_other_models_need_a_clip_that_is_brought(glass_model, knowing):
    with pytest.raises(InputError, match="bring a whole CLIP"):
        judge_of(glass_model, "a cat")
    assert judge_of(glass_model, "a cat", clip=clip_of_world(knowing)).by == "the model's own CLIP"


def test_a_painter_keeps_the_best_and_its_notes_tell_all_scores(tiny_painter):
    best = tiny_painter.best_of("a castle", 3, seed=5, steps=1)
    assert [candidate.request.seed for candidate in best.candidates] == [5, 6, 7]
    assert best.scores[best.number].value == max(score.value for score in best.scores)
    assert sum(note.startswith("candidate ") for note in best.picture.notes) == 3
    again = tiny_painter(best.picture.request)
    assert again.image.tobytes() == best.picture.image.tobytes()
    with pytest.raises(InputError, match="at least 1"):
        tiny_painter.best_of("a castle", 0)
