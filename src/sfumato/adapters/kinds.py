"""Which kind of adapter a file is, by the names of its tensors (`checkpoints/marks.py` has the marks).

The table of the kinds that can be hung is `HANGING` in `hanging.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sfumato.checkpoints import marks
from sfumato.checkpoints.recognise import is_embedding
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

REFUSED: Mapping[str, str] = {
    "control-lora": "a Control-LoRA, which is a ControlNet only together with its model's weights: "
    "take a ControlNet that holds its own",
    "control-lllite": "a ControlNet-LLLite, which changes a model's layers from within: take a ControlNet",
    "motion-module": "a motion module, which makes films",
}
"""What is known and not read."""

DRAWN = ("", "sd1", "sd2", "sdxl", "world")
"""Families whose models can wear one; "" is for marks that do not tell."""


def kind_of(tensors: Tensors) -> str:
    """What its mark calls it; what bears none is taken for a LoRA, whose reader names all it does not know.

    Raises CheckpointError for kinds that are known and not read, and for those of other families.
    """
    mark = marks.first_mark(marks.ADAPTERS, "\n".join(tensors.kinds))
    if mark is None:
        return "embedding" if is_embedding(tensors.kinds) else "lora"
    if mark.kind in REFUSED:
        raise CheckpointError(f"this is {REFUSED[mark.kind]}")
    if mark.family not in DRAWN:
        raise CheckpointError(f"this is a {mark.kind} for {mark.family}, which is not drawn with here")
    return mark.kind
