"""Two models that draw one picture: a base that composes it, a refiner that ends it.

One walk of one sampler, whose calls go to the base down to a level and to the refiner below it: the ensemble
of arXiv:2211.01324, as SDXL does it (arXiv:2307.01952, section 2.5). Nothing is decoded in between.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from sfumato.adapters.closet import Closet
from sfumato.adapters.controls import Controls
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Call, Later, Level
from sfumato.errors import CheckpointError
from sfumato.families.model import Encoded, Model, Wording
from sfumato.families.sizes import Sizes
from sfumato.families.stable import Stable

SHARE = 0.8  # of the walk is the base's unless a request says otherwise


def refined(base: Model, refiner: Model) -> Refined:
    """The two as one model. Raises CheckpointError unless they are SDXL's base and its refiner."""
    wrong = (base.family, refiner.family) != ("sdxl", "sdxl-refiner")
    if wrong or not isinstance(base, Stable) or not isinstance(refiner, Stable):
        raise CheckpointError(
            f"{refiner.name} ({refiner.family}) cannot end what {base.name} ({base.family}) begins: "
            "there is a refiner for SDXL only"
        )
    learned = {reader.part: reader.embeddings for reader in base.readers}
    readers = tuple(replace(reader, embeddings=learned[reader.part]) for reader in refiner.readers)
    return Refined(base=base, refiner=replace(refiner, readers=readers))


@dataclass(frozen=True, kw_only=True, eq=False)
class Refined:
    """A base and its refiner; implements ``Model``. Raises CheckpointError unless they can share a walk."""

    base: Stable
    refiner: Stable
    family: str = field(default="sdxl", init=False)

    def __post_init__(self) -> None:
        if self.base.trained.sigmas != self.refiner.trained.sigmas:
            raise CheckpointError(
                f"{self.base.name} and {self.refiner.name} were trained at other levels: no walk serves both"
            )
        if self.base.latents.channels != self.refiner.latents.channels:
            raise CheckpointError(f"{self.refiner.name} reads other latents than {self.base.name} makes")

    @property
    def name(self) -> str:
        return f"{self.base.name} + {self.refiner.name}"

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.base.notes, *(f"refiner: {note}" for note in self.refiner.notes))

    @property
    def closet(self) -> Closet:
        """Adapters are the base's; learned words are read by both, which share the tower's vectors."""
        return self.base.closet

    @property
    def controls(self) -> Controls:
        """The base's: the refiner wears none."""
        return self.base.controls

    @property
    def prediction(self) -> Prediction:
        return self.base.prediction

    @property
    def native(self) -> tuple[int, int]:
        return self.base.native

    @property
    def sizes(self) -> Sizes:
        return self.base.sizes

    @property
    def channels_beside(self) -> int:
        return self.base.channels_beside

    def check_size(self, size: tuple[int, int]) -> None:
        self.base.check_size(size)
        self.refiner.check_size(size)

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        return self.base.fitting(size)

    def blank(self, size: tuple[int, int]) -> Tensor:
        return self.base.blank(size)

    def levels(self, steps: int, spacing: str | None) -> Sequence[Level]:
        return self.base.levels(steps, spacing)

    def encode(self, wordings: Sequence[Wording]) -> list[Encoded]:
        """Read every text with both; adapters are the base's alone."""
        return [self._encode(wording) for wording in wordings]

    def check_wording(self, wording: Wording) -> None:
        self.base.check_layers(wording)
        self.refiner.check_layers(replace(wording, adapters=()))

    def _encode(self, wording: Wording) -> Encoded:
        base = self.base.encoded(wording)
        refiner = self.refiner.encoded(replace(wording, adapters=()))
        share = SHARE if wording.handoff is None else wording.handoff
        later = Later(self.base.trained.sigma_after(share), refiner.conditioning)
        notes = dict.fromkeys((*base.notes, *refiner.notes, *_unheard(wording, share, later.sigma)))
        words = tuple(dict.fromkeys((*base.words, *refiner.words)))
        return Encoded(replace(base.conditioning, later=later), tuple(notes), words)

    def lane(self, call: Call) -> Hashable:
        """Base and refiner answer apart; the refiner's words have shapes of their own."""
        network, asked = self._to_whom(call)
        told = asked.conditioning
        vector = None if told.vector is None else told.vector.shape
        return network is self.refiner, told.context.shape, vector, network.lane(asked)

    def denoise(self, calls: Sequence[Call]) -> list[Tensor]:
        """The answers of the one network that calls of one lane are for. ValueError for calls of several."""
        asked = [self._to_whom(call) for call in calls]
        if len({id(network) for network, _ in asked}) > 1:
            raise ValueError("calls of the base and of the refiner cannot share a forward")
        return asked[0][0].denoise([call for _, call in asked])

    def decode(self, latent: Tensor) -> Tensor:
        return self.base.decode(latent)

    def look(self, picture: Tensor) -> Tensor:
        return self.base.look(picture)

    def beside(self, picture: Tensor, mask: Tensor | None) -> Tensor:
        return self.base.beside(picture, mask)

    def _to_whom(self, call: Call) -> tuple[Stable, Call]:
        """The network that answers at this level, and the call as it understands it."""
        later = call.conditioning.later
        if later is not None and call.level.sigma < later.sigma:
            return self.refiner, call._replace(conditioning=later.conditioning)
        return self.base, call._replace(conditioning=replace(call.conditioning, later=None))


def _unheard(wording: Wording, share: float, sigma: float) -> list[str]:
    """Lines on what has no effect where the refiner goes on after a share of the walk, below ``sigma``."""
    names = ", ".join(dict.fromkeys(name for name, *weights in wording.adapters if any(weights)))
    if sigma == 0:
        return [f"handoff {share:g}: the base draws all of it, the refiner nothing"]
    if sigma < math.inf:
        lost = f"the refiner wears no adapters: from {share:g} of the walk on, {names} is left out"
        return [lost] if names else []
    idle = [f"handoff {share:g}: the refiner draws all of it, the base nothing"]
    return [*idle, f"the refiner wears no adapters: {names} changes nothing"] if names else idle
