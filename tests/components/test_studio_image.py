"""The picture of the program."""

import asyncio
from http import HTTPStatus

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.infrafabric import image as image_platform
from custom_components.infrafabric.studio.api import Picture
from custom_components.infrafabric.studio.errors import RefusedError
from custom_components.infrafabric.studio.model import Feature
from homeassistant.components.image import async_get_image
from homeassistant.const import STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .studio_entities import entity_ids, overview, state_of, studio_state, with_vmix, written
from .studio_fake import BREAK, PICTURE, FakeStudioClient

__all__ = ["studio_state"]

PROGRAM = "image.stage_program"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.IMAGE]


@pytest.mark.freeze_time("2026-11-22 10:00:00+00:00")
async def test_there_is_one_picture(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
) -> None:
    assert overview(hass, studio_entry) == snapshot


@with_vmix
async def test_a_studio_that_makes_no_pictures_has_none(
    hass: HomeAssistant, init_studio: FakeStudioClient, studio_entry: MockConfigEntry
) -> None:
    assert Feature.SCREENSHOT not in init_studio.studio.features
    assert entity_ids(hass, studio_entry) == set()


async def test_whoever_looks_sees_the_program(
    hass: HomeAssistant, init_studio: FakeStudioClient, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    response = await client.get(f"/api/image_proxy/{PROGRAM}")
    assert response.status == HTTPStatus.OK
    assert response.content_type == PICTURE.content_type
    assert await response.read() == PICTURE.data
    assert init_studio.asked("screenshot") == [
        (None, {"width": image_platform.PICTURE_WIDTH, "quality": 80})
    ]


async def test_no_picture_is_fetched_while_nobody_looks(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.program(BREAK)
    await hass.async_block_till_done()
    assert init_studio.asked("screenshot") == []


async def test_one_picture_serves_everybody_for_some_seconds(
    hass: HomeAssistant, init_studio: FakeStudioClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await async_get_image(hass, PROGRAM)
    assert len(init_studio.asked("screenshot")) == 1

    monkeypatch.setattr(image_platform, "FRESH_SECONDS", -1.0)
    init_studio.picture = Picture(data=b"\x89PNG later", content_type="image/png")
    later = await async_get_image(hass, PROGRAM)
    assert (later.content, later.content_type) == (b"\x89PNG later", "image/png")


async def test_another_scene_on_air_is_another_picture_at_once(
    hass: HomeAssistant, init_studio: FakeStudioClient, freezer: FrozenDateTimeFactory
) -> None:
    await async_get_image(hass, PROGRAM)
    before = state_of(hass, PROGRAM)
    freezer.tick(1)
    init_studio.picture = Picture(data=b"the break", content_type="image/jpeg")
    init_studio.program(BREAK)
    await hass.async_block_till_done()

    # The state is what tells dashboards to look again.
    assert state_of(hass, PROGRAM) > before
    assert (await async_get_image(hass, PROGRAM)).content == b"the break"


async def test_a_picture_that_the_program_overtook_is_not_kept(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.gate = asyncio.Event()
    looking = asyncio.create_task(async_get_image(hass, PROGRAM))
    while not init_studio.asked("screenshot"):
        await asyncio.sleep(0)
    init_studio.program(BREAK)
    init_studio.gate.set()
    await looking

    init_studio.picture = Picture(data=b"the break", content_type="image/jpeg")
    assert (await async_get_image(hass, PROGRAM)).content == b"the break"


async def test_a_change_that_nobody_can_see_writes_nothing(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    ids = written(hass)
    init_studio.replace_state(transition="Stinger")
    await hass.async_block_till_done()
    assert ids == []


async def test_a_picture_that_the_studio_refuses_is_an_error(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    init_studio.error = RefusedError(
        "request_refused", "No.", request="GetSourceScreenshot", reason="rendering failed"
    )
    with pytest.raises(HomeAssistantError) as raised:
        await async_get_image(hass, PROGRAM)
    assert raised.value.translation_key == "studio_request_refused"


async def test_there_is_no_picture_while_the_studio_is_away(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    await async_get_image(hass, PROGRAM)
    init_studio.disconnect()
    await hass.async_block_till_done()
    assert state_of(hass, PROGRAM) == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError) as raised:
        await async_get_image(hass, PROGRAM)
    assert raised.value.translation_key == "studio_not_connected"
