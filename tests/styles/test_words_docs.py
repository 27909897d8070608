"""docs/control/words.md says what the code does: its tables are the code's."""

import re
from pathlib import Path

from sfumato.styles.shelf import shelf
from sfumato.words.expand import expanded

DOCUMENT = Path(__file__).parents[2] / "docs" / "control" / "words.md"
WISHES = (
    ("a dream I had when I was young", 1),
    ("a dream I had when I was young", 2),
    ("a feline in winter", 1),
    ("two crimson wolves riding a bus, spooky", 0),
    ("my grandmother's garden", 0),
)


def looks():
    """A row for each kind, which is the first tag; those that the embedded model knows are in italics."""
    kinds: dict[str, list[str]] = {}
    for name, preset in shelf().items():
        kinds.setdefault(preset.tags[0], []).append(f"*{name}*" if "world" in preset.works else name)
    return "".join(f"| {kind} | {', '.join(names)} |\n" for kind, names in sorted(kinds.items()))


def wishes():
    return "".join(f"| {wish} | {seed} | {expanded(wish, seed).sentence} |\n" for wish, seed in WISHES)


def between(mark):
    """What stands between two marks, without the head of a table."""
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", DOCUMENT.read_text(), re.DOTALL)
    return "".join(found[1].splitlines(keepends=True)[2:])


def test_the_table_of_looks_is_that_of_the_presets():
    assert between("looks") == looks(), "it should be:\n" + looks()


def test_the_wishes_become_what_is_written():
    assert between("wishes") == wishes(), "it should be:\n" + wishes()


def test_the_preset_that_is_shown_can_be_read(tmp_path):
    from sfumato.styles.preset import read_preset

    (shown,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "ashes.toml").write_text(shown)
    assert read_preset(tmp_path / "ashes.toml").settings.guidance == 6.5
