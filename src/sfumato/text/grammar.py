r"""The grammar of prompts, as A1111's web UI has it: what is drawn when, and with which adapters.

===================  =================================================================================
``[from:to:0.4]``    ``from`` for the first 40 % of the steps, then ``to``; ``[from:to:12]`` for 12 steps
``[to:0.4]``         nothing, then ``to``
``[from::0.4]``      ``from``, then nothing
``[a|b|c]``          another of them at every step, in turn
``x AND y :1.2``     two texts, each guiding with its weight
``<lora:ink:0.8>``   the adapter ``ink`` at weight 0.8; ``<lora:ink:0.8:0.6>`` 0.8 for words, 0.6 for picture
===================  =================================================================================

All of it nests. What a stage's texts still hold, weights and breaks, is read by pieces.py; what is settled
before, wildcards, by wildcards.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from sfumato.errors import InputError
from sfumato.text.limits import check_text
from sfumato.text.pieces import HEAVIEST

MOST_LETTERS = 10_000_000  # of all the texts that one prompt becomes, as its steps go by
MOST_EDITS = 500
"""Edits and alternations of one prompt: at every step each of them is looked at."""
MOST_TEXTS = 32
"""Texts that AND joins: each of them costs a row of the network at every step."""


@dataclass(frozen=True)
class Mention:
    """An adapter that the prompt names, with its weights for picture and for words."""

    name: str
    picture: float = 1.0
    words: float = 1.0


@dataclass(frozen=True)
class Branch:
    """One of the texts that AND joins, with the weight that it guides with."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Stage:
    """What is drawn from step ``first_step``, counted from 0, until the next stage begins."""

    first_step: int
    branches: tuple[Branch, ...]


@dataclass(frozen=True)
class Edit:
    """``before`` until a step, then ``after``; ``until`` is that step or, if ``is_share``, a share of all."""

    before: Nodes
    after: Nodes
    until: float
    is_share: bool

    def first_step_after(self, steps: int) -> int:
        """How many steps draw ``before``."""
        until = self.until * steps if self.is_share else self.until
        return int(min(max(until, 0), steps))


@dataclass(frozen=True)
class Turns:
    """Each of ``options`` for one step, in turn."""

    options: tuple[Nodes, ...]


Node: TypeAlias = str | Edit | Turns
Nodes: TypeAlias = tuple[Node, ...]


@dataclass(frozen=True)
class Prompt:
    """A prompt that has been understood; ``notes`` are lines on what may not mean what it says."""

    branches: tuple[tuple[Nodes, float], ...]
    adapters: tuple[Mention, ...] = ()
    notes: tuple[str, ...] = ()

    def stages(self, steps: int) -> tuple[Stage, ...]:
        """What each of ``steps`` steps draws; neighbours that draw the same are one stage.

        Raises InputError where that is more different text than anyone means.
        """
        known: dict[str, str] = {}  # one copy of each text: with [a|b] they come again and again
        size = 0
        found: list[Stage] = []
        for step in sorted(self._turning_points(steps)):
            texts = [_text_at(nodes, step, steps) for nodes, _ in self.branches]
            size += sum(len(text) for text in texts if text not in known)
            if size > MOST_LETTERS:
                raise InputError(
                    f"the prompt says too many different things in {steps} steps; take some away"
                )
            branches = tuple(
                Branch(known.setdefault(text, text), weight)
                for text, (_, weight) in zip(texts, self.branches, strict=True)
            )
            if not found or found[-1].branches != branches:
                found.append(Stage(step, branches))
        return tuple(found)

    def never_drawn(self, steps: int) -> tuple[str, ...]:
        """One line for every part of an edit that none of ``steps`` steps draws."""
        notes: list[str] = []
        for edit in self.edits():
            if isinstance(edit, Turns):
                continue
            begins = edit.first_step_after(steps)
            lost = edit.after if begins == steps else edit.before if begins == 0 else ()
            if lost and (text := _text_at(lost, 0, steps).strip()):
                notes.append(f"{text[:60]!r} is never drawn: its part is 0 of {steps} steps")
        return tuple(notes)

    def _turning_points(self, steps: int) -> set[int]:
        points = {0}
        for edit in self.edits():
            if isinstance(edit, Turns):
                return set(range(steps)) or {0}
            points.add(edit.first_step_after(steps))
        return {point for point in points if point < steps} or {0}

    def edits(self) -> Iterator[Edit | Turns]:
        """All of them, at whatever depth."""
        left = [node for nodes, _ in self.branches for node in nodes if not isinstance(node, str)]
        while left:
            edit = left.pop()
            yield edit
            inside = edit.options if isinstance(edit, Turns) else (edit.before, edit.after)
            left += [node for nodes in inside for node in nodes if not isinstance(node, str)]


def parse(prompt: str) -> Prompt:
    """Understand ``prompt``, in time linear in its length.

    Raises InputError for an adapter with a weight that is no number, for more than 500 edits or 32 texts
    that AND joins, and for a text that no one reads (``limits``).
    """
    check_text(prompt)
    adapters: list[Mention] = []
    notes: list[str] = []
    rest = _MENTION.sub(lambda match: _mentioned(match, adapters, notes), prompt)
    texts = _AND.split(rest)
    if len(texts) > MOST_TEXTS:
        raise InputError(
            f"AND joins {len(texts):,} texts; at most {MOST_TEXTS} guide together: leave some out"
        )
    branches: list[tuple[Nodes, float]] = []
    for text in texts:
        words, weight = _weighted(text) if len(texts) > 1 else (text, 1.0)
        nodes, is_balanced = _nodes(words, notes)
        if len(texts) > 1 and not is_balanced:
            notes.append(f"AND ends all brackets: {words.strip()[:60]!r} does not close what it opens")
        branches.append((nodes, weight))
    found = Prompt(tuple(branches), tuple(adapters), tuple(dict.fromkeys(notes)))
    if sum(1 for _ in found.edits()) > MOST_EDITS:
        raise InputError(f"the prompt has more than {MOST_EDITS} edits: take some away")
    return found


# adapters and AND ---------------------------------------------------------------------------------

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_IS_NUMBER = re.compile(_NUMBER)
_MENTION = re.compile(r"<(lora|lyco|locon|hypernet):([^<>]*)>", re.IGNORECASE)
_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(rf"(?<!\\):\s*+({_NUMBER})\s*+\Z")


def _mentioned(match: re.Match[str], adapters: list[Mention], notes: list[str]) -> str:
    """Note the adapter and leave nothing in its place."""
    kind, inside = match[1].lower(), match[2]
    name, *options = [part.strip() for part in inside.split(":")]
    if kind == "hypernet":
        notes.append(f"{match[0][:60]} was left out: sfumato has no hypernetworks")
        return ""
    if not name:
        raise InputError(f"{match[0][:60]} names no adapter; write it as <lora:name:0.8>")
    weights: dict[str, float | None] = {"te": None, "unet": None}
    for place, option in enumerate(options):
        key, is_named, number = option.rpartition("=")
        key = key.strip() if is_named else ("te", "unet", "")[min(place, 2)]
        if key not in weights or not _IS_NUMBER.fullmatch(number.strip()):
            raise InputError(
                f"{match[0][:60]}: {option[:30]!r} is no weight; write <lora:name:0.8>, or "
                "<lora:name:0.8:0.6> with the weight for words first and that for the picture second"
            )
        weights[key] = _bearable(float(number), match[0])
    words = 1.0 if weights["te"] is None else weights["te"]
    adapters.append(Mention(name, words if weights["unet"] is None else weights["unet"], words))
    return ""


def _weighted(text: str) -> tuple[str, float]:
    """What stands before the last colon, and the number behind it, if there is one."""
    match = _WEIGHT.search(text)
    return (text[: match.start()], _bearable(float(match[1]), text)) if match else (text, 1.0)


def _bearable(weight: float, text: str) -> float:
    if abs(weight) > HEAVIEST:
        raise InputError(f"{text[:60]!r} has the weight {weight:g}; weights go to {HEAVIEST:g}")
    return weight


# edits --------------------------------------------------------------------------------------------

_SIGNS = re.compile(r"\\.|[\[\]():|]|[^\\\[\]():|]++|\\", re.DOTALL)


@dataclass(frozen=True)
class _Bracket:
    sign: str
    start: int  # in the list of nodes
    parted: list[int]  # where in that list a colon or a bar parts what is inside


def _nodes(text: str, notes: list[str]) -> tuple[Nodes, bool]:
    """Text and edits in order, and whether every bracket is closed. No recursion: brackets may be deep."""
    out: list[Node] = []
    brackets: list[_Bracket] = []
    counts = {"[": 0, "(": 0}
    is_balanced = True
    for match in _SIGNS.finditer(text):
        sign = match[0]
        if sign in counts:
            brackets.append(_Bracket(sign, len(out), []))
            counts[sign] += 1
        elif sign in (":", "|") and brackets and brackets[-1].sign == "[":
            brackets[-1].parted.append(len(out))
        elif sign in ("]", ")"):
            opening = "[" if sign == "]" else "("
            if counts[opening]:
                while (bracket := brackets.pop()).sign != opening:  # never closed: text
                    counts[bracket.sign] -= 1
                    is_balanced = False
                counts[opening] -= 1
                edit = _edit(out, bracket, notes) if opening == "[" else None
                if edit is not None:
                    out[bracket.start :] = [edit]
                    continue
            else:
                is_balanced = False
        out.append(sign)
    return tuple(out), is_balanced and not brackets


def _edit(out: Sequence[Node], bracket: _Bracket, notes: list[str]) -> Edit | Turns | None:
    """What the bracket that ends here means, or None if it is a weight, for pieces.py to read."""
    bars = [place for place in bracket.parted if out[place] == "|"]
    colons = [place for place in bracket.parted if out[place] == ":"]
    if bars:
        return Turns(_parts(out, [bracket.start, *bars, len(out)]))
    if not colons or len(out) != colons[-1] + 2:
        return None
    until = out[-1]
    if not isinstance(until, str) or not _IS_NUMBER.fullmatch(until.strip()):
        return None
    if len(colons) > 2:
        words = "".join(node for node in out[bracket.start :] if isinstance(node, str))
        notes.append(
            f"{words[:60] + ']'!r} is read as words: an edit has two parts and a number, [from:to:0.4]"
        )
        return None
    *before, after = _parts(out, [bracket.start, *colons])
    return Edit(before[0] if before else (), after, float(until), is_share="." in until)


def _parts(out: Sequence[Node], places: Sequence[int]) -> tuple[Nodes, ...]:
    """What stands between the signs at ``places``."""
    return tuple(tuple(out[here + 1 : there]) for here, there in pairwise(places))


def _now(edit: Edit | Turns, step: int, steps: int) -> Nodes:
    if isinstance(edit, Turns):
        return edit.options[step % len(edit.options)]
    return edit.before if step < edit.first_step_after(steps) else edit.after


def _text_at(nodes: Nodes, step: int, steps: int) -> str:
    """The text of one step. No recursion: edits may be deep."""
    texts: list[str] = []
    open_nodes = [iter(nodes)]
    while open_nodes:
        for node in open_nodes[-1]:
            if not isinstance(node, str):
                open_nodes.append(iter(_now(node, step, steps)))
                break
            texts.append(node)
        else:
            open_nodes.pop()
    return "".join(texts)
