"""Which pages may ask: our own. Programs that are no browsers send neither of these headers, and may.

A browser sends ``Origin`` with whatever a script reads across origins and with every POST, and (to loopback
and https) ``Sec-Fetch-Site`` with everything, also with a picture in a page. "same-site" is not ours either:
to a browser another port of this machine is the same site.
"""

from __future__ import annotations

from sfumato.serve.guarding.answers import Denied
from sfumato.serve.guarding.asked import Asked
from sfumato.serve.guarding.hosts import USUAL_PORTS, parted

OURS = frozenset({"same-origin", "none"})  # "none": typed by a person, or a bookmark
ENTRANCE = "/"


def check_origin(asked: Asked, host: str) -> None:
    """Raise Denied unless the request comes from our own page or from no page at all."""
    origin = asked.headers.get("origin")
    if origin is not None and not _same(origin, host):
        raise Denied(403, "a page of another origin may not call this server", kind="cross_origin")
    site = asked.headers.get("sec-fetch-site")
    if site is None or site == "same-origin" or (site in OURS and not asked.changing):
        return
    if not _enters(asked):
        raise Denied(
            403, "another page may not load this; open the address itself in the browser", kind="cross_origin"
        )


def _enters(asked: Asked) -> bool:
    """Whether a person follows a link to our page: it shows, in a window of its own."""
    return (
        asked.method in ("GET", "HEAD")
        and asked.path == ENTRANCE
        and asked.headers.get("sec-fetch-mode") == "navigate"
        and asked.headers.get("sec-fetch-dest") == "document"
    )


def _same(origin: str, host: str) -> bool:
    """Whether an origin is this host, whichever of its two ways of writing the usual port is used."""
    scheme, mark, rest = origin.lower().partition("://")
    usual = USUAL_PORTS.get(scheme)
    found, ours = parted(rest), parted(host)
    if not mark or usual is None or found is None or ours is None:
        return False
    return (found[0], found[1] or usual) == (ours[0], ours[1] or usual)
