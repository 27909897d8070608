"""The packaged presets are whole, honest and apart; one's own are read strictly."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from sfumato.diffusion.samplers import SAMPLERS
from sfumato.errors import InputError
from sfumato.styles.preset import PLACE, read_preset
from sfumato.styles.shelf import knowing, named, shelf, slug
from sfumato.text.words import unknown_words
from sfumato.words.lexicon import embedded_lexicon
from sfumato.world.styles import STYLES

PRESETS = shelf()
WHOLE = """
name = "ashes"
about = "Gray on gray."
prompt = "{sentence}, gray ash"
works = ["sd1"]
"""


@pytest.fixture
def preset(tmp_path):
    """Reads a preset of this text."""

    def preset(text: str):
        (tmp_path / "ashes.toml").write_text(text, encoding="utf-8")
        return read_preset(tmp_path / "ashes.toml")

    return preset


def test_there_are_sixty_looks_for_stable_diffusion_and_no_two_alike():
    for family in ("sd1", "sd2", "sdxl"):
        assert len(knowing(family, PRESETS.values())) >= 60
    for field in ("name", "about", "prompt"):
        assert len({getattr(preset, field) for preset in PRESETS.values()}) == len(PRESETS)


def test_every_preset_is_called_as_its_file_and_says_all_that_a_wall_of_looks_shows():
    for key, preset in PRESETS.items():
        assert slug(preset.name) == key == preset.path.stem
        assert preset.about.endswith(".")
        assert preset.tags


def test_a_look_that_the_embedded_model_knows_adds_words_that_it_was_taught():
    known = knowing("world", PRESETS.values())
    words = embedded_lexicon().words
    for preset in known:
        assert unknown_words(preset.prompt.replace(PLACE, ""), words) == (), preset.name
        assert not preset.negative
    for preset in set(PRESETS.values()) - set(known):
        assert unknown_words(preset.prompt.replace(PLACE, ""), words), f"{preset.name} is known: mark it so"


def test_every_style_of_the_picture_world_has_a_preset_that_says_it():
    known = {preset.name: preset for preset in knowing("world", PRESETS.values())}
    for name, style in STYLES.items():
        said = known[name].prompt.replace(PLACE, "").strip(" ,")
        assert said in style.phrases


def test_settings_that_are_recommended_can_be_drawn_with():
    for preset in PRESETS.values():
        settings = preset.settings
        assert settings.guidance is None or 4 <= settings.guidance <= 9
        assert settings.steps is None or 20 <= settings.steps <= 40
        if settings.sampler is not None:
            assert settings.sampler in SAMPLERS


def test_every_preset_has_a_small_thumbnail_and_all_of_them_are_small():
    sizes = []
    for preset in PRESETS.values():
        assert preset.picture is not None, preset.name
        with Image.open(preset.picture) as picture:
            assert picture.size == (64, 64)
        sizes.append(preset.picture.stat().st_size)
    assert sum(sizes) < 300_000
    files = {path.stem for path in (Path(PRESETS["neon"].path).parent / "thumbnails").iterdir()}
    assert files == set(PRESETS)


def test_a_thumbnail_says_what_was_drawn_in_words_that_the_embedded_model_knows():
    words = embedded_lexicon().words
    for preset in PRESETS.values():
        assert unknown_words(preset.thumbnail, words) == (), preset.name
        if "world" in preset.works:
            assert preset.thumbnail.endswith(preset.prompt.replace(PLACE, "")), preset.name


def test_presets_name_no_person():
    """Two words in capitals would be a name; looks are described, and nobody's."""
    for preset in PRESETS.values():
        assert not re.search(r"\b[A-Z][a-z]+ [A-Z][a-z]+\b", f"{preset.prompt} {preset.about}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE + 'colour = "red"', "knows no colour; it has name, about, prompt"),
        (WHOLE.replace('name = "ashes"', ""), "lacks name"),
        ("", "lacks name and about and prompt and works"),
        (WHOLE.replace("{sentence}, ", ""), "must hold {sentence} once"),
        (WHOLE.replace("gray ash", "{sentence}"), "must hold {sentence} once"),
        (WHOLE.replace('"sd1"', '"sd9"'), "works names sd9; the families are world, sd1"),
        (WHOLE.replace('"sd1"', ""), "works names no family"),
        (WHOLE.replace('["sd1"]', '"sd1"'), "not a list of texts"),
        (WHOLE.replace('"Gray on gray."', "3"), "about is 3, not a text"),
        (WHOLE.replace('"Gray on gray."', '" "'), "about is ' ', not a text"),
        (WHOLE + "[settings]\nstep = 3", "the table of settings knows no step"),
        (WHOLE + "[settings]\nsteps = 0", "among its settings 0 steps"),
        (WHOLE + '[settings]\nsteps = "many"', "among its settings the request's steps"),
        (WHOLE + "[settings]\nsize = [64]", "among its settings the request's size"),
        (WHOLE + "settings = 3", "settings is 3, not a table"),
        ("name = ", "is not TOML"),
        ("x" * 70_000, "more than 65,536"),
    ],
)
def test_a_preset_with_a_fault_is_refused_with_its_file_and_the_rule(preset, text, message):
    with pytest.raises(InputError) as error:
        preset(text)
    assert message in str(error.value)
    assert "ashes.toml: " in str(error.value)


def test_a_file_that_is_no_text_and_a_folder_without_presets_are_refused(tmp_path):
    (tmp_path / "ashes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_preset(tmp_path / "ashes.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_preset(tmp_path / "gone.toml")
    with pytest.raises(InputError, match="is no folder"):
        shelf(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no presets"):
        shelf(tmp_path / "empty")


def test_presets_of_ones_own_go_before_ours(preset, tmp_path):
    preset(WHOLE)
    (tmp_path / "neon.toml").write_text(WHOLE.replace("ashes", "neon"))
    found = shelf(tmp_path)
    assert set(found) == {*PRESETS, "ashes"}
    assert found["neon"].about == "Gray on gray."
    assert found["neon"].picture is None


def test_names_are_found_however_they_are_spelt_and_near_misses_are_offered():
    assert named("Ink Wash", PRESETS) is named("ink_wash", PRESETS) is PRESETS["ink-wash"]
    with pytest.raises(InputError, match="is it linocut"):
        named("linocutt", PRESETS)
    with pytest.raises(InputError, match="is it food-photo or"):
        named("photo", PRESETS)


def test_the_embedded_words_are_those_of_the_weights(embedded_words):
    assert embedded_lexicon().words == embedded_words


@pytest.fixture
def embedded_words():
    """What the header of the embedded weights says that its captions were made of."""
    from sfumato.checkpoints.header import read_header
    from sfumato.families import embedded

    return frozenset(json.loads(read_header(embedded()).metadata["sfumato.words"]))
