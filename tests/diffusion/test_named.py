"""Names with options: read as they are written, and never run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.diffusion.named import Named, named, options_of
from sfumato.errors import InputError

READ = {
    "ddim": Named("ddim"),
    " DPM++ 2M Karras ": Named("DPM++ 2M Karras"),
    "ddim(eta=0.5)": Named("ddim", (), (("eta", 0.5),)),
    "cfg(6, start=-0.1)": Named("cfg", (6,), (("start", -0.1),)),
    "rescale(cfg(6.5), share=.7)": Named("rescale", (Named("cfg", (6.5,)),), (("share", 0.7),)),
    "Euler a (s=true, kind='heun', at=[1, 2])": Named(
        "Euler a", (), (("s", True), ("kind", "heun"), ("at", (1, 2)))
    ),
    "plain()": Named("plain"),
    "cfg(plain)": Named("cfg", (Named("plain"),)),
}


@pytest.mark.parametrize(("text", "wanted"), READ.items(), ids=READ.keys())
def test_a_name_and_its_options_are_read(text, wanted):
    assert named(text) == wanted


values = st.recursive(
    st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.builds(Named, st.just("inner"), st.lists(inner, max_size=2).map(tuple))
    ),
    max_leaves=6,
)
options = st.dictionaries(st.sampled_from(["eta", "start", "kind"]), values, max_size=3)


@given(
    st.builds(
        Named,
        st.just("cfg"),
        st.lists(values, max_size=3).map(tuple),
        options.map(lambda o: tuple(o.items())),
    )
)
def test_what_is_written_is_read_back(wanted):
    assert named(str(wanted)) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "()", "ddim(", "ddim)", "ddim(eta=)", "ddim(**x)", "ddim(*x)", "ddim(a)(b)", "ddim(eta=1+1)",
     "ddim(eta=open('x'))(y)", "ddim(eta=[].x)", "ddim(eta=None)", "ddim(eta=1, eta=2)",
     "ddim(eta=lambda: 1)", "ddim(eta=" + "-" * 900 + "1)", "ddim(eta=" + "9" * 400 + ")",
     " " * 1900 + ")", "x" * 3000, "ddim(" + "(" * 500 + ")" * 500 + ")"],
)  # fmt: skip
def test_what_is_not_written_so_is_one_error(text):
    with pytest.raises(InputError):
        named(text)


def test_an_option_that_is_not_there_is_told_those_that_are():
    def sampler(x, *, eta: float = 0.0, churn: float = 0.0, order: int = 2, f: object = 0): ...

    options_of(sampler, named("ddim(eta=1, churn=2)"), "sampler")
    with pytest.raises(InputError, match="sampler ddim has no option 'etta': it has eta, churn, order, f"):
        options_of(sampler, named("ddim(etta=1)"), "sampler")
    with pytest.raises(InputError, match=r"by name only, not 0\.5: it has eta, churn, order, f"):
        options_of(sampler, named("ddim(0.5)"), "sampler")
    with pytest.raises(InputError, match="eta of sampler ddim is a number, not 'much'"):
        options_of(sampler, named("ddim(eta='much')"), "sampler")
    with pytest.raises(InputError, match="eta of sampler ddim is a number, not true"):
        options_of(sampler, named("ddim(eta=true)"), "sampler")
    with pytest.raises(InputError, match=r"order of sampler ddim is a whole number, not 2\.5"):
        options_of(sampler, named("ddim(order=2.5)"), "sampler")
    with pytest.raises(InputError, match="f of sampler ddim cannot be written as text"):
        options_of(sampler, named("ddim(f=1)"), "sampler")
    with pytest.raises(InputError, match="has no option 'x': it has none"):
        options_of(lambda x: x, named("euler(x=1)"), "sampler")


def stirred(x, *, kind: str = "oval", limit: float | None = 1.0, reach: tuple[float, float] = (0, 1)): ...


def test_a_word_needs_no_quotes():
    assert options_of(stirred, named("s(kind=heun)"), "sampler") == {"kind": "heun"}
    assert options_of(stirred, named("s(kind='heun')"), "sampler") == {"kind": "heun"}
    with pytest.raises(InputError, match=r"kind of sampler s is a word, not heun\(2\)"):
        options_of(stirred, named("s(kind=heun(2))"), "sampler")


def test_none_is_said_where_there_may_be_none_and_nowhere_else():
    assert options_of(stirred, named("s(limit=none)"), "sampler") == {"limit": None}
    with pytest.raises(InputError, match="limit of sampler s is a number or none, not much"):
        options_of(stirred, named("s(limit=much)"), "sampler")
    with pytest.raises(InputError, match="reach of sampler s is a list of two numbers, not none"):
        options_of(stirred, named("s(reach=none)"), "sampler")


def test_a_number_is_a_float_where_one_is_taken_however_long_it_is():
    (limit,) = options_of(stirred, named(f"s(limit={'9' * 30})"), "sampler").values()
    assert isinstance(limit, float)


@pytest.mark.parametrize("option", ["limit=1e999", "limit=-1e999", "reach=[0, 1e999]"])
def test_a_number_without_end_is_no_option(option):
    with pytest.raises(InputError, match="must be finite"):
        options_of(stirred, named(f"s({option})"), "sampler")


def test_a_number_without_end_is_read_back():
    wanted = Named("cfg", (float("inf"), -float("inf")))
    assert named(str(wanted)) == wanted
