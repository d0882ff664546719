"""A minute of real life under Python's development mode: no blocking call, no error, no leak.

Links come and go all the time: agents join, are killed, come back, and talk. The log must stay
free of everything in ``log_check``; a planted blocking call and a planted leak must not.
"""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from pathlib import Path
import time

import pytest

from demo.agents import LOOPBACK, Agent
from demo.home_assistant import HomeAssistant, hass_program
from demo.mesh import MeshEntry
from demo.processes import DemoError, free_port

from .log_check import findings

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINUTE = 60.0
LONGEST = 240.0
"""Seconds that the three rounds of each agent may take on a slow machine."""
ROUNDS = 3

HELPER = '''
"""A test's own integration: looks for garbage on demand, and may have faults of its own."""

import gc
import socket


async def async_setup(hass, config):
    async def collect(call):
        gc.collect()

    async def read_a_file(event):
        with open(__file__) as file:
            file.read()

    async def leak_a_socket(event):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 0))

    hass.services.async_register("test_helper", "collect", collect)
    for fault in FAULTS:
        hass.bus.async_listen("infrafabric_peer_connected", fault)
    return True
'''

ANSWER = {
    "alias": "Answer",
    "mode": "parallel",
    "triggers": [
        {
            "trigger": "event",
            "event_type": "infrafabric_message",
            "event_data": {"performative": "request"},
        }
    ],
    "actions": [
        {
            "action": "infrafabric.send_message",
            "target": {"device_id": "{{ trigger.event.data.device_id }}"},
            "data": {
                "performative": "agree",
                "conversation_id": "{{ trigger.event.data.conversation_id }}",
                "trace_id": "{{ trigger.event.data.trace_id }}",
                "content": {"heard": "{{ trigger.event.data.content.message }}"},
            },
        }
    ],
}


@contextlib.asynccontextmanager
async def home_in_dev_mode(folder: Path, faults: str = "") -> AsyncIterator[MeshEntry]:
    """Run a Home Assistant with a mesh under ``python -X dev``; its log is complete afterwards."""
    program = Path(hass_program())
    home = HomeAssistant(
        "Home",
        folder / "home",
        free_port(),
        argv=[str(program.with_name("python")), "-X", "dev", str(program)],
        # Every warning every time; and nothing in the process that is not there in real life.
        env={
            "PYTHONWARNINGS": "always::ResourceWarning,always::RuntimeWarning",
            "COVERAGE_PROCESS_START": None,
            "COVERAGE_PROCESS_CONFIG": None,
        },
    )
    component = home.folder / "custom_components" / "test_helper"
    component.mkdir()
    (component / "__init__.py").write_text(HELPER.replace("FAULTS", f"({faults})"))
    (component / "manifest.json").write_text(
        '{"domain": "test_helper", "name": "Test helper", "version": "1", "dependencies": [],'
        ' "codeowners": [], "documentation": "", "requirements": []}'
    )
    with (home.folder / "configuration.yaml").open("a") as file:
        file.write("test_helper:\n")
    try:
        await home.start()
        await home.ready()
        mesh = await MeshEntry.create(home, "Busy mesh")
        await mesh.settings()
        yield mesh
        await mesh.disable(disabled=True)
        # What was left in a cycle would else be collected when nobody listens any more.
        await home.api.action("test_helper", "collect")
    finally:
        # Its exit status says nothing: in this mode the interpreter of Home Assistant 2026.10
        # crashes in its very last garbage collection, with no integration at all as well.
        await home.stop()


async def guest(mesh: MeshEntry, agent: Agent) -> None:
    """Let an agent join."""
    await agent.join(await mesh.invitation("command"), *LOOPBACK)


GONE = (
    "link_closed",
    "nobody_connected",
    "peer_not_connected",
    "receipt_timeout",
    "request_timeout",
)


def goes_on(began: float, rounds: int) -> bool:
    """Tell whether a minute, or an agent's rounds, are not over."""
    lasted = time.monotonic() - began
    return lasted < MINUTE or (rounds < ROUNDS and lasted < LONGEST)


async def come_and_go(mesh: MeshEntry, agent: Agent, began: float, *, kill: bool) -> int:
    """Let an agent link, talk and vanish, again and again; return how often it was linked."""
    rounds = 0
    while goes_on(began, rounds):
        await agent.start()
        await agent.wait_linked(mesh.peer_id)
        rounds += await talk(mesh, agent)
        await asyncio.sleep(1)
        await (agent.process.kill() if kill else agent.stop())
    return rounds


async def talk(mesh: MeshEntry, agent: Agent) -> bool:
    """Send, broadcast and ask; False when a receiver went away in that very moment."""
    words = ("--text", "still here")
    try:
        await agent.command("send", mesh.peer_id, *words)
        await agent.command("send", "--broadcast", *words)
        return bool(await agent.command("send", mesh.peer_id, "--request", *words))
    except DemoError as err:
        # The other agent is killed and the entry reloaded meanwhile; anything else is a fault.
        if not any(f'"{code}"' in str(err) for code in GONE):
            raise
        return False


async def reloads(mesh: MeshEntry, until: float) -> None:
    """Reload the entry while links are open."""
    while time.monotonic() < until - 15:
        await asyncio.sleep(15)
        await mesh.reload()
        await mesh.wait_loaded()


async def test_a_minute_of_links_coming_and_going_leaves_a_clean_log(tmp_path: Path, watch) -> None:
    async with home_in_dev_mode(tmp_path) as mesh:
        watch([mesh.home.process])
        leaving, dying = Agent("Leaving", tmp_path / "leaving"), Agent("Dying", tmp_path / "dying")
        await mesh.add_automation(ANSWER)
        await guest(mesh, leaving)
        await guest(mesh, dying)
        began = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                counts = [
                    group.create_task(come_and_go(mesh, leaving, began, kill=False)),
                    group.create_task(come_and_go(mesh, dying, began, kill=True)),
                ]
                group.create_task(reloads(mesh, began + MINUTE))
        finally:
            await leaving.process.kill()
            await dying.process.kill()
        assert min(count.result() for count in counts) >= ROUNDS
    log = mesh.home.log()
    assert findings(log) == []


async def test_a_planted_blocking_call_and_a_planted_leak_are_found(tmp_path: Path, watch) -> None:
    async with home_in_dev_mode(tmp_path, "read_a_file, leak_a_socket") as mesh:
        watch([mesh.home.process])
        agent = Agent("Guest", tmp_path / "guest")
        await guest(mesh, agent)
        await agent.start()
        await agent.wait_linked(mesh.peer_id)
        # The faults are of those whom Home Assistant tells of the link.
        await mesh.wait_connected(agent.peer_id)
        await agent.stop()
    found = findings(mesh.home.log())
    assert any("Detected blocking call to open" in finding for finding in found)
    assert any("ResourceWarning: unclosed <socket.socket" in finding for finding in found)
    # And nothing but those two.
    assert all("test_helper" in finding for finding in found), found
