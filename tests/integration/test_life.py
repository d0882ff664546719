"""Restarting, reloading, unloading and removing: nothing stays, and what shall come back does."""

import asyncio
from pathlib import Path
import re

import aiohttp
import pytest

from demo.api import Flow
from demo.mesh import MeshEntry
from demo.processes import DemoError, until
from demo.world import World

from .log_check import findings

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATES = {"01": "established", "0A": "listening"}
MDNS = "14E9"
"""Home Assistant's own port, in hexadecimal."""
WHOLE = 3, 2
"""Studio's links (to Home and an agent, and to Home in the second mesh), and its sign-ins."""
FIRST_MESH = 2, 1
"""What is left of them without the second mesh."""


def sockets(pid: int) -> tuple[int, list[tuple[int, str]]]:
    """Return the number of UDP sockets but mDNS, and the TCP sockets as (peer's port, state)."""
    own = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if match := re.fullmatch(r"socket:\[(\d+)\]", str(path.readlink())):
                own.add(match[1])
        except OSError:
            continue
    udp = sum(
        (fields := line.split())[9] in own and not fields[1].endswith(f":{MDNS}")
        for name in ("udp", "udp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    )
    tcp = [
        (int(fields[2].rpartition(":")[2], 16), STATES.get(fields[3], fields[3]))
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        if (fields := line.split())[9] in own
    ]
    return udp, tcp


def links_of(entry: MeshEntry) -> int:
    """Return how many UDP sockets a Home Assistant has open; each link needs one."""
    return sockets(entry.home.process.pid)[0]


def signs_in(entry: MeshEntry, server: MeshEntry) -> int:
    """Return how many connections one Home Assistant holds to another's web server."""
    return sockets(entry.home.process.pid)[1].count((server.home.port, "established"))


async def becomes(studio: MeshEntry, home: MeshEntry, expected: tuple[int, int]) -> None:
    """Wait until Studio has so many links, and so many connections to Home."""

    def seen() -> tuple[int, int]:
        return links_of(studio), signs_in(studio, home)

    async def look() -> bool:
        return seen() == expected

    try:
        await until("the sockets", look, 60)
    except DemoError:
        assert seen() == expected


async def test_a_reload_closes_the_old_links_and_opens_new_ones(second_mesh) -> None:
    home, studio = second_mesh
    await becomes(studio, home, WHOLE)
    async with home.api.events(event_type="infrafabric_peer_connected") as connected:
        await studio.reload()
        async with asyncio.timeout(60):
            while (await connected.get())["data"]["peer_id"] != studio.peer_id:
                continue
    await studio.wait_connected(home.peer_id)
    await becomes(studio, home, WHOLE)


async def test_a_disabled_mesh_has_no_link_and_no_connection(second_mesh) -> None:
    home, studio = second_mesh
    await becomes(studio, home, WHOLE)
    await studio.disable(disabled=True)
    await home.wait_disconnected(studio.peer_id)
    # The links to the first mesh stay; of this one nothing does.
    await becomes(studio, home, FIRST_MESH)
    await studio.disable(disabled=False)
    await studio.wait_loaded()
    await home.wait_connected(studio.peer_id)


async def test_the_signaling_view_is_closed_while_no_mesh_is_loaded(world: World) -> None:
    studio = world.studio
    url = f"{studio.home.url}/api/infrafabric/signal"
    await studio.disable(disabled=True)
    try:
        await becomes(studio, world.home, (0, 0))
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            assert response.status == 503
    finally:
        await studio.disable(disabled=False)
    await studio.wait_loaded()
    await world.home.wait_connected(studio.peer_id)
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        assert not socket.closed


async def test_a_restarted_home_assistant_is_back_and_its_clean_end_is_quiet(world: World) -> None:
    studio = world.studio
    before = len(studio.home.log())
    assert await studio.home.stop() == 0
    await world.home.wait_disconnected(studio.peer_id, 30)
    assert findings(studio.home.log()[before:]) == []
    await studio.home.start()
    await studio.home.ready()
    await studio.wait_loaded()
    await world.home.wait_connected(studio.peer_id)
    await studio.wait_connected(world.home.peer_id)


async def test_removing_the_entry_says_goodbye_and_leaves_nothing(second_mesh) -> None:
    home, studio = second_mesh
    stores = studio.home.folder / ".storage"
    assert list(stores.glob(f"infrafabric*{studio.mesh_id}*"))
    await becomes(studio, home, WHOLE)
    await studio.remove()

    async def forgotten() -> bool:
        return all(studio.peer_id not in str(device) for device in await home.devices())

    await until("Home to forget the node that left", forgotten, 30, seen=home.devices)
    assert not list(stores.glob(f"infrafabric*{studio.mesh_id}*"))
    assert await studio.devices() == []
    await becomes(studio, home, FIRST_MESH)


async def test_a_revoked_home_assistant_asks_for_a_new_invitation_and_takes_it(second_mesh) -> None:
    home, studio = second_mesh
    dialog = await home.api.options_flow(home.entry_id)
    await dialog.choose("peers")
    await dialog.submit(peer=studio.peer_id)
    await dialog.choose("peer_remove")
    assert (await dialog.submit())["reason"] == "peer_removed"

    async def reauth():
        for flow in await studio.api.call("config_entries/flow/progress"):
            context = flow["context"]
            if context["source"] == "reauth" and context["entry_id"] == studio.entry_id:
                return flow["flow_id"]
        return None

    flow_id = await until("Studio to ask for a new invitation", reauth, 60, seen=studio.entry)
    flow = await Flow.resume(studio.api, "/api/config/config_entries/flow", flow_id)
    assert flow.step["step_id"] == "reauth_confirm"
    await flow.submit(invitation=await home.invitation("command"))
    done = await flow.progress(90)
    assert (done["type"], done["reason"]) == ("abort", "reauth_successful")
    await studio.wait_loaded()
    await home.wait_connected(studio.peer_id)


async def test_settings_apply_without_dropping_the_link(world: World) -> None:
    home, studio = world.home, world.studio
    await world.link()
    async with home.api.events(event_type="infrafabric_peer_disconnected") as dropped:
        await home.settings(ice="own")
        await asyncio.sleep(3)
        await home.settings()
        assert dropped.empty()
    assert await home.state(studio.peer_id, "connectivity") == "on"
