"""The logbook tells what happens in sentences."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.infrafabric import logbook
from custom_components.infrafabric.happenings import Happened
from custom_components.infrafabric.mesh.model import Band, Path, Quality
from custom_components.infrafabric.studio.events import RecordingFinished
from custom_components.infrafabric.studio.model import OutputState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .conftest import STUDIO, FakeMeshNode
from .studio_fake import FakeStudioClient

BAD = Quality(rtt_ms=212.4, jitter_ms=9.0, loss_percent=7.2, score=30.0, band=Band.POOR)
GOOD = replace(BAD, rtt_ms=20.0, loss_percent=0.0, band=Band.GOOD)


@pytest.fixture(autouse=True)
def _custom_integrations(recorder_mock: Any, enable_custom_integrations: None) -> None:
    """Begin with the recorder, as the one of all other tests begins with Home Assistant."""


async def test_ten_things_that_happen_are_ten_sentences(
    hass: HomeAssistant,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    hass_ws_client: Any,
) -> None:
    began = dt_util.utcnow()
    for part in ("homeassistant", "logbook"):
        assert await async_setup_component(hass, part, {})
    await hass.async_block_till_done()
    init_studio.output("stream", OutputState.STOPPED)
    await hass.async_block_till_done()

    node.connect_peer(STUDIO.peer_id)
    node.receive(STUDIO, {}, performative="request", topic="if://topic/doors")
    node.change_peer(STUDIO.peer_id, quality=BAD)
    node.change_peer(STUDIO.peer_id, quality=GOOD)
    node.change_peer(STUDIO.peer_id, path=Path.TURN_UDP)
    node.disconnect_peer(STUDIO.peer_id, "peer_silent")
    init_studio.output("stream", OutputState.ACTIVE)
    init_studio.output("stream", OutputState.STOPPED, duration_s=3661.4)
    init_studio.output("stream", OutputState.STARTING)
    init_studio.output("stream", OutputState.STOPPED, asked=False, duration_s=None)
    init_studio.emit(RecordingFinished("C:\\Videos\\show.mkv", 61.5))
    await async_wait_recording_done(hass)

    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "logbook/get_events", "start_time": began.isoformat()})
    answer = await client.receive_json()
    entries = [entry for entry in answer["result"] if entry.get("domain") == "infrafabric"]

    sentences = [f"{entry['name']} {entry['message']}" for entry in entries]
    assert [text for text in sentences if not text.startswith("Stage's stream is on")] == [
        "Studio is connected",
        "Studio sent a message: request about if://topic/doors",
        "Studio's link became poor: loss 7 %, round trip 212 ms",
        "Studio's link became good: round trip 20 ms",
        "Studio's link runs through a relay (UDP)",
        "Studio is disconnected: peer_silent",
        "Stage's stream ended after 1:01:01",
        "Stage's stream failed",
        "Stage finished a recording: show.mkv",
    ]
    assert sentences.count("Stage's stream is on air") == 1
    assert all(entry["icon"].startswith("mdi:") for entry in entries)


def test_everything_that_happens_has_a_sentence() -> None:
    assert logbook.SENTENCES.keys() == set(Happened)


@pytest.mark.parametrize(
    ("what", "data", "sentence"),
    [
        (
            Happened.STREAM_STARTED,
            {"studio_name": "Truck", "output": "stream_2", "channel": 2},
            "Truck's stream 2 is on air",
        ),
        (
            Happened.RECORDING_FINISHED,
            {"studio_name": "Truck", "path": None},
            "Truck finished a recording",
        ),
        (
            Happened.RECORDING_FINISHED,
            {"studio_name": "Stage", "path": "/home/obs/show.mkv"},
            "Stage finished a recording: show.mkv",
        ),
        (
            Happened.LINK_QUALITY_CHANGED,
            {"peer_name": "Studio", "to": "fair", "rtt_ms": None, "loss_percent": None},
            "Studio's link became fair",
        ),
        (
            Happened.MESSAGE_RECEIVED,
            {"peer_name": "Studio", "performative": "inform", "topic": None},
            "Studio sent a message: inform",
        ),
        (
            Happened.WEBHOOK_RECEIVED,
            {"webhook": "Director", "action": "lights_off"},
            "Director accepted lights_off",
        ),
    ],
)
def test_a_sentence_says_what_is_known_and_no_more(
    what: Happened, data: dict[str, Any], sentence: str
) -> None:
    name, message, _icon = logbook.SENTENCES[what](data)
    assert f"{name} {message}" == sentence
