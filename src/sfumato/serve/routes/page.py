"""The page: the static files of ``serve/page``, found in a list: what a client writes opens no file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response

import sfumato.serve

router = APIRouter(include_in_schema=False)

FOLDER = Path(sfumato.serve.__file__).parent / "page"
INDEX = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
}
"""What is served, by the end of its name; whatever else lies in the folder is not."""


def static_files(folder: Path = FOLDER) -> dict[str, Path]:
    """All files that are served, by their paths below the page's folder."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix in KINDS and path.is_file()
    }


@router.api_route("/", methods=["GET", "HEAD"])
def index(request: Request) -> Response:
    """The page itself."""
    return _sent(INDEX, request)


@router.api_route("/page/{path:path}", methods=["GET", "HEAD"])
def page(path: str, request: Request) -> Response:
    """A script, a style, a picture of the page."""
    return _sent(path, request)


def _sent(name: str, request: Request) -> Response:
    file = static_files().get(name)
    if file is None:
        return Response("there is no such file; the page is at /", 404, media_type="text/plain")
    body = file.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}  # kept by the browser, and asked for each time
    told = request.headers.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in told.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": KINDS[file.suffix]})
