"""What there is to choose from: models, adapters, samplers, spacings, guides, looks, conditions."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from sfumato.conditions.telling import conditions_told
from sfumato.diffusion.telling import guides_told, levels_told, samplers_told
from sfumato.serve.facts import models_told
from sfumato.serve.refused import Refused
from sfumato.serve.routes.answers import TheStudio, example, failures
from sfumato.serve.studio import Studio
from sfumato.styles.preset import Preset
from sfumato.styles.shelf import named, shelf

router = APIRouter(prefix="/v1", tags=["what there is"])

StyleName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,80}$", examples=["watercolor"])]


@router.get("/models", responses=example({
    "object": "list",
    "data": [{"id": "world", "object": "model", "created": 1790000000, "owned_by": "sfumato"}],
    "models": [{
        "name": "world", "default": True, "family": "world", "dtype": None, "embedded": True,
        "native": [128, 128], "sizes": {"multiple": 32, "least": 64, "most": 192},
        "beside": 0,
        "controls": [{"name": "control", "kinds": ["edges", "layout", "canny"]}],
        "references": [{"name": "reference", "roles": ["style", "composition", "both"]}],
        "resident": 45000000,
    }],
}))  # fmt: skip
async def models(studio: TheStudio) -> dict[str, Any]:
    """Models, the default first. Sizes are null until a model was in memory once, but for the embedded one's.

    ``object`` and ``data`` are what OpenAI's clients read of it.
    """
    told = await to_thread.run_sync(_models, studio)
    data = [await to_thread.run_sync(as_openai, studio, name) for name in studio.models.by_name]
    return {"object": "list", "data": data, "models": told}


@router.get("/models/{name}", responses={**failures(404, 422), **example({
    "id": "world", "object": "model", "created": 1790000000, "owned_by": "sfumato",
})})  # fmt: skip
async def model(studio: TheStudio, name: Annotated[str, Path(max_length=300)]) -> dict[str, Any]:
    """One model, as OpenAI's clients ask for it."""
    if name not in studio.models.by_name:
        raise Refused(
            404, f"no model {name!r} here: there is {', '.join(studio.models.by_name)}", param="model"
        )
    return await to_thread.run_sync(as_openai, studio, name)


@router.get("/adapters", responses=example({
    "adapters": [
        {"name": "ink", "kind": "lora", "triggers": ["ink drawing"], "bytes": 151000, "obstacle": ""},
    ],
}))  # fmt: skip
async def adapters(studio: TheStudio) -> dict[str, Any]:
    """What can be hung beside a model by naming it; ``triggers`` are the words that wake an adapter."""
    found = await to_thread.run_sync(studio.adapters.all)
    return {
        "adapters": [
            {
                "name": each.name,
                "kind": each.kind,
                "triggers": each.triggers,
                "bytes": each.size,
                "obstacle": each.obstacle,
            }
            for each in found.values()
        ]
    }


@router.get("/samplers", responses=example({"samplers": [{"name": "euler", "order": 1, "evaluations": 1}]}))
async def samplers() -> dict[str, Any]:
    """Samplers: order, cost, options, other names."""
    return {"samplers": _listed(await to_thread.run_sync(samplers_told))}


@router.get("/levels", responses=example({"levels": [{"name": "karras", "trained": True, "flow": False}]}))
async def levels() -> dict[str, Any]:
    """Ways to space the noise levels."""
    return {"levels": _listed(await to_thread.run_sync(levels_told))}


@router.get("/guides", responses=example({"guides": [{"name": "cfg", "rows": 2, "scale": [2, 8]}]}))
async def guides() -> dict[str, Any]:
    """Ways to follow the words."""
    return {"guides": _listed(await to_thread.run_sync(guides_told))}


@router.get("/conditions", responses=example({"conditions": [{"name": "edges", "says": "outlines"}]}))
async def conditions() -> dict[str, Any]:
    """Kinds of conditioning pictures."""
    return {"conditions": _listed(conditions_told())}


@router.get("/styles", responses=example({
    "styles": [{"name": "watercolor", "about": "Washes.", "works": ["world"], "tags": ["paint"]}],
}))  # fmt: skip
async def styles() -> dict[str, Any]:
    """Looks, which a wish names in ``styles``; ``works`` are the families whose models know their words."""
    presets = await to_thread.run_sync(shelf)
    return {"styles": [_style(name, preset) for name, preset in presets.items()]}


@router.get(
    "/styles/{name}/thumbnail",
    response_class=FileResponse,
    responses={200: {"description": "A small picture.", "content": {"image/webp": {}}}, **failures(404, 422)},
)
async def thumbnail(name: StyleName) -> FileResponse:
    """A look as the embedded model draws it."""
    presets = await to_thread.run_sync(shelf)
    picture = named(name, presets).picture if name in presets else None
    if picture is None:
        raise Refused(404, f"no picture of a style {name!r} is here: /v1/styles lists all styles")
    return FileResponse(picture, media_type="image/webp", headers={"Cache-Control": "max-age=3600"})


def as_openai(studio: Studio, name: str) -> dict[str, object]:
    """A model in the words of OpenAI's API; ``created`` is when its file was written."""
    created = int(studio.models.named(name).path.stat().st_mtime)
    return {"id": name, "object": "model", "created": created, "owned_by": "sfumato"}


def _models(studio: Studio) -> list[dict[str, object]]:
    return models_told(studio.models, studio.adapters, studio.shapes, studio.shelf.resident)


def _listed(told: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    return [{"name": name, **facts} for name, facts in told.items()]


def _style(name: str, preset: Preset) -> dict[str, object]:
    return {
        **preset.told(),
        "name": name,
        "title": preset.name,
        "has_thumbnail": preset.picture is not None,
    }
