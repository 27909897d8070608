"""How a person names a thing on a shelf, with its options: ``ddim``, ``ddim(eta=0.5)``, ``DPM++ 2M Karras``.

The same text stands in Python, on the command line, in a request's JSON and in a picture's recipe.
"""

from __future__ import annotations

import ast
import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, cast

from sfumato.errors import InputError

Value: TypeAlias = "float | str | tuple[Value, ...] | Named"
Bound: TypeAlias = "float | str | tuple[Value, ...] | None"

LONGEST, LARGEST = 2000, 10**30


@dataclass(frozen=True)
class Named:
    """A name, the values after it in their order, and the options by their names."""

    name: str
    values: tuple[Value, ...] = ()
    options: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        inside = [_spelt(value) for value in self.values]
        inside += [f"{name}={_spelt(value)}" for name, value in self.options]
        return f"{self.name}({', '.join(inside)})" if inside else self.name


def named(text: str) -> Named:
    """Read ``name(value, option=value)``; raises InputError for what is not written so.

    Values are numbers, text in quotes, lists of values in brackets, true, false, or named things again. A
    single word without quotes is read as a named thing: whoever takes words takes that too.
    """
    name, bracket, rest = text.strip().partition("(")
    name, closed = name.strip(), rest.endswith(")") if bracket else ")" not in name
    if not name or not closed or len(text) > LONGEST:
        raise InputError(
            f"{text[:80]!r} is not a name, or a name with options in brackets, such as ddim(eta=0.5)"
        )
    unreadable = f"the options of {text[:80]!r} cannot be read; write, for instance, (eta=0.5)"
    try:
        with warnings.catch_warnings(action="ignore"):
            call = ast.parse(f"_({rest[:-1]})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(unreadable) from error
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):  # "x)(y"
        raise InputError(unreadable)
    return _named(name, call, text[:80])


def options_of(function: Callable[..., object], wanted: Named, what: str) -> dict[str, Bound]:
    """The options in the brackets as ``function`` takes them; InputError for one that it does not.

    Its options are its keyword-only parameters; their annotations tell what they take. Words need no quotes,
    and ``none`` is None where that is taken. Numbers must be finite.
    """
    known = {
        name: str(parameter.annotation)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    there_are = f"it has {', '.join(known)}" if known else "it has none"
    if wanted.values:
        first = _spelt(wanted.values[0])
        raise InputError(f"{what} {wanted.name} takes options by name only, not {first}: {there_are}")
    for name, _ in wanted.options:
        if name not in known:
            raise InputError(f"{what} {wanted.name} has no option {name!r}: {there_are}")
    return {
        name: _bound(value, known[name], f"{name} of {what} {wanted.name}") for name, value in wanted.options
    }


def options_told(function: Callable[..., object]) -> dict[str, str]:
    """What may stand in the brackets, with what holds if it does not; "..." where something must stand."""
    parameters = inspect.signature(function).parameters.values()
    return {
        each.name: "..." if each.default is each.empty else _spelt_default(each.default)
        for each in parameters
        if each.kind is each.KEYWORD_ONLY and str(each.annotation).removesuffix(" | None") in KINDS
    }


def _spelt_default(value: object) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _bound(value: Value, annotation: str, called: str) -> Bound:
    taken = KINDS.get(annotation.removesuffix(" | None"))
    if taken is None:
        raise InputError(f"{called} cannot be written as text: leave it out")
    absent = annotation.endswith(" | None")
    if absent and value == Named("none"):
        return None
    if taken.fits is _word and isinstance(value, Named) and value == Named(value.name):
        return value.name  # a word without its quotes
    if isinstance(value, Named) or not taken.fits(value):
        raise InputError(f"{called} is {taken.said}{' or none' * absent}, not {_spelt(value)}")
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, float) and not math.isfinite(number):
            raise InputError(f"{called} is {number}: it must be finite")
    return float(value) if taken is KINDS["float"] and isinstance(value, int) else value


class Kind(NamedTuple):
    """What an option of one annotation takes."""

    said: str
    fits: Callable[[Value], bool]


def _number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _truth(value: Value) -> bool:
    return isinstance(value, bool)


def _word(value: Value) -> bool:
    return isinstance(value, str)


def _some_whole(value: Value) -> bool:
    return isinstance(value, tuple) and bool(value) and all(map(_whole, cast("tuple[Value, ...]", value)))


def _two_numbers(value: Value) -> bool:
    return isinstance(value, tuple) and [*map(_number, cast("tuple[Value, ...]", value))] == [True, True]


KINDS = {
    "bool": Kind("true or false", _truth),
    "int": Kind("a whole number", _whole),
    "float": Kind("a number", _number),
    "str": Kind("a word", _word),
    "Iterable[int]": Kind("a list of whole numbers such as [2]", _some_whole),
    "tuple[float, float]": Kind("a list of two numbers", _two_numbers),
}
"""By the annotation of a parameter, without its ``| None``."""


def _named(name: str, call: ast.Call, text: str) -> Named:
    options: list[tuple[str, Value]] = []
    for keyword in call.keywords:
        if keyword.arg is None:
            raise InputError(f"the options of {text!r} cannot be read; write, for instance, (eta=0.5)")
        if keyword.arg in dict(options):
            raise InputError(f"{text!r} says {keyword.arg} twice; leave one of them out")
        options.append((keyword.arg, _value(keyword.value, text)))
    return Named(name, tuple(_value(argument, text) for argument in call.args), tuple(options))


def _value(node: ast.expr, text: str) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            if isinstance(node.value, int) and node.value > LARGEST:
                raise InputError(f"a number in {text!r} has more than 30 digits")
            return node.value  # pyright: ignore[reportReturnType] - narrowed by the pattern
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return -cast("float", _value(node.operand, text))
        case ast.Name(id="true" | "false"):
            return node.id == "true"
        case ast.Name():
            return Named(node.id)
        case ast.List() | ast.Tuple():
            return tuple(_value(element, text) for element in node.elts)
        case ast.Call(func=ast.Name()):
            return _named(node.func.id, node, text)  # pyright: ignore
        case _:
            raise InputError(f"in {text!r} stands what is no number, quoted text, list, or named thing")


def _spelt(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_spelt, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return repr(value) if isinstance(value, str) else str(value)
