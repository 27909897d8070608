"""What must hold of Stable Diffusion from users' files, whatever its family."""

from dataclasses import replace

import pytest
import torch

import sfumato
from sfumato import families
from sfumato.checkpoints import safetensors
from sfumato.checkpoints.tensors import Tensors
from sfumato.diffusion.protocol import Call, Conditioning, Extras, Level
from sfumato.errors import CheckpointError, InputError
from sfumato.families import Loading, Wording
from sfumato.families.loading import opened
from sfumato.families.sd1 import SD1
from sfumato.families.trained import trained

LEVEL = Level(1.0, 2.0)


@pytest.fixture(scope="module")
def loaded(pipelines):
    """A function that loads a tiny pipeline from its folder, once. None may be changed."""
    models = {}

    def model(name):
        if name not in models:
            models[name] = families.load(pipelines.folder(name))
        return models[name]

    return model


@pytest.fixture(scope="module")
def sd1(loaded):
    return loaded("sd1")


def told(model, text="a red cat", **how):
    (encoded,) = model.encode([Wording(text=text, **how)])
    return encoded


# files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sd1", "sd2-v", "sdxl", "sdxl-refiner"])
def test_a_single_file_is_the_model_of_its_folder_weight_for_weight(pipelines, loaded, name):
    folder, file = loaded(name), families.load(pipelines.file(name))
    assert (folder.family, folder.prediction) == (file.family, file.prediction)
    networks = [(model.unet, model.latents.autoencoder) for model in (folder, file)]
    for one, other in zip(*networks, strict=True):
        kept, found = one.state_dict(), other.state_dict()
        assert kept.keys() == found.keys()
        assert all(torch.equal(kept[each], found[each]) for each in kept)
    with torch.inference_mode():
        one, other = told(folder), told(file)
    assert torch.equal(one.conditioning.context, other.conditioning.context)


def parts_without(parts, part, name):
    whole = parts.tensors[part]
    kinds = {each: kind for each, kind in whole.kinds.items() if each != name}
    return replace(parts, tensors={**parts.tensors, part: Tensors(kinds=kinds, read=whole.read)})


def test_a_tensor_that_is_missing_strange_or_of_another_shape_is_named(pipelines):
    parts = opened(pipelines.folder("sd1"), Loading())
    with pytest.raises(CheckpointError, match=r"unet: .* 1 missing: mid_block.resnets.0.conv1.bias$"):
        SD1(parts_without(parts, "unet", "mid_block.resnets.0.conv1.bias"))
    ghost = Tensors.of({"ghost.weight": torch.zeros(1)})
    more = {**parts.tensors["vae"].kinds, **ghost.kinds}
    with pytest.raises(CheckpointError, match=r"vae: .* 1 unexpected: ghost.weight"):
        SD1(replace(parts, tensors={**parts.tensors, "vae": Tensors(kinds=more, read=ghost.read)}))
    kinds = dict(parts.tensors["unet"].kinds)
    kinds["conv_out.bias"] = kinds["conv_out.bias"]._replace(shape=(5,))
    with pytest.raises(CheckpointError, match=r"conv_out.bias \[5\] where the network has \[4\]"):
        SD1(replace(parts, tensors={**parts.tensors, "unet": Tensors(kinds=kinds, read=ghost.read)}))


def test_a_part_that_is_not_there_says_how_to_bring_it(pipelines):
    parts = opened(pipelines.folder("sd1"), Loading())
    rest = {part: tensors for part, tensors in parts.tensors.items() if part != "vae"}
    with pytest.raises(CheckpointError, match=r"sd1 has no vae .* vae=FILE"):
        SD1(replace(parts, tensors=rest))


def test_numbers_that_are_not_finite_are_refused_and_great_ones_only_in_half(pipelines):
    parts = opened(pipelines.folder("sd1"), Loading())
    unet = parts.tensors["unet"]

    def with_bias(number):
        def read(name):
            tensor = unet.read(name)
            return torch.full_like(tensor, number) if name == "conv_out.bias" else tensor

        return replace(parts, tensors={**parts.tensors, "unet": Tensors(kinds=unet.kinds, read=read)})

    with pytest.raises(CheckpointError, match=r"unet: tensor conv_out.bias holds numbers that"):
        SD1(with_bias(torch.nan))
    great = with_bias(1e5)
    assert float(SD1(great).unet.conv_out.bias[0]) == 1e5
    halved = replace(great, place=Loading(dtype="float16").place(unet))
    with pytest.raises(CheckpointError, match=r"conv_out.bias has numbers too great for float16"):
        SD1(halved)


@torch.inference_mode()
def test_weights_of_8_bits_are_read_as_the_numbers_that_they_are(pipelines, sd1):
    parts = opened(pipelines.folder("sd1"), Loading())
    unet = parts.tensors["unet"]
    small = {name: unet.read(name).to(torch.float8_e4m3fn) for name in unet.kinds}
    model = SD1(replace(parts, tensors={**parts.tensors, "unet": Tensors.of(small)}))
    weight = model.unet.conv_in.weight
    assert torch.equal(weight, sd1.unet.conv_in.weight.to(torch.float8_e4m3fn).float())


def saved_with(pipelines, path, **entries):
    """The tiny sd1, with something written about it by entries of Stability AI's model specification."""
    metadata = {f"modelspec.{entry}": text for entry, text in entries.items()}
    safetensors.save(path, safetensors.load(pipelines.file("sd1")), metadata)
    return path


def test_a_model_that_was_distilled_walks_and_says_how_it_was_taught(pipelines, tmp_path):
    """By what its metadata say: its tensors are any other model's."""
    told = {"architecture": "stable-diffusion-v1-lightning", "title": "Turbo"}
    model = families.load(saved_with(pipelines, tmp_path / "renamed.safetensors", **told))
    assert model.levels(4, None)[0].sigma == model.trained.sigmas[-1]
    assert model.levels(4, "leading")[0].sigma == model.trained.sigmas[751]
    assert (
        "distilled for few steps (Lightning): ask for 2 to 8 steps, guidance 1, sampler euler" in model.notes
    )
    assert not [note for note in model.notes if "Turbo" in note]


@pytest.mark.parametrize(
    ("entry", "text", "word"),
    [
        ("title", "Hyper Realism v3", "Hyper"),
        ("title", "Lightning McQueen style", "Lightning"),
        ("description", "Do not use with LCM", "LCM"),
    ],
)
def test_words_in_a_title_change_no_walk_and_are_told_as_a_guess(pipelines, tmp_path, entry, text, word):
    parts = opened(saved_with(pipelines, tmp_path / "a.safetensors", **{entry: text}), Loading())
    model = SD1(parts)
    assert model.trained.spacing == "leading"
    (hint,) = [note for note in model.notes if word in note]
    assert hint.startswith(
        f"modelspec.{entry} has the word {word}: if it was distilled for few steps, ask for "
    )
    assert not [note for note in model.notes if note.startswith("distilled for few steps")]


@torch.inference_mode()
def test_a_network_that_reads_its_scale_is_told_it_and_refuses_to_be_told_none(pipelines, sd1):
    parts = opened(pipelines.folder("sd1"), Loading())
    unet = parts.tensors["unet"]
    tensors = {name: unet.read(name) for name in unet.kinds}
    tensors["time_embedding.cond_proj.weight"] = torch.randn(32, 16)
    lcm = SD1(replace(parts, tensors={**parts.tensors, "unet": Tensors.of(tensors)}))
    call = Call(torch.randn(1, 4, 8, 8), LEVEL, told(sd1).conditioning)
    with pytest.raises(InputError, match=r"ask for guidance distilled\(8\)"):
        lcm.denoise([call])
    one, two, eight = (
        lcm.denoise([call._replace(conditioning=replace(call.conditioning, guidance=scale))])[0]
        for scale in (1.0, 2.0, 8.0)
    )
    assert not torch.allclose(one, eight, atol=1e-3)
    both = [call._replace(conditioning=replace(call.conditioning, guidance=scale)) for scale in (2.0, 8.0)]
    for found, expected in zip(lcm.denoise(both), (two, eight), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_settings_that_our_network_does_not_compute_are_refused(pipelines):
    parts = opened(pipelines.folder("sd1"), Loading())
    wrong = {**parts.configs, "unet": {**parts.configs["unet"], "resnet_time_scale_shift": "scale_shift"}}
    with pytest.raises(CheckpointError, match=r"unet: config.json says resnet_time_scale_shift"):
        SD1(replace(parts, configs=wrong))


@pytest.mark.parametrize(
    ("part", "settings", "said"),
    [
        ("unet", {"attention_head_dim": [8, 8]}, "3 and 2 levels|4, 4 and 2 levels"),
        ("unet", {"attention_head_dim": 7}, "does not split into 7 heads"),
        ("unet", {"attention_head_dim": 0}, "heads"),
        ("unet", {"attention_head_dim": "eight"}, "'eight' heads"),
        ("unet", {"sample_size": 10**9}, "native"),
        ("unet", {"norm_num_groups": 0}, "norm_groups 0"),
        ("vae", {"scaling_factor": "big"}, "scaling_factor = 'big'"),
        ("vae", {"scaling_factor": 0}, "scaling_factor = 0"),
        ("vae", {"latents_mean": [0.1]}, "latents_mean"),
        ("text_encoder", {"hidden_act": "relu"}, "no activation 'relu'"),
        ("text_encoder", {"num_attention_heads": 5}, "does not split into 5 heads"),
    ],
)
def test_settings_that_no_network_has_are_one_error(pipelines, part, settings, said):
    parts = opened(pipelines.folder("sd1"), Loading())
    configs = {**parts.configs, part: {**parts.configs[part], "num_attention_heads": None, **settings}}
    if part == "text_encoder":
        configs[part] = {**parts.configs[part], **settings}
    with pytest.raises(CheckpointError, match=said):
        SD1(replace(parts, configs=configs))


def test_text_towers_and_a_unet_of_two_families_are_refused(pipelines):
    with pytest.raises(CheckpointError, match="words of width 64 and text towers that make them 128 wide"):
        families.load(pipelines.folder("sd1"), Loading(text_encoder=pipelines.folder("sd2-base")))


@torch.inference_mode()
def test_a_part_is_taken_from_where_it_is_named(pipelines, sd1, tmp_path):
    """From a file of it alone, from its folder, or from a whole checkpoint."""
    tensors = safetensors.load(next((pipelines.folder("sd1") / "vae").glob("*.safetensors")))
    whole = safetensors.load(pipelines.file("sd1"))
    for name, bias in (
        ("decoder.conv_out.bias", tensors),
        ("first_stage_model.decoder.conv_out.bias", whole),
    ):
        bias[name] = bias[name] + 0.2
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_bytes((pipelines.folder("sd1") / "vae/config.json").read_bytes())
    safetensors.save(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", tensors)
    safetensors.save(tmp_path / "alone.safetensors", tensors)
    safetensors.save(tmp_path / "whole.safetensors", whole)
    latent = torch.randn(1, 4, 8, 8)
    for source in (tmp_path / "vae", tmp_path / "alone.safetensors", tmp_path / "whole.safetensors"):
        mixed = families.load(pipelines.folder("sd1"), Loading(vae=source))
        bare = replace(sd1.latents, scale=mixed.latents.scale)
        picture = (bare.decode(latent) + 0.1).clamp(0, 1)
        seen = (picture > 0.1) & (picture < 1)
        torch.testing.assert_close(mixed.decode(latent)[seen], picture[seen])
        assert f"vae from {source.name}" in mixed.notes
        assert torch.equal(mixed.unet.conv_in.weight, sd1.unet.conv_in.weight)


def test_an_autoencoder_of_other_latents_is_refused(pipelines):
    """SDXL's has the same shape and would draw, and draw nothing like a picture."""
    for source in (pipelines.folder("sdxl"), pipelines.file("sdxl"), pipelines.folder("sdxl") / "vae"):
        with pytest.raises(CheckpointError, match="latents of sdxl"):
            families.load(pipelines.file("sd1"), Loading(vae=source))


def test_a_part_that_is_not_where_it_is_named_is_an_error(pipelines):
    with pytest.raises(CheckpointError, match="has no text_encoder_2"):
        families.load(pipelines.folder("sdxl"), Loading(text_encoder_2=pipelines.folder("sd1") / "vae"))
    with pytest.raises(CheckpointError, match="takes no other vae"):
        families.load(families.embedded(), Loading(vae=pipelines.folder("sd1")))


def test_a_part_that_a_family_does_not_have_is_refused(pipelines):
    for name, part, source in (
        ("sd1", "text_encoder_2", "sdxl"),
        ("sd2-base", "text_encoder_2", "sdxl"),
        ("sdxl-refiner", "text_encoder", "sdxl"),
    ):
        has_none = f"a model of {name.partition('-base')[0]} has no {part}: it is made of unet, vae, text_enc"
        with pytest.raises(CheckpointError, match=has_none):
            opened(pipelines.file(name), Loading(**{part: pipelines.file(source)}))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dtype": "float16"}, "is in float32 and predicts flow: leave out dtype='float16'"),
        ({"dtype": "bfloat16", "ema": True}, "leave out dtype='bfloat16', ema=True"),
        ({"prediction": "v"}, "leave out prediction='v'"),
    ],
)
def test_options_that_change_nothing_of_the_embedded_model_are_refused(asked, said):
    with pytest.raises(InputError, match=said):
        families.load(families.embedded(), Loading(**asked))


def test_options_that_are_true_of_the_embedded_model_are_not_refused():
    asked = Loading(dtype="float32", prediction="flow")
    assert opened(families.embedded(), asked).prediction == "flow"
    with pytest.raises(CheckpointError, match="a file has no variant 'fp16'"):
        opened(families.embedded(), Loading(variant="fp16"))


@torch.inference_mode()
def test_halves_draw_nearly_the_picture_of_whole_numbers(pipelines, sd1):
    half = families.load(pipelines.folder("sd1"), Loading(dtype="bfloat16"))
    assert half.unet.conv_in.weight.dtype == half.latents.autoencoder.decoder.conv_in.weight.dtype
    x = torch.randn(1, 4, 8, 8) * 2
    whole, halved = (model.denoise([Call(x, LEVEL, told(model).conditioning)])[0] for model in (sd1, half))
    assert halved.dtype == torch.float32
    assert 0 < (whole - halved).abs().mean() < 0.1 * whole.std()


def test_a_type_that_nothing_is_drawn_in_is_refused(pipelines):
    with pytest.raises(InputError, match="dtype 'int8' cannot be drawn with: there are float32, float16"):
        families.load(pipelines.folder("sd1"), Loading(dtype="int8"))


def test_the_notes_say_how_the_prediction_was_decided(pipelines):
    path = pipelines.file("sd2-v")
    ruled, overridden = (opened(path, Loading(prediction=asked)) for asked in (None, "epsilon"))
    assert ruled.notes[-1].startswith("predicts v: SD 2's rule")
    assert overridden.notes[-1] == "predicts epsilon: it was asked for"
    v, epsilon = (families.SD2(parts) for parts in (ruled, overridden))
    assert (v.prediction.name, epsilon.prediction.name) == ("v", "epsilon")
    assert (v.native, epsilon.native) == ((768, 768), (512, 512))
    assert v.notes == ruled.notes


def test_the_notes_tell_that_walks_begin_in_pure_noise(pipelines):
    for source in (pipelines.file("sdxl-v"), pipelines.folder("sdxl-v")):
        noisy = families.load(source).notes
        assert "trained down to pure noise (zero terminal SNR): walks begin there, spaced trailing" in noisy
        assert not [note for note in noisy if "contradict" in note]
    assert not [note for note in families.load(pipelines.file("sdxl")).notes if "pure noise" in note]


def test_a_walk_that_begins_below_pure_noise_is_not_told_to_begin_there(pipelines):
    parts = opened(pipelines.folder("sdxl-v"), Loading())
    leading = {**parts.configs, "scheduler": {**parts.configs["scheduler"], "timestep_spacing": "leading"}}
    noisy = families.SDXL(replace(parts, configs=leading)).notes
    (told,) = [note for note in noisy if "pure noise" in note]
    assert told.endswith("walks begin below it, spaced leading, as its scheduler asks")


def test_a_model_that_predicts_noise_from_pure_noise_is_told_to_contradict_itself(pipelines):
    asked = Loading(prediction="epsilon")
    (told,) = [note for note in opened(pipelines.file("sdxl-v"), asked).notes if "contradict" in note]
    assert told.endswith('if pictures are grey or burnt, try prediction="v"')
    mended = opened(pipelines.file("sdxl-v"), replace(asked, unet=pipelines.file("sdxl")))
    assert not [note for note in mended.notes if "contradict" in note]


def test_a_unet_from_elsewhere_brings_what_it_predicts_and_its_levels(pipelines):
    """Into a file, from a file, by its markers; and back into a folder whose scheduler says v."""
    into, out = (
        opened(pipelines.file("sdxl"), Loading(unet=pipelines.file("sdxl-v"))),
        opened(pipelines.folder("sdxl-v"), Loading(unet=pipelines.folder("sdxl"))),
    )
    assert (into.prediction, into.zero_snr) == ("v", True)
    assert (out.prediction, out.zero_snr) == ("epsilon", False)
    for parts, said in ((into, "predicts v: the file has the marker v_pred"), (out, "predicts epsilon: ")):
        (told,) = [note for note in parts.notes if note.startswith("predicts ")]
        assert told.startswith(said)
    noisy, plain = families.SDXL(into).trained, families.SDXL(out).trained
    assert (noisy.spacing, plain.spacing) == ("trailing", "leading")
    assert noisy.sigmas[-1] > 1000 > plain.sigmas[-1]


def test_a_scheduler_of_the_folder_does_not_hold_for_a_unet_from_elsewhere(pipelines):
    parts = opened(pipelines.folder("sdxl-v"), Loading(unet=pipelines.file("sdxl")))
    model = families.SDXL(parts)
    assert (parts.prediction, model.trained.spacing) == ("epsilon", "leading")
    assert model.trained.sigmas[-1] < 1000
    mixed = opened(pipelines.folder("sd2-base"), Loading(unet=pipelines.file("sd2-v")))
    assert families.SD2(mixed).native == (768, 768)


def test_prediction_and_averages_are_asked_of_the_unet_that_is_named(pipelines):
    averaged = pipelines.file("sd1", ema=True)
    asked = Loading(unet=averaged, ema=True, prediction="v")
    parts = opened(pipelines.file("sd1"), asked)
    trained_ = opened(averaged, Loading()).part("unet")
    bias = "conv_out.bias"
    assert torch.equal(parts.part("unet").read(bias), trained_.read(bias) * 0.5)
    assert (parts.prediction, parts.notes[-1]) == ("v", "predicts v: it was asked for")
    with pytest.raises(CheckpointError, match="no averages of the training"):
        opened(averaged, replace(asked, unet=pipelines.file("sd1")))


def test_a_unet_from_elsewhere_brings_how_few_steps_it_wants(pipelines, tmp_path):
    quick = tmp_path / "quick.safetensors"
    saved_with(pipelines, quick, implementation="https://github.com/someone/sd-turbo", title="LCM")
    into, out = (
        opened(path, Loading(unet=unet))
        for path, unet in ((pipelines.file("sd1"), quick), (quick, pipelines.file("sd1")))
    )
    assert into.few_steps.name == "Turbo"
    assert out.few_steps is None
    hinted = opened(pipelines.file("sd1"), Loading(unet=saved_with(pipelines, quick, title="LCM")))
    assert [note for note in hinted.notes if "the word LCM" in note]


def test_a_unet_that_cannot_be_drawn_with_is_refused_from_elsewhere_too(pipelines, tmp_path):
    path = tmp_path / "edm.safetensors"
    safetensors.save(path, safetensors.load(pipelines.file("sdxl")) | {"edm_mean": torch.zeros(4)})
    with pytest.raises(CheckpointError, match="noise levels are those of EDM"):
        opened(pipelines.file("sdxl"), Loading(unet=path))


# words ---------------------------------------------------------------------------------------------


@torch.inference_mode()
def test_a_long_text_is_read_in_chunks_that_are_put_in_a_row(sd1):
    first, second = ", ".join(["a red cat"] * 18) + ",", "a blue car"
    both = told(sd1, f"{first} BREAK {second}").conditioning.context
    assert both.shape[1] == 2 * 77
    assert torch.equal(both[:, :77], told(sd1, first).conditioning.context)
    assert torch.equal(both[:, 77:], told(sd1, second).conditioning.context)


@torch.inference_mode()
def test_weights_change_the_words_they_are_on_and_the_rest_is_scaled_back(sd1):
    plain = told(sd1, "a red cat").conditioning.context
    heavy = told(sd1, "a (red:1.5) cat").conditioning.context
    changed = heavy / plain
    spread = changed[0].median(dim=1).values
    assert spread.argmax() == 2  # start, a, red
    torch.testing.assert_close(spread[2] / spread[1], torch.tensor(1.5), rtol=1e-3, atol=0)
    assert torch.equal(told(sd1, "a (red:1.5) cat", weighting="none").conditioning.context, plain)


@torch.inference_mode()
def test_learned_vectors_stand_in_the_place_of_tokens(pipelines):
    """Of every tower, and in the sentence as a whole."""
    model = families.load(pipelines.folder("sdxl"))
    for reader in model.readers:
        rows = reader.tower.text_model.embeddings.token_embedding.weight
        reader.embeddings["sesame"] = rows[list(reader.tokenizer("red cat"))].clone()
    texts = ("a sesame", "a red cat", "a red")
    learned, cat, red = (told(model, text).conditioning for text in texts)
    assert torch.equal(learned.context, cat.context)
    assert torch.equal(learned.vector, cat.vector)
    assert not torch.equal(red.context, cat.context)
    assert not torch.equal(red.vector, cat.vector)


@torch.inference_mode()
def test_a_layer_that_is_not_there_is_named_with_those_that_are(pipelines, loaded, sd1):
    with pytest.raises(InputError, match="clip_skip 4 cannot be had: this text tower has layers 1 to 3"):
        told(sd1, clip_skip=4)
    with pytest.raises(InputError, match="clip_skip 1 cannot be had: this text tower has layers 2 to 4"):
        told(loaded("sd2-v"), clip_skip=1)
    whole = families.load(pipelines.file("sd2-v"))
    last, before = (told(whole, clip_skip=skip).conditioning.context for skip in (1, 2))
    assert torch.equal(told(whole).conditioning.context, before)
    assert not torch.equal(last, before)


def test_an_adapter_that_does_not_hang_there_is_an_error(sd1):
    with pytest.raises(InputError, match="no adapter 'ink' hangs here"):
        told(sd1, adapters=(("ink", 0.8, 0.8),))


# rows ----------------------------------------------------------------------------------------------


@torch.inference_mode()
def test_a_row_does_not_see_its_neighbours(sd1):
    rows = [
        Call(torch.randn(1, 4, 8, 8), Level(1.0, sigma), told(sd1, text).conditioning)
        for text, sigma in (("a red cat", 0.3), ("fog", 9.0))
    ]
    together = sd1.denoise(rows)
    assert torch.equal(sd1.denoise(rows[::-1])[1], together[0])
    changed = sd1.denoise([rows[0], rows[1]._replace(x=torch.zeros(1, 4, 8, 8))])
    assert torch.equal(changed[0], together[0])


@pytest.mark.parametrize("name", ["sd1", "sdxl-v"])
def test_the_networks_time_is_the_number_of_the_level_and_between_two_lies_between(loaded, name):
    trained = loaded(name).trained
    for number in (0, 1, 500, 998, 999):
        assert trained.number(trained.sigmas[number]) == number
    low, high = trained.sigmas[300:302]
    assert trained.number((low * high) ** 0.5) == pytest.approx(300.5)
    assert trained.number(0.0) == 0
    assert trained.number(1e6) == 999


def test_a_walk_begins_where_the_folders_scheduler_says(pipelines, loaded, sd1):
    """SD's leave the noisiest level out; models trained to pure noise begin in it."""
    v = loaded("sdxl-v")
    assert sd1.levels(10, None)[0].sigma == sd1.trained.sigmas[901]
    assert v.levels(10, None)[0].sigma == v.trained.sigmas[-1] == pytest.approx(4096, rel=1e-3)
    assert families.load(pipelines.file("sdxl-v")).levels(10, None) == v.levels(10, None)


@pytest.mark.parametrize(
    ("scheduler", "sigmas"),
    [
        ({}, (751, 501, 251, 1)),
        ({"timestep_spacing": "leading"}, (750, 500, 250, 0)),
        ({"timestep_spacing": "leading", "steps_offset": 1}, (751, 501, 251, 1)),
        ({"timestep_spacing": "trailing"}, (999, 749, 499, 249)),
        ({"timestep_spacing": "linspace"}, (999, 666, 333, 0)),
    ],
)
def test_a_walk_is_spaced_as_the_scheduler_says(scheduler, sigmas):
    made = trained(scheduler, zero_snr=False, spacing="leading")
    assert [made.number(level.sigma) for level in made.levels(4, None)[:-1]] == pytest.approx(
        sigmas, abs=1e-3
    )


def test_a_scheduler_may_bend_the_walk():
    made = trained({"use_karras_sigmas": True}, zero_snr=False, spacing="leading")
    assert made.levels(6, None) == made.levels(6, "karras")


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ({"_class_name": "EDMDPMSolverMultistepScheduler"}, "walks other levels"),
        ({"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous"}, "walks other levels"),
        ({"trained_betas": [0.1, 0.2]}, "trained_betas"),
        ({"beta_schedule": "sigmoid"}, "no beta_schedule 'sigmoid'"),
        ({"timestep_spacing": "random"}, "no timestep_spacing 'random'"),
        ({"beta_end": "much"}, "beta_end is 'much'"),
        ({"beta_end": 2.0}, "betas lie between 0 and 1"),
        ({"num_train_timesteps": 10**9}, "not a number from 2 to"),
        ({"num_train_timesteps": float("nan")}, "not a number from 2 to"),
    ],
)
def test_a_schedule_that_there_is_not_is_refused(scheduler, said):
    with pytest.raises(CheckpointError, match=said):
        trained(scheduler, zero_snr=False, spacing="leading")


@torch.inference_mode()
def test_what_the_network_would_not_read_is_refused_rather_than_ignored(sd1):
    call = Call(torch.randn(1, 4, 8, 8), LEVEL, told(sd1).conditioning)
    words = call.conditioning
    wrong = {
        "weaker network": call._replace(weaker=True),
        "walks at alpha 1": call._replace(level=Level(0.5, 0.5)),
        "not distilled": call._replace(conditioning=replace(words, guidance=3.5)),
        "reads words only": call._replace(conditioning=replace(words, beside=torch.zeros(1, 5, 8, 8))),
        "vector of 8": call._replace(conditioning=replace(words, vector=torch.zeros(1, 8))),
        "attention mask": call._replace(extras=Extras(attention_mask=torch.ones(1, 77, dtype=torch.bool))),
    }
    for said, each in wrong.items():
        with pytest.raises(ValueError, match=said):
            sd1.denoise([each])
    with pytest.raises(ValueError, match="different extras"):
        sd1.denoise([call, call._replace(extras=Extras())])


@torch.inference_mode()
def test_a_mask_keeps_words_from_being_seen(sd1):
    words = told(sd1).conditioning
    mask = torch.arange(77)[None] < 4
    scrambled = torch.where(mask[..., None], words.context, torch.randn_like(words.context))
    x = torch.randn(1, 4, 8, 8)
    one, other = (
        sd1.denoise([Call(x, LEVEL, Conditioning(context, mask=mask))])[0]
        for context in (words.context, scrambled)
    )
    torch.testing.assert_close(one, other)
    assert not torch.allclose(one, sd1.denoise([Call(x, LEVEL, words)])[0], atol=1e-3)


@torch.inference_mode()
def test_a_network_that_continues_pictures_is_shown_one(loaded, sd1):
    fills, edits = loaded("sd1-inpaint"), loaded("sd1-pix2pix")
    picture, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    shown = fills.beside(picture, mask)
    assert shown.shape == (1, 5, 8, 8)
    assert torch.equal(shown[0, 0], torch.cat([torch.ones(8, 4), torch.zeros(8, 4)], dim=1))
    unseen = picture.clone()
    unseen[..., :32] = 0.9
    assert torch.equal(fills.beside(unseen, mask), shown)
    torch.testing.assert_close(edits.beside(picture, None) * edits.latents.scale, edits.look(picture))
    for model, wrong, said in (
        (fills, None, "give a mask"),
        (edits, mask, "leave the mask out"),
        (sd1, mask, "sees no picture"),
    ):
        with pytest.raises(InputError, match=said):
            model.beside(picture, wrong)
    call = Call(torch.zeros(1, 4, 8, 8), LEVEL, told(fills).conditioning)
    with pytest.raises(InputError, match="sees 5 channels beside the latent and was given 0"):
        fills.denoise([call])
    assert fills.denoise([call._replace(conditioning=replace(call.conditioning, beside=shown))])


def test_a_picture_whose_texts_differ_in_length_is_drawn_like_any_other(sd1):
    painter = sfumato.Painter(sd1, name="sd1")
    long = ", ".join(["a red cat"] * 30)
    wishes = [painter.request(text, seed=1, steps=2, size=(64, 64)) for text in (long, "a cat")]
    together = [picture.image.tobytes() for picture in painter.batch(wishes)]
    assert together == [painter(wish).image.tobytes() for wish in wishes]


@pytest.mark.parametrize(("size", "near"), [((100, 64), "96x64 or 104x64"), ((64, 9000), "64x8192")])
def test_a_size_that_cannot_be_drawn_is_answered_with_the_nearest(sd1, size, near):
    with pytest.raises(InputError, match=f"multiples of 8 from 64 to 8192; try {near}"):
        sd1.check_size(size)


@torch.inference_mode()
def test_a_picture_whose_sides_halve_to_odd_numbers_can_be_drawn(sd1):
    sd1.check_size((104, 72))
    (clean,) = sd1.denoise([Call(sd1.blank((104, 72)), LEVEL, told(sd1).conditioning)])
    assert sd1.decode(clean).shape == (1, 3, 72, 104)
