r"""Prompts that leave something to the seed: ``__name__`` and ``{a|b}``, in the spelling of Dynamic Prompts.

=======================  ==========================================================================
``__animal__``           a line of ``animal.txt`` in the folder of wildcards (``#`` begins a remark);
                         ``__animals/*__`` one of all files there
``{red|blue}``           one of them; ``{3::red|blue}`` red three times as often
``{2$$a|b|c}``           two of them, with a comma between; ``{1-3$$ and $$a|b|c}`` one to three, with "and"
=======================  ==========================================================================

All of it nests, lines may name other files, and a backslash makes a sign text. The choices depend on the seed
and the text alone: a hash makes them, so they are the same on every machine and in every version of Python.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from sfumato.errors import InputError
from sfumato.text.limits import LONGEST, check_text

MOST_CHOICES = 10_000
MOST_PICKED = 50
LARGEST_FILE = 16 << 20


@dataclass(frozen=True)
class _Wildcard:
    name: str


@dataclass(frozen=True)
class _Variants:
    """``fewest`` to ``most`` of the options, of which each has a weight."""

    options: tuple[tuple[float, _Nodes], ...]
    fewest: int
    most: int
    joint: str


@dataclass(frozen=True)
class _End:
    """All that a wildcard's line brought has been read."""


_Node: TypeAlias = str | _Wildcard | _Variants | _End
_Nodes: TypeAlias = tuple[_Node, ...]

_SIGNS = re.compile(
    r"""\\.
      | <\w++:[^<>]*+>                              # an adapter, whatever its name holds
      | (?<![^\W_]) __(?P<name>[\w./*\-]+?)__       # not in my__own__name
      | [{}|\[\]]
      | [^\\_{}|\[\]<]++
      | [\\_<]""",
    re.VERBOSE | re.DOTALL,
)
_COUNT = re.compile(r"\s*(?P<fewest>\d{1,4})(?:-(?P<most>\d{1,4}))?\$\$(?:(?P<joint>[^$]*)\$\$)?")
_SHARE = re.compile(r"\s*(?P<weight>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})::")


def chosen(prompt: str, seed: int, folder: Path | None = None) -> str:
    """``prompt`` with every choice made by ``seed``.

    Raises InputError for a wildcard without a file, files that name each other in a circle, more choices than
    a person writes, and a text that no one reads (``limits``).
    """
    check_text(prompt)
    chance = _Chance(seed)
    files: dict[str, Sequence[str]] = {}
    inside: list[str] = []  # the wildcards whose lines are being read
    left: list[_Node] = [*reversed(_nodes(prompt))]
    texts: list[str] = []
    size = read = 0
    while left:
        node = left.pop()
        if isinstance(node, _End):
            inside.pop()
        elif isinstance(node, _Variants):
            left += reversed(list(_picked(node, chance)))
        elif isinstance(node, _Wildcard):
            if node.name in inside:
                raise InputError(f"wildcards go in a circle: {' -> '.join([*inside, node.name])}")
            if node.name not in files:
                files[node.name] = _lines(node.name, folder)
            inside.append(node.name)
            line = files[node.name][chance.below(len(files[node.name]))]
            read += len(line)
            left += [_End(), *reversed(_nodes(line))]
        else:
            texts.append(node)
            size += len(node)
        if size > LONGEST or read > 10 * LONGEST:
            raise InputError(f"the wildcards of the prompt grow beyond {LONGEST:,} characters")
    return "".join(texts)


class _Chance:
    """Numbers that a seed and their own count decide."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def share(self) -> float:
        """Evenly from 0 up to, but not, 1."""
        self._drawn += 1
        if self._drawn > MOST_CHOICES:
            raise InputError(f"the prompt makes more than {MOST_CHOICES:,} choices: take some away")
        key = f"sfumato wildcard {self._seed} {self._drawn}".encode()
        return (int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 11) / 2**53

    def below(self, count: int) -> int:
        return int(self.share() * count)


def _picked(variants: _Variants, chance: _Chance) -> Iterator[_Node]:
    """The nodes of the options that chance takes, without taking one twice."""
    count = variants.fewest + chance.below(variants.most - variants.fewest + 1)
    options = list(variants.options)
    for number in range(count):
        if number:
            yield variants.joint
        place = chance.share() * sum(weight for weight, _ in options)
        taken = 0
        while taken < len(options) - 1 and place >= options[taken][0]:
            place -= options[taken][0]
            taken += 1
        yield from options.pop(taken)[1]


# reading ------------------------------------------------------------------------------------------


def _lines(name: str, folder: Path | None) -> Sequence[str]:
    """What a wildcard's file offers, at least one line."""
    if folder is None:
        raise InputError(
            f"the prompt names the wildcard __{name}__, but no folder of wildcards was given "
            rf"(for the word itself write \__{name}__)"
        )
    if name.startswith("/") or ".." in name.split("/"):
        raise InputError(f"the wildcard __{name}__ leads out of the folder of wildcards")
    paths = sorted(folder.glob(f"{name}.txt")) if "*" in name else [folder / f"{name}.txt"]
    if not paths or not all(path.is_file() for path in paths):
        known = sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.txt"))
        told = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        raise InputError(f"{folder} has no {name}.txt for the wildcard __{name}__; it has: {told or 'none'}")
    offered = [line for path in paths for line in _lines_of(path)]
    if not offered:
        raise InputError(f"{paths[0]}: has no line to choose from")
    return offered


def _lines_of(path: Path) -> list[str]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: has more than {LARGEST_FILE >> 20} MB; wildcards are lists of words")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    lines = [line.strip() for line in text.split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True)
class _Brace:
    sign: str
    start: int  # in the list of nodes
    bars: list[int]


def _nodes(text: str) -> _Nodes:
    """Text, wildcards and variants in order. No recursion: braces may be deep."""
    check_text(text)
    out: list[_Node] = []
    braces: list[_Brace] = []
    counts = {"{": 0, "[": 0}
    for match in _SIGNS.finditer(text):
        sign = match[0]
        if match["name"]:
            out.append(_Wildcard(match["name"]))
            continue
        if sign in counts:
            braces.append(_Brace(sign, len(out), []))
            counts[sign] += 1
        elif (
            sign == "|" and braces and braces[-1].sign == "{"
        ):  # in square brackets it takes turns: grammar.py
            braces[-1].bars.append(len(out))
        elif sign in ("}", "]") and counts[opening := "{" if sign == "}" else "["]:
            while (brace := braces.pop()).sign != opening:
                counts[brace.sign] -= 1
            counts[opening] -= 1
            if brace.bars:
                out[brace.start :] = [_variants(out, brace)]
                continue
        out.append(sign)
    return tuple(out)


def _variants(out: Sequence[_Node], brace: _Brace) -> _Variants:
    """What stands between a brace and the end of ``out``."""
    places = [brace.start, *brace.bars, len(out)]
    options = [out[here + 1 : there] for here, there in pairwise(places)]
    fewest, most, joint = 1, 1, ", "
    opening = "".join(_leading_text(options[0]))
    if match := _COUNT.match(opening):
        fewest = int(match["fewest"])
        most = int(match["most"] or fewest)
        joint = joint if match["joint"] is None else match["joint"]
        options[0] = _after(options[0], match.end())
    if not fewest <= most <= min(len(options), MOST_PICKED):
        raise InputError(
            f"'{{{opening[:40]}|...}}' asks for {fewest} to {most} of {len(options)} options; "
            f"it can have no more than there are, and {MOST_PICKED}"
        )
    weighted: list[tuple[float, _Nodes]] = []
    for option in options:
        share = _SHARE.match("".join(_leading_text(option)))
        rest = _after(option, share.end()) if share else option
        weighted.append((float(share["weight"]) if share else 1.0, tuple(rest)))
    if sum(weight for weight, _ in weighted) <= 0:
        raise InputError(f"'{{{opening[:40]}|...}}' gives every option the weight 0")
    return _Variants(tuple(weighted), fewest, most, joint)


def _leading_text(nodes: Sequence[_Node]) -> Iterator[str]:
    """The text before the first choice, or of its first 80 parts: no number is longer."""
    for node in nodes[:80]:
        if not isinstance(node, str):
            return
        yield node


def _after(nodes: Sequence[_Node], length: int) -> Sequence[_Node]:
    """``nodes`` without their first ``length`` letters."""
    for number, node in enumerate(nodes):
        if not isinstance(node, str) or length < len(node):
            return [node[length:], *nodes[number + 1 :]] if isinstance(node, str) else nodes[number:]
        length -= len(node)
    return []
