"""What a picture will be, seen long before it is finished: cheaply by a matrix, or in full by the decoder.

An autoencoder keeps colours where they are, so that a linear map from the channels of a place, and of those
around it, to colours shows most of a picture. For latents that everybody has, such maps were published; of
any other model one is fitted when it is first wanted, to what the model's own decoder makes of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd
from weakref import ref

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad, pixel_shuffle, pixel_unshuffle, unfold

from sfumato.diffusion.noise import SeededNoise
from sfumato.families.model import Model


@dataclass(frozen=True, eq=False)
class Glance:
    """A linear map from latents to pictures, ``fine`` pixels a side for each place of the latent.

    ``weights`` (3 * fine**2, C, k, k) reach over the k x k places around it; ``bias`` is (3 * fine**2,).
    """

    weights: Tensor
    bias: Tensor
    fine: int = 1

    def __call__(self, latent: Tensor) -> Tensor:
        """The picture (1, 3, fine * h, fine * w), within 0..1, of a latent (1, C, h, w)."""
        reach = self.weights.shape[2] // 2
        around = pad(latent, (reach,) * 4, mode="replicate")
        colours = conv2d(around, self.weights.to(latent), self.bias.to(latent))
        return pixel_shuffle(colours, self.fine).clamp(0, 1)


def _of_signed(rows: tuple[tuple[float, float, float], ...]) -> Glance:
    """Of one row (red, green, blue) for each channel, that make colours from -1 to 1."""
    return Glance(torch.tensor(rows).T[:, :, None, None] / 2, torch.full((3,), 0.5))


def _of_bytes(rows: tuple[tuple[float, ...], ...], bias: tuple[float, ...]) -> Glance:
    """Of one row of weights of the channels for each colour, that make colours from 0 to 255."""
    return Glance(torch.tensor(rows)[:, :, None, None] / 255, torch.tensor(bias) / 255)


def sd1() -> Glance:
    """Latents of Stable Diffusion 1 and 2, which share an autoencoder.

    Found by keturn on outputs of 1.4: discuss.huggingface.co, "Decoding latents to RGB without upscaling".
    """
    return _of_signed(
        ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473))
    )


def sdxl() -> Glance:
    """Latents of Stable Diffusion XL.

    By T. A. Vass, "Explaining the SDXL latent space", huggingface.co/blog, 2023.
    """
    return _of_bytes(
        ((60.0, -60.0, 25.0, -70.0), (60.0, -5.0, 15.0, -50.0), (60.0, 10.0, -5.0, -35.0)),
        (150.0, 140.0, 130.0),
    )


GLANCES: Mapping[str, Callable[[], Glance]] = {
    "sd1": sd1,
    "sd2": sd1,
    "sdxl": sdxl,
    "sdxl-refiner": sdxl,
}
"""The published maps, by family. To add one: a line here; a family without has one fitted."""

PLACES, SAMPLES = 16, 3  # of the latents that a map is fitted to
ROUGH, GRAIN = 0.8, 0.4  # deviations of their areas of 4x4 places and of their single places
RIDGE = 0.01
FINE = 4  # pixels a side for each place at most


def fitted(model: Model) -> Glance:
    """The map nearest to the model's decoder: ridge regression over what it makes of a few latents of noise.

    The same for the same weights. On the embedded model it takes three decoded pictures, some 100 ms on one
    core, and is within 24 dB (PSNR) of the decoder on what it draws; one matrix per place is within 20.5 dB,
    and one fitted to drawn latents, with the same reach, within 25 dB.
    """
    channels, shrink = model.blank(model.native).shape[1], _shrink(model)
    fine = gcd(FINE, shrink)
    latents = _noise(channels, model.blank(model.native))
    decoded = [model.decode(latents[each : each + 1]) for each in range(SAMPLES)]
    pictures = avg_pool2d(torch.cat(decoded), shrink // fine)
    seen = unfold(pad(latents, (1, 1, 1, 1), mode="replicate"), 3).flatten(2).transpose(1, 2)
    x = seen.reshape(-1, 9 * channels).cpu().double()  # (N, 9 C)
    colours = pixel_unshuffle(pictures, fine).permute(0, 2, 3, 1)
    y = colours.reshape(len(x), -1).cpu().double()  # (N, 3 fine**2)
    x = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
    squares = x.T @ x + RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    solved = np.linalg.solve(squares.numpy(), (x.T @ y).numpy())  # torch's own has no types
    found = torch.as_tensor(solved).float()  # (9 C + 1, 3 fine**2)
    return Glance(found[:-1].T.reshape(-1, channels, 3, 3), found[-1], fine)


def _noise(channels: int, like: Tensor) -> Tensor:
    """Latents with areas and grain, (SAMPLES, C, PLACES, PLACES), from a seed of their own."""
    noise = SeededNoise(0)
    areas = noise(torch.empty(SAMPLES, channels, PLACES // 4, PLACES // 4))
    grain = noise(torch.empty(SAMPLES, channels, PLACES, PLACES))
    smooth = interpolate(areas, size=(PLACES, PLACES), mode="bicubic")
    return (ROUGH * smooth + GRAIN * grain).to(like)


def _shrink(model: Model) -> int:
    """Pixels of a side for each place of a latent."""
    return model.native[0] // model.blank(model.native).shape[3]


class Previews:
    """Shows latents of one model, which it does not keep in memory; for the thread that runs it."""

    def __init__(self, model: Model) -> None:
        self._model = ref(model)
        self._glance: Glance | None = None

    @property
    def model(self) -> Model | None:
        """None once it was released."""
        return self._model()

    @torch.inference_mode()
    def quick(self, latent: Tensor) -> Image.Image:
        """A latent (1, C, h, w) as a small picture: one to four pixels a side for each of its places.

        ReferenceError if it takes the model, and that was released; so too in ``full``.
        """
        if self._glance is None:
            model = self._there()
            known = GLANCES.get(model.family)
            self._glance = fitted(model) if known is None else known()
        return _image(self._glance(latent.float()))

    @torch.inference_mode()
    def full(self, latent: Tensor) -> Image.Image:
        """The same at full size; it costs one pass of the decoder."""
        return _image(self._there().decode(latent))

    def _there(self) -> Model:
        model = self._model()
        if model is None:
            raise ReferenceError("the model of these previews was released")
        return model


def _image(picture: Tensor) -> Image.Image:
    rows = (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8)  # (H, W, 3)
    return Image.fromarray(rows.cpu().contiguous().numpy())
