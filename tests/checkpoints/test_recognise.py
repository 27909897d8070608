"""Files are told apart by the names and shapes of their tensors, and nothing is passed over unsaid."""

import published
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from published import checkpoint, original_shapes, prefixed, single_file

from sfumato.checkpoints.marks import ADAPTERS, OTHERS
from sfumato.checkpoints.recognise import NEEDED, recognise
from sfumato.checkpoints.report import report
from sfumato.errors import CheckpointError

SPREAD = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
FAMILIES = ("sd1", "sd2", "sdxl", "sdxl-refiner")
PARTS = {
    "sd1": {"unet": 686, "vae": 248, "text_encoder": 196},
    "sd2": {"unet": 686, "vae": 248, "text_encoder": 389},
    "sdxl": {"unet": 1680, "vae": 248, "text_encoder": 196, "text_encoder_2": 517},
}


def numbers(family, spread=0.0):
    """The one tensor that is read, of SD 2."""
    return {SPREAD: torch.tensor([-spread, spread])} if family == "sd2" else {}


def found_in(family, **changed):
    return recognise(checkpoint(single_file(family), numbers(family), **changed))


def found_of(shapes, **told):
    return recognise(checkpoint(shapes, **told))


# whole models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_model_is_recognised_without_reading_it(family):
    found = found_in(family)
    assert (found.kind, found.family, found.variant) == ("checkpoint", family, "base")
    assert (found.missing_parts, found.missing, found.unused) == ((), (), ())
    assert found.obstacle is None
    assert found.notes == ()
    assert set(found.parts) == set(NEEDED[family])


@pytest.mark.parametrize("family", PARTS)
def test_every_tensor_of_a_published_file_is_in_a_part_or_under_a_rule(family):
    found = found_in(family)
    assert {part: len(tensors.kinds) for part, tensors in found.parts.items()} == PARTS[family]
    stacked = 4 * {"sd2": 24, "sdxl": 32}.get(family, 0)  # q, k and v lie in one matrix and one bias
    passed_over = sum(map(len, found.ignored.values()))
    assert sum(PARTS[family].values()) - stacked + passed_over == len(single_file(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_model_in_a_folder_is_the_same(family):
    file = found_in(family)
    folder = {
        f"{part}.{name}": kind.shape for part, held in file.parts.items() for name, kind in held.kinds.items()
    }
    configs = {"": {"_class_name": "StableDiffusionPipeline"}, "scheduler": {"prediction_type": "epsilon"}}
    found = found_of(folder, configs=configs)
    assert (found.kind, found.family, found.prediction) == (file.kind, file.family, "epsilon")
    assert {part: held.kinds for part, held in found.parts.items()} == {
        part: held.kinds for part, held in file.parts.items()
    }


@pytest.mark.parametrize(
    ("channels", "variant"), [(9, "inpaint"), (8, "pix2pix"), (5, "depth"), (6, "6 channels")]
)
def test_the_channels_that_are_read_tell_the_variant(channels, variant):
    shapes = single_file("sd1") | {"model.diffusion_model.input_blocks.0.0.weight": (320, channels, 3, 3)}
    assert found_of(shapes).variant == variant


def test_a_missing_part_is_named():
    shapes = {name: shape for name, shape in single_file("sd1").items() if "first_stage" not in name}
    assert found_of(shapes).missing_parts == ("vae",)


def test_a_missing_tensor_is_named():
    shapes = single_file("sd1")
    del shapes["model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"]
    del shapes["cond_stage_model.transformer.text_model.encoder.layers.3.mlp.fc1.bias"]
    assert found_of(shapes).missing == (
        "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
        "text_encoder.text_model.encoder.layers.3.mlp.fc1.bias",
    )


def test_a_tensor_that_no_rule_knows_is_named():
    strange = "model.diffusion_model.input_blocks.1.0.surprise.weight"
    assert found_of(single_file("sd1") | {strange: (3,), "extra": (1,)}).unused == (strange, "extra")


def test_a_tensor_that_no_such_network_has_is_named_in_a_folder_too():
    shapes = published.shapes("sd15_unet") | {"mid_block.resnets.7.conv1.weight": (4, 4), "x.bias": (1,)}
    found = found_of(shapes)
    assert found.unused == ("mid_block.resnets.7.conv1.weight", "x.bias")
    assert len(found.parts["unet"].kinds) == 686
    assert found.missing == ()


def test_every_rule_passes_over_what_it_is_named_for():
    junk = {
        "model_ema.diffusion_modelinput_blocks00weight": (320, 4, 3, 3),
        "alphas_cumprod": (1000,),
        "v_pred": (0,),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
        "cond_stage_model.model.attn_mask": (77, 77),
        "cond_stage_model.logit_scale": (),
        "first_stage_model.loss.logvar": (),
        "safety_checker.concept_embeds": (3,),
        "cond_stage_model.transformer.text_projection.weight": (768, 768),
    }
    plain = found_in("sd1")
    found = found_of(single_file("sd1") | junk)
    assert found.unused == ()
    assert {name for names in found.ignored.values() for name in names} == junk.keys() | {"betas"}
    assert len(found.ignored) == 9
    assert {part: set(held.kinds) for part, held in found.parts.items()} == {
        part: set(held.kinds) for part, held in plain.parts.items()
    }


def test_text_encoders_of_another_model_are_told():
    shapes = single_file("sd1") | {
        name: (shape[0], 1024)
        for name, shape in single_file("sd1").items()
        if name.endswith("attn2.to_k.weight")
    }
    assert "768 wide, the U-Net reads 1024" in found_of(shapes).notes[0]


def averages():
    """The names and shapes that latent diffusion gives to the averages of an SD 1."""
    return {
        "model_ema." + name.removeprefix("model.").replace(".", ""): shape
        for name, shape in single_file("sd1").items()
        if name.startswith("model.diffusion_model.")
    }


def test_averages_take_the_place_of_the_last_weights_when_asked_for():
    value = torch.ones(1)
    held = {"model_ema.diffusion_modelinput_blocks00bias": value}
    found = recognise(checkpoint(single_file("sd1") | averages(), held), ema=True)
    assert found.parts["unet"].read("conv_in.bias") is value
    assert found.notes == ("the U-Net's weights are the averages of its training (model_ema.*)",)
    with pytest.raises(CheckpointError, match="no averages"):
        recognise(checkpoint(single_file("sd1")), ema=True)


def test_averages_of_a_part_of_the_unet_are_not_mixed_with_its_last_weights():
    some = averages()
    del some["model_ema.diffusion_modelout2bias"]
    of_all_but_one = r"averages of 685 of the U-Net's 686 tensors.*none of model.diffusion_model.out.2.bias"
    with pytest.raises(CheckpointError, match=of_all_but_one):
        recognise(checkpoint(single_file("sd1") | some), ema=True)
    assert found_of(single_file("sd1") | some).notes == ()


def test_averages_alone_are_not_told_to_be_none():
    alone = {name: shape for name, shape in single_file("sd1").items() if not name.startswith("model.")}
    for shapes in (averages(), alone | averages()):
        with pytest.raises(CheckpointError, match=r"averages .* and no weights \(model.diffusion_model"):
            recognise(checkpoint(shapes), ema=True)


def test_sd2_loses_its_last_block_only_where_its_tower_was_cut():
    shapes = single_file("sd2")
    whole = recognise(checkpoint(shapes, numbers("sd2")))
    assert "text_model.encoder.layers.23.mlp.fc1.weight" in whole.parts["text_encoder"].kinds
    del shapes["cond_stage_model.model.text_projection"]
    cut = recognise(checkpoint(shapes, numbers("sd2")))
    assert "text_model.encoder.layers.23.mlp.fc1.weight" not in cut.parts["text_encoder"].kinds
    (dropped,) = [names for rule, names in cut.ignored.items() if "last block" in rule]
    assert len(dropped) == 12
    assert "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight" in dropped


# predictions --------------------------------------------------------------------------------------


def test_sd2_is_told_by_the_spread_of_one_norm():
    base, v = (recognise(checkpoint(single_file("sd2"), numbers("sd2", s))) for s in (0.05, 0.2))
    assert (base.prediction, v.prediction) == ("epsilon", "v")
    assert "0.2000 > 0.09" in v.decided_by


@pytest.mark.parametrize(
    ("change", "prediction", "zero_snr", "reason"),
    [
        ({}, "epsilon", False, "no marker"),
        ({"v_pred": (0,)}, "v", False, "marker v_pred"),
        ({"v_pred": (0,), "ztsnr": (0,)}, "v", True, "marker v_pred"),
    ],
)
def test_markers_tell_the_prediction(change, prediction, zero_snr, reason):
    found = found_of(single_file("sdxl") | change)
    assert (found.prediction, found.zero_snr) == (prediction, zero_snr)
    assert reason in found.decided_by
    assert found.unused == ()


def test_what_was_asked_for_comes_before_the_folder_and_the_folder_before_markers():
    shapes, metadata = single_file("sdxl") | {"v_pred": (0,)}, {"modelspec.prediction_type": "v"}
    told = checkpoint(shapes, metadata=metadata, configs={"scheduler": {"prediction_type": "epsilon"}})
    assert recognise(told).decided_by == "the scheduler says epsilon"
    asked = recognise(told, prediction="v_prediction")
    assert (asked.prediction, asked.decided_by) == ("v", "it was asked for")


def test_metadata_tell_the_prediction():
    found = found_of(single_file("sd1"), metadata={"modelspec.prediction_type": "v"})
    assert (found.prediction, found.decided_by) == ("v", "the metadata say modelspec.prediction_type = v")


def test_an_unknown_prediction_is_an_error_that_lists_the_known():
    with pytest.raises(CheckpointError, match=r"'telepathy' \(asked for\).*clean, epsilon, flow, v"):
        recognise(checkpoint(single_file("sd1")), prediction="telepathy")


def test_a_scheduler_that_ends_in_pure_noise_is_told():
    scheduler = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    assert found_of(single_file("sd1"), configs={"scheduler": scheduler}).zero_snr


# parts alone --------------------------------------------------------------------------------------

UNET, VAE = original_shapes("sd15_unet"), original_shapes("sd_vae")
ALONE = {
    "bare U-Net": (UNET, "unet", "sd1"),
    "prefixed U-Net": (prefixed("diffusion_model.", UNET), "unet", "sd1"),
    "whole file's U-Net": (prefixed("model.diffusion_model.", UNET), "unet", "sd1"),
    "diffusers U-Net": (published.shapes("sdxl_unet"), "unet", "sdxl"),
    "refiner U-Net": (published.refiner_unet(), "unet", "sdxl-refiner"),
    "bare autoencoder": (VAE, "vae", "sd"),
    "prefixed autoencoder": (prefixed("first_stage_model.", VAE), "vae", "sd"),
    "diffusers autoencoder": (published.shapes("sd_vae"), "vae", "sd"),
    "CLIP-L": (published.clip(768), "text_encoder", "clip-l"),
    "today's CLIP-L": (published.clip(768, prefix=""), "text_encoder", "clip-l"),
    "OpenCLIP-H": (published.openclip(1024), "text_encoder", "clip-h"),
    "CLIP-G": (published.clip(1280), "text_encoder", "clip-g"),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_part_alone_is_recognised(name):
    shapes, kind, family = ALONE[name]
    found = found_of(shapes)
    assert (found.kind, found.family, found.missing, found.unused) == (kind, family, (), ())
    assert set(found.parts) == {kind}


def test_the_autoencoder_of_sdxl_is_told_by_its_configuration_only():
    shapes = published.shapes("sd_vae")
    assert "SDXL alike" in found_of(shapes).notes[0]
    told = found_of(shapes, configs={"": {"_class_name": "AutoencoderKL", "scaling_factor": 0.13025}})
    assert (told.family, told.notes) == ("sdxl", ())


# everything else ----------------------------------------------------------------------------------

FLUX = {"double_blocks.0.img_attn.norm.key_norm.scale": (128,), "img_in.weight": (3072, 64)}
LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
SGM = "lora_unet_input_blocks_4_1_transformer_blocks"
STRANGERS = {
    "SD3": ({"joint_blocks.0.context_block.adaLN_modulation.1.bias": (9,)}, ("transformer", "sd3", "base")),
    "SD3.5": (
        {f"model.diffusion_model.joint_blocks.{n}.x_block.mlp.fc1.weight": (4, 4) for n in range(38)}
        | {"first_stage_model.decoder.conv_in.weight": (512, 16, 3, 3)},
        ("checkpoint", "sd3", "3.5 large"),
    ),
    "FLUX schnell": (FLUX, ("transformer", "flux", "schnell")),
    "FLUX dev": (FLUX | {"guidance_in.in_layer.weight": (4, 4)}, ("transformer", "flux", "dev")),
    "FLUX fill": (
        FLUX | {"guidance_in.in_layer.weight": (4, 4), "img_in.weight": (3072, 384)},
        ("transformer", "flux", "fill"),
    ),
    "Chroma": (FLUX | {"distilled_guidance_layer.in_proj.weight": (4, 4)}, ("transformer", "chroma", "base")),
    "FLUX.2": ({"double_stream_modulation_img.lin.weight": (4, 4)}, ("transformer", "flux2", "base")),
    "Z-Image": (
        {"cap_embedder.0.weight": (4,), "layers.0.adaLN_modulation.0.weight": (4, 4)},
        ("transformer", "z-image", "base"),
    ),
    "T5": ({"encoder.block.0.layer.0.SelfAttention.q.weight": (4, 4)}, ("text_encoder", "t5", "base")),
    "kohya LoRA, SD 1": ({f"{LORA}.lora_down.weight": (8, 768)}, ("lora", "sd1", "base")),
    "kohya LoRA, SD 2": ({f"{LORA}.lora_down.weight": (8, 1024)}, ("lora", "sd2", "base")),
    "kohya LoRA, SDXL": ({f"{LORA}.lora_down.weight": (8, 2048)}, ("lora", "sdxl", "base")),
    "kohya LoRA, SDXL deep": ({f"{SGM}_3_attn1_to_q.lora_down.weight": (8, 9)}, ("lora", "sdxl", "base")),
    "kohya LoRA, FLUX": (
        {"lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": (4, 4)},
        ("lora", "flux", "base"),
    ),
    "PEFT LoRA": (
        {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": (8, 768)},
        ("lora", "sd1", "base"),
    ),
    "old LoRA": (
        {"mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (4, 768)},
        ("lora", "sd1", "base"),
    ),
    "LoHa": ({f"{LORA}.hada_w1_a": (8, 4), f"{LORA}.hada_w1_b": (8, 768)}, ("lora", "sd1", "base")),
    "LoKr": ({f"{LORA}.lokr_w1": (8, 4), f"{LORA}.lokr_w2_a": (8, 4)}, ("lora", "unknown", "base")),
    "GLoRA": ({f"{LORA}.a1.weight": (8, 8)}, ("lora", "unknown", "base")),
    "norms": ({"lora_unet_x.w_norm": (4,), "lora_te2_text_model_y.diff": (4,)}, ("lora", "sdxl", "base")),
    "A1111 embedding": ({"string_to_param.*": (2, 768)}, ("embedding", "sd1", "base")),
    "embedding": ({"emb_params": (2, 1024)}, ("embedding", "sd2", "base")),
    "SDXL embedding": ({"clip_l": (1, 768), "clip_g": (1, 1280)}, ("embedding", "sdxl", "base")),
    "diffusers embedding": ({"<cat>": (768,)}, ("embedding", "sd1", "base")),
    "ControlNet": (
        prefixed("control_model.", {"zero_convs.0.0.weight": (320, 320, 1, 1)} | UNET),
        ("controlnet", "sd1", "base"),
    ),
    "diffusers ControlNet": (
        {"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3), "add_embedding.linear_1.weight": (4, 4)},
        ("controlnet", "sdxl", "base"),
    ),
    "ControlNet within its model": (
        prefixed("model.control_model.", {"zero_convs.0.0.weight": (320, 320, 1, 1)} | UNET),
        ("controlnet", "sd1", "base"),
    ),
    "Control-LoRA": ({"lora_controlnet": (0,)}, ("control-lora", "unknown", "base")),
    "T2I-Adapter": (
        {"adapter.body.0.resnets.0.block1.weight": (4, 4, 3, 3)},
        ("t2i-adapter", "unknown", "base"),
    ),
    "T2I-Adapter of SD 1": (
        {"conv_in.weight": (320, 192, 3, 3), "body.0.block1.weight": (320, 320, 3, 3)},
        ("t2i-adapter", "sd1", "base"),
    ),
    "T2I-Adapter of SDXL": (
        {
            "adapter.conv_in.weight": (320, 768, 3, 3),
            "adapter.body.0.resnets.0.block1.weight": (320, 320, 3, 3),
        },
        ("t2i-adapter", "sdxl", "base"),
    ),
    "light T2I-Adapter": (
        {"body.0.in_conv.weight": (80, 64, 1, 1), "body.1.in_conv.weight": (160, 320, 1, 1)},
        ("t2i-adapter", "sd1", "base"),
    ),
    "IP-Adapter": (
        {"image_proj.proj.weight": (4, 4), "ip_adapter.1.to_k_ip.weight": (320, 768)},
        ("image-prompt", "sd1", "ip-adapter"),
    ),
    "IP-Adapter Plus": (
        {"image_proj.latents": (1, 16, 4), "ip_adapter.1.to_k_ip.weight": (640, 2048)},
        ("image-prompt", "sdxl", "ip-adapter plus"),
    ),
    "TAESD": ({"taesd_decoder.1.weight": (64, 4, 3, 3)}, ("vae", "taesd", "base")),
    "nothing known": ({"layer1.weight": (3, 3), "layer2.weight": (3, 3)}, ("unknown", "unknown", "base")),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGERS)
def test_files_of_other_kinds_are_named_and_not_drawn_with(name):
    shapes, expected = STRANGERS[name]
    found = found_of(shapes)
    assert (found.kind, found.family, found.variant) == expected
    assert found.obstacle


def test_the_tables_of_marks_have_no_line_twice():
    lines = [mark.signs for mark in (*ADAPTERS, *OTHERS)]
    assert len(set(lines)) == len(lines)


def test_a_trainer_may_say_the_family_that_the_tensors_do_not_show():
    shapes = {"lora_unet_mid_block_resnets_0_conv1.lora_down.weight": (4, 4, 3, 3)}
    assert found_of(shapes).family == "unknown"
    assert found_of(shapes, metadata={"ss_base_model_version": "sdxl_base_v1-0"}).family == "sdxl"


def test_a_model_of_ours_is_of_its_family():
    found = found_of({"unet.conv_in.weight": (4, 4, 3, 3)}, metadata={"sfumato.family": "world"})
    assert (found.kind, found.family, found.prediction) == ("checkpoint", "world", "flow")


def test_what_we_trained_to_hang_beside_a_model_is_no_model():
    metadata = {"sfumato.family": "world", "sfumato.kind": "controlnet"}
    found = found_of({"conv_in.weight": (4, 4, 3, 3)}, metadata=metadata)
    assert (found.kind, found.family) == ("controlnet", "world")
    assert "hangs beside" in found.obstacle


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"edm_mean": (4,), "edm_std": (4,)}, "EDM"),
        ({"model.diffusion_model.input_blocks.4.0.emb_layers.1.weight.absmax": (4,),
          "a.weight.quant_state.bitsandbytes__nf4": (4,)}, "bitsandbytes"),
        ({"scaled_fp8": (2,)}, "scaled 8-bit"),
        ({"unet.x.comfy_quant": (9,)}, "ComfyUI's per-layer"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (320, 7, 3, 3)}, "reads 7 channels (upscaler)"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_with_has_its_reason(change, reason):
    found = found_of(single_file("sdxl") | change)
    assert (found.kind, found.family) == ("checkpoint", "sdxl")
    assert reason in found.obstacle


def test_a_pruned_unet_is_told():
    pruned = {
        name: shape for name, shape in single_file("sdxl").items()
        if "output_blocks.0.1.transformer_blocks.9." not in name
    }  # fmt: skip
    assert "transformers of level 2 are [9, 10] deep" in found_of(pruned).obstacle


# anything at all ----------------------------------------------------------------------------------

NAMES = sorted(
    {name for family in FAMILIES for name in single_file(family)}
    | {name for name, (shapes, _) in STRANGERS.items() for name in shapes}
    | published.shapes("sdxl_unet").keys()
    | {
        "",
        ".",
        "a\nmodel_ema.b",
        "conv_in.weight.",
        "model.diffusion_model.",
        "first_stage_model.encoder.conv_in",
    }
)


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.sampled_from([0, 1, 3, 4, 9, 64, 768]), max_size=5).map(tuple),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_a_file_holds_it_is_told_or_refused_in_one_line(shapes):
    opened = checkpoint(shapes, {name: torch.zeros(()) for name in shapes})
    try:
        found = recognise(opened)
    except CheckpointError:
        return
    told = report(opened, found)
    assert not told.drawable
    if found.kind in ("checkpoint", "unet", "vae", "text_encoder") and not found.obstacle:
        kept = sum(len(tensors.kinds) for tensors in found.parts.values())
        passed_over = len(found.unused) + sum(map(len, found.ignored.values()))
        assert kept + passed_over >= len(shapes)


def test_a_file_of_too_many_tensors_is_refused_at_once():
    with pytest.raises(CheckpointError, match="50001 tensors"):
        found_of({f"lora_unet_{number}.lora_down.weight": (1, 1) for number in range(50_001)})
