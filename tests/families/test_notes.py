from sfumato.families.notes import cut_note, unknown_note, weights_note

KNOWN = {"a", "cat", "castle", "carrot"}


def test_a_misspelt_word_is_answered_with_what_it_may_have_been():
    note = unknown_note("a casle and a Xylophone", KNOWN)
    assert note == "the model does not know: casle, and, Xylophone; nearest words it knows: castle"


def test_nothing_is_suggested_where_nothing_is_near():
    assert unknown_note("qqq", KNOWN) == "the model does not know: qqq"


def test_known_words_and_uncut_texts_are_not_worth_a_note():
    assert unknown_note("a cat", KNOWN) is None
    assert cut_note("", 77) is None


def test_a_cut_text_is_quoted():
    assert cut_note("and a dog", 77) == "the text was cut at 77 tokens; not read: 'and a dog'"


def test_weights_that_are_not_read_are_told():
    for prompt in ("a (red:1.2) cat", "a [cat]", "a BREAK b", "(" * 100 + "cat"):
        assert "reads no weights" in weights_note(prompt)
    for prompt in ("", "a cat, 16:9 :)", r"a \(cat\)", "a (cat:1)"):
        assert weights_note(prompt) is None
