"""Unknown words are flagged, with what they mean or what they are spelt like."""

from sfumato.words.check import check
from sfumato.words.everyday import meanings, meant_kinds
from sfumato.words.lexicon import embedded_lexicon

LEXICON = embedded_lexicon()


def instead(word):
    (found,) = check(f"a {word}", LEXICON)
    return found.instead


def test_a_feline_is_a_cat_an_elefant_an_elephant():
    assert instead("feline") == ("cat",)
    assert instead("wolves") == ("dog",)
    assert instead("elefant")[0] == "elephant"
    assert [each.why for each in check("a feline, an elefant, a zzzz", LEXICON)] == ["means", "spelt", ""]
    assert instead("zzzz") == ()


def test_known_words_are_not_flagged():
    assert check("a red cat to the left of two blue cars, 8-bit pixel art", LEXICON) == []


def test_small_words_are_never_offered():
    """ "mat" is spelt like "at", which helps nobody."""
    assert instead("mat") == ()


def test_several_meanings_are_ordered_by_what_ranks_them():
    def backwards(sentence, words):
        assert sentence.split() == ["a", "at", "sea"]
        return sorted(words, reverse=True)

    (found,) = check("a pet at sea", LEXICON, ranked=backwards)
    assert found.instead[0] == max(meanings("pet"))
    assert len(meanings("pet")) > 1


def test_the_table_leads_from_unknown_words_to_known_ones_alone():
    names = {
        "things": {thing.name for thing in LEXICON.things},
        "colours": set(LEXICON.colours),
        "backgrounds": {each.name for each in LEXICON.backdrops},
        "styles": {each.name for each in LEXICON.looks},
        "sizes": set(LEXICON.sizes),
        "numbers": set(LEXICON.numbers),
        "relations": set(LEXICON.relations),
    }
    table = meant_kinds()
    assert set(table) == set(names)
    for kind, rows in table.items():
        assert set(rows) <= names[kind], kind
        for everyday in rows.values():
            assert LEXICON.words.isdisjoint(everyday), LEXICON.words & set(everyday)
            assert len(set(everyday)) == len(everyday)
    assert set(table["things"]) == names["things"], "every thing has everyday words"
    assert len({word for rows in table.values() for each in rows.values() for word in each}) > 400
