"""Switches of studios."""

import asyncio

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.const import CONF_SCENE_ITEMS, CONF_SCENES
from custom_components.infrafabric.studio.errors import DeadlineError, RefusedError
from custom_components.infrafabric.studio.model import Feature, OutputState, StudioState
from homeassistant.const import (
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .studio_entities import (
    both_studios,
    disabled,
    do,
    entity_ids,
    everything_enabled,
    overview,
    state_of,
    studio_state,
    with_vmix,
)
from .studio_fake import CAMERA, DESK, MICROPHONE, FakeStudioClient, obs_state

__all__ = ["everything_enabled", "studio_state"]

STREAM = "switch.stage_stream"
ALL_ITEMS = pytest.mark.parametrize("studio_options", [{CONF_SCENE_ITEMS: "all"}])


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.SWITCH]


@both_studios
async def test_there_is_a_switch_for_everything_that_is_on_or_off(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


async def test_a_switch_starts_and_stops_its_output_and_shows_what_the_studio_confirmed(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    await do(hass, Platform.SWITCH, SERVICE_TURN_ON, STREAM)
    assert init_studio.asked("start_output") == [("stream",)]
    assert state_of(hass, STREAM) == STATE_ON

    await do(hass, Platform.SWITCH, SERVICE_TURN_OFF, STREAM)
    assert init_studio.asked("stop_output") == [("stream",)]
    assert state_of(hass, STREAM) == STATE_OFF


async def test_a_switch_does_not_show_on_before_the_studio_says_so(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.gate = asyncio.Event()
    turning = asyncio.create_task(do(hass, Platform.SWITCH, SERVICE_TURN_ON, STREAM))
    while not init_studio.asked("start_output"):
        await asyncio.sleep(0)
    assert state_of(hass, STREAM) == STATE_OFF

    init_studio.gate.set()
    await turning
    assert state_of(hass, STREAM) == STATE_ON


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (
            RefusedError(
                "request_refused", "No.", request="StartStream", reason="no encoder available"
            ),
            "studio_request_refused",
        ),
        (
            DeadlineError("not_confirmed", "No answer.", output="stream", state="starting"),
            "studio_not_confirmed",
        ),
    ],
)
async def test_a_rejected_start_is_an_error_and_the_switch_stays_off(
    hass: HomeAssistant, init_studio: FakeStudioClient, error: RefusedError, key: str
) -> None:
    init_studio.error = error
    with pytest.raises(HomeAssistantError) as raised:
        await do(hass, Platform.SWITCH, SERVICE_TURN_ON, STREAM)

    assert raised.value.translation_domain == "infrafabric"
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == error.details
    assert state_of(hass, STREAM) == STATE_OFF


@pytest.mark.parametrize(
    ("output_state", "shown"),
    [
        (OutputState.STARTING, STATE_ON),
        (OutputState.ACTIVE, STATE_ON),
        (OutputState.RECONNECTING, STATE_ON),
        (OutputState.PAUSED, STATE_ON),
        (OutputState.STOPPING, STATE_OFF),
        (OutputState.STOPPED, STATE_OFF),
        (OutputState.UNKNOWN, STATE_UNKNOWN),
    ],
)
async def test_a_switch_follows_the_output_however_it_was_started(
    hass: HomeAssistant, init_studio: FakeStudioClient, output_state: OutputState, shown: str
) -> None:
    init_studio.output("stream", output_state)
    await hass.async_block_till_done()
    assert state_of(hass, STREAM) == shown


async def test_switches_are_unavailable_while_the_studio_is_away(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    enabled = entity_ids(hass, studio_entry) - disabled(hass, studio_entry)
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert {state_of(hass, entity_id) for entity_id in enabled} == {STATE_UNAVAILABLE}

    init_studio.connect()
    await hass.async_block_till_done()
    assert state_of(hass, STREAM) == STATE_OFF
    assert STATE_UNAVAILABLE not in {state_of(hass, entity_id) for entity_id in enabled}


async def test_the_recording_is_paused_and_resumed(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    pause = "switch.stage_pause_recording"
    init_studio.output("record", OutputState.ACTIVE)
    await hass.async_block_till_done()
    assert state_of(hass, pause) == STATE_OFF

    await do(hass, Platform.SWITCH, SERVICE_TURN_ON, pause)
    assert state_of(hass, pause) == STATE_ON
    assert state_of(hass, "switch.stage_recording") == STATE_ON

    await do(hass, Platform.SWITCH, SERVICE_TURN_OFF, pause)
    assert state_of(hass, pause) == STATE_OFF
    assert [call[0] for call in init_studio.calls[1:]] == ["pause_recording", "resume_recording"]

    init_studio.output("record", OutputState.UNKNOWN)
    await hass.async_block_till_done()
    assert state_of(hass, pause) == STATE_UNKNOWN


async def test_the_studio_mode_is_switched(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, "switch.stage_studio_mode") == STATE_ON
    await do(hass, Platform.SWITCH, SERVICE_TURN_OFF, "switch.stage_studio_mode")
    assert init_studio.asked("set_studio_mode") == [({"enabled": False},)]
    assert state_of(hass, "switch.stage_studio_mode") == STATE_OFF


@with_vmix
async def test_vmix_fades_to_black_and_back(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    black = "switch.truck_fade_to_black"
    await do(hass, Platform.SWITCH, SERVICE_TURN_ON, black)
    assert init_studio.asked("set_fade_to_black") == [({"enabled": True},)]
    assert state_of(hass, black) == STATE_ON

    init_studio.replace_state(fade_to_black=None)
    await hass.async_block_till_done()
    assert state_of(hass, black) == STATE_UNKNOWN


@with_vmix
async def test_an_overlay_of_vmix_is_shown_and_hidden(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, "switch.truck_overlay_1") == STATE_ON
    assert state_of(hass, "switch.truck_overlay_2") == STATE_OFF

    await do(hass, Platform.SWITCH, SERVICE_TURN_OFF, "switch.truck_overlay_1")
    assert init_studio.asked("set_overlay") == [(1, {"source": None, "enabled": False})]
    assert state_of(hass, "switch.truck_overlay_1") == STATE_OFF


async def test_a_channel_is_muted(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    mute = "switch.stage_microphone_mute"
    assert state_of(hass, mute) == STATE_OFF
    assert state_of(hass, "switch.stage_music_mute") == STATE_ON

    await do(hass, Platform.SWITCH, SERVICE_TURN_ON, mute)
    assert init_studio.asked("set_muted") == [(MICROPHONE, {"muted": True})]
    assert state_of(hass, mute) == STATE_ON


@ALL_ITEMS
async def test_an_item_of_a_scene_is_shown_and_hidden(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    logo = "switch.stage_logo_in_camera"
    assert state_of(hass, logo) == STATE_OFF
    await do(hass, Platform.SWITCH, SERVICE_TURN_ON, logo)
    assert init_studio.asked("set_item_visible") == [(CAMERA, 2, {"visible": True})]
    assert state_of(hass, logo) == STATE_ON


async def test_nobody_gets_switches_for_scene_items_who_did_not_ask(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert disabled(hass, studio_entry) == {
        "switch.stage_microphone_mute",
        "switch.stage_music_mute",
    }
    assert not any("_in_" in entity_id for entity_id in entity_ids(hass, studio_entry))


@pytest.mark.parametrize(
    ("studio_options", "items"),
    [
        (
            {CONF_SCENE_ITEMS: "all"},
            {
                "switch.stage_webcam_in_camera",
                "switch.stage_logo_in_camera",
                "switch.stage_screen_in_desk",
            },
        ),
        (
            {CONF_SCENE_ITEMS: "chosen", CONF_SCENES: [DESK]},
            {"switch.stage_screen_in_desk"},
        ),
    ],
)
async def test_whoever_asks_for_scene_items_gets_switches_for_them(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    items: set[str],
) -> None:
    enabled = entity_ids(hass, studio_entry) - disabled(hass, studio_entry)
    assert {item for item in enabled if "_in_" in item} == items


@with_vmix
async def test_the_master_and_the_buses_are_enabled_and_inputs_are_not(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert state_of(hass, "switch.truck_mute") == STATE_OFF
    assert state_of(hass, "switch.truck_a_mute") == STATE_ON
    assert disabled(hass, studio_entry) == {
        "switch.truck_camera_1_mute",
        "switch.truck_opener_mp4_mute",
    }


async def test_a_version_that_lacks_something_has_no_switch_for_it(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    state: StudioState = obs_state(features=frozenset({Feature.SCREENSHOT}))
    outputs = {key: state.outputs[key] for key in ("stream", "record")}
    init_studio.disconnect()
    init_studio.connect(obs_state(features=state.features, outputs=outputs, audio={}))
    await hass.async_block_till_done()
    assert entity_ids(hass, studio_entry) == {STREAM, "switch.stage_recording"}
