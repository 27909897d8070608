"""Learned words are read from every kind of file, for the towers of the model and no others."""

import pytest
import torch
from torch import nn

from sfumato.adapters.open import open_adapter
from sfumato.adapters.textual_inversion import read_embedding
from sfumato.checkpoints.safetensors import save
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

L, G = "text_encoder", "text_encoder_2"
ONE = torch.arange(12.0)
TWO = torch.stack([ONE, -ONE])


def read(tensors, widths=None):
    return read_embedding("cat", Tensors.of(tensors), widths or {L: 12})


@pytest.mark.parametrize(
    ("tensors", "word"),
    [
        ({"emb_params": TWO}, None),
        ({"string_to_param.*": TWO}, None),
        ({"string_to_param.cat-toy": TWO}, None),
        ({"clip_l": TWO}, None),
        ({"<cat-toy>": TWO}, "<cat-toy>"),
    ],
)
def test_every_spelling_is_the_same_vectors(tensors, word):
    embedding = read(tensors)
    assert torch.equal(embedding.vectors[L], TWO)
    assert (embedding.name, embedding.word, embedding.length) == ("cat", word, 2)


def test_a_single_vector_is_a_row():
    assert torch.equal(read({"<cat>": ONE.half()}).vectors[L], ONE[None])


def test_two_towers_have_vectors_each():
    embedding = read({"clip_g": torch.ones(2, 20), "clip_l": TWO}, {L: 12, G: 20})
    assert {part: tuple(x.shape) for part, x in embedding.vectors.items()} == {L: (2, 12), G: (2, 20)}


def test_a_tower_that_the_model_lacks_is_told():
    embedding = read({"clip_g": torch.ones(2, 20), "clip_l": TWO}, {G: 20})
    assert list(embedding.vectors) == [G]
    assert embedding.notes == (
        "the embedding 'cat' has vectors for the text_encoder, which this model does not have",
    )


@pytest.mark.parametrize(
    ("tensors", "widths", "message"),
    [
        ({"emb_params": TWO}, {L: 16}, r"is 12 wide, and this model's towers are text_encoder \(16\)"),
        ({"emb_params": TWO}, {L: 12, G: 20}, "says nothing to the text_encoder_2"),
        ({"emb_params": TWO}, {L: 12, G: 12}, "is 12 wide, and this model's towers are"),
        ({"clip_l": TWO}, {L: 12, G: 20}, "says nothing to the text_encoder_2"),
        (
            {"clip_l": TWO, "clip_g": TWO},
            {L: 12, G: 20},
            "where this model's towers are",
        ),
        ({"clip_l": TWO, "clip_g": torch.ones(3, 20)}, {L: 12, G: 20}, "unequal numbers of vectors"),
        ({"a": TWO, "b": TWO}, {L: 12}, r"has 2 tensors \(a, b\)"),
        ({"clip_l": TWO, "b": TWO}, {L: 12}, "has 2 tensors"),
        ({"emb_params": TWO.int()}, {L: 12}, "not vectors"),
        ({"emb_params": torch.ones(1, 2, 12)}, {L: 12}, "not vectors"),
        ({"emb_params": torch.ones(0, 12)}, {L: 12}, "not vectors"),
        ({"emb_params": TWO / 0}, {L: 12}, "not finite"),
        ({}, {L: 12}, "has 0 tensors"),
    ],
)
def test_what_is_of_another_family_or_broken_is_named(tensors, widths, message):
    with pytest.raises(CheckpointError, match=message):
        read(tensors, widths)


def test_what_was_read_does_not_change_with_the_file():
    tensor = TWO.clone()
    embedding = read({"emb_params": tensor})
    tensor.zero_()
    assert torch.equal(embedding.vectors[L], TWO)


def a1111(vectors):
    return {
        "string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "cat", "step": 499,
        "sd_checkpoint": "4bdfc29c", "sd_checkpoint_name": "model",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrap", [torch.Tensor.clone, nn.Parameter, lambda x: nn.Parameter(x, requires_grad=False)]
)
def test_a_pickle_of_a1111_is_read(wrap, tmp_path):
    torch.save(a1111(wrap(TWO)), tmp_path / "cat.pt")
    embedding = read_embedding("cat", open_adapter(tmp_path / "cat.pt").tensors, {L: 12})
    assert torch.equal(embedding.vectors[L], TWO)
    assert not embedding.vectors[L].requires_grad


def test_files_and_folders_of_diffusers_are_read(tmp_path):
    torch.save({"<cat-toy>": ONE}, tmp_path / "learned_embeds.bin")
    assert read_embedding("cat", open_adapter(tmp_path).tensors, {L: 12}).word == "<cat-toy>"
    save(tmp_path / "learned_embeds.safetensors", {"<cat>": ONE})
    assert read_embedding("cat", open_adapter(tmp_path).tensors, {L: 12}).word == "<cat>"


def test_a_folder_without_an_adapter_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="no adapter is in this folder"):
        open_adapter(tmp_path)
