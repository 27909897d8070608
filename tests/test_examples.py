import runpy
from pathlib import Path

import pytest
from browsing import Server
from PIL import Image
from pipelines.adapters import write_lora

from sfumato.painter import Painter
from sfumato.provenance.recipe import read_recipe

EXAMPLES = Path(__file__).parent.parent / "examples"
PICTURES = {
    "draw.py": {"cat.png", "looser-cat.png"},
    "watch.py": {"steps.png"},
    "batch.py": {f"batch-{number}.png" for number in range(1, 5)},
    "own_files.py": {"plain.png"},
    "from_a_picture.py": {
        f"{name}.png" for name in ("first", "changed", "painted", "wider", "larger", "variation")
    },
    "control.py": {f"{name}.png" for name in ("placed", "recoloured", "mood", "in-its-style", "regions")},
    "looks.py": {"dream.png", "look.png", "best.png"},
    "sequence.py": {"halfway.png"},
}
SERVED = {"client.py"}
"""Those that a server draws for."""


@pytest.fixture
def run(tiny_weights, tmp_path, monkeypatch, capsys):
    def run(name):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", [name, str(tiny_weights)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_every_example_is_run_by_a_test_and_under_40_lines():
    found = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py")}
    assert found.keys() == PICTURES.keys() | SERVED
    assert all(text.count("\n") < 40 for text in found.values())


@pytest.fixture
def few_steps(monkeypatch):
    """No picture takes more than two steps: what is drawn is not looked at."""
    request = Painter._request

    def short(painter, wish, options, wearing):
        return request(painter, wish, {**options, "steps": min(options.get("steps", 2), 2)}, wearing)

    monkeypatch.setattr(Painter, "_request", short)


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("name", PICTURES)
def test_an_example_draws_what_it_says(name, run, tmp_path):
    run(name)
    assert {path.name for path in tmp_path.glob("*.png")} == PICTURES[name]


def test_a_file_of_ones_own_wears_a_lora_and_takes_it_off(pipelines, tmp_path, monkeypatch, capsys):
    lora = write_lora(pipelines.reference("sd1"), tmp_path / "ink.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["own_files.py", str(pipelines.folder("sd1")), str(lora)])
    runpy.run_path(str(EXAMPLES / "own_files.py"), run_name="__main__")
    told = capsys.readouterr().out
    assert "wakes to words that the prompt does not say: inkwash" in told
    assert told.endswith("without a trace: True\n")
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "inked.png").read_bytes()


def test_the_strip_shows_five_steps(run, tmp_path):
    run("watch.py")
    with Image.open(tmp_path / "steps.png") as strip:
        assert strip.size == (5 * 16, 16)


def test_what_a_mask_keeps_is_kept(run):
    assert "kept to the pixel: True\n" in run("from_a_picture.py")


def test_a_loop_draws_its_way_back_once(run, tmp_path):
    assert run("sequence.py") == "8 frames, 5 pictures\n"
    with Image.open(tmp_path / "morph.webp") as film:
        assert film.n_frames == 8


def test_the_batch_is_the_same_beside_strangers(run):
    assert run("batch.py").endswith("the same picture: True\n")


def test_a_client_without_any_library_of_others_gets_the_picture_of_the_painter(
    tmp_path, monkeypatch, capsys
):
    gallery = tmp_path / "gallery"
    server = Server(gallery)
    try:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["client.py", server.url])
        runpy.run_path(str(EXAMPLES / "client.py"), run_name="__main__")
    finally:
        server.end()
    told = capsys.readouterr().out
    assert "step 12 of 12" in told
    assert "done" in told
    recipe = read_recipe(tmp_path / "client-1.png")
    (kept,) = gallery.rglob("*.png")
    assert kept.read_bytes() == (tmp_path / "client-1.png").read_bytes()
    assert (recipe.request.seed, recipe.request.steps, recipe.setup.fast) == (7, 12, False)
