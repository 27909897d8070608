"""Between two prompts: what the network is told lies some of the way from one sentence to another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Conditioning
from sfumato.engine.question import Encode
from sfumato.engine.staged import Asking, Telling, retold
from sfumato.errors import InputError
from sfumato.families.model import Encoded
from sfumato.text.grammar import parse


def check_toward(prompt: str) -> None:
    """Raise InputError for a prompt that changes on the way, joins sentences, or wears adapters."""
    found = parse(prompt)
    if len(found.branches) > 1 or found.adapters or any(found.edits()):
        raise InputError(
            f"toward {prompt[:60]!r}: it is one plain sentence, without AND, [..] or adapters, which belong "
            "in the prompt itself"
        )


def leaning(asking: Asking, prompts: Collection[str], toward: tuple[str, float]) -> Asking:
    """The same talk, in which each of ``prompts`` is answered as it stands on the way to another sentence."""
    other, share = toward

    def told(questions: Sequence[Encode]) -> Telling:
        leans = [each for each in questions if each.wording.text in prompts and not each.wording.unwanted]
        ends = [Encode(replace(each.wording, text=other)) for each in leans]
        asked = list(dict.fromkeys([*questions, *ends]))
        found: dict[Encode, Encoded] = dict(zip(asked, (yield asked), strict=True))
        mixed = {
            each: _between(found[each], found[end], share) for each, end in zip(leans, ends, strict=True)
        }
        return [mixed[each] if each in mixed else found[each] for each in questions]

    return retold(asking, told)


def _between(here: Encoded, there: Encoded, share: float) -> Encoded:
    notes = dict.fromkeys(
        (*here.notes, *(f"toward: {note}" for note in there.notes if note not in here.notes))
    )
    words = dict.fromkeys((*here.words, *there.words))
    return Encoded(between(here.conditioning, there.conditioning, share), tuple(notes), tuple(words))


def between(here: Conditioning, there: Conditioning, share: float) -> Conditioning:
    """A conditioning this share of the way, 0 to 1, from one to the other; an end is that end itself.

    Vectors go in a straight line, token by token. The shorter of two contexts goes on as it ends, and a token
    is attended to if either sentence has one in its place.
    """
    if share in (0, 1):
        return there if share else here
    length = max(here.context.shape[1], there.context.shape[1])
    mask = None
    if here.mask is not None and there.mask is not None:
        mask = _longer_mask(here.mask, length) | _longer_mask(there.mask, length)
    vector = here.vector
    if vector is not None and there.vector is not None:
        vector = torch.lerp(vector, there.vector, share)
    later = here.later
    if later is not None and there.later is not None:
        later = replace(later, conditioning=between(later.conditioning, there.later.conditioning, share))
    context = torch.lerp(_longer(here.context, length), _longer(there.context, length), share)
    return replace(here, context=context, mask=mask, vector=vector, later=later)


def _longer(context: Tensor, length: int) -> Tensor:
    missing = length - context.shape[1]
    return torch.cat([context, context[:, -1:].expand(-1, missing, -1)], dim=1) if missing else context


def _longer_mask(mask: Tensor, length: int) -> Tensor:
    return torch.cat([mask, mask.new_zeros(1, length - mask.shape[1])], dim=1)
