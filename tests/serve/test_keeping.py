"""How a job ends while its database is away for a moment: it is told once, and nothing of it is lost."""

from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy.exc import OperationalError

from sfumato.painter import Picture
from sfumato.provenance.recipe import Means, Setup
from sfumato.request import Request
from sfumato.serve import keeping
from sfumato.serve.events import Hub
from sfumato.serve.keeping import Keeper
from sfumato.serve.running import Part
from sfumato.serve.store import Folder, Most, fresh_id, open_store

AWAY = OperationalError("update jobs", {}, Exception("the server closed the connection"))


class Away:
    """A store whose first answers to some questions are errors; after an error it may have done its work."""

    def __init__(self, store, times: int, *, after: bool = False) -> None:
        self.store, self.times, self.after = store, times, after

    def __getattr__(self, name):
        asked = getattr(self.store, name)
        if name not in ("finish", "fail"):
            return asked

        def asking(*given):
            answer = asked(*given) if self.after or not self.times else None
            if self.times:
                self.times -= 1
                raise AWAY
            return answer

        return asking


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(keeping, "PAUSES", (0.0,) * 4)


@pytest.fixture
def room(tmp_path):
    """A store with one job that runs, and a folder beside it."""
    store = open_store(f"sqlite:///{tmp_path / 'gallery.sqlite'}")
    name = fresh_id()
    store.accept(name, "ada", {"prompt": "a cat", "seed": 1}, most=Most(queued=9, queued_per_client=9))
    assert store.start(name)
    yield SimpleNamespace(store=store, folder=Folder(tmp_path), job=store.job(name))
    store.close()


def drawn() -> Picture:
    return Picture(
        image=Image.new("RGB", (8, 8), "red"),
        request=Request(prompt="a cat", seed=1),
        notes=(),
        means=Means(weights="world", weights_sha256="0" * 64),
        setup=Setup(fast=False, device="cpu", threads=1),
    )


def ended(room, store, act) -> list[str]:
    """What a hub was told while a keeper did something."""
    hub, told = Hub(), []
    hub.tell = lambda job, kind, data: told.append(kind)
    keeper = Keeper(store, room.folder, hub)
    act(keeper)
    keeper.close()
    return told


def kept(room, keeper: Keeper) -> None:
    request = Request(prompt="a cat", seed=1)
    running = SimpleNamespace(job=room.job, parts=[Part(request)], notes=[], is_discarded=False)
    keeper.keep(running, 0, drawn(), is_last=True)


@pytest.mark.parametrize("after", [False, True])
def test_a_picture_is_kept_once_though_the_database_was_away(room, after):
    store = Away(room.store, 3, after=after)
    assert ended(room, store, lambda keeper: kept(room, keeper)) == ["done"]
    job = room.store.job(room.job.id)
    assert (job.state, len(job.pictures)) == ("done", 1)
    assert room.folder.file(room.store.picture(job.pictures[0])).is_file()


def test_a_failure_is_told_once_though_the_database_was_away(room):
    store = Away(room.store, 3)
    assert ended(room, store, lambda keeper: keeper.fail(room.job, "too large")) == ["failed"]
    assert room.store.job(room.job.id).error == "too large"


def test_a_job_that_was_cancelled_meanwhile_takes_its_picture_with_it(room):
    assert room.store.cancel(room.job.id)
    assert ended(room, room.store, lambda keeper: kept(room, keeper)) == []
    assert [*(room.folder.path / "pictures").rglob("*.png")] == []
