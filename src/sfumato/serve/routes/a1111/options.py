"""Settings that last, flags and memory: what A1111's clients look at before they ask for pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Request

from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.desk import desk_of
from sfumato.serve.routes.a1111.errors import Route, faults
from sfumato.serve.routes.a1111.fields import IDLE_OPTIONS
from sfumato.serve.routes.a1111.replies import Memory, Told
from sfumato.serve.routes.a1111.wishes import CHECKPOINT, CLIP_SKIP, FORMAT, QUALITY, model_of
from sfumato.serve.routes.answers import TheClient, TheStudio
from sfumato.serve.settings import LOOPBACK
from sfumato.version import __version__

router = APIRouter(prefix="/sdapi/v1", tags=["a1111"], route_class=Route)

DEFAULTS: dict[str, object] = {
    CLIP_SKIP: 1,
    FORMAT: "png",
    QUALITY: 80,
    "sd_vae": "Automatic",
    "eta_noise_seed_delta": 0,
    "randn_source": "CPU",
    "enable_emphasis": True,
    "live_previews_enable": True,
    "show_progress_every_n_steps": 1,
    "samples_save": True,
    "grid_save": False,
    "return_grid": False,
    "save_images_add_number": True,
    "upscaler_for_img2img": "Lanczos",
    "face_restoration": False,
    "face_restoration_model": None,
}
"""Settings as they are here; the first three can be set, beside the model."""

FORMATS = ("png", "jpg", "jpeg", "webp")


@router.get("/options")
def options(request: Request, studio: TheStudio, client: TheClient) -> dict[str, Any]:
    """The settings that hold for whoever asks."""
    own = desk_of(request).options(client)
    return {CHECKPOINT: studio.models.default, "sd_checkpoint_hash": None, **DEFAULTS, **own}


@router.post("/options", responses=faults(400, 404, 422))
def set_options(
    asked: Annotated[dict[str, Any], Body(examples=[{"sd_model_checkpoint": "world"}])],
    request: Request, studio: TheStudio, client: TheClient,
) -> Told:  # fmt: skip
    """Set what can be set, for whoever asks; the reply names all that has no effect."""
    setters = {CHECKPOINT: _checkpoint, CLIP_SKIP: _clip_skip, FORMAT: _format, QUALITY: _quality}
    new = {
        name: setters[name](value, studio.models.by_name)
        for name, value in asked.items()
        if name in setters and value is not None
    }
    desk_of(request).options(client).update(new)
    idle = [name for name, value in asked.items() if name not in setters and value != DEFAULTS.get(name)]
    return Told(no_effect={name: IDLE_OPTIONS.get(name, "there is no such setting here") for name in idle})


@router.get("/cmd-flags")
def flags(studio: TheStudio) -> dict[str, Any]:
    """How the server was started, as far as A1111 has flags for it; no folder is told."""
    settings = studio.settings
    return {
        "api": True,
        "api_auth": None,
        "listen": settings.listen != LOOPBACK,
        "port": settings.port,
        "ckpt": studio.models.default,
        "use_cpu": ["all"],
        "no_half": True,
        "lowvram": False,
        "medvram": False,
        "version": f"sfumato {__version__}",
    }


@router.get("/memory")
async def memory() -> Memory:
    """The server's memory and the machine's, in bytes."""
    return await to_thread.run_sync(_memory)


@router.post("/unload-checkpoint")
def unload() -> dict[str, Any]:
    """Nothing to do: models that are not used are released when their memory is wanted."""
    return {}


@router.post("/reload-checkpoint")
def reload() -> dict[str, Any]:
    """Nothing to do: a model is loaded when it is asked for."""
    return {}


def _memory() -> Memory:
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = (os.sysconf(name) * page for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    try:
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page
    except OSError:  # not on Linux
        used = total - free
    return Memory(ram={"free": total - used, "used": used, "total": total}, cuda=_cuda())


def _cuda() -> dict[str, Any]:
    import torch

    if not torch.cuda.is_available():
        return {"error": "unavailable"}
    free, total = torch.cuda.mem_get_info()
    return {"system": {"free": free, "used": total - free, "total": total}}


def _checkpoint(value: object, models: Iterable[str]) -> object:
    return model_of(value, tuple(models))


def _clip_skip(value: object, models: Iterable[str]) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 12:
        raise Refused(422, f"{CLIP_SKIP} {value!r}: give 1 (the last layer) to 12", param=CLIP_SKIP)
    return int(value)


def _format(value: object, models: Iterable[str]) -> object:
    if str(value).lower() not in FORMATS:
        raise Refused(422, f"{FORMAT} {str(value)[:40]!r}: there are {', '.join(FORMATS)}", param=FORMAT)
    return str(value).lower()


def _quality(value: object, models: Iterable[str]) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise Refused(422, f"{QUALITY} {value!r}: give 0 to 100", param=QUALITY)
    return int(value)
