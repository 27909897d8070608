"""What hangs on a network changes the rows that wear it, only these, and leaves no trace."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sfumato.adapters.attach import Dressed, Wardrobe, merge
from sfumato.adapters.deltas import Delta, Full, LowRank
from sfumato.errors import InputError

from .conftest import KINDS, tiny_unet

every_kind = pytest.mark.parametrize("kind", KINDS)


def modules(network: nn.Module) -> dict[str, int]:
    return {name: id(module) for name, module in network.named_modules()}


@every_kind
def test_what_is_worn_is_what_the_merged_network_draws(kind, unet, run, deltas_for):
    deltas = deltas_for(unet, kind)
    bare = run(unet)
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas)
    with wardrobe.worn([[("ink", 0.7)]] * 2):
        worn = run(unet)
    other = tiny_unet()
    merge(other, deltas, 0.7)
    assert (worn - bare).abs().max() > 0.05
    torch.testing.assert_close(worn, run(other), atol=2e-5, rtol=2e-5)


@every_kind
def test_a_row_that_wears_nothing_has_the_bits_of_the_bare_network(kind, unet, run, deltas_for):
    bare = run(unet, 3)
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet, kind))
    with wardrobe.worn([[], [("ink", 1.0)], [("ink", 0.0)]]):
        out = run(unet, 3)
    assert torch.equal(out[0], bare[0])
    assert torch.equal(out[2], bare[2])
    assert not torch.equal(out[1], bare[1])


@every_kind
def test_a_row_is_the_same_bit_for_bit_whatever_its_neighbours_wear(kind, unet, run, deltas_for):
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet, kind))
    wardrobe.hang("wash", deltas_for(unet, "low rank", seed=9))
    mine = [("ink", 0.8), ("wash", -0.3)]
    answers = []
    for neighbour in ([], [("ink", 0.8)], mine, [("wash", 2.0)]):
        with wardrobe.worn([mine, neighbour]):
            answers.append(run(unet)[0])
    assert all(torch.equal(answer, answers[0]) for answer in answers)


def test_several_adapters_on_one_row_add_up(unet, run, deltas_for):
    ink, wash = deltas_for(unet, seed=2), deltas_for(unet, seed=3)
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", ink)
    wardrobe.hang("wash", wash)
    with wardrobe.worn([[("ink", 0.5), ("wash", -0.4)]] * 2):
        worn = run(unet)
    other = tiny_unet()
    merge(other, ink, 0.5)
    merge(other, wash, -0.4)
    torch.testing.assert_close(worn, run(other), atol=2e-5, rtol=2e-5)


def test_detaching_restores_every_weight_and_module(unet, run, deltas_for):
    before, weights = modules(unet), {name: x.clone() for name, x in unet.state_dict().items()}
    bare = run(unet)
    ink, wash = deltas_for(unet, "full"), deltas_for(unet, of=(nn.Linear,))
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", ink)
    wardrobe.hang("wash", wash)
    assert any(isinstance(module, Dressed) for module in unet.modules())
    wardrobe.remove("ink")
    kept = {type(dressed.leaf) for dressed in unet.modules() if isinstance(dressed, Dressed)}
    assert kept == {nn.Linear}
    wardrobe.remove("wash")
    assert modules(unet) == before
    assert all(torch.equal(x, weights[name]) for name, x in unet.state_dict().items())
    assert torch.equal(run(unet), bare)


def test_outside_of_worn_the_network_draws_as_if_bare(unet, run, deltas_for):
    bare = run(unet)
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet))
    assert torch.equal(run(unet), bare)
    with pytest.raises(RuntimeError), wardrobe.worn([[("ink", 1.0)]] * 2):
        raise RuntimeError
    assert torch.equal(run(unet), bare)


def test_the_state_dict_of_a_dressed_network_is_its_own(unet, deltas_for):
    before = unet.state_dict()
    Wardrobe(unet).hang("ink", deltas_for(unet))
    after = unet.state_dict()
    assert list(after) == list(before)
    assert all(after[name].data_ptr() == tensor.data_ptr() for name, tensor in before.items())


def test_a_dressed_network_can_be_moved(unet, deltas_for):
    leaf = unet.time_embedding.linear_1
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet))
    unet.double()
    with wardrobe.worn([[("ink", 1.0)]]):
        assert unet.time_embedding.linear_1(torch.randn(1, 8).double()).dtype == torch.float64
    wardrobe.remove("ink")
    assert unet.time_embedding.linear_1 is leaf
    assert {parameter.dtype for parameter in unet.parameters()} == {torch.float64}


@every_kind
def test_a_half_precision_network_wears_what_float32_files_hold(kind, unet, run, deltas_for):
    deltas = deltas_for(unet, kind, of=(nn.Linear,))
    unet.bfloat16()
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas)
    name = "mid_block.attentions.0.transformer_blocks.0.ff.net.2"
    leaf = unet.get_submodule(name)
    x = torch.randn(1, 9, leaf.weight.shape[1]).bfloat16()
    with wardrobe.worn([[("ink", 1.0)]]):
        out = leaf(x)
    assert out.dtype == torch.bfloat16
    change, bias = deltas[name].change, deltas[name].bias
    weight, shift = leaf.weight.float(), leaf.bias.float()
    weight = weight if change is None else weight + change.delta(leaf.weight)
    expected = x.float() @ weight.T + (shift if bias is None else shift + bias)
    assert (out - expected).abs().max() < 0.03 * expected.abs().max()


def test_merging_is_undone_bit_for_bit(unet, run, deltas_for):
    before, bare = dict(unet.named_parameters()), run(unet)
    first = merge(unet, deltas_for(unet, "decomposed by output"), 1.0)
    once = run(unet)
    second = merge(unet, deltas_for(unet, "full", seed=5), -0.5)
    with pytest.raises(InputError, match="undo what was merged last first"):
        first.undo()
    second.undo()
    assert torch.equal(run(unet), once)
    first.undo()
    assert torch.equal(run(unet), bare)
    assert all(parameter is before[name] for name, parameter in unet.named_parameters())


def test_merging_is_refused_while_something_hangs(unet, deltas_for):
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet))
    with pytest.raises(InputError, match="remove them before you merge"):
        merge(unet, deltas_for(unet), 1.0)


def test_what_does_not_fit_is_named_and_nothing_is_hung(unet, deltas_for):
    before = modules(unet)
    wardrobe = Wardrobe(unet)
    good = deltas_for(unet)
    wide = Delta(change=LowRank(down=torch.zeros(2, 99), up=torch.zeros(8, 2)))
    with pytest.raises(InputError, match=r"\[8, 99\] does not fit conv_in, whose weight is \[8, 4, 3, 3\]"):
        wardrobe.hang("ink", {**good, "conv_in": wide})
    with pytest.raises(InputError, match=r"no layer down_blocks\.7"):
        wardrobe.hang("ink", {**good, "down_blocks.7": good["conv_in"]})
    with pytest.raises(InputError, match="mid_block is a Middle"):
        wardrobe.hang("ink", {**good, "mid_block": good["conv_in"]})
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    with pytest.raises(InputError, match=r"attn1\.to_q, which has no bias"):
        wardrobe.hang("ink", {**good, name: Delta(change=None, bias=torch.zeros(16))})
    assert wardrobe.names == ()
    assert modules(unet) == before


def test_names_that_are_taken_or_unknown_are_told(unet, run, deltas_for):
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet))
    with pytest.raises(InputError, match="'ink' hangs already"):
        wardrobe.hang("ink", deltas_for(unet))
    with pytest.raises(InputError, match="no adapter 'wash' hangs here; there are: ink"):
        wardrobe.remove("wash")
    with (
        pytest.raises(InputError, match="no adapter 'wash' hangs here; there are: ink"),
        wardrobe.worn([[("wash", 1.0)]]),
    ):
        pass


def test_rows_must_be_as_many_as_the_batch_has(unet, run, deltas_for):
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet))
    with (
        pytest.raises(ValueError, match="2 rows where 3 were said to wear something"),
        wardrobe.worn([[("ink", 1.0)]] * 3),
    ):
        run(unet, 2)


@pytest.mark.parametrize("kind", ["low rank", "full"])
def test_what_a_row_wears_does_not_depend_on_how_many_others_wear_it(kind, deltas_for):
    """The leaf itself gives zeros, so that all bits of its output are the adapter's."""
    network = nn.Sequential(nn.Linear(320, 640, bias=False)).requires_grad_(False)
    network[0].weight.zero_()
    wardrobe = Wardrobe(network)
    wardrobe.hang("ink", deltas_for(network, kind))
    x = torch.randn(7, 3, 320)
    with wardrobe.worn([[("ink", 0.7)]] * 7):
        together = network(x)
    with wardrobe.worn([[("ink", 0.7)]]):
        alone = [network(row[None].clone()) for row in x]
    assert torch.equal(together, torch.cat(alone))


def test_leaving_what_is_worn_gives_back_what_was_worn_before(unet, run, deltas_for):
    wardrobe = Wardrobe(unet)
    wardrobe.hang("ink", deltas_for(unet))
    with wardrobe.worn([[("ink", 1.0)]] * 2):
        before = run(unet)
        with wardrobe.worn([[], []]):
            assert not torch.equal(run(unet), before)
        assert torch.equal(run(unet), before)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["ink", "wash", "chalk"]), max_size=8))
def test_in_whatever_order_things_come_and_go_nothing_is_left_behind(names):
    network = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.LayerNorm(4), "c": nn.Conv2d(4, 4, 1)})
    before = modules(network)
    full = {
        name: Delta(change=Full(difference=torch.ones_like(leaf.weight))) for name, leaf in network.items()
    }
    changes = {"ink": full, "wash": {"a": full["a"]}, "chalk": {}}
    wardrobe = Wardrobe(network)
    for name in names:  # hung, and when it comes again removed
        if name in wardrobe.names:
            wardrobe.remove(name)
        else:
            wardrobe.hang(name, changes[name])
        worn = {place for hung in wardrobe.names for place in changes[hung]}
        assert {place for place, leaf in network.items() if isinstance(leaf, Dressed)} == worn
    for name in wardrobe.names:
        wardrobe.remove(name)
    assert modules(network) == before
