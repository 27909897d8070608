from dataclasses import dataclass, field
from pathlib import Path

import pytest
from asgi import reached

from sfumato.serve.guarding.guard import Guard
from sfumato.serve.guarding.limits import BodyLimits
from sfumato.serve.settings import Limits

TOKEN = "annas-token-0123456789"  # noqa: S105
OTHER = "berts-token-0123456789"


@dataclass(frozen=True)
class Served:
    """As ``Settings``, of which a guard reads this."""

    listen: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    token_file: Path | None = None
    limits: Limits = field(default_factory=Limits)


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# who : what\n\nanna:{TOKEN}\nbert:{OTHER}:2:5\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded():
    """Makes the app that answers everything, behind a guard; its options are those of ``Served``."""

    def make(app=reached, **options):
        limits = BodyLimits(json_bytes=2000, upload_bytes=4000, chunk_seconds=0.1, body_seconds=0.3)
        return Guard(Served(**options), body_limits=limits).around(app)

    return make
