"""What a person brings beside a prompt reaches picture, notes and recipe, or is refused by name."""

import pytest
from PIL import Image

from sfumato.checkpoints.safetensors import digest
from sfumato.cli.brought import worn
from sfumato.errors import InputError
from sfumato.provenance.recipe import read_recipe


@pytest.fixture
def draw(sfumato, tiny_weights):
    return lambda *arguments: sfumato("draw", *arguments, "--model", tiny_weights, "--steps", 2, "--seed", 7)


def pixels(path):
    with Image.open(path) as image:
        return image.tobytes()


def test_an_adapter_is_reported_worn_and_recorded(draw, tiny_lora, tmp_path):
    assert draw("a red cat", "-o", "bare.png")[0] == 0
    code, _, err = draw("a red cat", "--lora", f"{tiny_lora}:0.8", "-o", "worn.png")
    assert code == 0, err
    assert "ink.safetensors: LoRA in the names of diffusers: 2 of its 2 modules matched" in err
    assert "does not say: ink drawing" in err
    assert pixels(tmp_path / "bare.png") != pixels(tmp_path / "worn.png")
    recipe = read_recipe(tmp_path / "worn.png")
    assert recipe.request.adapters == (("ink", 0.8, 0.8),)
    assert recipe.files == {"adapter ink": digest(tiny_lora)}


def test_a_prompt_wears_what_lies_in_the_folder(draw, tiny_lora, tmp_path):
    prompt = "a red cat <lora:ink:0.8>"
    assert draw(prompt, "--lora-folder", tiny_lora.parent, "-o", "named.png")[0] == 0
    assert draw("a red cat", "--lora", f"{tiny_lora}:0.8", "-o", "worn.png")[0] == 0
    assert pixels(tmp_path / "named.png") == pixels(tmp_path / "worn.png")


def test_an_adapter_that_is_nowhere_is_one_line(draw, tiny_lora):
    code, _, err = draw("a red cat <lora:inc:0.8>", "--lora", f"{tiny_lora}:0")
    assert code == 2
    assert "no adapter 'inc' hangs here; there is: ink" in err


def test_a_worn_picture_replays_with_its_files_and_tells_their_absence(
    sfumato, draw, tiny_weights, tiny_lora, tmp_path
):
    draw("a red cat", "--lora", f"{tiny_lora}:0.8", "-o", "worn.png")
    code, out, err = sfumato("replay", "worn.png", "--model", tiny_weights, "--lora", tiny_lora)
    assert code == 0, err
    assert out.startswith("identical")
    code, _, err = sfumato("replay", "worn.png", "--model", tiny_weights)
    assert code == 2
    assert "no adapter 'ink'" in err
    changed = tmp_path / "other" / "ink.safetensors"
    changed.parent.mkdir()
    data = bytearray(tiny_lora.read_bytes())
    data[-3] ^= 0x7F
    changed.write_bytes(data)
    code, out, _ = sfumato("replay", "worn.png", "--model", tiny_weights, "--lora", changed)
    assert code == 1
    assert "other files: adapter ink" in out


def test_choices_are_told_and_stand_in_the_recipe(draw, tmp_path):
    (tmp_path / "colour.txt").write_text("green\n")
    code, _, err = draw("a {red|red} cat, a __colour__ car", "--wildcards", tmp_path, "-o", "a.png")
    assert code == 0
    assert "seed 7 chose: a red cat, a green car" in err
    assert read_recipe(tmp_path / "a.png").request.prompt == "a red cat, a green car"


def test_edits_and_weights_are_drawn(draw, tmp_path):
    for number, prompt in enumerate(["a [cat:car:0.5]", "a cat", "a (cat:1.5)", "a cat AND a car"]):
        assert draw(prompt, "-o", f"{number}.png")[0] == 0
    assert len({pixels(tmp_path / f"{number}.png") for number in range(4)}) == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--clip-skip", 2], "no clip_skip"),
        (["--handoff", 0.5], "handoff"),
        (["--vae", "tiny.safetensors"], "vae"),
        (["--dtype", "float8"], "float8"),
        (["--mask", "m.png"], "mask is about a picture to go on from"),
        (["--from", "absent.png"], "absent.png: cannot be read"),
        (["--lora", "absent.safetensors:0.8"], "absent.safetensors: cannot be read"),
        (["--lora", "x.safetensors:heavy"], "'heavy' is no weight"),
        (["--embedding", "absent.pt"], "absent.pt: cannot be read"),
        (["--weighting", "loud"], "'loud'"),
        (["--lora-folder", "nowhere"], "nowhere: is no folder"),
    ],
)
def test_what_would_have_no_effect_is_refused_in_one_line(draw, arguments, told, tmp_path):
    code, _, err = draw("a red cat <lora:ink:1>" if "--lora-folder" in arguments else "a red cat", *arguments)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("sfumato-*.png"))


@pytest.mark.parametrize(
    ("text", "path", "picture", "words", "name"),
    [
        ("ink.safetensors", "ink.safetensors", 1.0, 1.0, "ink"),
        ("a/ink.safetensors:0.8", "a/ink.safetensors", 0.8, 0.8, "ink"),
        ("ink.pt:0.8:0", "ink.pt", 0.8, 0.0, "ink"),
        ("C:\\ink.pt:-1", "C:\\ink.pt", -1.0, -1.0, None),
        ("C:\\ink.pt", "C:\\ink.pt", 1.0, 1.0, None),
        ("wash=a/ink.pt:0.5", "a/ink.pt", 0.5, 0.5, "wash"),
        ("a=b/ink=2.pt", "b/ink=2.pt", 1.0, 1.0, "a"),
        ("a/b=2.pt:0.5", "a/b=2.pt", 0.5, 0.5, "b=2"),
    ],
)
def test_a_file_with_weights_is_read(text, path, picture, words, name):
    found = worn(text)
    assert (str(found.path), found.picture, found.words) == (path, picture, words)
    assert name in (None, found.name)


def test_two_adapters_of_one_name_can_be_told_apart(draw, tiny_lora, tmp_path):
    twin = tmp_path / "other" / "ink.safetensors"
    twin.parent.mkdir()
    twin.write_bytes(tiny_lora.read_bytes())
    code, _, err = draw("a cat", "--lora", tiny_lora, "--lora", f"wash={twin}:0.5", "-o", "two.png")
    assert code == 0, err
    worn_there = read_recipe(tmp_path / "two.png").request.adapters
    assert worn_there == (("ink", 1.0, 1.0), ("wash", 0.5, 0.5))


def test_a_folder_with_two_files_of_one_name_says_so(draw, tiny_lora, tmp_path):
    for place in ("a", "b"):
        (tmp_path / "all" / place).mkdir(parents=True)
        (tmp_path / "all" / place / "ink.safetensors").write_bytes(tiny_lora.read_bytes())
    code, _, err = draw("a cat <lora:ink:1>", "--lora-folder", tmp_path / "all")
    assert code == 2
    assert "are both called ink" in err


def test_case_is_no_matter_in_a_folder(draw, tiny_lora, tmp_path):
    assert draw("a cat <lora:Ink:1>", "--lora-folder", tiny_lora.parent, "-o", "a.png")[0] == 0
    assert draw("a cat", "--lora", tiny_lora, "-o", "b.png")[0] == 0
    assert pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")


def test_a_picture_replays_whatever_its_adapter_was_called(sfumato, draw, tiny_weights, tiny_lora):
    draw("a cat", "--lora", f"wash={tiny_lora}:0.8", "-o", "worn.png")
    code, out, err = sfumato("replay", "worn.png", "--model", tiny_weights, "--lora", tiny_lora)
    assert (code, out[:9]) == (0, "identical"), err


def test_choices_of_the_negative_prompt_are_made_too(draw, tmp_path):
    code, _, err = draw("a cat", "--negative", "{fog|fog}", "-o", "a.png")
    assert code == 0
    assert "chose, unwanted: fog" in err
    assert read_recipe(tmp_path / "a.png").request.negative == "fog"


def test_a_weight_that_is_none_is_refused():
    with pytest.raises(InputError, match="'much' is no weight"):
        worn("ink.safetensors:much")
