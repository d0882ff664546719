"""The event entity of a studio."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    mock_restore_cache_with_extra_data,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.studio.events import (
    Happening,
    ProgramChanged,
    RecordingFinished,
    ReplaySaved,
    StudioEvent,
)
from custom_components.infrafabric.studio.model import OutputState
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant, State

from .studio_entities import both_studios, overview, state_of, studio_state, there
from .studio_fake import BREAK, CAMERA, FakeStudioClient

__all__ = ["studio_state"]

ACTIVITY = "event.stage_activity"
ABOUT_THE_ENTITY = {"event_types", "friendly_name"}


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.EVENT]


def told(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the last event says."""
    attributes = there(hass, ACTIVITY).attributes
    return {key: value for key, value in attributes.items() if key not in ABOUT_THE_ENTITY}


@both_studios
async def test_there_is_one_event_entity(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


@pytest.mark.parametrize(
    ("key", "what", "event"),
    [
        ("stream", Happening.STARTED, "stream_started"),
        ("stream", Happening.STOPPED, "stream_stopped"),
        ("stream", Happening.FAILED, "stream_failed"),
        ("stream", Happening.RECONNECTING, "stream_reconnecting"),
        ("stream", Happening.RECONNECTED, "stream_reconnected"),
        ("record", Happening.STARTED, "recording_started"),
        ("record", Happening.FAILED, "recording_failed"),
        ("record", Happening.PAUSED, "recording_paused"),
        ("record", Happening.RESUMED, "recording_resumed"),
        ("replay_buffer", Happening.STARTED, "replay_buffer_started"),
        ("virtual_camera", Happening.STOPPED, "virtual_camera_stopped"),
    ],
)
async def test_what_happens_to_an_output_is_told(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    key: str,
    what: Happening,
    event: str,
) -> None:
    init_studio.happen(key, what, OutputState.ACTIVE)
    await hass.async_block_till_done()
    assert told(hass) == {"event_type": event, "output": key}


async def test_a_recording_that_fails_is_told_with_its_file(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.output("record", OutputState.ACTIVE, path="/videos/today.mkv")
    init_studio.output("record", OutputState.STOPPED, asked=False)
    await hass.async_block_till_done()
    assert told(hass) == {
        "event_type": "recording_failed",
        "output": "record",
        "path": "/videos/today.mkv",
    }


async def test_an_output_of_a_plugin_is_told_with_its_name(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.output("output:NDI Main", OutputState.ACTIVE)
    await hass.async_block_till_done()
    assert told(hass) == {
        "event_type": "output_started",
        "output": "output:NDI Main",
        "name": "NDI Main",
    }


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (
            RecordingFinished(path="/videos/today.mkv", duration_s=61.5),
            {"event_type": "recording_finished", "path": "/videos/today.mkv", "duration": 61.5},
        ),
        (
            RecordingFinished(path=None),
            {"event_type": "recording_finished", "path": None, "duration": None},
        ),
        (
            ReplaySaved(path="/videos/goal.mkv"),
            {"event_type": "replay_saved", "path": "/videos/goal.mkv"},
        ),
        (
            ProgramChanged(mix=1, source=BREAK, name="Break", previous="Camera"),
            {"event_type": "scene_changed", "scene": "Break", "previous": "Camera"},
        ),
    ],
)
async def test_what_happens_to_files_and_the_program_is_told(
    hass: HomeAssistant, init_studio: FakeStudioClient, event: StudioEvent, says: dict[str, Any]
) -> None:
    init_studio.emit(event)
    await hass.async_block_till_done()
    assert told(hass) == says


async def test_a_recording_that_ends_is_one_event_which_has_the_file(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    init_studio.output("record", OutputState.ACTIVE)
    init_studio.output("record", OutputState.STOPPED)
    init_studio.emit(RecordingFinished(path="/videos/today.mkv", duration_s=1.0))
    await hass.async_block_till_done()
    assert [event.data["new_state"].attributes["event_type"] for event in events] == [
        "recording_started",
        "recording_finished",
    ]


async def test_only_the_main_mix_is_the_program(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.emit(ProgramChanged(mix=2, source=CAMERA, name="Camera", previous=None))
    await hass.async_block_till_done()
    assert state_of(hass, ACTIVITY) == STATE_UNKNOWN


async def test_the_same_event_twice_is_told_twice(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    for number in (1, 2):
        init_studio.emit(ReplaySaved(path=f"/videos/{number}.mkv"))
    await hass.async_block_till_done()
    assert [event.data["new_state"].attributes["path"] for event in events] == [
        "/videos/1.mkv",
        "/videos/2.mkv",
    ]


async def test_a_connection_that_is_lost_and_comes_back_is_no_new_event(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.emit(ReplaySaved(path="/videos/goal.mkv"))
    await hass.async_block_till_done()
    before = state_of(hass, ACTIVITY)
    events = async_capture_events(hass, EVENT_STATE_CHANGED)

    init_studio.disconnect()
    init_studio.connect()
    await hass.async_block_till_done()
    assert state_of(hass, ACTIVITY) == before
    assert events == []


@pytest.mark.parametrize("former", [False, True])
async def test_only_what_happened_in_this_very_studio_is_restored(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    former: bool,
) -> None:
    init_studio.emit(ReplaySaved(path="/videos/goal.mkv"))
    await hass.async_block_till_done()
    happened = there(hass, ACTIVITY)
    assert await hass.config_entries.async_unload(studio_entry.entry_id)
    # As after a restart; a removed studio may have had the name, and so the entity id.
    when = "2026-01-01T00:00:00.000+00:00" if former else happened.state
    data = {"last_event_type": "replay_saved", "last_event_attributes": {"path": "/a.mkv"}}
    mock_restore_cache_with_extra_data(hass, [(State(ACTIVITY, when, happened.attributes), data)])
    assert await hass.config_entries.async_setup(studio_entry.entry_id)
    await hass.async_block_till_done()

    assert state_of(hass, ACTIVITY) == (STATE_UNKNOWN if former else happened.state)
    assert told(hass).get("path") == (None if former else "/a.mkv")
