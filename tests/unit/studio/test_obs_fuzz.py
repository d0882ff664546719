"""A server that sends anything: the client neither crashes nor hangs, and leaves no task behind."""

import asyncio
import contextlib
import json
import logging
import random
from typing import Any

import aiohttp
from aiohttp import web
from hypothesis import HealthCheck, given, settings, strategies as st

from infrafabric.studio.errors import StudioError
from infrafabric.studio.model import StudioKind, StudioState, Version
from infrafabric.studio.obs import ObsClient, happened, protocol, reading
from infrafabric.studio.obs.book import STATES, OutputBook
from infrafabric.studio.obs.connection import Connection
from tests.unit.studio.obs_world import PASSWORD, FakeObs, answers, serving

KEY = "k3y-of-the-stream"

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["One", "uuid-1", "Mic", "uuid-mic", *STATES, "\ud800", "x" * 600]),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted(
    {
        *("sceneName", "sceneUuid", "oldSceneName", "scenes", "inputName", "inputUuid", "profiles"),
        *("inputVolumeDb", "inputMuted", "monitorType", "transitionName", "transitionDuration"),
        *("studioModeEnabled", "sceneCollections", "outputState", "outputPath", "outputActive"),
        *("newOutputPath", "savedReplayPath", "sceneItemId", "sceneItemEnabled", "inputs"),
        *("inputLevelsMul", "sceneIndex", "currentProgramSceneName", "outputs", "outputName"),
        *(
            "streamServiceSettings",
            "server",
            "key",
            "fpsNumerator",
            "fpsDenominator",
            "transitions",
        ),
    }
)
DATA = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)
EVENTS = st.sampled_from(
    [
        *happened._EVENTS,
        *("StreamStateChanged", "RecordStateChanged", "VirtualcamStateChanged"),
        *("ReplayBufferStateChanged", "RecordFileChanged", "ReplayBufferSaved"),
        *("InputVolumeMeters", "SceneTransitionStarted", "SceneTransitionEnded", "Unheard"),
        *("CurrentSceneCollectionChanging", "CustomEvent"),
    ]
)


def dump(value: Any) -> str:
    return json.dumps(value)


@given(st.text() | JSON.map(dump) | st.binary().map(lambda data: data.decode("latin-1")))
@settings(deadline=None)
def test_any_text_is_a_frame_or_malformed(text):
    said = ""
    try:
        protocol.parse(text)
    except ValueError as err:
        said = str(err)
    assert len(said) < 60


@given(st.integers(-1, 12), JSON)
@settings(deadline=None)
def test_any_frame_is_a_frame_or_malformed(code, data):
    with contextlib.suppress(ValueError):
        protocol.parse(dump({"op": code, "d": data}))


@given(EVENTS, DATA)
@settings(deadline=None, max_examples=300)
def test_any_event_leaves_a_state(name, data):
    start = StudioState(
        kind=StudioKind.OBS,
        version=Version(software="30"),
        sources=reading.scenes(answers()["GetSceneList"]).sources,
    )
    change = happened.apply(start, name, data)
    assert change.state.main.program is None or change.state.main.program in change.state.sources
    happened.loudest(data)


@given(DATA)
@settings(deadline=None, max_examples=300)
def test_any_answer_is_read_or_left_out(data):
    for read in (
        *(reading.version, reading.scenes, reading.transitions, reading.transition_ms),
        *(reading.inputs, reading.target_fps, reading.output, reading.other_outputs),
        *(reading.destination, reading.monitor),
    ):
        read(data)
    reading.statistics(data, None)
    reading.scene_items("scene", data)


OUTPUT_STATES = st.sampled_from(sorted(set(STATES.values())))
READINGS = st.builds(
    reading.OutputReading,
    active=st.booleans(),
    reconnecting=st.booleans(),
    paused=st.booleans(),
    duration_s=st.none() | st.floats(0, 1e6),
    sent_bytes=st.none() | st.integers(0, 2**60),
)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100), st.sampled_from(["stream", "record"]), OUTPUT_STATES | READINGS
        )
    )
)
@settings(deadline=None)
def test_any_history_of_an_output_ends_in_what_was_told_last(steps):
    book, now = OutputBook(), 0.0
    for pause, key, step in steps:
        now += pause
        if isinstance(step, reading.OutputReading):
            book.read({"stream": step, "record": step}, now)
        else:
            book.told(key, step, now)
            assert book.outputs[key].state is step
    # A status that nothing contradicts for long enough is believed.
    for _ in range(3):
        now += 100
        book.read({"stream": reading.OutputReading(active=False), "record": None}, now)
    if "stream" in book.outputs:
        assert not book.outputs["stream"].state.is_on


FRAMES = st.one_of(
    st.tuples(EVENTS, DATA).map(
        lambda pair: dump({"op": 5, "d": {"eventType": pair[0], "eventData": pair[1]}})
    ),
    st.tuples(st.integers(0, 10), JSON).map(lambda pair: dump({"op": pair[0], "d": pair[1]})),
    st.tuples(st.sampled_from(["1", "2", "3"]), DATA).map(
        lambda pair: dump(
            {
                "op": 7,
                "d": {
                    "requestId": pair[0],
                    "requestStatus": {"result": True, "code": 100},
                    "responseData": pair[1],
                },
            }
        )
    ),
    st.text(max_size=30),
)


@given(st.lists(FRAMES, max_size=12), st.dictionaries(st.sampled_from(sorted(answers())), DATA))
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_hostile_server_is_survived(caplog, frames, wrong):
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        fake = FakeObs()
        fake.answers |= wrong
        loop_errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: loop_errors.append(context)
        )

        async def script(socket: web.WebSocketResponse) -> None:
            async def noise() -> None:
                await asyncio.sleep(0.01)
                for frame in frames:
                    if not socket.closed:
                        await socket.send_str(frame.encode("utf-8", "replace").decode())

            task = asyncio.create_task(noise())
            await fake.serve(socket)
            await asyncio.gather(task, return_exceptions=True)

        fake.script = script
        async with serving(fake) as server, aiohttp.ClientSession() as session:
            client = ObsClient(
                session,
                "127.0.0.1",
                server.port,
                PASSWORD,
                scene_items=True,
                meters=True,
                rng=random.Random(1),
            )
            await client.start()
            await asyncio.sleep(0.05)
            with contextlib.suppress(StudioError):
                await client.start_output("stream", timeout=0.02)
            task = client._task
            assert not task.done()
            async with asyncio.timeout(20):
                await client.stop()
            assert task.done()
        left = [one for one in asyncio.all_tasks() if "OBS" in one.get_name()]
        assert not left
        assert not loop_errors

    asyncio.run(scenario())
    assert "Unexpected error" not in caplog.text
    assert "A subscriber failed" not in caplog.text
    assert PASSWORD not in caplog.text
    assert KEY not in caplog.text


async def test_a_frame_that_is_too_large_ends_the_connection():
    fake = FakeObs()
    async with serving(fake) as server, aiohttp.ClientSession() as session:
        link = await Connection.open(
            session, "127.0.0.1", server.port, PASSWORD, wanted=protocol.Intent(0)
        )
        reader = asyncio.create_task(link.run(lambda event: None))
        with contextlib.suppress(ConnectionError):
            await fake.sockets[-1].send_str("x" * (protocol.MAX_FRAME_BYTES + 1))
        end = await asyncio.wait_for(reader, 20)
        assert end.code == "studio_closed"
        await link.close()
