"""Binary sensors of studios."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.studio.model import MAIN_MIX, Mix, OutputState, Overlay, Source
from homeassistant.const import (
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import HomeAssistant

from .studio_entities import (
    both_studios,
    disabled,
    entity_ids,
    everything_enabled,
    overview,
    state_of,
    studio_state,
    with_vmix,
    written,
)
from .studio_fake import BREAK, DESK, VMIX_TITLE, FakeStudioClient

__all__ = ["everything_enabled", "studio_state"]

CONNECTIVITY = "binary_sensor.stage_connectivity"
PROBLEM = "binary_sensor.stage_stream_problem"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.BINARY_SENSOR]


@both_studios
async def test_there_is_a_binary_sensor_for_everything_that_is_so_or_not(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


async def test_connectivity_says_off_while_everything_else_is_unavailable(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, CONNECTIVITY) == STATE_ON
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert state_of(hass, CONNECTIVITY) == STATE_OFF
    assert state_of(hass, PROBLEM) == STATE_UNAVAILABLE

    init_studio.connect()
    await hass.async_block_till_done()
    assert state_of(hass, CONNECTIVITY) == STATE_ON


async def test_a_stream_that_suffers_is_a_problem_and_no_stream_is_none(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, PROBLEM) == STATE_UNKNOWN
    for reading in range(3):
        init_studio.output(
            "stream",
            OutputState.ACTIVE,
            duration_s=float(reading),
            sent_bytes=reading,
            bitrate_kbps=6000.0,
            congestion=0.0,
            skipped_percent=0.0,
        )
    await hass.async_block_till_done()
    assert state_of(hass, PROBLEM) == STATE_OFF

    # At once: viewers see it.
    init_studio.output("stream", OutputState.RECONNECTING)
    await hass.async_block_till_done()
    assert state_of(hass, PROBLEM) == STATE_ON

    init_studio.output("stream", OutputState.STOPPED)
    await hass.async_block_till_done()
    assert state_of(hass, PROBLEM) == STATE_UNKNOWN


async def test_lights_are_disabled_at_first(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert entity_ids(hass, studio_entry) - disabled(hass, studio_entry) == {CONNECTIVITY, PROBLEM}


async def test_the_lights_follow_the_program_and_only_those_that_change_are_written(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, "binary_sensor.stage_camera_on_air") == STATE_ON
    assert state_of(hass, "binary_sensor.stage_desk_in_preview") == STATE_ON
    assert state_of(hass, "binary_sensor.stage_break_on_air") == STATE_OFF
    ids = written(hass)

    init_studio.replace_state(mixes={MAIN_MIX: Mix(number=MAIN_MIX, program=DESK, preview=BREAK)})
    await hass.async_block_till_done()

    assert state_of(hass, "binary_sensor.stage_camera_on_air") == STATE_OFF
    assert state_of(hass, "binary_sensor.stage_desk_on_air") == STATE_ON
    assert state_of(hass, "binary_sensor.stage_break_in_preview") == STATE_ON
    assert sorted(ids) == [
        "binary_sensor.stage_break_in_preview",
        "binary_sensor.stage_camera_on_air",
        "binary_sensor.stage_desk_in_preview",
        "binary_sensor.stage_desk_on_air",
    ]


@pytest.mark.parametrize(
    ("changes", "on_air", "in_preview"),
    [
        ({"mixes": {MAIN_MIX: Mix(number=MAIN_MIX)}}, STATE_UNKNOWN, STATE_UNKNOWN),
        (
            {"mixes": {MAIN_MIX: Mix(number=MAIN_MIX, program=DESK)}, "studio_mode": False},
            STATE_OFF,
            STATE_OFF,
        ),
    ],
)
async def test_a_light_is_off_only_if_the_studio_says_so(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    changes: dict[str, Any],
    on_air: str,
    in_preview: str,
) -> None:
    init_studio.replace_state(**changes)
    await hass.async_block_till_done()
    assert state_of(hass, "binary_sensor.stage_camera_on_air") == on_air
    assert state_of(hass, "binary_sensor.stage_camera_in_preview") == in_preview


@with_vmix
async def test_what_lies_over_the_program_is_on_air_too(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    title = "binary_sensor.truck_lower_third_on_air"
    assert state_of(hass, title) == STATE_ON

    in_preview = Overlay(number=1, source=VMIX_TITLE, preview=True)
    init_studio.replace_state(overlays={1: in_preview})
    await hass.async_block_till_done()
    assert state_of(hass, title) == STATE_OFF


async def test_a_new_scene_gets_its_lights_and_a_deleted_one_loses_them(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    before = init_studio.studio.sources
    band = Source(key="band", name="Band", number=4, kind="scene")
    init_studio.replace_state(sources={**before, "band": band})
    await hass.async_block_till_done()
    assert state_of(hass, "binary_sensor.stage_band_on_air") == STATE_OFF

    init_studio.replace_state(sources=before)
    await hass.async_block_till_done()
    assert hass.states.get("binary_sensor.stage_band_on_air") is None


@with_vmix
async def test_vmix_never_says_how_its_streams_do_so_nothing_judges_them(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert "binary_sensor.truck_stream_problem" not in entity_ids(hass, studio_entry)
