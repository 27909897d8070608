"""The questions are fair, held out and repeatable; the arithmetic of the table is right."""

import math

import pytest

from sfumato.errors import InputError
from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.benchmark import CATEGORIES, Question, Row, sentences, tabulated
from sfumato.world.captions import RELATION_PHRASES, STYLE_FORMS
from sfumato.world.colours import COLOURS
from sfumato.world.scenes import INVERSE
from sfumato.world.split import held_out, held_out_words
from sfumato.world.sprites import BY_NAME, CORE
from sfumato.world.verifier import Found, Verdict


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return sentences(CORE, 40, 5)


def of(questions: list[Question], category: str) -> list[Question]:
    return [question for question in questions if question.category == category]


def test_the_same_seed_asks_the_same_and_another_seed_something_else(questions: list[Question]):
    assert sentences(CORE, 40, 5) == questions
    assert sentences(CORE, 40, 6) != questions


def test_more_questions_begin_with_the_same_ones(questions: list[Question]):
    assert of(sentences(CORE, 3, 5), "relation") == of(questions, "relation")[:3]


def test_every_category_is_asked_equally(questions: list[Question]):
    assert [len(of(questions, category)) for category in CATEGORIES] == [40] * 6


def test_colours_relations_and_styles_are_held_out(questions: list[Question]):
    for category in ("colour", "relation", "style"):
        assert all(held_out(question.scene) for question in of(questions, category))


def test_no_picture_of_a_relation_was_in_training(questions: list[Question]):
    """Side by side either thing may be on the left: both orders are held out."""
    for question in of(questions, "relation"):
        one, other = (thing.sprite for thing in question.scene.things)
        if question.scene.relation == "next to":
            assert held_out_words(one, "left of", other)
            assert held_out_words(other, "left of", one)


def test_sentences_say_what_is_checked_and_nothing_of_the_background(questions: list[Question]):
    phrases = [each.phrase for each in BACKGROUNDS.values()]
    for question in questions:
        sentence, scene = question.sentence, question.scene
        assert not any(phrase in sentence for phrase in phrases)
        for thing in scene.things:
            sprite = BY_NAME[thing.sprite]
            names = (sprite.plural,) if thing.count > 1 else (sprite.name, *sprite.synonyms)
            assert any(name in sentence for name in names)
            words = () if thing.colour is None else (thing.colour, *COLOURS[thing.colour].synonyms)
            assert not words or any(word in sentence for word in words)
            assert thing.size is None
        if scene.style != "sticker":
            forms = [form.split("{things}") for form in STYLE_FORMS[scene.style]]
            assert any(all(part in sentence for part in form) for form in forms)
        if scene.relation is not None:
            meant = (scene.relation, INVERSE.get(scene.relation, scene.relation))
            assert any(phrase in sentence for relation in meant for phrase in RELATION_PHRASES[relation])


def test_only_the_categories_subject_is_asked(questions: list[Question]):
    assert all(question.scene.things[0].colour is None for question in of(questions, "single thing"))
    assert all(question.scene.things[0].colour in COLOURS for question in of(questions, "colour"))
    assert {question.scene.things[0].count for question in of(questions, "count")} == {2, 3, 4}
    assert {len(question.scene.things) for question in of(questions, "two things")} == {2}


def test_a_world_too_small_to_ask_about_is_an_error():
    with pytest.raises(InputError, match="1 sprites"):
        sentences(["cat"], 1, 0)


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_interval_agrees_with_published_values(right, asked, low, high):
    """The last is Newcombe's (1998) example, method 3."""
    assert Row(name="", asked=asked, right=right).interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_asked_is_nothing_known():
    row = Row(name="", asked=0, right=0)
    assert row.interval == (0, 1)
    assert math.isnan(row.share)


def test_the_table_adds_up():
    questions = sentences(CORE[:20], 2, 0)

    def verdict(question: Question, number: int) -> Verdict:
        things = tuple(
            Found(
                sprite=thing.sprite, asked=thing.count, places=(), colour=None if not thing.colour else True
            )
            for thing in question.scene.things
        )
        relation = None if question.scene.relation is None else number % 2 == 0
        return Verdict(things=things, relation=relation, style=True, strangers=(), stray=False)

    table = tabulated(questions, [verdict(*pair) for pair in zip(questions, range(12), strict=True)])
    parts = {row.name: row for row in table.parts}
    assert table.overall.asked == sum(row.asked for row in table.categories) == 12
    assert table.overall.right == 0
    assert parts["relation right"].asked == 2
    assert parts["relation right"].right == 1
    assert parts["style right"].share == 1
    assert parts["things found"].asked == sum(len(question.scene.things) for question in questions)
    assert parts["things found"].right == 0
