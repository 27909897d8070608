"""A chat endpoint that a person has set up: asked for one sentence, trusted with nothing.

Any server that speaks the chat completions of OpenAI's protocol: POST URL/chat/completions. What comes back
is words of a stranger: it is bounded while it is read, cut to a sentence's length, and stripped of every sign
that the grammar of prompts reads, so that it cannot name an adapter or a wildcard.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sfumato.errors import InputError, MissingExtra

URL, MODEL, KEY = "SFUMATO_CHAT_URL", "SFUMATO_CHAT_MODEL", "SFUMATO_CHAT_KEY"
LONGEST = 400  # letters of a sentence that is taken
MOST_BYTES = 1 << 20
TIMEOUT = 30.0  # seconds, for all of it
_PATH = "/chat/completions"
_GRAMMAR = re.compile(r"[<>\[\]{}()|\\$*#`~^]|__+")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)
"""What is not seen: also marks that turn the direction of writing, and halves of characters."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where to ask: ``url`` until /chat/completions or with it. Neither password nor key is shown."""

    url: str = field(repr=False)
    model: str = "default"
    key: str = field(default="", repr=False)
    timeout: float = TIMEOUT

    @property
    def place(self) -> str:
        """The server, for people to read: without path, user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    @property
    def address(self) -> str:
        """What is posted to."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/").removesuffix(_PATH) + _PATH
        return parts._replace(path=path, fragment="").geturl()


def configured(url: str | None = None) -> Endpoint | None:
    """The endpoint of a URL, or of the environment; None where neither names one, and nothing is sent.

    Raises InputError for what is no URL.
    """
    url = url or os.environ.get(URL)
    if not url:
        return None
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        named = False
    if not named:
        raise InputError("the chat endpoint is no address: give one such as http://localhost:11434/v1")
    return Endpoint(url=url, model=os.environ.get(MODEL) or Endpoint.model, key=os.environ.get(KEY, ""))


def answered(endpoint: Endpoint, system: str, sentence: str, *, seed: int) -> str:
    """What the endpoint makes of a sentence, clean and short. Raises InputError with the way out.

    MissingExtra where httpx is not installed.
    """
    told = {
        "model": endpoint.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": sentence}],
        "seed": seed % 2**31,
        "max_tokens": 300,
        "stream": False,
    }
    words = _cleaned(_content(endpoint, _posted(endpoint, told)))
    if not words:
        raise _failed(endpoint, "answered with nothing")
    return words


def _posted(endpoint: Endpoint, told: Mapping[str, object]) -> bytes:
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra("httpx, which asks chat endpoints,", "pip install 'sfumato[expand]'") from error
    headers = {"Accept-Encoding": "identity"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    late = time.monotonic() + endpoint.timeout
    found = bytearray()
    try:
        with (
            httpx.Client(timeout=endpoint.timeout, follow_redirects=False) as client,
            client.stream("POST", endpoint.address, json=told, headers=headers) as response,
        ):
            for piece in response.iter_bytes():
                found += piece
                if len(found) > MOST_BYTES:
                    raise _failed(endpoint, f"sent more than {MOST_BYTES >> 20} MB")
                if time.monotonic() > late:
                    raise _failed(endpoint, f"did not end within {endpoint.timeout:g} seconds")
            status = response.status_code
    except httpx.TimeoutException as error:
        raise _failed(endpoint, f"did not answer within {endpoint.timeout:g} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise _failed(endpoint, f"cannot be reached ({type(error).__name__})") from error
    if status != 200:
        hint = f"; it may want a key, in {KEY}" if status in (401, 403) else ""
        raise _failed(endpoint, f"answered with status {status}{hint}")
    return bytes(found)


def _content(endpoint: Endpoint, answer: bytes) -> str:
    """The words in an answer of the protocol."""
    try:
        found: Any = json.loads(answer)
        content = found["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _failed(endpoint, "answered something else than a chat completion") from error
    if not isinstance(content, str):
        raise _failed(endpoint, "answered without words")
    return content


def _cleaned(text: str) -> str:
    """The first line that says something, as plain words of a bounded length."""
    text = re.sub(r"<think>.*?(</think>|\Z)", " ", text[:MOST_BYTES], flags=re.DOTALL)
    lines = (" ".join(_GRAMMAR.sub(" ", _CONTROL.sub(" ", line)).split()) for line in text.splitlines())
    line = next((line for line in lines if any(map(str.isalpha, line))), "")
    line = re.sub(r"\b(AND|BREAK)\b", lambda found: found[0].lower(), line)
    line = line.strip(" \"'“”‘’").removesuffix(".")
    if len(line) > LONGEST:
        line = line[: LONGEST + 1].rpartition(" ")[0].rstrip(" ,;:") or line[:LONGEST]
    return line


def _failed(endpoint: Endpoint, why: str) -> InputError:
    return InputError(
        f"the chat endpoint {endpoint.place} {why}: try again, name another, or expand by the rules (offline)"
    )
