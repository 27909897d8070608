"""What can be told of a request before any network runs: all of it that would have no effect."""

from __future__ import annotations

from types import MappingProxyType

import torch

from sfumato.diffusion.protocol import Conditioning
from sfumato.engine.continuing import Pictures, canvas_notes
from sfumato.engine.notes import painting_notes
from sfumato.engine.painting import Painting
from sfumato.engine.plan import planned
from sfumato.engine.question import Encode
from sfumato.families.model import Encoded, Model
from sfumato.request import Request


def foreseen_notes(
    request: Request, model: Model, *, pictures: Pictures = MappingProxyType({})
) -> tuple[str, ...]:
    """One line for everything of the request without effect, but for words that only reading it finds.

    Raises InputError as ``drawing`` does. What the guides say is not foreseen where pictures must be looked
    at to make them: by controls and references.
    """
    plan = planned(request, model, pictures)
    notes = [
        *plan.notes,
        *canvas_notes(plan.canvas, model, plan.first.walk.strength),
        *(note for each in plan.walked for note in (*_guides_say(each, model), *painting_notes(each))),
    ]
    return tuple(dict.fromkeys(notes))


def _guides_say(painting: Painting, model: Model) -> tuple[str, ...]:
    """What the guides of a painting tell, made of texts that nobody has read. Raises InputError."""
    unread = Encoded(Conditioning(torch.zeros(1, 1, 1)))
    asking = painting.asked()
    try:
        questions = next(asking)
        while all(isinstance(each, Encode) for each in questions):
            for each in questions:
                if isinstance(each, Encode):
                    model.check_wording(each.wording)
            questions = asking.send([unread] * len(questions))
    except StopIteration as done:
        return done.value.notes
    finally:
        asking.close()
    return ()
