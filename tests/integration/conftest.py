"""Real processes for every test here: two Home Assistants and an agent, started once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.mesh import MeshEntry
from demo.processes import free_port
from demo.world import World
from tests.last_words import pytest_runtest_makereport, watch

__all__ = ["pytest_runtest_makereport", "watch"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test here the time that real processes need on a busy machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory, watch) -> AsyncIterator[World]:
    """Return the demo's world, complete and linked."""
    folder: Path = tmp_path_factory.mktemp("world")
    world = World(folder, (free_port(), free_port()), print)
    watch(world.children[1:])
    try:
        await world.build()
        watch([world.agent.process, *world.studios.obs.children])
        yield world
    finally:
        await world.close()
    # A Home Assistant that hangs, or ends with an error, is a failure of what ran in it.
    assert [home.process.returncode for home in world.homes] == [0, 0]


@pytest_asyncio.fixture(loop_scope="session")
async def second_mesh(world: World) -> AsyncIterator[tuple[MeshEntry, MeshEntry]]:
    """Return another mesh of the same two Home Assistants, for tests that destroy it.

    Everybody in the first mesh is linked, whatever the test before did to it, so that nothing but
    the second mesh opens and closes links from here on.
    """
    await world.link()
    home = await MeshEntry.create(world.homes[0], "Second mesh")
    await home.settings()
    studio = await MeshEntry.join(world.homes[1], await home.invitation())
    await studio.stay_here()
    # Studio, which has just come up, cannot show a former link.
    await studio.wait_connected(home.peer_id)
    await home.wait_connected(studio.peer_id)
    yield home, studio
    for entry in (studio, home):
        if await entry.exists():
            await entry.remove()
