"""Whose turn it is: laws of fair shares, in seconds that are counted and never measured."""

import random

import pytest

from sfumato.engine.shares import Shares, Turns


def served(shares, costs, turns):
    """Whom ``turns`` turns went to, each at the cost of whoever's turn it was."""
    found = []
    for _ in range(turns):
        who = shares.order()[0]
        shares.charge(who, costs[who])
        found.append(who)
    return found


def test_who_has_had_least_is_first_and_among_equals_who_came_first():
    shares = Shares()
    for who in "abc":
        shares.come(who)
    assert shares.order() == ["a", "b", "c"]
    shares.charge("a", 1.0)
    shares.charge("b", 2.0)
    assert shares.order() == ["c", "a", "b"]
    assert shares.had("b") == 2.0


def test_seconds_not_turns_are_shared_out():
    shares = Shares()
    for who in "ab":
        shares.come(who)
    turns = served(shares, {"a": 10.0, "b": 1.0}, 110)
    assert turns.count("b") == pytest.approx(10 * turns.count("a"), abs=10)


def test_to_have_been_away_earns_nothing():
    shares = Shares()
    shares.come("busy")
    for _ in range(100):
        shares.charge("busy", 1.0)
    shares.come("late")
    turns = served(shares, {"busy": 1.0, "late": 1.0}, 20)
    assert turns.count("late") == 10


def test_to_go_and_come_again_earns_nothing():
    shares = Shares()
    for who in ("steady", "comes and goes"):
        shares.come(who)
    had = dict.fromkeys(("steady", "comes and goes"), 0.0)
    for _ in range(200):
        who = shares.order()[0]
        shares.charge(who, 1.0)
        had[who] += 1.0
        if who == "comes and goes":
            shares.go(who)
            shares.come(who)
    assert had["steady"] == pytest.approx(100, abs=2)


def test_a_newcomer_waits_for_one_turn_of_each_other_at_most():
    for seed in range(50):
        chance = random.Random(seed)
        shares = Shares()
        costs = {number: chance.choice([1.0, 5.0, 40.0]) for number in range(6)}
        for who in costs:
            shares.come(who)
        served(shares, costs, chance.randrange(60))
        shares.come("new")
        before = served(shares, {**costs, "new": 0.1}, 30)
        others = before[: before.index("new")]
        assert len(others) == len(set(others)), (seed, others)


def test_a_stream_of_newcomers_starves_nobody():
    """Each comes while the one before is still there, so that the least that any has had never grows."""
    shares = Shares()
    shares.come("big")
    shares.charge("big", 50.0)
    shares.come(0)
    big = 0
    for number in range(1, 400):
        shares.come(number)
        who = shares.order()[0]
        shares.charge(who, 10.0 if who == "big" else 1.0)
        if who == "big":
            big += 1
        else:
            shares.go(who)
    assert big >= 5


def test_who_left_with_no_more_than_their_share_is_forgotten():
    shares = Shares()
    shares.come("steady")
    for number in range(1000):
        shares.come(number)
        shares.charge(number, 1.0)
        shares.go(number)
        shares.charge("steady", 1.0)
    assert len(shares._ahead) <= 2


def test_with_what_each_asks_the_smaller_wish_goes_first_but_not_for_ever():
    shares = Shares()
    for who in ("large", "small"):
        shares.come(who)
    asks = {"large": 10.0, "small": 1.0}.__getitem__
    turns = []
    for _ in range(22):
        turns.append(shares.order(asks)[0])
        shares.charge(turns[-1], asks(turns[-1]))
    assert turns[:9] == ["small"] * 9
    assert turns.count("large") == 2


def test_turns_go_round_the_groups_first_and_round_each_group_then():
    turns = Turns()
    for who in ("a1", "a2", "a3", "b1", "c1", "c2"):
        turns.come(who, who[0])
    assert list(turns.order()) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    turns.charge("a1", 1.0)
    assert list(turns.order()) == ["b1", "c1", "a2", "c2", "a3", "a1"]


def test_many_of_one_group_have_no_more_than_the_one_of_another():
    turns = Turns()
    turns.come("alone", "b")
    for number in range(50):
        turns.come(number, "a")
    had = {"a": 0, "b": 0}
    for _ in range(100):
        who = next(turns.order())
        turns.charge(who, 1.0)
        had["b" if who == "alone" else "a"] += 1
    assert had == {"a": 50, "b": 50}


def test_a_group_is_gone_with_its_last():
    turns = Turns()
    turns.come(1, "a")
    turns.come(2, "a")
    turns.come(3, "b")
    turns.go(1)
    assert set(turns.order()) == {2, 3}
    turns.go(2)
    assert list(turns.order()) == [3]
    turns.come(4, "a")
    assert set(turns.order()) == {3, 4}
