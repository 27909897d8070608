import pytest
import torch

from sfumato.adapters.closet import Closet
from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.prediction import FLOW
from sfumato.diffusion.protocol import Conditioning
from sfumato.errors import InputError
from sfumato.families.model import Encoded


class Glass:
    """A model without networks, through which one can see: it keeps every list of rows it was handed."""

    name, family, native = "glass", "glass", (8, 8)

    prediction = FLOW
    channels_beside = 0
    notes = ()

    def __init__(self):
        self.closet = Closet(towers={})
        self.forwards = []
        self.texts = []
        self.looks = []

    def check_size(self, size):
        if size == (5, 5):
            raise InputError("5x5 cannot be drawn")

    def fitting(self, size):
        return size

    def blank(self, size):
        return torch.zeros(1, 2, size[1], size[0])

    def levels(self, steps, spacing):
        return flow_uniform(steps)

    def lane(self, call):
        return call.weaker, call.conditioning.adapters

    def encode(self, wordings):
        texts = [wording.text for wording in wordings]
        self.texts += texts
        return [
            Encoded(Conditioning(torch.full((1, 3, 4), float(len(text)))), (f"read {text}",))
            for text in texts
        ]

    def denoise(self, calls):
        self.forwards.append(list(calls))
        if any(call.conditioning.context[0, 0, 0] == len("poison") for call in calls):
            raise RuntimeError("out of memory")
        return [
            0.5 * call.x / (1 + call.level.sigma) + call.conditioning.context.mean() / 9 for call in calls
        ]

    def beside(self, picture, mask):
        self.looks.append((picture, mask))
        return torch.full(
            (1, self.channels_beside, *self.blank((picture.shape[3], picture.shape[2])).shape[2:]), 0.5
        )

    def decode(self, latent):
        return latent[:, :1].expand(-1, 3, -1, -1).sigmoid()


@pytest.fixture
def glass():
    return Glass()
