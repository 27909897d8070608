"""A wish made a request: looks put to its words, its pictures brought, choices made by the seed.

What steers comes as objects, from pictures as they were uploaded, or as the rows of a receipt, whose
pictures were prepared already. All pictures that the request names in the end are kept among the uploads, so
that its own receipt can be posted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from sfumato.errors import InputError
from sfumato.request import LARGEST_SEED, Request
from sfumato.serve.wish import ControlWish, ReferenceWish, RegionWish, Wish
from sfumato.styles.styled import styled
from sfumato.text.wildcards import chosen

if TYPE_CHECKING:
    from sfumato.options import Options
    from sfumato.painter import Painter

ABOUT_A_PICTURE = ("strength", "around", "outpaint")
SERVERS = ("count", "styles", "exact", "deadline")
"""Fields of a wish that its requests do not have."""
ROWS = ("controls", "references", "regions")
OBJECTS = (ControlWish, ReferenceWish, RegionWish)


class Pictures:
    """Where the pictures lie that wishes name: ``find`` gives one by its digest, ``keep`` lays one there."""

    def __init__(
        self, find: Callable[[str], Image.Image | None], keep: Callable[[str, Image.Image], None]
    ) -> None:
        self.find = find
        self.keep = keep

    def opened(self, digest: str) -> Image.Image:
        """The picture. Raises InputError for one that is not here."""
        found = self.find(digest)
        if found is None:
            raise InputError(
                f"no picture {digest[:12]}... is here: upload it (POST /v1/uploads), or name one of the "
                "gallery by its pixels"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The requests of a job, one for each of its pictures, and lines to be told of how they came about."""

    requests: tuple[Request, ...]
    notes: tuple[str, ...]


def check_wish(wish: Wish) -> None:
    """Raise InputError for what no model could draw: objects and rows in one list, a mask on nothing."""
    if wish.picture is None:
        for name in ("mask", *ABOUT_A_PICTURE):
            if getattr(wish, name) is not None:
                raise InputError(f"{name} is about a picture to go on from, and there is none: bring one")
    for name in ROWS:
        each: Sequence[object] = getattr(wish, name)
        made = [isinstance(row, OBJECTS) for row in each]
        if any(made) and not all(made):
            raise InputError(
                f"{name} mixes objects, which are made from a picture, with the rows of a receipt: draw in "
                "two jobs, or give all of them as objects"
            )


def worded(wish: Wish, model: str, *, family: str) -> tuple[Request, tuple[str, ...]]:
    """The request without its pictures, and the notes of its looks. Raises InputError.

    What the wish says goes before what its looks recommend.
    """
    values: dict[str, Any] = {**_said(wish), "model": model}
    if not wish.styles:
        return Request(**values), ()
    look = styled(wish.prompt, wish.negative, wish.styles, family=family)
    sentence = wish.sentence or (wish.prompt if look.prompt != wish.prompt else None)
    values |= {"prompt": look.prompt, "negative": look.negative, "sentence": sentence}
    recommended: dict[str, Any] = look.settings.given()
    said: dict[str, Any] = {**recommended, **values}
    return Request(**said), look.notes


def prepared(wish: Wish, painter: Painter, pictures: Pictures, *, family: str) -> Prepared:
    """All requests of a wish with its seed, for the model that is to draw them. Raises InputError."""
    check_wish(wish)
    first, notes = worded(wish, painter.name, family=family)
    first = with_rows(first, wish)
    for digest in _rows_named(first):
        _lay(digest, painter, pictures)
    brought = _brought(wish, pictures)
    request = painter.request(_chosen(first, first.seed), **brought)
    for digest in pictures_named(request):
        pictures.keep(digest, painter.laid(digest))
    others = [_next(request, first, number) for number in range(1, wish.count)]
    return Prepared(requests=(request, *others), notes=notes)


def with_rows(request: Request, wish: Wish) -> Request:
    """The request with the rows of a receipt, as they are."""
    rows: dict[str, Any] = {name: _of_rows(getattr(wish, name)) for name in ROWS}
    return replace(request, **rows)


def digests_of(wish: Wish) -> tuple[str, ...]:
    """All pictures that a wish names, each once."""
    steering = (*wish.controls, *wish.references)
    areas = [each.area if isinstance(each, RegionWish) else each[0] for each in wish.regions]
    found = [
        *(each for each in (wish.picture, wish.mask) if each is not None),
        *(each.picture if isinstance(each, ControlWish | ReferenceWish) else each[2] for each in steering),
        *(area for area in areas if isinstance(area, str)),
    ]
    return tuple(dict.fromkeys(found))


def _said(wish: Wish) -> dict[str, Any]:
    """What the wish says of fields that a request has, but for pictures and what is about them."""
    without = {*ABOUT_A_PICTURE, *SERVERS, *ROWS, "picture", "mask"}
    names = [each.name for each in fields(Request) if each.name not in without]
    values = {name: getattr(wish, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _of_rows(rows: Iterable[object]) -> tuple[object, ...]:
    return tuple(row for row in rows if not isinstance(row, OBJECTS))


def pictures_named(request: Request) -> tuple[str, ...]:
    """The digests of all pictures that a request speaks of."""
    begun = [each for each in (request.picture, request.mask) if each is not None]
    return tuple(dict.fromkeys((*begun, *_rows_named(request))))


def _rows_named(request: Request) -> tuple[str, ...]:
    rows = [row[2] for row in request.controls] + [row[2] for row in request.references]
    return tuple(dict.fromkeys((*rows, *(area for area, *_ in request.regions if isinstance(area, str)))))


def _lay(digest: str, painter: Painter, pictures: Pictures) -> None:
    """Lay a picture that a row names. Raises InputError for one that is not there pixel for pixel."""
    if painter.bring(pictures.opened(digest)) != digest:
        raise InputError(f"the picture {digest[:12]}... of a row is not what was prepared: give an object")


def _brought(wish: Wish, pictures: Pictures) -> Options:
    """The pictures and objects that steer it, as the painter takes them."""
    said: Options = {}
    if wish.picture is not None:
        said["picture"] = pictures.opened(wish.picture)
        if wish.strength is not None:
            said["strength"] = wish.strength
        if wish.around is not None:
            said["around"] = wish.around
        if wish.outpaint is not None:
            said["outpaint"] = wish.outpaint
    if wish.mask is not None:
        said["mask"] = pictures.opened(wish.mask)
    return _with_objects(said, wish, pictures)


def _with_objects(said: Options, wish: Wish, pictures: Pictures) -> Options:
    from sfumato.steering import control, reference, region

    controls = [each for each in wish.controls if isinstance(each, ControlWish)]
    if controls:
        said["controls"] = [
            control(
                each.kind, pictures.opened(each.picture),
                strength=each.weight, start=each.start, stop=each.stop, network=each.network,
            )
            for each in controls
        ]  # fmt: skip
    references = [each for each in wish.references if isinstance(each, ReferenceWish)]
    if references:
        said["references"] = [
            reference(pictures.opened(each.picture), each.role, strength=each.weight, network=each.network)
            for each in references
        ]
    regions = [each for each in wish.regions if isinstance(each, RegionWish)]
    if regions:
        said["regions"] = [
            region(
                pictures.opened(each.area) if isinstance(each.area, str) else each.area,
                chosen(each.words, _seed(wish)), negative=chosen(each.negative, _seed(wish)), seam=each.seam,
            )
            for each in regions
        ]  # fmt: skip
    return said


def _seed(wish: Wish) -> int:
    if wish.seed is None:
        raise InputError("the seed is not settled: give one")
    return wish.seed


def _chosen(request: Request, seed: int) -> Request:
    """The request with the choices that a seed makes in its words."""
    toward = request.toward
    return replace(
        request,
        seed=seed,
        prompt=chosen(request.prompt, seed),
        negative=chosen(request.negative, seed),
        toward=None if toward is None else (chosen(toward[0], seed), toward[1]),
        regions=tuple(
            (area, chosen(words, seed), chosen(negative, seed), seam)
            for area, words, negative, seam in request.regions
        ),
    )


def _next(request: Request, first: Request, number: int) -> Request:
    """The request of another picture of the job: its seed, and what that chooses in the words."""
    seed = (first.seed + number) % (LARGEST_SEED + 1)
    words = _chosen(first, seed)
    return replace(request, seed=seed, prompt=words.prompt, negative=words.negative, toward=words.toward)
