"""What becomes of the words that a person typed before they are drawn: looks, expansion, choices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from sfumato.cli.steering import Chosen
from sfumato.words.known import known_of


class Worded(NamedTuple):
    """The words that are drawn, what the looks recommend, and lines to be told."""

    prompt: str
    negative: str
    settings: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Options that change the words."""

    style: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A look of `sfumato styles`; repeatable.")
    ] = None
    style_folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Looks of your own: NAME.toml.")
    ] = None
    expand: Annotated[
        bool, typer.Option("--expand", help="Make a whole sentence of a vague wish, and show it.")
    ] = False
    expand_by: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Let an OpenAI-compatible chat endpoint expand it; never else."),
    ] = None
    wildcards: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder with NAME.txt for each __NAME__ of the prompt."),
    ] = None

    def worded(self, prompt: str, negative: str, seed: int, model: Path | None) -> Worded:
        """The words after expansion and looks, for a ``model`` that is to draw them."""
        notes: tuple[str, ...] = ()
        if self.expand or self.expand_by:
            prompt, notes = self._expanded(prompt, seed, model)
        if not self.style:
            return Worded(prompt, negative, {}, notes)
        from sfumato.styles.styled import styled

        family = known_of(model).family
        look = styled(prompt, negative, self.style, self.style_folder, family=family)
        return Worded(look.prompt, look.negative, look.settings.given(), (*notes, *look.notes))

    def _expanded(self, prompt: str, seed: int, model: Path | None) -> tuple[str, tuple[str, ...]]:
        """The full sentence of a vague wish, which is shown, and why it became that."""
        from sfumato.words.chat import configured
        from sfumato.words.expand import expanded

        known = known_of(model)
        how = configured(self.expand_by)
        found = expanded(prompt, seed, how, family=known.family, lexicon=known.lexicon)
        if found.sentence != prompt:
            typer.echo(f"expanded: {found.sentence}", err=True)
        return found.sentence, found.why

    def chosen_by(self, seed: int) -> Chosen:
        """``chosen`` of this seed."""
        return lambda text, what: self.chosen(text, seed, what)

    def chosen(self, text: str, seed: int, what: str) -> str:
        """The text with the choices that a seed makes, which are shown."""
        from sfumato.text.wildcards import chosen

        found = chosen(text, seed, self.wildcards)
        if found != text:
            typer.echo(f"seed {seed} chose{what}: {found}", err=True)
        return found
