import json

import torch

from sfumato.checkpoints import safetensors


def test_a_model_of_ours_is_described(sfumato, tiny_weights, tiny_world):
    code, out, _ = sfumato("inspect", tiny_weights)
    assert code == 0
    assert "tiny, family world" in out
    assert "16x16; others from 8 to 32 in multiples of 4" in out
    assert "Apache-2.0" in out
    assert all(f"{part} " in out for part in ("unet", "autoencoder", "text", "image"))


def test_the_same_is_there_for_machines(sfumato, tiny_weights, tiny_world):
    code, out, _ = sfumato("inspect", tiny_weights, "--json")
    facts = json.loads(out)
    assert code == 0
    assert out.count("\n") == 1
    assert (facts["family"], facts["name"], facts["words"]) == ("world", "tiny", len(tiny_world.words))
    count = sum(parameter.numel() for parameter in tiny_world.unet.parameters())
    assert facts["parts"]["unet"] == {"parameters": count, "precision": "BF16"}
    assert facts["parameters"] == sum(part["parameters"] for part in facts["parts"].values())
    assert facts["bytes"] == tiny_weights.stat().st_size


def test_a_file_of_strangers_is_described_by_its_parts(sfumato, tmp_path):
    tensors = {
        "down.a": torch.zeros(3, 4),
        "down.b": torch.zeros(2, dtype=torch.float16),
        "up": torch.ones(5),
    }
    safetensors.save(tmp_path / "stranger.safetensors", tensors)
    code, out, _ = sfumato("inspect", "stranger.safetensors", "--json")
    facts = json.loads(out)
    assert (code, facts["family"], facts["parameters"]) == (0, None, 19)
    assert facts["parts"]["down"] == {"parameters": 14, "precision": "F16+F32"}
    assert "not a model of sfumato's format" in sfumato("inspect", "stranger.safetensors")[1]


def test_a_damaged_file_is_an_error(sfumato, tiny_weights, tmp_path):
    (tmp_path / "damaged.safetensors").write_bytes(tiny_weights.read_bytes()[:-1])
    code, _, err = sfumato("inspect", "damaged.safetensors")
    assert code == 2
    assert "cut short" in err
