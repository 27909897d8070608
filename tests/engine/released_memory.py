"""Run by test_residency.py in a process of its own: what it holds while models come and go, as JSON."""

import json
import sys
from pathlib import Path

import torch

from sfumato import families
from sfumato.engine.footprint import foreseen_bytes, held_bytes
from sfumato.engine.residency import Residency
from sfumato.families.loading import LOADING
from sfumato.families.world import World, WorldConfig
from sfumato.models.clip import ImageConfig, ImageTower, TextConfig, TextTower
from sfumato.models.unet import UNet, UNetConfig
from sfumato.models.vae import AutoencoderConfig, AutoencoderKL
from sfumato.train.tokenizer import train_tokenizer


def written(path):
    """A world of some 100 MB, in layers of the sizes that real models have."""
    tokenizer = train_tokenizer(["a red cat to the left of a blue car"], 300)
    tower = {"width": 16, "layers": 1, "heads": 2, "hidden": 32, "activation": "gelu", "projection": 8}
    config = WorldConfig(
        unet=UNetConfig(
            in_channels=2, out_channels=2, block_out_channels=(64, 128, 256), layers_per_block=2,
            transformer_depth=(0, 1, 1), mid_transformer_depth=1, heads=(4, 4, 4), context_width=16,
            norm_groups=8, linear_projection=True, vector_width=0,
        ),
        autoencoder=AutoencoderConfig(
            in_channels=3, latent_channels=2, block_out_channels=(8, 8), layers_per_block=1, norm_groups=4,
            patch_size=1, mid_attention=False, quant_conv=False,
        ),
        text=TextConfig(vocabulary=tokenizer.vocabulary_size, length=77, end=1, **tower),
        image=ImageConfig(size=16, patch=8, **tower),
        latent_mean=(0.1, -0.2), latent_std=(0.5, 2.0), prediction="flow",
        native=(16, 16), multiple=8, smallest=8, largest=32,
    )  # fmt: skip
    World(
        name="wide", config=config, unet=UNet(config.unet), autoencoder=AutoencoderKL(config.autoencoder),
        text=TextTower(config.text), image=ImageTower(config.image), tokenizer=tokenizer,
        words=frozenset({"cat"}), card={"licence": "Apache-2.0"},
    ).save(path)  # fmt: skip
    return path


class Worlds:
    """A maker that loads one file, whatever it is called."""

    def __init__(self, path):
        self.path = path

    def foreseen(self, name):
        return foreseen_bytes(self.path, LOADING)

    def make(self, name):
        return families.load(self.path)

    def foreseen_beside(self, name, beside):
        raise AssertionError

    hang = remove = foreseen_beside

    def weigh(self, made):
        return held_bytes(made)


def resident():
    """The bytes of this process that lie in memory. It asks for nothing to be given back: that was done."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def drawn(model):
    """Answer a row, so that all that running leaves behind is there."""
    from sfumato.diffusion.protocol import Call, Level
    from sfumato.families.model import Wording

    with torch.inference_mode():
        (told,) = model.encode([Wording(text="cat")])
        model.denoise([Call(model.blank((16, 16)), Level(0.5, 0.5), told.conditioning)])


def main(folder):
    path = written(Path(folder, "wide.safetensors"))
    one = foreseen_bytes(path, LOADING)
    residency = Residency(Worlds(path), budget=int(2.2 * one))
    with residency.lent("0") as model:
        drawn(model)
    del model
    residency.release("0")
    told = {"one": one, "before": resident()}
    for name in "1234":
        with residency.lent(name) as model:
            drawn(model)
        del model
        if name == "2":
            told["loaded"] = resident()
    told["full"] = resident()
    for name in list(residency.resident):
        residency.release(name)
    told["released"] = resident()
    print(json.dumps(told))  # noqa: T201


main(sys.argv[1])
