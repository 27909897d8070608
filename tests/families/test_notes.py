from sfumato.families.notes import break_note, cut_note, unknown_note

KNOWN = {"a", "cat", "castle", "carrot"}


def test_a_misspelt_word_is_answered_with_what_it_may_have_been():
    note = unknown_note("a casle and a Xylophone", KNOWN)
    assert note == "the model does not know: casle, and, Xylophone; write instead: castle"


def test_an_unknown_word_is_answered_with_what_it_means_before_what_is_spelt_like_it():
    note = unknown_note("a gouache of felines", KNOWN | {"of", "watercolor", "coach"})
    assert note == "the model does not know: gouache, felines; write instead: watercolor, cat"


def test_nothing_is_meant_that_the_model_does_not_know_either():
    assert unknown_note("a gouache", KNOWN) == "the model does not know: gouache"


def test_nothing_is_suggested_where_nothing_is_near():
    assert unknown_note("qqq", KNOWN) == "the model does not know: qqq"


def test_known_words_and_uncut_texts_are_not_worth_a_note():
    assert unknown_note("a cat", KNOWN) is None
    assert cut_note("", 77) is None


def test_a_cut_text_is_quoted():
    assert cut_note("and a dog", 77) == "the text was cut at 77 tokens; not read: 'and a dog'"


def test_a_break_without_effect_is_told():
    assert "BREAK has no effect" in break_note(breaks=True)
    assert break_note(breaks=False) is None
