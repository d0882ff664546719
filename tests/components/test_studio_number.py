"""Numbers of studios."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.const import CONF_AUDIO_CHANNELS
from custom_components.infrafabric.studio.errors import RefusedError
from custom_components.infrafabric.studio.model import AudioChannel, Feature, VolumeUnit
from homeassistant.components.number.const import SERVICE_SET_VALUE
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .studio_entities import (
    both_studios,
    disabled,
    do,
    everything_enabled,
    overview,
    state_of,
    studio_state,
    with_vmix,
)
from .studio_fake import MICROPHONE, FakeStudioClient

__all__ = ["everything_enabled", "studio_state"]

DURATION = "number.stage_transition_duration"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.NUMBER]


async def put(hass: HomeAssistant, entity_id: str, value: float) -> None:
    await do(hass, Platform.NUMBER, SERVICE_SET_VALUE, entity_id, value=value)


@both_studios
async def test_there_is_a_number_for_everything_that_can_be_set(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


async def test_the_transition_takes_as_long_as_it_is_told(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    await put(hass, DURATION, 750)
    assert init_studio.asked("set_transition_duration") == [(750,)]
    assert state_of(hass, DURATION) == "750"


async def test_a_transition_without_a_duration_is_unknown(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.replace_state(transition="Cut", transition_ms=None)
    await hass.async_block_till_done()
    assert state_of(hass, DURATION) == STATE_UNKNOWN


@pytest.mark.parametrize("value", [49, 20_001])
async def test_a_duration_that_no_studio_takes_is_never_sent(
    hass: HomeAssistant, init_studio: FakeStudioClient, value: int
) -> None:
    with pytest.raises(ServiceValidationError):
        await put(hass, DURATION, value)
    assert init_studio.asked("set_transition_duration") == []


@with_vmix
async def test_a_duration_that_vmix_does_not_take_is_never_sent(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    # A vMix that lists its transition buttons.
    features = init_studio.studio.features | {Feature.TRANSITION_DURATION}
    init_studio.replace_state(features=features, transition_ms=500)
    await hass.async_block_till_done()
    duration = "number.truck_transition_duration"
    with pytest.raises(ServiceValidationError):
        await put(hass, duration, 10_000)
    await put(hass, duration, 9999)
    assert init_studio.asked("set_transition_duration") == [(9999,)]


async def test_a_volume_of_obs_is_set_in_decibels(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    await put(hass, "number.stage_microphone_volume", -12.5)
    assert init_studio.asked("set_volume") == [(MICROPHONE, -12.5)]
    assert state_of(hass, "number.stage_microphone_volume") == "-12.5"


@with_vmix
async def test_a_volume_of_vmix_is_set_in_percent_and_that_of_the_master_is_there_from_the_start(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    await put(hass, "number.truck_volume", 80)
    assert init_studio.asked("set_volume") == [("master", 80.0)]
    assert state_of(hass, "number.truck_volume") == "80.0"
    assert disabled(hass, studio_entry) == {
        "number.truck_camera_1_volume",
        "number.truck_opener_mp4_volume",
    }


@pytest.mark.parametrize("studio_options", [{CONF_AUDIO_CHANNELS: [MICROPHONE]}])
async def test_a_chosen_channel_is_enabled_from_the_start(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert disabled(hass, studio_entry) == {"number.stage_music_volume"}
    assert state_of(hass, "number.stage_microphone_volume") == "-6.5"


async def test_a_volume_that_the_studio_refuses_is_an_error_and_stays(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    init_studio.error = RefusedError(
        "request_refused", "No.", request="SetInputVolume", reason="no audio"
    )
    with pytest.raises(HomeAssistantError) as raised:
        await put(hass, "number.stage_microphone_volume", 0)
    assert raised.value.translation_key == "studio_request_refused"
    assert state_of(hass, "number.stage_microphone_volume") == "-6.5"


async def test_an_input_that_comes_and_goes_brings_and_takes_its_volume(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    before = init_studio.studio.audio
    guitar = AudioChannel(key="guitar", name="Guitar", unit=VolumeUnit.DECIBEL, volume=-3.04)
    init_studio.replace_state(audio={**before, "guitar": guitar})
    await hass.async_block_till_done()
    assert state_of(hass, "number.stage_guitar_volume") == "-3.0"

    init_studio.replace_state(audio=before)
    await hass.async_block_till_done()
    assert hass.states.get("number.stage_guitar_volume") is None


async def test_numbers_are_unavailable_while_the_studio_is_away(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert state_of(hass, DURATION) == STATE_UNAVAILABLE
