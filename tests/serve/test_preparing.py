"""A wish made pictures: looks, choices of the seed, uploads, rows of a receipt, adapters found by name."""

import asyncio
import shutil

import numpy as np
import pytest
from PIL import Image

from sfumato.engine.precision import ModelFile
from sfumato.errors import InputError
from sfumato.provenance.recipe import pixel_digest
from sfumato.serve.adapters import Adapter, Adapters
from sfumato.serve.models import Models
from sfumato.serve.refused import Refused
from sfumato.serve.shelf import Shelf
from sfumato.serve.uploads import lay
from sfumato.serve.wish import Wish


def uploaded(room, image, client="local"):
    digest = pixel_digest(image)
    lay(digest, image, room.studio.folder, client=client)
    return digest


def photo(seed=0, size=(16, 16)):
    rows = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(rows)


def half_mask(size=(16, 16)):
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    return mask


def request_of(room, job, number=0):
    return room.studio.store.picture(job.pictures[number]).request


def test_a_look_adds_its_words_and_its_settings_give_way_to_what_is_said(room):
    plain = request_of(room, room.draw(prompt="a castle", styles=["35mm-film"]))
    said = request_of(room, room.draw(prompt="a castle", styles=["35mm-film"], steps=3))
    assert plain["prompt"].startswith("a castle, 35mm colour film")
    assert plain["sentence"] == "a castle"
    assert "digital" in plain["negative"]
    assert said["steps"] == 3


def test_an_unknown_look_is_refused_with_those_that_are_near(room):
    with pytest.raises(Refused, match="is it watercolor") as refused:
        room.ask(styles=["watercolr"])
    assert refused.value.status == 422


def test_an_adapter_that_does_not_hang_yet_hides_no_other_note(opened, folder):
    room = opened(adapters=folder)
    room.draw(steps=1)
    wish = Wish(prompt="a cat", negative="a dog", guidance=1, adapters=[("ink", 1.0, 1.0)])
    notes = asyncio.run(room.studio.foreseen(wish, "local"))
    assert any("negative prompt has no effect" in note for note in notes)


def test_every_seed_makes_its_own_choice(room):
    job = room.draw(prompt="a {red|blue|green|yellow} cat", seed=5, count=6, steps=1)
    prompts = [request_of(room, job, number)["prompt"] for number in range(6)]
    assert len({*prompts}) > 1
    assert all(prompt.endswith(" cat") and "{" not in prompt for prompt in prompts)
    again = room.draw(prompt="a {red|blue|green|yellow} cat", seed=7, steps=1)
    assert request_of(room, again)["prompt"] == prompts[2]


def test_a_picture_and_its_mask_are_gone_on_from(room):
    picture, mask = uploaded(room, photo()), uploaded(room, half_mask())
    job = room.draw(picture=picture, mask=mask, steps=4, strength=0.8)
    assert job.state == "done", job.error
    with Image.open(room.studio.folder.file(room.studio.store.picture(job.pictures[0]))) as drawn:
        painted, before = np.asarray(drawn), np.asarray(photo())
    assert (painted[:, 8:] == before[:, 8:]).all(), "what is black in the mask is kept"
    assert (painted[:, :8] != before[:, :8]).any()


def test_a_receipt_is_drawn_again_by_posting_it(room):
    picture, mask = uploaded(room, photo(1, (20, 20))), uploaded(room, half_mask((20, 20)))
    area = uploaded(room, half_mask())
    first = room.draw(
        picture=picture, mask=mask, steps=4, seed=3, size=(16, 16), exact=True,
        regions=[{"area": area, "words": "a {red|yellow} fish"}],
    )  # fmt: skip
    assert first.state == "done", first.error
    receipt = {name: value for name, value in request_of(room, first).items() if value is not None}
    assert receipt["picture"] != picture, "it was brought to another size"
    again = room.draw(**receipt, exact=True)
    pixels = [room.studio.store.picture(job.pictures[0]).pixels for job in (first, again)]
    assert pixels[0] == pixels[1]
    assert request_of(room, again) == request_of(room, first)


def test_a_picture_of_the_gallery_is_named_by_its_pixels(room):
    drawn = room.studio.store.picture(room.draw(steps=1).pictures[0])
    job = room.draw(picture=drawn.pixels, strength=0.5, steps=4)
    assert job.state == "done", job.error


def test_pictures_of_others_are_not_here(room):
    picture = uploaded(room, photo(9), client="somebody")
    with pytest.raises(Refused, match="no picture") as refused:
        room.ask(picture=picture)
    assert refused.value.status == 422


def test_rows_and_objects_in_one_list_are_refused_with_the_way_out(room):
    area = (0.0, 0.0, 0.5, 1.0)
    with pytest.raises(Refused, match=r"mixes objects.*two jobs"):
        room.ask(regions=[{"area": area, "words": "a cat"}, (area, "a dog", "", 0.06)])


@pytest.mark.parametrize("name", ["mask", "strength", "around", "outpaint"])
def test_what_is_about_a_picture_wants_one(room, name):
    value = {"mask": "0" * 64, "strength": 0.5, "around": 4, "outpaint": (4, 0, 0, 0)}[name]
    with pytest.raises(Refused, match=f"{name} is about a picture") as refused:
        room.ask(**{name: value})
    assert refused.value.param == name


@pytest.fixture
def folder(tmp_path, tiny_lora):
    folder = tmp_path / "adapters"
    folder.mkdir()
    shutil.copy(tiny_lora, folder / "ink.safetensors")
    (folder / "broken.safetensors").write_bytes(b"no weights")
    return folder


def test_adapters_are_hung_when_they_are_named_and_are_told_with_their_triggers(opened, folder):
    room = opened(adapters=folder)
    told = room.studio.adapters.all()
    assert told["ink"].triggers == ("ink drawing",)
    assert "broken" in told
    assert told["broken"].obstacle
    assert room.studio.shelf.beside("tiny") == ()
    plain = room.draw(seed=4, steps=3)
    by_row = room.draw(seed=4, steps=3, adapters=[("ink", 1.0, 1.0)])
    by_prompt = room.draw(seed=4, steps=3, prompt="a red cat <lora:ink:1>")
    assert [job.error for job in (plain, by_row, by_prompt)] == [None] * 3
    pixels = [room.studio.store.picture(job.pictures[0]).pixels for job in (plain, by_row, by_prompt)]
    assert pixels[0] != pixels[1]


def test_an_unknown_adapter_is_refused_with_those_that_are_near(opened, folder):
    room = opened(adapters=folder)
    for wish in ({"adapters": [("Inc", 1.0, 1.0)]}, {"prompt": "a cat <lora:Inc:1>"}):
        with pytest.raises(Refused, match="no adapter 'Inc' here: is it ink"):
            room.ask(**wish)
    room = opened()
    with pytest.raises(Refused, match="--adapters"):
        room.ask(adapters=[("ink", 1.0, 1.0)])


def test_an_adapter_that_cannot_be_read_fails_its_job_alone(opened, folder):
    room = opened(adapters=folder)
    job = room.draw(adapters=[("broken", 1.0, 1.0)])
    assert job.state == "failed"
    assert "broken.safetensors" in job.error
    assert room.draw(steps=1).state == "done"


def test_a_control_finds_the_network_that_is_called_after_what_it_reads(tmp_path, monkeypatch):
    folder = Adapters(tmp_path)
    there = [
        Adapter(name=name, path=tmp_path / name, kind=kind, size=1)
        for name, kind in (
            ("sd15_canny", "controlnet"),
            ("sd15_depth", "controlnet"),
            ("plus", "image-prompt"),
        )
    ]
    monkeypatch.setattr(folder, "all", lambda: {each.name: each for each in there})

    def named(kind):
        steering = {"controls": [{"kind": kind, "picture": "0" * 64}], "references": [{"picture": "1" * 64}]}
        return folder.named_in(Wish(prompt="a cat", **steering))

    assert named("depth").controls[0].network == "sd15_depth"
    assert named("as-is(of=canny)").controls[0].network == "sd15_canny"
    assert named("depth").references[0].network == "plus"
    with pytest.raises(InputError, match="sd15_canny, sd15_depth could read it; say which"):
        named("blur")


def room_for(models):
    """The bytes that the first of them takes."""
    return Shelf(Models(models), Adapters(None)).foreseen(models[0].name)


def test_models_take_turns_in_a_budget_that_holds_one(opened, tiny_weights, tmp_path):
    other = tmp_path / "other.safetensors"
    shutil.copy(tiny_weights, other)
    models = (ModelFile(name="one", path=tiny_weights), ModelFile(name="two", path=other))
    needs = room_for(models)
    room = opened(models=models, budget=int(needs * 1.5))
    jobs = [room.ask(steps=5, model=name) for name in ("one", "two", "one", "two")]
    assert [job.state for job in room.wait(*jobs)] == ["done"] * 4
    assert len(room.studio.shelf.resident) == 1
    assert room.ask(steps=1).wish["model"] == "one", "the first is what draws where none is named"
    with pytest.raises(Refused, match="no model 'tow' here: is it two"):
        room.ask(model="tow")


def test_a_check_tells_what_would_have_no_effect_and_draws_nothing(room):
    def noted(**wish):
        return asyncio.run(room.studio.foreseen(Wish(**wish), "local"))

    room.draw(steps=1)
    notes = noted(prompt="a red feline", negative="a dog", guidance=1)
    assert any("does not know: feline" in note for note in notes)
    assert any("negative" in note for note in notes)
    with pytest.raises(Refused, match="did you mean euler"):
        noted(prompt="a cat", sampler="eulr")
    with pytest.raises(Refused, match="17x16 cannot be drawn"):
        noted(prompt="a cat", size=(17, 16))
    with pytest.raises(Refused, match="knows no clip_skip"):
        noted(prompt="a cat", clip_skip=2)
    with pytest.raises(Refused, match="knows no handoff"):
        noted(prompt="a cat", handoff=0.5)
    assert room.studio.worker.running == ()
