"""The client of OBS against a real OBS Studio, with real receivers of its stream."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from dataclasses import replace
import json
import logging
import os
from pathlib import Path
import random
import shutil
import socket
import uuid

import aiohttp
import pytest
import pytest_asyncio

from infrafabric.studio.api import StopReport
from infrafabric.studio.destination import Destination, Service
from infrafabric.studio.errors import (
    AuthenticationError,
    DeadlineError,
    InvalidError,
    RefusedError,
    StudioError,
    UnreachableError,
    UnsupportedError,
)
from infrafabric.studio.events import (
    Connected,
    Disconnected,
    Happening,
    OutputHappened,
    ProgramChanged,
    RecordingFinished,
    ReplaySaved,
    StudioEvent,
)
from infrafabric.studio.model import Feature, OutputState
from infrafabric.studio.obs import ObsClient, probe_obs
from tests.obs_world import (
    KEYRING,
    MISSING,
    RealObs,
    missing_programs,
    newer_obs,
    rtmp_receiver,
    srt_receiver,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "open-sesame-42"
KEY = "live_5ecret_key-7777"
PASSPHRASE = "a passphrase of SRT"


class Told:
    """Everything a client reported, in order."""

    def __init__(self, client: ObsClient) -> None:
        self.events: list[StudioEvent] = []
        self.client = client
        client.subscribe(self.events.append)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def happenings(self, key: str) -> list[Happening]:
        return [event.what for event in self.of(OutputHappened) if event.output.key == key]

    async def until(self, met, seconds: float = 60.0):
        """Wait until *met* returns something, and return that."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := met()):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            last = "\n".join(map(repr, self.events[-20:]))
            pytest.fail(f"not within {seconds:g} s; told: {last}\nstate: {self.client.state}")
        return found

    async def until_state(self, key: str, *states: OutputState, seconds: float = 60.0) -> None:
        await self.until(lambda: self.client.state.outputs[key].state in states, seconds)


def chosen_obs(which: str) -> str:
    """Return the program; skip without it, which in continuous integration is a failure."""
    reason = None
    if missing := missing_programs():
        reason = f"{MISSING} {' '.join(missing)}"
    elif which == "newer" and newer_obs() is None:
        reason = "needs a newer OBS Studio: run script/obs-forky as root"
        if not KEYRING.exists():
            pytest.skip(reason)
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return (newer_obs() if which == "newer" else None) or "obs"


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["installed", "newer"])
async def obs(request, tmp_path_factory, watch) -> AsyncIterator[RealObs]:
    """Return an OBS with something in its scenes: the system's, then one with UUIDs."""
    program = RealObs(tmp_path_factory.mktemp("obs"), PASSWORD, obs=chosen_obs(request.param))
    try:
        await program.start()
        watch(program.children)
        yield program
    finally:
        await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def connected(obs: RealObs, session) -> AsyncIterator[ObsClient]:
    """Return a client that stays connected for all tests of this file."""
    client = ObsClient(
        session,
        obs.host,
        obs.port,
        PASSWORD,
        scene_items=True,
        poll_interval=1,
        rng=random.Random(1),
    )
    told = Told(client)
    await client.start()
    await told.until(lambda: client.connected)
    if "Camera" not in {source.name for source in client.state.sources.values()}:
        await client.raw("CreateScene", {"sceneName": "Camera"})
        for name, kind, settings in (
            ("Red", "color_source_v3", {"color": 0xFF0000FF}),
            ("Title", "text_ft2_source_v2", {"text": "before"}),
            ("Clip", "ffmpeg_source", {}),
        ):
            await client.raw(
                "CreateInput",
                {
                    "sceneName": "Scene",
                    "inputName": name,
                    "inputKind": kind,
                    "inputSettings": settings,
                },
            )
    await told.until(
        lambda: (
            (len(client.state.scene_items), len(client.state.sources), len(client.state.audio))
            == (3, 2, 1)
        )
    )
    yield client
    await client.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def client(obs: RealObs, connected: ObsClient) -> ObsClient:
    """Return the client; an OBS that crashed in the test before fails that test only."""
    if not connected.connected:
        await obs.kill()
        await obs.start()
        await Told(connected).until(lambda: connected.connected)
    return connected


@pytest.fixture
def told(client: ObsClient) -> Told:
    return Told(client)


def key_of(client: ObsClient, name: str) -> str:
    return next(key for key, source in client.state.sources.items() if source.name == name)


async def ffprobe(path: str) -> dict:
    process = await asyncio.create_subprocess_exec(
        *("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


# -- the way in -----------------------------------------------------------------------------------


async def test_a_probe_finds_the_version_and_leaves_one_id_for_ever(obs, session):
    first = await probe_obs(session, obs.host, obs.port, PASSWORD)
    again = await probe_obs(session, obs.host, obs.port, PASSWORD)

    assert first == again
    assert str(uuid.UUID(first.id)) == first.id
    assert int(first.software.partition(".")[0]) >= 28


async def test_an_obs_with_copied_settings_gets_an_id_of_its_own(obs, session):
    copied = await probe_obs(session, obs.host, obs.port, PASSWORD)
    renewed = await probe_obs(session, obs.host, obs.port, PASSWORD, renew=True)

    assert renewed.id not in (None, copied.id)
    assert await probe_obs(session, obs.host, obs.port, PASSWORD, claim=False) == renewed


@pytest.mark.parametrize(
    ("password", "code"),
    [("wrong", "studio_auth_failed"), (None, "studio_auth_missing"), ("", "studio_auth_missing")],
)
async def test_a_bad_password_is_told_apart_from_none(obs, session, password, code):
    with pytest.raises(AuthenticationError) as raised:
        await probe_obs(session, obs.host, obs.port, password)
    assert raised.value.code == code


async def test_a_client_leaves_another_obs_alone(obs, session):
    own = await probe_obs(session, obs.host, obs.port, PASSWORD)
    client = ObsClient(session, obs.host, obs.port, PASSWORD, identity=str(uuid.uuid4()))
    told = Told(client)
    await client.start()
    lost = await told.until(lambda: told.of(Disconnected))
    await client.stop()

    assert [event.error.code for event in lost] == ["studio_another"]
    assert not told.of(Connected)
    assert await probe_obs(session, obs.host, obs.port, PASSWORD, claim=False) == own


async def test_a_client_knows_its_own_obs(obs, session):
    own = await probe_obs(session, obs.host, obs.port, PASSWORD)
    client = ObsClient(session, obs.host, obs.port, PASSWORD, identity=own.id)
    told = Told(client)
    await client.start()
    await told.until(lambda: told.of(Connected))
    await client.stop()


async def test_a_client_with_a_wrong_password_says_so_once_and_gives_up(obs, session):
    client = ObsClient(session, obs.host, obs.port, "wrong")
    told = Told(client)
    await client.start()
    lost = await told.until(lambda: told.of(Disconnected))
    await client.stop()

    assert [event.error.code for event in lost] == ["studio_auth_failed"]
    assert not client.connected
    assert client.state is None


async def test_the_first_reading_is_complete(client):
    state = client.state

    assert state.outputs.keys() >= {"stream", "record", "replay_buffer"}
    assert {output.state for output in state.outputs.values()} == {OutputState.STOPPED}
    assert state.main.program in state.sources
    assert state.studio_mode is False
    assert state.main.preview is None
    assert {"Cut", "Fade"} <= set(state.transitions)
    assert state.transition_ms == 300
    assert set(state.profiles) >= {"Untitled", "Second"}
    assert state.collection == "Untitled"
    assert state.features >= {Feature.PAUSE, Feature.SCREENSHOT, Feature.STREAM_DESTINATION}
    assert [channel.name for channel in state.audio.values()] == ["Clip"]
    # Without v4l2loopback there is no virtual camera to switch.
    assert "virtual_camera" not in state.outputs


async def test_statistics_are_read_again_and_again(client, obs, told):
    before = client.state.statistics
    assert before.target_fps == 10
    await told.until(
        lambda: client.state.statistics.render_total_frames > before.render_total_frames
    )
    # An OBS that stood still a moment ago is behind, and a disk is written to all the time.
    await told.until(lambda: client.state.statistics.fps == pytest.approx(10, abs=3))
    await told.until(
        lambda: (
            client.state.statistics.free_disk_mb
            == pytest.approx(shutil.disk_usage(obs.videos).free / 1e6, rel=0.02)
        )
    )
    now = client.state.statistics
    assert now.memory_mb > 10
    assert 0 <= now.cpu_percent <= 100


# -- picture --------------------------------------------------------------------------------------


async def test_program_preview_and_studio_mode(client, told):
    scene, camera = key_of(client, "Scene"), key_of(client, "Camera")
    await client.set_program("Camera")
    assert client.state.main.program == camera
    await client.set_studio_mode(enabled=True)
    assert client.state.main.preview is not None
    await client.set_preview(scene)
    await client.set_preview(scene)
    assert client.state.main.preview == scene

    await client.transition("Cut")
    assert client.state.main.program == scene
    assert client.state.transition == "Fade"

    await client.transition("fade", duration_ms=200, source="Camera")
    assert client.state.main.program == camera
    assert client.state.transition_ms == 300

    await client.set_studio_mode(enabled=False)
    assert client.state.main.preview is None
    await client.set_program(scene)
    # Each change once, and nothing that was never on air.
    assert [event.name for event in told.of(ProgramChanged)] == [
        *("Camera", "Scene", "Camera", "Scene")
    ]


async def test_a_transition_without_studio_mode_is_refused_with_the_reason(client):
    with pytest.raises(RefusedError) as raised:
        await client.transition()
    assert "studio mode" in str(raised.value)


async def test_the_transition_and_its_duration_are_chosen(client):
    await client.set_transition_duration(450)
    assert client.state.transition_ms == 450
    await client.set_transition("Cut")
    assert (client.state.transition, client.state.transition_ms) == ("Cut", None)
    await client.set_transition("Fade")
    await client.set_transition_duration(300)
    assert (client.state.transition, client.state.transition_ms) == ("Fade", 300)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda client: client.set_program("nowhere"), "unknown_source"),
        (lambda client: client.set_preview("nowhere"), "unknown_source"),
        (lambda client: client.set_transition("nowhere"), "unknown_transition"),
        (lambda client: client.set_profile("nobody"), "unknown_name"),
        (lambda client: client.set_collection("nothing"), "unknown_name"),
        (lambda client: client.trigger_hotkey("nothing"), "unknown_name"),
        (lambda client: client.set_volume("silence", 0), "unknown_channel"),
        (lambda client: client.set_volume("Clip", 27), "invalid_value"),
        (lambda client: client.set_volume("Clip", float("nan")), "invalid_value"),
        (lambda client: client.set_text("Red", "no text"), "unknown_source"),
        (lambda client: client.set_text("Title", "x" * 10_001), "invalid_value"),
        (lambda client: client.set_item_visible("Scene", 99, visible=True), "unknown_source"),
        (lambda client: client.start_output("nothing"), "unknown_output"),
        (lambda client: client.stop_output("output:nothing"), "unknown_output"),
        (lambda client: client.set_program("Scene", mix=2), "unknown_name"),
        (lambda client: client.set_transition_duration(49), "invalid_value"),
        (lambda client: client.screenshot("nothing"), "unknown_source"),
        (lambda client: client.screenshot(width=4), "invalid_value"),
    ],
)
async def test_what_does_not_exist_is_named(client, act, code):
    with pytest.raises(InvalidError) as raised:
        await act(client)
    assert raised.value.code == code


async def test_scenes_come_go_and_are_renamed(client, told):
    await client.raw("CreateScene", {"sceneName": "Guest"})
    await told.until(lambda: "Guest" in {one.name for one in client.state.sources.values()})
    await client.set_program("Guest")
    await client.raw("SetSceneName", {"sceneName": "Guest", "newSceneName": "Host"})
    await told.until(lambda: "Host" in {one.name for one in client.state.sources.values()})
    assert client.state.sources[client.state.main.program].name == "Host"
    assert [one.number for one in client.state.sources.values()] == [1, 2, 3]

    await client.set_program("Scene")
    await client.raw("RemoveScene", {"sceneName": "Host"})
    await told.until(lambda: len(client.state.sources) == 2)


async def test_items_are_shown_and_hidden(client):
    scene = key_of(client, "Scene")
    number = next(item.item_id for item in client.state.scene_items.values() if item.name == "Red")
    await client.set_item_visible("Scene", number, visible=False)
    assert client.state.scene_items[scene, number].visible is False
    await client.set_item_visible(scene, number, visible=True)
    assert client.state.scene_items[scene, number].visible is True


async def test_a_text_is_written(client):
    await client.set_text("Title", "Grüße – 世界")
    answer = await client.raw("GetInputSettings", {"inputName": "Title"})
    assert answer["inputSettings"]["text"] == "Grüße – 世界"
    await client.set_text("Title", "")


async def test_a_screenshot_is_a_picture_of_that_width(client, tmp_path):
    picture = await client.screenshot(width=320, quality=60)
    assert picture.content_type == "image/jpeg"
    path = tmp_path / "picture.jpg"
    path.write_bytes(picture.data)
    (stream,) = (await ffprobe(str(path)))["streams"]
    assert (stream["codec_name"], stream["width"]) == ("mjpeg", 320)
    assert (await client.screenshot("Red")).data[:2] == b"\xff\xd8"


# -- sound ----------------------------------------------------------------------------------------


async def test_volume_and_mute_are_read_back(client):
    (key,) = client.state.audio
    await client.set_volume("Clip", -12.5)
    assert client.state.audio[key].volume == pytest.approx(-12.5, abs=0.05)
    await client.set_volume(key, -100)
    assert client.state.audio[key].volume == -100
    await client.set_muted("Clip", muted=True)
    assert client.state.audio[key].muted is True
    await client.set_muted("Clip", muted=False)
    assert client.state.audio[key].muted is False


# -- recording and replay -------------------------------------------------------------------------


async def test_a_recording_pauses_and_ends_as_a_file_that_plays(client, told, obs):
    started = await client.start_output("record")
    assert started.state is OutputState.ACTIVE
    assert (await client.start_output("record")).state is OutputState.ACTIVE
    await told.until(lambda: (client.state.outputs["record"].duration_s or 0) > 1)
    assert (await client.pause_recording()).state is OutputState.PAUSED
    assert (await client.pause_recording()).state is OutputState.PAUSED
    assert (await client.start_output("record")).state is OutputState.PAUSED
    assert (await client.resume_recording()).state is OutputState.ACTIVE
    assert client.state.outputs["record"].path is not None
    stopped = await client.stop_output("record")
    assert stopped.state is OutputState.STOPPED
    assert (await client.stop_output("record")).state is OutputState.STOPPED

    (finished,) = told.of(RecordingFinished)
    assert Path(finished.path).parent == obs.videos
    assert finished.duration_s >= 1
    streams = {one["codec_type"]: one for one in (await ffprobe(finished.path))["streams"]}
    assert int(streams["video"]["nb_read_frames"]) >= 10
    assert told.happenings("record") == [
        Happening.STARTED,
        Happening.PAUSED,
        Happening.RESUMED,
        Happening.STOPPED,
    ]


async def test_a_replay_is_saved(client, told):
    with pytest.raises(RefusedError):
        await client.save_replay()
    await client.start_output("replay_buffer")
    await asyncio.sleep(1)
    path = await client.save_replay()
    assert [event.path for event in told.of(ReplaySaved)] == [path]
    assert Path(path).stat().st_size > 1000
    assert (await client.stop_output("replay_buffer")).state is OutputState.STOPPED


async def test_pausing_nothing_is_refused(client):
    with pytest.raises(RefusedError) as raised:
        await client.pause_recording()
    assert raised.value.code == "request_refused"


async def test_the_virtual_camera_is_refused_with_the_reason_of_obs(client):
    if "virtual_camera" in client.state.outputs:
        pytest.skip("this machine has v4l2loopback, so OBS has a virtual camera")
    for act in (client.start_output, client.stop_output):
        with pytest.raises(RefusedError) as raised:
            await act("virtual_camera")
        assert raised.value.code == "request_refused"
        assert "not available" in raised.value.details["reason"]


async def test_what_this_version_lacks_is_said(client):
    lacking = {
        Feature.SPLIT: client.split_recording,
        Feature.CHAPTER: client.add_chapter,
    }
    for feature, act in lacking.items():
        if feature not in client.state.features:
            with pytest.raises(UnsupportedError) as raised:
                await act()
            assert raised.value.details["version"] == client.state.version.software
    for never in (
        client.set_fade_to_black(enabled=True),
        client.set_overlay(1),
        client.open_preset("x"),
    ):
        with pytest.raises(UnsupportedError):
            await never


# -- profiles, collections, hotkeys, raw ----------------------------------------------------------


async def test_profiles_are_switched(client):
    await client.set_profile("Second")
    assert client.state.profile == "Second"
    await client.set_profile("Untitled")
    assert client.state.profile == "Untitled"


CRASH = "basic_string: construction from null is not valid"
"""The last words of OBS 32 in about one of fifty changes of the scene collection, whatever is asked
and when: a scene of the former one outlives it, and listing the scenes then ends OBS."""


async def test_a_scene_collection_changes_as_a_whole(client, told, obs):
    for attempt in range(3):
        try:
            await change_collections(client, told, f"Show {attempt}")
        except Exception:
            if attempt == 2 or not any(CRASH in child.tail(200) for child in obs.children):
                raise
        else:
            return
        await obs.kill()
        await obs.start()
        await told.until(lambda: client.connected)
        if client.state.collection != "Untitled":
            await client.set_collection("Untitled")


async def change_collections(client, told, other: str) -> None:
    names = {source.name for source in client.state.sources.values()}
    await client.raw("CreateSceneCollection", {"sceneCollectionName": other})
    await told.until(lambda: client.state.collection == other)
    await told.until(lambda: [one.name for one in client.state.sources.values()] == ["Scene"])
    assert client.state.audio == {}
    seen: list[set[str]] = []
    end = client.subscribe(
        lambda event: seen.append({one.name for one in client.state.sources.values()})
    )
    await client.set_collection("Untitled")
    await told.until(lambda: {one.name for one in client.state.sources.values()} == names)
    await told.until(lambda: [one.name for one in client.state.audio.values()] == ["Clip"])
    end()
    # Never half of one: that would take entities away and bring them back.
    assert all(one in ({"Scene"}, names) for one in seen)


async def test_hotkeys_are_listed_and_pressed(client, told):
    assert "OBSBasic.StartRecording" in await client.hotkeys()
    await client.trigger_hotkey("OBSBasic.StartRecording")
    await told.until_state("record", OutputState.ACTIVE)
    # What somebody does in OBS itself is told as well.
    assert told.happenings("record") == [Happening.STARTED]
    await client.stop_output("record")


async def test_a_raw_request_answers_and_keeps_keys_to_itself(client):
    assert (await client.raw("GetVersion"))["obsVersion"] == client.state.version.software
    with pytest.raises(InvalidError) as raised:
        await client.raw("GetStreamServiceSettings")
    assert raised.value.code == "secret_request"
    with pytest.raises(UnsupportedError):
        await client.raw("MakeCoffee")


# -- streams --------------------------------------------------------------------------------------


async def test_a_stream_arrives_over_rtmp_drops_and_comes_back(
    client, told, tmp_path, watch, caplog
):
    caplog.set_level(logging.DEBUG)
    receiver = rtmp_receiver(tmp_path, KEY)
    watch([receiver])
    await receiver.start()
    try:
        destination = Destination(
            name="Test", service=Service.RTMP, server=receiver.server, key=KEY
        )
        assert await client.set_destination(destination) == receiver.server
        assert client.state.destination == {"stream": receiver.server}
        assert (await client.start_output("stream")).state is OutputState.ACTIVE
        await receiver.wait_frames(15)
        await told.until(lambda: (client.state.outputs["stream"].bitrate_kbps or 0) > 100)
        assert client.state.outputs["stream"].congestion is not None
        # Where it goes already is no change; anywhere else is.
        assert await client.set_destination(destination) == receiver.server
        with pytest.raises(RefusedError) as raised:
            await client.set_destination(replace(destination, key="another-key-1234"))
        assert raised.value.code == "stream_running"

        await receiver.kill()
        await told.until_state("stream", OutputState.RECONNECTING)
        await receiver.start()
        await told.until_state("stream", OutputState.ACTIVE)
        await receiver.wait_frames(10)
        assert (await client.stop_output("stream")).state is OutputState.STOPPED
        assert told.happenings("stream") == [
            Happening.STARTED,
            Happening.RECONNECTING,
            Happening.RECONNECTED,
            Happening.STOPPED,
        ]
    finally:
        await receiver.kill()
    assert KEY not in caplog.text
    assert PASSWORD not in caplog.text
    assert KEY not in repr(told.events)
    assert KEY not in repr(client.state)


async def test_a_stream_that_no_server_takes_fails_at_once(client, told, tmp_path):
    receiver = rtmp_receiver(tmp_path, KEY)
    await client.set_destination(
        Destination(name="Nobody", service=Service.RTMP, server=receiver.server, key=KEY)
    )
    async with asyncio.timeout(10):
        with pytest.raises(RefusedError) as raised:
            await client.start_output("stream")
    assert raised.value.code == "output_failed"
    assert client.state.outputs["stream"].state is OutputState.STOPPED
    assert told.happenings("stream") == [Happening.FAILED]


async def test_a_stream_arrives_over_encrypted_srt_and_everything_stops_at_once(
    client, told, tmp_path, watch
):
    receiver = srt_receiver(tmp_path, passphrase=PASSPHRASE)
    watch([receiver])
    await receiver.start()
    try:
        shown = await client.set_destination(
            Destination(
                name="SRT",
                service=Service.SRT,
                host="127.0.0.1",
                port=receiver.port,
                passphrase=PASSPHRASE,
            )
        )
        assert shown == f"srt://127.0.0.1:{receiver.port} (caller, 120 ms)"
        await asyncio.gather(
            *(client.start_output(key) for key in ("stream", "record", "replay_buffer"))
        )
        await receiver.wait_frames(10)
        reports = await client.stop_everything()
        assert {report.output: report for report in reports} == {
            key: StopReport(output=key, stopped=True, was_on=True)
            for key in ("stream", "record", "replay_buffer")
        }
    finally:
        await receiver.kill()
    assert PASSPHRASE not in repr(told.events)


async def test_an_srt_server_that_does_not_answer_is_given_up_within_seconds(client, told):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        await client.set_destination(
            Destination(name="Silent", service=Service.SRT, host="127.0.0.1", port=port)
        )
        # About 3 s for OBS 29 and 4 s for OBS 32, as the documentation says.
        async with asyncio.timeout(10):
            with pytest.raises(RefusedError) as raised:
                await client.start_output("stream")
    assert raised.value.code == "output_failed"
    assert client.state.outputs["stream"].state is OutputState.STOPPED
    assert told.happenings("stream") == [Happening.FAILED]


# -- the end, and back again ----------------------------------------------------------------------


async def test_an_obs_that_is_killed_is_lost_and_found_again_with_its_id(
    client, told, obs, session
):
    identity = await probe_obs(session, obs.host, obs.port, PASSWORD)
    await obs.kill()
    lost = await told.until(lambda: told.of(Disconnected))
    assert isinstance(lost[0].error, UnreachableError)
    assert not client.connected
    with pytest.raises(UnreachableError) as raised:
        await client.start_output("record")
    assert raised.value.code == "studio_not_connected"
    with contextlib.suppress(StudioError):
        await probe_obs(session, obs.host, obs.port, PASSWORD)
        pytest.fail("nobody is there")

    await obs.start()
    await told.until(lambda: told.of(Connected), 15)
    assert client.connected
    assert await probe_obs(session, obs.host, obs.port, PASSWORD) == identity
    assert (await client.start_output("record")).state is OutputState.ACTIVE
    assert (await client.stop_output("record")).state is OutputState.STOPPED


async def test_an_obs_that_stops_answering_is_not_waited_for(client, told, obs):
    """A studio that hangs answers nothing; only who asks notices at once."""
    obs.freeze()
    try:
        with pytest.raises((DeadlineError, UnreachableError)):
            await client.screenshot()
        assert await told.until(lambda: told.of(Disconnected), 30)
    finally:
        obs.thaw()
    await told.until(lambda: told.of(Connected), 15)


async def test_an_obs_that_quits_says_goodbye(client, told, obs):
    await obs.quit()
    (lost, *_) = await told.until(lambda: told.of(Disconnected))
    assert lost.error is None
