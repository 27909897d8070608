"""Whatever its trainer called things, an adapter's file says the same; what cannot be used is named."""

import json

import pytest
import torch
from torch import Tensor

from sfumato.adapters.lora import read_lora
from sfumato.adapters.names import Names, found
from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError
from sfumato.models.clip import TextConfig, TextTower
from sfumato.models.unet import UNet, UNetConfig

TEXT = TextConfig(
    vocabulary=20, length=8, end=19, width=12, layers=1, heads=2, hidden=24, activation="gelu", projection=6
)
TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
TO_OUT = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0"
Q_PROJ = "text_model.encoder.layers.0.self_attn.q_proj"
CONV = "down_blocks.0.resnets.0.conv1"


def names_of(network: UNet) -> Names:
    return Names.of(network, keys.unet(network.state_dict().keys()).names)


@pytest.fixture
def networks(unet: UNet) -> dict[str, Names]:
    return {"unet": names_of(unet), "text_encoder": Names.of(TextTower(TEXT))}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pair(
    name: str, networks: dict[str, Names], part: str = "unet", *, rank: int = 4
) -> tuple[Tensor, Tensor]:
    outputs, inputs, *kernel = networks[part].leaves[name]
    return random(rank, inputs, *kernel), random(outputs, rank, *[1] * len(kernel), seed=1)


def file(written: dict[str, Tensor]) -> Tensors:
    return Tensors.of(written)


# dialects -----------------------------------------------------------------------------------------

DIALECTS = {
    "kohya": (
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0",
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        ".lora_down.weight", ".lora_up.weight",
    ),
    "kohya, SDXL with SGM's block names": (
        "lora_unet_input_blocks_3_1_transformer_blocks_0_attn1_to_q",
        "lora_unet_input_blocks_3_1_transformer_blocks_0_attn1_to_out_0",
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
        ".lora_down.weight", ".lora_up.weight",
    ),
    "diffusers with PEFT": (
        f"unet.{TO_Q}", f"unet.{TO_OUT}", f"text_encoder.{Q_PROJ}", ".lora_A.weight", ".lora_B.weight",
    ),
    "diffusers with transformers 5": (
        f"unet.{TO_Q}", f"unet.{TO_OUT}", f"text_encoder.{Q_PROJ.removeprefix('text_model.')}",
        ".lora_A.weight", ".lora_B.weight",
    ),
    "diffusers between": (
        f"unet.{TO_Q}", f"unet.{TO_OUT}", f"text_encoder.{Q_PROJ}", ".lora.down.weight", ".lora.up.weight",
    ),
    "diffusers' text encoders": (
        f"unet.{TO_Q}", f"unet.{TO_OUT}", f"text_encoder.{Q_PROJ}",
        ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight",
    ),
    "PEFT": (
        f"base_model.model.{TO_Q}", f"base_model.model.{TO_OUT}", f"base_model.model.{Q_PROJ}",
        ".lora_A.weight", ".lora_B.weight",
    ),
    "PEFT in memory": (
        f"base_model.model.{TO_Q}", f"base_model.model.{TO_OUT}", f"base_model.model.{Q_PROJ}",
        ".lora_A.my-style.weight", ".lora_B.my-style.weight",
    ),
    "old diffusers": (
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora",
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora",
        "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora",
        ".down.weight", ".up.weight",
    ),
    "oldest diffusers": (
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora",
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora",
        f"text_encoder.{Q_PROJ}_lora",
        ".down.weight", ".up.weight",
    ),
    "OneTrainer's OMI": (
        "unet.input_blocks.3.1.transformer_blocks.0.attn1.to_q",
        "unet.input_blocks.3.1.transformer_blocks.0.attn1.to_out.0",
        f"clip_l.{Q_PROJ}",
        ".lora_down.weight", ".lora_up.weight",
    ),
    "ComfyUI": (
        "diffusion_model.input_blocks.3.1.transformer_blocks.0.attn1.to_q",
        "diffusion_model.input_blocks.3.1.transformer_blocks.0.attn1.to_out.0",
        f"text_encoders.clip_l.transformer.{Q_PROJ}",
        ".lora_down.weight", ".lora_up.weight",
    ),
    "LyCORIS alone": (
        "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
        "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0",
        "lycoris_text_model_encoder_layers_0_self_attn_q_proj",
        ".lora_down.weight", ".lora_up.weight",
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_names_the_same_leaves(dialect, networks):
    *names, down, up = DIALECTS[dialect]
    leaves = [("unet", TO_Q), ("unet", TO_OUT), ("text_encoder", Q_PROJ)]
    written = {}
    for name, (part, leaf) in zip(names, leaves, strict=True):
        written[name + down], written[name + up] = pair(leaf, networks, part)
    adapter = read_lora(file(written), networks)
    assert {(part, leaf) for part, deltas in adapter.deltas.items() for leaf in deltas} == set(leaves)
    assert adapter.unmatched == ()
    for name, (part, leaf) in zip(names, leaves, strict=True):
        weight = torch.zeros(networks[part].leaves[leaf])
        delta = adapter.deltas[part][leaf].change.delta(weight)
        torch.testing.assert_close(delta, written[name + up] @ written[name + down])


SD15 = UNetConfig(
    in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2,
    transformer_depth=(1, 1, 1, 0), mid_transformer_depth=1, heads=(8, 8, 8, 8), context_width=768,
    norm_groups=32, linear_projection=False, vector_width=0,
)  # fmt: skip
SDXL = UNetConfig(
    in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280), layers_per_block=2,
    transformer_depth=(0, 2, 10), mid_transformer_depth=10, heads=(5, 10, 20), context_width=2048,
    norm_groups=32, linear_projection=True, vector_width=2816,
)  # fmt: skip


@pytest.mark.parametrize(("config", "count"), [(SD15, 391), (SDXL, 1050)], ids=["SD 1.5", "SDXL"])
def test_every_layer_of_the_real_unets_is_found_by_each_of_its_names(config, count):
    with torch.device("meta"):
        names = names_of(UNet(config))
    assert len(names.leaves) == count
    for leaf in names.leaves:
        original = names.originals[leaf]
        spelt = [f"unet.{leaf}", f"base_model.model.{leaf}", f"diffusion_model.{original}"]
        spelt += ["lora_unet_" + name.replace(".", "_") for name in (leaf, original)]
        assert {found(name, {"unet": names}) for name in spelt} == {("unet", leaf)}


def test_the_layers_outside_the_blocks_of_sdxl_are_found():
    with torch.device("meta"):
        names = names_of(UNet(SDXL))
    places = {
        "lora_unet_time_embed_0": "time_embedding.linear_1",
        "lora_unet_label_emb_0_0": "add_embedding.linear_1",
        "lora_unet_input_blocks_0_0": "conv_in",
        "lora_unet_input_blocks_3_0_op": "down_blocks.0.downsamplers.0.conv",
        "lora_unet_output_blocks_2_2_conv": "up_blocks.0.upsamplers.0.conv",
        "lora_unet_output_blocks_0_0_skip_connection": "up_blocks.0.resnets.0.conv_shortcut",
        "lora_unet_middle_block_1_proj_in": "mid_block.attentions.0.proj_in",
        "lora_unet_out_2": "conv_out",
    }
    for spelt, leaf in places.items():
        assert found(spelt, {"unet": names}) == ("unet", leaf)


def test_a_hostile_name_is_no_layer_and_costs_nothing(networks):
    assert found("base_model.model." * 100_000 + TO_Q, networks) is None
    assert found("lycoris_base_model.model." + TO_Q, networks) == ("unet", TO_Q)


def test_a_name_that_two_text_towers_have_is_not_guessed(networks):
    both = {"text_encoder": networks["text_encoder"], "text_encoder_2": networks["text_encoder"]}
    with pytest.raises(CheckpointError, match="may be a layer of the text_encoder or the text_encoder_2"):
        found(f"base_model.model.{Q_PROJ}", both)


# algorithms, each against its formula written down once more ---------------------------------------


def delta_of(written: dict[str, Tensor], networks, leaf: str, metadata=None) -> Tensor:
    adapter = read_lora(file(written), networks, metadata)
    weight = random(*networks["unet"].leaves[leaf], seed=7)
    return adapter.deltas["unet"][leaf].change.delta(weight)


def test_lora_is_up_times_down_times_alpha_by_rank(networks):
    down, up = pair(TO_Q, networks)
    name = "lora_unet_" + TO_Q.replace(".", "_")
    written = {
        f"{name}.lora_down.weight": down,
        f"{name}.lora_up.weight": up,
        f"{name}.alpha": torch.tensor(2.0),
    }
    expected = torch.stack([sum(up[o, r] * down[r] for r in range(4)) for o in range(len(up))]) * 2 / 4
    torch.testing.assert_close(delta_of(written, networks, TO_Q), expected)


@pytest.mark.parametrize("alpha", [torch.tensor(2), torch.tensor([2.0]), torch.tensor(2.0).bfloat16()])
def test_alphas_are_read_however_they_were_stored(alpha, networks):
    down, up = pair(TO_Q, networks)
    name = "lora_unet_" + TO_Q.replace(".", "_")
    written = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": alpha}
    torch.testing.assert_close(delta_of(written, networks, TO_Q), (up @ down) / 2)


def test_lora_without_alpha_counts_once(networks):
    down, up = pair(TO_Q, networks)
    written = {f"unet.{TO_Q}.lora_A.weight": down, f"unet.{TO_Q}.lora_B.weight": up}
    torch.testing.assert_close(delta_of(written, networks, TO_Q), up @ down)


def test_locon_is_a_convolution_then_a_mixing_of_channels(networks):
    down, up = pair(CONV, networks)
    written = {f"lora_unet_{CONV}.lora_down.weight": down, f"lora_unet_{CONV}.lora_up.weight": up}
    x = random(1, 8, 5, 5, seed=3)
    expected = torch.conv2d(torch.conv2d(x, down, padding=1), up)
    delta = delta_of(written, networks, CONV)
    torch.testing.assert_close(torch.conv2d(x, delta, padding=1), expected, atol=1e-4, rtol=1e-4)


def test_locon_with_a_middle_is_three_convolutions(networks):
    down, mid, up = random(4, 8, 1, 1), random(4, 4, 3, 3, seed=1), random(8, 4, 1, 1, seed=2)
    written = {
        f"lora_unet_{CONV}.lora_down.weight": down,
        f"lora_unet_{CONV}.lora_mid.weight": mid,
        f"lora_unet_{CONV}.lora_up.weight": up,
    }
    x = random(1, 8, 5, 5, seed=3)
    expected = torch.conv2d(torch.conv2d(torch.conv2d(x, down), mid, padding=1), up)
    delta = delta_of(written, networks, CONV)
    torch.testing.assert_close(torch.conv2d(x, delta, padding=1), expected, atol=1e-4, rtol=1e-4)


def test_loha_is_the_elementwise_product_of_two_products(networks):
    a, b = ((random(16, 4, seed=s), random(4, 16, seed=s + 1)) for s in (1, 3))
    name = f"lora_unet_{TO_Q}".replace(".", "_")
    written = {f"{name}.hada_w1_a": a[0], f"{name}.hada_w1_b": a[1], f"{name}.hada_w2_a": b[0]}
    written |= {f"{name}.hada_w2_b": b[1], f"{name}.alpha": torch.tensor(1.0)}
    expected = torch.empty(16, 16)
    for o in range(16):
        for i in range(16):
            expected[o, i] = (a[0][o] @ a[1][:, i]) * (b[0][o] @ b[1][:, i]) / 4
    torch.testing.assert_close(delta_of(written, networks, TO_Q), expected)


def test_loha_of_a_convolution_without_a_core_is_reshaped(networks):
    a, b = ((random(8, 4, seed=s), random(4, 8 * 9, seed=s + 1)) for s in (1, 3))
    written = {
        f"lora_unet_{CONV}.hada_w{n}_{x}": t
        for n, p in ((1, a), (2, b))
        for x, t in zip("ab", p, strict=True)
    }
    expected = ((a[0] @ a[1]) * (b[0] @ b[1])).reshape(8, 8, 3, 3)
    torch.testing.assert_close(delta_of(written, networks, CONV), expected)


def test_loha_with_cores_is_the_product_of_two_tucker_products(networks):
    written, product = {}, 1.0
    for n in (1, 2):
        core, a, b = random(4, 4, 3, 3, seed=n), random(4, 8, seed=n + 2), random(4, 8, seed=n + 4)
        written |= {
            f"lora_unet_{CONV}.hada_{k}": t for k, t in ((f"t{n}", core), (f"w{n}_a", a), (f"w{n}_b", b))
        }
        whole = torch.zeros(8, 8, 3, 3)
        for i in range(4):
            for j in range(4):
                whole += a[i][:, None, None, None] * b[j][None, :, None, None] * core[i, j]
        product = product * whole
    torch.testing.assert_close(delta_of(written, networks, CONV), product, atol=1e-5, rtol=1e-5)


def blocks(first: Tensor, second: Tensor) -> Tensor:
    """The Kronecker product as blocks: ``second`` as often as ``first`` has entries, each times its entry."""
    rows = [torch.cat([entry * second for entry in row], dim=1) for row in first]
    return torch.cat(rows, dim=0)


def test_lokr_is_a_kronecker_product_of_full_factors_and_heeds_no_alpha(networks):
    first, second = random(4, 2), random(4, 8, seed=1)
    name = f"lora_unet_{TO_Q}".replace(".", "_")
    written = {f"{name}.lokr_w1": first, f"{name}.lokr_w2": second, f"{name}.alpha": torch.tensor(7.0)}
    torch.testing.assert_close(delta_of(written, networks, TO_Q), blocks(first, second))


def test_lokr_with_thin_factors_counts_alpha_by_rank(networks):
    w1a, w1b, w2a, w2b = random(4, 3), random(3, 2, seed=1), random(4, 3, seed=2), random(3, 8, seed=3)
    written = {
        f"lycoris_{TO_Q}.lokr_{n}": t for n, t in (("w1_a", w1a), ("w1_b", w1b), ("w2_a", w2a), ("w2_b", w2b))
    }
    written[f"lycoris_{TO_Q}.alpha"] = torch.tensor(6.0)
    torch.testing.assert_close(delta_of(written, networks, TO_Q), 2 * blocks(w1a @ w1b, w2a @ w2b))


@pytest.mark.parametrize("core", [False, True])
def test_lokr_of_a_convolution(core, networks):
    first = random(2, 4)
    if core:
        t2, a, b = random(3, 3, 3, 3, seed=1), random(3, 4, seed=2), random(3, 2, seed=3)
        second = sum(
            a[i][:, None, None, None] * b[j][None, :, None, None] * t2[i, j]
            for i in range(3)
            for j in range(3)
        )
        thin = {"lokr_t2": t2, "lokr_w2_a": a, "lokr_w2_b": b}
    else:
        a, b = random(4, 3, seed=2), random(3, 2 * 9, seed=3)
        second, thin = (a @ b).reshape(4, 2, 3, 3), {"lokr_w2_a": a, "lokr_w2_b": b}
    written = {f"lora_unet_{CONV}.{n}": t for n, t in {"lokr_w1": first, **thin}.items()}
    expected = torch.stack([blocks(first, second[:, :, y, x]) for y in range(3) for x in range(3)], -1)
    delta = delta_of(written, networks, CONV)
    torch.testing.assert_close(delta, expected.unflatten(-1, (3, 3)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("leaf", [TO_Q, CONV])
def test_dora_gives_every_row_or_column_its_length(axis, leaf, networks):
    down, up = pair(leaf, networks)
    shape = [1] * len(networks["unet"].leaves[leaf])
    shape[axis] = networks["unet"].leaves[leaf][axis]
    lengths = random(*shape, seed=5).abs() + 0.5
    name = "lora_unet_" + leaf.replace(".", "_")
    written = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.dora_scale": lengths}
    weight = random(*networks["unet"].leaves[leaf], seed=7)
    changed = weight + delta_of(written, networks, leaf)
    for place, length in enumerate(lengths.flatten()):
        assert changed.select(axis, place).norm().item() == pytest.approx(length.item(), rel=1e-5)
    whole = weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
    parallel = torch.cosine_similarity(
        changed.select(axis, 3).flatten(), whole.select(axis, 3).flatten(), dim=0
    )
    assert parallel.item() == pytest.approx(1.0, abs=1e-5)


def test_pefts_lengths_are_of_outputs_even_where_their_shape_says_inputs(networks):
    down, up = pair(CONV, networks)
    lengths = torch.arange(1.0, 9.0)
    written = {f"unet.{CONV}.lora_A.weight": down, f"unet.{CONV}.lora_B.weight": up}
    written[f"unet.{CONV}.lora_magnitude_vector.weight"] = lengths[None, :, None, None]
    changed = random(*networks["unet"].leaves[CONV], seed=7) + delta_of(written, networks, CONV)
    torch.testing.assert_close(changed.flatten(1).norm(dim=1), lengths)


def test_differences_are_added_to_weights_biases_and_norms(networks):
    norm, weight = "lora_unet_down_blocks_0_resnets_0_norm1", f"lora_unet_{CONV}"
    written = {
        f"{norm}.w_norm": random(8), f"{norm}.b_norm": random(8, seed=1),
        f"{weight}.diff": random(8, 8, 3, 3), f"{weight}.diff_b": random(8, seed=2),
    }  # fmt: skip
    adapter = read_lora(file(written), networks)
    deltas = adapter.deltas["unet"]
    assert adapter.kinds == ("difference",)
    assert torch.equal(deltas["down_blocks.0.resnets.0.norm1"].change.delta(torch.zeros(8)), random(8))
    assert torch.equal(deltas["down_blocks.0.resnets.0.norm1"].bias, random(8, seed=1))
    assert torch.equal(deltas[CONV].change.delta(torch.zeros(8, 8, 3, 3)), random(8, 8, 3, 3))
    assert torch.equal(deltas[CONV].bias, random(8, seed=2))


def test_a_matrix_fits_a_convolution_of_one_pixel_and_the_other_way_round(networks):
    proj, linear = "down_blocks.1.attentions.0.proj_in", TO_Q
    written = {}
    for leaf, ones in ((proj, []), (linear, [1, 1])):
        name = "lora_unet_" + leaf.replace(".", "_")
        written[f"{name}.lora_down.weight"] = random(4, 16, *ones)
        written[f"{name}.lora_up.weight"] = random(16, 4, *ones, seed=1)
    expected = random(16, 4, seed=1) @ random(4, 16)
    torch.testing.assert_close(delta_of(written, networks, proj), expected[:, :, None, None])
    torch.testing.assert_close(delta_of(written, networks, linear), expected)


# PEFT's settings -----------------------------------------------------------------------------------

SETTINGS = {
    "an alpha for all": ({"unet.lora_alpha": 8, "unet.r": 4}, 2.0),
    "by the root of the rank": ({"unet.lora_alpha": 8, "unet.r": 4, "unet.use_rslora": True}, 4.0),
    "an exception by name": ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 2}}, 0.5),
    "an exception with an anchor": ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"^" + TO_Q: 2}}, 0.5),
    "an exception for another": ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"n1.to_q": 2}}, 2.0),
    "an exception by a pattern": ({"lora_alpha": 8, "alpha_pattern": {r"attn\d\.(to_q|to_v)": 2}}, 0.5),
    "the first of two patterns": ({"lora_alpha": 8, "alpha_pattern": {"to_.": 2, "to_q": 6}}, 0.5),
    "a pattern for the whole name": ({"lora_alpha": 8, "alpha_pattern": {"^down.*to_q": 2}}, 0.5),
    "a pattern anchored elsewhere": ({"lora_alpha": 8, "alpha_pattern": {"^attn1.to_q": 2}}, 2.0),
    "an exception of nothing": ({"lora_alpha": 8, "alpha_pattern": {"to_q": 0}}, 0.0),
    "an alpha of nothing": ({"lora_alpha": 0, "alpha": 8}, 0.0),
    "of a folder, without the network's name": ({"lora_alpha": 8, "r": 4}, 2.0),
    "of the text encoder alone": ({"text_encoder.lora_alpha": 8}, 1.0),
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_alphas_in_pefts_settings_are_heeded(settings, networks):
    told, scale = SETTINGS[settings]
    down, up = pair(TO_Q, networks)
    written = {f"unet.{TO_Q}.lora_A.weight": down, f"unet.{TO_Q}.lora_B.weight": up}
    metadata = {"lora_adapter_metadata": json.dumps(told)}
    torch.testing.assert_close(delta_of(written, networks, TO_Q, metadata), scale * (up @ down))


def test_full_factors_of_lokr_count_by_the_rank_that_a_pattern_says(networks):
    first, second = random(4, 4), random(4, 4, seed=1)
    written = {f"base_model.model.{TO_Q}.lokr_w1": first, f"base_model.model.{TO_Q}.lokr_w2": second}
    settings = {"r": 8, "alpha": 8, "rank_pattern": {r"attn1\.to_\w+": 2}}
    metadata = {"lora_adapter_metadata": json.dumps(settings)}
    torch.testing.assert_close(delta_of(written, networks, TO_Q, metadata), 4 * torch.kron(first, second))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("to_(q", r"'to_\(q' is no regular expression \(missing \)"),
        ("to_q|" * 50, "at most 200 characters"),
        (r"(\w+\.?)+x", "none of a group: write names"),
        (r".*.*.*.*x", "at most 200 characters and 3 repeats"),
        ("(|)" * 21 + "x", "may take hours"),
        (r"(?#[)(\w+\.?)+x(?#])", "may take hours"),
    ],
)
def test_patterns_that_are_none_or_take_hours_are_refused(key, reason, networks):
    down, up = pair(TO_Q, networks)
    written = {f"unet.{TO_Q}.lora_A.weight": down, f"unet.{TO_Q}.lora_B.weight": up}
    metadata = {"lora_adapter_metadata": json.dumps({"unet.alpha_pattern": {key: 2}})}
    with pytest.raises(CheckpointError, match=reason):
        read_lora(file(written), networks, metadata)


def test_settings_that_are_not_json_are_an_error(networks):
    down, up = pair(TO_Q, networks)
    written = {f"unet.{TO_Q}.lora_A.weight": down, f"unet.{TO_Q}.lora_B.weight": up}
    with pytest.raises(CheckpointError, match="lora_adapter_metadata in the adapter's header is not JSON"):
        read_lora(file(written), networks, {"lora_adapter_metadata": "{"})


# what is told and what is refused -------------------------------------------------------------------


def kohya(networks, *leaves: str) -> dict[str, Tensor]:
    written = {}
    for leaf in leaves:
        name = "lora_unet_" + leaf.replace(".", "_")
        written[f"{name}.lora_down.weight"], written[f"{name}.lora_up.weight"] = pair(leaf, networks)
    return written


def test_the_report_counts_what_matched_and_names_what_did_not(networks):
    written = kohya(networks, TO_Q, CONV)
    written |= {"lora_te2_text_model_encoder_layers_9_mlp_fc1.lora_down.weight": random(4, 4)}
    written |= {"lora_te2_text_model_encoder_layers_9_mlp_fc1.lora_up.weight": random(4, 4)}
    adapter = read_lora(file(written), networks)
    assert adapter.report == (
        "LoRA and LoCon in the names of kohya: 2 of its 3 modules matched, 2 of the unet",
        "not used, because this model has no such layer: lora_te2_text_model_encoder_layers_9_mlp_fc1",
    )


def test_a_file_that_matches_nothing_is_an_error(networks):
    written = {
        "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": random(4, 4),
        "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": random(4, 4),
    }
    with pytest.raises(
        CheckpointError, match=r"\(made for flux\) has 1 modules.*none is a layer of this model's unet"
    ):
        read_lora(file(written), networks, {"ss_base_model_version": "flux"})
    with pytest.raises(CheckpointError, match="has no modules"):
        read_lora(file({}), networks)


def test_a_file_of_another_family_does_not_fit(networks):
    name = "lora_unet_" + TO_Q.replace(".", "_").replace("attn1_to_q", "attn2_to_k")
    written = kohya(networks, TO_Q)
    written |= {f"{name}.lora_down.weight": random(4, 2048), f"{name}.lora_up.weight": random(16, 4)}
    with pytest.raises(
        CheckpointError, match=r"1 of its 2 modules do not fit.*\[16, 2048\] where the model has \[16, 12\]"
    ):
        read_lora(file(written), networks)


DOWN, UP = {"lora_down.weight": random(4, 16)}, {"lora_up.weight": random(16, 4)}
BROKEN = {
    "has no up beside": DOWN,
    "do not go together": DOWN | {"lora_up.weight": random(16, 5)},
    "nothing to scale by it": {"alpha": torch.tensor(1.0)},
    "do not go together: matrices of rank 0": {
        "lora_down.weight": random(0, 16),
        "lora_up.weight": random(16, 0),
        "alpha": torch.tensor(1.0),
    },
    "which has no use for": DOWN | UP | {"diff": random(16, 16)},
    "not finite": UP | {"lora_down.weight": random(4, 16) / 0},
    "not fractions": UP | {"lora_down.weight": torch.ones(4, 16, dtype=torch.int8)},
    "not one finite number": DOWN | UP | {"alpha": torch.tensor(float("nan"))},
    r"not one finite number, \[2\]": DOWN | UP | {"alpha": torch.ones(2)},
    "a factor of 1000000000000 numbers": {
        "lokr_w1": random(1, 1),
        "lokr_w2_a": torch.zeros(1).expand(10**6, 1),
        "lokr_w2_b": torch.zeros(1).expand(1, 10**6),
    },
    "lengths for a weight": DOWN | UP | {"dora_scale": random(3)},
    "tensors are none that an adapter has": {"lora_sideways.weight": random(4)},
    "cannot be worn: OFT": {"oft_blocks": random(2, 4, 4)},
    "cannot be worn: GLoRA": {"a1.weight": random(2, 4)},
    "cannot be worn: IA3": {"on_input": torch.ones(1)},
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_broken_or_cannot_be_worn_is_named(message, networks):
    name = "lora_unet_" + TO_Q.replace(".", "_")
    with pytest.raises(CheckpointError, match=message):
        read_lora(file({f"{name}.{ending}": x for ending, x in BROKEN[message].items()}), networks)


def test_a_layer_that_a_file_names_twice_is_taken_once_if_both_say_the_same(networks):
    written = kohya(networks, TO_Q)
    again = {
        name.replace("down_blocks_1_attentions_0", "input_blocks_3_1"): tensor
        for name, tensor in written.items()
    }
    adapter = read_lora(file(written | again), networks)
    assert len(adapter.deltas["unet"]) == 1
    assert adapter.notes[0].endswith(f"says again what lora_unet_{TO_Q.replace('.', '_')} says")
    with pytest.raises(CheckpointError, match="are one layer and differ"):
        read_lora(file(written | {name: tensor + 1 for name, tensor in again.items()}), networks)


def test_embeddings_in_a_bundle_are_handed_on(networks):
    written = kohya(networks, TO_Q) | {"bundle_emb.my-cat.clip_l": random(2, 12)}
    written |= {"bundle_emb.dog.string_to_param.*": random(3, 12)}
    adapter = read_lora(file(written), networks)
    assert list(adapter.embeddings) == ["my-cat", "dog"]
    assert list(adapter.embeddings["dog"].kinds) == ["string_to_param.*"]
    assert "it brings the embeddings my-cat, dog" in adapter.report


def test_what_was_read_does_not_change_with_the_file(networks):
    written = kohya(networks, TO_Q)
    delta = read_lora(file(written), networks).deltas["unet"][TO_Q].change
    before = delta.delta(torch.zeros(16, 16))
    for tensor in written.values():
        tensor.zero_()
    assert torch.equal(delta.delta(torch.zeros(16, 16)), before)
