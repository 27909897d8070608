"""docs/serving/safety.md tells the limits that hold."""

import re
from pathlib import Path

from sfumato.serve.guarding import asked, attempts, heads, sessions, tokens
from sfumato.serve.guarding.hosts import LOOPBACK
from sfumato.serve.guarding.limits import FORM, BodyLimits
from sfumato.serve.routes.bringing import LEAST_FREE
from sfumato.serve.settings import Limits

DOCUMENT = Path(__file__).parents[2] / "docs" / "serving" / "safety.md"


def table():
    limits = DOCUMENT.read_text().partition("## Limits")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in limits.splitlines() if "|" in line][
        2:
    ]
    return {row[0]: row[1] for row in rows}


def test_the_limits_are_those_of_the_code():
    limits, mebi = Limits(), 2**20
    bodies = BodyLimits(json_bytes=limits.body_bytes, upload_bytes=limits.upload_bytes)
    assert table() == {
        "headers": f"{asked.MOST_HEADERS}, {asked.MOST_HEADER_BYTES // 1024} KiB",
        "a query": f"{asked.MOST_QUERY_BYTES // 1024} KiB",
        "a head that comes slowly": f"{heads.HEAD_SECONDS:g} s",
        "JSON": f"{limits.body_bytes // mebi} MiB; {2 * limits.upload_bytes // mebi} MiB where it holds "
        "pictures, as A1111's does",
        "depth of JSON": f"{bodies.depth}",
        "a file": f"{limits.upload_bytes // mebi} MiB, {limits.upload_pixels:,} pixels",
        "a form": f"one file and {FORM // 1024} KiB; four for `/v1/images/edits`",
        "parts of a form": f"{bodies.parts}",
        "a body that comes slowly": f"{bodies.chunk_seconds:g} s without a byte, "
        f"{bodies.body_seconds:g} s in all",
        "all bodies under way": f"{bodies.pending_bytes // 2**30} GiB",
        "requests of a client": f"{limits.requests_per_minute} a minute",
        "event streams of a client": f"{limits.streams_per_client}",
        "jobs that wait, of a client and in all": f"{limits.queued_per_client}, {limits.queued}",
        "uploads that are kept of a holder": f"{limits.uploads_per_client}, "
        f"{limits.uploads_bytes_per_client // 2**30} GiB",
        "room that uploads leave on the disk": f"{LEAST_FREE // mebi} MiB",
    }


def test_what_is_said_of_tokens_holds():
    text = " ".join(DOCUMENT.read_text().split())
    assert f"A token has {tokens.LEAST_TOKEN} characters or more" in text
    assert f"ends after {sessions.LASTING // 3600} hours" in text
    assert f"after {attempts.FREE} wrong tokens" in text
    assert f"after {attempts.MOST} in a minute" in text
    assert attempts.WINDOW == 60
    assert all(f"`{name}`" in text for name in LOOPBACK)
    shown = re.findall(r"^(\w+):(\S+)$", DOCUMENT.read_text(), re.MULTILINE)
    assert [tokens._entry(":".join(row), "here")[1].name for row in shown] == ["anna", "press"]
