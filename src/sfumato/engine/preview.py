"""What a picture will be, seen long before it is finished: cheaply by a matrix, or in full by the decoder."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from sfumato.families.model import Model


class Previews:
    """Shows latents of one model. Ask inside ``torch.inference_mode``, on the thread that runs the model."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def quick(self, latent: Tensor) -> Image.Image:
        """A latent (1, C, h, w) as a small picture, by one matrix from its channels to colours."""
        raise NotImplementedError

    def full(self, latent: Tensor) -> Image.Image:
        """The same through the decoder, at full size."""
        raise NotImplementedError
