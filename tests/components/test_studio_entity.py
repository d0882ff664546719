"""What the entities of studios share: when they come, go, are named and written."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import (
    CONF_SCENE_ITEMS,
    CONF_SCENES,
    CONF_STUDIO_ID,
    DOMAIN,
    STUDIO_PLATFORMS,
)
from custom_components.infrafabric.studio.model import (
    AudioChannel,
    Output,
    OutputKind,
    OutputState,
    Source,
    StudioState,
    VolumeUnit,
)
from custom_components.infrafabric.studio_entity import MAX_NAME
from homeassistant.const import STATE_OFF, STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .studio_entities import (
    both_studios,
    disabled,
    entity_ids,
    everything_enabled,
    state_of,
    studio_state,
    there,
    written,
)
from .studio_fake import CAMERA, DESK, MICROPHONE, FakeStudioClient, obs_state

__all__ = ["everything_enabled", "studio_state"]

ALWAYS = {"binary_sensor.stage_connectivity", "event.stage_activity"}


@pytest.fixture
def platforms() -> list[Platform]:
    return STUDIO_PLATFORMS


@both_studios
async def test_every_entity_belongs_to_the_studios_one_device_and_has_its_id(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
) -> None:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), studio_entry.entry_id)
    assert len(devices) == 1
    studio_id = studio_entry.data[CONF_STUDIO_ID]
    assert devices[0].identifiers == {(DOMAIN, studio_id)}
    entities = er.async_entries_for_config_entry(er.async_get(hass), studio_entry.entry_id)
    assert {entity.device_id for entity in entities} == {devices[0].id}
    assert all(entity.unique_id.startswith(f"{studio_id}_") for entity in entities)
    assert all(entity.has_entity_name for entity in entities)


@both_studios
async def test_a_studio_that_says_the_same_again_writes_no_state_at_all(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    # A state that differs in nothing that people see: a poll brings one every few seconds.
    ids = written(hass)
    protocol = "5.6.4"
    version = replace(init_studio.studio.version, protocol=protocol)
    init_studio.replace_state(version=version)
    await hass.async_block_till_done()
    assert ids == []


async def test_one_change_writes_only_what_it_is_about(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    ids = written(hass)
    audio = init_studio.studio.audio
    init_studio.replace_state(audio={**audio, MICROPHONE: replace(audio[MICROPHONE], muted=True)})
    await hass.async_block_till_done()
    assert ids == ["switch.stage_microphone_mute"]


class TestAStudioThatIsOff:
    """When Home Assistant starts before the studio does."""

    @pytest.fixture
    def studio_client(self) -> FakeStudioClient:
        return FakeStudioClient(obs_state(), on=False)

    async def test_has_only_what_needs_no_studio_and_the_rest_as_soon_as_it_is_on(
        self, hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
    ) -> None:
        assert entity_ids(hass, studio_entry) == ALWAYS
        assert state_of(hass, "binary_sensor.stage_connectivity") == STATE_OFF
        assert state_of(hass, "event.stage_activity") == STATE_UNKNOWN

        init_studio.connect()
        await hass.async_block_till_done()
        assert state_of(hass, "switch.stage_stream") == STATE_OFF
        assert len(entity_ids(hass, studio_entry)) > 50

    @pytest.fixture
    def known(self, hass: HomeAssistant, studio_entry: MockConfigEntry) -> str:
        """Register a switch as if the studio had been there before."""
        studio_entry.add_to_hass(hass)
        return (
            er.async_get(hass)
            .async_get_or_create(
                Platform.SWITCH,
                DOMAIN,
                f"{studio_entry.data[CONF_STUDIO_ID]}_output_stream",
                config_entry=studio_entry,
                suggested_object_id="on_air",
            )
            .entity_id
        )

    async def test_keeps_what_is_known_from_before(
        self,
        hass: HomeAssistant,
        known: str,
        init_studio: FakeStudioClient,
        studio_entry: MockConfigEntry,
    ) -> None:
        assert entity_ids(hass, studio_entry) == {*ALWAYS, known}
        init_studio.connect()
        await hass.async_block_till_done()
        assert state_of(hass, known) == STATE_OFF


async def test_entities_of_things_that_vanished_while_home_assistant_was_off_are_removed(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    before = entity_ids(hass, studio_entry)
    outputs = dict(init_studio.studio.outputs)
    del outputs["virtual_camera"]
    assert await hass.config_entries.async_unload(studio_entry.entry_id)
    init_studio.studio = replace(init_studio.studio, outputs=outputs)
    assert await hass.config_entries.async_setup(studio_entry.entry_id)
    await hass.async_block_till_done()

    assert before - entity_ids(hass, studio_entry) == {
        "switch.stage_virtual_camera",
        "sensor.stage_virtual_camera_state",
    }


async def test_what_a_user_changed_survives_that_a_thing_goes_and_comes_back(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    registry = er.async_get(hass)
    camera = "switch.stage_virtual_camera"
    registry.async_update_entity(camera, new_entity_id="switch.webcam", name="Webcam")
    await hass.async_block_till_done()
    before = init_studio.studio.outputs
    init_studio.replace_state(
        outputs={key: output for key, output in before.items() if key != "virtual_camera"}
    )
    await hass.async_block_till_done()
    assert hass.states.get("switch.webcam") is None

    init_studio.replace_state(outputs=before)
    await hass.async_block_till_done()
    assert there(hass, "switch.webcam").attributes["friendly_name"].endswith("Webcam")


async def test_a_studio_that_is_half_there_costs_no_entity(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
) -> None:
    before = entity_ids(hass, studio_entry)
    empty = {"sources": {}, "audio": {}, "scene_items": {}, "outputs": {}}
    init_studio.replace_state(**empty)
    await hass.async_block_till_done()
    assert entity_ids(hass, studio_entry) == before
    assert state_of(hass, "switch.stage_stream") == STATE_UNAVAILABLE

    assert await hass.config_entries.async_unload(studio_entry.entry_id)
    init_studio.studio = obs_state(**empty)
    assert await hass.config_entries.async_setup(studio_entry.entry_id)
    await hass.async_block_till_done()
    assert entity_ids(hass, studio_entry) == before

    init_studio.replace_state(**vars_of(obs_state(), *empty))
    await hass.async_block_till_done()
    assert entity_ids(hass, studio_entry) == before
    assert state_of(hass, "switch.stage_stream") == STATE_OFF


def vars_of(state: StudioState, *names: str) -> dict[str, Any]:
    return {name: getattr(state, name) for name in names}


@pytest.mark.parametrize("odd", ["\x00", "\n", "\u202e", "\u2066", "\x9b"])
async def test_a_name_cannot_hide_anything_or_turn_a_line_around(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry, odd: str
) -> None:
    sources = init_studio.studio.sources
    init_studio.replace_state(
        sources={**sources, CAMERA: replace(sources[CAMERA], name=f"Cam{odd}era")}
    )
    await hass.async_block_till_done()

    assert state_of(hass, "select.stage_program") == "Cam era"


async def test_a_collection_that_is_changed_exchanges_its_inputs_without_a_reload(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
) -> None:
    drums = AudioChannel(
        key="drums", name="Drums", unit=VolumeUnit.DECIBEL, muted=False, volume=0.0
    )
    band = Source(key="band", name="Band", number=1, kind="scene")
    init_studio.replace_state(
        collection="Concert", audio={"drums": drums}, sources={"band": band}, scene_items={}
    )
    await hass.async_block_till_done()

    ids = entity_ids(hass, studio_entry)
    assert {"switch.stage_drums_mute", "number.stage_drums_volume"} <= ids
    assert {"binary_sensor.stage_band_on_air", "binary_sensor.stage_band_in_preview"} <= ids
    assert not any("microphone" in entity_id or "camera_on" in entity_id for entity_id in ids)
    assert state_of(hass, "switch.stage_stream") == STATE_OFF


async def test_a_renamed_source_renames_its_entities_and_they_stay_the_same(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
) -> None:
    before = entity_ids(hass, studio_entry)
    mute = "switch.stage_microphone_mute"
    audio = init_studio.studio.audio
    init_studio.replace_state(
        audio={**audio, MICROPHONE: replace(audio[MICROPHONE], name="Pulpit")}
    )
    await hass.async_block_till_done()

    assert there(hass, mute).attributes["friendly_name"] == "Stage Pulpit mute"
    entity = er.async_get(hass).async_get(mute)
    assert entity is not None
    assert entity.original_name == "Pulpit mute"
    assert entity_ids(hass, studio_entry) == before


@pytest.mark.parametrize("name", ["x" * 5000, "{name} {0} {number", "<b>bold</b>"])
async def test_a_name_from_the_studio_is_only_text_and_not_too_long(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry, name: str
) -> None:
    output = Output(key="output:odd", kind=OutputKind.OTHER, name=name, state=OutputState.STOPPED)
    init_studio.replace_state(outputs={**init_studio.studio.outputs, output.key: output})
    await hass.async_block_till_done()
    registry = er.async_get(hass)
    unique_id = f"{studio_entry.data[CONF_STUDIO_ID]}_output_output:odd"
    entity_id = registry.async_get_entity_id(Platform.SWITCH, DOMAIN, unique_id)
    assert entity_id is not None
    entity = registry.async_get(entity_id)
    assert entity is not None
    assert entity.original_name == (name if len(name) <= MAX_NAME else "x" * 63 + "…")


async def test_a_figure_that_is_missing_for_a_while_does_not_take_its_sensor_along(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    before = entity_ids(hass, studio_entry)
    init_studio.disconnect()
    init_studio.connect(
        replace(
            init_studio.studio, statistics=replace(init_studio.studio.statistics, cpu_percent=None)
        )
    )
    await hass.async_block_till_done()
    assert entity_ids(hass, studio_entry) == before
    assert state_of(hass, "sensor.stage_cpu_usage") == STATE_UNKNOWN


@pytest.mark.parametrize("studio_options", [{CONF_SCENE_ITEMS: "all"}])
async def test_scene_items_that_are_no_longer_wanted_go_and_come_back_without_a_reload(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
) -> None:
    def items() -> set[str]:
        return {
            item
            for item in entity_ids(hass, studio_entry)
            if item.startswith("switch.stage_") and ("_in_camera" in item or "_in_desk" in item)
        }

    everywhere = items()
    assert len(everywhere) == 3
    for options, expected in (
        ({CONF_SCENE_ITEMS: "chosen", CONF_SCENES: [DESK]}, {"switch.stage_screen_in_desk"}),
        ({CONF_SCENE_ITEMS: "all"}, everywhere),
    ):
        hass.config_entries.async_update_entry(studio_entry, options=options)
        await hass.async_block_till_done()
        assert items() == expected
    assert init_studio.asked("stop") == []


async def test_nothing_listens_after_the_entry_is_unloaded(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert init_studio.subscribers == 1
    assert await hass.config_entries.async_unload(studio_entry.entry_id)
    await hass.async_block_till_done()
    assert init_studio.subscribers == 0
    ids = written(hass)
    init_studio.connect(obs_state(transition="Cut"))
    await hass.async_block_till_done()
    assert ids == []
    assert state_of(hass, "switch.stage_stream") == STATE_UNAVAILABLE


async def test_what_few_people_want_is_disabled_at_first(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert disabled(hass, studio_entry) == {
        "switch.stage_microphone_mute",
        "switch.stage_music_mute",
        "number.stage_microphone_volume",
        "number.stage_music_volume",
        "sensor.stage_stream_data_sent",
        "sensor.stage_recording_size",
        *(
            f"binary_sensor.stage_{scene}_{where}"
            for scene in ("camera", "desk", "break")
            for where in ("on_air", "in_preview")
        ),
    }
