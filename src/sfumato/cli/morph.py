"""``sfumato morph``: from one sentence or seed to the next, as an animation or a folder of pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sfumato.cli.axes import axis
from sfumato.cli.brought import Files, texts_of
from sfumato.cli.bundles import unbundled
from sfumato.cli.output import try_to_write
from sfumato.cli.steering import Beginning, Steering
from sfumato.cli.walk import Walk
from sfumato.cli.wording import Wording
from sfumato.errors import InputError
from sfumato.files import written_whole
from sfumato.morphing import morphed
from sfumato.request import Request, fresh_seed

if TYPE_CHECKING:
    from sfumato.options import Options
    from sfumato.painter import Painter, Picture

ANIMATED = (".webp", ".gif")
DESCRIPTION = 0x010E  # of EXIF

Prompts = Annotated[list[str], typer.Argument(metavar="PROMPT...", help="One, or those to go over.")]


@dataclass(frozen=True, kw_only=True)
class Film:
    """How many frames, over which seeds, and where they go."""

    frames: Annotated[int, typer.Option(help="How many pictures, first and last among them.")] = 24
    seeds: Annotated[
        str | None, typer.Option(metavar="N,M", help="Seeds to go over, 7,9 or 1-4; one for all prompts.")
    ] = None
    loop: Annotated[
        bool, typer.Option("--loop", help="Come back to the first, so that it goes on without a jump.")
    ] = False
    seconds: Annotated[float, typer.Option(help="How long the animation takes.")] = 3.0
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .webp or .gif, or a folder of PNGs with their recipes.")
    ] = Path("morph.webp")

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600:
            raise InputError(f"{self.seconds} seconds is no time for an animation: above 0, at most 3600")

    def keys(self, prompts: Sequence[str], seed: int | None) -> list[tuple[str, int]]:
        """The prompts and seeds to go over, pair by pair. Raises InputError."""
        if self.seeds is not None and seed is not None:
            raise InputError(f"seed {seed} and seeds {self.seeds}: leave one of them out")
        seeds = [seed if seed is not None else fresh_seed()]
        if self.seeds is not None:
            seeds = [choice.value for choice in axis("seed", self.seeds).choices]
        count = max(len(prompts), len(seeds))
        for what, given in (("prompts", len(prompts)), ("seeds", len(seeds))):
            if given not in (1, count):
                raise InputError(f"{given} {what} for {count} stations: give one for all, or one for each")
        spread = [*prompts] * (count if len(prompts) == 1 else 1)
        return list(zip(spread, seeds * (count if len(seeds) == 1 else 1), strict=True))

    def check_target(self) -> None:
        """Raise InputError for a place that cannot be written to."""
        if self.output.suffix.lower() in ANIMATED:
            try_to_write(self.output)
        elif self.output.suffix:
            raise InputError(f"{self.output}: an animation ends in .webp or .gif; a folder has no ending")
        else:
            try:
                self.output.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{self.output}: cannot be a folder ({error.strerror})") from error


@unbundled
def morph(
    prompts: Prompts,
    *,
    film: Film,
    walk: Walk,
    wording: Wording,
    beginning: Beginning,
    steering: Steering,
    files: Files,
) -> None:
    """Go from one sentence or seed to the next in small steps."""
    if steering.toward or steering.vary:
        raise InputError("morph goes towards prompts and seeds by itself: leave --toward and --vary out")
    brought = files.brought()
    stations = film.keys(prompts, walk.seed)
    keys: list[Request] = []
    notes: list[str] = []
    for prompt, seed in stations:
        worded = wording.worded(prompt, walk.negative, seed, files.model)
        first = Request(
            prompt=wording.chosen(worded.prompt, seed, ""),
            negative=wording.chosen(worded.negative, stations[0][1], ", unwanted"),
            sentence=None if worded.prompt == prompt else prompt,
            seed=seed,
            adapters=brought.adapters,
            model=Request.model if files.model is None else files.model.name,
        )
        keys.append(steering.on(beginning.on(walk.of(first, worded.settings))))
        notes += worded.notes
    frames = morphed(keys, film.frames, loop=film.loop)
    film.check_target()
    painter = brought.painter([*(text for key in keys for text in texts_of(key)), *steering.texts])
    steering.hang(painter)
    for note in dict.fromkeys(notes):
        typer.echo(f"note: {note}", err=True)
    if walk.seed is None and film.seeds is None:
        typer.echo(f"seed {keys[0].seed}, chosen at random; --seed {keys[0].seed} draws the same", err=True)
    pictures = _drawn(
        painter, frames, {**beginning.options(), **steering.options(wording.chosen_by(keys[0].seed))}
    )
    _write(film, pictures)


def _drawn(painter: Painter, frames: Sequence[Request], options: Options) -> list[Picture]:
    """All frames, equal ones drawn once; says what they note."""
    from rich.console import Console

    from sfumato.cli.progress import followed

    console = Console(stderr=True)
    drawn: dict[Request, Picture] = {}
    noted: dict[str, None] = {}
    for number, frame in enumerate(frames, start=1):
        if frame not in drawn:
            request = painter.request(frame, **options)
            drawn[frame] = followed(painter.watch(request), console, f"frame {number} of {len(frames)}")
            noted |= dict.fromkeys(drawn[frame].notes)
    for note in noted:
        typer.echo(f"note: {note}", err=True)
    return [drawn[frame] for frame in frames]


def _write(film: Film, pictures: Sequence[Picture]) -> None:
    if film.output.suffix.lower() not in ANIMATED:
        for number, picture in enumerate(pictures, start=1):
            typer.echo(picture.save(film.output / f"frame-{number:04d}.png"))
        return
    first, *others = (picture.image for picture in pictures)
    milliseconds = max(round(1000 * film.seconds / len(pictures)), 20)  # browsers slow down what is quicker
    told = _described(pictures)
    exif = first.getexif()
    exif[DESCRIPTION] = told
    gif = film.output.suffix.lower() == ".gif"
    kind: dict[str, Any] = {"comment": told.encode()} if gif else {"quality": 90, "exif": exif}
    with written_whole(film.output) as file:
        first.save(
            file,
            "GIF" if gif else "WEBP",
            save_all=True,
            append_images=others,
            duration=milliseconds,
            loop=0,
            **kind,
        )
    typer.echo(film.output)


def _described(pictures: Sequence[Picture]) -> str:
    """The requests of all frames, in ASCII: of each after the first, what differs."""
    first, *others = (json.loads(picture.request.to_json()) for picture in pictures)
    changed = [{name: value for name, value in each.items() if value != first[name]} for each in others]
    return json.dumps({"sfumato": [first, *changed]})
