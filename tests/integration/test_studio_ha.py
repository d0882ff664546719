"""A real OBS Studio through a real Home Assistant: its dialogs, its entities and its actions."""

import asyncio
import base64
from collections.abc import AsyncIterator
import contextlib
import json
from pathlib import Path

import pytest

from demo.api import Json
from demo.mesh import DOMAIN, WAIT
from demo.processes import DemoError, until
from demo.studios import DESTINATION, OBS_PASSWORD, STREAM_KEY, StudioEntry
from demo.world import World
from tests.obs_world import srt_receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def obs(world: World) -> StudioEntry:
    """Return the entry of the real OBS in Studio."""
    assert world.studios.has_obs, f"needs a real OBS Studio: {world.studios.missing}"
    return world.controlled["obs"]


async def switch(obs: StudioEntry, key: str, to: str) -> None:
    await obs.api.action("switch", f"turn_{to}", {"entity_id": await obs.entity(key)})


async def select(obs: StudioEntry, key: str, option: str) -> None:
    await obs.api.action(
        "select", "select_option", {"entity_id": await obs.entity(key, "select."), "option": option}
    )
    await obs.wait_state(key, option, platform="select.")


async def press(obs: StudioEntry, key: str) -> None:
    await obs.api.action("button", "press", {"entity_id": await obs.entity(key)})


async def request(obs: StudioEntry, name: str, **data: object) -> Json:
    """Send a request that a test needs to arrange the studio, and return OBS's answer."""
    report = await obs.act("obs_request", request=name, data=data)
    answer: Json = report["answer"]
    return answer


async def scenes(obs: StudioEntry) -> set[str]:
    """Return the names of the scenes as OBS lists them."""
    return {scene["sceneName"] for scene in (await request(obs, "GetSceneList"))["scenes"]}


class Activity:
    """What the event entity has told since, in order: the next one may follow at once."""

    def __init__(self, changes: asyncio.Queue[Json], entity_id: str) -> None:
        self._changes = changes
        self._entity_id = entity_id
        self.told: list[Json] = []

    def _of(self, kind: str) -> Json | None:
        while not self._changes.empty():
            change = self._changes.get_nowait()["data"]
            if change["entity_id"] == self._entity_id and change["new_state"]:
                self.told.append(change["new_state"]["attributes"])
        return next((event for event in self.told if event.get("event_type") == kind), None)

    async def wait(self, kind: str) -> Json:
        """Wait for an event of a kind and return its attributes."""

        async def look() -> Json | None:
            return self._of(kind)

        async def seen() -> list[str | None]:
            return [event.get("event_type") for event in self.told]

        return await until(f"OBS to tell {kind}", look, WAIT, seen=seen)


@contextlib.asynccontextmanager
async def activity(obs: StudioEntry) -> AsyncIterator[Activity]:
    """Listen to what the event entity tells."""
    entity_id = await obs.entity("activity")
    async with obs.api.events(event_type="state_changed") as changes:
        yield Activity(changes, entity_id)


async def ffprobe(path: Path) -> Json:
    process = await asyncio.create_subprocess_exec(
        *("ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    shown: Json = json.loads(output)
    return shown


# -- log-in -----------------------------------------------------------------------------------


async def test_a_wrong_password_is_an_error_in_the_form_and_the_right_one_ends_it(
    world: World, obs: StudioEntry
) -> None:
    flow = await world.homes[1].api.config_flow(DOMAIN)
    await flow.choose("obs")
    form = {"host": world.studios.obs.host, "port": world.studios.obs.port}
    tls = {"ssl": False, "verify_ssl": True}
    with pytest.raises(DemoError, match="auth_failed"):
        await flow.submit(**form, password="wrong", tls=tls)
    # This very OBS is there already.
    done = await flow.submit(**form, password=world.studios.obs.password, tls=tls)
    assert (done["type"], done["reason"]) == ("abort", "already_configured")
    await obs.wait_connected()


async def test_what_answers_http_instead_of_obs_is_said(world: World, obs: StudioEntry) -> None:
    flow = await world.homes[1].api.config_flow(DOMAIN)
    await flow.choose("obs")
    with pytest.raises(DemoError, match="obs_wrong_port"):
        await flow.submit(
            host="127.0.0.1",
            port=world.homes[0].port,
            password="x",
            tls={"ssl": False, "verify_ssl": True},
        )
    await flow.close()


# -- picture ----------------------------------------------------------------------------------


async def test_a_new_scene_is_there_at_once_goes_on_air_and_vanishes(obs: StudioEntry) -> None:
    program = await obs.entity("program", "select.")
    await request(obs, "CreateScene", sceneName="Interview")
    assert "Interview" in await scenes(obs)

    async def options() -> list[str]:
        state = (await obs.api.states())[program]
        listed: list[str] = state["attributes"]["options"]
        return listed

    async def listed() -> bool:
        return "Interview" in await options()

    await until("the new scene to be listed", listed, WAIT, seen=options)
    async with activity(obs) as told:
        await select(obs, "program", "Interview")
        assert (await told.wait("scene_changed"))["scene"] == "Interview"

    other = next(option for option in await options() if option != "Interview")
    report = await obs.act("switch_scene", scene=other)
    assert report["name"] == obs.title
    await obs.wait_state("program", other, platform="select.")
    await request(obs, "RemoveScene", sceneName="Interview")
    assert "Interview" not in await scenes(obs)

    async def gone() -> bool:
        return "Interview" not in await options()

    await until("the scene to be gone", gone, WAIT, seen=options)


async def test_a_scene_that_was_made_a_moment_ago_goes_on_air(obs: StudioEntry) -> None:
    before = await obs.state("program", platform="select.")
    await request(obs, "CreateScene", sceneName="Moment")
    report = await obs.act("switch_scene", scene="Moment")
    assert report["program"] == "Moment"
    await obs.act("switch_scene", scene=before)
    await request(obs, "RemoveScene", sceneName="Moment")


async def test_studio_mode_brings_a_preview_and_transitions(obs: StudioEntry) -> None:
    await request(obs, "CreateScene", sceneName="Next")
    await switch(obs, "studio_mode", "on")
    await obs.wait_state("studio_mode", "on")
    try:
        await select(obs, "preview", "Next")
        await select(obs, "transition", "Cut")
        await press(obs, "transition")
        await obs.wait_state("program", "Next", platform="select.")
        await select(obs, "transition", "Fade")
        await obs.api.action(
            "number",
            "set_value",
            {"entity_id": await obs.entity("transition_duration"), "value": 150},
        )
        await obs.wait_state("transition_duration", "150")
    finally:
        await switch(obs, "studio_mode", "off")
        await obs.wait_state("studio_mode", "off")
        await request(obs, "RemoveScene", sceneName="Next")
    await obs.wait_state("preview", "unavailable")


async def test_the_picture_is_one(obs: StudioEntry, world: World) -> None:
    entity = await obs.entity("program", "image.")
    state = (await obs.api.states())[entity]
    home = world.homes[1]
    session = home.api._session
    assert session is not None
    async with session.get(f"{home.url}{state['attributes']['entity_picture']}") as response:
        assert response.status == 200
        data = await response.read()
    assert data.startswith((b"\xff\xd8\xff", b"\x89PNG"))


async def test_profiles_and_collections_are_switched(obs: StudioEntry) -> None:
    await select(obs, "profile", "Second")
    await select(obs, "profile", "Untitled")
    await request(obs, "CreateSceneCollection", sceneCollectionName="Evening")
    await obs.wait_state("collection", "Evening")
    await select(obs, "collection", "Untitled")


async def test_statistics_are_read(obs: StudioEntry) -> None:
    for key in ("fps", "cpu", "memory", "free_disk"):

        async def measured(key: str = key) -> bool:
            value = await obs.state(key)
            if value in (None, "unknown", "unavailable"):
                return False
            return float(value) >= 0 if key == "cpu" else float(value) > 0

        await until(f"{key} to be read", measured, WAIT, seen=lambda key=key: obs.state(key))


# -- recording --------------------------------------------------------------------------------


async def test_a_recording_pauses_ends_as_a_file_that_plays_and_tells_its_path(
    obs: StudioEntry,
) -> None:
    async with activity(obs) as told:
        await switch(obs, "output_record", "on")
        await obs.wait_state("state_record", "active")
        await asyncio.sleep(1.5)
        await obs.act("pause_recording")
        await obs.wait_state("state_record", "paused")
        await obs.act("resume_recording")
        await obs.wait_state("state_record", "active")
        # Safe to repeat.
        await switch(obs, "output_record", "on")
        await switch(obs, "output_record", "off")
        await obs.wait_state("state_record", "stopped")
        path = Path((await told.wait("recording_finished"))["path"])

    streams = (await ffprobe(path))["streams"]
    assert {"video"} <= {stream["codec_type"] for stream in streams}


async def test_a_replay_is_saved_to_a_file(obs: StudioEntry) -> None:
    # Of a studio without any picture, OBS asks whether that is meant, on a screen nobody sees.
    await request(
        obs,
        "CreateInput",
        sceneName=await obs.state("program", "select."),
        inputName="Colour",
        inputKind="color_source_v3",
    )
    await switch(obs, "output_replay_buffer", "on")
    await obs.wait_state("state_replay_buffer", "active")
    await asyncio.sleep(1.5)
    report = await obs.act("save_replay")
    assert Path(report["path"]).stat().st_size > 0
    await switch(obs, "output_replay_buffer", "off")
    await obs.wait_state("state_replay_buffer", "stopped")


# -- streaming --------------------------------------------------------------------------------


async def test_a_stream_that_its_receiver_drops_reconnects_and_tells_so(
    obs: StudioEntry, world: World
) -> None:
    receiver = world.studios.receiver
    if not receiver.running:
        await receiver.start()
    started = await obs.act("start_stream", destination=DESTINATION)
    assert (started["output"], started["state"]) == ("stream", "active")
    await receiver.wait_frames(10)

    async with activity(obs) as told:
        await receiver.kill()
        await obs.wait_state("state_stream", "reconnecting")
        await told.wait("stream_reconnecting")
        # It is still meant to run.
        assert await obs.state("output_stream") == "on"
        await receiver.start()
        await obs.wait_state("state_stream", "active")
        await receiver.wait_frames(10)

        await switch(obs, "output_stream", "off")
        await obs.wait_state("state_stream", "stopped")
        await told.wait("stream_stopped")


async def test_a_stream_arrives_over_srt(obs: StudioEntry, tmp_path: Path) -> None:
    receiver = srt_receiver(tmp_path, passphrase="a secret of ten")
    await receiver.start()
    flow = await obs.api.options_flow(obs.entry_id)
    await flow.choose("destinations")
    await flow.choose("destination_add")
    await flow.submit(service="srt")
    await flow.submit(
        name="SRT here",
        mode="caller",
        host="127.0.0.1",
        port=receiver.port,
        latency_ms=120,
        passphrase="a secret of ten",
    )
    try:
        await obs.act("start_stream", destination="SRT here")
        await receiver.wait_frames(20)
        assert "secret" not in str(await obs.state("destination_stream"))
        report = await obs.act("emergency_stop")
        assert report["stopped"] is True
        outputs = {output["output"]: output for output in report["outputs"]}
        assert outputs["stream"]["was_on"] is True
        assert outputs["stream"]["stopped"] is True
        await obs.wait_state("state_stream", "stopped")
    finally:
        await receiver.stop()


async def test_a_stream_that_nobody_takes_is_an_error_and_not_a_state(
    obs: StudioEntry, tmp_path: Path
) -> None:
    flow = await obs.api.options_flow(obs.entry_id)
    await flow.choose("destinations")
    await flow.choose("destination_add")
    await flow.submit(service="rtmp")
    await flow.submit(name="Nowhere", server="rtmp://127.0.0.1:9/live", key="another-key-4711")
    with pytest.raises(DemoError) as caught:
        await obs.act("start_stream", destination="Nowhere", timeout=15)
    assert "another-key-4711" not in str(caught.value)
    await obs.wait_state("output_stream", "off")
    await obs.wait_state("state_stream", "stopped")


async def test_the_virtual_camera_is_refused_or_not_offered_without_its_driver(
    obs: StudioEntry,
) -> None:
    with pytest.raises(DemoError, match=r"virtual_camera|Virtual camera|virtual camera"):
        await obs.act("start_output", output="virtual_camera", timeout=10)


async def test_a_request_that_would_reveal_the_key_is_refused(obs: StudioEntry) -> None:
    with pytest.raises(DemoError) as caught:
        await request(obs, "GetStreamServiceSettings")
    assert STREAM_KEY not in str(caught.value)


# -- when it goes away ------------------------------------------------------------------------


async def test_an_obs_that_is_killed_is_unavailable_and_back_seconds_after_its_start(
    obs: StudioEntry, world: World
) -> None:
    await world.studios.obs.kill()
    await obs.wait_state("connectivity", "off")
    assert await obs.state("output_stream") == "unavailable"
    assert await obs.state("program", "select.") == "unavailable"
    lines = world.homes[1].log().count("Retrying setup")
    await world.studios.obs.start()
    await obs.wait_state("connectivity", "on", 15)
    await obs.wait_state("state_stream", "stopped")
    assert world.homes[1].log().count("Retrying setup") == lines


async def test_its_diagnostics_say_what_it_is_and_nothing_that_is_secret(
    obs: StudioEntry, world: World
) -> None:
    home = world.homes[1]
    text = json.dumps(await home.api.rest("GET", f"/api/diagnostics/config_entry/{obs.entry_id}"))
    assert '"kind": "obs"' in text
    for secret in (OBS_PASSWORD, STREAM_KEY, "127.0.0.1"):
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode() not in text
