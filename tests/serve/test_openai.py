"""OpenAI's own client against a real server: replies are validated strictly, errors are its own."""

import asyncio
import base64
import io
import json
import time
import urllib.request
from typing import get_type_hints

import httpx2
import openai
import pytest
from browsing import Server
from openai.types import image_create_variation_params, image_edit_params, image_generate_params
from PIL import Image

from sfumato.provenance.recipe import KEY
from sfumato.provenance.restoring import restore
from sfumato.serve.refused import Refused
from sfumato.serve.routes.openai.asked import Edit, Generation, Variation
from sfumato.serve.routes.openai.fields import FIELDS, QUALITIES
from sfumato.serve.routes.openai.wishes import Files, Shelf, edit, from_form, generation, variation

QUICK = {"steps": 3, "seed": 7}
DIGEST = "a" * 64
ANNA, BEN = "0123456789abcdef0123", "fedcba9876543210fedc"
"""Tokens; Ben may ask for one job in an hour."""
SHELF = Shelf(("world", "other"), {"world": "reference"})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openai")
    tokens = folder / "tokens"
    tokens.write_text(f"anna:{ANNA}\nben:{BEN}:1\n")
    tokens.chmod(0o600)
    started = Server(folder / "gallery", "--token-file", str(tokens))
    yield started
    started.end()


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(
        api_key=ANNA, base_url=f"{server.url}/v1", _strict_response_validation=True, max_retries=0
    ) as made:
        yield made


def file(colour="red", *, size=(64, 64), clear=None, **save):
    image = Image.new("RGBA", size, colour)
    if clear:
        image.paste((0, 0, 0, 0), clear)
    found = io.BytesIO()
    image.save(found, "PNG", **save)
    return ("picture.png", found.getvalue(), "image/png")


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


# generations --------------------------------------------------------------------------------------


def test_pictures_come_with_their_receipts_seeds_and_honest_usage(client):
    reply = client.images.generate(
        prompt="a red cat", n=2, size="64x96", quality="low", extra_body={"seed": 7}
    )
    first, second = (opened(each.b64_json) for each in reply.data)
    assert first.size == second.size == (64, 96)
    assert reply.size == "64x96"
    assert reply.quality == "low"
    receipts = [json.loads(each.info[KEY])["request"] for each in (first, second)]
    assert [each["seed"] for each in receipts] == [7, 8] == [each.seed for each in reply.data]
    assert receipts[0]["steps"] == QUALITIES["low"].steps
    places = 64 * 96 // 64
    assert reply.usage.output_tokens == 2 * places
    assert reply.usage.input_tokens == reply.usage.input_tokens_details.text_tokens == 3  # "a red cat"
    assert reply.usage.total_tokens == 3 + 2 * places


def test_a_field_of_ours_works_through_extra_body_and_a_strange_one_is_named(client):
    ours = {**QUICK, "sampler": "Euler a", "guidance": 2.5, "negative": "blue", "frobnicate": 1}
    reply = client.images.generate(prompt="a red cat", size="64x64", extra_body=ours)
    request = json.loads(opened(reply.data[0].b64_json).info[KEY])["request"]
    assert (request["sampler"], request["guidance"], request["negative"]) == ("Euler a", 2.5, "blue")
    assert any(note.startswith("frobnicate has no effect") for note in reply.notes)


def test_a_name_of_openais_draws_with_ours_and_says_so(client):
    reply = client.images.generate(prompt="a cat", model="gpt-image-1", size="64x64", extra_body=QUICK)
    assert "model gpt-image-1 is not here: drawn by world; there is world" in reply.notes


@pytest.mark.parametrize(("kind", "pillow"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_lossy_picture_carries_settings_that_can_be_restored(client, kind, pillow):
    reply = client.images.generate(
        prompt="a réd cat",
        size="64x64",
        output_format=kind,
        output_compression=70,
        user="anna",
        extra_body=QUICK,
    )
    image = opened(reply.data[0].b64_json)
    assert image.format == pillow
    assert reply.output_format == kind
    assert restore(image).fields["prompt"] == "a réd cat"
    assert reply.safety_identifier == "anna"


def test_a_url_is_of_the_host_that_was_asked_and_gives_the_galleries_png(client, server):
    reply = client.images.generate(prompt="a cat", size="64x64", response_format="url", extra_body=QUICK)
    url = reply.data[0].url
    assert url.startswith(f"{server.url}/v1/pictures/")
    assert reply.data[0].b64_json is None
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {ANNA}"})  # noqa: S310 - http
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - http, as was just seen
        assert Image.open(io.BytesIO(answer.read())).info[KEY]


def test_a_stream_brings_partial_pictures_then_the_whole(client):
    events = list(
        client.images.generate(
            prompt="a red cat",
            size="64x64",
            stream=True,
            partial_images=2,
            extra_body={"steps": 8, "seed": 7},
        )
    )
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    pictures = [opened(event.b64_json) for event in events]
    assert {each.size for each in pictures} == {(64, 64)}
    assert pictures[0].tobytes() != pictures[2].tobytes()
    assert KEY in pictures[2].info
    assert events[2].usage.output_tokens == 64


def test_a_stream_of_several_completes_each(client):
    events = list(
        client.images.generate(prompt="a cat", n=3, size="64x64", stream=True, extra_body=QUICK)
    )  # fmt: skip
    assert [event.type for event in events] == ["image_generation.completed"] * 3
    assert [event.seed for event in events] == [7, 8, 9]


def test_a_key_repeated_is_the_same_job_and_with_another_request_a_conflict(client):
    def ask(prompt):
        return client.images.generate(
            prompt=prompt, size="64x64", extra_body={"steps": 2}, extra_headers={"Idempotency-Key": "once"}
        )

    assert ask("a cat").data[0].id == ask("a cat").data[0].id
    with pytest.raises(openai.ConflictError):
        ask("a dog")


def test_who_stops_listening_to_a_stream_is_not_drawn_for(client, server):
    stream = client.images.generate(
        prompt="a cat", size="64x64", stream=True, partial_images=3, extra_body={"steps": 400}
    )
    next(iter(stream))
    stream.close()
    end = time.monotonic() + 20
    while client.get("/jobs?limit=1", cast_to=httpx2.Response).json()["jobs"][0]["state"] != "cancelled":
        assert time.monotonic() < end, "still drawing for nobody"
        time.sleep(0.05)


def test_a_stream_that_fails_raises_the_reason(client):
    stream = client.images.generate(
        prompt="a cat", stream=True, extra_body={"steps": 3, "guidance": "pix2pix(7)"}
    )
    with pytest.raises(openai.APIError, match="pix2pix"):
        list(stream)


def test_the_asynchronous_client_draws_streams_and_edits(server):
    async def run():
        async with openai.AsyncOpenAI(
            api_key=ANNA, base_url=f"{server.url}/v1", _strict_response_validation=True, max_retries=0
        ) as client:
            drawn = await client.images.generate(prompt="a cat", size="64x64", extra_body=QUICK)
            stream = await client.images.generate(
                prompt="a cat", size="64x64", stream=True, partial_images=1, extra_body=QUICK
            )
            kinds = [event.type async for event in stream]
            edited = await client.images.edit(image=file(), prompt="a cat", extra_body=QUICK)
            return drawn, kinds, edited

    drawn, kinds, edited = asyncio.run(run())
    assert len(drawn.data) == len(edited.data) == 1
    assert kinds[-1] == "image_generation.completed"


# edits and variations -----------------------------------------------------------------------------


def test_only_what_the_mask_leaves_clear_is_painted(client):
    reply = client.images.edit(
        image=file("red"), mask=file("black", clear=(0, 0, 32, 64)), prompt="a blue star", extra_body=QUICK
    )
    image = opened(reply.data[0].b64_json).convert("RGB")
    assert image.size == (64, 64)
    assert image.crop((48, 0, 64, 64)).getcolors() == [(16 * 64, (255, 0, 0))]  # kept to the pixel
    assert image.crop((0, 0, 24, 64)).getcolors() != [(24 * 64, (255, 0, 0))]
    assert reply.usage.input_tokens_details.image_tokens == 64


def test_a_picture_with_a_hole_is_painted_there_without_a_mask(client):
    reply = client.images.edit(image=file("red", clear=(0, 0, 32, 64)), prompt="a star", extra_body=QUICK)
    image = opened(reply.data[0].b64_json).convert("RGB")
    assert image.crop((48, 0, 64, 64)).getcolors() == [(16 * 64, (255, 0, 0))]
    assert "the image's clear part is painted anew" in reply.notes


def test_further_images_are_references_and_fidelity_is_strength(client):
    reply = client.images.edit(
        image=[file("red"), file("blue")], prompt="a star", input_fidelity="high", extra_body=QUICK
    )
    request = json.loads(opened(reply.data[0].b64_json).info[KEY])["request"]
    assert request["strength"] == 0.4
    assert [row[:2] for row in request["references"]] == [["reference", "both"]]
    assert reply.usage.input_tokens_details.image_tokens == 2 * 64


def test_an_edit_is_streamed_with_events_of_its_own(client):
    events = list(
        client.images.edit(
            image=file(), prompt="a star", stream=True, partial_images=1, extra_body={"steps": 8}
        )
    )
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]


def test_a_variation_takes_its_words_from_the_pictures_receipt(client):
    drawn = client.images.generate(prompt="a red cat", size="64x64", extra_body=QUICK)
    data = base64.b64decode(drawn.data[0].b64_json)
    with pytest.deprecated_call():
        varied = client.images.create_variation(
            image=("a.png", data, "image/png"), n=2, extra_body={"steps": 3}
        )
    assert len(varied.data) == 2
    assert "drawn with the words of the picture's receipt: 'a red cat'" in varied.notes
    assert opened(varied.data[0].b64_json).tobytes() != opened(drawn.data[0].b64_json).tobytes()


# errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "said", "param"),
    [
        ({"size": "1024x1024"}, openai.BadRequestError, "try 192x192", "size"),
        ({"size": "large"}, openai.BadRequestError, "size", "size"),
        ({"n": 99}, openai.BadRequestError, "16", "n"),
        ({"model": "nonsense"}, openai.NotFoundError, "there is world", "model"),
        ({"output_format": "gif"}, openai.BadRequestError, "ask for png, jpeg or webp", "output_format"),
        ({"background": "transparent"}, openai.BadRequestError, "opaque", "background"),
        ({"style": "no such look"}, openai.BadRequestError, "no style", None),
        ({"extra_body": {"sampler": "frobnicate"}}, openai.BadRequestError, "frobnicate", None),
        ({"extra_body": {"steps": "many"}}, openai.BadRequestError, "steps", "steps"),
    ],
)
def test_what_cannot_be_drawn_raises_the_clients_own_error(client, wrong, error, said, param):
    with pytest.raises(error) as raised:
        client.images.generate(prompt="a cat", **wrong)
    assert said in raised.value.body["message"]
    if param is not None:
        assert raised.value.param == param
    assert raised.value.type == "invalid_request_error"


@pytest.mark.parametrize(("deadline", "said"), [(0.0001, "time"), (0.4, "time")])
def test_a_deadline_that_passes_is_no_fault_of_the_request_and_not_asked_again(client, deadline, said):
    again = client.with_options(max_retries=5)
    began = time.monotonic()
    with pytest.raises(openai.APIStatusError, match=said) as raised:
        again.images.generate(prompt="a red cat", extra_body={"deadline": deadline, "steps": 3000})
    assert time.monotonic() - began < 5
    assert (raised.value.status_code, raised.value.code) == (504, "deadline_passed")


def test_a_file_that_is_no_picture_and_one_that_is_missing_are_told(client):
    with pytest.raises(openai.BadRequestError, match="image"):
        client.images.edit(image=("a.png", b"not a picture", "image/png"), prompt="a cat")
    with pytest.raises(openai.BadRequestError, match="draw it into the image"):
        client.images.edit(image=file(), markup=file(), prompt="a cat")


def test_strangers_and_spent_quotas_raise_the_clients_own_errors(server):
    def as_(key):
        return openai.OpenAI(api_key=key, base_url=f"{server.url}/v1", max_retries=0)

    with as_("wrong" * 5) as stranger, pytest.raises(openai.AuthenticationError, match="token"):
        stranger.images.generate(prompt="a cat")
    with as_(BEN) as ben:
        ben.images.generate(prompt="a cat", size="64x64", extra_body=QUICK)
        with pytest.raises(openai.RateLimitError) as raised:
            ben.images.generate(prompt="a cat", size="64x64", extra_body=QUICK)
    assert int(raised.value.response.headers["Retry-After"]) > 0
    assert raised.value.code == "rate_limit_exceeded"


# models -------------------------------------------------------------------------------------------


def test_models_are_listed_and_told_as_openai_does(client):
    (listed,) = client.models.list()
    assert (listed.id, listed.owned_by) == ("world", "sfumato")
    assert client.models.retrieve("world") == listed
    with pytest.raises(openai.NotFoundError, match="there is world"):
        client.models.retrieve("nonsense")


# translation --------------------------------------------------------------------------------------


def told(kind, **said):
    return kind.model_validate(said)


@pytest.mark.parametrize("name", QUALITIES)
def test_each_quality_is_so_many_steps(name):
    wish = generation(told(Generation, prompt="a cat", quality=name), SHELF).wish
    assert wish.steps == QUALITIES[name].steps


def test_steps_go_before_quality_and_that_is_told():
    meant = generation(told(Generation, prompt="a cat", quality="high", steps=5), SHELF)
    assert meant.wish.steps == 5
    assert meant.notes == ("steps 5 goes before quality high",)


def test_a_style_is_one_of_ours_or_has_no_effect():
    assert generation(told(Generation, prompt="a cat", style="watercolor"), SHELF).wish.styles == (
        "watercolor",
    )
    meant = generation(told(Generation, prompt="a cat", style="vivid"), SHELF)
    assert meant.wish.styles == ()
    assert any("style vivid has no effect" in note for note in meant.notes)


def test_a_model_without_a_reader_is_told_to_have_ignored_references():
    files = Files(DIGEST, references=(DIGEST,))
    meant = edit(told(Edit, prompt="a cat", model="other"), files, SHELF)
    assert meant.wish.references == ()
    assert any("has no reader of references" in note for note in meant.notes)


def test_under_a_mask_fidelity_has_no_effect_and_that_is_told():
    meant = edit(told(Edit, prompt="a cat", input_fidelity="high"), Files(DIGEST, mask=DIGEST), SHELF)
    assert meant.wish.strength is None
    assert any("input_fidelity has no effect" in note for note in meant.notes)


def test_a_variation_without_words_reads_its_picture_where_the_model_can():
    world = variation(told(Variation), Files(DIGEST), SHELF).wish
    assert [each.picture for each in world.references] == [DIGEST]
    assert variation(told(Variation, model="other"), Files(DIGEST), SHELF).wish.references == ()
    assert variation(told(Variation, prompt="a dog"), Files(DIGEST), SHELF).wish.prompt == "a dog"


def test_forms_say_our_fields_as_json_and_theirs_as_text():
    said = from_form(
        [("seed", "7"), ("prompt", "12"), ("passes[]", '"hires(1.5)"'), ("toward", '["a dog", 0.3]')]
    )
    assert said == {"seed": 7, "prompt": "12", "passes": ["hires(1.5)"], "toward": ["a dog", 0.3]}


def test_count_is_n_by_another_name_and_both_are_refused():
    assert generation(told(Generation, prompt="a cat", count=3), SHELF).wish.count == 3
    with pytest.raises(Refused, match="leave one of them out"):
        generation(told(Generation, prompt="a cat", count=3, n=2), SHELF)


def test_a_field_that_no_wish_can_have_is_refused_by_its_name():
    with pytest.raises(Refused) as raised:
        generation(told(Generation, prompt="a cat", strength=7), SHELF)
    assert raised.value.param == "strength"


@pytest.mark.parametrize("name", [name for name, meant in FIELDS.items() if meant.how == "no effect"])
def test_each_field_without_effect_is_named(name):
    meant = generation(told(Generation, prompt="a cat", **{name: "low"}), SHELF)
    assert any(note.startswith(f"{name} has no effect") for note in meant.notes)


def test_the_table_knows_every_field_of_the_client():
    kinds = (
        image_generate_params.ImageGenerateParamsStreaming,
        image_edit_params.ImageEditParamsStreaming,
        image_create_variation_params.ImageCreateVariationParams,
    )
    known = {name for kind in kinds for name in get_type_hints(kind)}
    assert known <= set(FIELDS)
