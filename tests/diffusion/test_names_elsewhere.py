"""Names of other tools' menus and classes, all of them: what each is read as here, or why it is not."""

import pytest

from sfumato.diffusion.choose import own_name
from sfumato.diffusion.levels import SPACINGS
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.asked import sampler_asked
from sfumato.errors import InputError

# AUTOMATIC1111's web interface, sd_samplers_kdiffusion.py and sd_samplers_timesteps.py of 1.10, and the
# labels and aliases that named the spacing too, until 1.8.
AUTOMATIC1111 = {
    "DPM++ 2M": "dpmpp_2m",
    "DPM++ SDE": "dpmpp_sde",
    "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ 2M SDE Heun": "dpmpp_2m_sde(solver=heun)",
    "DPM++ 2S a": "dpmpp_2s_ancestral",
    "DPM++ 3M SDE": "dpmpp_3m_sde",
    "Euler a": "euler_ancestral",
    "Euler": "euler",
    "LMS": "lms",
    "Heun": "heun",
    "DPM2": "dpm_2",
    "DPM2 a": "dpm_2_ancestral",
    "DPM fast": "dpm_fast",
    "DPM adaptive": "dpm_adaptive",
    "DDIM": "ddim",
    "PLMS": "plms",
    "UniPC": "unipc",
    "LCM": "lcm",
    "LMS Karras": "lms karras",
    "DPM2 Karras": "dpm_2 karras",
    "DPM2 a Karras": "dpm_2_ancestral karras",
    "DPM++ 2S a Karras": "dpmpp_2s_ancestral karras",
    "DPM++ 2M Karras": "dpmpp_2m karras",
    "DPM++ SDE Karras": "dpmpp_sde karras",
    "DPM++ 2M SDE Karras": "dpmpp_2m_sde karras",
    "DPM++ 2M SDE Exponential": "dpmpp_2m_sde exponential",
    "DPM++ 2M SDE Heun Karras": "dpmpp_2m_sde(solver=heun) karras",
    "DPM++ 2M SDE Heun Exponential": "dpmpp_2m_sde(solver=heun) exponential",
    "DPM++ 3M SDE Karras": "dpmpp_3m_sde karras",
    "DPM++ 3M SDE Exponential": "dpmpp_3m_sde exponential",
    "k_dpmpp_2m": "dpmpp_2m",
    "k_dpmpp_sde": "dpmpp_sde",
    "k_dpmpp_2m_sde": "dpmpp_2m_sde",
    "k_dpmpp_2m_sde_heun": "dpmpp_2m_sde(solver=heun)",
    "k_dpmpp_2s_a": "dpmpp_2s_ancestral",
    "k_dpmpp_3m_sde": "dpmpp_3m_sde",
    "k_euler_a": "euler_ancestral",
    "k_euler_ancestral": "euler_ancestral",
    "k_euler": "euler",
    "k_lms": "lms",
    "k_heun": "heun",
    "k_dpm_2": "dpm_2",
    "k_dpm_2_a": "dpm_2_ancestral",
    "k_dpm_fast": "dpm_fast",
    "k_dpm_ad": "dpm_adaptive",
    "k_lms_ka": "lms karras",
    "k_dpm_2_ka": "dpm_2 karras",
    "k_dpm_2_a_ka": "dpm_2_ancestral karras",
    "k_dpmpp_2s_a_ka": "dpmpp_2s_ancestral karras",
    "k_dpmpp_2m_ka": "dpmpp_2m karras",
    "k_dpmpp_sde_ka": "dpmpp_sde karras",
    "k_dpmpp_2m_sde_ka": "dpmpp_2m_sde karras",
    "k_dpmpp_2m_sde_exp": "dpmpp_2m_sde exponential",
    "k_dpmpp_2m_sde_heun_ka": "dpmpp_2m_sde(solver=heun) karras",
    "k_dpmpp_2m_sde_heun_exp": "dpmpp_2m_sde(solver=heun) exponential",
    "k_dpmpp_3m_sde_ka": "dpmpp_3m_sde karras",
    "k_dpmpp_3m_sde_exp": "dpmpp_3m_sde exponential",
}

# ComfyUI, comfy/samplers.py. Its uni_pc is of variant bh1, which here is unipc(variant=bh1).
COMFYUI = {
    "euler": "euler",
    "euler_ancestral": "euler_ancestral",
    "heun": "heun",
    "dpm_2": "dpm_2",
    "dpm_2_ancestral": "dpm_2_ancestral",
    "lms": "lms",
    "dpm_fast": "dpm_fast",
    "dpm_adaptive": "dpm_adaptive",
    "dpmpp_2s_ancestral": "dpmpp_2s_ancestral",
    "dpmpp_sde": "dpmpp_sde",
    "dpmpp_sde_gpu": "dpmpp_sde",
    "dpmpp_2m": "dpmpp_2m",
    "dpmpp_2m_sde": "dpmpp_2m_sde",
    "dpmpp_2m_sde_gpu": "dpmpp_2m_sde",
    "dpmpp_2m_sde_heun": "dpmpp_2m_sde(solver=heun)",
    "dpmpp_2m_sde_heun_gpu": "dpmpp_2m_sde(solver=heun)",
    "dpmpp_3m_sde": "dpmpp_3m_sde",
    "dpmpp_3m_sde_gpu": "dpmpp_3m_sde",
    "ddpm": "ddpm",
    "lcm": "lcm",
    "ipndm": "ipndm",
    "deis": "deis",
    "res_multistep": "res_multistep",
    "er_sde": "er_sde",
    "sa_solver": "sa_solver",
    "ddim": "ddim",
    "uni_pc": "unipc",
    "uni_pc_bh2": "unipc(variant=bh2)",
    "dpmpp_2m_karras": "dpmpp_2m karras",
    "euler_ancestral_sgm_uniform": "euler_ancestral sgm_uniform",
}

INVOKEAI = {
    "ddim": "ddim",
    "ddpm": "ddpm",
    "deis": "deis",
    "deis_k": "deis karras",
    "lms": "lms",
    "lms_k": "lms karras",
    "pndm": "pndm",
    "heun": "heun",
    "heun_k": "heun karras",
    "euler": "euler",
    "euler_k": "euler karras",
    "euler_a": "euler_ancestral",
    "kdpm_2": "dpm_2",
    "kdpm_2_k": "dpm_2 karras",
    "kdpm_2_a": "dpm_2_ancestral",
    "kdpm_2_a_k": "dpm_2_ancestral karras",
    "dpmpp_2s": "dpmpp_2s",
    "dpmpp_2s_k": "dpmpp_2s karras",
    "dpmpp_2m": "dpmpp_2m",
    "dpmpp_2m_k": "dpmpp_2m karras",
    "dpmpp_2m_sde": "dpmpp_2m_sde",
    "dpmpp_2m_sde_k": "dpmpp_2m_sde karras",
    "dpmpp_3m": "dpmpp_3m",
    "dpmpp_3m_k": "dpmpp_3m karras",
    "dpmpp_sde": "dpmpp_sde",
    "dpmpp_sde_k": "dpmpp_sde karras",
    "er_sde": "er_sde",
    "unipc": "unipc",
    "unipc_k": "unipc karras",
    "lcm": "lcm",
    "tcd": "tcd",
}

# diffusers' classes, as they are if nothing is configured. But PNDMScheduler: every checkpoint of
# Stable Diffusion that names it sets skip_prk_steps, and then it is PLMS.
DIFFUSERS = {
    "CosineDPMSolverMultistepScheduler": "dpmpp_2m_sde exponential",
    "DDIMParallelScheduler": "ddim",
    "DDIMScheduler": "ddim",
    "DDPMParallelScheduler": "ddpm",
    "DDPMScheduler": "ddpm",
    "DEISMultistepScheduler": "deis",
    "DPMSolverMultistepScheduler": "dpmpp_2m",
    "DPMSolverSDEScheduler": "dpmpp_sde",
    "DPMSolverSinglestepScheduler": "dpmpp_2s",
    "EDMDPMSolverMultistepScheduler": "dpmpp_2m karras",
    "EDMEulerScheduler": "euler karras",
    "EulerAncestralDiscreteScheduler": "euler_ancestral",
    "EulerDiscreteScheduler": "euler",
    "FlowMatchEulerDiscreteScheduler": "euler",
    "FlowMatchHeunDiscreteScheduler": "heun",
    "FlowMatchLCMScheduler": "lcm",
    "HeunDiscreteScheduler": "heun",
    "IPNDMScheduler": "ipndm",
    "KDPM2AncestralDiscreteScheduler": "dpm_2_ancestral",
    "KDPM2DiscreteScheduler": "dpm_2",
    "LCMScheduler": "lcm",
    "LMSDiscreteScheduler": "lms",
    "LTXEulerAncestralRFScheduler": "euler_ancestral",
    "PNDMScheduler": "plms",
    "SASolverScheduler": "sa_solver",
    "TCDScheduler": "tcd",
    "UniPCMultistepScheduler": "unipc",
}

K_DIFFUSION = {
    "sample_euler": "euler",
    "sample_euler_ancestral": "euler_ancestral",
    "sample_heun": "heun",
    "sample_dpm_2": "dpm_2",
    "sample_dpm_2_ancestral": "dpm_2_ancestral",
    "sample_lms": "lms",
    "sample_dpm_fast": "dpm_fast",
    "sample_dpm_adaptive": "dpm_adaptive",
    "sample_dpmpp_2s_ancestral": "dpmpp_2s_ancestral",
    "sample_dpmpp_sde": "dpmpp_sde",
    "sample_dpmpp_2m": "dpmpp_2m",
    "sample_dpmpp_2m_sde": "dpmpp_2m_sde",
    "sample_dpmpp_3m_sde": "dpmpp_3m_sde",
}

UNKNOWN = {
    "not on the shelf": [
        "Restart", "heunpp2", "exp_heun_2_x0", "exp_heun_2_x0_sde", "ipndm_v", "res_multistep_ancestral",
        "gradient_estimation", "seeds_2", "seeds_3", "sa_solver_pece", "CMStochasticIterativeScheduler",
        "KarrasVeScheduler", "SCMScheduler", "ScoreSdeVeScheduler", "ScoreSdeVpScheduler",
    ],
    "a sampler with a guide: the way out is told": [
        "DDIM CFG++", "euler_cfg_pp", "euler_ancestral_cfg_pp", "dpmpp_2m_cfg_pp", "res_multistep_cfg_pp",
        "dpmpp_2s_ancestral_cfg_pp", "gradient_estimation_cfg_pp", "res_multistep_ancestral_cfg_pp",
    ],
    "of tasks or models that are not ours": [
        "AmusedScheduler", "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler", "DDPMWuerstchenScheduler",
        "DDIMInverseScheduler", "DPMSolverMultistepInverseScheduler", "RePaintScheduler", "UnCLIPScheduler",
        "VQDiffusionScheduler", "ConsistencyDecoderScheduler",
    ],
    "spacings: the way out is told": ["DDIM Uniform", "sgm_uniform", "KL Optimal"],
}  # fmt: skip

SPACED = {
    # ComfyUI
    "simple": "simple", "sgm_uniform": "sgm_uniform", "karras": "karras", "exponential": "exponential",
    "ddim_uniform": "ddim_uniform", "beta": "beta", "normal": "normal", "kl_optimal": "kl_optimal",
    "linear_quadratic": "linear_quadratic",
    # AUTOMATIC1111, sd_schedulers.py
    "Uniform": "uniform", "Karras": "karras", "Exponential": "exponential",
    "Polyexponential": "polyexponential",
    "SGM Uniform": "sgm_uniform", "KL Optimal": "kl_optimal", "Align Your Steps": "align_your_steps",
    "Simple": "simple", "Normal": "normal", "DDIM": "ddim_uniform", "Beta": "beta", "Turbo": "trailing",
    # diffusers: values of timestep_spacing, and flags
    "linspace": "linspace", "leading": "leading", "trailing": "trailing", "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential", "use_beta_sigmas": "beta_sigmas",
}  # fmt: skip

SPACINGS_UNKNOWN = {
    "Automatic": "no name of a spacing: leave levels out",
    "use_lu_lambdas": "not on the shelf",
}


def read_as(text: str) -> str:
    asked = sampler_asked(text)
    (own,) = (name for name, listing in SAMPLERS.items() if listing is asked.listing)
    options = ", ".join(f"{name}={value}" for name, value in getattr(asked.sampler, "keywords", {}).items())
    return own + f"({options})" * bool(options) + f" {asked.spacing}" * (asked.spacing is not None)


@pytest.mark.parametrize("tool", [AUTOMATIC1111, COMFYUI, INVOKEAI, DIFFUSERS, K_DIFFUSION])
def test_a_name_of_another_tool_is_read_as_what_it_is_there(tool):
    assert {name: read_as(name) for name in tool} == tool


@pytest.mark.parametrize("why", UNKNOWN)
def test_what_there_is_not_is_read_as_nothing_else(why):
    for name in UNKNOWN[why]:
        with pytest.raises(InputError):
            sampler_asked(name)


def test_the_way_out_is_told_where_there_is_one():
    with pytest.raises(InputError, match="ask for sampler 'euler', guidance 'cfg_pp"):
        sampler_asked("euler_cfg_pp")
    with pytest.raises(InputError, match=r"'DDIM Uniform' is a level spacing.* levels 'ddim_uniform'"):
        sampler_asked("DDIM Uniform")


def test_options_are_added_to_a_name_that_means_some_but_not_said_twice():
    assert read_as("DPM++ 2M SDE Heun Karras(eta=0.5)") == "dpmpp_2m_sde(solver=heun, eta=0.5) karras"
    with pytest.raises(InputError, match="says solver already: write dpmpp_2m_sde"):
        sampler_asked("DPM++ 2M SDE Heun(solver=midpoint)")


def test_every_variant_in_the_table_can_be_asked_for():
    for name, listing in SAMPLERS.items():
        for variant in listing.variants:
            assert read_as(variant).startswith(name)


def test_spacings_are_known_by_the_names_of_other_tools():
    assert {name: own_name(SPACINGS, name, "level spacing") for name in SPACED} == SPACED


@pytest.mark.parametrize("name", SPACINGS_UNKNOWN)
def test_a_spacing_that_there_is_not_is_read_as_no_other(name):
    with pytest.raises(InputError):
        own_name(SPACINGS, name, "level spacing")
