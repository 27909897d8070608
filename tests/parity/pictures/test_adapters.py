"""With a LoRA or a learned word, a picture is the one that diffusers draws with the same file.

Also: who wears what in a batch is nobody else's business, and what was taken off is gone.
"""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from pipelines import drawing
from pipelines.adapters import write_embedding
from pipelines.drawing import assert_same, ours, theirs
from torch import nn

import sfumato
from sfumato.adapters.names import Names
from sfumato.checkpoints import keys
from sfumato.checkpoints.safetensors import digest
from sfumato.checkpoints.tensors import Tensors

# The reference hands tensors to numpy in the way of numpy 1.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute"),
]
RANK, WEIGHT = 4, 0.8
WORD = "blotch"
LAYERS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "ff.net.0.proj",
    "ff.net.2",
    "proj_in",
    "proj_out",
    "conv1",
    "conv2",
)
WORDS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
PARTS = {
    "sd1": {"text_encoder": "lora_te_"},
    "sdxl": {"text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"},
}


@pytest.fixture(scope="module")
def painters(pipelines):
    return {name: sfumato.load(pipelines.folder(name)) for name in PARTS}


def kohya(name: str, painter: sfumato.Painter, seed: int = 0) -> dict[str, torch.Tensor]:
    """A LoRA as kohya's trainer writes it; for SDXL with SGM's names of blocks, as most are."""
    unet = painter.model.unet
    originals = Names.of(unet, keys.unet(tuple(unet.state_dict())).names).originals
    written, generator = {}, torch.Generator().manual_seed(seed)
    towers = {reader.part: reader.tower for reader in painter.model.readers}
    networks = [("lora_unet_", unet, LAYERS)]
    networks += [(prefix, towers[part], WORDS) for part, prefix in PARTS[name].items()]
    for prefix, network, endings in networks:
        for place, leaf in network.named_modules():
            if not isinstance(leaf, nn.Linear | nn.Conv2d) or not place.endswith(endings):
                continue
            outputs, inputs, *kernel = leaf.weight.shape
            spelt = originals[place] if name == "sdxl" and network is unet else place
            spelt = prefix + spelt.replace(".", "_")
            spread = 0.5 / (leaf.weight[0].numel() * RANK) ** 0.5
            down = torch.randn(RANK, inputs, *kernel, generator=generator)
            up = torch.randn(outputs, RANK, *[1] * len(kernel), generator=generator)
            written[f"{spelt}.lora_down.weight"], written[f"{spelt}.lora_up.weight"] = spread * down, up
            written[f"{spelt}.alpha"] = torch.tensor(RANK / 2)
    return written


def hung(painter: sfumato.Painter, name: str, tensors: dict[str, torch.Tensor]) -> None:
    (report,) = painter.model.closet.hang(name, Tensors.of(tensors), {})
    assert "in the names of kohya" in report


@pytest.mark.parametrize("name", PARTS)
def test_the_picture_with_a_lora_is_that_of_diffusers(name, pipelines, painters):
    painter, pipe = painters[name], copy.deepcopy(pipelines.reference(name))
    written, bare = kohya(name, painter), ours(painters[name])
    pipe.load_lora_weights(dict(written), adapter_name="ink")
    pipe.set_adapters("ink", WEIGHT)
    expected = theirs(pipe, painter)
    hung(painter, "ink", written)
    got = ours(painter, adapters=(("ink", WEIGHT, WEIGHT),))
    assert np.abs(got - bare).mean() > 2
    assert_same(got, expected)
    np.testing.assert_array_equal(ours(painter), bare)  # not worn
    painter.model.closet.remove("ink")
    np.testing.assert_array_equal(ours(painter), bare)


def test_each_picture_of_a_batch_wears_its_own_bit_for_bit(painters):
    painter = painters["sd1"]
    files = {name: kohya("sd1", painter, seed) for seed, name in enumerate(("ink", "wash"))}
    for name, written in files.items():
        hung(painter, name, written)
    wish = partial(painter.request, "two green fish", seed=1, steps=3, size=(64, 64), sampler="euler")
    worn = [(), (("ink", 0.8, 0.8),), (("wash", 1.0, 0.0),), (("ink", -0.5, 0.3), ("wash", 0.5, 0.5))]
    requests = [wish(adapters=adapters) for adapters in worn]
    together = [picture.image.tobytes() for picture in painter.batch(requests)]
    assert together == [painter(request).image.tobytes() for request in requests]
    assert len(set(together)) == len(worn)
    for name in files:
        painter.model.closet.remove(name)


@pytest.mark.parametrize("name", PARTS)
def test_the_picture_of_a_learned_word_is_that_of_diffusers(name, pipelines, painters, monkeypatch):
    painter, pipe = painters[name], copy.deepcopy(pipelines.reference(name))
    monkeypatch.setattr(drawing, "PROMPT", f"a {WORD} by the sea, {WORD}")
    bare = ours(painter)
    widths = {reader.part: reader.tower.config.width for reader in painter.model.readers}
    generator = torch.Generator().manual_seed(3)
    vectors = {part: 0.5 * torch.randn(3, width, generator=generator) for part, width in widths.items()}
    for part, tokenizer in (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")):
        if part in vectors:
            pipe.load_textual_inversion(
                vectors[part],
                token=WORD,
                text_encoder=getattr(pipe, part),
                tokenizer=getattr(pipe, tokenizer),
            )
    expected = theirs(pipe, painter)
    spelt = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
    painter.model.closet.learn(WORD, Tensors.of({spelt[part]: each for part, each in vectors.items()}))
    got = ours(painter)
    painter.model.closet.remove(WORD)
    assert np.abs(got - bare).mean() > 2
    assert_same(got, expected)


def test_a_recipe_tells_the_learned_words_that_were_read_and_no_others(pipelines, tmp_path):
    painter = sfumato.load(pipelines.folder("sd1"))
    path = write_embedding(pipelines.reference("sd1"), tmp_path / "fog.safetensors")
    painter.learn(path)
    few = {"seed": 1, "steps": 1, "size": (64, 64), "sampler": "euler"}
    told = {"word fog": digest(path)}
    assert painter("a Fog castle", **few).recipe().files == told
    assert painter("a castle", guidance='compose(4, ["fog", 3])', **few).recipe().files == told
    assert painter("a foggy castle", **few).recipe().files == {}
