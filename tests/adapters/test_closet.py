"""What hangs beside a model hangs whole or not at all, and leaves no trace when it is taken off."""

import pytest
import torch
from torch import nn

from sfumato.adapters.attach import Wardrobe
from sfumato.adapters.closet import Closet, Tower
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError

LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q"


@pytest.fixture
def closet(unet):
    words = nn.ModuleDict({"layer": nn.Linear(12, 12)})
    return Closet(
        towers={
            "unet": Tower(wardrobe=Wardrobe(unet)),
            "text_encoder": Tower(wardrobe=Wardrobe(words), vectors={}, width=12),
        }
    )


def lora(prefix="lora_unet_", **more):
    name = prefix + LAYER.replace(".", "_")
    return Tensors.of(
        {f"{name}.lora_down.weight": torch.ones(2, 8), f"{name}.lora_up.weight": torch.ones(8, 2), **more}
    )


def test_a_hung_adapter_is_worn_by_rows_that_name_it_alone(closet, unet, run):
    bare = run(unet)
    report = closet.hang("ink", lora(), {})
    assert "1 of its 1 modules matched" in report[0]
    with closet.towers["unet"].wardrobe.worn([[("ink", 1.0)], []]):
        worn = run(unet)
    assert not torch.equal(worn[0], bare[0])
    assert torch.equal(worn[1], bare[1])


def test_every_network_knows_the_names_that_rows_may_wear(closet):
    closet.hang("ink", lora(), {})
    with closet.towers["text_encoder"].wardrobe.worn([[("ink", 1.0)]]):
        pass


def test_taken_off_it_leaves_no_trace(closet, unet, run):
    bare, modules = run(unet), dict(unet.named_modules())
    brought = {"bundle_emb.fog.emb_params": torch.ones(3, 12)}
    closet.hang("ink", lora(**brought), {})
    assert list(closet.embeddings) == ["fog"]
    closet.remove("ink")
    assert dict(unet.named_modules()) == modules
    assert torch.equal(run(unet), bare)
    assert not closet.embeddings
    assert not closet.towers["text_encoder"].vectors
    closet.hang("ink", lora(), {})  # the name is free again


def test_an_adapter_whose_words_do_not_fit_is_not_hung_by_half(closet, unet):
    with pytest.raises(CheckpointError, match="20 wide"):
        closet.hang("ink", lora(**{"bundle_emb.fog.emb_params": torch.ones(3, 20)}), {})
    assert not closet.adapters
    assert closet.towers["unet"].wardrobe.names == ()


def test_a_learned_word_stands_in_its_towers(closet):
    (told,) = closet.learn("fog", Tensors.of({"emb_params": torch.ones(3, 12)}))
    assert "3 tokens" in told
    assert closet.towers["text_encoder"].vectors["fog"].shape == (3, 12)
    closet.remove("fog")
    assert not closet.towers["text_encoder"].vectors


@pytest.mark.parametrize("name", ["", "two words", "a,b", "(fog)"])
def test_what_is_no_word_cannot_be_learned(closet, name):
    with pytest.raises(InputError, match="cannot be a word"):
        closet.learn(name, Tensors.of({"emb_params": torch.ones(3, 12)}))


def test_a_name_hangs_once(closet):
    closet.hang("ink", lora(), {})
    with pytest.raises(InputError, match="'ink' hangs here already"):
        closet.hang("ink", lora(), {})
    with pytest.raises(InputError, match="'ink' hangs here already"):
        closet.learn("ink", Tensors.of({"emb_params": torch.ones(3, 12)}))


def test_names_that_differ_by_case_alone_are_one(closet):
    """Prompts call words in any case, so one of two would stand for both."""
    closet.learn("Fog", Tensors.of({"emb_params": torch.ones(3, 12)}))
    with pytest.raises(InputError, match="'fog' hangs here already, as 'Fog'"):
        closet.learn("fog", Tensors.of({"emb_params": torch.ones(3, 12)}))
    with pytest.raises(InputError, match="'FOG' hangs here already, as 'Fog'"):
        closet.hang("FOG", lora(), {})
    with pytest.raises(InputError, match="'fog' hangs here already, as 'Fog'"):
        closet.hang("ink", lora(**{"bundle_emb.fog.emb_params": torch.ones(3, 12)}), {})
    both = {f"bundle_emb.{word}.emb_params": torch.ones(3, 12) for word in ("rain", "Rain")}
    with pytest.raises(CheckpointError, match="rain and Rain"):
        closet.hang("ink", lora(**both), {})
    assert not closet.adapters
    assert list(closet.embeddings) == ["Fog"]


def test_a_word_that_no_chunk_can_hold_is_refused_before_any_picture(closet):
    closet.learn("fog", Tensors.of({"emb_params": torch.ones(75, 12)}))
    with pytest.raises(CheckpointError, match="'rain' has 76 vectors; a prompt has room for 75 in a row"):
        closet.learn("rain", Tensors.of({"emb_params": torch.ones(76, 12)}))
    with pytest.raises(CheckpointError, match="'rain' has 76 vectors"):
        closet.hang("ink", lora(**{"bundle_emb.rain.emb_params": torch.ones(76, 12)}), {})
    assert list(closet.embeddings) == ["fog"]
    assert not closet.adapters


def test_a_word_that_an_adapter_brought_goes_with_it_alone(closet):
    closet.hang("ink", lora(**{"bundle_emb.fog.emb_params": torch.ones(3, 12)}), {})
    with pytest.raises(InputError, match="'fog' came with the adapter 'ink': remove that"):
        closet.remove("fog")
    assert list(closet.embeddings) == ["fog"]
    closet.remove("ink")
    assert not closet.embeddings


def test_a_word_that_its_file_calls_otherwise_is_told(closet):
    _, note = closet.learn("cat", Tensors.of({"<cat-toy>": torch.ones(12)}))
    assert note == "its file calls it '<cat-toy>': prompts call it 'cat'"
    assert len(closet.learn("toy", Tensors.of({"toy": torch.ones(12)}))) == 1


def named(role):
    return f"lora_unet_{LAYER.replace('.', '_')}.{role}"


@pytest.mark.parametrize(
    ("tensors", "is_felt"),
    [
        ({}, True),
        ({"alpha": torch.tensor(0.0)}, False),
        ({"lora_up.weight": torch.zeros(8, 2)}, False),  # as training begins
        ({"lora_up.weight": torch.zeros(8, 2), "dora_scale": torch.ones(8, 1)}, True),
    ],
)
def test_an_adapter_that_adds_zeros_alone_is_not_felt(closet, tensors, is_felt):
    closet.hang("ink", lora(**{named(role): tensor for role, tensor in tensors.items()}), {})
    assert closet.is_felt("ink", picture=1.0, words=0.0) == is_felt
    assert not closet.is_felt("ink", picture=0.0, words=1.0)


def test_a_change_of_a_bias_alone_is_felt(closet):
    for name, value in (("ink", 1.0), ("nought", 0.0)):
        closet.hang(
            name, Tensors.of({named("diff_b").replace("to_q", "to_out_0"): torch.full((8,), value)}), {}
        )
        assert closet.is_felt(name, picture=1.0, words=1.0) == bool(value)


def test_a_name_that_does_not_hang_is_told_the_nearest(closet):
    closet.hang("ink", lora(), {})
    with pytest.raises(InputError, match="no adapter 'inc' hangs here; there is: ink"):
        closet.check(["inc"])
    with pytest.raises(InputError, match="no adapter 'inc'"):
        closet.remove("inc")
