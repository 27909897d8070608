"""Memory foreseen: as it is measured, growing with what is asked, refused with what would fit."""

import json
import re
import subprocess
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import sfumato
from sfumato.diffusion.protocol import Call, Controlled
from sfumato.engine.decoding import decoded
from sfumato.engine.footprint import held_bytes, tensors_in
from sfumato.engine.foresight import Foresight
from sfumato.engine.memory import check_memory, needed, rows_that_fit
from sfumato.engine.plan import planned
from sfumato.engine.skeleton import counted, skeleton
from sfumato.engine.tiled_decoding import decoded_in_tiles, tiles_of
from sfumato.errors import OutOfMemory
from sfumato.families.model import Wording
from sfumato.request import Request

MB = 2**20


@pytest.fixture(scope="module")
def embedded():
    return sfumato.load()


@pytest.fixture(scope="module")
def foresight(embedded):
    return Foresight(embedded.model)


@pytest.fixture(scope="module", params=["world", "sd1"])
def model(request, embedded):
    if request.param == "world":
        return embedded.model
    return sfumato.load(request.getfixturevalue("pipelines").file(request.param)).model


def answered(questions, model):
    """Drive a talk that asks for latents to be decoded; its end, and how large each of them was."""
    sizes, answer = [], None
    with torch.inference_mode():
        while True:
            try:
                (asked,) = questions.send(answer)
            except StopIteration as done:
                return done.value, sizes
            sizes.append(tuple(asked.latent.shape[2:]))
            answer = [model.decode(asked.latent)]


@torch.inference_mode()
def test_a_skeleton_counts_to_the_byte_what_its_model_keeps_alive(model):
    bones, size = skeleton(model), (64, 96)
    assert {tensor.device.type for tensor in tensors_in(bones)} == {"meta"}
    assert held_bytes(bones) == 0
    assert "meta" not in {tensor.device.type for tensor in tensors_in(model)}
    level = model.levels(4, None)[1]
    runs = []
    for each in (bones, model):
        (told,) = each.encode([Wording(text="")])
        rows = [Call(each.blank(size), level, told.conditioning)] * 2
        picture = torch.zeros(1, 3, size[1], size[0], device=rows[0].x.device)
        runs.append(
            [
                counted(lambda each=each, rows=rows: each.denoise(rows)),
                counted(lambda each=each, rows=rows: each.decode(rows[0].x)),
                counted(lambda each=each, picture=picture: each.look(picture)),
            ]
        )
    for foreseen, real in zip(*runs, strict=True):
        assert foreseen.alive == pytest.approx(real.alive, rel=0.02)
        assert foreseen.weight == real.weight > 0
    assert bool(model.decode(model.blank(model.native)).isfinite().all())


def test_what_is_needed_grows_with_size_rows_and_controls(embedded, foresight):
    sizes = [(64, 64), (64, 128), (128, 128), (192, 192), (512, 512), (1024, 512)]
    for ask in (foresight.steps, foresight.decoder, foresight.encoder):
        needs = [ask(size) for size in sizes]
        assert needs == sorted(set(needs))
    assert foresight.steps((128, 128), rows=8) > foresight.steps((128, 128), rows=2)
    embedded.hang(sfumato.families.embedded("control"), name="net")
    kind = embedded.model.controls.control("net").kinds[0]
    assert foresight.steps((128, 128), controls=(("net", kind),)) > foresight.steps((128, 128))
    embedded.remove("net")
    assert foresight.unknown is None


def test_rows_share_a_forward_as_far_as_memory_goes(embedded, foresight):
    model, size = embedded.model, (512, 512)
    (told,) = model.encode([Wording(text="")])
    row = Call(model.blank(size), model.levels(4, None)[1], told.conditioning)
    needs = {rows: foresight.steps(size, rows=rows) for rows in (2, 5, 8)}
    for rows, bytes_needed in needs.items():
        assert rows_that_fit(row, short(foresight, bytes_needed), 8) == rows
    assert rows_that_fit(row, short(foresight, needs[5] - 1), 8) == 4
    for free, most in ((MB, 2), (None, 8), (2**36, 8)):
        assert rows_that_fit(row, short(foresight, free), 8) == most


@pytest.mark.parametrize(("kinds", "kind"), [((), ""), (("edges", "depth"), "edges")])
def test_controls_that_rows_wear_count_also_those_whose_file_names_no_kind(embedded, kinds, kind):
    asked = []

    class Told(Foresight):
        def steps(self, size, *, rows, controls):
            asked.append(controls)
            return rows

    bare, model = embedded.model, SimpleNamespace(native=(128, 128), blank=embedded.model.blank)
    model.controls = SimpleNamespace(control=lambda name: SimpleNamespace(kinds=kinds))
    (told,) = bare.encode([Wording(text="")])
    worn = (Controlled("net", (), 1.0, 9.0, 0.0),)
    row = Call(bare.blank((64, 64)), bare.levels(4, None)[1], replace(told.conditioning, controls=worn))
    assert rows_that_fit(row, Told(model, free=lambda: 5), 8) == 5
    assert asked[0] == (("net", kind),)


def test_passes_and_pictures_count(embedded, foresight):
    def need(**options):
        return needed(planned(Request(prompt="a cat", seed=1, **options), embedded.model, {}), foresight)

    plain = need(size=(96, 96))
    assert need(size=(96, 96), passes=("hires(2)",)) > plain
    assert need(size=(192, 192)) > plain
    tiled = need(size=(128, 128), passes=("tiled(8)",))
    assert plain < tiled < foresight.decoder((1024, 1024))


def short(foresight, free):
    """One that shares all that was found out, where so much is free."""
    found = copy(foresight)
    found.free = lambda: free
    return found


def test_what_does_not_fit_is_refused_with_a_size_that_fits_and_can_be_drawn(embedded, foresight):
    model = embedded.model
    asked = Request(prompt="a cat", seed=1, size=(192, 192))
    needs = needed(planned(asked, model, {}), foresight)
    check_memory(asked, short(foresight, needs))
    free = needed(planned(Request(prompt="a cat", seed=1, size=(128, 128)), model, {}), foresight)
    with pytest.raises(
        OutOfMemory, match=r"192x192 needs about \d+ MB at this size, \d+ MB are free; try"
    ) as told:
        check_memory(asked, short(foresight, free))
    width, height = map(int, re.search(r"try (\d+)x(\d+)", str(told.value)).groups())
    assert (width, height) == (128, 128)
    fits = Request(prompt="a cat", seed=1, size=(width, height))
    check_memory(fits, short(foresight, free))
    with pytest.raises(OutOfMemory, match=r"try 96x96|try 64x64|bfloat16"):
        check_memory(fits, short(foresight, free - 1))


def test_the_tiled_pass_is_proposed_where_it_fits(pipelines):
    painter = sfumato.load(pipelines.file("sd1"))
    model, foresight = painter.model, Foresight(painter.model)
    proposed = Request(prompt="a cat", seed=1, size=(1024, 1024), passes=("tiled(2)",))
    free = needed(planned(proposed, model, {}), foresight)
    asked = Request(prompt="a cat", seed=1, size=(2048, 2048))
    with pytest.raises(OutOfMemory, match=r"or 1024x1024 with the pass tiled\(2\)"):
        check_memory(asked, short(foresight, free))
    check_memory(proposed, short(foresight, free))


def test_where_nothing_fits_the_way_out_is_another(foresight):
    with pytest.raises(OutOfMemory, match="1 MB are free; load the model as bfloat16"):
        check_memory(Request(prompt="a cat", seed=1), short(foresight, MB))


def test_nothing_is_foreseen_where_plenty_is_free_or_nobody_says_what_is(embedded):
    for free in (2**36, None):
        foresight = Foresight(embedded.model, free=lambda free=free: free)
        foresight.decoder = foresight.steps = None  # would raise if asked
        check_memory(Request(prompt="a cat", seed=1), foresight)


def test_a_model_that_shapes_do_not_run_is_let_through_and_the_reason_is_kept(tiny_painter):
    class Odd:
        native, blank, controls = (16, 16), tiny_painter.model.blank, None

    foresight = Foresight(Odd(), free=lambda: MB)
    assert foresight.decoder((16, 16)) < 49 * MB
    assert "NoneType" in foresight.unknown


def test_a_request_that_does_not_fit_fails_before_anything_is_run(embedded, foresight, monkeypatch):
    monkeypatch.setattr(embedded, "foresight", short(foresight, MB))
    job = embedded.job(embedded.request("a cat"))
    with pytest.raises(OutOfMemory):
        next(job)


@pytest.mark.parametrize("side", [16, 24])
def test_tiles_show_no_seam_and_stay_near_to_the_whole_picture(embedded, side):
    picture = embedded("a red cat to the left of a blue car", seed=3, steps=4, size=(192, 192))
    pixels = torch.tensor(list(picture.image.tobytes())).view(1, 192, 192, 3).permute(0, 3, 1, 2) / 255
    model = embedded.model
    with torch.inference_mode():
        latent = model.look(pixels)
        whole = model.decode(latent)
    tiled, sizes = answered(decoded_in_tiles(latent, tiles_of(side)), model)
    assert tiled.shape == whole.shape
    assert set(sizes) == {(side, side)}
    assert len(sizes) == (4 if side == 16 else 1)
    off = (tiled - whole).abs()
    assert off.mean() < 2 / 255
    seams = (tiled - whole).diff(dim=3).abs().mean(dim=(0, 1, 2))  # what each column adds to its neighbour
    assert seams.max() < 2 / 255  # laid beside each other without fading, tiles of 16 come to 3.8


@pytest.mark.parametrize("size", [(9, 31), (33, 26), (40, 8)])
def test_tiles_cover_every_pixel_once(size):
    """Of a decoder that looks nowhere else, they are the whole picture to the last bits."""

    class Pointwise:
        def decode(self, latent):
            return latent[:, :3].sigmoid().repeat_interleave(2, 2).repeat_interleave(2, 3)

    latent = torch.randn(1, 4, *size)
    tiled, sizes = answered(decoded_in_tiles(latent, tiles_of(16)), Pointwise())
    torch.testing.assert_close(tiled, Pointwise().decode(latent))
    assert len(sizes) > 1
    assert max(max(each) for each in sizes) == 16


def test_a_decoder_short_of_memory_works_in_tiles_and_says_so(embedded, foresight):
    model, told = embedded.model, []
    latent = torch.randn(model.blank((192, 192)).shape)
    whole = foresight.decoder((192, 192))
    picture, sizes = answered(decoded(latent, short(foresight, whole - 1), told), model)
    assert picture.shape == (1, 3, 192, 192)
    assert set(sizes) == {(16, 16)}
    assert re.fullmatch(
        r"decoded in tiles of 128 pixels, .* needs about \d+ MB at once, \d+ MB are free", told[0].note
    )
    assert [each.side for each in told] == [128]
    told.clear()
    picture, sizes = answered(decoded(latent, short(foresight, whole), told), model)
    assert sizes == [(24, 24)]
    assert not told


def test_a_picture_decoded_in_tiles_says_so_in_its_notes_and_its_recipe(embedded, foresight, monkeypatch):
    request = Request(prompt="a cat", seed=1, size=(192, 192), steps=2)
    enough = needed(planned(request, embedded.model, {}), foresight)
    left = iter([2 * enough, foresight.decoder((192, 192)) - 1])
    scarce = copy(foresight)
    scarce.free = lambda: next(left)
    monkeypatch.setattr(embedded, "foresight", scarce)
    picture = embedded("a cat", seed=1, size=(192, 192), steps=2)
    assert any("decoded in tiles of 128 pixels" in note for note in picture.notes)
    assert picture.recipe().setup.tiles == 128


SCRIPT = Path(__file__).with_name("peak_memory.py")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory of a process is read from /proc")
def test_peaks_of_a_process_are_foreseen_within_a_third_or_on_the_safe_side():
    run = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for what, (foreseen, measured) in json.loads(run.stdout).items():
        assert foreseen > 0.75 * measured, what
        assert foreseen < 1.5 * measured + 64 * MB, what
