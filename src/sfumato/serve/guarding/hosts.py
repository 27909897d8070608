"""Under which names the server may be called: a list, so that no stranger's name can be made to point at us.

Against DNS rebinding: a page of evil.example whose name is then resolved to 127.0.0.1 is, to the browser, of
one origin with us; but it cannot send another Host than its own name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from sfumato.errors import InputError
from sfumato.serve.guarding.answers import Denied
from sfumato.serve.guarding.asked import Asked

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
USUAL_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20})(?::([0-9]{1,5}))?")


def is_loopback(listen: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if listen == "localhost":
        return True
    try:
        return ipaddress.ip_address(listen.strip("[]")).is_loopback
    except ValueError:
        return False


def parted(host: str) -> tuple[str, int | None] | None:
    """A host and its port as written in a Host header or a URL; None for anything odd."""
    match = HOST.fullmatch(host.lower())
    if match is None:
        return None
    return match[1], None if match[2] is None else int(match[2])


class Hosts:
    """The allowed values of Host: loopback's names, the address listened on, and names given by a person.

    A name without a port is good for the port listened on and for those of http and https, so that a proxy
    may stand in front; where any address is listened on, the one that a connection came in by is good too.
    """

    def __init__(self, listen: str | None = None, names: Sequence[str] = ()) -> None:
        self.exposed = listen is not None and not is_loopback(listen)
        self._own = {*LOOPBACK}
        if listen is not None:
            self._own.add(_bracketed(listen).lower())
        self._own -= {"0.0.0.0", "[::]"}  # noqa: S104 - pages call loopback by these, and nobody else does
        self._named = [_named(name) for name in names]

    def check(self, asked: Asked) -> str:
        """The Host of a request, as it may be compared with an origin. Raises Denied."""
        told = asked.headers.get("host", "")
        found = parted(told)
        if found is None:
            raise Denied(400, "the request has no Host, or an odd one; send the address that you call")
        if not self._allows(*found, asked):
            raise Denied(
                421,
                f"this server is not called {told.lower()}; call it by the address that it printed, or start "
                f"it with --host {told.lower()} if that name is yours",
                kind="wrong_host",
            )
        return told.lower()

    def _allows(self, name: str, port: int | None, asked: Asked) -> bool:
        served = asked.server[1] if asked.server else None
        usual = USUAL_PORTS.get(asked.scheme, 80)
        if (port or usual) == (served or usual):
            if name in self._own:
                return True
            if self.exposed and asked.server and _is_address(name) and name == _bracketed(asked.server[0]):
                return True
        for known, wanted in self._named:
            ports = {wanted} if wanted else {None, served, *USUAL_PORTS.values()}
            if name == known and port in ports:
                return True
        return False


def _named(name: str) -> tuple[str, int | None]:
    found = parted(name)
    if found is None:
        raise InputError(f"--host {name!r} is no host; write a name as in pictures.example.org, or name:port")
    return found


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
