"""What there is to choose from, in the lists of A1111's API: models, samplers, styles, adapters."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter

from sfumato.serve.adapters import Adapter
from sfumato.serve.routes.a1111.enlarging import LATENTS, UPSCALERS
from sfumato.serve.routes.a1111.errors import Route
from sfumato.serve.routes.a1111.replies import (
    Embedding,
    Embeddings,
    Lora,
    Model,
    Named,
    Placed,
    Restorer,
    Sampler,
    Scheduler,
    Scripts,
    Style,
    Upscaler,
    Vae,
)
from sfumato.serve.routes.a1111.sampling import samplers as all_samplers
from sfumato.serve.routes.a1111.sampling import schedulers as all_schedulers
from sfumato.serve.routes.a1111.units import NAME
from sfumato.serve.routes.answers import TheStudio
from sfumato.serve.studio import Studio
from sfumato.styles.preset import PLACE
from sfumato.styles.shelf import shelf

router = APIRouter(prefix="/sdapi/v1", tags=["a1111"], route_class=Route)

WORN = "lora"
LEARNED = "embedding"


@router.get("/samplers")
def samplers() -> list[Sampler]:
    """All samplers, by the names that A1111's menu has for them."""
    return [Sampler.model_validate(each) for each in all_samplers()]


@router.get("/schedulers")
def schedulers() -> list[Scheduler]:
    """All level spacings."""
    return [Scheduler.model_validate(each) for each in all_schedulers()]


@router.get("/sd-models")
def models(studio: TheStudio) -> list[Model]:
    """The models that the server was started with. Of their files the names are told, and not the folders."""
    return [
        Model(title=name, model_name=name, hash=None, sha256=None, filename=file.path.name, config=None)
        for name, file in studio.models.by_name.items()
    ]


@router.get("/sd-vae")
def autoencoders() -> list[Vae]:
    """None to choose from: each model brings its own."""
    return []


@router.get("/loras")
async def loras(studio: TheStudio) -> list[Lora]:
    """The LoRAs in the folder of adapters."""
    return [
        Lora(name=each.name, alias=each.name, path=each.path.name, metadata=_metadata(each))
        for each in await _adapters(studio)
        if each.kind == WORN
    ]


@router.get("/embeddings")
async def embeddings(studio: TheStudio) -> Embeddings:
    """The learned words in the folder of adapters; those that cannot be read are skipped."""
    one = Embedding(step=None, sd_checkpoint=None, sd_checkpoint_name=None, shape=0, vectors=0)
    found = await _adapters(studio)
    return Embeddings(
        loaded={each.name: one for each in found if each.kind == LEARNED},
        skipped={each.name: one for each in found if each.obstacle and "embedding" in each.obstacle},
    )


@router.get("/hypernetworks")
def hypernetworks() -> list[Placed]:
    """None: they are not worn here."""
    return []


@router.get("/prompt-styles")
def styles() -> list[Style]:
    """All looks, the sentence's place written as A1111 writes it."""
    return [
        Style(name=name, prompt=preset.prompt.replace(PLACE, "{prompt}"), negative_prompt=preset.negative)
        for name, preset in shelf().items()
    ]


@router.get("/upscalers")
def upscalers() -> list[Upscaler]:
    """What enlarges finished pictures: filters. No network for it is here."""
    return [
        Upscaler(name=name, model_name=None, model_path=None, model_url=None, scale=4.0) for name in UPSCALERS
    ]


@router.get("/latent-upscale-modes")
def latent_upscale_modes() -> list[Named]:
    """How the second pass may enlarge a latent."""
    return [Named(name=name) for name in LATENTS]


@router.get("/face-restorers")
def face_restorers() -> list[Restorer]:
    """None: no network that restores faces is here."""
    return []


@router.get("/realesrgan-models")
def realesrgan_models() -> list[Placed]:
    """None: no network that enlarges pictures is here."""
    return []


@router.get("/scripts")
def scripts() -> Scripts:
    """The one extension whose arguments are understood."""
    return Scripts(txt2img=[NAME], img2img=[NAME])


@router.get("/script-info")
def script_info() -> list[dict[str, Any]]:
    """The one extension whose arguments are understood."""
    return [
        {"name": NAME, "is_alwayson": True, "is_img2img": is_img2img, "args": []}
        for is_img2img in (False, True)
    ]


@router.get("/extensions")
def extensions() -> list[dict[str, Any]]:
    """None is installed: what is understood is part of the server."""
    return []


@router.post("/refresh-checkpoints")
def refresh_checkpoints() -> None:
    """Nothing to do: models are those that the server was started with."""


@router.post("/refresh-vae")
def refresh_vae() -> None:
    """Nothing to do: each model brings its own autoencoder."""


@router.post("/refresh-loras")
def refresh_loras() -> None:
    """Nothing to do: the folder of adapters is looked at whenever one is named."""


@router.post("/refresh-embeddings")
def refresh_embeddings() -> None:
    """Nothing to do: the folder of adapters is looked at whenever a prompt is read."""


def _metadata(adapter: Adapter) -> dict[str, Any]:
    return {"ss_trigger_words": list(adapter.triggers)} if adapter.triggers else {}


async def _adapters(studio: Studio) -> list[Adapter]:
    return list((await to_thread.run_sync(studio.adapters.all)).values())
