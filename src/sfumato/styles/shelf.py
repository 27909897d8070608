"""The presets by their names: those of the package, and a folder of one's own before them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from sfumato.errors import InputError
from sfumato.styles.preset import Preset, read_preset

MOST_FILES = 2000


def shelf(folder: str | Path | None = None) -> dict[str, Preset]:
    """Every preset by the name of its file, in alphabetical order; those of ``folder`` go before ours.

    Raises InputError for a folder that is not there, and for a file in it that is no preset.
    """
    found = dict(_packaged())
    if folder is not None:
        found |= _of_folder(Path(folder))
    return dict(sorted(found.items()))


def named(name: str, presets: Mapping[str, Preset]) -> Preset:
    """The preset of a name: its file's, or the one written in it. Raises InputError with what is near."""
    wanted = slug(name)
    if wanted in presets:
        return presets[wanted]
    for preset in presets.values():
        if slug(preset.name) == wanted:
            return preset
    near = difflib.get_close_matches(wanted, presets, n=3, cutoff=0.6)
    near += [key for key, preset in presets.items() if wanted in preset.tags and key not in near][:3]
    hint = f": is it {' or '.join(near)}?" if near else ";"
    raise InputError(f"no style {name!r} among {len(presets)}{hint} `sfumato styles` lists all")


def knowing(family: str, presets: Iterable[Preset]) -> list[Preset]:
    """Those whose words the models of a family know."""
    return [preset for preset in presets if family in preset.works]


def slug(name: str) -> str:
    """A name as its file has it: "Ink Wash" is ink-wash."""
    return "-".join(name.lower().replace("-", " ").replace("_", " ").split())


@cache
def _packaged() -> Mapping[str, Preset]:
    return _of_folder(Path(__file__).parent)


def _of_folder(folder: Path) -> dict[str, Preset]:
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name one that holds presets, NAME.toml")
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise InputError(f"{folder}: holds no presets; one is a file NAME.toml, see docs/control/words.md")
    if len(files) > MOST_FILES:
        raise InputError(f"{folder}: holds {len(files)} presets; at most {MOST_FILES} are read")
    return {slug(file.stem): read_preset(file) for file in files}
