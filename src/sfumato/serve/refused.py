"""A wish, or a question, that a server turns down: with the status, the reason and the way out."""

from __future__ import annotations

import re

from sfumato.errors import SfumatoError

FOLDERS = re.compile(r"""(?<![\w/:.])(/[^\s/:;,'"()<>]+)+/(?=[^\s/:;,'"()<>])""")
OURS = ("/v1/", "/sdapi/", "/internal/", "/controlnet/", "/page/")
"""Paths of routes, which may be told."""


def without_folders(message: str) -> str:
    """An error's line without the folders in which files lie here: they are nothing to who asks from afar."""
    return FOLDERS.sub(lambda found: found[0] if found[0].startswith(OURS) else "", message)


class Refused(SfumatoError):  # noqa: N818 - named after what happened
    """``status`` is HTTP's, ``param`` the field that it is about, ``retry_after`` seconds."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, retry_after: float | None = None
    ) -> None:
        self.message = without_folders(message)
        super().__init__(self.message)
        self.status = status
        self.param = param
        self.retry_after = retry_after
