"""What may go wrong inside a network, told as an error with a way out: no memory, numbers that are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Call
from sfumato.engine.question import Asked, Decode
from sfumato.engine.resizing import size_of
from sfumato.errors import InputError, NotFinite, OutOfMemory
from sfumato.families.model import Encoded, Model

ALLOCATOR = ("can't allocate memory", "not enough memory")
"""How torch's allocator of a computer's own memory says it: a plain RuntimeError."""

Answer: TypeAlias = Encoded | Tensor | tuple[Tensor, ...]


def is_of_memory(error: Exception) -> bool:
    """Whether memory was asked for that there was not."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in ALLOCATOR)


def told(error: Exception, asked: Asked | None, model: Model) -> Exception:
    """The error that a job ends with for one met while answering ``asked``, or (None) in the job itself."""
    if not is_of_memory(error):
        return error
    # a new one: the old holds on to the frames that it came through, and to all their tensors
    return OutOfMemory(f"out of memory {_where(asked, model)}: {_smaller(asked, model)}")


def which_finite(answers: Sequence[Answer]) -> list[bool]:
    """Which answers hold finite numbers only; one look at the device for all of them."""
    sound = [torch.stack([tensor.isfinite().all() for tensor in _tensors(each)]).all() for each in answers]
    return [bool(each) for each in torch.stack(sound).cpu()]


def _tensors(answer: Answer) -> tuple[Tensor, ...]:
    match answer:
        case Tensor():
            return (answer,)
        case tuple():
            return answer
        case Encoded(told):
            return (told.context,) if told.vector is None else (told.context, told.vector)


def not_finite(asked: Asked, model: Model) -> NotFinite | InputError:
    """What to say of a question whose answer holds numbers that are none; InputError if it held some."""
    given = asked.x if isinstance(asked, Call) else asked.latent if isinstance(asked, Decode) else None
    if given is not None and not bool(given.isfinite().all()):
        return InputError(
            f"the picture was driven out of all bounds {_where(asked, model)}: lower the guidance, or change "
            "the sampler or its options"
        )
    return NotFinite(
        f"{model.name} answered with numbers that are not finite {_where(asked, model)}: load it with "
        "dtype float32 or bfloat16, or ask for less weight of what it wears"
    )


def _where(asked: Asked | None, model: Model) -> str:
    match asked:
        case None:
            return "beside the networks"
        case Call(x, level):
            return f"at {_pixels(x, model)}, noise level {level.sigma:.3g}"
        case Decode(latent):
            return f"where the latent of {_pixels(latent, model)} is decoded"
        case _:
            return f"where it was asked to {type(asked).__name__.lower()}"


def _pixels(latent: Tensor, model: Model) -> str:
    return "{}x{}".format(*_size(latent, model))


def _size(latent: Tensor, model: Model) -> tuple[int, int]:
    """The size in pixels of the picture that a latent stands for."""
    (width, height), (across, down) = size_of(latent), size_of(model.blank(model.native))
    return width * model.native[0] // across, height * model.native[1] // down


def _smaller(asked: Asked | None, model: Model) -> str:
    latent = asked.x if isinstance(asked, Call) else asked.latent if isinstance(asked, Decode) else None
    if latent is None:
        return "ask for a smaller picture, or wait until others are done"
    width, height = _size(latent, model)
    smaller = model.fitting((width // 2, height // 2))
    fewer = math.prod(smaller) < width * height
    ways = "try {}x{}".format(*smaller) if fewer else "wait until others are done"
    return f"{ways}, then make it larger with the pass tiled(2)"
