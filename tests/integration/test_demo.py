"""The demo, check by check, against real processes; and the program that starts it."""

import asyncio
import os
from pathlib import Path
import signal
import sys
from typing import Any

import pytest

from demo import checks
from demo.dashboard import URL_PATH
from demo.home_assistant import REPOSITORY
from demo.processes import Child, free_pair, until
from demo.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_both_homes_see_each_other_connected_with_a_round_trip_time(world: World) -> None:
    await checks.connected_with_rtt(world)


async def test_an_automation_sends_and_another_one_acts_and_answers(world: World) -> None:
    await checks.automation_is_answered(world)


async def test_a_broadcast_reaches_an_agent_without_home_assistant(world: World) -> None:
    await checks.agent_hears_broadcast(world)


async def test_a_notification_from_the_other_home_is_on_a_phone(world: World) -> None:
    await checks.people_are_notified(world)


async def test_forged_and_replayed_messages_over_a_live_link_are_counted_only(world: World) -> None:
    await checks.forgeries_are_refused(world)


async def test_a_killed_home_assistant_is_back_in_the_mesh_by_itself(world: World) -> None:
    await checks.back_after_a_kill(world)


def entities_in(card: Any) -> set[str]:
    """Return every entity id that a dashboard shows."""
    if isinstance(card, dict):
        found = {
            item
            for key in ("entity", "entity_id")
            for item in (card[key] if isinstance(card.get(key), list) else [card.get(key)])
            if isinstance(item, str)
        }
        return found.union(*map(entities_in, card.values()))
    if isinstance(card, list):
        return set().union(*map(entities_in, card))
    return set()


async def test_the_dashboards_show_entities_that_exist(world: World) -> None:
    for mesh, others in (
        (world.home, (world.studio.peer_id, world.agent.peer_id)),
        (world.studio, (world.home.peer_id, world.agent.peer_id)),
    ):
        shown = entities_in(await mesh.api.call("lovelace/config", url_path=URL_PATH))
        assert shown <= (await mesh.api.states()).keys()
        for peer_id in others:
            assert await mesh.entity(peer_id, "connectivity") in shown
            assert await mesh.entity(peer_id, "rtt") in shown


def processes_about(text: str) -> list[str]:
    """Return the command lines of running processes that name something."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


async def test_ctrl_c_ends_everything_the_demo_started(tmp_path: Path, watch) -> None:
    ports = free_pair()
    demo = Child(
        "script/demo",
        [sys.executable, str(REPOSITORY / "demo" / "run.py"), "--port-base", str(ports)],
        tmp_path / "demo.log",
        {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    )
    watch([demo])
    await demo.start()

    async def started() -> bool:
        return len([line for line in processes_about(str(tmp_path)) if "hass" in line]) == 2

    try:
        await until("the demo to start two Home Assistants", started, 60, while_running=demo)
        await asyncio.sleep(2)
        os.kill(demo.pid, signal.SIGINT)
        assert await demo.wait(150) == 0
    finally:
        await demo.stop()
    assert processes_about(str(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["demo.log"]
