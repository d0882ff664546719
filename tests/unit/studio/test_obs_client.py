"""What the client of OBS makes of answers and events, right and wrong ones."""

import asyncio
import base64
from collections.abc import AsyncIterator
import json
import logging
import random
from typing import Any
from unittest.mock import patch

import aiohttp
from aiohttp.test_utils import TestServer
import pytest
import pytest_asyncio

from infrafabric.studio import base
from infrafabric.studio.destination import Destination, Service
from infrafabric.studio.errors import (
    AuthenticationError,
    DeadlineError,
    InvalidError,
    ProtocolError,
    RefusedError,
    StudioError,
    UnsupportedError,
)
from infrafabric.studio.events import (
    Connected,
    Disconnected,
    Happening,
    OutputHappened,
    ProgramChanged,
    RecordingFinished,
    StateChanged,
    StudioEvent,
)
from infrafabric.studio.model import Feature, OutputState
from infrafabric.studio.obs import ObsClient, outputs, probe_obs, showing, watching
from infrafabric.studio.obs.changing import Transitions
from infrafabric.studio.obs.connection import REQUEST_TIMEOUT
from tests.unit.studio.obs_world import PASSWORD, STREAM, FakeObs, serving
from tests.unit.studio.waiting import until

KEY = "k3y-of-the-stream"


@pytest.fixture
def fake() -> FakeObs:
    return FakeObs()


@pytest_asyncio.fixture
async def server(fake: FakeObs) -> AsyncIterator[TestServer]:
    async with serving(fake) as made:
        yield made


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
def make(session, server):
    def make(**options: Any) -> ObsClient:
        options = {"poll_interval": 1, "rng": random.Random(1), **options}
        return ObsClient(
            session, "127.0.0.1", server.port, options.pop("password", PASSWORD), **options
        )

    return make


@pytest_asyncio.fixture
async def client(make) -> AsyncIterator[ObsClient]:
    made = make()
    await made.start()
    await until(lambda: made.connected)
    yield made
    await made.stop()


@pytest.fixture
def events(client) -> list[StudioEvent]:
    told: list[StudioEvent] = []
    client.subscribe(told.append)
    return told


def of(events: list[StudioEvent], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


# -- reading --------------------------------------------------------------------------------------


async def test_everything_is_read_in_two_rounds(make, fake):
    client = make(poll_interval=3600)
    await client.start()
    await until(lambda: client.connected)
    assert [frame["op"] for frame in fake.said[:4]] == [1, 8, 8]
    state = client.state
    assert list(state.sources) == ["uuid-1", "uuid-2"]
    assert [source.number for source in state.sources.values()] == [1, 2]
    assert state.main.program == "uuid-1"
    assert state.audio["uuid-mic"].volume == -6
    assert state.statistics.target_fps == pytest.approx(59.94, abs=0.01)
    assert state.destination == {"stream": "rtmp://host/live"}
    assert set(state.outputs) == {"stream", "record", "replay_buffer"}
    assert Feature.WHIP in state.features
    assert Feature.CHAPTER not in state.features
    assert KEY not in repr(state)
    await client.stop()


async def test_an_obs_that_is_loading_is_asked_again(make, fake):
    complete, fake.answers = fake.answers, dict.fromkeys(fake.answers, 207)
    client = make()
    await client.start()
    await until(lambda: len(fake.asked) > 20)
    assert not client.connected
    fake.answers = complete
    await until(lambda: client.connected)
    await client.stop()


async def test_what_obs_does_not_say_is_unknown(make, fake):
    for name in ("GetStudioModeEnabled", "GetStats", "GetProfileList", "GetSceneTransitionList"):
        fake.answers[name] = {}
    fake.answers["GetStreamStatus"] = {"outputActive": "yes"}
    client = make()
    await client.start()
    await until(lambda: client.connected)
    assert client.state.studio_mode is None
    assert client.state.statistics.fps is None
    assert client.state.profile is None
    assert client.state.transition is None
    assert client.state.outputs["stream"].state is OutputState.UNKNOWN
    await client.stop()


async def test_only_wanted_events_are_asked_for(make, fake):
    for options, missing in (
        ({}, 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 16),
        ({"scene_items": True, "meters": True}, 1 << 5 | 1 << 8 | 1 << 9 | 1 << 17),
    ):
        client = make(**options)
        await client.start()
        await until(lambda client=client: client.connected)
        await client.stop()
        wanted = [frame for frame in fake.said if frame["op"] == 1][-1]["d"]["eventSubscriptions"]
        assert not wanted & missing
        assert wanted & (1 << 6)
        assert bool(wanted & (1 << 16)) is bool(options)


# -- events ---------------------------------------------------------------------------------------


async def test_an_event_changes_the_state_without_reading_scenes_again(client, fake, events):
    before = len(fake.asked)
    await fake.tell("InputVolumeChanged", inputName="Mic", inputUuid="uuid-mic", inputVolumeDb=-20)
    await fake.tell("InputMuteStateChanged", inputName="Mic", inputUuid="uuid-mic", inputMuted=True)
    await fake.tell("CurrentProgramSceneChanged", sceneName="Two", sceneUuid="uuid-2")
    await until(lambda: client.state.main.program == "uuid-2")
    assert client.state.audio["uuid-mic"].volume == -20
    assert client.state.audio["uuid-mic"].muted is True
    assert of(events, ProgramChanged) == [ProgramChanged(1, "uuid-2", "Two", "One")]
    assert "GetSceneList" not in [name for name, _data in fake.asked[before:]]


async def test_what_obs_has_not_told_yet_is_found_by_looking(client, fake):
    scenes = fake.answers["GetSceneList"]["scenes"]
    fake.answers["GetSceneList"]["scenes"] = [
        {"sceneIndex": 2, "sceneName": "Three", "sceneUuid": "uuid-3"},
        *scenes,
    ]
    before = len(fake.asked)
    await client.read_sources()
    assert client.state.sources["uuid-3"].name == "Three"
    assert "GetSceneList" in [name for name, _data in fake.asked[before:]]


async def test_a_rename_keeps_the_key_where_there_are_uuids(client, fake):
    await fake.tell("SceneNameChanged", sceneUuid="uuid-1", oldSceneName="One", sceneName="Uno")
    await until(lambda: client.state.sources["uuid-1"].name == "Uno")
    assert client.state.main.program == "uuid-1"


async def test_a_rename_is_followed_where_names_are_the_keys(make, fake):
    scenes = [{"sceneIndex": 0, "sceneName": "Two"}, {"sceneIndex": 1, "sceneName": "One"}]
    fake.answers["GetSceneList"] = {"currentProgramSceneName": "One", "scenes": scenes}
    fake.answers["GetCurrentProgramScene"] = {"currentProgramSceneName": "One"}
    client = make()
    await client.start()
    await until(lambda: client.connected)
    await fake.tell("SceneNameChanged", oldSceneName="One", sceneName="Uno")
    await until(lambda: "Uno" in client.state.sources)
    assert list(client.state.sources) == ["Uno", "Two"]
    assert client.state.main.program == "Uno"
    await client.stop()


async def test_the_scenes_of_a_changing_collection_are_not_looked_at(client, fake, events):
    await fake.tell("CurrentSceneCollectionChanging", sceneCollectionName="Show")
    await fake.tell("SceneRemoved", sceneName="One", sceneUuid="uuid-1")
    await fake.tell("SceneListChanged", scenes=[])
    await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTING")
    await until(lambda: client.state.outputs["stream"].state is OutputState.STARTING)
    assert list(client.state.sources) == ["uuid-1", "uuid-2"]
    fake.answers["GetSceneList"] = {
        "currentProgramSceneName": "New",
        "scenes": [{"sceneIndex": 0, "sceneName": "New"}],
    }
    fake.answers["GetCurrentProgramScene"] = {"currentProgramSceneName": "New"}
    await fake.tell("CurrentSceneCollectionChanged", sceneCollectionName="Other")
    await until(lambda: list(client.state.sources) == ["New"])


async def test_who_waits_for_a_collection_does_not_ask_while_it_changes(make, fake, monkeypatch):
    monkeypatch.setattr(outputs, "LOOK_AGAIN", 0.02)
    fake.answers["SetCurrentSceneCollection"] = {}
    fake.answers["GetSceneCollectionList"]["sceneCollections"] = ["Show", "Other"]
    client = make()
    await client.start()
    await until(lambda: client.connected)
    await fake.tell("CurrentSceneCollectionChanging", sceneCollectionName="Show")
    changing = asyncio.create_task(client.set_collection("Other"))
    await until(lambda: fake.asked[-1][0] == "SetCurrentSceneCollection")
    await asyncio.sleep(0.2)
    assert fake.asked[-1][0] == "SetCurrentSceneCollection"
    fake.answers["GetSceneCollectionList"] = {
        "currentSceneCollectionName": "Other",
        "sceneCollections": ["Show", "Other"],
    }
    await fake.tell("CurrentSceneCollectionChanged", sceneCollectionName="Other")
    await changing
    assert client.state.collection == "Other"
    await client.stop()


async def test_meters_are_the_loudest_channel_and_calm(make, fake):
    client = make(meters=True)
    told: list[StudioEvent] = []
    await client.start()
    await until(lambda: client.connected)
    client.subscribe(told.append)
    for peak in (0.25, 0.5, 0.125):
        levels = [[0.1, peak, 0.3], [0.1, 0.2, 0.3]]
        await fake.tell(
            "InputVolumeMeters",
            inputs=[{"inputName": "Mic", "inputUuid": "uuid-mic", "inputLevelsMul": levels}],
        )
    await until(lambda: client.state.audio["uuid-mic"].meter is not None)
    assert client.state.audio["uuid-mic"].meter == 0.25
    await client.stop()


# -- outputs --------------------------------------------------------------------------------------


async def test_a_start_is_confirmed_by_reading_when_the_event_is_missed(client, fake):
    def start(data: dict[str, Any]) -> dict[str, Any]:
        fake.answers["GetStreamStatus"] = {**STREAM, "outputActive": True}
        return {}

    fake.answers["StartStream"] = start
    output = await client.start_output("stream")
    assert output.state is OutputState.ACTIVE
    assert (await client.start_output("stream")).state is OutputState.ACTIVE
    assert [name for name, _data in fake.asked].count("StartStream") == 1


async def test_a_start_that_fails_is_told_at_once(client, fake, events):
    async def fail() -> None:
        await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTING")
        await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STOPPED")

    started = asyncio.create_task(client.start_output("stream"))
    await until(lambda: "StartStream" in [name for name, _data in fake.asked])
    await fail()
    with pytest.raises(RefusedError) as raised:
        await asyncio.wait_for(started, 10)
    assert raised.value.code == "output_failed"
    assert [event.what for event in of(events, OutputHappened)] == [Happening.FAILED]


async def test_a_start_without_confirmation_says_how_things_are(client):
    with pytest.raises(DeadlineError) as raised:
        await client.start_output("stream", timeout=0.3)
    assert raised.value.code == "not_confirmed"
    assert raised.value.details == {"output": "stream", "state": "stopped"}


async def test_a_start_while_it_stops_waits_for_the_end_first(client, fake):
    await fake.tell("RecordStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTED")
    await fake.tell("RecordStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STOPPING")
    await until(lambda: client.state.outputs["record"].state is OutputState.STOPPING)
    started = asyncio.create_task(client.start_output("record"))
    await asyncio.sleep(0.1)
    assert "StartRecord" not in [name for name, _data in fake.asked]
    await fake.tell("RecordStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STOPPED")
    await until(lambda: "StartRecord" in [name for name, _data in fake.asked])
    await fake.tell("RecordStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTED")
    assert (await started).state is OutputState.ACTIVE


async def test_an_output_that_is_connecting_is_stopped_as_soon_as_it_can_be(client, fake, events):
    fake.answers["StopStream"] = 501
    await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTING")
    await until(lambda: client.state.outputs["stream"].state is OutputState.STARTING)
    stopped = asyncio.create_task(client.stop_output("stream"))
    await until(lambda: [name for name, _data in fake.asked].count("StopStream") >= 2)
    await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STOPPED")
    assert (await stopped).state is OutputState.STOPPED
    # Somebody wanted that.
    assert [event.what for event in of(events, OutputHappened)] == [Happening.STOPPED]


async def test_a_stream_that_reconnects_and_dies_is_told_step_by_step(client, fake, events):
    for name in ("STARTING", "STARTED", "RECONNECTING", "RECONNECTED", "RECONNECTING", "STOPPED"):
        await fake.tell("StreamStateChanged", outputState=f"OBS_WEBSOCKET_OUTPUT_{name}")
    await until(lambda: len(of(events, OutputHappened)) == 5)
    assert [event.what for event in of(events, OutputHappened)] == [
        Happening.STARTED,
        Happening.RECONNECTING,
        Happening.RECONNECTED,
        Happening.RECONNECTING,
        Happening.FAILED,
    ]


async def test_a_status_from_before_an_event_changes_nothing(client, fake, events):
    await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTED")
    await until(lambda: client.state.outputs["stream"].state is OutputState.ACTIVE)
    polls = [name for name, _data in fake.asked].count("GetStreamStatus")
    await until(lambda: [name for name, _d in fake.asked].count("GetStreamStatus") > polls + 1)
    assert client.state.outputs["stream"].state is OutputState.ACTIVE


async def test_a_recording_ends_with_its_path(client, fake, events):
    await fake.tell("RecordStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTED")
    await fake.tell("RecordFileChanged", newOutputPath="/videos/b.mkv")
    await fake.tell(
        "RecordStateChanged",
        outputState="OBS_WEBSOCKET_OUTPUT_STOPPED",
        outputPath="/videos/b.mkv",
    )
    (finished,) = await until(lambda: of(events, RecordingFinished))
    assert finished.path == "/videos/b.mkv"


async def test_an_emergency_stop_reports_on_each_and_raises_for_none(client, fake):
    fake.answers["GetRecordStatus"] = {"outputActive": True}
    fake.answers["StopRecord"] = (500, "The disk is on fire.")
    await until(lambda: client.state.outputs["record"].state is OutputState.ACTIVE)
    reports = {report.output: report for report in await client.stop_everything()}
    assert reports["stream"].stopped
    assert reports["stream"].was_on is False
    assert not reports["record"].stopped
    assert reports["record"].was_on
    assert reports["record"].error.code == "request_refused"
    assert "fire" in reports["record"].error.details["reason"]


async def test_an_output_of_a_plugin_has_a_key_of_its_own(make, fake):
    fake.answers["GetOutputList"] = {
        "outputs": [
            {"outputName": "NDI", "outputKind": "ndi_output", "outputActive": False},
            {"outputName": "simple_stream", "outputKind": "rtmp_output", "outputActive": True},
            {"outputName": "Wiedergabe", "outputKind": "replay_buffer", "outputActive": True},
        ]
    }
    fake.answers["StopOutput"] = fake.answers["StartOutput"] = {}
    client = make()
    await client.start()
    await until(lambda: client.connected)
    assert {"output:NDI"} == {key for key in client.state.outputs if ":" in key}

    def start(data: dict[str, Any]) -> dict[str, Any]:
        assert data == {"outputName": "NDI"}
        fake.answers["GetOutputList"]["outputs"][0]["outputActive"] = True
        return {}

    fake.answers["StartOutput"] = start
    assert (await client.start_output("output:NDI")).state is OutputState.ACTIVE
    fake.answers["GetOutputList"] = {"outputs": []}
    await until(lambda: "output:NDI" not in client.state.outputs)
    await client.stop()


async def test_pausing_that_changes_nothing_is_not_believed(client, fake):
    fake.answers["GetRecordStatus"] = {"outputActive": True, "outputPaused": False}
    with patch.object(outputs, "PAUSE_TIMEOUT", 0.2), pytest.raises(DeadlineError) as raised:
        await client.pause_recording()
    assert "encoder" in str(raised.value)


# -- the rest -------------------------------------------------------------------------------------


async def test_cut_is_found_in_any_language(client, fake):
    def choose(data: dict[str, Any]) -> dict[str, Any]:
        chosen = data["transitionName"]
        fake.answers["GetSceneTransitionList"]["currentSceneTransitionName"] = chosen
        fake.answers["GetCurrentSceneTransition"] = {
            "transitionName": chosen,
            "transitionFixed": True,
        }
        return {}

    fake.answers["SetCurrentSceneTransition"] = choose
    await client.set_transition("Cut")
    assert client.state.transition == "Schnitt"
    assert client.state.transition_ms is None


@pytest.mark.parametrize(
    "image",
    [
        None,
        5,
        "",
        "data:image/png;base64,AAAA",
        "data:image/jpeg;base64,???",
        "data:image/jpeg;base64,",
        "data:image/jpeg;base64," + "A" * 12_000_000,
    ],
    ids=lambda image: str(image)[:30],
)
async def test_a_screenshot_that_is_none_is_an_error(client, fake, image):
    fake.answers["GetSourceScreenshot"] = {"imageData": image}
    with pytest.raises(ProtocolError):
        await client.screenshot()


async def test_a_destination_is_set_read_back_and_compared(client, fake):
    kept: dict[str, Any] = {}
    fake.answers["SetStreamServiceSettings"] = lambda data: kept.update(data) or {}
    fake.answers["GetStreamServiceSettings"] = kept
    destination = Destination(
        name="One", service=Service.RTMP, server="rtmp://new/live", key="another-secret-key"
    )
    assert await client.set_destination(destination) == "rtmp://new/live"
    assert kept["streamServiceSettings"]["key"] == "another-secret-key"
    assert client.state.destination == {"stream": "rtmp://new/live"}

    kept["streamServiceSettings"] = {}
    fake.answers["SetStreamServiceSettings"] = {}
    with pytest.raises(RefusedError) as raised:
        await client.set_destination(destination)
    assert raised.value.code == "destination_differs"
    assert "another-secret-key" not in repr(raised.value) + str(raised.value.details)


@pytest.mark.parametrize("late", [False, True])
async def test_the_destination_of_a_running_stream_is_a_success_if_it_is_that_one(
    client, fake, late
):
    kept: dict[str, Any] = {}
    fake.answers["SetStreamServiceSettings"] = lambda data: kept.update(data) or {}
    fake.answers["GetStreamServiceSettings"] = kept
    destination = Destination(
        name="One", service=Service.RTMP, server="rtmp://new/live", key="another-secret-key"
    )
    await client.set_destination(destination)
    if late:
        # It begins just when the destination is to be set.
        fake.answers["SetStreamServiceSettings"] = 500
    else:
        fake.answers["GetStreamStatus"] = STREAM | {"outputActive": True}

    assert await client.set_destination(destination) == "rtmp://new/live"

    sent = len([name for name, _data in fake.asked if name == "SetStreamServiceSettings"])
    assert sent == 1 + late
    for changed in ({"key": "another-secret-keY"}, {"server": "rtmp://new/other"}):
        settings = kept["streamServiceSettings"]
        kept["streamServiceSettings"] = settings | changed
        with pytest.raises(RefusedError) as raised:
            await client.set_destination(destination)
        assert raised.value.code == "stream_running"
        assert "secret" not in str(raised.value) + repr(raised.value.details)
        kept["streamServiceSettings"] = settings


async def test_a_stop_is_sent_though_obs_does_not_answer_how_things_are(client, fake):
    """Statistics hang while the disk for recordings does."""
    await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STARTED")
    await until(lambda: client.state.outputs["stream"].state is OutputState.ACTIVE)
    fake.silent.add("GetStats")
    stop = asyncio.create_task(client.stop_output("stream", timeout=30))
    # Well before the statistics are given up.
    await until(lambda: "StopStream" in [name for name, _data in fake.asked], REQUEST_TIMEOUT - 2)
    await fake.tell("StreamStateChanged", outputState="OBS_WEBSOCKET_OUTPUT_STOPPED")

    assert (await stop).state is OutputState.STOPPED


async def test_a_flood_of_events_is_answered_by_one_reading_not_by_one_change_each(
    client, fake, events, monkeypatch
):
    monkeypatch.setattr(watching, "MAX_EVENTS", 20)
    before = len(of(events, StateChanged))
    for number in range(3000):
        await fake.tell("InputVolumeChanged", inputUuid="uuid-mic", inputVolumeDb=-number / 100)
    fake.answers["GetInputVolume"] = {"inputVolumeDb": -42.0}
    await until(lambda: client.state.audio["uuid-mic"].volume == -42.0)

    assert len(of(events, StateChanged)) - before < 1000


async def test_a_refusal_that_repeats_the_key_is_told_without_it(client, fake):
    encoded = base64.b64encode(b"another-secret-key").decode()
    fake.answers["SetStreamServiceSettings"] = (400, f"no: another-secret-key {encoded} {PASSWORD}")
    destination = Destination(
        name="One", service=Service.RTMP, server="rtmp://new/live", key="another-secret-key"
    )
    with pytest.raises(RefusedError) as raised:
        await client.set_destination(destination)
    told = str(raised.value) + repr(raised.value.details)
    for secret in ("another-secret-key", encoded, PASSWORD):
        assert secret not in told


async def test_whip_needs_obs_30(make, fake):
    fake.answers["GetVersion"]["obsVersion"] = "29.1.3"
    client = make()
    await client.start()
    await until(lambda: client.connected)
    with pytest.raises(UnsupportedError):
        await client.set_destination(
            Destination(name="W", service=Service.WHIP, server="https://whip.example/x", token="t")
        )
    await client.stop()


# -- connection -----------------------------------------------------------------------------------


async def test_a_lost_connection_ends_what_waits_and_comes_back(client, fake, events):
    waiting = asyncio.create_task(client.start_output("stream"))
    await until(lambda: "StartStream" in [name for name, _data in fake.asked])
    with patch.object(base, "FIRST_RETRY", 0.01):
        await fake.sockets[-1].close(code=1001)
        with pytest.raises(StudioError):
            await waiting
        await until(lambda: of(events, Connected))
    assert of(events, Disconnected)[0].error.code == "studio_closed"
    assert client.connected


async def test_a_goodbye_is_no_error(client, fake, events):
    await fake.tell("ExitStarted")
    await fake.sockets[-1].close(code=1001)
    (lost,) = await until(lambda: of(events, Disconnected))
    assert lost.error is None


async def test_who_was_thrown_out_stays_away(client, fake, events):
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.Event().wait()

    with patch.object(client, "_pause", pause):
        await fake.sockets[-1].close(code=4011)
        await until(lambda: pauses)
    assert of(events, Disconnected)[0].error.code == "studio_kicked"
    assert pauses[0] >= 60


async def test_a_wrong_password_ends_the_attempts(make, fake):
    client = make(password="wrong")
    told: list[StudioEvent] = []
    client.subscribe(told.append)
    await client.start()
    (lost,) = await until(lambda: of(told, Disconnected))
    assert isinstance(lost.error, AuthenticationError)
    await until(client._task.done)
    await client.stop()


async def test_an_obs_that_answers_no_reading_is_given_up(client, fake, events):
    fake.silent.add("GetStats")
    client.poll_interval = 1
    with patch.object(watching.Connection.batch, "__kwdefaults__", {"timeout": 0.05}):
        (lost,) = await until(lambda: of(events, Disconnected))
    assert isinstance(lost.error, DeadlineError)


async def test_stopping_leaves_no_task_behind(make, fake):
    before = asyncio.all_tasks()
    client = make()
    await client.start()
    await until(lambda: client.connected)
    waiting = asyncio.create_task(client.start_output("stream"))
    await until(lambda: "StartStream" in [name for name, _data in fake.asked])
    await client.stop()
    await client.stop()
    with pytest.raises(StudioError):
        await waiting
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not [name for name in names if "OBS" in name or "studio" in name]


async def test_the_probe_claims_an_obs_once(session, server, fake):
    kept: dict[str, Any] = {}

    def store(data: dict[str, Any]) -> dict[str, Any]:
        kept["slotValue"] = data["slotValue"]
        return {}

    fake.answers["SetPersistentData"] = store
    fake.answers["GetPersistentData"] = lambda data: dict(kept) or {"slotValue": None}
    looked = await probe_obs(session, "127.0.0.1", server.port, PASSWORD, claim=False)
    assert looked.id is None
    assert not kept
    claimed = await probe_obs(session, "127.0.0.1", server.port, PASSWORD)
    assert claimed.id == kept["slotValue"]
    assert await probe_obs(session, "127.0.0.1", server.port, PASSWORD) == claimed


@pytest.mark.parametrize("stored", [5, "", "not a uuid", "x" * 10_000, {"a": 1}])
async def test_an_id_that_is_none_is_replaced(session, server, fake, stored):
    kept: dict[str, Any] = {"slotValue": stored}
    fake.answers["SetPersistentData"] = lambda data: kept.update(data) or {}
    fake.answers["GetPersistentData"] = lambda data: {"slotValue": kept["slotValue"]}
    found = await probe_obs(session, "127.0.0.1", server.port, PASSWORD)
    assert found.id == kept["slotValue"]


async def test_debug_logs_hold_neither_key_nor_password(make, fake, caplog):
    caplog.set_level(logging.DEBUG)
    client = make()
    told: list[StudioEvent] = []
    client.subscribe(told.append)
    await client.start()
    await until(lambda: client.connected)
    with pytest.raises(InvalidError):
        await client.raw("SetStreamServiceSettings", {"streamServiceSettings": {"key": KEY}})
    await fake.tell("StreamServiceSettingsChanged", key=KEY)
    await fake.sockets[-1].send_str(json.dumps({"op": 5, "d": {"eventType": KEY, "key": KEY}}))
    await client.stop()
    for secret in (KEY, PASSWORD):
        assert secret not in caplog.text
        assert secret not in repr(told)
        assert secret not in repr(client.state)


# -- transitions ----------------------------------------------------------------------------------


def test_a_transition_runs_from_its_beginning_to_its_end_in_any_order():
    counted = Transitions()
    assert counted.rest(0, 5) == 0
    counted.told(True, 10)
    assert counted.rest(11, 5) == 4
    counted.told(False, 12)
    assert counted.rest(12, 5) == 0
    # The end may be told before the beginning.
    counted.told(False, 20)
    counted.told(True, 20)
    assert counted.rest(20, 5) == 0
    # An end that never comes is not waited for again and again.
    counted.told(True, 30)
    assert counted.rest(35, 5) == 0
    assert counted.rest(31, 5) == 0


async def test_a_transition_that_obs_ignored_is_chosen_again(client, fake):
    asked: list[str] = []

    def choose(data: dict[str, Any]) -> dict[str, Any]:
        asked.append(data["transitionName"])
        if len(asked) > 1:
            fake.answers["GetSceneTransitionList"]["currentSceneTransitionName"] = asked[-1]
        return {}

    fake.answers["SetCurrentSceneTransition"] = choose
    with patch.object(showing, "CHANGE_TIMEOUT", 4.5):
        await client.set_transition("Schnitt")
    assert len(asked) > 1
    assert client.state.transition == "Schnitt"


# -- what real ones do ----------------------------------------------------------------------------


async def test_a_start_that_obs_is_not_ready_for_is_asked_again(client, fake):
    """OBS tells that a recording stopped, and for a moment refuses to start the next one."""
    asked: list[int] = []

    def start(data: dict[str, Any]) -> Any:
        asked.append(1)
        if len(asked) == 1:
            return 500
        fake.answers["GetRecordStatus"] = {"outputActive": True, "outputPaused": False}
        return {}

    fake.answers["StartRecord"] = start
    assert (await client.start_output("record")).state is OutputState.ACTIVE
    assert len(asked) == 2


async def test_a_start_ends_in_time_when_obs_answers_nothing(client, fake):
    fake.silent.add("GetStreamStatus")
    async with asyncio.timeout(REQUEST_TIMEOUT - 2):
        with pytest.raises(DeadlineError) as raised:
            await client.start_output("stream", timeout=0.1)
    assert raised.value.code == "not_confirmed"


async def test_two_changes_of_a_pause_keep_a_distance(client, fake):
    fake.answers["GetRecordStatus"] = {"outputActive": True, "outputPaused": False}
    at: dict[str, float] = {}

    def paused(name: str, value: bool):
        def change(data: dict[str, Any]) -> dict[str, Any]:
            at[name] = asyncio.get_running_loop().time()
            fake.answers["GetRecordStatus"] = {"outputActive": True, "outputPaused": value}
            return {}

        return change

    fake.answers["PauseRecord"] = paused("pause", True)
    fake.answers["ResumeRecord"] = paused("resume", False)
    assert (await client.pause_recording()).state is OutputState.PAUSED
    assert (await client.resume_recording()).state is OutputState.ACTIVE
    assert at["resume"] - at["pause"] > outputs.PAUSE_GAP * 0.9
