"""Who begins next: laws of the waiting line."""

import random

import pytest

from sfumato.engine.line import PATIENCE, Line


def everybody(line, fits=lambda name: True):
    found = []
    while (name := line.take(fits)) is not None:
        found.append(name)
    return found


def test_one_clients_equal_jobs_are_first_come_first_served():
    line = Line()
    for number in range(5):
        line.put(f"j{number}", "a", 3.0)
    assert everybody(line) == ["j0", "j1", "j2", "j3", "j4"]
    assert len(line) == 0


def test_fifty_jobs_of_one_client_hold_up_a_stranger_by_one_at_most():
    line = Line()
    for number in range(50):
        line.put(f"a{number}", "a", 9.0)
    line.take()
    line.put("b", "b", 1.0)
    assert line.place("b") <= 2
    assert "b" in [line.take(), line.take()]


def test_clients_take_turns_by_cost():
    line = Line()
    for number in range(12):
        line.put(f"big{number}", "a", 8.0)
        line.put(f"small{number}", "b", 2.0)
    first = [line.take() for _ in range(15)]
    assert sum(name.startswith("small") for name in first) == 12


def test_a_small_one_is_not_held_up_by_its_own_clients_big_ones():
    line = Line()
    for number in range(50):
        line.put(f"big{number}", "a", 50.0)
    line.take()
    line.put("small", "a", 1.0)
    assert line.place("small") <= 2


def test_of_strangers_who_had_the_same_the_smaller_wish_goes_first():
    line = Line()
    for number, cost in enumerate([9.0, 1.0, 30.0, 2.0]):
        line.put(f"{cost:g}", f"c{number}", cost)
    assert everybody(line) == ["1", "2", "9", "30"]


@pytest.mark.parametrize("client", ["a", "b", ""])
def test_a_stream_of_small_ones_never_starves_a_big_one(client):
    line = Line()
    line.put("big", "a", 100.0)
    for number in range(3):
        line.put(f"s{number}", client or f"c{number}", 1.0)
    taken = []
    for number in range(3, 1000):
        taken.append(line.take())
        line.put(f"s{number}", client or f"c{number}", 1.0)
        if taken[-1] == "big":
            break
    assert taken[-1] == "big"


def test_the_place_is_where_it_is_taken():
    for seed in range(30):
        chance = random.Random(seed)
        line = Line()
        for number in range(25):
            line.put(f"j{number}", chance.choice("abc"), chance.choice([0.3, 1.0, 4.0, 70.0]))
            if chance.random() < 0.2:
                line.take()
        places = {name: line.place(name) for name in list(line._waiting)}
        assert sorted(places.values()) == list(range(1, len(places) + 1))
        assert everybody(line) == sorted(places, key=places.__getitem__)


def test_what_does_not_fit_lets_others_go_before_but_not_for_ever():
    line = Line()
    line.put("large", "a", 5.0)
    for number in range(3 * PATIENCE):
        line.put(f"j{number}", "b", 5.0)
    fits = {f"j{number}" for number in range(3 * PATIENCE)}.__contains__
    before = everybody(line, fits)
    assert PATIENCE <= len(before) <= PATIENCE + 2
    assert line.take(fits) is None
    assert line.take() == "large"
    assert line.take(fits) is not None


def test_the_second_of_a_client_goes_if_its_first_does_not_fit():
    line = Line()
    line.put("one", "a", 1.0)
    line.put("two", "a", 1.0)
    assert line.take(lambda name: name != "one") == "two"
    assert line.place("one") == 1


def test_nothing_that_fits_is_nothing_taken():
    line = Line()
    assert line.take() is None
    line.put("one", "a", 1.0)
    assert line.take(lambda name: False) is None
    assert "one" in line


def test_who_is_removed_is_neither_taken_nor_charged():
    line = Line()
    line.put("a1", "a", 100.0)
    line.put("b1", "b", 1.0)
    line.put("a2", "a", 1.0)
    line.remove("a1")
    assert line.place("a2") == 1
    assert everybody(line) == ["a2", "b1"]
    with pytest.raises(KeyError):
        line.remove("a1")


def test_what_is_put_back_waits_where_it_was_and_has_paid_nothing():
    line, other = Line(), Line()
    for each in (line, other):
        for number in range(4):
            each.put(f"a{number}", "a", 1.0)
            each.put(f"b{number}", "b", 1.0)
    assert line.take() == "a0"
    line.put_back("a0")
    assert everybody(line) == everybody(other)
    with pytest.raises(ValueError, match="not what was taken last"):
        line.put_back("a0")


def test_what_is_tried_in_vain_again_and_again_is_passed_over_no_more_often():
    line = Line()
    line.put("large", "a", 1.0)
    before = []
    for number in range(5 * PATIENCE):
        line.put(f"j{number}", f"b{number}", 1.0)
        if (name := line.take()) == "large":  # it is its turn, and there is no room yet
            line.put_back(name)
            name = line.take(lambda name: name != "large")
        if name is None:
            break
        before.append(name)
    assert PATIENCE <= len(before) < 2 * PATIENCE  # some when it was not yet its turn


def test_nobody_waits_for_a_client_that_may_not_begin():
    line = Line()
    line.put("first", "crowd", 1.0)
    for number in range(3 * PATIENCE):
        line.put(f"j{number}", f"b{number}", 5.0)
    found = [line.take(may=lambda client: client != "crowd") for _ in range(3 * PATIENCE)]
    assert found == [f"j{number}" for number in range(3 * PATIENCE)]
    assert line.take(may=lambda client: client != "crowd") is None
    assert line.take() == "first"


@pytest.mark.parametrize("cost", [0.0, -1.0, float("inf"), float("nan")])
def test_a_cost_must_be_a_number_above_0(cost):
    with pytest.raises(ValueError, match="above 0"):
        Line().put("one", "a", cost)


def test_a_name_waits_once():
    line = Line()
    line.put("one", "a", 1.0)
    with pytest.raises(ValueError, match="waits already"):
        line.put("one", "b", 1.0)
