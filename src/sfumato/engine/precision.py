"""In which precision a model is loaded, as people say it: ``[NAME=]FILE[:bfloat16]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sfumato.errors import InputError
from sfumato.families.loading import DTYPES


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model on the shelf: the name that requests call it, where it lies, and its precision.

    ``dtype`` None is the usual: float32 on a CPU, the stored half precision elsewhere.
    """

    name: str
    path: Path
    dtype: str | None = None


def check_precision(dtype: str | None, device: str) -> None:
    """Raise InputError for a precision that there is not, or that this device is hopelessly slow in.

    A CPU multiplies float16 without instructions for it: 0.3 GFLOP/s in a convolution and 0.6 in a product of
    matrices, where float32 had 35 and 95, and bfloat16 200 (torch 2.13, one AMD EPYC core with AVX-512).
    """
    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"precision {dtype!r} cannot be drawn with: there are {', '.join(DTYPES)}")
    if dtype == "float16" and device == "cpu":
        raise InputError(
            "float16 on a CPU is over a hundred times slower than float32: take bfloat16, which needs as "
            "little memory, or leave the precision out"
        )


def model_file(text: str, *, device: str = "cpu") -> ModelFile:
    """What ``[NAME=]FILE[:PRECISION]`` says; a model without a name is called as its file.

    What exists is taken at its word, whatever is in its name: colons, drive letters, equals signs. Raises
    InputError for a file that is absent, a name that is empty, and as ``check_precision``.
    """
    name, equals, rest = text.partition("=")
    found = _placed(text) or (_placed(rest) if equals else None)
    if found is None:
        raise InputError(
            f"--model {text}: no such file or folder; write [NAME=]FILE or [NAME=]FILE:PRECISION, with a "
            f"precision of {', '.join(DTYPES)}"
        )
    path, dtype = found
    named = bool(equals) and not _placed(text)
    if named and not name.strip():
        raise InputError(f"--model {text}: there is no name before the =: write NAME=FILE, or FILE alone")
    check_precision(dtype, device)
    return ModelFile(name=name.strip() if named else path.name, path=path, dtype=dtype)


def _placed(text: str) -> tuple[Path, str | None] | None:
    """The path that exists, and what follows its last colon; None if there is none."""
    before, colon, after = text.rpartition(":")
    for place, dtype in ((text, None), (before, after)) if colon else ((text, None),):
        if place and Path(place).exists():
            return Path(place), dtype
    return None
