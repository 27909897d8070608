"""A vague wish becomes a full sentence: by rules that keep what was said, the same for wish and seed."""

import pytest

from sfumato.errors import InputError
from sfumato.styles.shelf import shelf
from sfumato.text.words import unknown_words
from sfumato.words.detail import MEDIA, _rows
from sfumato.words.expand import expanded
from sfumato.words.kept import kept
from sfumato.words.lexicon import embedded_lexicon
from sfumato.words.wish import rules

LEXICON = embedded_lexicon()
WISHES = (
    "a dream I had when I was young",
    "something sad",
    "hope",
    "zzz qqq",
    "the last evening of summer",
    "a feline in winter",
    "a pet at bedtime",
    "cats in the rain",
    "¿dónde está mi gato?",
)


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_becomes_a_sentence_of_known_words_with_thing_background_and_style(wish):
    for seed in range(5):
        made = expanded(wish, seed)
        assert unknown_words(made.sentence, LEXICON.words) == ()
        said = kept(made.sentence, LEXICON)
        assert said.things
        assert said.backdrop
        assert said.look
        assert made.original == wish
        assert made.why
        assert expanded(made.sentence, seed).sentence == made.sentence, "it is full now"


def test_wish_and_seed_decide_and_another_seed_is_another_sentence():
    """The first is written down: a sentence is the same on every machine and in every version of Python."""
    assert expanded(WISHES[0], 0).sentence == "a red bicycle at night, ink wash"
    assert expanded(WISHES[0], 0) == expanded(WISHES[0], 0)
    assert len({expanded(WISHES[0], seed).sentence for seed in range(20)}) > 8


def test_what_is_concrete_is_kept():
    made = expanded("two crimson wolves riding a bus, spooky", 3)
    assert made.sentence.startswith("two red dogs on top of a bus ")
    assert "“wolves” is drawn as dog" in made.why
    assert expanded("a kitten with an umbrella at the seaside, watercolor", 1).sentence == (
        "a kitten next to an umbrella on a beach, watercolor"
    )
    assert expanded("a red cat", 5).sentence.startswith("a red cat ")
    assert expanded("the sun", 5).sentence.startswith("the sun ")


def test_moods_seasons_and_times_are_heard():
    assert " in the snow, " in expanded("a cat in winter", 0).sentence
    assert " at sunset, " in expanded("an old house at dusk", 0).sentence
    for seed in range(5):
        assert kept(expanded("an arcade", seed).sentence, LEXICON).look == "pixel art"
        assert kept(expanded("deep in the ocean", seed).sentence, LEXICON).backdrop == "sea"


def test_a_pet_is_one_of_the_pets_whatever_else_is_said():
    things = {
        kept(expanded("a pet at bedtime", seed).sentence, LEXICON).things[-1].thing for seed in range(15)
    }
    assert things == {"cat", "dog", "rabbit"}


def test_stars_stand_before_the_dark_and_the_sun_does_not():
    dark = rules().night["backgrounds"]
    for seed in range(60):
        said = kept(expanded("a dream of summer", seed).sentence, LEXICON)
        names = {each.thing for each in said.things}
        if "sun" in names:
            assert said.backdrop not in dark
        elif names & {"moon", "star"}:
            assert said.backdrop in dark


@pytest.mark.parametrize(
    "sentence",
    [
        "a red cat to the left of a blue car",
        "a cat in a meadow",
        "a watercolor of a cat",
        "a [cat:dog:0.4] in a dream",
        "a dream of <lora:ink:0.8>",
        "a {red|blue} dream",
        "a (dream:1.2)",
        "a dream AND a cat",
        "a dream of __animal__",
    ],
)
def test_full_sentences_and_the_grammar_of_prompts_are_left_alone(sentence):
    made = expanded(sentence, 0)
    assert made.sentence == made.original == sentence
    assert "left as it is" in made.why[0]


def test_an_empty_wish_is_an_error_and_a_book_is_left_alone():
    with pytest.raises(InputError, match="the wish is empty"):
        expanded(" \n", 0)
    book = "dream " * 500
    assert expanded(book, 0).sentence == book


def test_the_rules_speak_of_the_world_as_it_is():
    names = {thing.name for thing in LEXICON.things}
    backdrops, looks = {each.name for each in LEXICON.backdrops}, {each.name for each in LEXICON.looks}
    table = rules()
    for votes in (*table.votes.values(), table.otherwise):
        assert set(votes["things"]) <= names
        assert set(votes["backgrounds"]) <= backdrops
        assert set(votes["styles"]) <= looks
    for row in (table.colours, table.places, table.sky):
        assert set(row) <= names
    assert {colour for row in table.colours.values() for colour in row} <= {*LEXICON.colours, ""}
    assert {place for row in table.places.values() for place in row} <= backdrops
    assert set(table.night["things"]) | set(table.night["never"]) <= names
    assert set(table.night["backgrounds"]) <= backdrops
    assert {count for row in table.sky.values() for count in row} <= {1, 2, 3, 4}


# other models -------------------------------------------------------------------------------------


def test_for_other_models_the_persons_words_stay_in_front_and_more_come_behind():
    for wish in WISHES:
        made = expanded(wish, 1, family="sdxl").sentence
        assert made.startswith(f"{wish}, ")
        assert made.count(",") >= 3


def test_the_subject_and_the_medium_that_are_named_are_heard():
    made = expanded("an oil painting of a storm", 0, family="sd1")
    assert "“storm” is of the kind landscape" in made.why
    preset = made.why[-1].removeprefix("the last words are from the style ")
    assert "painting" in next(each for each in shelf().values() if each.name == preset).tags
    assert (
        made.sentence.rpartition(", ")[2]
        in next(each for each in shelf().values() if each.name == preset).prompt
    )


def test_a_long_sentence_for_another_model_is_left_alone():
    sentence = "an old fisherman mending nets, low sun, wet wool, 85mm lens"
    assert expanded(sentence, 0, family="sd1").sentence == sentence


def test_the_tags_that_details_ask_for_are_those_of_presets():
    tags = {tag for preset in shelf().values() for tag in preset.tags}
    assert set(MEDIA) <= tags
    assert {tag for row in _rows("subjects").values() for tag in row["tags"]} <= tags
