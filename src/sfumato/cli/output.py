"""Where pictures are written, settled and tried before any of them is drawn."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from sfumato.errors import InputError


def targets(output: Path | None, seeds: Sequence[int]) -> list[Path]:
    """One path for each seed; raises InputError if any cannot be written.

    ``output`` names a file: it is overwritten, and several become a series, cat-1.png, cat-2.png. Or it names
    a folder, or nothing, which is the current one: there they get names that are free, sfumato-SEED.png.
    """
    if output is None or output.is_dir():
        folder = Path() if output is None else output
        paths = [free(folder, f"sfumato-{seed}") for seed in seeds]
    else:
        if output.suffix.lower() != ".png":
            raise InputError(
                f"{output}: pictures are written as PNG, which carries their recipe; end it in .png, "
                "or name a folder that is there"
            )
        stem, suffix = output.stem, output.suffix
        names = [f"{stem}-{number}{suffix}" for number in range(1, len(seeds) + 1)]
        paths = [output] if len(seeds) == 1 else [output.with_name(name) for name in names]
    for path in paths:
        try_to_write(path)
    return paths


def free(folder: Path, stem: str) -> Path:
    """The first of stem.png, stem-2.png, stem-3.png, ... that does not exist."""
    names = itertools.chain([f"{stem}.png"], (f"{stem}-{number}.png" for number in itertools.count(2)))
    return next(path for path in map(folder.joinpath, names) if not path.exists())


def try_to_write(path: Path) -> None:
    """Make, and take away, the file that writing begins with: permissions alone do not tell.

    Raises InputError for a path that cannot be written.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    trial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        trial.open("xb").close()
        trial.unlink()
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
