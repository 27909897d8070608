"""Original and our names are two spellings of one file: nothing is lost, doubled or changed between them."""

import published
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.checkpoints import keys
from sfumato.checkpoints.keys.rules import Pair, Rule, fitted
from sfumato.checkpoints.structure import needed_tensors
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError
from sfumato.models.unet import UNet, UNetConfig

PUBLISHED = {"sd15_unet": (keys.unet, 686), "sdxl_unet": (keys.unet, 1680), "sd_vae": (keys.vae, 248)}

every_published = pytest.mark.parametrize("network", PUBLISHED)


# the published names ------------------------------------------------------------------------------


@every_published
def test_every_published_name_becomes_ours_unread(network):
    key_map, count = PUBLISHED[network]
    file = published.original_shapes(network)
    found = key_map(file).ours(published.unread(file))
    assert {name: kind.shape for name, kind in found.kinds.items()} == published.shapes(network)
    assert len(found.kinds) == count
    assert key_map(file).names == {ours: theirs for theirs, ours in published.originals(network).items()}


@every_published
def test_our_names_become_the_published_ones(network):
    shapes = published.shapes(network)
    found = PUBLISHED[network][0](shapes).theirs(published.unread(shapes))
    assert {name: kind.shape for name, kind in found.kinds.items()} == published.original_shapes(network)


@every_published
def test_the_published_networks_lack_nothing(network):
    shapes = published.shapes(network)
    part = "vae" if network == "sd_vae" else "unet"
    optional = {name for name in shapes if "conv_shortcut" in name}
    assert needed_tensors(part, shapes) == shapes.keys() - optional


@st.composite
def structures(draw):
    levels = draw(st.integers(1, 4))
    depth = tuple(draw(st.lists(st.integers(0, 2), min_size=levels, max_size=levels)))
    return UNetConfig(
        in_channels=4, out_channels=4, block_out_channels=(4,) * levels,
        layers_per_block=draw(st.integers(1, 3)), transformer_depth=depth,
        mid_transformer_depth=draw(st.integers(0, 2)), heads=(1,) * levels, context_width=4, norm_groups=2,
        linear_projection=draw(st.booleans()), vector_width=draw(st.sampled_from([0, 8])),
    )  # fmt: skip


@settings(max_examples=20)
@given(structures())
def test_a_unet_of_any_structure_goes_and_comes_back(config):
    with torch.device("meta"):
        network = UNet(config).state_dict()
    there = keys.unet(network).theirs(Tensors.of(network))
    assert len(there.kinds) == len(network)
    assert all(name.startswith(("input_blocks.", "output_blocks.", "middle_block.", "time_embed.",
                                "label_emb.", "out.")) for name in there.kinds)  # fmt: skip
    back = keys.unet(there.kinds).ours(there)
    assert back.kinds == Tensors.of(network).kinds


# numbers ------------------------------------------------------------------------------------------


def openclip_tensors(dtype=torch.float32):
    shapes = published.openclip(4, layers=2, projection=3, vocabulary=9)
    return {name: torch.randn(shape).to(dtype) for name, shape in shapes.items()}


def everything(tensors):
    return {name: tensors.read(name) for name in tensors.kinds}


def same(here, there):
    return here.keys() == there.keys() and all(
        torch.equal(here[name], there[name]) and here[name].dtype == there[name].dtype for name in here
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_openclip_goes_and_comes_back_bit_for_bit(dtype):
    theirs = openclip_tensors(dtype=dtype)
    ours = keys.openclip(theirs).ours(Tensors.of(theirs))
    held = everything(ours)
    back = keys.openclip(ours.kinds).theirs(ours)
    assert same(everything(back), theirs)
    assert {name: Kind(back.kinds[name].dtype, tuple(x.shape)) for name, x in theirs.items()} == back.kinds
    assert {name: tuple(x.shape) for name, x in held.items()} == {n: k.shape for n, k in ours.kinds.items()}


def test_the_stacked_matrix_splits_into_query_key_and_value():
    theirs = openclip_tensors()
    ours = everything(keys.openclip(theirs).ours(Tensors.of(theirs)))
    stack = theirs["transformer.resblocks.1.attn.in_proj_weight"]
    layer = "text_model.encoder.layers.1.self_attn"
    assert torch.equal(ours[f"{layer}.q_proj.weight"], stack[:4])
    assert torch.equal(ours[f"{layer}.k_proj.weight"], stack[4:8])
    assert torch.equal(ours[f"{layer}.v_proj.weight"], stack[8:])
    assert torch.equal(ours["text_projection.weight"], theirs["text_projection"].t())
    assert ours["text_projection.weight"].is_contiguous()


def test_the_autoencoder_goes_and_comes_back_bit_for_bit():
    theirs = {
        "encoder.conv_in.weight": torch.randn(4, 3, 3, 3),
        "encoder.mid.attn_1.q.weight": torch.randn(4, 4, 1, 1),
        "encoder.mid.attn_1.q.bias": torch.randn(4),
        "decoder.up.1.block.0.nin_shortcut.weight": torch.randn(4, 4, 1, 1),
        "decoder.up.0.block.2.conv1.weight": torch.randn(4, 4, 3, 3),
        "quant_conv.weight": torch.randn(8, 8, 1, 1),
    }
    ours = keys.vae(theirs).ours(Tensors.of(theirs))
    assert ours.kinds["encoder.mid_block.attentions.0.to_q.weight"].shape == (4, 4)
    assert "decoder.up_blocks.0.resnets.0.conv_shortcut.weight" in ours.kinds
    assert same(everything(keys.vae(ours.kinds).theirs(ours)), theirs)


def test_an_autoencoder_in_the_old_spelling_of_diffusers_is_ours():
    place = "decoder.mid_block.attentions.0"
    old = {f"{place}.{name}.weight": torch.randn(4, 4) for name in ("query", "key", "value", "proj_attn")}
    old |= {f"{place}.group_norm.weight": torch.randn(4), "quant_conv.weight": torch.randn(8, 8, 1, 1)}
    ours = everything(keys.renamed_vae(old).ours(Tensors.of(old)))
    assert torch.equal(ours[f"{place}.to_out.0.weight"], old[f"{place}.proj_attn.weight"])
    assert len(ours) == len(old)


@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_a_text_tower_is_ours_with_and_without_its_prefix(prefix):
    theirs = {f"{prefix}encoder.layers.0.layer_norm1.weight": torch.randn(4),
              f"{prefix}embeddings.token_embedding.weight": torch.randn(9, 4),
              "text_projection.weight": torch.randn(3, 4)}  # fmt: skip
    ours = keys.clip(theirs).ours(Tensors.of(theirs))
    assert set(ours.kinds) == {
        "text_model.encoder.layers.0.layer_norm1.weight",
        "text_model.embeddings.token_embedding.weight",
        "text_projection.weight",
    }
    assert same(everything(keys.clip(theirs).theirs(ours)), theirs)


# what is refused ----------------------------------------------------------------------------------


def test_a_tensor_without_a_place_is_named():
    theirs = openclip_tensors() | {"transformer.resblocks.0.attn.surprise": torch.ones(1)}
    with pytest.raises(CheckpointError, match=r"1 tensors have no place.*attn\.surprise"):
        keys.openclip(theirs).ours(Tensors.of(theirs))


def test_a_stack_that_does_not_split_is_named():
    theirs = openclip_tensors() | {"transformer.resblocks.0.attn.in_proj_bias": torch.ones(10)}
    with pytest.raises(CheckpointError, match=r"in_proj_bias has shape \[10\], which does not split into 3"):
        keys.openclip(theirs).ours(Tensors.of(theirs))


def test_a_stack_of_which_a_part_is_missing_is_named():
    theirs = openclip_tensors()
    ours = everything(keys.openclip(theirs).ours(Tensors.of(theirs)))
    del ours["text_model.encoder.layers.0.self_attn.k_proj.weight"]
    with pytest.raises(CheckpointError, match=r"in_proj_weight cannot be made: .*k_proj\.weight missing"):
        keys.openclip(ours).theirs(Tensors.of(ours))


def test_levels_of_different_lengths_cannot_be_numbered():
    names = {f"down_blocks.{level}.resnets.{n}.conv1.weight": 0 for level in (0, 1) for n in range(level + 1)}
    with pytest.raises(CheckpointError, match=r"levels have \[1, 2\] residual blocks"):
        keys.unet(names)


def test_two_tensors_never_get_one_name():
    rules = [Rule("a", "x"), Rule("a", "y")]
    with pytest.raises(CheckpointError, match=r"both be called a\.weight"):
        fitted(rules, ["x.weight", "y.weight"], original=True)


def test_the_longest_rule_holds():
    found = fitted([Rule("a", "x"), Rule("b", "x.y")], ["x.y.weight", "x.z"], original=True)
    assert [Pair(p.ours, p.theirs, p.change)[:2] for p in found.pairs] == [
        (("b.weight",), "x.y.weight"),
        (("a.z",), "x.z"),
    ]
