"""The head of a request, read once: lower-case headers, none that decides anything twice, a plain path.

What two programs could read in two ways (a header given twice, an encoded slash) is refused, not interpreted.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from starlette.types import Scope

from sfumato.serve.guarding.answers import Denied

MOST_HEADERS = 100
MOST_HEADER_BYTES = 32 * 2**10
MOST_QUERY_BYTES = 16 * 2**10
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

ONCE = frozenset({
    b"host", b"origin", b"authorization", b"cookie", b"content-type", b"content-length", b"content-encoding",
    b"transfer-encoding", b"idempotency-key", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest",
})  # fmt: skip
"""Headers that something is decided by; a second one is refused."""

ODD_PATH = re.compile(
    rb"%2f|%5c|%00|%[01][0-9a-f]|%7f|\\|[\x00-\x20\x7f]|(?:/|^)(?:\.|%2e){1,2}(?:/|$)|//", re.I
)
ODD_QUERY = re.compile(rb"%00|[\x00-\x20\x7f]", re.I)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the guards look at. ``headers`` are decoded as Latin-1, as HTTP says."""

    method: str
    path: str
    headers: dict[str, str]
    server: tuple[str, int | None] | None  # the local end of the connection
    address: str  # of the remote end; of IPv6 its /64
    scheme: str

    @property
    def changing(self) -> bool:
        """Whether the method is one that may change something."""
        return self.method in CHANGING


def asked_of(scope: Scope) -> Asked:
    """Raises Denied for a head that is too long or can be read in two ways."""
    method, path = scope["method"], scope["path"]
    if method not in METHODS:
        raise Denied(501, "this method is not known here; use GET, POST, PATCH or DELETE")
    _check_target(scope)
    server, client = scope.get("server"), scope.get("client")
    return Asked(
        method=method,
        path=path,
        headers=_headers(scope["headers"]),
        server=tuple(server) if server else None,
        address=neighbourhood(client[0]) if client else "",
        scheme=scope.get("scheme", "http"),
    )


def neighbourhood(address: str) -> str:
    """What is slowed together: an IPv4 address, or the /64 of an IPv6 one: one home, one host."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def _check_target(scope: Scope) -> None:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path: str = scope["path"]
    if not path.startswith("/") or ODD_PATH.search(raw) or "\ufffd" in path:
        raise Denied(400, "the path has encoded slashes, control characters or dots; write it plainly")
    if ".." in path.split("/") or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise Denied(400, "the path has control characters or dots; write it plainly")
    query: bytes = scope.get("query_string", b"")
    if len(query) > MOST_QUERY_BYTES:
        raise Denied(414, f"the query has {len(query)} bytes, more than {MOST_QUERY_BYTES}; send less in it")
    if ODD_QUERY.search(query):
        raise Denied(400, "the query has NUL or control characters; leave them out")


def _headers(rows: list[tuple[bytes, bytes]]) -> dict[str, str]:
    size = sum(len(name) + len(value) for name, value in rows)
    if len(rows) > MOST_HEADERS or size > MOST_HEADER_BYTES:
        raise Denied(
            431, f"{len(rows)} headers of {size} bytes; at most {MOST_HEADERS} of {MOST_HEADER_BYTES}"
        )
    found: dict[str, str] = {}
    for name, value in rows:
        key = name.lower()
        text = key.decode("latin-1")
        if text in found and key in ONCE:
            raise Denied(400, f"the header {text} is there twice; send it once")
        found[text] = value.decode("latin-1")
    return found
