"""What A1111's keys mean here: translated to wishes and pictures, without a server."""

import asyncio
import base64
import io
from types import SimpleNamespace

import pytest
import webuiapi
from PIL import Image

from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import ImageToImage, TextToImage
from sfumato.serve.routes.a1111.desk import Run
from sfumato.serve.routes.a1111.drawing import drawn
from sfumato.serve.routes.a1111.enlarging import hires
from sfumato.serve.routes.a1111.fields import FIELDS
from sfumato.serve.routes.a1111.painting import Limits, blurred, filled, mask_of, picture_of, resized
from sfumato.serve.routes.a1111.sampling import samplers as menu
from sfumato.serve.routes.a1111.sampling import sampling, schedulers
from sfumato.serve.routes.a1111.units import Unit, kind_of, network_of, units_of
from sfumato.serve.routes.a1111.wishes import Brought, Shelf, plan

DIGEST = "a" * 64
SHELF = Shelf(models=("world", "big.safetensors"), small=frozenset({"world"}), worlds=frozenset({"world"}))
LIMITS = Limits(most_bytes=1_000_000, most_pixels=1_000_000)


def square(colour="red", size=(64, 64)):
    return Image.new("RGB", size, colour)


def in_base64(image, kind="PNG"):
    found = io.BytesIO()
    image.save(found, kind)
    return base64.b64encode(found.getvalue()).decode()


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
