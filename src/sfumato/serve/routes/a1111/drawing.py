"""Rounds of wishes drawn one after the other, and what became of them as A1111's reply tells it."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyio import to_thread
from fastapi import Request
from PIL import Image

from sfumato.provenance.recipe import KEY, PARAMETERS
from sfumato.serve.encoding import FORMATS, encoded
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import Asked
from sfumato.serve.routes.a1111.desk import Run
from sfumato.serve.routes.a1111.replies import Drawn
from sfumato.serve.routes.a1111.sampling import menu_name
from sfumato.serve.routes.a1111.wishes import FORMAT, QUALITY, Plan
from sfumato.serve.routes.waiting import cancelled, ended, failure_of
from sfumato.serve.store.records import Job, Kept
from sfumato.serve.studio import Studio
from sfumato.version import __version__

UNDRAWN = 422
"""Status of a request whose picture cannot be drawn as it is asked."""


@dataclass(kw_only=True)
class Outcome:
    """The pictures of a run with their files, and what was told of them."""

    pictures: list[tuple[Kept, bytes]] = field(default_factory=list[tuple[Kept, bytes]])
    notes: list[str] = field(default_factory=list[str])


async def drawn(plan: Plan, run: Run, studio: Studio, client: str, request: Request) -> Outcome:
    """Draw all rounds, unless they are interrupted. Raises Refused where nothing was drawn."""
    outcome = Outcome(notes=[*plan.notes])
    for number, wishes in enumerate(plan.rounds):
        if run.interrupted:
            break
        jobs: list[str] = []
        try:
            for wish in wishes:
                job = await studio.accept(wish, client)
                jobs.append(job.id)
            run.begin(number, jobs)
            if run.interrupted:  # while these were accepted, when nobody knew of them
                await cancelled(studio, jobs)
            await _take(await ended(studio, jobs, request), outcome, studio)
        except Refused as error:
            await cancelled(studio, jobs)
            if not outcome.pictures:
                raise
            outcome.notes.append(f"round {number + 1} was not drawn: {error.message}")
            break
    if run.interrupted:
        outcome.notes.append(f"interrupted: {len(outcome.pictures)} of the pictures were finished")
    return outcome


async def _take(jobs: Sequence[Job], outcome: Outcome, studio: Studio) -> None:
    """Add what a round brought. Raises Refused for a job that failed; a cancelled one brings nothing."""
    for job in jobs:
        if job.state == "failed":
            raise failure_of(job, UNDRAWN)
        for id in job.pictures:  # noqa: A001 - as everywhere
            kept = await to_thread.run_sync(studio.store.picture, id)
            if kept is not None:
                outcome.pictures.append((kept, await studio.picture_bytes(id)))
        pictures = [note for kept, _ in outcome.pictures for note in kept.notes]
        outcome.notes = list(dict.fromkeys((*outcome.notes, *job.notes, *pictures)))


def reply(asked: Asked, plan: Plan, outcome: Outcome, options: Mapping[str, object]) -> Drawn:
    """The reply of txt2img and img2img."""
    texts = [_texts(data) for _, data in outcome.pictures]
    notes = outcome.notes
    images: list[str] = []
    if asked.send_images:
        kind, quality, told = _format(options)
        notes = [*notes, *told]
        images = [
            base64.b64encode(encoded(data, kind, quality).data).decode() for _, data in outcome.pictures
        ]
    info = _info(asked, plan, [kept for kept, _ in outcome.pictures], texts)
    info |= {"no_effect": [note for note in notes if "no effect" in note], "notes": notes}
    return Drawn(images=images, parameters=_echoed(asked), info=json.dumps(info))


def _format(options: Mapping[str, object]) -> tuple[str, int, list[str]]:
    """The format that pictures are sent in, and a line where it is another than was set."""
    wanted = str(options.get(FORMAT) or "png").lower()
    kind = {"jpg": "jpeg"}.get(wanted, wanted)
    quality = options.get(QUALITY)
    rate = int(quality) if isinstance(quality, int | float) and 0 <= quality <= 100 else 80
    if kind not in FORMATS:
        return "png", rate, [f"{FORMAT} {wanted[:40]} has no effect: there are png, jpg and webp"]
    return kind, rate, []


def _echoed(asked: Asked) -> dict[str, Any]:
    """The request, its pictures left out unless it asks for them."""
    said = asked.model_dump(mode="json")
    if not said.pop("include_init_images", False) and "init_images" in said:
        said |= {"init_images": None, "mask": None}
    return said


def _texts(data: bytes) -> tuple[str, str]:
    """The infotext of a picture of ours, and the digest of the weights that its receipt names."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        text, receipt = str(image.info.get(PARAMETERS, "")), image.info.get(KEY)
    sha256 = json.loads(str(receipt)).get("weights_sha256", "") if receipt else ""
    return text, str(sha256)


def _info(
    asked: Asked, plan: Plan, kept: Sequence[Kept], texts: Sequence[tuple[str, str]]
) -> dict[str, object]:
    """What A1111's clients read from ``info``, of what was drawn indeed."""
    first: Mapping[str, Any] = kept[0].request if kept else {}
    sampler = str(first.get("sampler", asked.sampler or ""))
    subseeds = [plan.subseed + index for index in range(len(kept))]
    return {
        "prompt": kept[0].prompt if kept else asked.prompt,
        "all_prompts": [each.prompt for each in kept],
        "negative_prompt": kept[0].negative if kept else asked.negative_prompt,
        "all_negative_prompts": [each.negative for each in kept],
        "seed": kept[0].seed if kept else plan.seed,
        "all_seeds": [each.seed for each in kept],
        "subseed": plan.subseed,
        "all_subseeds": subseeds,
        "subseed_strength": asked.subseed_strength,
        "width": kept[0].width if kept else asked.width,
        "height": kept[0].height if kept else asked.height,
        "sampler_name": menu_name(sampler),
        "cfg_scale": first.get("guidance", asked.cfg_scale),
        "steps": first.get("steps", asked.steps),
        "batch_size": asked.batch_size,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": plan.model,
        "sd_model_hash": texts[0][1][:10] if texts else None,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": first.get("strength"),
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [text for text, _ in texts],
        "styles": asked.styles,
        "job_timestamp": time.strftime("%Y%m%d%H%M%S"),
        "clip_skip": first.get("clip_skip") or 1,
        "is_using_inpainting_conditioning": False,
        "version": f"sfumato {__version__}",
        "ids": [each.id for each in kept],
    }
