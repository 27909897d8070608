"""What a request says of parts of the picture: words, unwanted words and adapters of their own.

Two ways to heed them. By blend every region is guided by itself and the answers are mixed place by place
(``diffusion/guidance/regional.py``): exact, and each region costs rows of its own. By attention all regions
share the rows, and each place attends to its region's words (``adapters/regional.py``): cheap, and looser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.guidance.regional import APART, layered, regional
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Conditioning, Guide, Level, Region
from sfumato.engine.areas import area_mask
from sfumato.engine.continuing import Pictures
from sfumato.engine.dressing import NOTHING, Dress
from sfumato.engine.guide_tree import listing_of, tree, wanted_guide
from sfumato.engine.guides import Asked
from sfumato.engine.question import Encode
from sfumato.engine.staged import (
    Asking,
    Stages,
    Telling,
    asking_once,
    check_stages,
    retold,
    staged,
    stages_asked,
)
from sfumato.engine.wish import Wish, Wishes, wishes
from sfumato.errors import InputError
from sfumato.families.model import Encoded, Model
from sfumato.request import Request


class Placed(NamedTuple):
    """What is wished for in one region, and where that is: ``mask`` (1, 1, h, w) at the latent's size."""

    called: str
    mask: Tensor
    wished: Wishes


class Regions(NamedTuple):
    """All regions of a request, the first undermost, and how they are heeded."""

    placed: tuple[Placed, ...] = ()
    by: str = Request.regions_by

    def check(self, prediction: Prediction, levels: Sequence[Level], *, sees: bool) -> None:
        """Raise InputError for guides that cannot be made, before anything is asked for them."""
        for each in self.placed:
            check_stages(each.wished.stages, prediction, levels, sees=sees)


def placed_wishes(
    request: Request, size: tuple[int, int], model: Model, pictures: Pictures
) -> tuple[Wishes, Regions]:
    """What the request wishes for in all of a picture of ``size``, and in its regions.

    Texts, notes and adapters of the first are those of the regions too. Raises InputError for areas too small
    for the latent, masks that are not here, and what attention cannot do.
    """
    whole = wishes(request, size)
    if not request.regions:
        return whole, Regions()
    latent = model.blank(size)
    placed: list[Placed] = []
    for number, (area, words, negative, seam) in enumerate(request.regions, start=1):
        alone = replace(request, prompt=words, negative=negative or request.negative, toward=None, regions=())
        called = f"region {number} ({words.strip()[:40]!r})"
        try:
            mask = area_mask(area, seam, latent, size=size, masks=pictures)
            placed.append(Placed(called, mask, wishes(alone, size)))
        except InputError as error:
            raise InputError(f"{called}: {error}") from error
    if request.regions_by == "attention":
        _check_attention(whole, placed)
    own = len(request.adapters)
    return (
        Wishes(
            whole.stages,
            tuple(dict.fromkeys(text for each in (whole, *_wished(placed)) for text in each.texts)),
            tuple(dict.fromkeys((*whole.notes, *_notes(whole, placed)))),
            (*whole.adapters, *(worn for each in _wished(placed) for worn in each.adapters[own:])),
        ),
        Regions(tuple(placed), request.regions_by),
    )


def _wished(placed: Sequence[Placed]) -> list[Wishes]:
    return [each.wished for each in placed]


def _check_attention(whole: Wishes, placed: Sequence[Placed]) -> None:
    """Raise InputError for what rows that are shared cannot have: adapters and guides of one region alone."""
    guidance = {wish.guidance for _, wish in whole.stages}
    for each in placed:
        if [wish for _, wish in each.wished.stages if wish.guidance not in guidance]:
            raise InputError(
                f"{each.called} joins texts by AND, which guides by itself; by attention all regions share a "
                "guide: take regions by blend"
            )
        if set(each.wished.adapters) - set(whole.adapters):
            raise InputError(
                f"{each.called} names an adapter, and by attention all regions share a network: "
                "name it in the prompt, for all of the picture, or take regions by blend"
            )


def _notes(whole: Wishes, placed: Sequence[Placed]) -> Iterator[str]:
    """A line for every region, and for the prompt itself, that is not seen, or hardly."""
    for each in placed:
        yield from (f"{each.called}: {note}" for note in each.wished.notes if note not in whole.notes)
    *shares, rest = (float(share.max()) for share in layered([each.mask for each in placed]))
    for each, most in zip(placed, shares, strict=True):
        if not most:
            yield f"{each.called} has no effect: later regions cover it"
        elif most < 0.5:
            yield f"{each.called} is nowhere followed by more than {most:.0%}: its seam is wider than itself"
    if not rest:
        yield "the regions cover all of the picture: the prompt's own words are followed nowhere"


def regions_asked(
    stages: Stages,
    regions: Regions,
    prediction: Prediction,
    levels: Sequence[Level],
    *,
    dress: Dress = NOTHING,
) -> Asking:
    """Ask for all that the guides of the whole and of its regions need, and make one guide of them.

    ``stages`` are those of the whole picture. Regions are not drawn apart where rows wear what lies upon the
    picture. Raises InputError as ``stages_asked`` does.
    """
    if not regions.placed:
        return (yield from stages_asked(stages, prediction, levels, dress=dress))
    if regions.by == "attention":
        return (yield from _by_attention(stages, regions.placed, prediction, levels, dress=dress))
    known: dict[Encode, object] = {}
    whole = yield from asking_once(stages_asked(stages, prediction, levels, dress=dress), known)
    found: list[Asked] = []
    for each in regions.placed:
        asking = stages_asked(each.wished.stages, prediction, levels, dress=dress)
        asked = yield from asking_once(asking, known)
        notes = (f"{each.called}: {note}" for note in asked.notes if note not in whole.notes)
        found.append(asked._replace(notes=tuple(notes)))
    parts = [(asked.guide, each.mask) for asked, each in zip(found, regions.placed, strict=True)]
    apart = 0.0 if dress.beside is not None or dress.controls else APART
    return _together(regional(parts, whole.guide, apart=apart), [whole, *found])


def _together(guide: Guide, asked: Sequence[Asked]) -> Asked:
    return Asked(
        guide,
        tuple(dict.fromkeys(note for each in asked for note in each.notes)),
        any(each.renoises for each in asked),
        tuple(dict.fromkeys(word for each in asked for word in each.words)),
    )


# by attention -------------------------------------------------------------------------------------


def _by_attention(
    stages: Stages,
    placed: Sequence[Placed],
    prediction: Prediction,
    levels: Sequence[Level],
    *,
    dress: Dress,
) -> Asking:
    """One guide for every stage of the whole or of a region, whose rows tell the words of all regions."""
    known: dict[Encode, object] = {}
    made: dict[tuple[Wish, ...], Asked] = {}
    turns = list(_in_step([stages, *(each.wished.stages for each in placed)]))
    for _, (wish, *others) in turns:
        if (wish, *others) not in made:
            there = [(each, other) for each, other in zip(placed, others, strict=True)]
            asking = stages_asked([(0, wish)], prediction, levels, dress=dress)
            made[wish, *others] = yield from asking_once(_worded(asking, wish, there), known)
    guide = staged([(first, made[current].guide) for first, current in turns], levels)
    return _together(guide, list(made.values()))


def _in_step(talks: Sequence[Stages]) -> Iterator[tuple[int, tuple[Wish, ...]]]:
    """The first step of each stage of any of them, with what all wish for from there."""
    for first in sorted({first for stages in talks for first, _ in stages}):
        yield first, tuple([wish for start, wish in stages if start <= first][-1] for stages in talks)


def _worded(asking: Asking, wish: Wish, there: Sequence[tuple[Placed, Wish]]) -> Asking:
    """The same talk, in which the answer to each text of ``wish`` tells those of the regions beside it."""
    one_sided = any(listing_of(each) is GUIDES["nag"] for each in tree(wanted_guide(wish)))
    placed = [each for each, _ in there]

    def told(questions: Sequence[Encode]) -> Telling:
        theirs = [
            [] if one_sided and each.wording.unwanted else _theirs(each, wish, there) for each in questions
        ]
        asked = list(dict.fromkeys([*questions, *(each for row in theirs for each in row)]))
        read: dict[Encode, Encoded] = dict(zip(asked, (yield asked), strict=True))
        return [
            _joined(read[each], [(place, read[other]) for place, other in zip(placed, row, strict=False)])
            for each, row in zip(questions, theirs, strict=True)
        ]

    return retold(asking, told)


def _theirs(asked: Encode, wish: Wish, there: Sequence[tuple[Placed, Wish]]) -> list[Encode]:
    """What each region says where the whole says this; what plays no part in ``wish`` all say alike."""
    wording = asked.wording

    def text(own: Wish) -> str:
        if wording.unwanted:
            return own.negative if wording.text == wish.negative else wording.text
        return own.prompt if wording.text == wish.prompt else wording.text

    return [Encode(replace(wording, text=text(own))) for _, own in there]


def _joined(whole: Encoded, parts: Sequence[tuple[Placed, Encoded]]) -> Encoded:
    """A text with the texts of the regions behind it."""
    told = [(each.mask, read.conditioning) for each, read in parts]
    notes = (
        f"{each.called}: {note}" for each, read in parts for note in read.notes if note not in whole.notes
    )
    words = (word for _, read in parts for word in read.words)
    return Encoded(
        side_by_side(whole.conditioning, told),
        tuple(dict.fromkeys((*whole.notes, *notes))),
        tuple(dict.fromkeys((*whole.words, *words))),
    )


def side_by_side(whole: Conditioning, parts: Sequence[tuple[Tensor, Conditioning]]) -> Conditioning:
    """The tokens of all, one behind the other; each mask says where those of its part are attended to.

    All else is that of the whole.
    """
    if not parts:
        return whole
    told = [whole, *(part for _, part in parts)]
    regions: list[Region] = []
    start = whole.context.shape[1]
    for mask, part in parts:
        stop = start + part.context.shape[1]
        regions.append(Region(mask, start, stop))
        start = stop
    masks = None if all(each.mask is None for each in told) else torch.cat([_seen(each) for each in told], 1)
    later = [(mask, part.later.conditioning) for mask, part in parts if part.later is not None]
    return replace(
        whole,
        context=torch.cat([each.context for each in told], dim=1),
        mask=masks,
        regions=tuple(regions),
        later=whole.later
        and replace(whole.later, conditioning=side_by_side(whole.later.conditioning, later)),
    )


def _seen(told: Conditioning) -> Tensor:
    """Which of its tokens may be attended to: all, where it does not say."""
    if told.mask is not None:
        return told.mask
    return torch.ones(told.context.shape[:2], dtype=torch.bool, device=told.context.device)
