"""From the parts of a checkpoint to a model, by the facts of its family.

What shapes cannot tell stands in ``Family``; what a folder's configurations say comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sfumato.checkpoints.computed import Settings
from sfumato.checkpoints.placing import placed
from sfumato.diffusion.prediction import V
from sfumato.errors import CheckpointError
from sfumato.families.latents import Latents
from sfumato.families.parts import Parts
from sfumato.families.reading import Reader
from sfumato.families.shapes import Heads, autoencoder_config, text_config, unet_config
from sfumato.families.sizes import Sizes
from sfumato.families.stable import Stable, Telling
from sfumato.families.trained import trained
from sfumato.models.clip import TextTower
from sfumato.models.unet import UNet
from sfumato.models.vae import AutoencoderKL

SMALLEST, LARGEST = 64, 8192  # pixels a side; below there is nothing to see, and memory ends long before


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text tower and how its family reads with it."""

    part: str
    tokenizer: str
    activation: str
    pad: int | None  # what fills up a short text; None: the end token. A folder's tokenizer says it itself
    layer: int  # the one that is listened to, counted from the end
    normed: bool
    cut: bool = False  # whether folders leave away the layers behind that one, and the projection with them


@dataclass(frozen=True, kw_only=True)
class Family:
    """What is true of all models of a family, whatever their weights."""

    name: str
    side: int  # of the pictures it was trained on
    v_side: int | None = None  # of those that models predicting v were trained on, where it is another
    scale: float  # of latents
    heads: Heads
    texts: tuple[Text, ...]
    telling: Telling
    spacing: str = "leading"

    def __call__(self, parts: Parts) -> Stable:
        """A model of these parts. Raises CheckpointError unless they are whole and belong together."""
        try:
            return self._made(parts)
        except (ValueError, OverflowError) as error:  # of configurations, which refuse what cannot be
            raise CheckpointError(f"{parts.name}: {error}") from error

    def _made(self, parts: Parts) -> Stable:
        shape = unet_config(parts.part("unet").kinds, parts.settings("unet"), self.heads)
        readers = tuple(self._reader(text, parts) for text in self.texts)
        words = sum(reader.tower.config.width for reader in readers)
        if words != shape.context_width:
            raise CheckpointError(
                f"{parts.name}: a U-Net that reads words of width {shape.context_width} and text towers that "
                f"make them {words} wide do not belong together"
            )
        latents = self._latents(parts)
        levels = trained(
            parts.settings("scheduler"),
            zero_snr=parts.zero_snr,
            spacing=parts.few_steps.spacing if parts.few_steps else self.spacing,
        )
        return Stable(
            name=parts.name,
            family=self.name,
            unet=placed("unet", lambda: UNet(shape), parts.part("unet"), parts.place),
            latents=latents,
            readers=readers,
            trained=levels,
            prediction=parts.meaning(),
            sizes=self._sizes(parts, latents.shrink),
            telling=self.telling,
            zeros_for_nothing=_zeros_for_nothing(parts.settings("")),
            notes=(*parts.notes, *_noise_note(parts, levels.spacing), *_few_steps_note(parts)),
        )

    def _reader(self, text: Text, parts: Parts) -> Reader:
        tensors, settings = parts.part(text.part), parts.settings(text.part)
        tokenizer = parts.tokenizer(text.tokenizer)
        config = text_config(
            text.part, tensors.kinds, settings, activation=text.activation, end=tokenizer.end
        )
        if tokenizer.vocabulary_size > config.vocabulary:
            raise CheckpointError(
                f"{parts.name}: {text.part} knows {config.vocabulary} tokens and its tokenizer "
                f"{tokenizer.vocabulary_size}: they do not belong together"
            )
        folder = text.tokenizer in parts.tokenizers
        pad = tokenizer.pad if folder or text.pad is None else text.pad
        return Reader(
            part=text.part,
            tower=placed(text.part, lambda: TextTower(config), tensors, parts.place),
            tokenizer=tokenizer,
            pad=pad,
            layer=text.layer,
            missing=text.layer - 1 if text.cut and not config.projection else 0,
            normed=text.normed,
        )

    def _latents(self, parts: Parts) -> Latents:
        settings = parts.settings("vae")
        shape = autoencoder_config(parts.part("vae").kinds, settings)
        return Latents(
            autoencoder=placed("vae", lambda: AutoencoderKL(shape), parts.part("vae"), parts.place),
            scale=_number(settings, "scaling_factor", self.scale, above=0.0),
            shift=_number(settings, "shift_factor", 0.0),
        )

    def _sizes(self, parts: Parts, shrink: int) -> Sizes:
        """Sizes of pictures; the U-Net's config.json says the side of the latents that it was trained on."""
        told, side = parts.settings("unet").get("sample_size"), self.side
        if parts.prediction == V.name and self.v_side is not None:
            side = self.v_side
        native = told * shrink if type(told) is int else side
        return Sizes(
            native=(native, native), multiple=shrink, smallest=min(SMALLEST, native), largest=LARGEST
        )


def _noise_note(parts: Parts, spacing: str) -> tuple[str, ...]:
    """Where walks begin if the model was trained down to pure noise, whose level leading ones leave out."""
    if not parts.zero_snr:
        return ()
    below = spacing.startswith("leading")
    begin = f"below it, spaced {spacing}, as its scheduler asks" if below else f"there, spaced {spacing}"
    return (f"trained down to pure noise (zero terminal SNR): walks begin {begin}",)


def _few_steps_note(parts: Parts) -> tuple[str, ...]:
    few = parts.few_steps
    return (f"distilled for few steps ({few.name}): ask for {few.advice}",) if few else ()


def _zeros_for_nothing(index: Settings) -> bool | None:
    """What a folder's model_index.json says of empty texts, if it does."""
    found = index.get("force_zeros_for_empty_prompt")
    return found if isinstance(found, bool) else None


def _number(settings: Settings, name: str, default: float, *, above: float = -math.inf) -> float:
    found = settings.get(name)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not above < found < math.inf:
        raise CheckpointError(f"vae: config.json says {name} = {found!r}, which scales nothing")
    return float(found)
