"""docs/serving/api.md against the code: the routes, events and errors that it tells."""

import re
from pathlib import Path

import pytest

from sfumato.serve.app import app_of
from sfumato.serve.events import LAST
from sfumato.serve.routes.answers import KINDS, MEANINGS

PAGE = Path(__file__).parents[2] / "docs" / "serving" / "api.md"
OTHERS = ("/v1/images", "/sdapi", "/controlnet", "/sd_extra_networks", "/internal", "/queue", "/app_id")
"""Of the protocols, which are told in a page of their own; theirs alone are left out."""


def rows(heading):
    """The cells of the table under a heading."""
    part = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    found = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in found[2:]]


def first_sentence(text):
    return re.split(r"(?<=[.:])\s", text)[0].rstrip(":.").replace("``", "`")


@pytest.fixture(scope="module")
def told(room):
    """Each operation of our own with the first sentence that the OpenAPI says of it."""
    schema = app_of(room.studio).openapi()
    return {
        f"{method.upper()} {path}": re.split(r"(?<=[.:])\s", operation["description"])[0]
        .rstrip(":.")
        .replace("``", "`")
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if not path.startswith(OTHERS)
    }


def test_the_page_tells_every_route_as_the_openapi_does(told):
    table = "".join(f"| `{route}` | {says} |\n" for route, says in told.items())
    assert [[f"`{route}`", says] for route, says in told.items()] == rows("Routes"), "\n" + table


def test_the_page_tells_every_kind_of_error():
    wanted = [[str(code), f"`{KINDS[code]}`", MEANINGS[code].rstrip(".")] for code in sorted(MEANINGS)]
    assert wanted == rows("Errors"), "\n" + "".join(f"| {' | '.join(row)} |\n" for row in wanted)


def test_the_page_tells_every_event():
    kinds = [row[0].strip("`") for row in rows("Events")]
    assert kinds == ["queued", "started", "step", *LAST]
