"""docs/serving/protocols.md tells of every field of both protocols what the tables in the code say."""

from pathlib import Path

import pytest

from sfumato.serve.routes import a1111, openai
from sfumato.serve.routes.a1111.controlnet import ABSENT
from sfumato.serve.routes.a1111.fields import FIELDS as KEYS
from sfumato.serve.routes.a1111.fields import IDLE_OPTIONS
from sfumato.serve.routes.a1111.units import BY_NETWORK, MADE
from sfumato.serve.routes.openai.fields import FIELDS, QUALITIES, STRENGTHS

PAGE = Path(__file__).parents[2] / "docs" / "serving" / "protocols.md"


def fields_of(table, head):
    rows = [f"| {head} | here | what it does |", "|---|---|---|"]
    for how in ("understood", "no effect", "refused"):
        rows += [f"| `{name}` | {how} | {meant.says} |" for name, meant in table.items() if meant.how == how]
    return rows


def openai_fields():
    return fields_of(FIELDS, "field")


def a1111_keys():
    return fields_of(KEYS, "key")


def qualities():
    rows = ["| quality | steps | in the reply |", "|---|---|---|"]
    return rows + [
        f"| `{name}` | {each.steps or 'the default'} | {each.told} |" for name, each in QUALITIES.items()
    ]


def modules():
    rows = ["| module begins with | here |", "|---|---|"]
    rows += [f"| `{start}` | made: `{kind}` |" for start, kind in MADE.items()]
    return rows + [f"| `{start}` | refused: bring {bring} |" for start, bring in BY_NETWORK.items()]


def absent():
    rows = ["| extension | what there is instead |", "|---|---|"]
    return rows + [f"| `{name}` | {instead} |" for name, instead in ABSENT.items()]


def idle_options():
    rows = ["| setting | why it has no effect |", "|---|---|"]
    return rows + [f"| `{name}` | {why} |" for name, why in IDLE_OPTIONS.items()]


@pytest.mark.parametrize("table", [openai_fields, qualities, a1111_keys, modules, absent, idle_options])
def test_the_page_holds_the_table_of_the_code(table):
    wanted = "\n".join(table())
    assert wanted in PAGE.read_text(encoding="utf-8"), f"it should be:\n{wanted}"


def test_the_page_names_every_route():
    page = PAGE.read_text(encoding="utf-8")
    routers = (*openai.ROUTERS, *a1111.ROUTERS)
    paths = {route.path for router in routers for route in router.routes if route.include_in_schema}
    assert {path for path in paths if f"`{path}`" not in page} == set()


def test_the_page_says_how_far_an_edit_goes():
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"{name} {strength:g}" in page for name, strength in STRENGTHS.items())
