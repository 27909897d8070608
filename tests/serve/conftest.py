"""A studio that draws with the tiny model, and what tests ask of it."""

import asyncio
import time
from dataclasses import replace

import pytest

from sfumato.engine.precision import ModelFile
from sfumato.families import embedded
from sfumato.serve.settings import Limits, Settings
from sfumato.serve.store import Folder, open_store
from sfumato.serve.studio import Studio
from sfumato.serve.wish import Wish

CLIENT = "local"


class Room:
    """A studio, asked from a test that is no coroutine."""

    def __init__(self, studio):
        self.studio = studio

    def ask(self, client=CLIENT, key=None, **wish):
        return asyncio.run(self.accepted(client, key, **wish))

    async def accepted(self, client=CLIENT, key=None, **wish):
        wish.setdefault("prompt", "a red cat")
        return await self.studio.accept(Wish(**wish), client, key)

    def wait(self, *jobs, seconds=30):
        async def all_of_them():
            return [await self.studio.ended(job.id, seconds) for job in jobs]

        return asyncio.run(all_of_them())

    def draw(self, **wish):
        return self.wait(self.ask(**wish))[0]

    def until(self, found, seconds=20):
        end = time.monotonic() + seconds
        while not (value := found()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)
        return value

    def state(self, job):
        return asyncio.run(self.studio.job(job.id)).state


def room_of(folder, weights, **changes):
    limits = replace(Limits(), **changes.pop("limits", {}))
    models = changes.pop(
        "models", (ModelFile(name="tiny", path=weights), ModelFile(name="world", path=embedded()))
    )
    budget = changes.pop("budget", 1 << 30)
    settings = Settings(gallery=folder, models=models, budget=budget, limits=limits, **changes)
    kept = Folder(folder)
    return Room(Studio(settings, open_store(kept.database), kept))


@pytest.fixture
def opened(tmp_path, tiny_weights):
    """Opens studios on one gallery, one after the other, and ends them."""
    rooms = []

    def opened(*, start=True, **changes):
        for each in rooms:
            each.studio.stop()
        rooms[:] = [room_of(tmp_path / "gallery", tiny_weights, **changes)]
        if start:
            rooms[0].studio.start()
        return rooms[0]

    yield opened
    for each in rooms:
        each.studio.stop()


@pytest.fixture(scope="module")
def room(tmp_path_factory, tiny_weights):
    """One studio for a module's tests."""
    room = room_of(tmp_path_factory.mktemp("gallery"), tiny_weights)
    room.studio.start()
    yield room
    room.studio.stop()
