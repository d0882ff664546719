"""A client stays with the OBS it was made for, whoever takes over its address."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from infrafabric.studio.events import Disconnected
from infrafabric.studio.obs import ObsClient

from .obs_world import PASSWORD, FakeObs, serving
from .waiting import until

OWN = "3f2b8c1e-7a44-4f0e-9d6a-2c5b1e8f7a90"
OTHER = "0c1d2e3f-0000-4000-8000-000000000002"


class World:
    """A fake OBS with an id, and a client that looks for its own."""

    def __init__(self, session: aiohttp.ClientSession, fake: FakeObs, port: int) -> None:
        self.kept: dict[str, Any] = {"slotValue": None}
        fake.answers["GetPersistentData"] = lambda data: dict(self.kept)
        fake.answers["SetPersistentData"] = self._store
        self.client = ObsClient(session, "127.0.0.1", port, PASSWORD, identity=OWN)
        self.codes: list[str | None] = []
        self.client.subscribe(self._told)

    def _store(self, data: dict[str, Any]) -> dict[str, Any]:
        self.kept["slotValue"] = data["slotValue"]
        return {}

    def _told(self, event: object) -> None:
        if isinstance(event, Disconnected):
            self.codes.append(event.error and event.error.code)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    fake = FakeObs()
    async with serving(fake) as server, aiohttp.ClientSession() as session:
        made = World(session, fake, server.port)
        yield made
        await made.client.stop()


async def test_the_right_obs_is_driven(world):
    world.kept["slotValue"] = OWN
    await world.client.start()
    await until(lambda: world.client.connected)
    assert world.codes == []


async def test_another_obs_is_left_alone_until_the_right_one_is_back(world):
    world.kept["slotValue"] = OTHER
    await world.client.start()
    await until(lambda: world.codes)
    assert world.codes == ["studio_another"]
    assert not world.client.connected
    assert world.client.state is None
    assert world.kept["slotValue"] == OTHER

    world.kept["slotValue"] = OWN
    await until(lambda: world.client.connected)


@pytest.mark.parametrize("lost", [None, "no uuid"])
async def test_an_obs_that_lost_its_id_gets_it_back(world, lost):
    world.kept["slotValue"] = lost
    await world.client.start()
    await until(lambda: world.client.connected)
    assert world.kept["slotValue"] == OWN
