"""What a file is hung as."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sfumato.adapters.hanging import HANGING, Peg, hang
from sfumato.adapters.kinds import REFUSED, kind_of
from sfumato.adapters.open import open_adapter
from sfumato.checkpoints.marks import ADAPTERS
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

NAMES = {
    "controlnet": [
        ["controlnet_cond_embedding.conv_in.weight", "conv_in.weight"],
        ["controlnet_cond_embedding.conv_in.weight", "task_embedding"],
        ["control_model.zero_convs.0.0.weight", "control_model.input_blocks.0.0.weight"],
        ["zero_convs.0.0.weight"],
        ["model.control_model.zero_convs.0.0.weight"],
        ["controlnet.controlnet_cond_embedding.conv_in.weight"],
        ["controlnet.zero_convs.0.0.weight"],
    ],
    "t2i-adapter": [
        ["adapter.body.0.resnets.0.block1.weight"],
        ["body.0.block1.weight"],
        ["adapter.body.0.in_conv.weight"],
        ["style_embedding", "ln_pre.weight"],
    ],
    "image-prompt": [["ip_adapter.1.to_k_ip.weight", "image_proj.proj.weight"]],
    "lora": [["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"], ["who.weight"]],
    "embedding": [["emb_params"]],
}


def of(*names: str) -> Tensors:
    return Tensors.of({name: torch.zeros(2, 2) for name in names})


@pytest.mark.parametrize(("kind", "names"), [(k, names) for k, all_ in NAMES.items() for names in all_])
def test_a_file_is_hung_as_what_its_names_say(kind: str, names: list[str]):
    assert kind_of(of(*names)) == kind


def test_one_bare_vector_is_a_learned_word():
    assert kind_of(Tensors.of({"<ink>": torch.zeros(768)})) == "embedding"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lora_controlnet", "a Control-LoRA"),
        ("lllite_unet_input_blocks_4_1.depth", "a ControlNet-LLLite"),
        ("down_blocks.0.motion_modules.0.norm.weight", "which makes films"),
        ("controlnet_x_embedder.weight", "a controlnet for flux"),
    ],
)
def test_what_cannot_be_worn_is_refused_by_its_name(name: str, said: str):
    with pytest.raises(CheckpointError, match=said):
        kind_of(of(name))


def test_every_mark_of_an_adapter_is_hung_or_refused():
    for mark in ADAPTERS:
        assert (mark.kind in HANGING) != (mark.kind in REFUSED), mark


def test_a_folder_of_diffusers_brings_its_configuration(tmp_path: Path):
    names = {"controlnet_cond_embedding.conv_in.weight": torch.zeros(2, 2)}
    save_file(names, tmp_path / "diffusion_pytorch_model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"norm_num_groups": 4}))
    found = open_adapter(tmp_path)
    assert kind_of(found.tensors) == "controlnet"
    assert found.configs[""] == {"norm_num_groups": 4}


def test_a_folder_of_nothing_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="no adapter is in this folder"):
        open_adapter(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["style_embedding", "ln_pre.weight"], "take an IP-Adapter to hand over a style"),
        (["controlnet_cond_embedding.conv_in.weight"], "there is no tensor conv_in.weight"),
        (["lora_controlnet"], "a Control-LoRA"),
    ],
)
def test_a_file_that_cannot_be_hung_is_named(tiny_world, tmp_path: Path, names: list[str], said: str):
    path = tmp_path / "brought.safetensors"
    save_file({name: torch.zeros(2, 2) for name in names}, path)
    world = replace(tiny_world)
    peg = Peg(name="x", file=open_adapter(path), closet=world.closet, controls=world.controls)
    with pytest.raises(CheckpointError, match=rf"^[^:]*brought\.safetensors: .*{said}"):
        hang(peg)
    assert not world.controls.names
