import hashlib
import json
import subprocess
import sys

import published
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
    out = sfumato("inspect", "stranger.safetensors")[1]
    assert "unknown, of no family that is known" in out
    assert "drawable       no: no kind of file that is known has such tensors" in out


def test_a_damaged_file_is_an_error(sfumato, tiny_weights, tmp_path):
    (tmp_path / "damaged.safetensors").write_bytes(tiny_weights.read_bytes()[:-1])
    code, _, err = sfumato("inspect", "damaged.safetensors")
    assert code == 2
    assert "cut short" in err


def inspected(sfumato, path, *options):
    code, out, _ = sfumato("inspect", path, "--json", *options)
    assert code == 0
    return json.loads(out)


def test_seven_gigabytes_are_inspected_in_a_second_and_100_megabytes(tmp_path):
    path = published.write_hollow(tmp_path / "sdxl.safetensors", published.single_file("sdxl"))
    assert path.stat().st_size > 6.9e9
    code = (
        "import resource, sys\nfrom sfumato.cli.main import main\n"
        "try: main(['inspect', sys.argv[1], '--json'])\nexcept SystemExit as exit_: assert not exit_.code\n"
        "print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))\n"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    facts, seconds, kilobytes = done.stdout.splitlines()
    assert json.loads(facts)["drawable"]
    assert float(seconds) < 1  # of the processor: neighbours on the machine do not count
    assert int(kilobytes) < 100_000


def test_a_folder_is_described_like_its_file(sfumato, tmp_path):
    shapes = published.single_file("sdxl-refiner") | {"v_pred": (0,)}
    facts = inspected(sfumato, published.write_hollow(tmp_path / "r.safetensors", shapes))
    assert (facts["kind"], facts["family"], facts["prediction"]) == ("checkpoint", "sdxl-refiner", "v")
    assert facts["decided_by"] == "the file has the marker v_pred"
    assert set(facts["parts"]) == {"unet", "vae", "text_encoder_2"}
    assert facts["parts"]["vae"] == {"parameters": 83653863, "precision": "F16"}
    assert facts["bytes"] == (tmp_path / "r.safetensors").stat().st_size


def test_every_missing_and_unused_tensor_is_listed(sfumato, tmp_path):
    shapes = published.single_file("sd1") | {f"strange.{number}": (1,) for number in range(30)}
    shapes = {name: shape for name, shape in shapes.items() if "first_stage_model" not in name}
    gone = "model.diffusion_model.out.0.bias"
    del shapes[gone]
    path = published.write_hollow(tmp_path / "part.safetensors", shapes)
    facts = inspected(sfumato, path)
    assert facts["missing"] == ["unet.conv_norm_out.bias"]
    assert facts["missing_parts"] == ["vae"]
    assert len(facts["unused"]) == 30
    assert not facts["drawable"]
    out = sfumato("inspect", path)[1]
    assert "missing        1: unet.conv_norm_out.bias" in out
    assert "unused         30: strange.0, " in out
    assert "and 10 more" in out


def test_what_a_trainer_wrote_is_shown(sfumato, tmp_path):
    metadata = {
        "ss_sd_model_name": "base.safetensors",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "8",
        "ss_network_alpha": "4.0",
        "ss_num_train_images": "20",
        "ss_dataset_dirs": json.dumps({"10_ink": {"n_repeats": 10, "img_count": 20}}),
        "ss_tag_frequency": json.dumps({"10_ink": {"inkstyle": 20, "a cat": 12, "a dog": 3}}),
        "modelspec.license": "CC0",
        "modelspec.author": "Ada\nnote           forged \x1b[2J",
    }
    names = ("attn2_to_k", "attn2_to_v")
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0"
    shapes = {f"{module}_{name}.lora_down.weight": (8, 768) for name in names}
    shapes |= {f"{module}_{name}.lora_up.weight": (320, 8) for name in names}
    path = published.write_hollow(tmp_path / "ink.safetensors", shapes, metadata=metadata)
    facts = inspected(sfumato, path)
    assert (facts["kind"], facts["family"], facts["licence"]) == ("lora", "sd1", "CC0")
    assert facts["triggers"] == ["inkstyle"]
    assert facts["adapter"] == {"modules": 2, "ranks": [8]}
    assert facts["training"]["tags"] == {"inkstyle": 20, "a cat": 12, "a dog": 3}
    assert (facts["training"]["base"], facts["training"]["rank"]) == ("base.safetensors", "8")
    lines = sfumato("inspect", path)[1].splitlines()
    assert "changes        2 layers of rank 8" in lines
    assert "lora           17.41 k parameters in F16" in lines
    assert "drawable       no: lora: goes with a model and is none itself" in lines
    assert "tags           inkstyle 20, a cat 12, a dog 3" in lines
    assert [line for line in lines if line.startswith("author")] == [
        "author         Ada note           forged  [2J"
    ]


def test_tags_that_are_not_as_kohya_writes_them_are_left_out(sfumato, tmp_path):
    for number, text in enumerate(("[1]", "{", '{"a": 3}', '{"a": {"b": "c"}}', "[" * 9999)):
        path = tmp_path / f"{number}.safetensors"
        published.write_hollow(path, {"emb_params": (1, 768)}, metadata={"ss_tag_frequency": text})
        assert inspected(sfumato, path)["training"]["tags"] == {}


def test_hashes_are_told_when_asked_for(sfumato, tmp_path):
    path = published.write_hollow(tmp_path / "a.safetensors", {"emb_params": (2, 768)})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    told = inspected(sfumato, path, "--hashes")["hashes"][str(path)]
    assert (told["sha256"], told["autov2"]) == (digest, digest[:10])
    assert told["autov3"] == hashlib.sha256(path.read_bytes()[-3072:]).hexdigest()[:12]
    assert inspected(sfumato, path)["hashes"] is None


def test_what_is_predicted_can_be_overridden(sfumato, tmp_path):
    path = published.write_hollow(tmp_path / "a.safetensors", published.single_file("sd1"))
    assert inspected(sfumato, path, "--prediction", "v")["prediction"] == "v"
    assert sfumato("inspect", path, "--prediction", "hope")[0] == 2


def test_a_model_that_was_distilled_for_few_steps_says_how_to_ask_it(sfumato, tmp_path):
    metadata = {"modelspec.architecture": "stable-diffusion-xl-lightning"}
    path = published.write_hollow(
        tmp_path / "a.safetensors", published.single_file("sdxl"), metadata=metadata
    )
    assert inspected(sfumato, path)["few_steps"] == "Lightning: 2 to 8 steps, guidance 1, sampler euler"
    assert "few steps      Lightning" in sfumato("inspect", path)[1]


def test_a_word_in_a_title_is_told_as_a_guess(sfumato, tmp_path):
    metadata = {"modelspec.title": "Hyper Realism v3"}
    path = published.write_hollow(tmp_path / "a.safetensors", published.single_file("sd1"), metadata=metadata)
    facts = inspected(sfumato, path)
    assert facts["few_steps"] is None
    (hint,) = facts["notes"]
    assert "the word Hyper: if it was distilled" in hint


def test_the_licence_of_a_folder_is_that_of_its_card(sfumato, tmp_path):
    unet = tmp_path / "model" / "unet"
    unet.mkdir(parents=True)
    published.write_hollow(unet / "diffusion_pytorch_model.safetensors", published.shapes("sd15_unet"))
    (unet / "config.json").write_text('{"_class_name": "UNet2DConditionModel"}')
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (unet.parent / "model_index.json").write_text(json.dumps(index))
    (unet.parent / "README.md").write_text("---\ntags: [a]\nlicense: openrail++\n---\n# license: other\n")
    facts = inspected(sfumato, unet.parent)
    assert (facts["licence"], facts["kind"]) == ("openrail++", "checkpoint")
    assert facts["missing_parts"] == ["vae", "text_encoder"]


def test_the_folder_of_an_adapter_is_inspected(sfumato, tmp_path):
    (tmp_path / "ink").mkdir()
    name = "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight"
    published.write_hollow(tmp_path / "ink" / "adapter_model.safetensors", {name: (4, 768)})
    (tmp_path / "ink" / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8}')
    facts = inspected(sfumato, tmp_path / "ink")
    assert (facts["kind"], facts["family"], facts["adapter"]["ranks"]) == ("lora", "sd1", [4])


def test_names_that_no_terminal_should_print_are_made_harmless(sfumato, tmp_path):
    shapes = published.single_file("sd1") | {"\ud800 \x1b[31m": (1,)}
    path = published.write_hollow(tmp_path / "a.safetensors", shapes, metadata={"modelspec.title": "\x07\n"})
    assert inspected(sfumato, path)["unused"] == ["? \x1b[31m"]
    assert "\x1b" not in sfumato("inspect", path)[1]
