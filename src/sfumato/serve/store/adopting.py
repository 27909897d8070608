"""A picture that lies in the gallery and that no row tells of, taken in again by its receipt."""

from __future__ import annotations

import json
import time
from pathlib import Path

from PIL import Image

from sfumato.errors import InputError
from sfumato.provenance.recipe import Recipe, pixel_digest, read_recipe
from sfumato.serve.store import gallery, jobs
from sfumato.serve.store.folder import Folder
from sfumato.serve.store.ids import fresh_id
from sfumato.serve.store.records import Job, Kept
from sfumato.serve.store.store import Store

LOCAL = "local"  # who pictures belong to of which nobody knows who asked for them


def adopted(store: Store, folder: Folder, path: Path, *, job: str | None, index: int) -> Kept | None:
    """Take the picture in, under our own name for it; None where it carries no receipt of these pixels.

    ``job`` and ``index`` are what its name says, if that is one of ours. A job that the database does not
    know is made from the receipt, as one that is done.
    """
    found = _proven(path)
    if found is None:
        return None
    recipe, size = found
    written = min(path.stat().st_mtime, time.time())
    whose = _job(store, job, recipe, written)
    target = folder.move(path, job=whose.id, index=index, created=whose.created)
    request = recipe.request
    kept = Kept(
        id=fresh_id(written), job=whose.id, client=whose.client,
        file=target.relative_to(folder.path).as_posix(), pixels=recipe.pixels,
        request=json.loads(request.to_json()), prompt=request.prompt, negative=request.negative,
        model=request.model, seed=request.seed, width=size[0], height=size[1],
        size=target.stat().st_size, created=written,
    )  # fmt: skip
    with store.database.writing() as connection:
        gallery.adopt(connection, kept, place=index)
    return kept


def _proven(path: Path) -> tuple[Recipe, tuple[int, int]] | None:
    """The receipt and the picture's size, if the receipt is of these pixels."""
    try:
        recipe = read_recipe(path)
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            return (recipe, image.size) if pixel_digest(image) == recipe.pixels else None
    except (InputError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _job(store: Store, name: str | None, recipe: Recipe, written: float) -> Job:
    """The job that drew it: as the database knows it, or made from the receipt."""
    with store.database.writing() as connection:
        known = None if name is None else jobs.any_job(connection, name)
        if known is not None:
            return known
        wish = {
            key: value for key, value in json.loads(recipe.request.to_json()).items() if value is not None
        }
        made = Job(
            id=name or fresh_id(written), client=LOCAL, state="done", wish=wish, created=written,
            started=written, ended=written, attempts=1,
        )  # fmt: skip
        jobs.adopt(connection, made)
        return made
