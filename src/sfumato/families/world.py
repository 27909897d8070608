"""The embedded family: a flow-matching latent diffusion model of the picture world, all in one file.

The words go through CLIP's text tower, every token of it a vector of the U-Net's context. Latents are the
autoencoder's means, shifted and scaled to mean 0 and deviation 1 per channel. What a weights file of this
family holds is said by ``save``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.adapters.attach import Wardrobe
from sfumato.adapters.closet import Closet, Tower
from sfumato.adapters.controls import Controls, Forward
from sfumato.checkpoints import int8, safetensors
from sfumato.checkpoints.header import read_header
from sfumato.diffusion.levels import flow_levels
from sfumato.diffusion.prediction import FLOW, Prediction
from sfumato.diffusion.protocol import Call, Conditioning, Level
from sfumato.errors import CheckpointError, InputError
from sfumato.families.config import parse
from sfumato.families.model import Encoded, Wording
from sfumato.families.notes import break_note, cut_note, unknown_note
from sfumato.families.parts import Parts
from sfumato.families.sizes import Sizes
from sfumato.models.clip import ImageConfig, ImageTower, TextConfig, TextTower
from sfumato.models.unet import UNet, UNetConfig
from sfumato.models.vae import AutoencoderConfig, AutoencoderKL
from sfumato.text.chunks import Chunk
from sfumato.text.tokenizer import Tokenizer
from sfumato.text.weighting import weighting
from sfumato.text.whole import whole

FAMILY = "world"
FORMAT = "1"
TIMES = 1000.0  # the U-Net is told 1000 * sigma


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """The shape of a world model. Sizes are in pixels; ``native`` is (width, height)."""

    unet: UNetConfig
    autoencoder: AutoencoderConfig
    text: TextConfig
    image: ImageConfig
    latent_mean: tuple[float, ...]  # per channel, of the autoencoder's means
    latent_std: tuple[float, ...]
    prediction: str  # "flow": others would need other levels
    native: tuple[int, int]
    multiple: int  # what both sides of a picture divide by
    smallest: int
    largest: int

    def __post_init__(self) -> None:
        channels = self.autoencoder.latent_channels
        widths = (self.unet.in_channels, self.unet.out_channels, len(self.latent_mean), len(self.latent_std))
        if any(width != channels for width in widths):
            raise ValueError(f"latents of {channels} channels do not fit widths and statistics of {widths}")
        if self.text.width != self.unet.context_width:
            raise ValueError(f"text of width {self.text.width} for a context of {self.unet.context_width}")
        if self.prediction != FLOW.name:
            raise ValueError(f"prediction {self.prediction!r}; models of this family predict the flow")
        if self.multiple < 1 or self.multiple % (self.autoencoder.shrink * self.unet.shrink):
            raise ValueError(
                f"sizes in multiples of {self.multiple} do not divide by "
                f"{self.autoencoder.shrink} * {self.unet.shrink}, the shrinks of the networks"
            )
        if not all(math.isfinite(number) for number in self.latent_mean) or not all(
            math.isfinite(number) and number > 0 for number in self.latent_std
        ):
            raise ValueError(f"latent_mean {self.latent_mean} and latent_std {self.latent_std} scale nothing")
        if self.text.length < Tokenizer.length:
            raise ValueError(f"a text tower that reads {self.text.length} tokens, not {Tokenizer.length}")
        _ = self.sizes

    @property
    def sizes(self) -> Sizes:
        """Which pictures can be drawn. Raises ValueError if that of its own size could not."""
        return Sizes(native=self.native, multiple=self.multiple, smallest=self.smallest, largest=self.largest)


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """A model of the picture world; implements ``Model``. Its networks stay where they are given."""

    name: str
    config: WorldConfig
    unet: UNet
    autoencoder: AutoencoderKL
    text: TextTower
    image: ImageTower
    tokenizer: Tokenizer
    words: frozenset[str]  # lower case, all that the captions of its training were made of
    card: Mapping[str, object] = field(default_factory=dict[str, object])  # recipe, minutes, licence, ...
    weaker: UNet | None = None  # one of the same kind that knows less, to guide by; in no file
    family: str = field(default=FAMILY, init=False)
    notes: tuple[str, ...] = field(default=(), init=False)
    channels_beside: int = field(default=0, init=False)
    closet: Closet = field(init=False)
    controls: Controls = field(init=False)

    def __post_init__(self) -> None:
        networks = {"unet": self.unet, "text_encoder": self.text}
        towers = {part: Tower(wardrobe=Wardrobe(network)) for part, network in networks.items()}
        object.__setattr__(self, "controls", Controls(unet=self.unet, tower=self.image))
        object.__setattr__(self, "closet", Closet(towers=towers))

    @property
    def prediction(self) -> Prediction:
        return FLOW

    @property
    def native(self) -> tuple[int, int]:
        return self.config.native

    @property
    def sizes(self) -> Sizes:
        return self.config.sizes

    def check_size(self, size: tuple[int, int]) -> None:
        self.config.sizes.check(size)

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        return self.config.sizes.fitting(size)

    def blank(self, size: tuple[int, int]) -> Tensor:
        width, height = (side // self.config.autoencoder.shrink for side in size)
        weight = self.unet.conv_in.weight
        shape = (1, self.config.autoencoder.latent_channels, height, width)
        return torch.zeros(shape, dtype=torch.float32, device=weight.device)

    def levels(self, steps: int, spacing: str | None) -> list[Level]:
        return flow_levels(spacing or "uniform", steps)

    def check_wording(self, wording: Wording) -> None:
        asked = {
            "clip_skip": wording.clip_skip is not None,
            "framing": wording.framing is not None,
            "handoff": wording.handoff is not None,
        }
        if found := [name for name, given in asked.items() if given]:
            raise InputError(f"the embedded model knows no {' and no '.join(found)}: leave it out")

    def encode(self, wordings: Sequence[Wording]) -> list[Encoded]:
        """Read every text on its own and at full length, so that none depends on its neighbours."""
        for wording in wordings:
            self.check_wording(wording)
        return [self._encode(wording) for wording in wordings]

    def lane(self, call: Call) -> Hashable:
        return call.weaker

    def _encode(self, wording: Wording) -> Encoded:
        convention = weighting(wording.weighting)
        text, chunk, cut, breaks = whole(wording.text, self.tokenizer, length=self.config.text.length)
        worn = [[(name, words) for name, _, words in wording.adapters]]
        with self.closet.towers["text_encoder"].wardrobe.worn(worn):
            others = [self._hidden(each) for each in convention.asks(chunk)]
            hidden = convention.weigh(self._hidden(chunk), chunk, others)[None]  # (1, T, D)
        mask = torch.arange(hidden.shape[1], device=hidden.device)[None] <= chunk.end  # with the text's end
        notes = (
            cut_note(cut, self.tokenizer.length),
            unknown_note(text, self.words),
            break_note(breaks=breaks),
        )
        picture = tuple((name, weight) for name, weight, _ in wording.adapters)
        told = Conditioning(context=hidden, mask=mask, adapters=picture)
        return Encoded(told, tuple(note for note in notes if note))

    def _hidden(self, chunk: Chunk) -> Tensor:
        """What the text tower makes of a chunk, (T, D)."""
        hidden, _ = self.text(torch.tensor([chunk.tokens], device=self.unet.conv_in.weight.device))
        return hidden[0]

    def denoise(self, calls: Sequence[Call]) -> list[Tensor]:
        """The clean latents behind calls of one shape and one ``Extras``, which goes to the U-Net as it is.

        Without a mask, the whole context is attended to. Raises ValueError for what it would not read.
        """
        _check_calls(calls)
        unet = self.weaker if calls[0].weaker else self.unet
        if unet is None:
            raise InputError(
                f"{self.name} has no weaker network beside it to guide by: name layers to skip instead"
            )
        x = torch.cat([call.x for call in calls])
        alpha, sigma = (
            torch.tensor(scales, device=x.device)[:, None, None, None]
            for scales in zip(*(call.level for call in calls), strict=True)
        )
        context = torch.cat([call.conditioning.context for call in calls])
        mask = torch.cat([_mask(call.conditioning) for call in calls])
        times = TIMES * sigma.flatten()
        given = FLOW.network_input(x, sigma)
        forward = Forward(given, times, context, attention_mask=mask)
        extras = replace(self.controls.extras(calls, forward), attention_mask=mask)
        with self.closet.towers["unet"].wardrobe.worn([call.conditioning.adapters for call in calls]):
            output = unet(given, times, context, extras)
        clean = FLOW.clean(output, x, alpha, sigma)
        return [clean[row : row + 1] for row in range(len(calls))]

    def look(self, picture: Tensor) -> Tensor:
        picture = picture.to(self.unet.conv_in.weight)
        mean, deviation = self._statistics(picture)
        return (self.autoencoder.encode(picture * 2 - 1)[0] - mean) / deviation

    def beside(self, picture: Tensor, mask: Tensor | None) -> Tensor:  # noqa: ARG002
        raise InputError(f"{self.name} sees no picture beside the words: take an inpainting model")

    def decode(self, latent: Tensor) -> Tensor:
        mean, deviation = self._statistics(latent)
        return (self.autoencoder.decode(latent * deviation + mean) / 2 + 0.5).clamp(0, 1)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the channels of latents, each (1, C, 1, 1)."""
        mean, deviation = (
            torch.tensor(statistic, device=like.device)[None, :, None, None]
            for statistic in (self.config.latent_mean, self.config.latent_std)
        )
        return mean, deviation

    @property
    def _parts(self) -> dict[str, nn.Module]:
        return {
            "unet.": self.unet,
            "autoencoder.": self.autoencoder,
            "text.": self.text,
            "image.": self.image,
        }

    def save(self, path: str | Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
        """Write one safetensors file: the four networks, prefixed, and in its header all else.

        With ``torch.int8``, numbers become what ``checkpoints/int8.py`` makes of them.
        """
        tensors = {
            prefix + name: tensor
            for prefix, network in self._parts.items()
            for name, tensor in network.state_dict().items()
        }
        if dtype == torch.int8:
            tensors = int8.packed(tensors)
        else:
            tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
        metadata = {
            "sfumato.format": FORMAT,
            "sfumato.family": FAMILY,
            "sfumato.name": self.name,
            "sfumato.config": json.dumps(asdict(self.config)),
            "sfumato.tokenizer": self.tokenizer.to_json(),
            "sfumato.words": json.dumps(sorted(self.words), ensure_ascii=False),
            "sfumato.card": json.dumps(self.card, ensure_ascii=False),
        }
        safetensors.save(path, tensors, metadata)

    @classmethod
    def of(cls, parts: Parts) -> World:
        """The model in the file of ``parts``."""
        return cls.load(parts.path, device=parts.place.device)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> World:
        """Read what ``save`` wrote, as float32. Raises CheckpointError unless it fits in every detail."""
        metadata = read_header(path).metadata
        if (version := _entry(path, metadata, "format")) != FORMAT:
            raise CheckpointError(
                f"{path}: written in format {version}, this sfumato reads {FORMAT}; upgrade it"
            )
        config = read_config(path)
        try:
            with torch.device("meta"):
                unet, autoencoder = UNet(config.unet), AutoencoderKL(config.autoencoder)
                text, image = TextTower(config.text), ImageTower(config.image)
        except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError) as error:
            why = str(error).partition("\n")[0]  # torch goes on with a trace of its own
            raise CheckpointError(f"{path}: no network has this configuration: {why}") from error
        world = cls(
            name=_entry(path, metadata, "name"),
            config=config,
            unet=unet,
            autoencoder=autoencoder,
            text=text,
            image=image,
            tokenizer=_tokenizer(path, metadata, config.text),
            words=_words(path, metadata),
            card=_card(path, metadata),
        )
        tensors = int8.unpacked(safetensors.load(path, device, torch.float32))
        safetensors.check_claimed(tensors, tuple(world._parts))
        if broken := [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]:
            raise CheckpointError(f"{path}: {broken[0]} holds numbers that are not finite; download it again")
        for prefix, network in world._parts.items():
            safetensors.load_into(network, tensors, prefix)
            # a third faster on a CPU than channels-first; torch's annotations do not know this call
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            network.eval().requires_grad_(False)  # noqa: FBT003 - torch's own signature
        return world


def read_config(path: str | Path) -> WorldConfig:
    """The shape of the model in a file, by its header alone. Raises CheckpointError."""
    return parse(WorldConfig, _entry(path, read_header(path).metadata, "config"), f"{path}: sfumato.config")


def _check_calls(calls: Sequence[Call]) -> None:
    """Raise ValueError unless one forward of one network can answer them, and reads all that they tell."""
    if len({(id(call.extras), call.weaker) for call in calls}) > 1:
        raise ValueError("calls with different extras, or of different networks, cannot share a forward")
    if calls[0].extras.attention_mask is not None:
        raise ValueError("an attention mask among the extras: it belongs to each call's conditioning")
    if any(call.conditioning.vector is not None for call in calls):
        raise ValueError("a vector was given to a model of the picture world, which reads the context only")
    if any(call.conditioning.guidance is not None for call in calls):
        raise InputError("a scale of guidance was told to a model that was not distilled to read one")
    if any(call.conditioning.beside is not None for call in calls):
        raise ValueError("a picture was shown to a model of the picture world, which reads the context only")
    if any(call.conditioning.later is not None for call in calls):
        raise InputError("a refiner's words were given to a model of the picture world, which has none")


def _mask(told: Conditioning) -> Tensor:
    """Which places of the context (1, T, D) may be attended to, (1, T)."""
    return told.context.new_ones(told.context.shape[:2], dtype=torch.bool) if told.mask is None else told.mask


def _tokenizer(path: str | Path, metadata: Mapping[str, str], text: TextConfig) -> Tokenizer:
    """The file's tokenizer. Raises CheckpointError if the text tower could not read its tokens."""
    tokenizer = Tokenizer.from_json(_entry(path, metadata, "tokenizer"))
    if tokenizer.vocabulary_size > text.vocabulary or tokenizer.end != text.end:
        raise CheckpointError(
            f"{path}: a tokenizer of {tokenizer.vocabulary_size} tokens that ends a text by {tokenizer.end}, "
            f"a text tower of vocabulary {text.vocabulary} that looks for end {text.end}; download it again"
        )
    return tokenizer


def _entry(path: str | Path, metadata: Mapping[str, str], name: str) -> str:
    try:
        return metadata[f"sfumato.{name}"]
    except KeyError:
        raise CheckpointError(
            f"{path}: no sfumato.{name} in its header; this is not a model of ours"
        ) from None


def _words(path: str | Path, metadata: Mapping[str, str]) -> frozenset[str]:
    found = _decoded(path, metadata, "words")
    if not isinstance(found, list) or not all(isinstance(word, str) for word in cast("list[object]", found)):
        raise CheckpointError(f"{path}: sfumato.words is not a list of words")
    return frozenset(cast("list[str]", found))


def _card(path: str | Path, metadata: Mapping[str, str]) -> dict[str, object]:
    found = _decoded(path, metadata, "card")
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: sfumato.card is not an object of facts")
    return cast("dict[str, object]", found)


def _decoded(path: str | Path, metadata: Mapping[str, str], name: str) -> object:
    try:
        return json.loads(_entry(path, metadata, name))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: sfumato.{name} is not JSON: {error}") from error
