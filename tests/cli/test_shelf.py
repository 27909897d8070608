"""The verbs that list spacings and guides."""

import inspect
import json

import pytest

from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.levels import SPACINGS, flow_levels, trained_levels
from sfumato.diffusion.samplers import SAMPLERS


@pytest.mark.parametrize(("verb", "table"), [("levels", SPACINGS), ("guides", GUIDES)])
def test_the_shelf_is_listed_with_other_names_and_papers(sfumato, verb, table):
    code, out, _ = sfumato(verb)
    assert code == 0
    lines = out.splitlines()
    for name, listing in table.items():
        (place,) = (number for number, line in enumerate(lines) if line.split()[0] == name)
        assert lines[place].endswith(listing.paper)
        assert all(alias in lines[place + 1] for alias in listing.aliases)


def row(out: str, name: str) -> tuple[list[str], str]:
    """The line of a name, and those that are indented below it."""
    lines = out.splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.split()[0] == name)
    below = []
    for line in lines[place + 1 :]:
        if not line.startswith(" "):
            break
        below.append(line.strip())
    return lines[place].split(), "\n".join(below)


def test_spacings_are_listed_with_the_models_they_serve_and_their_options(sfumato):
    _, out, _ = sfumato("levels")
    assert row(out, "karras")[0][1:3] == ["yes", "yes"]
    assert row(out, "leading")[0][1:3] == ["yes", "-"]
    assert row(out, "twice_shifted")[0][1:3] == ["-", "yes"]
    assert "options: rho=7.0" in row(out, "karras")[1]
    assert "options: offset=none" in row(out, "leading")[1]
    assert "options" not in row(out, "normal")[1]


def test_guides_are_listed_with_their_cost_and_options(sfumato):
    _, out, _ = sfumato("guides")
    assert row(out, "cfg")[0][1:5] == ["2", "2", "to", "12"]
    assert row(out, "rescale")[0][1:5] == ["0", "and", "its", "own"]
    assert row(out, "compose")[0][1:5] == ["2,", "1", "a", "sentence"]
    assert "options: layers=..., start=0.01, stop=0.2" in row(out, "slg")[1]
    assert "threshold=15.0" in row(out, "apg")[1]
    assert "needs a sampler" in row(out, "cfg_pp")[1]


def test_programs_get_the_same_as_json(sfumato):
    spacings, guides, samplers = (
        json.loads(sfumato(verb, "--json")[1]) for verb in ("levels", "guides", "samplers")
    )
    assert spacings.keys() == SPACINGS.keys()
    assert spacings["polyexponential"]["options"] == {"rho": "1.0"}
    assert spacings["twice_shifted"]["trained"] is False
    assert guides.keys() == GUIDES.keys()
    assert guides["pag"]["options"] == {"layers": "..."}
    assert guides["apg"]["rows"] == 2
    assert guides["cfg"]["scale"] == [2, 12]
    assert samplers["dpmpp_2m_sde"]["variants"]["DPM++ 2M SDE Heun"] == "solver=heun"
    assert samplers.keys() == SAMPLERS.keys()


def test_every_option_that_is_listed_can_be_asked_for(sfumato):
    sigmas = [0.1 * (index + 1) for index in range(100)]
    for name, told in json.loads(sfumato("levels", "--json")[1]).items():
        written = ", ".join(f"{option}={value}" for option, value in told["options"].items())
        if told["flow"]:
            assert flow_levels(f"{name}({written})", 4) == flow_levels(name, 4)
        elif not name.startswith("align"):
            assert trained_levels(f"{name}({written})", 4, sigmas) == trained_levels(name, 4, sigmas)
    for name, told in json.loads(sfumato("guides", "--json")[1]).items():
        parameters = inspect.signature(GUIDES[name].maker).parameters.values()
        assert list(told["options"]) == [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
