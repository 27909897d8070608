"""A wish, or a question, that a server turns down: with the status, the reason and the way out."""

from __future__ import annotations

from sfumato.errors import SfumatoError


class Refused(SfumatoError):  # noqa: N818 - named after what happened
    """``status`` is HTTP's, ``param`` the field that it is about, ``retry_after`` seconds."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.retry_after = retry_after
