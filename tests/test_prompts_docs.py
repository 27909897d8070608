"""docs/prompts.md: what it shows of a prompt is what comes out, and its tables are those of the code."""

import re
import shlex
from pathlib import Path

import published
import pytest

from sfumato.cli.main import main
from sfumato.engine.staged import MOST_CHUNKS
from sfumato.text import chunks, grammar, limits, pieces, wildcards
from sfumato.text.weighting import WEIGHTINGS

PAGE = Path(__file__).parents[1] / "docs" / "prompts.md"


def shown():
    """Command lines, each with the output that follows it."""
    return re.findall(
        r"^```sh\n(sfumato [^\n]*)\n```\n\n```text\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )


def test_the_page_has_the_table_of_conventions():
    rows = ["| convention | what it does | whose |", "|---|---|---|"]
    rows += [f"| `{name}` | {each.does} | {each.paper} |" for name, each in WEIGHTINGS.items()]
    wanted = "\n".join(rows) + "\n\n"
    assert wanted in PAGE.read_text(), f"it should be:\n{wanted}"


def test_the_page_has_the_limits():
    wanted = (
        f"A text may have {limits.LONGEST:,} characters, {grammar.MOST_EDITS} edits, "
        f"{grammar.MOST_TEXTS} texts joined by `AND`, {wildcards.MOST_CHOICES:,} choices and "
        f"{chunks.MOST} chunks, and all that a prompt says at its steps {MOST_CHUNKS} chunks; a weight "
        f"lies between -{pieces.HEAVIEST:g} and {pieces.HEAVIEST:g}. "
    )
    assert wanted in " ".join(PAGE.read_text().split()), f"it should be:\n{wanted}"


@pytest.mark.parametrize(("command", "output"), shown(), ids=lambda text: text[:30])
def test_what_is_shown_is_what_comes_out(command, output, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    published.write_hollow(tmp_path / "sd15.safetensors", published.single_file("sd1"))
    with pytest.raises(SystemExit):
        main(shlex.split(command)[1:])
    assert output == (said := capsys.readouterr().out), f"it should be:\n{said}"


def test_something_is_shown():
    assert len(shown()) == 3
