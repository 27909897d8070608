"""The model that ships: it is small enough, it knows its world, and it keeps the promises of the house."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import families, load
from sfumato.checkpoints.header import read_header
from sfumato.cli.main import main
from sfumato.request import Request
from sfumato.world.benchmark import Question, measure
from sfumato.world.compose import unplaced
from sfumato.world.scenes import Scene
from sfumato.world.verifier import Verifier

EASY = (
    "a strawberry",
    "a mushroom",
    "a rocket",
    "a penguin",
    "a hat",
    "two guitars",
    "four mushrooms",
    "a red car",
)


@pytest.fixture(scope="module")
def painter():
    return load()


def pixels(picture):
    return np.asarray(picture.image)


def test_the_embedded_model_takes_at_most_36_megabytes_and_says_where_it_comes_from():
    path = families.embedded()
    assert path.stat().st_size <= 36e6
    metadata = read_header(path).metadata
    assert "Noto Color Emoji" in metadata["sfumato.card"]
    assert {"cat", "red", "watercolor", "left"} <= set(json.loads(metadata["sfumato.words"]))


def test_what_it_draws_of_easy_sentences_is_mostly_what_they_say(painter):
    things = [
        unplaced("strawberry"),
        unplaced("mushroom"),
        unplaced("rocket"),
        unplaced("penguin"),
        unplaced("hat"),
        unplaced("guitar", count=2),
        unplaced("mushroom", count=4),
        unplaced("car", "red"),
    ]
    questions = [
        Question(
            category="single thing",
            sentence=sentence,
            scene=Scene(things=(thing,), background="white", style="sticker"),
        )
        for sentence, thing in zip(EASY, things, strict=True)
    ]
    names = json.loads(read_header(families.embedded()).metadata["sfumato.card"])["sprites"]
    requests = [Request(prompt=sentence, seed=seed) for seed, sentence in enumerate(EASY)]
    drawn = [torch.tensor(pixels(p)).permute(2, 0, 1) / 255 for p in painter.batch(requests)]
    verifier = Verifier(names, painter.model.native[0])
    table = measure(drawn, questions, verifier)
    assert table.overall.right >= len(EASY) // 2, [v.passed for v in table.verdicts]
    contrary = measure(drawn[1:] + drawn[:1], questions, verifier)
    assert contrary.overall.right <= 1


def test_a_picture_is_bitwise_the_same_alone_and_beside_strangers(painter):
    wish = Request(prompt="a red cat to the left of a blue car", seed=7, steps=4)
    strangers = [
        Request(prompt="two fish", seed=1, steps=2, sampler="ddim"),
        Request(prompt="a castle", seed=2, steps=3, guidance=1.0),
        Request(prompt="a sun", seed=3, steps=4, sampler="euler_ancestral", negative="a moon"),
        Request(prompt="a house", seed=4, steps=2, size=(96, 128)),
    ]
    together = list(painter.batch([*strangers[:2], wish, *strangers[2:]]))
    assert np.array_equal(pixels(together[2]), pixels(painter(wish)))


def test_the_series_of_a_seed_holds_its_picture_and_replays(tmp_path, capsys):
    words = ["draw", "a yellow star", "--steps", "3", "--seed", "7"]
    for extra in (["--count", "2", "-o", str(tmp_path / "many.png")], ["-o", str(tmp_path / "one.png")]):
        with pytest.raises(SystemExit) as ended:
            main([*words, *extra])
        assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(tmp_path / "many-1.png")])
    assert ended.value.code == 0
    assert "identical" in capsys.readouterr().out
    with Image.open(tmp_path / "many-1.png") as first, Image.open(tmp_path / "one.png") as alone:
        assert np.array_equal(np.asarray(first), np.asarray(alone))


def test_words_from_outside_its_world_are_told(painter):
    picture = painter("a xylophone beside a cat", seed=1, steps=1)
    assert any("xylophone" in note for note in picture.notes)


def test_loading_and_drawing_bring_no_compiler_in():
    """Torch's compiler costs a second, and numbers that are asked of "meta" bring it."""
    code = (
        "import sys, sfumato\n"
        "painter = sfumato.load()\n"
        "painter('a red cat', seed=1, steps=1)\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
