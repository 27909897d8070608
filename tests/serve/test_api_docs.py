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


def shown(schema, content):
    """Whether an example stands with a body or an answer, or with the form of it."""
    form = content.get("schema", {})
    named = schema["components"]["schemas"].get(form.get("$ref", "").rpartition("/")[2], form)
    return any(each.get("examples") or each.get("example") for each in (content, named))


def test_the_openapi_shows_an_example_of_every_body_and_every_answer_of_ours(room):
    schema = app_of(room.studio).openapi()
    without = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert operation["description"], path
            told = {"body": operation.get("requestBody", {}), **operation["responses"]}
            without += [
                f"{method} {path} {which}"
                for which, each in told.items()
                if (which == "body" or which.startswith("2")) and not path.startswith(OTHERS)
                if not shown(schema, each.get("content", {}).get("application/json", {"example": True}))
            ]
    assert without == []


@pytest.mark.parametrize(
    "path", ["/v1/images/generations", "/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/options"]
)
def test_the_openapi_shows_what_foreign_clients_send(room, path):
    schema = app_of(room.studio).openapi()
    body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert shown(schema, body)


def test_the_page_tells_every_kind_of_error():
    wanted = [[str(code), f"`{KINDS[code]}`", MEANINGS[code].rstrip(".")] for code in sorted(MEANINGS)]
    assert wanted == rows("Errors"), "\n" + "".join(f"| {' | '.join(row)} |\n" for row in wanted)


def test_the_page_tells_every_event():
    kinds = [row[0].strip("`") for row in rows("Events")]
    assert kinds == ["queued", "started", "step", *LAST]
