"""webuiapi, A1111's client, against a real server: every method works, or fails with the way out."""

import base64
import inspect
import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import webuiapi
from browsing import Server
from PIL import Image
from pydantic import BaseModel, ConfigDict

from sfumato.provenance.recipe import KEY
from sfumato.serve.routes.a1111.controlnet import ABSENT
from sfumato.serve.routes.a1111.fields import FIELDS

SMALL = {"width": 64, "height": 64, "seed": 7}
ANNA = "0123456789abcdef0123"


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
