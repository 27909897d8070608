"""sfumato: text-to-image diffusion, whole and readable, with a model that it trained itself.

    import sfumato

    sfumato.load()("a red cat to the left of a blue car", seed=7).save("cat.png")

Importing is cheap: torch comes with the first name below that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sfumato.errors import CheckpointError, InputError, MissingExtra, SfumatoError
from sfumato.request import Request
from sfumato.version import __version__

if TYPE_CHECKING:
    from sfumato.options import cfg, lora
    from sfumato.painter import Painter, Picture, Step, load
    from sfumato.steering import control, reference, region
    from sfumato.styles.styled import styled
    from sfumato.words.expand import expanded

__all__ = [
    "CheckpointError",
    "InputError",
    "MissingExtra",
    "Painter",
    "Picture",
    "Request",
    "SfumatoError",
    "Step",
    "__version__",
    "cfg",
    "control",
    "expanded",
    "load",
    "lora",
    "reference",
    "region",
    "styled",
]

_LAZY = {
    **dict.fromkeys(("Painter", "Picture", "Step", "load"), "sfumato.painter"),
    **dict.fromkeys(("cfg", "lora"), "sfumato.options"),
    **dict.fromkeys(("control", "reference", "region"), "sfumato.steering"),
    "styled": "sfumato.styles.styled",
    "expanded": "sfumato.words.expand",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'sfumato' has no attribute {name!r}")
