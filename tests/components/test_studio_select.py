"""Selects of studios."""

from dataclasses import replace

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.studio.errors import RefusedError
from custom_components.infrafabric.studio.model import MAIN_MIX, Mix, Source
from homeassistant.const import SERVICE_SELECT_OPTION, STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
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
    there,
    with_vmix,
)
from .studio_fake import (
    BREAK,
    CAMERA,
    VMIX_CAMERA,
    VMIX_CLIP,
    VMIX_TITLE,
    FakeStudioClient,
)

__all__ = ["everything_enabled", "studio_state"]

PROGRAM = "select.stage_program"
PREVIEW = "select.stage_preview"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.SELECT]


async def choose(hass: HomeAssistant, entity_id: str, option: str) -> None:
    await do(hass, Platform.SELECT, SERVICE_SELECT_OPTION, entity_id, option=option)


@both_studios
async def test_there_is_a_select_for_everything_of_which_one_is_chosen(
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


async def test_a_scene_goes_on_air_and_another_into_preview(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    await choose(hass, PROGRAM, "Break")
    assert init_studio.asked("set_program") == [(BREAK, {"mix": MAIN_MIX})]
    assert state_of(hass, PROGRAM) == "Break"

    await choose(hass, PREVIEW, "Camera")
    assert init_studio.asked("set_preview") == [(CAMERA, {"mix": MAIN_MIX})]
    assert state_of(hass, PREVIEW) == "Camera"


@pytest.mark.parametrize(
    ("what", "option", "call"),
    [
        ("transition", "Stinger", "set_transition"),
        ("profile", "Sunday service", "set_profile"),
        ("scene_collection", "Concert", "set_collection"),
    ],
)
async def test_a_name_is_chosen(
    hass: HomeAssistant, init_studio: FakeStudioClient, what: str, option: str, call: str
) -> None:
    await choose(hass, f"select.stage_{what}", option)
    assert init_studio.asked(call) == [(option,)]
    assert state_of(hass, f"select.stage_{what}") == option


async def test_a_choice_that_the_studio_refuses_is_an_error_and_nothing_changes(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.error = RefusedError(
        "request_refused", "No.", request="SetCurrentProfile", reason="a stream is running"
    )
    with pytest.raises(HomeAssistantError) as raised:
        await choose(hass, "select.stage_profile", "Sunday service")
    assert raised.value.translation_key == "studio_request_refused"
    assert state_of(hass, "select.stage_profile") == "Untitled"


async def test_what_cannot_be_chosen_is_never_asked_of_the_studio(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    with pytest.raises(ServiceValidationError):
        await choose(hass, PROGRAM, "No such scene")
    assert init_studio.asked("set_program") == []


async def test_another_collection_brings_other_scenes_to_choose_from(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    band = Source(key="band", name="Band", number=1, kind="scene")
    crowd = Source(key="crowd", name="Crowd", number=2, kind="scene")
    init_studio.replace_state(
        collection="Concert",
        sources={"band": band, "crowd": crowd},
        mixes={MAIN_MIX: Mix(number=MAIN_MIX, program="crowd", preview="band")},
    )
    await hass.async_block_till_done()

    assert there(hass, PROGRAM).attributes["options"] == ["Band", "Crowd"]
    assert state_of(hass, PROGRAM) == "Crowd"
    assert state_of(hass, PREVIEW) == "Band"


async def test_a_renamed_scene_has_its_new_name(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    sources = dict(init_studio.studio.sources)
    sources[CAMERA] = replace(sources[CAMERA], name="Camera left")
    init_studio.replace_state(sources=sources)
    await hass.async_block_till_done()
    assert state_of(hass, PROGRAM) == "Camera left"
    assert there(hass, PROGRAM).attributes["options"] == ["Camera left", "Desk", "Break"]


async def test_nothing_can_be_put_into_preview_outside_the_studio_mode(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.replace_state(studio_mode=False)
    await hass.async_block_till_done()
    assert state_of(hass, PREVIEW) == STATE_UNAVAILABLE
    assert state_of(hass, PROGRAM) == "Camera"

    init_studio.replace_state(studio_mode=True)
    await hass.async_block_till_done()
    assert state_of(hass, PREVIEW) == "Desk"


async def test_nothing_on_air_is_unknown_and_so_is_what_the_studio_does_not_say(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.replace_state(mixes={MAIN_MIX: Mix(number=MAIN_MIX)}, transition=None)
    await hass.async_block_till_done()
    assert state_of(hass, PROGRAM) == STATE_UNKNOWN
    assert state_of(hass, "select.stage_transition") == STATE_UNKNOWN


async def test_selects_are_unavailable_while_the_studio_is_away(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert state_of(hass, PROGRAM) == STATE_UNAVAILABLE


@with_vmix
async def test_two_inputs_of_the_same_name_are_told_apart_by_their_numbers(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    sources = dict(init_studio.studio.sources)
    sources[VMIX_CLIP] = replace(sources[VMIX_CLIP], name="Camera 1")
    init_studio.replace_state(sources=sources)
    await hass.async_block_till_done()

    program = there(hass, "select.truck_program")
    assert program.attributes["options"] == ["Camera 1 (1)", "Lower third", "Camera 1 (3)"]
    assert program.state == "Camera 1 (1)"

    await choose(hass, "select.truck_program", "Camera 1 (3)")
    assert init_studio.asked("set_program") == [(VMIX_CLIP, {"mix": MAIN_MIX})]


@with_vmix
async def test_no_name_can_pose_as_another_input(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    sources = dict(init_studio.studio.sources)
    sources[VMIX_TITLE] = replace(sources[VMIX_TITLE], name="Camera 1 (3)")
    sources[VMIX_CLIP] = replace(sources[VMIX_CLIP], name="Camera 1")
    init_studio.replace_state(sources=sources)
    await hass.async_block_till_done()

    options = there(hass, "select.truck_program").attributes["options"]
    assert options == ["Camera 1 (1)", "Camera 1 (3)", "Camera 1 (3) (3)"]
    for option, key in zip(options, sources, strict=True):
        await choose(hass, "select.truck_program", option)
        assert init_studio.asked("set_program")[-1] == (key, {"mix": MAIN_MIX})


@with_vmix
async def test_further_mixes_of_vmix_are_disabled_at_first(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert disabled(hass, studio_entry) == {
        "select.truck_mix_2_program",
        "select.truck_mix_2_preview",
    }


@with_vmix
async def test_a_further_mix_is_switched_by_itself(
    hass: HomeAssistant, everything_enabled: None, init_studio: FakeStudioClient
) -> None:
    await choose(hass, "select.truck_mix_2_program", "Camera 1")
    assert init_studio.asked("set_program") == [(VMIX_CAMERA, {"mix": 2})]
    assert state_of(hass, "select.truck_mix_2_program") == "Camera 1"
