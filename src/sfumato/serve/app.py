"""The routes of a server, and what they answer when something is wrong: ``ROUTES`` is the table of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from sfumato.errors import InputError, SfumatoError
from sfumato.serve.asking import answering_head, methods_of
from sfumato.serve.guarding.answers import REFUSALS
from sfumato.serve.metering import Meters
from sfumato.serve.refused import Refused, without_folders
from sfumato.serve.routes import (
    a1111,
    health,
    jobs,
    known,
    metrics,
    openai,
    page,
    pictures,
    session,
    uploads,
    words,
)
from sfumato.serve.routes.answers import failure
from sfumato.serve.routes.foreign import invalid
from sfumato.serve.studio import Studio
from sfumato.version import __version__

LOG = logging.getLogger("sfumato.serve")

ROUTES: tuple[APIRouter, ...] = (
    jobs.router,
    known.router,
    words.router,
    health.router,
    metrics.router,
    uploads.router,
    pictures.router,
    session.router,
    *openai.ROUTERS,
    *a1111.ROUTERS,
    page.router,
)


def app_of(studio: Studio, guard: Callable[[ASGIApp], ASGIApp] | None = None) -> FastAPI:
    """The server's routes around a studio that somebody else starts, behind a guard."""
    app = FastAPI(
        title="sfumato",
        version=__version__,
        summary="Pictures from sentences, drawn step by step, together with whoever else asks.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        responses=REFUSALS,
    )
    app.state.studio = studio
    for router in ROUTES:
        app.include_router(router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SfumatoError, _failed)
    app.add_exception_handler(OperationalError, _undone)
    app.add_exception_handler(Exception, _defect)
    app.state.meters = meters = Meters(studio)
    app.add_middleware(meters.inside)  # pyright: ignore
    app.add_middleware(answering_head)  # pyright: ignore
    if guard is not None:
        app.add_middleware(guard)  # pyright: ignore
    app.add_middleware(meters.around)  # pyright: ignore
    return app


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)  # noqa: S101 - what it is registered for
    return failure(error.status, error.message, param=error.param, retry_after=error.retry_after)


def _failed(request: Request, error: Exception) -> JSONResponse:
    return failure(422 if isinstance(error, InputError) else 503, without_folders(str(error)))


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    told = {
        404: f"there is no {request.url.path} here: /openapi.json lists what there is",
        405: f"{request.method} does nothing here: /openapi.json lists what does",
    }
    headers = {"Allow": methods_of(request.scope, ROUTES)} if error.status_code == 405 else error.headers
    return failure(error.status_code, told.get(error.status_code, str(error.detail)), headers=headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """The first thing that is wrong with a request, by the name of its field."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return _refused(request, invalid(error))


def _undone(request: Request, error: Exception) -> JSONResponse:
    """The database is away, or its disk is full: nobody's fault who asks."""
    LOG.error("%s %s: the database cannot be used", request.method, request.url.path, exc_info=error)
    told = "the database cannot be used now, the server's log says why: ask again in a moment"
    return failure(503, told, retry_after=5)


def _defect(request: Request, error: Exception) -> JSONResponse:
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return failure(500, "a defect in sfumato, please report it; the server's log says where")
