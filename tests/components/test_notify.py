"""The notify entity of a peer."""

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.infrafabric.mesh.errors import InvalidError, UnreachableError
from custom_components.infrafabric.mesh.model import ReceiptStatus
from homeassistant.components.notify import (
    ATTR_MESSAGE,
    ATTR_TITLE,
    DOMAIN as NOTIFY,
    SERVICE_SEND_MESSAGE,
)
from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_SUPPORTED_FEATURES,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .conftest import STUDIO, FakeMeshNode

ENTITY_ID = "notify.studio_notification"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.NOTIFY]


async def notify(hass: HomeAssistant, **data: str) -> None:
    await hass.services.async_call(
        NOTIFY, SERVICE_SEND_MESSAGE, {ATTR_ENTITY_ID: ENTITY_ID, **data}, blocking=True
    )


async def test_a_notification_is_an_inform_to_that_peer(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    freezer.move_to("2026-10-01 12:00:00+00:00")

    await notify(hass, **{ATTR_MESSAGE: "We are live", ATTR_TITLE: "Studio"})

    [(receivers, draft, _timeout)] = node.asked("send")
    assert receivers == (STUDIO.peer_id,)
    assert draft.performative == "inform"
    assert draft.topic == "if://topic/notification"
    assert draft.content == {"message": "We are live", "title": "Studio"}
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert state.state == "2026-10-01T12:00:00+00:00"
    assert state.attributes[ATTR_SUPPORTED_FEATURES] == 1


async def test_a_notification_without_a_title_has_none(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)

    await notify(hass, **{ATTR_MESSAGE: "We are live"})

    assert node.asked("send")[0][1].content == {"message": "We are live"}


async def test_a_peer_that_is_away_is_an_error_and_not_silence(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    assert not hass.states.is_state(ENTITY_ID, STATE_UNAVAILABLE)

    with pytest.raises(HomeAssistantError) as raised:
        await notify(hass, **{ATTR_MESSAGE: "Anybody there?"})

    assert raised.value.translation_key == "peer_not_connected"
    assert hass.states.is_state(ENTITY_ID, STATE_UNKNOWN)


@pytest.mark.parametrize(
    ("receipt", "reason"), [(None, "no_receipt"), (ReceiptStatus.RATE_LIMITED, "rate_limited")]
)
async def test_a_notification_that_the_peer_does_not_take_is_an_error(
    hass: HomeAssistant,
    node: FakeMeshNode,
    receipt: ReceiptStatus | None,
    reason: str,
) -> None:
    node.connect_peer(STUDIO.peer_id)
    node.receipts[STUDIO.peer_id] = receipt

    with pytest.raises(HomeAssistantError) as raised:
        await notify(hass, **{ATTR_MESSAGE: "We are live"})

    assert raised.value.translation_domain == "infrafabric"
    assert raised.value.translation_key == "message_not_accepted"
    assert raised.value.translation_placeholders == {"reasons": reason}
    assert hass.states.is_state(ENTITY_ID, STATE_UNKNOWN)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidError("message_too_large", "Too much."), ServiceValidationError),
        (UnreachableError("link_closed", "Gone."), HomeAssistantError),
    ],
)
async def test_what_the_library_raises_is_translated(
    hass: HomeAssistant, node: FakeMeshNode, error: Exception, kind: type[HomeAssistantError]
) -> None:
    node.connect_peer(STUDIO.peer_id)
    node.error = error

    with pytest.raises(kind) as raised:
        await notify(hass, **{ATTR_MESSAGE: "x"})

    assert raised.value.translation_key == error.code  # type: ignore[attr-defined]
