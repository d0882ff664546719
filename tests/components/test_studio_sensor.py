"""Sensors of studios."""

from dataclasses import replace
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.const import CONF_AUDIO_METERS
from custom_components.infrafabric.studio.model import OutputState, Statistics, StudioState
from custom_components.infrafabric.studio_sensor import CALM_SECONDS, SLOW_SECONDS
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant

from .studio_entities import (
    both_studios,
    disabled,
    entity_ids,
    everything_enabled,
    overview,
    state_of,
    studio_state,
    there,
    with_vmix,
    written,
)
from .studio_fake import MICROPHONE, FakeStudioClient, changed_output, obs_state

__all__ = ["everything_enabled", "studio_state"]

RUNNING: dict[str, Any] = {
    "duration_s": 61.4,
    "sent_bytes": 45_000_000,
    "bitrate_kbps": 5998.7,
    "congestion": 0.034,
    "skipped_frames": 2,
    "total_frames": 3600,
    "skipped_percent": 0.0556,
}


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.SENSOR]


@pytest.fixture
def studio_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Ask for meters, but in the test of who did not."""
    return {CONF_AUDIO_METERS: "nobody_asked" not in request.node.name}


@both_studios
async def test_there_is_a_sensor_for_everything_that_the_studio_says(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    if "stream" in init_studio.studio.outputs:
        init_studio.output("stream", OutputState.ACTIVE, **RUNNING)
    init_studio.output(
        "record",
        OutputState.ACTIVE,
        duration_s=9.6,
        sent_bytes=7_000_000,
        bitrate_kbps=None,
        path="/videos/today.mkv",
    )
    audio = init_studio.studio.audio
    init_studio.replace_state(
        audio={key: replace(channel, meter=0.5) for key, channel in audio.items()}
    )
    await hass.async_block_till_done()
    assert overview(hass, studio_entry) == snapshot


async def test_a_running_stream_shows_how_it_is_doing(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    init_studio.output("stream", OutputState.ACTIVE, **RUNNING)
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.stage_stream_state") == "active"
    assert state_of(hass, "sensor.stage_stream_duration") == "61"
    assert state_of(hass, "sensor.stage_stream_bitrate") == "5999"
    assert state_of(hass, "sensor.stage_stream_dropped_frames") == "2"
    assert state_of(hass, "sensor.stage_stream_dropped_frames_share") == "0.1"
    assert state_of(hass, "sensor.stage_stream_congestion") == "3"
    assert state_of(hass, "sensor.stage_stream_data_sent") == "45.0"
    assert state_of(hass, "sensor.stage_stream_destination") == "Twitch"


async def test_what_obs_will_say_of_a_stream_is_there_before_the_first_one(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, "sensor.stage_stream_state") == "stopped"
    for what in ("duration", "bitrate", "dropped_frames", "dropped_frames_share", "congestion"):
        assert state_of(hass, f"sensor.stage_stream_{what}") == STATE_UNKNOWN


@pytest.mark.parametrize("state", [state for state in OutputState if state != "unknown"])
async def test_the_state_of_an_output_is_told_apart_finely(
    hass: HomeAssistant, init_studio: FakeStudioClient, state: OutputState
) -> None:
    init_studio.output("stream", state)
    await hass.async_block_till_done()
    sensor = there(hass, "sensor.stage_stream_state")
    assert sensor.state == state.value
    assert sensor.state in sensor.attributes["options"]


async def test_a_state_that_the_studio_does_not_say_is_unknown(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.output("stream", OutputState.UNKNOWN)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.stage_stream_state") == STATE_UNKNOWN


async def test_a_figure_that_is_not_said_any_more_becomes_unknown_in_time(
    hass: HomeAssistant, init_studio: FakeStudioClient, freezer: FrozenDateTimeFactory
) -> None:
    init_studio.replace_state(statistics=Statistics())
    freezer.tick(SLOW_SECONDS + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.stage_cpu_usage") == STATE_UNKNOWN


async def test_health_is_unknown_without_a_stream_and_says_why_it_is_bad(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    health = "sensor.stage_stream_health"
    assert state_of(hass, health) == STATE_UNKNOWN
    assert there(hass, health).attributes["reasons"] == []

    bad = {**RUNNING, "skipped_percent": 30.0, "congestion": 0.95}
    for second in range(3):
        init_studio.output(
            "stream",
            OutputState.ACTIVE,
            **{**bad, "duration_s": second, "total_frames": second, "sent_bytes": second},
        )
    await hass.async_block_till_done()
    assert state_of(hass, health) == "critical"
    assert there(hass, health).attributes["reasons"] == ["congestion", "dropped_frames"]


async def test_meters_and_byte_counters_are_disabled_at_first(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    audio = init_studio.studio.audio
    init_studio.replace_state(audio={**audio, MICROPHONE: replace(audio[MICROPHONE], meter=0.5)})
    await hass.async_block_till_done()
    assert disabled(hass, studio_entry) == {
        "sensor.stage_microphone_level",
        "sensor.stage_stream_data_sent",
        "sensor.stage_recording_size",
    }


async def test_a_studio_without_meters_has_no_sensors_for_them(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert not any("_level" in entity_id for entity_id in entity_ids(hass, studio_entry))


async def test_meters_that_nobody_asked_for_any_more_leave_no_sensors_behind(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    audio = init_studio.studio.audio
    loud = {**audio, MICROPHONE: replace(audio[MICROPHONE], meter=0.5)}
    init_studio.replace_state(audio=loud)
    await hass.async_block_till_done()
    level = "sensor.stage_microphone_level"
    assert level not in disabled(hass, studio_entry)

    hass.config_entries.async_update_entry(studio_entry, options={CONF_AUDIO_METERS: True})
    await hass.async_block_till_done()
    init_studio.replace_state(audio=loud)
    await hass.async_block_till_done()
    assert level in disabled(hass, studio_entry)
    hass.config_entries.async_update_entry(studio_entry, options={CONF_AUDIO_METERS: False})
    await hass.async_block_till_done()

    assert level not in disabled(hass, studio_entry)


@with_vmix
async def test_what_vmix_never_says_has_no_sensor(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    states = {f"sensor.truck_stream_{number}_state" for number in range(1, 6)}
    others = {"recording", "external_output", "multicorder", "full_screen"}
    others |= {"srt_output_1", "srt_output_2"}
    assert entity_ids(hass, studio_entry) == {
        *states,
        *(f"sensor.truck_{output}_state" for output in others),
        "sensor.truck_preset",
    }


async def test_a_figure_that_moves_all_the_time_is_written_now_and_then(
    hass: HomeAssistant, init_studio: FakeStudioClient, freezer: FrozenDateTimeFactory
) -> None:
    bitrate = "sensor.stage_stream_bitrate"
    init_studio.output("stream", OutputState.ACTIVE, **RUNNING)
    await hass.async_block_till_done()
    assert state_of(hass, bitrate) == "5999"

    for kbps in (6001.0, 6002.0, 6003.0):
        init_studio.output("stream", OutputState.ACTIVE, bitrate_kbps=kbps)
        await hass.async_block_till_done()
    assert state_of(hass, bitrate) == "5999"

    freezer.tick(CALM_SECONDS + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert state_of(hass, bitrate) == "6003"


async def test_a_stream_that_ends_takes_its_figures_along_at_once(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.output("stream", OutputState.ACTIVE, **RUNNING)
    await hass.async_block_till_done()
    init_studio.output("stream", OutputState.STOPPED, **dict.fromkeys(RUNNING))
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.stage_stream_bitrate") == STATE_UNKNOWN
    assert state_of(hass, "sensor.stage_stream_duration") == STATE_UNKNOWN


async def test_a_reading_that_changes_nothing_writes_nothing(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    ids = written(hass)
    state = init_studio.studio
    figures = replace(state.statistics, cpu_percent=7.22, free_disk_mb=204_790.0)
    init_studio.replace_state(statistics=figures)
    await hass.async_block_till_done()
    assert ids == []

    init_studio.output("stream", OutputState.STARTING)
    await hass.async_block_till_done()
    assert ids == ["sensor.stage_stream_state"]


async def test_a_figure_appears_when_the_studio_first_says_it(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    ndi = "sensor.stage_ndi_main_bitrate"
    assert ndi not in entity_ids(hass, studio_entry)
    init_studio.output("output:NDI Main", OutputState.ACTIVE, bitrate_kbps=120.0)
    await hass.async_block_till_done()
    assert state_of(hass, ndi) == "120"


async def test_an_output_that_vanishes_takes_its_sensors_along(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert state_of(hass, "sensor.stage_ndi_main_state") == "stopped"
    outputs = dict(init_studio.studio.outputs)
    del outputs["output:NDI Main"]
    init_studio.replace_state(outputs=outputs)
    await hass.async_block_till_done()
    assert hass.states.get("sensor.stage_ndi_main_state") is None
    assert "sensor.stage_ndi_main_state" not in entity_ids(hass, studio_entry)


LONG = "/videos/" + 40 * "very long/" + "today.mkv"


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/videos/today.mkv", "/videos/today.mkv"), (LONG, "…" + LONG[-254:]), (None, STATE_UNKNOWN)],
)
async def test_the_file_of_the_recording_fits_into_a_state(
    hass: HomeAssistant, init_studio: FakeStudioClient, path: str | None, shown: str
) -> None:
    init_studio.replace_state(
        changed_output(init_studio.studio, "record", state=OutputState.ACTIVE, path=path)
    )
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.stage_recording_file") == shown


async def test_sensors_are_unavailable_while_the_studio_is_away(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    enabled = entity_ids(hass, studio_entry) - disabled(hass, studio_entry)
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert {state_of(hass, entity_id) for entity_id in enabled} == {STATE_UNAVAILABLE}

    back: StudioState = obs_state(statistics=Statistics(fps=25.0))
    init_studio.connect(back)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.stage_frames_per_second") == "25.0"
