"""A store on both databases. PostgreSQL runs in a cluster of its own, from Debian's files."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from sfumato.serve.store import Folder, Kept, Most, fresh_id, open_store

ROOMY = Most(queued_per_client=1000, queued=5000)


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.skip("no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql")
    return found[-1].parent


@pytest.fixture(scope="session")
def postgres():
    """Makes URLs of empty databases: schemas of one, which are there in a moment.

    PostgreSQL refuses to run as root, so root lends it to a user.
    """
    import psycopg

    programs, place = _postgres_programs(), Path(tempfile.mkdtemp(prefix="sfumato-pg-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(place, "postgres")
    options = f"-k {place} -c listen_addresses='' -c fsync=off -c max_connections=50"

    def run(program, *arguments):
        command = [*as_user, str(programs / program), *arguments]
        subprocess.run(command, check=True, cwd=place, capture_output=True, timeout=60)

    run(
        "initdb",
        "-D",
        f"{place}/data",
        "-U",
        "sfumato",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    )
    run("pg_ctl", "-D", f"{place}/data", "-w", "-l", f"{place}/log", "-o", options, "start")
    try:
        numbers = itertools.count()

        def fresh() -> str:
            name = f"gallery_{next(numbers)}"
            with psycopg.connect(f"host={place} user=sfumato dbname=postgres", autocommit=True) as connection:
                connection.execute(f"CREATE SCHEMA {name}")
            return f"postgresql://sfumato@/postgres?host={place}&options=-csearch_path%3D{name}"

        yield fresh
    finally:
        run("pg_ctl", "-D", f"{place}/data", "-m", "immediate", "stop")
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")()
    return f"sqlite:///{tmp_path}/gallery.sqlite"


@pytest.fixture
def opened():
    """Opens stores, and closes them all."""
    stores = []

    def open_(url):
        stores.append(open_store(url))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


@pytest.fixture
def store(url, opened):
    return opened(url)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "gallery")


@pytest.fixture
def accept():
    def accept(store, prompt="a red cat", client="local", **options):
        return store.accept(fresh_id(), client, {"prompt": prompt, "seed": 7}, **{"most": ROOMY, **options})

    return accept


@pytest.fixture
def kept():
    """A picture's record; what is not said is invented."""

    def kept(job, prompt="a red cat", **changes):
        name = fresh_id()
        values = {
            "id": name, "job": job.id, "client": job.client, "file": f"pictures/{name}.png",
            "pixels": "0" * 64,
            "request": {"prompt": prompt, "seed": 7}, "prompt": prompt, "negative": "", "model": "world",
            "seed": 7, "width": 8, "height": 8, "size": 100, "created": job.created,
        }  # fmt: skip
        return Kept(**{**values, **changes})

    return kept


@pytest.fixture
def drawn(accept, kept):
    """A finished job's only picture."""

    def drawn(store, prompt="a red cat", client="local", **changes):
        job = accept(store, prompt, client)
        picture = kept(job, prompt, **changes)
        assert store.start(job.id)
        assert store.finish(job.id, [picture])
        return picture

    return drawn
