"""A request is plain values: it survives JSON and refuses what no picture can be made from."""

import json
import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.request import LARGEST_SEED, Request

texts = st.text(max_size=200)
requests = st.builds(
    Request,
    prompt=texts.filter(str.strip),
    negative=texts,
    seed=st.integers(0, LARGEST_SEED),
    steps=st.integers(1, 1000),
    sampler=texts,
    guidance=st.floats(0, 1e6),
    size=st.none() | st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
    levels=st.none() | texts,
    clip_skip=st.none() | st.integers(1, 12),
    adapters=st.lists(st.tuples(texts, st.floats(-2, 2), st.floats(-2, 2)), max_size=3).map(tuple),
    handoff=st.none() | st.floats(0, 1),
    framing=st.none() | st.tuples(*[st.integers(1, 9999)] * 2, *[st.integers(0, 9999)] * 2),
    passes=st.lists(texts, max_size=2).map(tuple),
    variations=st.lists(st.tuples(st.integers(0, LARGEST_SEED), st.floats(0, 1)), max_size=2).map(tuple),
    toward=st.none() | st.tuples(texts.filter(str.strip), st.floats(0, 1)),
    controls=st.lists(
        st.tuples(texts, texts, texts, st.floats(-2, 2), st.just(0.25), st.floats(0.5, 1)), max_size=2
    ).map(tuple),
    references=st.lists(
        st.tuples(texts, st.sampled_from(["style", "composition", "both"]), texts, st.floats(-2, 2)),
        max_size=2,
    ).map(tuple),
    regions=st.lists(
        st.tuples(
            texts | st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.just(0.5), st.just(0.25)),
            texts.filter(str.strip),
            texts,
            st.floats(0, 1),
        ),
        max_size=2,
    ).map(tuple),
    regions_by=st.sampled_from(["blend", "attention"]),
    sentence=st.none() | texts,
    model=texts,
)


@given(requests)
def test_a_request_comes_back_from_json_equal(request_):
    again = Request.from_json(request_.to_json())
    assert again == request_
    assert hash(again) == hash(request_)


def test_what_json_leaves_out_takes_the_defaults():
    assert Request.from_json('{"prompt": "a cat", "seed": 7}') == Request(prompt="a cat", seed=7)


def test_a_request_cannot_be_changed_after_it_was_checked():
    with pytest.raises(FrozenInstanceError):
        Request(prompt="a cat", seed=7).steps = 0  # pyright: ignore


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": " \n\t "}, "prompt is empty"),
        ({"prompt": "a \udce9 cat"}, "character 3"),
        ({"prompt": 7}, "prompt is 7, not str"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**63}, f"seed {2**63}"),
        ({"seed": 7.0}, "seed is 7.0, not int"),
        ({"seed": True}, "seed is True"),
        ({"steps": 0}, "0 steps"),
        ({"steps": -3}, "-3 steps"),
        ({"steps": 10_001}, "at most 10000"),
        ({"steps": 10**9}, "at most 10000"),
        ({"guidance": 10**400}, "guidance has more than 30 digits"),
        ({"seed": -(10**5000)}, "seed has more than 30 digits"),
        ({"size": (10**5000, 16)}, "size has more than 30 digits"),
        ({"guidance": -0.5}, "guidance -0.5"),
        ({"guidance": math.nan}, "guidance nan"),
        ({"guidance": math.inf}, "guidance inf"),
        ({"guidance": "4"}, "guidance is '4'"),
        ({"size": (0, 128)}, "size 0x128"),
        ({"size": (128,)}, "two whole numbers"),
        ({"size": (128, 128.0)}, "two whole numbers"),
        ({"levels": 3}, "levels is 3, not str or null"),
        ({"clip_skip": 0}, "clip_skip 0"),
        ({"handoff": 1.5}, "handoff 1.5"),
        ({"handoff": math.nan}, "handoff nan"),
        ({"framing": (64, 64, 0)}, "not four whole numbers"),
        ({"strength": 0.5}, "strength is about a picture to go on from"),
        ({"picture": "p", "strength": 1.5}, "strength 1.5 is outside 0"),
        ({"picture": "p", "strength": math.nan}, "strength nan is outside 0"),
        ({"picture": "p", "mask": "m", "masking": "hazy"}, "'hazy': write soft, hard or differential"),
        ({"picture": "p", "around": 8}, "around is a margin about what a mask shows"),
        ({"picture": "p", "mask": "m", "around": -1}, "around -1 is no margin"),
        ({"picture": "p", "outpaint": (8, 0, 0)}, "not four whole numbers: left, top, right, bottom"),
        ({"picture": "p", "outpaint": (0, 0, -8, 0)}, "adds nothing"),
        ({"picture": "p", "mask": "m", "outpaint": (8, 0, 0, 0)}, "outpaint makes a mask of its own"),
        ({"passes": (2,)}, "pass 2 is not text"),
        ({"variations": ((7,),)}, "a seed with a share of 0 to 1"),
        ({"variations": ((7, 1.5),)}, "towards seed 7: 1.5 is not a share"),
        ({"variations": ((-7, 0.5),)}, "towards seed -7"),
        ({"passes": ("hires(1)",) * 101}, "101 passes: 100 at most"),
        ({"variations": ((7, 0.5),) * 101}, "101 variations: 100 at most"),
        ({"toward": ("a dog",)}, "not another prompt with a share"),
        ({"toward": (" ", 0.5)}, "toward names an empty prompt"),
        ({"toward": ("a dog", True)}, "not another prompt with a share"),
        ({"controls": (("net", "canny", "p", 1.0, 0.5, 0.5),)}, "from 0.5 to 0.5: give shares of the walk"),
        ({"controls": (("net", "canny", "p", 101, 0, 1),)}, "control canny has the weight 101"),
        ({"controls": (("net", "canny", "p", 1.0),)}, "where it starts and where it stops"),
        ({"references": (("ip", "mood", "p", 1.0),)}, "'mood': write style, composition or both"),
        ({"references": (("ip", "style", "p", math.inf),)}, "has the number inf"),
        ({"regions": (((0, 0, 1.5, 1), "a cat", "", 0),)}, "0,0,1.5,1 is not inside the picture"),
        ({"regions": (((0, 0, 0, 1), "a cat", "", 0),)}, "is not inside the picture"),
        ({"regions": (((0, 0, 1), "a cat", "", 0),)}, "not left, top, width and height"),
        ({"regions": (((0, 0, 1, 1), " ", "", 0),)}, "0,0,1,1 has no words"),
        ({"regions": (("m", "a cat", "", 2),)}, "region m has a seam of 2"),
        ({"regions_by": "luck"}, "'luck': write blend or attention"),
        ({"framing": (64, 0, 0, 0)}, "sides of at least 1"),
        ({"framing": (64, 64, 0, -1)}, "left and top of at least 0"),
        ({"framing": (64, 10**6, 0, 0)}, "above 100000"),
        ({"mask": "abc"}, "mask without a picture"),
        ({"adapters": ("ink",)}, "adapter 'ink' is not a name"),
        ({"adapters": (("ink", 1.0),)}, "not a name with two weights"),
        ({"adapters": (("ink", math.nan, 1.0),)}, "ink.* has the number nan"),
        ({"adapters": (("ink", 1.0, True),)}, "ink.*True.* is not a name with two weights"),
        ({"adapters": (("ink", 1e9, 1.0),)}, "within 100"),
    ],
)
def test_a_request_that_cannot_be_drawn_is_refused_in_one_line(change, told):
    values = {"prompt": "a cat", "seed": 7, **change}
    with pytest.raises(InputError, match=told) as caught:
        Request(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"prompt": "a cat", "seed": 7, "stepz": 3}', "unknown fields: stepz"),
        ('{"prompt": "a cat"}', "lacks seed"),
        ('{"prompt": "a cat", "seed": ' + "7" * 5000 + "}", "not JSON"),
        ("{}", "lacks prompt and seed"),
        ('["a cat", 7]', "list, not an object"),
        ("a cat", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"prompt": "a cat", "seed": 7, "size": [128, "x"]}', "two whole numbers"),
        ('{"prompt": "a cat", "seed": 7, "size": 128}', "size is 128"),
        ('{"prompt": "a cat", "seed": 7, "guidance": NaN}', "guidance nan"),
    ],
)
def test_json_of_strangers_is_refused_in_one_line(text, told):
    with pytest.raises(InputError, match=told):
        Request.from_json(text)


def test_the_json_names_every_field():
    assert set(json.loads(Request(prompt="a cat", seed=7).to_json())) == set(Request.__dataclass_fields__)
