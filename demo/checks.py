"""What the demo promises, checked from outside: through the API, and over live links."""

import asyncio
from collections.abc import Awaitable, Callable
import os
from pathlib import Path
import time
from typing import Any, Final

from infrafabric.mesh.model import ReceiptStatus

from .api import Json
from .dashboard import URL_PATH
from .hostile import HostileAgent
from .phone import RULE
from .processes import DemoError, until
from .studios import DESTINATION, STREAM_KEY
from .world import World

RECOVERY: Final = 30.0
"""Seconds in which a killed Home Assistant must be connected again after its restart."""
QUIET: Final = 2.0
"""Seconds in which a refused message would long have fired something."""


def demand(true: bool, what: str) -> None:  # noqa: FBT001 - what is true is the point
    """Raise unless something is true.

    Raises:
        DemoError: It is not; *what* says what was expected.

    """
    if not true:
        raise DemoError(what)


async def connected_with_rtt(world: World) -> str:
    """Both Home Assistants see each other connected, with a round-trip time."""
    home, studio = world.home, world.studio
    await home.wait_connected(studio.peer_id)
    await studio.wait_connected(home.peer_id)
    there = await home.wait_rtt(studio.peer_id)
    back = await studio.wait_rtt(home.peer_id)
    demand(0 < there < 1000, f"Home's round-trip time of {there} ms cannot be")
    demand(0 < back < 1000, f"Studio's round-trip time of {back} ms cannot be")
    return f"Home and Studio see each other connected (round trips {there:g} and {back:g} ms)"


async def automation_is_answered(world: World) -> str:
    """An automation in Studio sends, one in Home fires and answers."""
    home, studio = world.home.api, world.studio.api
    former = await home.state("input_boolean.recording_light")
    light = "off" if former == "on" else "on"
    # What Studio shows is from this run, whatever was there before.
    await studio.action(
        "input_text", "set_value", {"entity_id": "input_text.answer", "value": "waiting"}
    )
    await studio.action("input_boolean", f"turn_{former}", {"entity_id": "input_boolean.on_air"})
    began = time.monotonic()
    await studio.action("input_boolean", f"turn_{light}", {"entity_id": "input_boolean.on_air"})
    answer = f"The recording light is {light}."

    async def answered() -> bool:
        return await studio.state("input_text.answer") == answer

    await until(
        "Studio to show Home's answer",
        answered,
        30,
        pause=0.02,
        seen=lambda: studio.state("input_text.answer"),
    )
    took = (time.monotonic() - began) * 1000
    state = await home.state("input_boolean.recording_light")
    demand(state == light, f"Home's light is {state} instead of {light}")
    return f"An automation in Studio asked, one in Home acted and answered, in {took:.0f} ms"


async def agent_hears_broadcast(world: World) -> str:
    """The agent gets a broadcast from Home, signed by Home."""
    home, agent = world.home, world.agent
    await world.link()
    content = {"broadcast": f"{time.time_ns()}"}
    device = {"device_id": await home.node_device()}
    began = time.monotonic()
    sent = await home.api.action(
        "infrafabric", "broadcast", {"content": content}, target=device, response=True
    )
    statuses = {receipt["peer_id"]: receipt["status"] for receipt in sent["receipts"]}
    for peer_id in (agent.peer_id, world.studio.peer_id):
        demand(statuses.get(peer_id) == "accepted", f"The broadcast's receipts are {statuses}")

    def heard() -> bool:
        return any(message["content"] == content for message in agent.messages())

    await agent.until("to hear the broadcast", heard)
    took = (time.monotonic() - began) * 1000
    message = next(message for message in agent.messages() if message["content"] == content)
    demand(message["sender"].endswith(home.peer_id), f"It came from {message['sender']}")
    return f"The agent and Studio got a broadcast, in {took:.0f} ms"


async def people_are_notified(world: World) -> str:
    """What Studio notifies Home of is on a phone at Home, by Home's own rule."""
    home, studio = world.home, world.studio
    text = f"Doors open in {time.time_ns()}."
    await world.link()
    async with world.phone.notifications() as shown:
        began = time.monotonic()
        await studio.api.action(
            "notify",
            "send_message",
            {
                "entity_id": await studio.entity(home.peer_id, "notify"),
                "title": "Stage",
                "message": text,
            },
        )
        async with asyncio.timeout(30):
            push = await shown.get()
        took = (time.monotonic() - began) * 1000
    demand(push["title"] == RULE, f"The notification's title is {push['title']}")
    expected = f"Message from Studio: Stage\n{text}"
    demand(push["message"] == expected, f"The phone shows {push['message']!r}")
    return f"A message from Studio's notify entity was on a phone at Home, in {took:.0f} ms"


async def forgeries_are_refused(world: World) -> str:
    """A tampered and a replayed message over a live link raise the counter and fire nothing."""
    home = world.home
    async with HostileAgent(await home.invitation()) as hostile:
        await hostile.wait_linked(home.peer_id)
        await home.wait_connected(hostile.peer_id)
        async with home.api.events(event_type="infrafabric_message") as fired:
            honest = hostile.message(home.peer_id, {"open_the_door": False})
            status = await hostile.send(home.peer_id, honest.body, honest.signature)
            demand(status is ReceiptStatus.ACCEPTED, f"The honest message got {status.name}")
            await _event_from(fired, hostile.peer_id)
            counted = await home.number(home.peer_id, "messages_refused")
            entity = await home.entity(hostile.peer_id, "message")
            shown = (await home.api.states())[entity]

            status = await hostile.send(home.peer_id, honest.body, honest.signature)
            demand(status is ReceiptStatus.REPLAYED, f"The replayed message got {status.name}")
            fresh = hostile.message(home.peer_id, {"open_the_door": False})
            tampered = fresh.body.replace(b'"open_the_door":false', b'"open_the_door":true')
            demand(tampered != fresh.body, "The message was not tampered with")
            status = await hostile.send(home.peer_id, tampered, fresh.signature)
            demand(status is ReceiptStatus.BAD_SIGNATURE, f"The tampered message got {status.name}")

            async def risen() -> bool:
                now = await home.number(home.peer_id, "messages_refused")
                return now is not None and now == (counted or 0) + 2

            await until(
                f"Home's refused messages to rise by two from {counted}",
                risen,
                30,
                seen=lambda: home.number(home.peer_id, "messages_refused"),
            )
            await asyncio.sleep(QUIET)
            more = [fired.get_nowait() for _ in range(fired.qsize())]
            wrong = [event for event in more if event["data"]["peer_id"] == hostile.peer_id]
            demand(not wrong, f"A refused message fired {wrong}")
            now = (await home.api.states())[entity]
            demand(now["state"] == shown["state"], "A refused message reached the event entity")
    return "A replayed and a tampered message over a live link were counted and fired nothing"


async def _event_from(queue: asyncio.Queue[Json], peer_id: str) -> Json:
    async with asyncio.timeout(30):
        while True:
            event = await queue.get()
            if event["data"]["peer_id"] == peer_id:
                return event


async def back_after_a_kill(world: World) -> str:
    """Studio, killed and started again, is connected again within 30 s and works."""
    home, studio = world.home, world.studio
    # What a power cut may take from Home Assistant's own registries is not the question here.
    await studio.home.wait_saved("core.device_registry", await studio.device(home.peer_id))
    await studio.home.wait_saved("core.config_entries", studio.entry_id)
    await studio.home.wait_saved("lovelace_dashboards", URL_PATH)
    async with home.api.events(event_type="infrafabric_peer_connected") as connected:
        await studio.home.kill()
        began = time.monotonic()
        await studio.home.start()
        try:
            async with asyncio.timeout(RECOVERY):
                while (await connected.get())["data"]["peer_id"] != studio.peer_id:
                    continue
        except TimeoutError as err:
            raise DemoError(
                f"Studio was not connected again within {RECOVERY:g} s after it was killed"
            ) from err
        took = time.monotonic() - began
    await studio.home.ready()
    await studio.wait_loaded()
    await studio.wait_connected(home.peer_id)
    await automation_is_answered(world)
    return f"Studio, killed with SIGKILL and started again, was connected again in {took:.1f} s"


async def obs_streams_and_records(world: World) -> str:
    """A stream and a recording of OBS start and stop through Home Assistant, read back from OBS."""
    obs, receiver = world.controlled["obs"], world.studios.receiver
    began = time.monotonic()
    started = await obs.act("start_stream", destination=DESTINATION)
    demand(started["state"] == "active", f"The started stream is {started['state']}")
    await obs.wait_state("state_stream", "active")
    await obs.wait_state("output_stream", "on")
    frames = await receiver.wait_frames(20)
    recording = await obs.act("start_recording")
    demand(recording["state"] == "active", f"The started recording is {recording['state']}")
    await obs.wait_state("state_record", "active")
    await asyncio.sleep(1)
    stopped = await obs.act("stop_recording")
    path = Path(stopped["path"] or "")
    demand(path.is_file() and path.stat().st_size > 0, f"There is no recording at {path}")
    await obs.act("stop_stream")
    for key in ("state_stream", "state_record"):
        await obs.wait_state(key, "stopped")
    shown = "".join(map(str, (await obs.api.states()).values()))
    demand(STREAM_KEY not in shown, "The stream key is shown in a state")
    took = time.monotonic() - began
    return f"OBS streamed {frames} frames to a receiver and recorded a file, in {took:.1f} s"


async def vmix_streams_and_records(world: World) -> str:
    """A stream and a recording of the stand-in for vMix start and stop, read back from its XML."""
    vmix = world.controlled["vmix"]
    await vmix.act("start_stream", channel=2)
    await vmix.wait_state("state_stream_2", "active")
    demand(await vmix.state("state_stream_1") == "stopped", "Another stream started as well")
    await vmix.act("start_recording")
    await vmix.wait_state("state_record", "active")
    await vmix.act("emergency_stop")
    for key in ("state_stream_2", "state_record"):
        await vmix.wait_state(key, "stopped")
    return "The stand-in for vMix streamed and recorded, and the emergency stop stopped both"


CHECKS: Final[tuple[Callable[[World], Awaitable[str]], ...]] = (
    connected_with_rtt,
    automation_is_answered,
    agent_hears_broadcast,
    people_are_notified,
    forgeries_are_refused,
    obs_streams_and_records,
    vmix_streams_and_records,
    back_after_a_kill,
)


async def run_checks(world: World, say: Callable[[str], Any]) -> int:
    """Run every check, one line each with the time it took, and return how many failed."""
    failed = 0
    for check in CHECKS:
        if check is obs_streams_and_records and not world.studios.has_obs and not os.getenv("CI"):
            say(f"skip          {check.__doc__} It needs: {' '.join(world.studios.missing)}")
            continue
        began = time.monotonic()
        try:
            text, mark = await check(world), "ok  "
        except Exception as err:  # noqa: BLE001 - whatever it is, the line says it
            text, mark = f"{check.__doc__} {type(err).__name__}: {err}", "FAIL"
            failed += 1
        say(f"{mark} {time.monotonic() - began:6.1f} s  {text}")
    return failed
