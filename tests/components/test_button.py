"""The reconnect button of a peer."""

import pytest

from custom_components.infrafabric.mesh.errors import DeadlineError, InvalidError, UnreachableError
from homeassistant.components.button import DOMAIN as BUTTON, SERVICE_PRESS
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .conftest import STUDIO, FakeMeshNode

ENTITY_ID = "button.studio_reconnect"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.BUTTON]


async def press(hass: HomeAssistant) -> None:
    await hass.services.async_call(
        BUTTON, SERVICE_PRESS, {ATTR_ENTITY_ID: ENTITY_ID}, blocking=True
    )


async def test_the_button_dials_a_peer_that_is_down(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    assert not hass.states.is_state(ENTITY_ID, STATE_UNAVAILABLE)

    await press(hass)

    assert node.asked("reconnect") == [(STUDIO.peer_id,)]
    assert node.peers[STUDIO.peer_id].connected


@pytest.mark.parametrize(
    ("error", "kind", "key"),
    [
        (UnreachableError("peer_absent", "Not there."), HomeAssistantError, "peer_absent"),
        (UnreachableError("ice_failed", "No way through."), HomeAssistantError, "ice_failed"),
        (DeadlineError("link_timeout", "Too slow."), HomeAssistantError, "link_timeout"),
        (InvalidError("unknown_peer", "Who?"), ServiceValidationError, "unknown_peer"),
        (UnreachableError("brand_new", "Something else."), HomeAssistantError, "mesh_error"),
    ],
)
async def test_a_failed_dial_is_a_translated_error(
    hass: HomeAssistant,
    node: FakeMeshNode,
    error: Exception,
    kind: type[HomeAssistantError],
    key: str,
) -> None:
    node.error = error

    with pytest.raises(kind) as raised:
        await press(hass)

    assert raised.value.translation_domain == "infrafabric"
    assert raised.value.translation_key == key
