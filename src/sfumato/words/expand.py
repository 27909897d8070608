"""A vague wish becomes a full sentence: by rules, offline, or by a chat endpoint that the person has set up.

The rules are deterministic: wish, seed and family decide. What is a full sentence already is left alone, and
so is what holds the grammar of prompts, which means more than its words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfumato.errors import InputError
from sfumato.text.limits import check_text
from sfumato.text.words import unknown_words, words_of
from sfumato.words.chat import Endpoint, answered
from sfumato.words.detail import filled_out
from sfumato.words.kept import kept
from sfumato.words.lexicon import Lexicon, embedded_lexicon
from sfumato.words.wish import granted

FULL = 14
"""Words from which a sentence for a real model says enough; or three commas."""
LONGEST_WISH = 1000  # letters
_GRAMMAR = re.compile(r"[<>\[\]{}|]|\(.*:.*\)|__|\b(?:AND|BREAK)\b")


@dataclass(frozen=True)
class Expanded:
    """A sentence, what it was made of, and a line for each reason."""

    sentence: str
    original: str
    why: tuple[str, ...]


def expanded(
    sentence: str,
    seed: int,
    how: Endpoint | None = None,
    *,
    family: str = "world",
    lexicon: Lexicon | None = None,
) -> Expanded:
    """The full sentence of a wish: by the rules, or by an endpoint if ``how`` is one.

    ``family`` is that of the model that will draw; ``lexicon``, of a world model, that of the embedded one
    unless given. Raises InputError for an empty wish, and for an endpoint that fails.
    """
    check_text(sentence)
    if not sentence.strip():
        raise InputError("the wish is empty: say a word of what the picture should show")
    if len(sentence) > LONGEST_WISH:
        return Expanded(sentence, sentence, (f"it has {len(sentence)} letters: left as it is",))
    if _GRAMMAR.search(sentence):
        return Expanded(sentence, sentence, ("it holds the grammar of prompts: left as it is",))
    words = (lexicon or embedded_lexicon()) if family == "world" else None
    if _is_full(sentence, words):
        return Expanded(sentence, sentence, ("it is a full sentence: left as it is",))
    if how is not None:
        return _asked(sentence, seed, how, words)
    made, why = filled_out(sentence, seed, family) if words is None else granted(sentence, seed, words)
    return Expanded(made, sentence, why)


def _is_full(sentence: str, lexicon: Lexicon | None) -> bool:
    """Whether a sentence says enough: for the world, all its words known and more than one thing alone."""
    if lexicon is None:
        return len(list(words_of(sentence))) >= FULL or sentence.count(",") >= 3
    if unknown_words(sentence, lexicon.words):
        return False
    said = kept(sentence, lexicon)
    return bool(said.things) and (len(said.things) > 1 or bool(said.backdrop) or bool(said.look))


def _asked(sentence: str, seed: int, endpoint: Endpoint, lexicon: Lexicon | None) -> Expanded:
    made = answered(endpoint, _instructions(lexicon), sentence, seed=seed)
    why = [f"written by {endpoint.model} at {endpoint.place}"]
    if lexicon is not None and (unknown := unknown_words(made, lexicon.words)):
        why.append(f"of its words the model does not know: {', '.join(unknown)}")
    return Expanded(made, sentence, tuple(why))


def _instructions(lexicon: Lexicon | None) -> str:
    """What the endpoint is told to do; for the world, with all the words that may be used."""
    first = (
        "You turn a vague wish into one sentence that describes a picture. Answer with that sentence alone, "
        "in English, without quotes, at most 40 words. Keep whatever the wish says concretely."
    )
    if lexicon is None:
        return f"{first} Name subject, setting, light and medium."
    return (
        f"{first} Use no other words than these. One to four things out of: "
        f"{', '.join(thing.name for thing in lexicon.things)}. Colours: {', '.join(lexicon.colours)}. "
        f"Numbers up to four. How they stand: {', '.join(lexicon.relations)}. Then one place: "
        f"{', '.join(each.phrase for each in lexicon.backdrops)}. At the end, behind a comma, one style: "
        f"{', '.join(look.phrases[0] for look in lexicon.looks)}. "
        "For instance: two yellow stars above a castle on a dark blue background, watercolor"
    )
