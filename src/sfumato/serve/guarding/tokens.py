"""Who may ask when strangers can: a file of tokens, a line for each holder.

    # name : token [: jobs per hour [: pictures per day]]
    anna:4f0c1d...:60:500

In memory a token is only a keyed digest; it is compared with all of them, in a time that tells nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfumato.errors import InputError

LEAST_TOKEN = 16  # characters
MOST_TOKEN = 512
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TOKEN = re.compile(r"[\x21-\x39\x3b-\x7e]+")  # printable ASCII without blanks and colons


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose a token is, and how much is drawn for it; None: as much as the queue allows."""

    name: str
    jobs_per_hour: int | None = None
    pictures_per_day: int | None = None


class Tokens:
    """The holders by the digests of their tokens."""

    def __init__(self, tokens: Mapping[str, Holder]) -> None:
        self._key = secrets.token_bytes(32)
        self._rows = [(self._digest(token), holder) for token, holder in tokens.items()]

    @property
    def holders(self) -> Sequence[Holder]:
        """All of them, in the file's order."""
        return [holder for _, holder in self._rows]

    def holder(self, token: str) -> Holder | None:
        """Whose token this is; every entry is compared, whichever fits."""
        digest, found = self._digest(token[:MOST_TOKEN]), None
        for known, holder in self._rows:
            if hmac.compare_digest(known, digest):
                found = holder
        return found

    def _digest(self, token: str) -> bytes:
        return hashlib.blake2b(token.encode(), key=self._key).digest()


def presented(authorization: str) -> str | None:
    """The token in a header: ``Bearer TOKEN``, or the password of ``Basic``; None if there is none."""
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip() or None
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return text.partition(":")[2] or None


def read_tokens(path: Path) -> tuple[Tokens, tuple[str, ...]]:
    """The tokens of a file, and what is to be told of it. Raises InputError that never quotes a token."""
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{path}: cannot be read ({why}); name a file of lines name:token") from error
    notes = (
        (f"{path} can be read by others: chmod 600 {path}",) if mode & (stat.S_IRGRP | stat.S_IROTH) else ()
    )
    found: dict[str, Holder] = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            token, holder = _entry(bare, f"{path}, line {number}")
            if token in found or holder.name.casefold() in {each.name.casefold() for each in found.values()}:
                raise InputError(f"{path}, line {number}: the name or the token is there twice; keep one")
            found[token] = holder
    if not found:
        raise InputError(f"{path}: has no token in it; write lines name:token")
    return Tokens(found), notes


def made_token_file(path: Path) -> None:
    """Write a file with one new token, for "me", that only its owner can read. Raises InputError."""
    line = f"# name:token[:jobs-per-hour[:pictures-per-day]]\nme:{secrets.token_urlsafe(32)}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def _entry(line: str, where: str) -> tuple[str, Holder]:
    name, *rest = (part.strip() for part in line.split(":"))
    if not NAME.fullmatch(name) or not 1 <= len(rest) <= 3:
        raise InputError(f"{where}: is not name:token[:jobs-per-hour[:pictures-per-day]]; mend it")
    token, *quotas = rest
    if not TOKEN.fullmatch(token) or not LEAST_TOKEN <= len(token) <= MOST_TOKEN:
        raise InputError(
            f"{where}: the token of {name} has {len(token)} characters; take {LEAST_TOKEN} to {MOST_TOKEN}, "
            "without blanks, as of: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if not all(quota == "" or (quota.isascii() and quota.isdigit() and len(quota) < 10) for quota in quotas):
        raise InputError(f"{where}: quotas are whole numbers, or nothing for no quota")
    jobs, pictures = (*(int(quota) if quota else None for quota in quotas), None, None)[:2]
    return token, Holder(name=name, jobs_per_hour=jobs, pictures_per_day=pictures)
