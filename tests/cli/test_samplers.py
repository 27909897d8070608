"""The verb that lists the shelf."""

import json

from sfumato.diffusion.samplers import SAMPLERS


def test_the_shelf_is_listed_with_order_cost_and_other_names(sfumato):
    code, out, _ = sfumato("samplers")
    assert code == 0
    lines = out.splitlines()
    for name, listing in SAMPLERS.items():
        (place,) = (number for number, line in enumerate(lines) if line.split()[0] == name)
        row = lines[place].split()
        assert row[1:3] == [str(listing.order), str(listing.evaluations)]
        assert row[3] == ("random" if listing.random else "-")
        assert listing.paper in lines[place]
        assert all(alias in lines[place + 1] for alias in listing.aliases)


def test_the_options_of_a_sampler_are_listed_with_their_defaults(sfumato):
    _, out, _ = sfumato("samplers")
    lines = out.splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith("ddim "))
    assert lines[place + 2].strip() == "options: eta=0.0"


def test_programs_get_the_same_as_json(sfumato):
    code, out, _ = sfumato("samplers", "--json")
    assert code == 0
    told = json.loads(out)
    assert told.keys() == SAMPLERS.keys()
    assert told["euler"]["evaluations"] == 1
    assert told["euler"]["options"] == {}
    assert told["plms"]["warm_up"] == 1
    for fact in ("order", "random", "fewest", "euler_below", "warm_up", "own_levels", "adaptive", "renoises"):
        assert {name: each[fact] for name, each in told.items()} == {
            name: getattr(listing, fact) for name, listing in SAMPLERS.items()
        }
    assert told["ddim"]["options"] == {"eta": "0.0"}
    assert "middle" not in told["pndm"]["options"]  # a function, which no text can give
    assert told["euler_ancestral"]["random"] is True
    assert "Euler a" in told["euler_ancestral"]["aliases"]
