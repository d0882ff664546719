"""Buttons of studios."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric.studio.errors import RefusedError
from custom_components.infrafabric.studio.model import MAIN_MIX, Feature, OutputState
from homeassistant.components.button.const import SERVICE_PRESS
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .studio_entities import (
    both_studios,
    do,
    entity_ids,
    overview,
    state_of,
    studio_state,
    with_vmix,
)
from .studio_fake import FakeStudioClient

__all__ = ["studio_state"]


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.BUTTON]


async def record_and_buffer(
    hass: HomeAssistant, studio: FakeStudioClient, state: OutputState = OutputState.ACTIVE
) -> None:
    """Let what runs be what the buttons need."""
    for key in studio.studio.outputs.keys() & {"record", "replay_buffer"}:
        studio.output(key, state)
    await hass.async_block_till_done()


@both_studios
async def test_there_is_a_button_for_everything_that_is_done_once(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


@pytest.mark.parametrize(
    ("studio_state", "button", "call", "arguments"),
    [
        (
            "obs",
            "stage_transition",
            "transition",
            (None, {"duration_ms": None, "source": None, "mix": MAIN_MIX}),
        ),
        ("obs", "stage_save_replay", "save_replay", ()),
        ("obs", "stage_add_chapter_mark", "add_chapter", (None,)),
        ("obs", "stage_split_recording", "split_recording", ()),
        (
            "vmix",
            "truck_cut",
            "transition",
            ("Cut", {"duration_ms": None, "source": None, "mix": MAIN_MIX}),
        ),
        (
            "vmix",
            "truck_fade",
            "transition",
            ("Fade", {"duration_ms": None, "source": None, "mix": MAIN_MIX}),
        ),
        ("vmix", "truck_fade_to_black", "set_fade_to_black", ({"enabled": True},)),
    ],
    indirect=["studio_state"],
)
async def test_a_press_is_one_call(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    button: str,
    call: str,
    arguments: tuple[Any, ...],
) -> None:
    await record_and_buffer(hass, init_studio)
    await do(hass, Platform.BUTTON, SERVICE_PRESS, f"button.{button}")
    assert init_studio.calls[1:] == [(call, *arguments)]


@with_vmix
async def test_the_second_press_fades_back_from_black(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    for _ in range(2):
        await do(hass, Platform.BUTTON, SERVICE_PRESS, "button.truck_fade_to_black")
    assert init_studio.asked("set_fade_to_black") == [({"enabled": True},), ({"enabled": False},)]


async def test_a_press_that_the_studio_refuses_is_an_error(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.error = RefusedError(
        "request_refused", "No.", request="SaveReplayBuffer", reason="output is not running"
    )
    await record_and_buffer(hass, init_studio)
    with pytest.raises(HomeAssistantError) as raised:
        await do(hass, Platform.BUTTON, SERVICE_PRESS, "button.stage_save_replay")
    assert raised.value.translation_key == "studio_request_refused"
    assert raised.value.translation_placeholders == {
        "request": "SaveReplayBuffer",
        "reason": "output is not running",
    }


async def test_what_needs_a_running_output_is_unavailable_while_it_is_known_to_be_off(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    buttons = [
        f"button.stage_{name}" for name in ("save_replay", "add_chapter_mark", "split_recording")
    ]
    for state, shown in (
        (OutputState.STOPPED, STATE_UNAVAILABLE),
        (OutputState.ACTIVE, STATE_UNKNOWN),
        (OutputState.STOPPING, STATE_UNAVAILABLE),
        # Nobody knows, so it may well work.
        (OutputState.UNKNOWN, STATE_UNKNOWN),
    ):
        await record_and_buffer(hass, init_studio, state)
        assert {state_of(hass, button) for button in buttons} == {shown}, state


@pytest.mark.parametrize(
    ("enabled", "shown"),
    [(False, STATE_UNAVAILABLE), (True, STATE_UNKNOWN), (None, STATE_UNKNOWN)],
)
async def test_without_studio_mode_there_is_nothing_to_bring_to_program(
    hass: HomeAssistant, init_studio: FakeStudioClient, enabled: bool | None, shown: str
) -> None:
    init_studio.replace_state(studio_mode=enabled)
    await hass.async_block_till_done()
    assert state_of(hass, "button.stage_transition") == shown


async def test_a_feature_that_comes_with_an_update_brings_its_button_and_one_lost_takes_it(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    features = init_studio.studio.features
    chapter = "button.stage_add_chapter_mark"
    init_studio.disconnect()
    init_studio.connect(init_studio.replace_state(features=features - {Feature.CHAPTER}))
    await hass.async_block_till_done()
    assert chapter not in entity_ids(hass, studio_entry)
    await record_and_buffer(hass, init_studio)

    init_studio.disconnect()
    init_studio.connect(init_studio.replace_state(features=features))
    await hass.async_block_till_done()
    assert state_of(hass, chapter) == STATE_UNKNOWN


async def test_buttons_are_unavailable_while_the_studio_is_away(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert state_of(hass, "button.stage_transition") == STATE_UNKNOWN
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert state_of(hass, "button.stage_transition") == STATE_UNAVAILABLE
