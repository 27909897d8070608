"""What stands beside a U-Net and speaks to it through ``Extras``: controls and readers of reference pictures.

Rows of a forward say in their ``Conditioning`` what they wear, and ``Controls.extras`` makes of it the extras
of the whole forward. A row that wears nothing gets zeros added, so its bits are those of the bare network.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

import torch
from torch import Tensor

from sfumato.adapters.regional import regional_look
from sfumato.diffusion.protocol import Call, Controlled, Extras, ImagePrompt, Look, Looking, Perturbed
from sfumato.errors import InputError
from sfumato.models.clip import ImageTower
from sfumato.models.unet import UNet

Weight = TypeVar("Weight", float, tuple[float, ...])
Turn: TypeAlias = "tuple[tuple[Tensor, ...], tuple[Weight | float, ...]]"


class Forward(NamedTuple):
    """What the U-Net is told in the forward under way, for controls to read as well."""

    x: Tensor  # (B, C, h, w), scaled for the network, without what it sees beside the latent
    times: Tensor  # (B,), as the network counts them
    context: Tensor  # (B, T, D)
    vector: Tensor | None = None  # (B, V)
    attention_mask: Tensor | None = None  # (B, T) bool


class Control(Protocol):
    """A network that reads a conditioning picture: ControlNet, T2I-Adapter."""

    @property
    def flows(self) -> bool:
        """Whether what it adds flows on down the U-Net (T2I-Adapter), or goes to the skips alone."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The conditioning pictures that it was taught; none if its file does not say."""
        ...

    def prepare(self, picture: Tensor, kind: str) -> tuple[Tensor, ...]:
        """What of a picture (1, 3, H, W) in 0..1 stays the same along the walk. Raises InputError."""
        ...

    def residuals(
        self,
        x: Tensor,
        times: Tensor,
        context: Tensor,
        hint: tuple[Tensor, ...],
        *,
        vector: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """What it adds to every skip and, last, to the middle of rows with hints (B, ...), unweighted."""
        ...


@runtime_checkable
class ImageReader(Protocol):
    """What looks at a reference picture for a U-Net: IP-Adapter."""

    @property
    def roles(self) -> tuple[str, ...]:
        """What a reference may be: "style", "composition", "both"."""
        ...

    def look(self, picture: Tensor, role: str) -> tuple[Tensor, Tensor]:
        """The tokens (1, N, D) of a picture (1, 3, H, W) in 0..1, and those for rows of unwanted words."""
        ...

    def weights(self, role: str, weight: float) -> tuple[float, ...]:
        """How strongly each layer of the U-Net, by its number, attends to a reference in this role."""
        ...

    def mixed(self, what: Look, tokens: Tensor, role: str) -> Tensor:
        """What a layer's places (B, N, D) get of tokens (B, M, D') in that role, as (B, N, D); unweighted."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Controls:
    """The controls and readers beside one U-Net, by the names that requests call them."""

    unet: UNet
    tower: ImageTower | None = None  # the embedded model's own, by which its references are seen
    controls: dict[str, Control] = field(default_factory=dict[str, Control])
    readers: dict[str, ImageReader] = field(default_factory=dict[str, ImageReader])

    @property
    def names(self) -> tuple[str, ...]:
        """All that hangs here."""
        return (*self.controls, *self.readers)

    def hang(self, name: str, what: Control | ImageReader) -> None:
        """Make a control or a reader known as ``name``. Raises InputError for a name that is taken."""
        if name in self.controls or name in self.readers:
            raise InputError(f"a control {name!r} hangs here already: give this one another name")
        if isinstance(what, ImageReader):
            self.readers[name] = what
        else:
            self.controls[name] = what

    def remove(self, name: str) -> None:
        """Take one off. Raises InputError for a name that hangs nowhere."""
        if self.controls.pop(name, None) is None and self.readers.pop(name, None) is None:
            raise InputError(_unknown("control", name, (*self.controls, *self.readers)))

    def control(self, name: str) -> Control:
        """Raises InputError, with the names that there are, for one that hangs nowhere."""
        if name not in self.controls:
            raise InputError(_unknown("control", name, self.controls))
        return self.controls[name]

    def reader(self, name: str) -> ImageReader:
        """As ``control``."""
        if name not in self.readers:
            raise InputError(_unknown("reader of references", name, self.readers))
        return self.readers[name]

    def extras(self, calls: Sequence[Call], forward: Forward) -> Extras:
        """The extras of a forward in which row k answers ``calls[k]``: theirs, and all that the rows wear."""
        extras = calls[0].extras
        if residuals := self._residuals(calls, forward, flowing=False):
            extras = replace(extras, residuals=residuals)
        if inner := self._residuals(calls, forward, flowing=True):
            extras = replace(extras, inner=inner)
        if any(call.conditioning.regions for call in calls):
            look = regional_look([call.conditioning.regions for call in calls], extras.cross_attention)
            extras = replace(extras, cross_attention=Perturbed(look))
        pictures = self._pictures(calls)
        if not pictures:
            return extras
        return replace(extras, cross_attention=Perturbed(_beside(extras.cross_attention, pictures)))

    def _residuals(self, calls: Sequence[Call], forward: Forward, *, flowing: bool) -> tuple[Tensor, ...]:
        """What all controls of a kind add together, each (B, C, h, w); nothing where none is worn."""
        total: tuple[Tensor, ...] = ()
        for name, control in self.controls.items():
            if control.flows != flowing:
                continue
            rows = [
                [(each.hint, each.weight) for each in call.conditioning.controls if _worn(each, name, call)]
                for call in calls
            ]
            for hints, weights in _in_turn(rows):
                added = control.residuals(
                    forward.x,
                    forward.times,
                    forward.context,
                    hints,
                    vector=forward.vector,
                    attention_mask=forward.attention_mask,
                )
                scale = torch.tensor(weights, device=forward.x.device).view(-1, 1, 1, 1)
                scaled = tuple(_scaled(tensor, scale.to(tensor)) for tensor in added)
                total = tuple(map(torch.add, total, scaled)) if total else scaled
        return total

    def _pictures(self, calls: Sequence[Call]) -> list[_Pictures]:
        """The reference pictures of all rows, those together that one reader sees in one role."""
        found: list[_Pictures] = []
        for (name, role), reader in ((key, self.readers[key[0]]) for key in _references(calls)):
            rows = [
                [
                    ((each.tokens,), each.weights)
                    for each in call.conditioning.images
                    if each.role == role and _worn(each, name, call)
                ]
                for call in calls
            ]
            found += [_Pictures(reader, role, tokens, weights) for (tokens,), weights in _in_turn(rows)]
        return found


class _Pictures(NamedTuple):
    """One reference picture for each row, and how strongly each layer of each row attends to it."""

    reader: ImageReader
    role: str
    tokens: Tensor  # (B, N, D)
    weights: tuple[float | tuple[float, ...], ...]  # 0 for rows without one


def _beside(words: Perturbed | None, pictures: Sequence[_Pictures]) -> Callable[[Looking, Look], Tensor]:
    """How a layer looks at words and, beside them, at pictures."""

    def look(looking: Looking, what: Look) -> Tensor:
        perturbed = words is not None and (words.layers is None or what.layer in words.layers)
        mixed = words.look(looking, what) if words is not None and perturbed else looking(what)
        for each in pictures:
            strengths = [row[what.layer] if isinstance(row, tuple) else row for row in each.weights]
            if any(strengths):
                scale = torch.tensor(strengths, device=mixed.device, dtype=mixed.dtype).view(-1, 1, 1)
                picked = each.reader.mixed(what, each.tokens, each.role)
                mixed = mixed + _scaled(picked, scale)
        return mixed

    return look


def _scaled(added: Tensor, scale: Tensor) -> Tensor:
    """Zeros for rows that weigh nothing, even where a network that saw nothing left its range of numbers."""
    return torch.where(scale == 0, 0, added * scale)


def _worn(each: Controlled | ImagePrompt, name: str, call: Call) -> bool:
    weighs = any(each.weights) if isinstance(each, ImagePrompt) else each.weight
    return each.name == name and bool(weighs) and each.last < call.level.sigma <= each.first


def _references(calls: Sequence[Call]) -> list[tuple[str, str]]:
    """Readers and roles that some row wears, in an order that does not depend on the rows'."""
    return sorted(
        {
            (each.name, each.role)
            for call in calls
            for each in call.conditioning.images
            if _worn(each, each.name, call)
        }
    )


def _in_turn(rows: Sequence[Sequence[tuple[tuple[Tensor, ...], Weight]]]) -> Iterator[Turn[Weight]]:
    """What each row wears first, then what each wears second, ...: tensors (B, ...) and a weight a row.

    A row that wears no more has zeros, and weighs 0.
    """
    for turn in range(max(map(len, rows))):
        worn = [row[turn] if turn < len(row) else None for row in rows]
        like = next(tensors for tensors, _ in filter(None, worn))
        parts = [each[0] if each else tuple(map(torch.zeros_like, like)) for each in worn]
        stacked = tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))
        yield stacked, tuple(each[1] if each else 0.0 for each in worn)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5) or names[:6]
    return f"no {what} {name!r} hangs here; there is: {', '.join(near) or 'none: name its file'}"
