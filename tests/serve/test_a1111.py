"""webuiapi, A1111's client, against a real server: every method works, or fails with the way out."""

import asyncio
import base64
import inspect
import io
import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import webuiapi
from browsing import Server
from PIL import Image
from pydantic import BaseModel, ConfigDict

from sfumato.provenance.recipe import KEY
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import ImageToImage, TextToImage
from sfumato.serve.routes.a1111.controlnet import ABSENT
from sfumato.serve.routes.a1111.desk import Run
from sfumato.serve.routes.a1111.drawing import drawn
from sfumato.serve.routes.a1111.enlarging import hires
from sfumato.serve.routes.a1111.fields import FIELDS
from sfumato.serve.routes.a1111.painting import Limits, blurred, filled, mask_of, picture_of, resized
from sfumato.serve.routes.a1111.sampling import samplers as menu
from sfumato.serve.routes.a1111.sampling import sampling, schedulers
from sfumato.serve.routes.a1111.units import Unit, kind_of, network_of, units_of
from sfumato.serve.routes.a1111.wishes import Brought, Shelf, plan

SMALL = {"width": 64, "height": 64, "seed": 7}
DIGEST = "a" * 64
ANNA = "0123456789abcdef0123"
SHELF = Shelf(models=("world", "big.safetensors"), small=frozenset({"world"}), worlds=frozenset({"world"}))
LIMITS = Limits(most_bytes=1_000_000, most_pixels=1_000_000)


class Fact(BaseModel):
    """The shapes of replies as A1111's own API documents them (modules/api/models.py)."""

    model_config = ConfigDict(protected_namespaces=(), strict=True)


class Drawn(Fact):
    images: list[str] | None
    parameters: dict[str, Any]
    info: str


class Info(Fact):
    prompt: str
    all_prompts: list[str]
    negative_prompt: str
    all_negative_prompts: list[str]
    seed: int
    all_seeds: list[int]
    subseed: int
    all_subseeds: list[int]
    subseed_strength: float
    width: int
    height: int
    sampler_name: str
    cfg_scale: float
    steps: int
    batch_size: int
    restore_faces: bool
    face_restoration_model: str | None
    sd_model_name: str
    sd_model_hash: str
    sd_vae_name: str | None
    sd_vae_hash: str | None
    seed_resize_from_w: int
    seed_resize_from_h: int
    denoising_strength: float | None
    extra_generation_params: dict[str, Any]
    index_of_first_image: int
    infotexts: list[str]
    styles: list[str]
    job_timestamp: str
    clip_skip: int
    is_using_inpainting_conditioning: bool
    version: str


class Progress(Fact):
    progress: float
    eta_relative: float
    state: dict[str, Any]
    current_image: str | None
    textinfo: str | None


class Sampler(Fact):
    name: str
    aliases: list[str]
    options: dict[str, Any]


class Scheduler(Fact):
    name: str
    label: str
    aliases: list[str] | None
    default_rho: float | None
    need_inner_model: bool | None


class Upscaler(Fact):
    name: str
    model_name: str | None
    model_path: str | None
    model_url: str | None
    scale: float | None


class Model(Fact):
    title: str
    model_name: str
    hash: str | None
    sha256: str | None
    filename: str
    config: str | None


class Style(Fact):
    name: str
    prompt: str | None
    negative_prompt: str | None


class Mode(Fact):
    name: str


class Nothing(Fact):
    model_config = ConfigDict(extra="forbid")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a1111")
    (folder / "tokens").write_text(f"anna:{ANNA}\n")
    (folder / "tokens").chmod(0o600)
    started = Server(folder / "gallery", "--token-file", str(folder / "tokens"))
    yield started
    started.end()


@pytest.fixture(scope="module")
def api(server):
    made = webuiapi.WebUIApi(
        baseurl=f"{server.url}/sdapi/v1", steps=3, username="anna", password=ANNA
    )  # fmt: skip
    yield made
    made.session.close()


def checked(result):
    """The reply of a drawing, strictly validated; its ``info``."""
    Drawn.model_validate(result.json)
    Info.model_validate(result.info)
    return result.info


def square(colour="red", size=(64, 64)):
    return Image.new("RGB", size, colour)


def in_base64(image, kind="PNG"):
    found = io.BytesIO()
    image.save(found, kind)
    return base64.b64encode(found.getvalue()).decode()


def request_of(image):
    return json.loads(image.info[KEY])["request"]


# drawing ------------------------------------------------------------------------------------------


def test_a_person_who_says_only_a_prompt_gets_a_picture_at_the_models_own_size(api):
    result = api.txt2img(prompt="a red cat")
    info = checked(result)
    assert result.image.size == (128, 128)
    assert any("512x512, which clients send unasked" in note for note in info["notes"])
    assert (info["sampler_name"], info["cfg_scale"], info["steps"]) == ("Euler a", 7.0, 3)
    assert info["infotexts"][0] == result.image.info["parameters"]


def test_batches_have_seeds_that_follow_each_other(api):
    result = api.txt2img(prompt="a red cat", batch_size=2, n_iter=2, **SMALL)
    assert checked(result)["all_seeds"] == [7, 8, 9, 10]
    assert [request_of(image)["seed"] for image in result.images] == [7, 8, 9, 10]


def test_subseeds_are_variations_of_one_seed(api):
    result = api.txt2img(prompt="a red cat", batch_size=2, subseed=3, subseed_strength=0.25, **SMALL)
    info = checked(result)
    assert (info["all_seeds"], info["all_subseeds"]) == ([7, 7], [3, 4])
    assert [request_of(image)["variations"] for image in result.images] == [[[3, 0.25]], [[4, 0.25]]]


def test_what_has_no_effect_is_named_and_what_says_nothing_is_not(api):
    quiet = api.txt2img(prompt="a cat", **SMALL)
    assert quiet.info["no_effect"] == []
    loud = api.txt2img(
        prompt="a cat", restore_faces=True, tiling=True, seed_resize_from_w=100,
        override_settings={"sd_vae": "other.pt", "frobnicate": 1},
        alwayson_scripts={"ADetailer": {"args": [True, {}]}}, **SMALL,
    )  # fmt: skip
    named = {line.partition(" ")[0] for line in loud.info["no_effect"]}
    assert named == {
        "restore_faces", "tiling", "seed_resize_from_w", "override_settings.sd_vae",
        "override_settings.frobnicate", "alwayson_scripts.ADetailer",
    }  # fmt: skip


def test_null_and_unknown_keys_are_accepted_and_only_these_named(server, api):
    nulls = dict.fromkeys(name for name in FIELDS if name not in ("prompt", "width", "height", "steps"))
    body = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, **nulls, "frobnicate": 3, "other": None}
    answer = api.session.post(f"{api.baseurl}/txt2img", json=body)
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.json()["info"])["no_effect"] == [
        "frobnicate has no effect: nothing of that name is known here"
    ]


def test_hires_draws_a_second_pass(api):
    result = api.txt2img(
        prompt="a cat", enable_hr=True, hr_scale=1.5, hr_upscaler=webuiapi.HiResUpscaler.Lanczos,
        denoising_strength=0.5, **SMALL,
    )  # fmt: skip
    checked(result)
    assert result.image.size == (96, 96)
    assert request_of(result.image)["passes"] == ["hires(1.5, strength=0.5, steps=6, by=lanczos)"]


def test_a_picture_is_gone_on_from(api):
    result = api.img2img(images=[square()], prompt="a star", denoising_strength=0.4, **SMALL)
    assert checked(result)["denoising_strength"] == 0.4
    assert result.image.size == (64, 64)
    assert result.parameters["init_images"] is None


def test_only_the_white_of_a_mask_is_painted(api):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 24, 64))
    result = api.img2img(
        images=[square()], mask_image=mask, mask_blur=0, prompt="a blue star", inpaint_full_res=False, **SMALL
    )
    checked(result)
    assert result.image.crop((40, 0, 64, 64)).getcolors() == [(24 * 64, (255, 0, 0))]
    assert result.image.crop((0, 0, 16, 64)).getcolors() != [(16 * 64, (255, 0, 0))]
    around = api.img2img(
        images=[square()], mask_image=mask, prompt="a star", inpaint_full_res_padding=4, **SMALL
    )
    assert request_of(around.image)["around"] == 4


def test_controlnets_unit_steers_and_its_networks_absence_is_told(api):
    unit = webuiapi.ControlNetUnit(image=square(), module="canny", model="control", weight=0.5)
    result = api.txt2img(prompt="a cat", controlnet_units=[unit], alwayson_scripts={}, **SMALL)
    (row,) = request_of(result.image)["controls"]
    assert (row[0], row[1], row[3]) == ("control", "canny", 0.5)
    unit = webuiapi.ControlNetUnit(image=square(), module="depth_midas")
    with pytest.raises(RuntimeError, match="bring a depth map, with module none"):
        api.txt2img(prompt="a cat", controlnet_units=[unit], alwayson_scripts={}, **SMALL)


def test_pictures_can_be_left_out_or_come_in_another_format(api):
    assert api.txt2img(prompt="a cat", send_images=False, **SMALL).images == []
    webp = api.txt2img(prompt="a cat", override_settings={"samples_format": "webp"}, **SMALL)
    assert webp.image.format == "WEBP"


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"width": 1024, "height": 1024}, 422, "try 192x192"),
        ({"sampler_name": "frobnicate"}, 404, "unknown sampler 'frobnicate'"),
        ({"scheduler": "frobnicate"}, 404, "unknown scheduler"),
        ({"prompt": "<lora:nothing:1> a cat"}, 422, "no adapter 'nothing' here"),
        ({"prompt": ""}, 422, "say what the picture should show"),
        ({"styles": ["no such look"]}, 422, "no style"),
        ({"script_name": "X/Y/Z plot"}, 422, "no scripts here"),
        ({"override_settings": {"sd_model_checkpoint": "other"}}, 404, "there is world"),
        ({"enable_hr": True, "hr_upscaler": "R-ESRGAN 4x+"}, 422, "is not here: there are None, Lanczos"),
        ({"batch_size": 99}, 422, "batch_size"),
    ],
)
def test_what_cannot_be_drawn_says_why_and_the_way_out(api, wrong, status, said):
    with pytest.raises(RuntimeError) as raised:
        api.txt2img(**{"prompt": "a cat", **SMALL, **wrong})
    assert raised.value.args[0] == status
    told = json.loads(raised.value.args[1])
    assert said in told["detail"]
    assert set(told) == {"error", "detail", "body", "errors"}


def test_no_url_is_ever_fetched(api):
    answer = api.session.post(
        f"{api.baseurl}/img2img", json={"prompt": "a cat", "init_images": ["http://127.0.0.1:1/a.png"]}
    )
    assert answer.status_code == 422
    assert "nothing is fetched here" in answer.json()["detail"]


# watching -----------------------------------------------------------------------------------------


def drawn_meanwhile(api, **options):
    """A request in a thread of its own, which has begun its second round when this returns; what ends it."""
    found = []
    thread = threading.Thread(target=lambda: found.append(api.txt2img(prompt="a red cat", **options)))
    thread.start()
    end = time.monotonic() + 60
    while api.get_progress()["state"]["job_no"] < 1:
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)

    def ended():
        thread.join(60)
        return found[0]

    return ended


def test_progress_is_told_and_interrupting_returns_what_is_finished(api):
    ended = drawn_meanwhile(api, n_iter=20, steps=30, **SMALL)
    told, seen = api.get_progress(), None
    while seen is None:
        told = api.get_progress()
        Progress.model_validate(told)
        seen = told["current_image"]
    assert 0 < told["progress"] < 1
    assert told["state"]["job_count"] == 20
    assert told["state"]["sampling_steps"] == 30
    assert Image.open(io.BytesIO(base64.b64decode(seen))).size[0] > 0
    assert api.interrupt() == {}
    result = ended()
    assert 1 <= len(result.images) < 20
    assert len(result.info["all_seeds"]) == len(result.images)
    assert any("interrupted" in note for note in result.info["notes"])
    api.util_wait_for_ready(check_interval=0.1)
    assert api.get_progress()["progress"] == 0


def test_skipping_goes_on_with_the_next_batch(api):
    ended = drawn_meanwhile(api, n_iter=3, steps=24, **SMALL)
    assert api.skip() == {}
    result = ended()
    assert len(result.images) == 2


def test_who_hangs_up_is_not_drawn_for(server, api):
    body = {"prompt": "a cat", "steps": 2000, "force_task_id": "gone"}
    with pytest.raises(requests.exceptions.Timeout):
        api.session.post(f"{api.baseurl}/txt2img", json=body, timeout=1)
    end = time.monotonic() + 30
    while api.get_progress()["state"]["job_count"]:
        assert time.monotonic() < end, "still drawing for nobody"
        time.sleep(0.1)


# lists --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "shape", "some"),
    [
        ("get_samplers", Sampler, True),
        ("get_schedulers", Scheduler, True),
        ("get_upscalers", Upscaler, True),
        ("get_latent_upscale_modes", Mode, True),
        ("get_sd_models", Model, True),
        ("get_prompt_styles", Style, True),
        ("get_sd_vae", Nothing, False),
        ("get_loras", Nothing, False),
        ("get_hypernetworks", Nothing, False),
        ("get_face_restorers", Nothing, False),
        ("get_realesrgan_models", Nothing, False),
    ],
)
def test_each_list_has_a1111s_shape(api, method, shape, some):
    rows = getattr(api, method)()
    assert isinstance(rows, list)
    assert bool(rows) == some
    for row in rows:
        shape.model_validate(row)


def test_all_else_that_clients_look_at_is_answered(api):
    assert api.get_embeddings() == {"loaded": {}, "skipped": {}}
    assert api.get_memory()["ram"]["used"] > 0
    assert api.get_cmd_flags()["api"] is True
    assert api.refresh_checkpoints() is None
    assert api.get_scripts()["txt2img"] == ["controlnet"]
    assert api.controlnet_version() == 3
    assert "control" in api.controlnet_model_list()
    assert {"none", "canny"} <= set(api.controlnet_module_list())
    assert "Euler a" in api.util_get_sampler_names()
    assert "karras" in api.util_get_scheduler_names()
    assert api.util_get_model_names() == ["world"]
    assert api.custom_get("internal/ping") == {}


def test_settings_last_for_whoever_set_them_and_others_are_named(api):
    api.util_set_model("worlds")
    assert api.util_get_current_model() == "world"
    told = api.set_options({"samples_format": "webp", "frobnicate": 1, "sd_vae": "Automatic"})
    assert told == {"no_effect": {"frobnicate": "there is no such setting here"}}
    try:
        assert api.get_options()["samples_format"] == "webp"
        assert api.txt2img(prompt="a cat", **SMALL).image.format == "WEBP"
    finally:
        api.set_options({"samples_format": "png"})
    assert "there is world" in api.set_options({"sd_model_checkpoint": "other"})["detail"]


# pictures without drawing -------------------------------------------------------------------------


def test_a_pictures_settings_are_told_and_its_words(api):
    drawn = api.txt2img(prompt="a red cat", **SMALL)
    told = api.png_info(drawn.image)
    assert told.info.startswith("a red cat\nSteps: 3, Sampler: Euler a")
    assert told.parameters["Seed"] == "7"
    assert KEY in told.json["items"]
    assert api.interrogate(drawn.image).info == "a red cat"
    with pytest.raises(RuntimeError, match="no network here tells what a picture shows"):
        api.interrogate(square())


def test_pictures_are_enlarged_by_filters_and_by_nothing_that_is_not_here(api):
    assert api.extra_single_image(square(), upscaler_1="Lanczos").image.size == (128, 128)
    assert api.extra_single_image(square()).image.size == (64, 64)  # A1111's None leaves it as it is
    many = api.extra_batch_images(
        [square(), square("blue")], upscaler_1=webuiapi.Upscaler.Nearest, resize_mode=1,
        upscaling_resize_w=100, upscaling_resize_h=50, gfpgan_visibility=1,
    )  # fmt: skip
    assert [image.size for image in many.images] == [(100, 50)] * 2
    assert "gfpgan_visibility has no effect" in many.info
    with pytest.raises(RuntimeError, match="there are None, Lanczos, Nearest"):
        api.extra_single_image(square(), upscaler_1="R-ESRGAN 4x+")


def test_a_conditioning_picture_is_made(api):
    (image,) = api.controlnet_detect([square()], module="canny").images
    assert image.size == (64, 64)
    with pytest.raises(RuntimeError, match="needs a network that is not here"):
        api.controlnet_detect([square()], module="openpose")


def calls(api):
    """Methods of extensions that are not here, as a person would call them."""
    return {
        "prompt_gen": lambda: api.prompt_gen(text="a cat"),
        "rembg": lambda: webuiapi.RemBGInterface(api).rembg(square()),
        "tagger": lambda: webuiapi.TaggerInterface(api).tagger_interrogate(square()),
        "pix2pix": lambda: webuiapi.InstructPix2PixInterface(api).img2img([square()], "a cat"),
        "controlnet": lambda: webuiapi.ControlNetInterface(api, show_deprecation_warning=False).txt2img(
            "a cat"
        ),
    }


@pytest.mark.parametrize("name", ["prompt_gen", "rembg", "tagger", "pix2pix", "controlnet"])
def test_an_extension_that_is_not_here_says_what_there_is_instead(api, name):
    with pytest.raises(RuntimeError) as raised:
        calls(api)[name]()
    assert raised.value.args[0] == 404
    assert "not here" in raised.value.args[1]


def test_each_absent_extension_answers_in_a1111s_form(server, api):
    for name in ABSENT:
        answer = api.session.post(f"{server.url}/{name}/anything", json={})
        assert (answer.status_code, answer.json()["error"]) == (404, "HTTPException")


# translation --------------------------------------------------------------------------------------


def planned(kind=TextToImage, *, brought=None, shelf=SHELF, **said):
    asked = kind.model_validate({"prompt": "a cat", **said})
    return plan(asked, brought or Brought(), shelf, seed=100, subseed=200)


def test_the_table_knows_every_key_that_the_client_sends():
    sent = []

    class Session:
        def post(self, url, json):
            sent.append(json)
            raise InterruptedError

    api = webuiapi.WebUIApi.__new__(webuiapi.WebUIApi)
    api.session, api.baseurl = Session(), "http://nowhere"
    api.default_sampler, api.default_scheduler, api.default_steps = "Euler", "automatic", 20
    for call in (lambda: api.txt2img(), lambda: api.img2img(images=[square()], mask_image=square())):
        with pytest.raises(InterruptedError):
            call()
    assert len(sent) == 2
    assert {name for payload in sent for name in payload} <= set(FIELDS)


def test_every_understood_key_is_read():
    read = {*TextToImage.model_fields, *ImageToImage.model_fields}
    said = {name for name, meant in FIELDS.items() if meant.how == "understood"}
    assert said == read - {"script_name"}


@pytest.mark.parametrize("name", [name for name, meant in FIELDS.items() if meant.how == "no effect"])
def test_each_key_without_effect_is_named_where_it_would_have_had_one(name):
    meant = planned(enable_hr=True, **{name: "something"})
    assert any(note.startswith(f"{name} has no effect") for note in meant.notes)
    for harmless in FIELDS[name].harmless:
        assert not any(note.startswith(name) for note in planned(enable_hr=True, **{name: harmless}).notes)


def test_a_model_is_known_by_its_title_and_by_its_name_without_an_ending():
    for title in ("big.safetensors [1a2b3c]", "big"):
        assert planned(override_settings={"sd_model_checkpoint": title}).model == "big.safetensors"
    assert planned().model == "world"


def test_the_size_that_clients_send_unasked_is_drawn_by_models_that_can():
    assert planned(width=512, height=512).rounds[0][0].size is None
    big = {"override_settings": {"sd_model_checkpoint": "big"}}
    assert planned(width=512, height=512, **big).rounds[0][0].size == (512, 512)
    assert planned(width=96, height=64).rounds[0][0].size == (96, 64)


def test_clip_skip_counts_from_the_end_and_one_is_the_models_own():
    big = {"sd_model_checkpoint": "big"}
    for layers, wanted in ((1, None), (2, 2), (None, None)):
        settings = {**big, "CLIP_stop_at_last_layers": layers}
        assert planned(override_settings=settings).rounds[0][0].clip_skip == wanted
    told = planned(override_settings={"CLIP_stop_at_last_layers": 2})
    assert told.rounds[0][0].clip_skip is None
    assert any("CLIP_stop_at_last_layers 2 has no effect" in note for note in told.notes)


@pytest.mark.parametrize(
    ("said", "sampler", "levels"),
    [
        ({"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M Karras", None),
        ({"sampler_index": "Euler a", "scheduler": "automatic"}, "Euler a", None),
        ({"sampler_name": "Euler a", "scheduler": "SGM Uniform"}, "Euler a", "sgm_uniform"),
        ({"sampler_name": "Euler a", "eta": 0.5}, "Euler a(eta=0.5)", None),
        ({"sampler_name": "Heun", "s_churn": 10}, "Heun(churn=10.0)", None),
        ({}, None, None),
    ],
)
def test_samplers_and_spacings_are_read_by_a1111s_names(said, sampler, levels):
    found = sampling(TextToImage.model_validate({"prompt": "a cat", **said}))
    assert found[:2] == (sampler, levels)


def test_an_option_that_a_sampler_lacks_is_named():
    asked = TextToImage.model_validate({"sampler_name": "Euler", "eta": 0.5})
    assert sampling(asked).notes == ("eta has no effect: sampler Euler has no such option",)


@pytest.mark.parametrize("name", [str(row["name"]) for row in menu()])
def test_every_sampler_of_the_menu_can_be_asked_for(name):
    assert sampling(TextToImage.model_validate({"sampler_name": name})).sampler == name


@pytest.mark.parametrize("row", schedulers())
def test_every_scheduler_of_the_menu_can_be_asked_for_by_name_and_label(row):
    by = [sampling(TextToImage.model_validate({"scheduler": row[key]})).levels for key in ("name", "label")]
    assert by[0] == by[1]
    assert by[0] == (None if row["name"] == "automatic" else row["name"])


def test_steps_of_the_second_pass_are_done_in_full():
    asked = TextToImage.model_validate({"hr_second_pass_steps": 10, "denoising_strength": 0.5})
    assert "steps=20" in hires(asked, (64, 64), 24)[0]
    asked = TextToImage.model_validate({"denoising_strength": 0.5})
    assert "steps=48" in hires(asked, (64, 64), 24)[0]


def test_a_size_of_the_second_pass_is_a_factor_or_refused():
    asked = TextToImage.model_validate({"hr_resize_x": 96, "hr_resize_y": 144})
    assert hires(asked, (64, 96), 24)[0].startswith("hires(1.5,")
    with pytest.raises(Refused, match="another shape"):
        hires(asked, (64, 64), 24)


def test_several_pictures_are_each_gone_on_from():
    brought = Brought(pictures=(DIGEST, "b" * 64))
    meant = planned(ImageToImage, brought=brought, seed=5, n_iter=2)
    assert [[wish.picture for wish in each] for each in meant.rounds] == [[DIGEST, "b" * 64]] * 2
    assert [wish.seed for each in meant.rounds for wish in each] == [5, 6, 7, 8]


@pytest.mark.parametrize(("fill", "strength"), [(0, 0.75), (1, 0.75), (2, 1.0), (3, 1.0)])
def test_what_a_mask_is_filled_with_decides_strength(fill, strength):
    brought = Brought(pictures=(DIGEST,), mask="b" * 64)
    (wish,) = planned(ImageToImage, brought=brought, inpainting_fill=fill, mask="...").rounds[0]
    assert (wish.strength, wish.around) == (strength, 0)


def test_a_mask_is_read_as_a1111_reads_it():
    gray = Image.new("L", (8, 8))
    gray.paste(255, (0, 0, 4, 8))
    asked = ImageToImage.model_validate({"inpainting_mask_invert": 1, "mask_blur": 0})
    mask, _ = mask_of(in_base64(gray), asked, LIMITS)
    assert (mask.getpixel((0, 0)), mask.getpixel((7, 0))) == (0, 255)
    drawn = Image.new("RGBA", (8, 8))
    drawn.paste((0, 0, 0, 255), (0, 0, 4, 8))  # black, and painted: what is opaque is
    mask, _ = mask_of(in_base64(drawn), ImageToImage(), LIMITS)
    assert (mask.getpixel((0, 0)), mask.getpixel((7, 0))) == (255, 0)
    assert blurred(gray, asked) is gray
    assert 0 < blurred(gray, ImageToImage()).getpixel((4, 4)) < 255


def test_a_hole_is_filled_with_what_lies_around_it():
    image = square("red", (64, 64))
    image.paste((0, 0, 255), (32, 0, 64, 64))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (4, 20, 12, 40))
    image.paste((0, 255, 0), (4, 20, 12, 40))
    found = filled(image, mask)
    red, green, blue = found.getpixel((8, 30))
    assert red > 180
    assert green < 40
    assert blue < 80
    assert found.getpixel((60, 60)) == (0, 0, 255)


@pytest.mark.parametrize(("mode", "size"), [(0, (64, 64)), (1, (96, 32)), (2, (96, 32)), (3, (64, 64))])
def test_resize_modes_stretch_crop_and_fill(mode, size):
    assert resized(square(), (96, 32), mode).size == size


def test_filling_draws_out_the_edges():
    image = square("red", (64, 64))
    found = resized(image, (96, 64), 2)
    assert found.getcolors() == [(96 * 64, (255, 0, 0))]


@pytest.mark.parametrize(
    "text", ["https://example.org/a.png", "not base64!", "", "data:image/png;base64,AAAA"]
)
def test_what_is_no_picture_in_base64_is_refused(text):
    with pytest.raises(Refused):
        picture_of(text, LIMITS, param="image")


def test_a_picture_comes_as_base64_or_as_a_data_url():
    for text in (in_base64(square()), f"data:image/png;base64,{in_base64(square())}"):
        assert picture_of(text, LIMITS, param="image")[0].size == (64, 64)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("none", "as-is"), ("canny", "canny"), ("softedge_hed", "softedge"), ("lineart_realistic", "lineart"),
        ("scribble_pidinet", "scribble"), ("tile_resample", "blur"), ("as-is(of=pose)", "as-is(of=pose)"),
        (None, "as-is"),
    ],
)  # fmt: skip
def test_modules_are_kinds_of_conditioning_pictures(module, kind):
    assert kind_of(Unit(module=module)) == kind


def test_cannys_thresholds_are_taken_where_they_are_two():
    assert kind_of(Unit(module="canny", threshold_a=50, threshold_b=120)) == "canny(low=50, high=120)"
    assert kind_of(Unit(module="canny", threshold_a=64, threshold_b=64)) == "canny"


@pytest.mark.parametrize(
    "module", ["depth_midas", "openpose_full", "normal_bae", "seg_ofade20k", "mlsd", "pose"]
)
def test_a_module_that_needs_a_network_says_what_to_bring(module):
    with pytest.raises(Refused, match=r"bring|as-is\(of="):
        kind_of(Unit(module=module))


def test_a_networks_hash_is_no_part_of_its_name():
    assert network_of("control_v11p_sd15_canny [d14c016b]") == "control_v11p_sd15_canny"
    assert network_of("None") is None


def test_disabled_units_and_switches_are_none():
    assert units_of([True, None, {"enabled": False, "image": "x"}]) == []
    with pytest.raises(Refused, match="weight"):
        units_of([{"weight": "heavy"}])


def test_every_method_of_the_client_is_called_here():
    """A new version of webuiapi with another method is to be looked at."""
    known = {name for name, _ in inspect.getmembers(webuiapi.WebUIApi, inspect.isfunction)}
    here = {name for name in known if f"{name}" in Path(__file__).read_text(encoding="utf-8")}
    inner = {
        "__init__",
        "check_extensions",
        "set_auth",
        "post_and_get_api_result",
        "get_endpoint",
        "custom_post",
    }
    not_here = {
        "list_prompt_gen_models",
        "get_artists",
        "get_artist_categories",
    }  # of extensions, and long gone
    needs_another_client = {"async_post", "_to_api_result", "_to_api_result_async"}
    assert known - here <= inner | not_here | needs_another_client


def test_jobs_that_were_accepted_while_a_run_was_interrupted_are_cancelled_too():
    run = Run(task="t", kind="txt2img", rounds=2)
    seen = []

    class Studio:
        async def accept(self, wish, client):
            run.interrupted = True
            return SimpleNamespace(id="new")

        async def job(self, id):  # noqa: A002 - as the studio calls it
            return SimpleNamespace(id=id, state="cancelled" if seen else "queued", pictures=(), notes=())

        async def cancel(self, id):  # noqa: A002
            seen.append(id)

        async def ended(self, id, timeout):  # noqa: A002
            return await self.job(id)

    outcome = asyncio.run(drawn(planned(n_iter=2), run, Studio(), "anna", None))
    assert seen == ["new"]
    assert outcome.pictures == []
