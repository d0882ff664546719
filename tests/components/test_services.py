"""The actions: talking to peers, inviting, and managing the members of a mesh."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.mesh.errors import (
    DeadlineError,
    InvalidError,
    MeshError,
    RefusedError,
    UnreachableError,
)
from custom_components.infrafabric.mesh.model import ReceiptStatus, Role
from custom_components.infrafabric.mesh.overlay.healing import MAX_DIALS
from custom_components.infrafabric.mesh.trust.identity import Identity
from custom_components.infrafabric.services import ACTIONS
from custom_components.infrafabric.studio_services import STUDIO_ACTIONS
from custom_components.infrafabric.surfaces.webhooks.outbound.actions import WEBHOOK_ACTIONS
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)

from .conftest import GARAGE, INVITATION, OWN, STUDIO, FakeMeshNode

ADMIN_ACTIONS = [
    "create_invitation",
    "list_invitations",
    "cancel_invitation",
    "revoke_peer",
    "set_peer_role",
]


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.BINARY_SENSOR]


@pytest.fixture
def studio(config_entry: MockConfigEntry, node: FakeMeshNode) -> str:
    """Return the device id of the peer "Studio", which is connected."""
    node.connect_peer(STUDIO.peer_id)
    device_id: str = config_entry.runtime_data.device_id_of_peer(STUDIO.peer_id)
    return device_id


@pytest.fixture
def home(config_entry: MockConfigEntry, node: FakeMeshNode) -> str:
    """Return the device id of the node itself."""
    device_id: str = config_entry.runtime_data.node_device_id
    return device_id


async def _call(
    hass: HomeAssistant,
    action: str,
    device_id: str | list[str] | None,
    *,
    respond: bool = False,
    target: dict[str, Any] | None = None,
    **data: Any,
) -> Any:
    return await hass.services.async_call(
        DOMAIN,
        action,
        data,
        target=target or {"device_id": device_id},
        blocking=True,
        return_response=respond,
    )


# -- messages ---------------------------------------------------------------------------------


async def test_a_message_needs_nothing_but_its_target(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    await _call(hass, "send_message", studio)

    ((receivers, draft, timeout),) = node.asked("send")
    assert receivers == (STUDIO.peer_id,)
    assert dict(draft.content) == {}
    assert (draft.performative, draft.ttl, timeout) == ("inform", 300, 10)
    assert (draft.mission_id, draft.workflow) == ("default", "default")
    assert (draft.domain, draft.priority) == ("technical", "medium")


async def test_a_message_says_what_it_was_told_to_and_returns_who_took_it(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    garage = node.add_peer(GARAGE, "Garage")
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, f"{node.mesh_id}_{garage.peer_id}"), _entry(hass).entry_id
    )
    assert device is not None

    response = await _call(
        hass,
        "send_message",
        [studio, device.id],
        respond=True,
        content={"door": "open"},
        performative="share",
        conversation_id="if://conversation/1",
        topic="if://topic/doors",
        protocol="fipa-query",
        trace_id="0123456789ab",
        ttl=60,
        mission_id="m",
        workflow="w",
        domain="legal",
        priority="high",
        citation_ids="cit:1",
        hazard={"type": "safety", "severity": "high"},
        provenance={"model": "x"},
        timeout=3,
    )

    ((receivers, draft, timeout),) = node.asked("send")
    assert set(receivers) == {STUDIO.peer_id, garage.peer_id}
    assert timeout == 3
    assert draft.citation_ids == ("cit:1",)
    (message,) = response["messages"]
    assert message["performative"] == "share"
    assert message["conversation_id"] == "if://conversation/1"
    assert message["topic"] == "if://topic/doors"
    assert message["trace_id"] == "0123456789ab"
    assert message["sequence_num"] >= 1
    receipts = {receipt["device_id"]: receipt for receipt in message["receipts"]}
    assert receipts[studio] == {
        "device_id": studio,
        "peer_id": STUDIO.peer_id,
        "peer_name": "Studio",
        "status": "accepted",
    }
    assert receipts[device.id]["status"] == "no_receipt"


async def test_an_answer_may_repeat_fields_that_the_question_did_not_have(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    await _call(
        hass, "send_message", studio, topic=None, trace_id="", conversation_id=None, protocol=None
    )

    ((_receivers, draft, _timeout),) = node.asked("send")
    assert (draft.topic, draft.trace_id, draft.conversation_id, draft.protocol) == (None,) * 4


def _entry(hass: HomeAssistant) -> MockConfigEntry:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert isinstance(entry, MockConfigEntry)
    return entry


def _add(hass: HomeAssistant, node: FakeMeshNode, identity: Identity, name: str) -> str:
    """Let another member become known, and return its device id."""
    peer = node.add_peer(identity, name)
    device_id: str = _entry(hass).runtime_data.device_id_of_peer(peer.peer_id)
    return device_id


async def test_a_message_that_nobody_accepts_is_an_error(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    node.receipts[STUDIO.peer_id] = ReceiptStatus.NOT_ALLOWED

    with pytest.raises(HomeAssistantError) as raised:
        await _call(hass, "send_message", studio, performative="request")

    assert raised.value.translation_key == "message_not_accepted"
    assert raised.value.translation_placeholders == {"reasons": "not_allowed"}


async def test_an_area_means_the_peers_in_it_and_nothing_else(
    hass: HomeAssistant, node: FakeMeshNode, studio: str, home: str
) -> None:
    area = ar.async_get(hass).async_create("Attic")
    other_entry = MockConfigEntry(domain="other")
    other_entry.add_to_hass(hass)
    registry = dr.async_get(hass)
    lamp = registry.async_get_or_create(
        config_entry_id=other_entry.entry_id, identifiers={("other", "lamp")}
    )
    for device_id in (studio, home, lamp.id):
        registry.async_update_device(device_id, area_id=area.id)

    await _call(hass, "send_message", None, target={"area_id": area.id})

    assert [receivers for receivers, *_ in node.asked("send")] == [(STUDIO.peer_id,)]
    await _call(hass, "broadcast", None, target={"area_id": area.id})
    assert len(node.asked("broadcast")) == 1


async def test_an_entity_means_its_device(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    entity = next(
        entity
        for entity in er.async_entries_for_device(er.async_get(hass), studio)
        if entity.domain == "binary_sensor"
    )

    await _call(hass, "send_message", None, target={"entity_id": entity.entity_id})

    assert [receivers for receivers, *_ in node.asked("send")] == [(STUDIO.peer_id,)]


async def test_a_target_without_any_peer_is_refused(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    area = ar.async_get(hass).async_create("Empty")

    with pytest.raises(ServiceValidationError) as raised:
        await _call(hass, "send_message", None, target={"area_id": area.id})

    assert raised.value.translation_key == "no_peer_targeted"


async def test_a_named_device_must_be_a_peer(
    hass: HomeAssistant, node: FakeMeshNode, home: str
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await _call(hass, "send_message", home)
    assert raised.value.translation_key == "not_a_peer"

    with pytest.raises(ServiceValidationError) as raised:
        await _call(hass, "send_message", "no such device")
    assert raised.value.translation_key == "service_device_not_found"


async def test_no_action_works_on_a_mesh_that_is_not_loaded(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode, studio: str, home: str
) -> None:
    await hass.config_entries.async_unload(config_entry.entry_id)

    for action, device_id in (("send_message", studio), ("broadcast", home)):
        with pytest.raises(ServiceValidationError) as raised:
            await _call(hass, action, device_id)
        assert raised.value.translation_key == "service_config_entry_not_loaded"


async def test_a_request_returns_the_peer_s_reply(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    response = await _call(
        hass, "request", studio, respond=True, content={"question": 1}, timeout=5
    )

    ((receiver, draft, timeout),) = node.asked("request")
    assert (receiver, draft.performative, timeout) == (STUDIO.peer_id, "request", 5)
    assert response["content"] == {"answer": 42}
    assert response["performative"] == "inform"
    assert response["device_id"] == studio
    assert response["peer_name"] == "Studio"


async def test_a_request_goes_to_one_peer_only(
    hass: HomeAssistant, node: FakeMeshNode, studio: str, config_entry: MockConfigEntry
) -> None:
    node.add_peer(GARAGE, "Garage")
    garage = config_entry.runtime_data.device_id_of_peer(GARAGE.peer_id)

    with pytest.raises(ServiceValidationError) as raised:
        await _call(hass, "request", [studio, garage], respond=True)

    assert raised.value.translation_key == "one_peer_only"


@pytest.mark.parametrize(
    ("error", "kind", "key", "placeholders"),
    [
        (
            InvalidError("message_invalid", "x", reason="topic: not a topic"),
            ServiceValidationError,
            "message_invalid",
            {"reason": "topic: not a topic"},
        ),
        (InvalidError("message_too_large", "x"), ServiceValidationError, "message_too_large", {}),
        (UnreachableError("peer_not_connected", "x"), HomeAssistantError, "peer_not_connected", {}),
        (DeadlineError("request_timeout", "x"), HomeAssistantError, "request_timeout", {}),
        (
            RefusedError("request_refused", "x", status="not_allowed"),
            HomeAssistantError,
            "request_refused",
            {"status": "not_allowed"},
        ),
        (
            MeshError("something_new", "It is new."),
            HomeAssistantError,
            "mesh_error",
            {"error": "It is new."},
        ),
    ],
)
async def test_what_the_mesh_refuses_is_an_error_in_the_user_s_language(
    hass: HomeAssistant,
    node: FakeMeshNode,
    studio: str,
    error: MeshError,
    kind: type[HomeAssistantError],
    key: str,
    placeholders: dict[str, str],
) -> None:
    node.error = error

    with pytest.raises(HomeAssistantError) as raised:
        await _call(hass, "request", studio, respond=True)

    assert type(raised.value) is kind
    assert raised.value.translation_domain == DOMAIN
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == placeholders
    assert f"exceptions.{key}" not in str(raised.value)


async def test_a_broadcast_goes_to_the_mesh_of_the_targeted_node(
    hass: HomeAssistant, node: FakeMeshNode, studio: str, home: str
) -> None:
    response = await _call(hass, "broadcast", home, respond=True, content={"all": True})

    ((draft, _timeout),) = node.asked("broadcast")
    assert dict(draft.content) == {"all": True}
    assert [receipt["peer_id"] for receipt in response["receipts"]] == [STUDIO.peer_id]


async def test_a_broadcast_that_nobody_hears_is_no_error(
    hass: HomeAssistant, node: FakeMeshNode, home: str
) -> None:
    response = await _call(hass, "broadcast", home, respond=True)

    assert response["receipts"] == []


async def test_a_peer_is_not_a_mesh(hass: HomeAssistant, node: FakeMeshNode, studio: str) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await _call(hass, "broadcast", studio)

    assert raised.value.translation_key == "one_node_only"


@pytest.mark.parametrize(
    "data",
    [
        {"performative": "shout"},
        {"ttl": 0},
        {"timeout": 301},
        {"content": "text"},
        {"priority": "urgent"},
        {"unknown": 1},
    ],
)
async def test_a_field_that_no_message_has_is_refused_before_sending(
    hass: HomeAssistant, node: FakeMeshNode, studio: str, data: dict[str, Any]
) -> None:
    with pytest.raises(probatio.Invalid):
        await _call(hass, "send_message", studio, **data)

    assert not node.asked("send")


# -- membership -------------------------------------------------------------------------------


async def test_an_invitation_is_made_listed_and_cancelled(
    hass: HomeAssistant,
    node: FakeMeshNode,
    home: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = await _call(
        hass, "create_invitation", home, respond=True, role="command", expires_in={"hours": 2}
    )
    assert node.asked("create_invitation") == [(Role.COMMAND, timedelta(hours=2))]
    assert made["invitation"] == INVITATION
    assert made["role"] == "command"

    listed = await _call(hass, "list_invitations", home, respond=True)
    (invitation,) = listed["invitations"]
    assert invitation["invitation_id"] == made["invitation_id"]
    assert invitation["expires"] == made["expires"]
    assert INVITATION not in str(listed)

    await _call(hass, "cancel_invitation", home, invitation_id=made["invitation_id"])
    assert node.invitations == []
    with pytest.raises(ServiceValidationError) as raised:
        await _call(hass, "cancel_invitation", home, invitation_id=made["invitation_id"])
    assert raised.value.translation_key == "unknown_invitation"
    assert INVITATION not in caplog.text


async def test_an_invitation_lets_observe_for_a_day_unless_told_otherwise(
    hass: HomeAssistant, node: FakeMeshNode, home: str
) -> None:
    await _call(hass, "create_invitation", home, respond=True)

    assert node.asked("create_invitation") == [(Role.OBSERVE, timedelta(hours=24))]


@pytest.mark.parametrize("expires_in", [{"seconds": 30}, {"days": 31}])
async def test_an_invitation_is_open_for_a_sensible_time(
    hass: HomeAssistant, node: FakeMeshNode, home: str, expires_in: dict[str, int]
) -> None:
    with pytest.raises(probatio.Invalid):
        await _call(hass, "create_invitation", home, respond=True, expires_in=expires_in)


async def test_a_peer_is_given_another_role_and_revoked(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    await _call(hass, "set_peer_role", studio, role="admin")
    assert node.peers[STUDIO.peer_id].role is Role.ADMIN

    await _call(hass, "revoke_peer", studio)
    assert STUDIO.peer_id not in node.peers


async def test_only_an_admin_of_the_mesh_manages_it(
    hass: HomeAssistant, node: FakeMeshNode, studio: str, home: str
) -> None:
    node.role = Role.COMMAND

    for action, device_id, respond, data in (
        ("revoke_peer", studio, False, {}),
        ("set_peer_role", studio, False, {"role": "admin"}),
        ("create_invitation", home, True, {}),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await _call(hass, action, device_id, respond=respond, **data)
        assert raised.value.translation_key == "not_admin"


async def test_only_an_administrator_of_home_assistant_may_call_what_manages_the_mesh(
    hass: HomeAssistant, node: FakeMeshNode, hass_read_only_user: MockUser, home: str, studio: str
) -> None:
    context = Context(user_id=hass_read_only_user.id)
    data = {
        "cancel_invitation": {"invitation_id": "x"},
        "set_peer_role": {"role": "admin"},
    }

    for action in ADMIN_ACTIONS:
        with pytest.raises(Unauthorized):
            await hass.services.async_call(
                DOMAIN,
                action,
                data.get(action, {}),
                target={"device_id": studio if "peer" in action else home},
                blocking=True,
                context=context,
                return_response=action.startswith(("create", "list")),
            )
    assert {name for name, action in ACTIONS.items() if action.admin} == set(ADMIN_ACTIONS)
    assert node.invitations == []
    assert STUDIO.peer_id in node.peers


async def test_a_peer_is_reconnected(hass: HomeAssistant, node: FakeMeshNode, studio: str) -> None:
    node.disconnect_peer(STUDIO.peer_id)

    await _call(hass, "reconnect_peer", studio)

    assert node.peers[STUDIO.peer_id].connected
    node.error = UnreachableError("ice_failed", "x")
    with pytest.raises(HomeAssistantError) as raised:
        await _call(hass, "reconnect_peer", studio)
    assert raised.value.translation_key == "ice_failed"


async def test_a_peer_that_cannot_be_reconnected_keeps_no_other_from_being_tried(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    garage = _add(hass, node, GARAGE, "Garage")
    # For whoever comes first.
    node.error = UnreachableError("ice_failed", "x")

    with pytest.raises(HomeAssistantError) as raised:
        await _call(hass, "reconnect_peer", [studio, garage])

    ((first,), (second,)) = node.asked("reconnect")
    assert {first, second} == {STUDIO.peer_id, GARAGE.peer_id}
    assert node.peers[second].connected
    assert raised.value.translation_key == "peer_not_reconnected"
    assert str(raised.value).startswith(
        f"One of 2 peers could not be reconnected: {node.peers[first].name}. No network path"
    )
    assert node.peers[second].name not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "reason", "kind"),
    [
        (
            InvalidError("unknown_peer", "x"),
            "This peer is not a member of the mesh.",
            ServiceValidationError,
        ),
        (
            DeadlineError("link_timeout", "x"),
            "The peer could not be linked in time.",
            HomeAssistantError,
        ),
    ],
)
async def test_every_peer_that_could_not_be_reconnected_is_named_with_its_reason(
    hass: HomeAssistant,
    node: FakeMeshNode,
    studio: str,
    error: MeshError,
    reason: str,
    kind: type[HomeAssistantError],
) -> None:
    garage = _add(hass, node, GARAGE, "Garage")
    errors = {STUDIO.peer_id: InvalidError("unknown_peer", "x"), GARAGE.peer_id: error}

    async def reconnect(peer_id: str) -> None:
        raise errors[peer_id]

    with (
        patch.object(node, "reconnect", reconnect),
        pytest.raises(HomeAssistantError) as raised,
    ):
        await _call(hass, "reconnect_peer", [studio, garage])

    text = str(raised.value)
    assert type(raised.value) is kind
    assert raised.value.translation_key == "peers_not_reconnected"
    assert text.startswith("2 of 2 peers could not be reconnected. ")
    assert "Studio: This peer is not a member of the mesh." in text
    assert f"Garage: {reason}" in text


async def test_peers_are_reconnected_at_once_but_no_more_than_the_node_dials_by_itself(
    hass: HomeAssistant, node: FakeMeshNode, studio: str
) -> None:
    others = [
        _add(hass, node, Identity(bytes([number]) * 32), f"Peer {number}")
        for number in range(100, 100 + 2 * MAX_DIALS)
    ]
    gate = asyncio.Event()
    dialing: list[str] = []

    async def reconnect(peer_id: str) -> None:
        dialing.append(peer_id)
        await gate.wait()

    with patch.object(node, "reconnect", reconnect):
        task = hass.async_create_task(
            _call(hass, "reconnect_peer", [studio, *others]), eager_start=True
        )
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(dialing) == MAX_DIALS
        gate.set()
        await task

    assert sorted(dialing) == sorted(node.peers)


async def test_the_actions_outlive_the_mesh_so_that_automations_stay_valid(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    await hass.config_entries.async_unload(config_entry.entry_id)

    assert set(hass.services.async_services_for_domain(DOMAIN)) == {
        *ACTIONS,
        *STUDIO_ACTIONS,
        *WEBHOOK_ACTIONS,
    }
    assert OWN.peer_id == node.peer_id
