"""Options in bundles: a verb takes frozen dataclasses, and the command line sees an option for each field.

So verbs that share options share a class, and none has a parameter for every option there is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def unbundled(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb as typer wants it: one keyword-only parameter for each field of each bundle it takes.

    Raises ValueError for two options of one name.
    """
    kinds = get_type_hints(verb, include_extras=True)
    taken = inspect.signature(verb).parameters
    bundles = {name: kinds[name] for name in taken if is_dataclass(kinds[name])}
    flat = [taken[name].replace(annotation=kinds[name]) for name in taken if name not in bundles]
    flat += [option for bundle in bundles.values() for option in _options(bundle)]
    if len({option.name for option in flat}) < len(flat):
        raise ValueError(f"{verb.__name__} has two options of one name")

    @wraps(verb)
    def flattened(**values: Any) -> None:  # noqa: ANN401  (whatever typer read)
        for name, bundle in bundles.items():
            values[name] = bundle(**{field.name: values.pop(field.name) for field in fields(bundle)})
        verb(**values)

    flattened.__signature__ = inspect.Signature(flat)  # pyright: ignore[reportAttributeAccessIssue]
    flattened.__annotations__ = {option.name: option.annotation for option in flat}
    del flattened.__wrapped__  # pyright: ignore[reportAttributeAccessIssue]  (its signature is another)
    return flattened


def _options(bundle: Any) -> Iterator[inspect.Parameter]:  # noqa: ANN401  (a dataclass, which has no type)
    kinds = get_type_hints(bundle, include_extras=True)
    for field in fields(bundle):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kinds[field.name]
        )
