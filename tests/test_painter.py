import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import sfumato
from sfumato.checkpoints.safetensors import digest
from sfumato.errors import CheckpointError, InputError
from sfumato.provenance.recipe import Setup, read_recipe
from sfumato.request import Request

FEW = {"seed": 7, "steps": 2}


def same(one, other) -> bool:
    one, other = (each if isinstance(each, Image.Image) else each.image for each in (one, other))
    return one.size == other.size and one.tobytes() == other.tobytes()


def test_a_seed_is_a_picture_and_another_seed_another(tiny_painter):
    one, again, other = (tiny_painter("a castle", seed=seed, steps=3).image for seed in (7, 7, 8))
    assert same(one, again)
    assert not same(one, other)


def test_a_sentence_alone_is_drawn_with_a_fresh_seed_that_the_request_tells(tiny_painter):
    picture, another = (tiny_painter("a castle", steps=1) for _ in range(2))
    assert picture.request.seed != another.request.seed
    assert same(picture.image, tiny_painter("a castle", steps=1, seed=picture.request.seed).image)


def test_what_is_not_said_is_the_requests_default(tiny_painter):
    request = tiny_painter.request("a castle", seed=1)
    assert request == Request(prompt="a castle", seed=1, model=tiny_painter.name)


def test_a_request_is_drawn_as_it_is_or_with_some_of_it_changed(tiny_painter):
    request = tiny_painter.request("a castle", seed=3, steps=2)
    assert tiny_painter(request).request == request
    assert tiny_painter(request, steps=3, size=(8, 8)).image.size == (8, 8)


def test_a_request_for_another_model_is_refused(tiny_painter):
    with pytest.raises(InputError, match=r"other\.safetensors"):
        tiny_painter(Request(prompt="a", seed=0, model="other.safetensors"))


def test_a_batch_gives_the_pictures_of_its_requests_in_their_order(tiny_painter):
    requests = [
        tiny_painter.request("a red cat", seed=1, steps=6),
        tiny_painter.request("a castle", seed=2, steps=1, guidance=1),
        tiny_painter.request("a cloud", seed=3, steps=3, sampler="ddpm", size=(24, 8)),
    ]
    pictures = list(tiny_painter.batch(requests))
    assert [picture.request for picture in pictures] == requests
    assert all(same(picture.image, tiny_painter(picture.request).image) for picture in pictures)


def test_a_failing_request_is_raised_after_all_others_are_drawn(tiny_painter):
    wishes = ["a castle", tiny_painter.request("a cat", seed=0, size=(9, 9)), "a cloud"]
    pictures = []
    with pytest.raises(InputError, match="9x9") as caught:
        pictures.extend(tiny_painter.batch(wishes))
    assert "request 1" in caught.value.__notes__[0]
    pictures = []
    with pytest.raises(ExceptionGroup, match="2 of 3") as several:
        pictures.extend(tiny_painter.batch([wishes[1], "a castle", "  "]))
    assert [picture.request.prompt for picture in pictures] == ["a castle"]
    assert all(isinstance(error, InputError) for error in several.value.exceptions)


def test_watching_shows_every_step_and_ends_with_the_picture(tiny_painter):
    steps = list(tiny_painter.watch("a castle", seed=5, steps=4))
    assert [(step.index, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [step.picture is None for step in steps] == [True, True, True, False]
    assert same(steps[-1].picture.image, tiny_painter("a castle", seed=5, steps=4).image)
    assert all(step.preview().size == (16, 16) for step in steps)


def test_a_step_is_shown_before_the_next_is_drawn(tiny_painter, monkeypatch):
    drawn = []
    denoise = type(tiny_painter.model).denoise
    monkeypatch.setattr(
        type(tiny_painter.model), "denoise", lambda model, asked: drawn.append(1) or denoise(model, asked)
    )
    assert [len(drawn) for _ in tiny_painter.watch("a castle", seed=5, steps=4)] == [1, 2, 3, 4]


def test_the_preview_of_the_last_step_is_the_picture(tiny_painter):
    """A flow's last step lands on what the model sees."""
    *_, last = tiny_painter.watch("a castle", seed=5, steps=3, sampler="euler")
    apart = np.asarray(last.preview(), dtype=int) - np.asarray(last.picture.image, dtype=int)
    assert abs(apart).max() <= 1


def test_a_watcher_that_leaves_stops_the_network(tiny_painter, monkeypatch):
    calls = []
    denoise = type(tiny_painter.model).denoise
    monkeypatch.setattr(
        type(tiny_painter.model), "denoise", lambda model, asked: calls.append(1) or denoise(model, asked)
    )
    steps = tiny_painter.watch("a castle", seed=5, steps=50)
    next(steps)
    steps.close()
    assert len(calls) == 1


def test_a_wrong_wish_is_refused_before_anything_is_watched(tiny_painter):
    with pytest.raises(InputError, match="empty"):
        tiny_painter.watch("")


def test_a_saved_picture_carries_the_recipe_that_draws_it_again(tiny_painter, tmp_path):
    picture = tiny_painter("a red cat", seed=11, steps=2, negative="car", guidance=2.5, levels="uniform")
    path = picture.save(tmp_path / "cat.png")
    recipe = read_recipe(path)
    assert recipe.request == picture.request
    assert recipe.weights == "tiny"
    assert len(recipe.weights_sha256) == 64
    assert recipe == picture.recipe()
    assert not recipe.setup.fast
    with Image.open(path) as kept:
        assert same(kept, tiny_painter(recipe.request).image)


def test_pictures_are_plain_rgb_rounded_to_the_nearest(tiny_painter):
    from sfumato.painter import to_image

    ramp = torch.tensor([0.0, 0.4999 / 255, 0.5001 / 255, 1.0]).expand(1, 3, 1, 4)
    image = to_image(ramp)
    assert image.mode == "RGB"
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_fast_drawing_is_noted(tiny_weights):
    picture = sfumato.load(tiny_weights, fast=True)("a castle", seed=1, steps=1)
    assert any("fast" in note for note in picture.notes)
    assert picture.recipe().setup == Setup(fast=True, device="cpu", threads=torch.get_num_threads())


def test_a_device_that_is_not_there_is_refused(tiny_weights):
    with pytest.raises(InputError, match="abacus"):
        sfumato.load(tiny_weights, device="abacus")


def test_weights_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.safetensors"):
        sfumato.load(tmp_path / "nothing.safetensors")


def test_importing_sfumato_is_cheap_and_its_names_are_all_there():
    code = (
        "import sys, sfumato; assert 'torch' not in sys.modules; "
        "[getattr(sfumato, name) for name in sfumato.__all__]; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'forger'"):
        sfumato.forger  # noqa: B018


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -3, 1e9])
def test_a_scale_that_no_guide_takes_is_an_error_at_once(scale):
    with pytest.raises(sfumato.InputError, match="outside 0 to 1000"):
        sfumato.cfg(scale)


NAN = float("nan")


@pytest.mark.parametrize(("start", "stop"), [(-0.1, 1), (0.5, 0.5), (0, 1.1), (NAN, 1), (0, NAN)])
def test_an_interval_that_no_walk_has_is_an_error_at_once(start, stop):
    with pytest.raises(sfumato.InputError, match="0 is its beginning"):
        sfumato.cfg(6, start=start, stop=stop)


def test_guidance_is_named_in_python_too(tiny_painter):
    assert sfumato.cfg(6.0, start=0.1) == "cfg(6.0, start=0.1, stop=1.0)"
    named = tiny_painter("a", seed=1, steps=3, guidance=sfumato.cfg(6.0))
    assert named.request.guidance == "cfg(6.0, start=0.0, stop=1.0)"
    assert named.image.tobytes() == tiny_painter("a", seed=1, steps=3, guidance=6.0).image.tobytes()


def test_an_adapter_is_worn_by_pictures_that_name_it_and_by_no_others(tiny_weights, tiny_lora):
    painter = sfumato.load(tiny_weights)
    bare = painter("a red cat", **FEW)
    assert any("2 of its 2 modules matched" in line for line in painter.hang(tiny_lora))
    wishes = [
        painter.request("a red cat", **FEW),
        painter.request("a red cat", adapters=[("ink", 1, 1)], **FEW),
        painter.request("a red cat <lora:ink:1>", **FEW),
        painter.request("a red cat <lora:ink:0>", **FEW),
    ]
    plain, worn, named, unworn = painter.batch(wishes)
    assert same(plain, bare)
    assert same(unworn, bare)
    assert not same(worn, bare)
    assert same(named, worn)
    painter.remove("ink")
    assert same(painter("a red cat", **FEW), bare)


def test_a_prompt_without_the_trigger_is_told(tiny_weights, tiny_lora):
    painter = sfumato.load(tiny_weights)
    painter.hang(tiny_lora)
    notes = painter("a red cat <lora:ink:1>", **FEW).notes
    assert any("does not say: ink drawing" in note for note in notes)
    assert not any("does not say" in note for note in painter("an ink drawing <lora:ink:1>", **FEW).notes)


def test_adapters_undo_themselves_and_stand_in_the_recipe(tiny_weights, tiny_lora, tmp_path):
    painter = sfumato.load(tiny_weights)
    with painter.adapted(sfumato.lora(tiny_lora, 0.5)):
        picture = painter("a red cat", **FEW)
        assert picture.request.adapters == (("ink", 0.5, 0.5),)
    recipe = read_recipe(picture.save(tmp_path / "cat.png"))
    assert recipe.files == {"adapter ink": digest(tiny_lora)}
    assert not painter.model.closet.adapters
    assert painter("a red cat", **FEW).request.adapters == ()
    with pytest.raises(sfumato.InputError, match="no adapter 'ink'"):
        painter(picture.request)


def test_choices_are_made_by_the_seed_and_stand_in_the_request(tiny_painter, tmp_path):
    (tmp_path / "colour.txt").write_text("green\n")
    request = tiny_painter.request("a {red|red} cat, a __colour__ car", seed=1, wildcards=tmp_path)
    assert request.prompt == "a red cat, a green car"
    with pytest.raises(sfumato.InputError, match="wildcards"):
        tiny_painter.request(request, wildcards=tmp_path)


def test_a_picture_to_go_on_from_is_kept_at_the_size_of_the_request(tiny_painter):
    picture, mask = Image.new("RGB", (20, 10), "red"), Image.new("L", (20, 10), 255)
    request = tiny_painter.request("a cat", picture=picture, mask=mask, size=(16, 8), seed=1)
    assert request.size == (16, 8)
    assert request.picture
    assert request.mask
    assert tiny_painter.request(request, picture=picture, mask=mask) == request
    fitted = tiny_painter("a cat", picture=picture, seed=1, steps=2)
    assert fitted.request.size == fitted.image.size == (20, 8)
    assert "the picture of 20x10 is gone on from at 20x8; size says another" in fitted.notes
    with pytest.raises(sfumato.InputError, match="4x4 pixels, its picture 20x10"):
        tiny_painter.request("a cat", picture=picture, mask=Image.new("L", (4, 4)))


def test_words_weigh_as_their_brackets_say(tiny_painter):
    plain, heavy, none = (
        tiny_painter(prompt, **FEW) for prompt in ("a red cat", "a (red:3) cat", "a (red:1) cat")
    )
    assert same(plain, none)
    assert not same(plain, heavy)
    assert not same(tiny_painter("a (red:3) cat", weighting="comfy", **FEW), heavy)


@pytest.mark.parametrize("size", [(10**5, 10**5), (0, 64), (-8, 8)])
def test_a_size_is_checked_before_a_picture_is_brought_to_it(tiny_painter, size):
    with pytest.raises(sfumato.InputError, match=r"size|cannot be drawn"):
        tiny_painter.request("a cat", picture=Image.new("RGB", (16, 16)), size=size)


@pytest.mark.parametrize("adapters", ["ink", ["ink"], [("ink", "x", 1)], [("ink",)], [7]])
def test_what_is_no_adapter_is_refused_in_words(tiny_painter, adapters):
    with pytest.raises(sfumato.InputError, match="adapter"):
        tiny_painter.request("a cat", adapters=adapters)


def test_one_weight_is_for_picture_and_words(tiny_painter):
    assert tiny_painter.request("a", adapters=[("ink", 0.5)], seed=1).adapters == (("ink", 0.5, 0.5),)


def test_a_thin_stroke_of_a_mask_is_painted_though_the_picture_is_drawn_smaller(tiny_painter):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 21, 64, 22))
    request = tiny_painter.request(
        "a cat", picture=Image.new("RGB", (64, 64), "red"), mask=mask, size=(16, 16), seed=1
    )
    small = tiny_painter._lightbox.pictures[request.mask]
    assert small[0, 0, 5].tolist() == [1.0] * 16
    assert small.sum() == 16


def test_a_request_under_a_mask_keeps_it_when_another_picture_is_brought(tiny_painter):
    mask = Image.new("L", (16, 16))
    mask.paste(255, (0, 0, 8, 16))
    picture, other = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    request = tiny_painter.request("a cat", picture=picture, mask=mask, seed=1)
    changed = tiny_painter.request(request, picture=other)
    assert changed.mask == request.mask
    assert changed.picture != request.picture


@pytest.mark.parametrize("area", [(), (1, 2, 3), (10, 10, 50, 50, 1), ("a", 0, 1, 1), [0, 0, 1, 1], None])
def test_a_region_whose_area_is_none_is_refused(tiny_painter, area):
    with pytest.raises(sfumato.InputError, match="left, top, width and height"):
        tiny_painter.request("a cat", regions=[sfumato.region(area, "a dog")], seed=1)


def test_a_mask_alone_is_refused_and_no_picture_is_none(tiny_painter):
    with pytest.raises(sfumato.InputError, match="a mask without a picture"):
        tiny_painter.request("a cat", mask=Image.new("L", (16, 16)))
    assert tiny_painter.request("a cat", picture=None).picture is None


def test_only_the_last_pictures_are_kept_and_none_too_many(tiny_painter, monkeypatch):
    def kept(most):
        tiny_painter._lightbox.pictures.clear()
        monkeypatch.setattr("sfumato.steering.KEPT", most)
        for shade in range(9):
            request = tiny_painter.request("a", picture=Image.new("RGB", (16, 16), (shade, 0, 0)), seed=1)
        assert request.picture in tiny_painter._lightbox.pictures
        return len(tiny_painter._lightbox.pictures)

    assert [kept(count * 16 * 16 * 3 * 4) for count in (20, 6, 1)] == [9, 6, 4]


def test_a_batch_of_many_requests_finds_the_pictures_of_all(tiny_painter):
    wishes = [
        tiny_painter.request("a", picture=Image.new("RGB", (16, 16), (shade, 0, 0)), strength=0, seed=1)
        for shade in range(70)
    ]
    assert len(list(tiny_painter.batch(wishes))) == 70


def test_a_recipe_tells_the_file_that_was_hung_even_if_it_is_gone(tiny_weights, tiny_lora, tmp_path):
    file = tmp_path / "ink.safetensors"
    file.write_bytes(tiny_lora.read_bytes())
    painter = sfumato.load(tiny_weights)
    painter.hang(file)
    file.unlink()
    recipe = painter("a cat <lora:ink:1>", **FEW).recipe()
    assert recipe.files == {"adapter ink": digest(tiny_lora)}
    assert recipe.weights_sha256 == digest(tiny_weights)


def test_a_batch_wears_what_was_worn_where_it_was_asked_for(tiny_weights, tiny_lora):
    painter = sfumato.load(tiny_weights)
    with painter.adapted(sfumato.lora(tiny_lora)):
        late = painter.batch(["a cat"])
        assert next(painter.batch(["a cat"])).request.adapters
    with pytest.raises(sfumato.InputError, match="no adapter 'ink'"):
        next(late)


def test_the_seed_makes_the_choices_of_regions_and_of_where_to_go(tiny_painter):
    regions = [sfumato.region((0, 0, 0.5, 1), "a {red|red} cat", negative="{car|car}")]
    request = tiny_painter.request("a castle", seed=3, regions=regions, toward=("a {blue|blue} car", 0.5))
    assert request.regions == (((0, 0, 0.5, 1), "a red cat", "car", 0.06),)
    assert request.toward == ("a blue car", 0.5)
    with pytest.raises(sfumato.InputError, match="not another prompt with a share"):
        tiny_painter.request("a castle", toward=("a car",))
