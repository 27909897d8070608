"""A file becomes a folder and a folder a file, and no number changes on the way."""

import json
import shutil

import published
import pytest
import torch

from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.recognise import recognise
from sfumato.checkpoints.safetensors import save
from sfumato.cli.main import main
from sfumato.errors import MissingExtra
from sfumato.text.merges import from_folder, packaged

FAMILIES = ("sd1", "sd2", "sdxl", "sdxl-refiner")
EMA = "model_ema.diffusion_modelinput_blocks00weight"
FIRST = "model.diffusion_model.input_blocks.0.0.weight"


def small(shape):
    """A 64th of each width; what is shorter than that stays."""
    return tuple(length // 64 if length % 64 == 0 else length for length in shape)


def tensors(family):
    torch.manual_seed(0)
    shapes = published.single_file(family)
    made = {name: torch.randn(small(shape)) for name, shape in shapes.items()}
    if family == "sd2":
        made["model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"] *= 0.01
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small file of each family, by its name."""
    root = tmp_path_factory.mktemp("files")
    for family in FAMILIES:
        save(root / f"{family}.safetensors", tensors(family))
    return {family: root / f"{family}.safetensors" for family in FAMILIES}


@pytest.fixture(scope="module")
def folders(files):
    """What each file becomes as a folder."""
    for family, file in files.items():
        with pytest.raises(SystemExit) as exit_:
            main(["convert", str(file), str(file.with_name(family))])
        assert not exit_.value.code
    return {family: file.with_name(family) for family, file in files.items()}


def held(path):
    found = open_checkpoint(path).tensors
    return {name: found.read(name) for name in found.kinds}


def same(here, there):
    assert here.keys() == there.keys()
    different = [
        name for name in here if here[name].dtype != there[name].dtype or not here[name].equal(there[name])
    ]
    assert different == []


def done(sfumato, *arguments):
    code, out, err = sfumato("convert", *arguments)
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize("family", FAMILIES)
def test_from_file_to_folder_and_back_no_bit_changes(sfumato, files, folders, family):
    out = done(sfumato, folders[family], "back.safetensors")
    before, after = held(files[family]), held("back.safetensors")
    lost = {name for name in before if name.endswith(("logit_scale", "position_ids", "betas"))}
    same(after, {name: tensor for name, tensor in before.items() if name not in lost})
    assert "a file cannot say" not in out
    found = recognise(open_checkpoint("back.safetensors"))
    assert (found.kind, found.family, found.prediction) == ("checkpoint", family, "epsilon")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_folder_has_what_diffusers_asks_for(folders, family):
    folder = folders[family]
    index = json.loads((folder / "model_index.json").read_text())
    for part, what in index.items():
        if isinstance(what, list) and what[0] and not part.startswith(("tokenizer", "scheduler")):
            config = json.loads((folder / part / "config.json").read_text())
            assert config.get("_class_name", config.get("architectures", [None])[0]) == what[1]
    opened = open_checkpoint(folder)
    assert set(opened.configs) == {"", "scheduler", *recognise(opened).parts}
    layers = {"sd1": 12, "sd2": 23, "sdxl": 12}  # SD 2 does not read the last of its 24
    assert opened.configs.get("text_encoder", {}).get("num_hidden_layers") == layers.get(family)
    assert opened.configs["vae"]["scaling_factor"] == (0.13025 if "xl" in family else 0.18215)


def test_the_folder_has_the_tokenizers_of_its_family(folders):
    try:
        words = packaged()
    except MissingExtra as error:
        pytest.skip(str(error))
    assert from_folder(folders["sdxl"] / "tokenizer_2") == words
    pads = {
        family: {
            place.name: json.loads((place / "tokenizer_config.json").read_text())["pad_token"]
            for place in folders[family].glob("tokenizer*")
        }
        for family in FAMILIES
    }
    assert pads == {
        "sd1": {"tokenizer": "<|endoftext|>"},
        "sd2": {"tokenizer": "!"},
        "sdxl": {"tokenizer": "<|endoftext|>", "tokenizer_2": "!"},
        "sdxl-refiner": {"tokenizer_2": "!"},
    }


def test_what_is_predicted_survives_both_ways(sfumato, files):
    for family in ("sd1", "sd2"):
        done(sfumato, files[family], f"{family}-v", "--prediction", "v")
        done(sfumato, f"{family}-v", f"{family}-v.safetensors")
        assert recognise(open_checkpoint(f"{family}-v.safetensors")).prediction == "v"
        assert "v_pred" in held(f"{family}-v.safetensors")  # for loaders that read no metadata


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_what_is_asked_to_be_predicted_is_written_in_the_same_form_too(sfumato, files, folders, family):
    for source, ending in ((files[family], ".safetensors"), (folders[family], "")):
        done(sfumato, source, f"v{ending}", "--prediction", "v")
        assert recognise(open_checkpoint(f"v{ending}")).prediction == "v"
        done(sfumato, f"v{ending}", f"back{ending}", "--prediction", "epsilon")
        assert recognise(open_checkpoint(f"back{ending}")).prediction == "epsilon"
        same(held(f"back{ending}"), held(source))
    assert "v_pred" in held("v.safetensors")  # for loaders that read no metadata
    assert open_checkpoint("v").configs["scheduler"]["prediction_type"] == "v_prediction"
    before = open_checkpoint(folders[family]).configs["scheduler"]
    assert open_checkpoint("back").configs["scheduler"] == before


def test_a_folder_without_a_scheduler_cannot_say_what_is_predicted_and_a_file_can(sfumato, folders):
    unet = folders["sd1"] / "unet"
    code, _, err = sfumato("convert", unet, "unet", "--prediction", "v")
    assert (code, "unet of sd1 predicts epsilon, and nothing in it could say otherwise" in err) == (2, True)
    done(sfumato, unet, "unet.safetensors", "--prediction", "v")
    assert recognise(open_checkpoint("unet.safetensors")).prediction == "v"


def test_what_predicts_nothing_is_not_asked_what(sfumato, tmp_path):
    save(tmp_path / "lora.safetensors", {"lora_unet_x.lora_down.weight": torch.ones(2, 2)})
    code, _, err = sfumato("convert", "lora.safetensors", "other.safetensors", "--prediction", "v")
    assert (code, "predicts nothing, and nothing in it" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["lora.safetensors"]


def test_walks_to_pure_noise_survive_both_ways(sfumato, tmp_path):
    save(tmp_path / "noise.safetensors", tensors("sd1") | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)})
    done(sfumato, "noise.safetensors", "noise")
    scheduler = open_checkpoint("noise").configs["scheduler"]
    assert (scheduler["rescale_betas_zero_snr"], scheduler["timestep_spacing"]) == (True, "trailing")
    done(sfumato, "noise", "back.safetensors")
    assert recognise(open_checkpoint("back.safetensors")).zero_snr


def test_half_precision_halves_every_number(sfumato, files):
    done(sfumato, files["sd1"], "half.safetensors", "--half")
    same(held("half.safetensors"), {name: x.half() for name, x in held(files["sd1"]).items()})


def test_pruning_leaves_out_what_nobody_reads_and_says_so(sfumato, tmp_path):
    extra = {EMA: torch.ones(5, 4, 3, 3), "strange": torch.ones(2), "v_pred": torch.zeros(0)}
    made = tensors("sd1") | extra
    save(tmp_path / "long.safetensors", made)
    out = done(sfumato, "long.safetensors", "short.safetensors", "--prune")
    kept = {name for name in made if name not in (EMA, "strange", "betas") and "position_ids" not in name}
    assert set(held("short.safetensors")) == kept
    assert "left out: averages of the training (model_ema.*): 1 tensor\n" in out
    assert "left out: no network has them: 1 tensor\n" in out


def test_without_pruning_a_file_keeps_everything(sfumato, tmp_path):
    made = tensors("sd1") | {EMA: torch.ones(5, 4, 3, 3), "strange": torch.ones(2)}
    save(tmp_path / "a.safetensors", made, {"author": "Ada", "modelspec.hash_sha256": "0x12"})
    done(sfumato, "a.safetensors", "b.safetensors")
    same(held("b.safetensors"), made)
    assert open_checkpoint("b.safetensors").metadata == {"author": "Ada", "format": "pt"}


def test_averages_take_the_place_of_the_last_weights(sfumato, tmp_path):
    made = tensors("sd1")
    unet = [name for name in made if name.startswith("model.diffusion_model.")]
    averages = {
        "model_ema." + name.removeprefix("model.").replace(".", ""): made[name] * 0.5 for name in unet
    }
    average = averages[EMA]
    save(tmp_path / "a.safetensors", made | averages)
    done(sfumato, "a.safetensors", "b.safetensors", "--ema")
    done(sfumato, "a.safetensors", "folder", "--ema")
    assert torch.equal(held("b.safetensors")[FIRST], average)
    assert EMA not in held("b.safetensors")
    assert torch.equal(held("folder")["unet.conv_in.weight"], average)
    code, _, err = sfumato("convert", "b.safetensors", "c.safetensors", "--ema")
    assert (code, "no averages" in err) == (2, True)


def test_a_pickle_becomes_safetensors(sfumato, tmp_path):
    made = {"emb_params": torch.randn(2, 768)}
    torch.save(made, tmp_path / "word.pt")
    done(sfumato, "word.pt", "word.safetensors")
    same(held("word.safetensors"), made)


def test_an_autoencoder_goes_from_a_folder_to_a_file_of_its_own(sfumato, files, folders):
    done(sfumato, folders["sd1"] / "vae", "vae.safetensors")
    prefix = "first_stage_model."
    vae = {name.removeprefix(prefix): x for name, x in held(files["sd1"]).items() if name.startswith(prefix)}
    same(held("vae.safetensors"), vae)


def test_what_a_file_cannot_say_is_told(sfumato, folders, tmp_path):
    shutil.copytree(folders["sd1"], tmp_path / "folder")
    config = tmp_path / "folder" / "vae" / "config.json"
    config.write_text(config.read_text().replace("0.18215", "0.5"))
    out = done(sfumato, "folder", "file.safetensors")
    assert "a file cannot say vae's scaling_factor = 0.5: readers will take 0.18215" in out


@pytest.mark.parametrize(
    ("change", "arguments", "reason"),
    [
        ({"strange": torch.ones(1)}, ("a.safetensors", "folder"), "1 tensors belong to no part: strange"),
        ({FIRST: None}, ("a.safetensors", "folder"), "1 tensors are missing: unet.conv_in.weight"),
        ({}, ("a.safetensors", "a.safetensors"), "is there already"),
        ({}, ("a.safetensors", "b.ckpt"), "pickles are read and not written; name it b.safetensors"),
        ({}, ("a.safetensors", "b", "--to", "zip"), "neither file nor folder"),
    ],
)
def test_what_cannot_be_converted_is_refused_and_nothing_is_written(
    sfumato, tmp_path, change, arguments, reason
):
    made = {name: tensor for name, tensor in (tensors("sd1") | change).items() if tensor is not None}
    save(tmp_path / "a.safetensors", made)
    code, _, err = sfumato("convert", *arguments)
    assert code == 2
    assert reason in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_an_adapter_has_no_folder(sfumato, tmp_path):
    save(tmp_path / "lora.safetensors", {"lora_unet_x.lora_down.weight": torch.ones(2, 2)})
    code, _, err = sfumato("convert", "lora.safetensors", "folder")
    assert (code, "it has one form only" in err) == (2, True)
