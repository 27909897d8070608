"""Help with words, and what a wish would do: answered from files and tables, never behind a forward."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from sfumato.conditions.making import made
from sfumato.provenance.recipe import pixel_digest
from sfumato.request import LARGEST_SEED
from sfumato.serve.facts import read
from sfumato.serve.refused import Refused
from sfumato.serve.routes.answers import TheClient, TheStudio, example, failures
from sfumato.serve.routes.bringing import apart, check_pixels, check_room
from sfumato.serve.studio import Studio
from sfumato.serve.uploads import lay
from sfumato.serve.wish import MOST_TEXT, Digest, Side, Strict, Wish
from sfumato.styles.shelf import knowing, shelf
from sfumato.words.check import check
from sfumato.words.complete import complete, complete_phrase
from sfumato.words.expand import expanded

router = APIRouter(prefix="/v1", tags=["words"])

MOST_TYPED = 2000  # characters that are completed

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
ModelName = Annotated[str, Field(max_length=300, description="One of /v1/models; else the default one.")]
ModelQuery = Annotated[str | None, Query(max_length=300, description="One of /v1/models; else the default.")]


class Prompt(Strict):
    """A prompt as it would be drawn; the seed makes the choices that it leaves open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": "a (red:1.2) feline"}]})

    prompt: Annotated[str, Field(max_length=MOST_TEXT)]
    model: ModelName | None = None
    seed: Seed = 0


class Vague(Strict):
    """A wish that is to become a full sentence."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sentence": "something spooky", "seed": 3}]})

    sentence: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    model: ModelName | None = None
    seed: Seed = 0


class Conditioned(Strict):
    """A picture of which a control is to see something, at the size that will be drawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"picture": "0" * 64, "size": [128, 128]}]})

    picture: Digest
    size: tuple[Side, Side] | None = None


@router.post("/tokens", responses={**failures(400, 422), **example({
    "tokens": [[{"id": 320, "text": "a ", "weight": 1.0, "ends_word": True}]], "room": 75, "used": 1,
    "cut": "", "unknown": [{"word": "feline", "instead": ["cat"], "why": "means"}], "notes": [],
})})  # fmt: skip
async def tokens(studio: TheStudio, prompt: Prompt) -> dict[str, Any]:
    """How a model reads a prompt: its tokens in chunks, what is cut, and the words that it does not know."""
    return await to_thread.run_sync(_tokens, studio, prompt)


@router.get("/words/complete", responses={**failures(422), **example({
    "offers": [{"words": "cat", "kind": "thing", "text": "a red cat"}],
})})  # fmt: skip
async def completed(
    studio: TheStudio,
    text: Annotated[str, Query(max_length=MOST_TYPED)] = "",
    model: ModelQuery = None,
    most: Annotated[int, Query(ge=1, le=100)] = 12,
) -> dict[str, Any]:
    """What may come next; ``text`` of an offer is the whole sentence with it."""
    return {"offers": await to_thread.run_sync(_completed, studio, text, model, most)}


@router.post("/words/expand", responses={**failures(400, 422), **example({
    "sentence": "a ghost above a castle at night", "original": "something spooky", "why": ["spooky: a ghost"],
})})  # fmt: skip
async def expand(studio: TheStudio, vague: Vague) -> dict[str, Any]:
    """A vague wish as a full sentence, by rules: another seed is another sentence."""
    return await to_thread.run_sync(_expanded, studio, vague)


@router.post("/check", responses={**failures(400, 422), **example({
    "notes": ["the negative prompt is inactive at guidance 1"],
})})  # fmt: skip
async def checked(studio: TheStudio, client: TheClient, wish: Wish) -> dict[str, Any]:
    """What of a wish would have no effect, and whether it can be drawn at all; nothing is drawn."""
    return {"notes": await studio.foreseen(wish, client)}


@router.post("/conditions/{kind}", responses={**failures(400, 404, 413, 422, 503), **example({
    "digest": "0" * 64, "width": 128, "height": 128, "notes": [],
})})  # fmt: skip
async def seen(studio: TheStudio, client: TheClient, kind: str, given: Conditioned) -> dict[str, Any]:
    """What a control sees of a picture, kept as an upload: the picture of its digest."""
    if given.size is not None:
        check_pixels(studio, [given.size], param="size")
    return await apart(partial(_seen, studio, client, kind, given))


def _tokens(studio: Studio, prompt: Prompt) -> dict[str, Any]:
    name = prompt.model or studio.models.default
    file, lexicon = studio.models.named(name), studio.models.lexicon(name)
    found = read(file.path, prompt.prompt, prompt.seed, embeddings=studio.adapters.words_in(prompt.prompt))
    unknown = [] if lexicon is None else check(found.plain, lexicon)
    told = {key: value for key, value in found._asdict().items() if key != "plain"}
    return {**told, "unknown": [asdict(each) for each in unknown]}


def _completed(studio: Studio, text: str, model: str | None, most: int) -> list[dict[str, Any]]:
    known, lexicon = studio.models.known_by(model), studio.models.lexicon(model)
    if lexicon is not None:
        offers = complete(text, lexicon, most=most)
    else:
        offers = complete_phrase(text, knowing(known.family, shelf().values()), most=most)
    return [asdict(each) for each in offers]


def _expanded(studio: Studio, vague: Vague) -> dict[str, Any]:
    known, lexicon = studio.models.known_by(vague.model), studio.models.lexicon(vague.model)
    return asdict(expanded(vague.sentence, vague.seed, family=known.family, lexicon=lexicon))


def _seen(studio: Studio, client: str, kind: str, given: Conditioned) -> dict[str, Any]:
    picture = studio.pictures_of(client).find(given.picture)
    if picture is None:
        raise Refused(404, f"no picture {given.picture[:12]}... is here: upload it first", param="picture")
    check_room(studio, client)
    image, notes = made(kind, picture, given.size)
    digest = pixel_digest(image)
    lay(digest, image, studio.folder, client=client)
    return {"digest": digest, "width": image.width, "height": image.height, "notes": notes}
