"""Logging in from the page: a token is given once, and a cookie that scripts cannot read stands for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sfumato.serve.guarding.asked import asked_of
from sfumato.serve.guarding.guard import CLIENT, LOCAL, guard_of
from sfumato.serve.guarding.sessions import LASTING, cookie, number_in
from sfumato.serve.guarding.tokens import LEAST_TOKEN, MOST_TOKEN
from sfumato.serve.routes.answers import examples

router = APIRouter(prefix="/v1/session", tags=["session"])


class Login(BaseModel):
    """What a person types into the page."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"token": "9uX0cWq3ZkT1v5Jb7mQe2g"}]}
    )

    token: Annotated[str, Field(min_length=LEAST_TOKEN, max_length=MOST_TOKEN)]


class Session(BaseModel):
    """Who asks. ``client`` is None where a token is asked for and none was given."""

    model_config = examples({"client": "anna", "tokens": True})

    client: str | None
    tokens: bool  # whether this server asks for them


@router.get("")
def who(request: Request) -> Session:
    """Who the server takes you for, and whether it asks for a token."""
    return Session(client=request.scope[CLIENT], tokens=guard_of(request).tokens is not None)


@router.post("", responses={401: {"description": "no such token"}, 429: {"description": "too many tries"}})
async def login(login: Login, request: Request, response: Response) -> Session:
    """Log in: a token for a cookie that lasts twelve hours."""
    guard = guard_of(request)
    if guard.tokens is None:
        return Session(client=LOCAL, tokens=False)
    asked = asked_of(request.scope)
    holder = await guard.holder_of(login.token, asked.address)
    number = guard.sessions.begin(holder)
    response.headers["Set-Cookie"] = cookie(number, lasting=LASTING, secure=_secure(request))
    return Session(client=holder.name, tokens=True)


@router.delete("")
def logout(request: Request, response: Response) -> Session:
    """Log out: the cookie is good for nothing from now on."""
    guard = guard_of(request)
    number = number_in(request.headers.get("cookie", ""))
    if number is not None:
        guard.sessions.end(number)
        response.headers["Set-Cookie"] = cookie("", lasting=0, secure=_secure(request))
    tokens = guard.tokens is not None
    return Session(client=None if tokens else LOCAL, tokens=tokens)


def _secure(request: Request) -> bool:
    """Whether the browser came by https, to us or to a proxy before us."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
