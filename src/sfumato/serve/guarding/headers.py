"""What every answer carries: what a browser must not do with it."""

from __future__ import annotations

from starlette.types import Message

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For the page: its own scripts and styles, and pictures that it has made itself. Nothing inline."""

DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For all else: were it ever taken for a page, it could do nothing."""

ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": (
        b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
        b"payment=(), publickey-credentials-get=(), serial=(), usb=()"
    ),
}
NEVER = frozenset({b"server", b"x-powered-by"})


def is_page(path: str) -> bool:
    """Whether a path is one of the page's static files."""
    return path in ("/", "/favicon.ico") or path.startswith("/page/")


def shielded(message: Message, path: str) -> Message:
    """The start of an answer with all that it must carry, and nothing that tells or opens too much."""
    ours = ALWAYS | {b"content-security-policy": (PAGE_POLICY if is_page(path) else DATA_POLICY).encode()}
    kept = [
        (name, value)
        for name, value in message.get("headers", [])
        if name.lower() not in ours
        and name.lower() not in NEVER
        and not name.lower().startswith(b"access-control-")
    ]
    if not any(name.lower() == b"cache-control" for name, _ in kept):
        kept.append((b"cache-control", b"no-store"))
    return {**message, "headers": [*kept, *ours.items()]}
