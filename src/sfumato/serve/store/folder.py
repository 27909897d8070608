"""The gallery's folder: where pictures lie, and that nothing lies anywhere else.

    gallery.sqlite                       jobs and pictures, unless --database names another place
    pictures/2026/11/21/JOB-0.png        by the day on which the job was accepted, each with its receipt
    thumbnails/ab/PICTURE.webp           made when one is asked for
    uploads/ab/DIGEST.png                what clients brought
    lost/                                what ``sfumato gallery check --mend`` could not place

All names are made of ids and digests, never of what a client wrote. Files are there whole or not at all, and
on the disk before the database tells of them. A link inside the folder that leads out of it is not followed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from PIL import Image

from sfumato.errors import InputError
from sfumato.files import written_whole
from sfumato.serve.store.ids import is_id
from sfumato.serve.store.locking import Lock
from sfumato.serve.store.records import Kept

DATABASE, LOCK = "gallery.sqlite", "gallery.lock"
PICTURES, THUMBNAILS, UPLOADS, LOST = "pictures", "thumbnails", "uploads", "lost"
SIDE = 320  # pixels of a thumbnail's longer side
QUALITY = 80


class Saved(Protocol):
    """A drawn picture that can write itself: ``painter.Picture``."""

    def save(self, path: str | Path) -> Path: ...


class Written(NamedTuple):
    """A picture's file: relative to the gallery, and its bytes; what ``Kept`` wants."""

    file: str
    size: int


class Folder:
    """A gallery's folder, made if it is not there. Raises InputError where it cannot be used."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()
        self._lock: Lock | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._root = self.path.resolve(strict=True)
        except OSError as error:
            raise InputError(f"{path}: is no folder to keep pictures in ({error.strerror})") from error

    @property
    def database(self) -> str:
        """The URL of the gallery's own database."""
        return f"sqlite:///{self.path / DATABASE}"

    def lock(self) -> None:
        """Be the only server here until ``unlock`` or the process's end; InputError names another one."""
        if self._lock is None:
            self._lock = Lock(self.path / LOCK, f"the gallery {self.path}")

    def is_locked(self) -> bool:
        """Whether another server is at work here."""
        if self._lock is not None:
            return False
        try:
            Lock(self.path / LOCK, "").close()
        except InputError:
            return True
        return False

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # pictures ------------------------------------------------------------------------------------

    def picture_path(self, job: str, index: int, created: float) -> Path:
        """Where picture ``index`` of a job lies that was ``created`` then; the same when drawn again."""
        if not is_id(job):
            raise ValueError(f"job id {job!r} is not of fresh_id")
        day = datetime.fromtimestamp(created, UTC)
        return self.path / PICTURES / f"{day:%Y/%m/%d}" / f"{job}-{index}.png"

    def write(self, picture: Saved, *, job: str, index: int, created: float) -> Written:
        """Write a picture with its receipt, whole and on the disk when this returns. InputError."""
        path = self._writable(self.picture_path(job, index, created))
        picture.save(path)
        _on_disk(path.parent)
        return Written(path.relative_to(self.path).as_posix(), path.stat().st_size)

    def file(self, kept: Kept) -> Path:
        """Where a picture lies. InputError for a row that names a place outside the gallery."""
        return self._inside(self.path / kept.file)

    def read(self, kept: Kept) -> bytes:
        """A picture's file; InputError where it is not there any more."""
        try:
            return self.file(kept).read_bytes()
        except OSError as error:
            raise InputError(
                f"picture {kept.id}: its file {kept.file} cannot be read ({error.strerror}); "
                "`sfumato gallery check` finds what else is amiss"
            ) from error

    def remove(self, kept: Kept) -> None:
        """Remove a picture's file and its thumbnail, if they are there."""
        self.file(kept).unlink(missing_ok=True)
        self._inside(self.thumbnail_path(kept.id)).unlink(missing_ok=True)

    # thumbnails ----------------------------------------------------------------------------------

    def thumbnail_path(self, id: str) -> Path:  # noqa: A002 - what it is called everywhere
        if not is_id(id):
            raise ValueError(f"picture id {id!r} is not of fresh_id")
        return self.path / THUMBNAILS / id[-2:] / f"{id}.webp"

    def thumbnail(self, kept: Kept) -> bytes:
        """A small WebP of the picture, made when first asked for. InputError where the picture is gone."""
        path = self._inside(self.thumbnail_path(kept.id))
        with contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        picture = self.file(kept)
        try:
            with Image.open(picture, formats=["PNG"]) as image:
                return self._keep_thumbnail(path, image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            raise InputError(
                f"picture {kept.id}: its file {kept.file} cannot be read; `sfumato gallery check` says more"
            ) from error

    def _keep_thumbnail(self, path: Path, image: Image.Image) -> bytes:
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        with written_whole(self._writable(path)) as file:
            image.save(file, "WEBP", quality=QUALITY)
        return path.read_bytes()

    # uploads -------------------------------------------------------------------------------------

    def upload_path(self, digest: str) -> Path:
        if re.fullmatch("[0-9a-f]{64}", digest) is None:
            raise ValueError(f"digest {digest[:80]!r} is not 64 hexadecimal digits")
        return self.path / UPLOADS / digest[:2] / f"{digest}.png"

    def keep_upload(self, digest: str, png: bytes) -> Path:
        """Keep what a client brought, as a PNG of ours, under its digest."""
        path = self._writable(self.upload_path(digest))
        with written_whole(path) as file:
            file.write(png)
        _on_disk(path.parent)
        return path

    def upload(self, digest: str) -> Path | None:
        """Where an upload lies; None where there is none of this digest."""
        path = self._inside(self.upload_path(digest))
        return path if path.is_file() else None

    # all of it -----------------------------------------------------------------------------------

    def walk(self, part: str) -> Iterator[Path]:
        """Every file of a part of the gallery, hidden ones too; links are given, and not followed."""
        if (top := self.path / part).is_symlink():
            yield top
            return
        for place, folders, names in os.walk(top, followlinks=False):
            within = Path(place)
            yield from (within / name for name in sorted(names))
            yield from (within / name for name in sorted(folders) if (within / name).is_symlink())

    def move(self, path: Path, *, job: str, index: int, created: float) -> Path:
        """Bring a picture to where it belongs, unless another lies there: then to a free index."""
        target = self._writable(self.picture_path(job, index, created))
        while target.exists() and target != path:
            index += 1
            target = self.picture_path(job, index, created)
        path.replace(target)
        _on_disk(target.parent)
        return target

    def lose(self, path: Path) -> Path:
        """Move a file to ``lost/``, where it takes no other's place."""
        target = self._writable(self.path / LOST / path.name)
        number = 1
        while target.is_symlink() or target.exists():
            number += 1
            target = target.with_name(f"{path.stem}-{number}{path.suffix}")
        return path.replace(target)

    def _inside(self, path: Path) -> Path:
        """The path, if what it leads to is in the gallery."""
        if not path.resolve().is_relative_to(self._root):
            raise InputError(f"{path} leads out of the gallery {self.path}: remove that link")
        return path

    def _writable(self, path: Path) -> Path:
        """The path, its folder made."""
        self._inside(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{path.parent}: cannot be made ({error.strerror}); free it, or room") from error
        return path


def _on_disk(folder: Path) -> None:
    """A file's name is in its folder, which has a way to the disk of its own."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
