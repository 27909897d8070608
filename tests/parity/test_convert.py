"""Converted files and folders are those of the public conversion rules, and diffusers reads them."""

import json

import pytest
import torch

import sfumato
from sfumato.checkpoints.open import open_checkpoint
from sfumato.cli.main import main

EVERY = ("sd1", "sd1-inpaint", "sd1-pix2pix", "sd2-v", "sd2-base", "sdxl", "sdxl-v", "sdxl-refiner")
DIFFERENT = ("_diffusers_version", "sample_size", "bos_token_id", "eos_token_id", "pad_token_id")
"""Settings that depend on who wrote the folder, or on the size of the tiny pictures."""


@pytest.fixture(scope="module")
def converted(pipelines, tmp_path_factory):
    """Converts the folder or the file of a tiny pipeline once and gives the path of what came of it."""
    root = tmp_path_factory.mktemp("converted")

    def convert(name, to):
        target = root / f"{name}.safetensors" if to == "file" else root / name
        if not target.exists():
            source = pipelines.folder(name) if to == "file" else pipelines.file(name)
            with pytest.raises(SystemExit) as exit_:
                main(["convert", str(source), str(target)])
            assert not exit_.value.code
        return target

    return convert


def held(path):
    found = open_checkpoint(path).tensors
    return {name: found.read(name) for name in found.kinds}


def different(here, there):
    return [name for name in there if name not in here or not torch.equal(here[name], there[name])]


@pytest.mark.parametrize("name", EVERY)
def test_our_file_is_that_of_the_public_rules(converted, pipelines, name):
    ours, theirs = held(converted(name, "file")), held(pipelines.file(name))
    unread = (
        ("position_ids", "logit_scale", "text_projection")
        if "sd2" in name
        else ("position_ids", "logit_scale")
    )
    last = {key for key in theirs if ".resblocks.3." in key} if "sd2" in name else set()
    computed = {key for key in theirs if "." not in key or key.startswith("denoiser")} - {"v_pred", "ztsnr"}
    kept = {key: x for key, x in theirs.items() if not key.endswith(unread) and key not in last | computed}
    assert different(ours, kept) == []
    assert ours.keys() - kept.keys() <= {"v_pred", "ztsnr"}


@pytest.mark.parametrize("name", EVERY)
def test_our_folder_holds_the_numbers_of_diffusers_folder(converted, pipelines, name):
    ours, theirs = held(converted(name, "folder")), held(pipelines.folder(name))
    assert different(ours, theirs) == []
    surplus = {
        key
        for key in ours.keys() - theirs.keys()
        if not key.startswith("text_encoder.text_model.encoder.layers.3.")
    }
    assert surplus <= {"text_encoder.text_projection.weight"}  # SD 2 keeps what it does not read


@pytest.mark.parametrize("name", EVERY)
def test_our_configurations_say_what_diffusers_say(converted, pipelines, name):
    ours, theirs = open_checkpoint(converted(name, "folder")), open_checkpoint(pipelines.folder(name))
    assert ours.configs.keys() == theirs.configs.keys()
    for part, config in ours.configs.items():
        said = theirs.configs[part]
        wrong = {key: (value, said.get(key)) for key, value in config.items() if said.get(key) != value}
        assert {key: both for key, both in wrong.items() if key not in DIFFERENT} == {}, part


@pytest.mark.parametrize("name", ["sd2-v", "sdxl-v", "sdxl-refiner"])
def test_diffusers_reads_our_folder(converted, pipelines, name):
    from diffusers import DiffusionPipeline

    read = DiffusionPipeline.from_pretrained(converted(name, "folder"), local_files_only=True)
    wanted = pipelines.reference(name)
    part = "text_encoder_2" if "xl" in name else "text_encoder"
    tokenizer = "tokenizer_2" if "xl" in name else "tokenizer"
    words = getattr(read, tokenizer)("a cat (of glass)", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        here, there = (getattr(each, part)(words, output_hidden_states=True) for each in (read, wanted))
    assert torch.equal(here.hidden_states[-1], there.hidden_states[-1])
    assert read.scheduler.config.prediction_type == wanted.scheduler.config.prediction_type
    index = json.loads((converted(name, "folder") / "model_index.json").read_text())
    assert type(read).__name__ == index["_class_name"] == type(wanted).__name__


@pytest.mark.parametrize("name", ["sd1", "sd2-v", "sdxl-v"])
def test_a_converted_model_draws_the_same_picture(converted, pipelines, name):
    paths = (pipelines.file(name), converted(name, "folder"), converted(name, "file"))
    pictures = [
        sfumato.load(path)("a cat", seed=1, steps=1, size=(64, 64), guidance=2.0).image.tobytes()
        for path in paths
    ]
    assert pictures[0] == pictures[1] == pictures[2]
    assert len(set(pictures[0])) > 20  # values: it is no blank
