"""Every key that A1111's clients send to txt2img and img2img, and what becomes of it here.

The documentation shows this table. A key that is null, or that says what is so anyway, is never named in a
reply; one that would have changed the picture elsewhere and does not here is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

How = Literal["understood", "no effect", "refused"]
OFF: tuple[object, ...] = (None, False, 0, "", -1)
ON: tuple[object, ...] = (True,)


class Meant(NamedTuple):
    """What a key does here; ``harmless`` are the values that say nothing which is not so anyway."""

    how: How
    says: str
    harmless: tuple[object, ...] = OFF


def _taken(says: str) -> Meant:
    return Meant("understood", says)


def _idle(says: str, *harmless: object) -> Meant:
    return Meant("no effect", says, (*OFF, *harmless))


FIELDS: dict[str, Meant] = {
    "prompt": _taken("with all of A1111's grammar: weights, `[a:b:0.5]`, `AND`, `BREAK`, `<lora:name:0.8>`"),
    "negative_prompt": _taken("`negative`"),
    "styles": _taken("names of `/sdapi/v1/prompt-styles`; one that there is not is an error"),
    "seed": _taken("-1 is any; further pictures have the seeds that follow"),
    "subseed": _taken("-1 is any; with subseed_strength a variation: all pictures have one seed"),
    "subseed_strength": _taken("share of the way from the seed's noise to the subseed's"),
    "sampler_name": _taken('any of our names and A1111\'s, "DPM++ 2M Karras" too; another is an error 404'),
    "sampler_index": _taken("where sampler_name is absent"),
    "scheduler": _taken("level spacing; automatic is the model's own"),
    "eta": _taken("of samplers that have it; 1, which clients send unasked, says nothing"),
    "s_churn": _taken("of Heun"),
    "s_noise": _taken("of samplers that have `noise_scale`; 1 says nothing"),
    "batch_size": _taken("pictures that are drawn together, at most 16"),
    "n_iter": _taken("batches, one after the other; at most 100 pictures in all"),
    "steps": _taken("absent: the model's own"),
    "cfg_scale": _taken("`guidance`; absent: the model's own"),
    "width": _taken(
        "absent: the model's own. 512x512, which clients send unasked, too where it cannot be drawn"
    ),
    "height": _taken("as width"),
    "override_settings": _taken(
        "sd_model_checkpoint, CLIP_stop_at_last_layers, samples_format, jpeg_quality"
    ),
    "override_settings_restore_afterwards": _taken("false: they hold for this client from now on"),
    "send_images": _taken("false: the reply is without pictures, which are in the gallery"),
    "alwayson_scripts": _taken("controlnet; others have no effect, and are named"),
    "controlnet_units": _taken("as alwayson_scripts.controlnet.args"),
    "force_task_id": _taken("the name by which /internal/progress is asked"),
    "enable_hr": _taken("a second pass at a larger size: our pass hires"),
    "hr_scale": _taken("factor of that pass; 2 where it is absent"),
    "hr_resize_x": _taken("width after that pass, before hr_scale"),
    "hr_resize_y": _taken("height after that pass; both in the picture's own proportions"),
    "hr_upscaler": _taken("Latent..., Lanczos, Nearest or None; another is an error"),
    "hr_second_pass_steps": _taken("steps of that pass that are really done; 0: as many as `steps`"),
    "denoising_strength": _taken("`strength` of img2img (absent: 0.75), or of the second pass (absent: 0.7)"),
    "init_images": _taken("base64 or data: URLs, one picture each; http URLs are refused"),
    "include_init_images": _taken("true: `parameters` repeats them"),
    "resize_mode": _taken("0 stretches, 1 crops, 2 fills; 3 is as 0, and is named"),
    "mask": _taken("white, or what is opaque, is painted; black is kept"),
    "mask_blur": _taken("in pixels of the picture that was brought; absent: 4"),
    "mask_blur_x": _taken("sideways alone"),
    "mask_blur_y": _taken("upwards alone"),
    "inpainting_mask_invert": _taken("1 or true: black is painted"),
    "inpainting_fill": _taken(
        "0 paints over colours of what is around, 1 over what was there; 2 and 3 begin from noise: strength 1"
    ),
    "inpaint_full_res": _taken("true, also where it is absent: only the masked part is drawn, at full size"),
    "inpaint_full_res_padding": _taken("its margin, `around`"),
    "script_name": Meant("refused", "there are no scripts here: leave it out"),
    "script_args": _idle("there are no scripts here", []),
    "save_images": _idle("every picture is kept in the gallery", *ON),
    "do_not_save_samples": _idle("every picture is kept in the gallery: delete it there"),
    "do_not_save_grid": _idle("no grids are made", *ON),
    "restore_faces": _idle("no network that restores faces is here"),
    "tiling": _idle("pictures that continue at their edges are not drawn"),
    "s_tmin": _idle("noise is added at all levels"),
    "s_tmax": _idle("noise is added at all levels", float("inf")),
    "s_min_uncond": _idle("guidance is at every step; sampler options can say otherwise"),
    "seed_resize_from_h": _idle("noise is drawn at the size of the picture"),
    "seed_resize_from_w": _idle("noise is drawn at the size of the picture"),
    "firstphase_width": _idle("width and height are those of the first pass"),
    "firstphase_height": _idle("width and height are those of the first pass"),
    "hr_checkpoint_name": _idle("the second pass is by the same model", "Use same checkpoint"),
    "hr_sampler_name": _idle("the second pass is by the same sampler", "Use same sampler"),
    "hr_scheduler": _idle("the second pass is by the same spacing", "Use same scheduler", "automatic"),
    "hr_prompt": _idle("the second pass reads the same prompt"),
    "hr_negative_prompt": _idle("the second pass reads the same prompt"),
    "refiner_checkpoint": _idle("a refiner is part of its model here", "None"),
    "refiner_switch_at": _idle("a refiner is part of its model here"),
    "image_cfg_scale": _idle("models that edit pictures take guidance pix2pix(7.5, picture=1.5)", 1.5),
    "initial_noise_multiplier": _idle("noise is as strong as the model was trained with", 1),
    "latent_mask": _idle("send mask"),
    "infotext": _idle("send what it says as keys"),
    "comments": _idle("nothing reads them", {}),
    "token_merging_ratio": _idle("no tokens are merged"),
    "token_merging_ratio_hr": _idle("no tokens are merged"),
    "disable_extra_networks": _idle("leave <lora:...> out of the prompt"),
}

OF_HIRES = tuple(name for name in FIELDS if name.startswith("hr_"))
OF_MASKS = tuple(name for name in FIELDS if name.startswith(("mask_", "inpaint")))
"""Keys that say nothing without the feature that they are about, and are not named then."""

IDLE_OPTIONS: dict[str, str] = {
    "sd_vae": "a model's own autoencoder is used",
    "eta_noise_seed_delta": "noise is keyed by the seed alone",
    "randn_source": "noise is drawn on the processor, everywhere the same",
    "enable_emphasis": "weights are read as A1111 reads them",
    "live_previews_enable": "progress always has a preview",
    "show_progress_every_n_steps": "progress has the latest step",
}
"""Settings that clients often send, and why they change nothing; all others are named without a reason."""
