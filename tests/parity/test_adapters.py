"""An adapter that PEFT trained and saved does to our networks what it does to diffusers' and transformers'.

Also the other way round: a file in kohya's manner that diffusers loads. PEFT spells LoHa and LoKr as LyCORIS
does, so it is the oracle for these too.
"""

import re
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from sfumato.adapters.attach import Wardrobe, merge
from sfumato.adapters.lora import Adapter, read_lora
from sfumato.adapters.names import Names, found
from sfumato.adapters.open import open_adapter
from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.models.clip import TextConfig, TextTower
from sfumato.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1, transformer_depth=(1, 1),
    mid_transformer_depth=1, heads=(2, 2), context_width=12, norm_groups=4, linear_projection=False,
    vector_width=0,
)  # fmt: skip
TEXT = TextConfig(
    vocabulary=50,
    length=8,
    end=49,
    width=12,
    layers=2,
    heads=2,
    hidden=24,
    activation="quick_gelu",
    projection=12,
)
WORDS = ["q_proj", "v_proj", "out_proj", "fc1"]
LINEAR = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "ff.net.2", "time_emb_proj"]
CONV = ["conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "conv_in", "conv_out"]
TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}


@dataclass
class Pair:
    """The same two networks, ours and theirs."""

    unet: UNet
    text: TextTower
    their_unet: UNet2DConditionModel
    their_text: CLIPTextModel

    @property
    def networks(self) -> dict[str, Names]:
        return {
            "unet": Names.of(self.unet, keys.unet(self.unet.state_dict().keys()).names),
            "text_encoder": Names.of(self.text),
        }


@pytest.fixture
def pair(randomise) -> Pair:
    their_unet = randomise(
        UNet2DConditionModel(
            in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D",) * 2, up_block_types=("CrossAttnUpBlock2D",) * 2,
            cross_attention_dim=12, norm_num_groups=4, attention_head_dim=2,
        )
    )  # fmt: skip
    their_text = randomise(
        CLIPTextModel(
            CLIPTextConfig(
                vocab_size=50, hidden_size=12, intermediate_size=24, num_hidden_layers=2,
                num_attention_heads=2, max_position_embeddings=8, hidden_act="quick_gelu", projection_dim=12,
                bos_token_id=0, eos_token_id=49, pad_token_id=49,
            )
        )
    )  # fmt: skip
    unet, text = UNet(CONFIG).eval(), TextTower(TEXT).eval()
    unet.load_state_dict(their_unet.state_dict())
    states = {
        f"text_model.{name.removeprefix('text_model.')}": x for name, x in their_text.state_dict().items()
    }
    own = text.state_dict()
    text.load_state_dict({name: states.get(name, own[name]) for name in own})
    return Pair(unet, text, their_unet, their_text)


X = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(1))
CONTEXT = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(2))
TIME = torch.tensor([981.0, 3.0])
IDS = torch.tensor([[0, 7, 9, 33, 49, 49, 49, 49]])


@torch.inference_mode()
def drawn(network: nn.Module) -> torch.Tensor:
    out = network(X, TIME, CONTEXT)
    return out if isinstance(out, torch.Tensor) else out.sample


@torch.inference_mode()
def said(network: nn.Module) -> torch.Tensor:
    out = network(IDS)
    return out[0] if isinstance(out, tuple) else out.last_hidden_state


def shaken(network: nn.Module, seed: int = 3) -> nn.Module:
    """PEFT begins with changes of zero: draw all that it added anew."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if "lora_magnitude" in name:
            parameter.data = parameter.data * (1 + 0.3 * torch.rand(parameter.shape, generator=generator))
        elif any(part in name for part in ("lora_", "hada_", "lokr_")):
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def worn(pair: Pair, adapter: Adapter, weight: float) -> torch.Tensor:
    wardrobe = Wardrobe(pair.unet)
    wardrobe.hang("ink", adapter.deltas["unet"])
    with wardrobe.worn([[("ink", weight)]] * 2):
        return drawn(pair.unet)


def agrees(ours: torch.Tensor, theirs: torch.Tensor, bare: torch.Tensor) -> None:
    assert (theirs - bare).abs().max() > 0.02  # else nothing was worn
    torch.testing.assert_close(ours, theirs, **TOLERANCE)


LORAS = {
    "LoRA": {"r": 4, "lora_alpha": 4, "target_modules": LINEAR},
    "LoRA with an alpha": {"r": 4, "lora_alpha": 6, "target_modules": LINEAR},
    "LoRA by the root of the rank": {"r": 4, "lora_alpha": 2, "use_rslora": True, "target_modules": LINEAR},
    "ranks and alphas by name": {
        "r": 4, "lora_alpha": 8, "target_modules": LINEAR,
        "rank_pattern": {"attn1.to_q": 2}, "alpha_pattern": {"attn1.to_q": 6, "to_k": 1},
    },
    "ranks and alphas by patterns": {
        "r": 4, "lora_alpha": 8, "target_modules": LINEAR,
        "rank_pattern": {r"attn[12]\.to_(q|v)": 2},
        "alpha_pattern": {r"attn\d.*_q": 6, "to_k": 0, "to_[v]": 1},
    },
    "LoCon": {"r": 3, "lora_alpha": 2, "target_modules": [*LINEAR, *CONV]},
    "DoRA": {"r": 4, "lora_alpha": 2, "use_dora": True, "target_modules": [*LINEAR, *CONV]},
    "biases": {"r": 4, "lora_alpha": 2, "lora_bias": True, "target_modules": ["to_out.0", "ff.net.2"]},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*lora_B.bias")  # PEFT takes its own biases for broken pieces
@pytest.mark.parametrize("kind", LORAS)
def test_what_diffusers_saves_is_worn_as_diffusers_wears_it(kind, pair, tmp_path):
    bare, config = drawn(pair.unet), LoraConfig(**LORAS[kind])
    pair.their_unet.add_adapter(config)
    shaken(pair.their_unet)
    StableDiffusionPipeline.save_lora_weights(
        tmp_path,
        unet_lora_layers=get_peft_model_state_dict(pair.their_unet),
        unet_lora_adapter_metadata=config.to_dict(),
    )
    opened = open_adapter(tmp_path)
    adapter = read_lora(opened.tensors, pair.networks, opened.metadata)
    assert adapter.unmatched == ()
    agrees(worn(pair, adapter, 1.0), drawn(pair.their_unet), bare)


@pytest.mark.parametrize("kind", ["LoRA with an alpha", "LoCon"])
def test_a_weight_other_than_one_is_as_in_diffusers(kind, pair, tmp_path):
    bare, config = drawn(pair.unet), LoraConfig(**LORAS[kind])
    pair.their_unet.add_adapter(config, adapter_name="ink")
    shaken(pair.their_unet)
    layers = get_peft_model_state_dict(pair.their_unet, adapter_name="ink")
    StableDiffusionPipeline.save_lora_weights(
        tmp_path, unet_lora_layers=layers, unet_lora_adapter_metadata=config.to_dict()
    )
    pair.their_unet.set_adapters("ink", 0.6)
    opened = open_adapter(tmp_path)
    adapter = read_lora(opened.tensors, pair.networks, opened.metadata)
    agrees(worn(pair, adapter, 0.6), drawn(pair.their_unet), bare)


@pytest.mark.parametrize(
    "config",
    [
        LoHaConfig(r=3, alpha=2, target_modules=[*LINEAR, *CONV]),
        LoHaConfig(r=3, alpha=2, use_effective_conv2d=True, target_modules=[*LINEAR, *CONV]),
        LoKrConfig(r=2, alpha=3, target_modules=LINEAR),
        LoKrConfig(r=2, alpha=3, decompose_both=True, decompose_factor=2, target_modules=[*LINEAR, *CONV]),
        LoKrConfig(r=1, alpha=3, use_effective_conv2d=True, decompose_factor=2, target_modules=CONV),
        LoraConfig(r=4, lora_alpha=6, target_modules=LINEAR),
    ],
    ids=["LoHa", "LoHa with cores", "LoKr", "LoKr in thin factors", "LoKr with cores", "LoRA"],
)
def test_the_folders_of_peft_are_worn_as_peft_wears_them(config, pair, tmp_path):
    bare = drawn(pair.unet)
    theirs = shaken(get_peft_model(pair.their_unet, config))
    theirs.save_pretrained(tmp_path)
    opened = open_adapter(tmp_path)
    adapter = read_lora(opened.tensors, pair.networks, opened.metadata)
    agrees(worn(pair, adapter, 1.0), drawn(theirs), bare)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute")
def test_several_adapters_are_worn_together_as_in_diffusers(pair):
    bare, wardrobe = drawn(pair.unet), Wardrobe(pair.unet)
    for name in ("ink", "wash"):
        pair.their_unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=LINEAR), adapter_name=name)
    shaken(pair.their_unet)
    for name in ("ink", "wash"):
        layers = get_peft_model_state_dict(pair.their_unet, adapter_name=name)
        tensors = Tensors.of({f"unet.{key}": tensor.detach() for key, tensor in layers.items()})
        wardrobe.hang(name, read_lora(tensors, pair.networks).deltas["unet"])
    pair.their_unet.set_adapters(["ink", "wash"], [0.7, -0.4])
    with wardrobe.worn([[("ink", 0.7), ("wash", -0.4)]] * 2):
        agrees(drawn(pair.unet), drawn(pair.their_unet), bare)


def kohya(pair: Pair) -> dict[str, torch.Tensor]:
    """A file as kohya's trainer writes it: some layers of the U-Net and of the words, alphas beside them."""
    generator = torch.Generator().manual_seed(4)
    written: dict[str, torch.Tensor] = {}
    for prefix, network, endings in (
        ("lora_unet_", pair.unet, (*LINEAR, "conv1", "conv2")),
        ("lora_te_", pair.text, WORDS),
    ):
        for place, leaf in network.named_modules():
            if not isinstance(leaf, nn.Linear | nn.Conv2d) or not place.endswith(tuple(endings)):
                continue
            outputs, inputs, *kernel = leaf.weight.shape
            name = prefix + place.replace(".", "_")
            down = torch.randn(3, inputs, *kernel, generator=generator)
            up = torch.randn(outputs, 3, *[1] * len(kernel), generator=generator)
            written[f"{name}.lora_down.weight"], written[f"{name}.lora_up.weight"] = 0.3 * down, 0.3 * up
            written[f"{name}.alpha"] = torch.tensor(2.0)
    return written


def test_a_file_of_kohya_is_worn_as_diffusers_wears_it(pair):
    written = kohya(pair)
    adapter = read_lora(Tensors.of(written), pair.networks)
    assert adapter.unmatched == ()
    bare, bare_words = drawn(pair.unet), said(pair.text)
    states, alphas = StableDiffusionPipeline.lora_state_dict(
        dict(written), unet_config=pair.their_unet.config
    )
    StableDiffusionPipeline.load_lora_into_unet(states, alphas, pair.their_unet, adapter_name="ink")
    StableDiffusionPipeline.load_lora_into_text_encoder(
        states, alphas, pair.their_text, prefix="text_encoder", adapter_name="ink"
    )
    agrees(worn(pair, adapter, 1.0), drawn(pair.their_unet), bare)
    wardrobe = Wardrobe(pair.text)
    wardrobe.hang("ink", adapter.deltas["text_encoder"])
    with wardrobe.worn([[("ink", 1.0)]]):
        agrees(said(pair.text), said(pair.their_text), bare_words)


def test_merged_into_the_weights_it_is_as_diffusers_fuses_it(pair):
    written = {name: x for name, x in kohya(pair).items() if name.startswith("lora_unet_")}
    adapter, bare = read_lora(Tensors.of(written), pair.networks), drawn(pair.unet)
    states, alphas = StableDiffusionPipeline.lora_state_dict(
        dict(written), unet_config=pair.their_unet.config
    )
    StableDiffusionPipeline.load_lora_into_unet(states, alphas, pair.their_unet, adapter_name="ink")
    pair.their_unet.fuse_lora(lora_scale=0.8)
    merged = merge(pair.unet, adapter.deltas["unet"], 0.8)
    agrees(drawn(pair.unet), drawn(pair.their_unet), bare)
    merged.undo()
    assert torch.equal(drawn(pair.unet), bare)


SDXL = UNetConfig(
    in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280), layers_per_block=2,
    transformer_depth=(0, 2, 10), mid_transformer_depth=10, heads=(5, 10, 20), context_width=2048,
    norm_groups=32, linear_projection=True, vector_width=2816,
)  # fmt: skip


@pytest.mark.parametrize("spelling", ["diffusers' blocks", "SGM's blocks"])
def test_kohyas_names_for_sdxl_mean_to_us_what_they_mean_to_diffusers(spelling):
    with torch.device("meta"):
        network = UNet(SDXL)
    names = Names.of(network, keys.unet(network.state_dict().keys()).names)
    leaves = [name for name, shape in names.leaves.items() if len(shape) > 1]  # no norms
    if spelling != "SGM's blocks":  # by which name alone diffusers knows these
        leaves = [name for name in leaves if not name.startswith("add_embedding")]
    written = {}
    for leaf in leaves:
        spelt = names.originals[leaf] if spelling == "SGM's blocks" else leaf
        name = "lora_unet_" + spelt.replace(".", "_")
        written |= {
            f"{name}.lora_down.weight": torch.zeros(1, 1),
            f"{name}.lora_up.weight": torch.zeros(1, 1),
        }
        assert found(name, {"unet": names}) == ("unet", leaf)
    states, _ = StableDiffusionXLPipeline.lora_state_dict(
        dict(written), unet_config=SimpleNamespace(layers_per_block=2)
    )
    theirs = [re.sub(r"[._]lora\.(down|up)\.weight$", "", name) for name in states]
    assert {found(name, {"unet": names}) for name in theirs} == {("unet", leaf) for leaf in leaves}
