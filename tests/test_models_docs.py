"""docs/models.md tells the truth: its tables are the code's, what it shows runs, what it quotes is said."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from pipelines.adapters import write_embedding, write_lora

from sfumato.checkpoints import marks
from sfumato.checkpoints.recognise import NEEDED
from sfumato.cli.main import main
from sfumato.families import FAMILIES, LoadingOptions

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "models.md").read_text()
FILES = {
    "deliberate_v5.safetensors": "sd1",
    "sdxl_base.safetensors": "sdxl",
    "sdxl_refiner.safetensors": "sdxl-refiner",
}


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first line begins with `head`."""
    table = TEXT.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture
def owned(pipelines, tmp_path, monkeypatch):
    """An empty folder but for the files that the document names."""
    for name, pipeline in FILES.items():
        (tmp_path / name).symlink_to(pipelines.file(pipeline))
    write_lora(pipelines.reference("sd1"), tmp_path / "ink.safetensors")
    write_embedding(pipelines.reference("sd1"), tmp_path / "blotch.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small(shown: str) -> str:
    """The same asked of pictures that tiny networks draw in no time."""
    return shown.replace("512x512", "64x64").replace("(512, 512)", "(64, 64)")


def test_its_python_draws(owned):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
    exec(compile(small(code), "models.md", "exec"), {})  # noqa: S102 - our own document
    assert {path.name for path in owned.glob("*.png")} == {"harbour.png", "refined.png", "inked.png"}


def test_its_commands_run(owned):
    blocks = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in small(block).splitlines() if line.startswith("sfumato ")]
    assert len(lines) == 7
    for line in lines:
        with pytest.raises(SystemExit) as exit_:
            main(shlex.split(line)[1:])
        assert exit_.value.code in (0, None), line
    assert (owned / "deliberate" / "model_index.json").exists()
    assert (owned / "back.safetensors").exists()
    assert len(list(owned.glob("sfumato-*.png"))) == 4


def test_its_table_of_families_is_that_of_the_code():
    def native(family) -> str:
        own = f"{family.side}x{family.side}"
        return own if family.v_side is None else f"{own}, with v {family.v_side}x{family.v_side}"

    expected = {
        name: (list(NEEDED[name][2:]), native(family), f"{family.scale}")
        for name, family in FAMILIES.items()
        if name != "world"
    }
    found = {
        quoted(family)[0]: (quoted(texts), size, scale) for family, _, texts, size, scale in rows("family")
    }
    assert found == expected


def test_its_table_of_options_names_them_all():
    assert [quoted(cell)[0] for cell, _ in rows("option")] == list(LoadingOptions.__annotations__)


def test_every_family_that_is_only_recognised_is_named():
    told = re.sub(r"[^a-z0-9]", "", TEXT.lower())
    families = {mark.family for mark in marks.OTHERS if mark.kind in ("transformer", "checkpoint")}
    assert {family for family in families if family.replace("-", "") not in told} == set()


def test_every_message_that_it_quotes_is_one_that_is_said():
    said = "\n".join(
        node.value
        for path in (ROOT / "src" / "sfumato").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    messages = [message for row in rows("it says") for message in quoted(row[0])]
    assert len(messages) > 10
    assert [message for message in messages if message not in said] == []
