"""Actions: talk to peers, invite, and manage the members of a mesh."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import probatio

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.service import (
    async_get_device_and_config_entry,
    async_register_admin_service,
)
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.typing import VolSchemaType
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .errors import mesh_errors
from .hub import MeshHub
from .mesh.api import MessageDraft, SendResult
from .mesh.messages.message import IFMessage
from .mesh.messages.schema import DEFAULT_TTL, DOMAINS, MAX_TTL, PERFORMATIVES, PRIORITIES
from .mesh.model import ReceiptStatus, Role

ATTR_EXPIRES_IN: Final = "expires_in"
ATTR_INVITATION_ID: Final = "invitation_id"
ATTR_ROLE: Final = "role"
ATTR_TIMEOUT: Final = "timeout"

MAX_TIMEOUT: Final = 300
"""Seconds; an automation that waits longer is stuck."""

_TEXT_OR_NOTHING: Final = probatio.Any(None, cv.string)
"""A template that repeats a field of another message finds nothing when that had none."""

MESSAGE_FIELDS: Final[dict[Any, Any]] = {
    probatio.Optional("content", default=dict): dict,
    probatio.Optional("performative"): probatio.In(sorted(PERFORMATIVES)),
    probatio.Optional("conversation_id"): _TEXT_OR_NOTHING,
    probatio.Optional("topic"): _TEXT_OR_NOTHING,
    probatio.Optional("protocol"): _TEXT_OR_NOTHING,
    probatio.Optional("trace_id"): _TEXT_OR_NOTHING,
    probatio.Optional("ttl", default=DEFAULT_TTL): probatio.All(
        probatio.Coerce(int), probatio.Range(min=1, max=MAX_TTL)
    ),
    probatio.Optional("mission_id", default="default"): cv.string,
    probatio.Optional("workflow", default="default"): cv.string,
    probatio.Optional("domain", default="technical"): probatio.In(sorted(DOMAINS)),
    probatio.Optional("priority", default="medium"): probatio.In(sorted(PRIORITIES)),
    probatio.Optional("citation_ids", default=list): probatio.All(cv.ensure_list, [cv.string]),
    probatio.Optional("hazard"): dict,
    probatio.Optional("provenance"): dict,
}
"""Every field of an IFMessage that a caller may choose; the node fills in the others."""


def _timeout(default: float) -> dict[Any, Any]:
    return {
        probatio.Optional(ATTR_TIMEOUT, default=default): probatio.All(
            probatio.Coerce(float), probatio.Range(min=1, max=MAX_TIMEOUT)
        )
    }


def _with_target(fields: Mapping[Any, Any] | None = None) -> VolSchemaType:
    """Return the schema of an action with a target."""
    return probatio.All(
        probatio.Schema({**cv.TARGET_SERVICE_FIELDS, **(fields or {})}),
        cv.has_at_least_one_key(*cv.ENTITY_SERVICE_FIELDS),
    )


# -- targets ----------------------------------------------------------------------------------


def _targeted_devices(call: ServiceCall) -> tuple[set[str], set[str]]:
    """Return the devices that a call names, and those its areas, labels and entities mean."""
    selection = TargetSelection(call.data)
    found = async_extract_referenced_entity_ids(call.hass, selection)
    registry = er.async_get(call.hass)
    of_entities = {
        entity.device_id
        for entity_id in found.referenced
        if (entity := registry.async_get(entity_id)) and entity.device_id
    }
    return selection.device_ids, (found.referenced_devices | of_entities) - selection.device_ids


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


def _hubs(call: ServiceCall) -> Iterator[tuple[MeshHub, str, bool]]:
    """Return the mesh of each targeted device, the device, and whether the call names it.

    Raises:
        ServiceValidationError: A named device belongs to no loaded mesh.

    """
    named, meant = _targeted_devices(call)
    for device_id in sorted(named | meant):
        try:
            _device, entry = async_get_device_and_config_entry(
                call.hass, DOMAIN, device_id, include_child_devices=False
            )
        except ServiceValidationError:
            if device_id in named:
                raise
            # An area holds all kinds of devices; the others are not spoken to.
            continue
        yield entry.runtime_data, device_id, device_id in named


def _peers(call: ServiceCall) -> dict[MeshHub, list[str]]:
    """Return the targeted peers' ids by mesh.

    Raises:
        ServiceValidationError: As ``_hubs``, a named device is no peer, or there is no peer.

    """
    peers: dict[MeshHub, list[str]] = {}
    for hub, device_id, named in _hubs(call):
        if (peer_id := hub.peer_id_of_device(device_id)) is not None:
            peers.setdefault(hub, []).append(peer_id)
        elif named:
            raise _invalid("not_a_peer")
    if not peers:
        raise _invalid("no_peer_targeted")
    return peers


def _peer(call: ServiceCall) -> tuple[MeshHub, str]:
    """Return the one targeted peer.

    Raises:
        ServiceValidationError: As ``_peers``, or there is more than one.

    """
    peers = [(hub, peer_id) for hub, ids in _peers(call).items() for peer_id in ids]
    if len(peers) != 1:
        raise _invalid("one_peer_only")
    return peers[0]


def _mesh(call: ServiceCall) -> MeshHub:
    """Return the mesh whose node is the target.

    Raises:
        ServiceValidationError: As ``_hubs``, or the target is not exactly one node of
            this Home Assistant.

    """
    hubs = [hub for hub, device_id, _named in _hubs(call) if hub.node_device_id == device_id]
    if len(hubs) != 1:
        raise _invalid("one_node_only")
    return hubs[0]


# -- messages ---------------------------------------------------------------------------------


def _draft(call: ServiceCall, performative: str) -> MessageDraft:
    values = {
        key: value
        for key, value in call.data.items()
        if key not in (*cv.ENTITY_SERVICE_FIELDS, ATTR_TIMEOUT) and value not in (None, "")
    }
    values["citation_ids"] = tuple(values["citation_ids"])
    return MessageDraft(**{"performative": performative, **values})


def _message_response(message: IFMessage) -> dict[str, Any]:
    return {
        "performative": message.performative,
        "conversation_id": message.conversation_id,
        "trace_id": message.trace_id,
        "topic": message.topic,
        "sequence_num": message.sequence_num,
        "timestamp": message.timestamp.isoformat(),
    }


def _peer_response(hub: MeshHub, peer_id: str) -> dict[str, Any]:
    peer = hub.peers.get(peer_id)
    return {
        ATTR_DEVICE_ID: hub.device_id_of_peer(peer_id),
        "peer_id": peer_id,
        "peer_name": peer.name if peer else None,
    }


def _sent_response(hub: MeshHub, result: SendResult) -> dict[str, Any]:
    return {
        **_message_response(result.message),
        "receipts": [
            {**_peer_response(hub, peer_id), "status": _status(status)}
            for peer_id, status in result.receipts.items()
        ],
    }


def _status(status: ReceiptStatus | None) -> str:
    return "no_receipt" if status is None else status.name.lower()


def _raise_unless_accepted(statuses: Iterable[ReceiptStatus | None]) -> None:
    """Raise when nobody at all took the message; a partial success is in the response."""
    given = list(statuses)
    if not given or ReceiptStatus.ACCEPTED in given:
        return
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="message_not_accepted",
        translation_placeholders={"reasons": ", ".join(sorted({_status(s) for s in given}))},
    )


async def _send_message(call: ServiceCall) -> ServiceResponse:
    """Send one message a mesh to the targeted peers."""
    draft = _draft(call, "inform")
    messages: list[JsonValueType] = []
    statuses: list[ReceiptStatus | None] = []
    for hub, peer_ids in _peers(call).items():
        with mesh_errors():
            result = await hub.node.send(peer_ids, draft, timeout=call.data[ATTR_TIMEOUT])
        messages.append(_sent_response(hub, result))
        statuses.extend(result.receipts.values())
    _raise_unless_accepted(statuses)
    return {"messages": messages}


async def _broadcast(call: ServiceCall) -> ServiceResponse:
    """Send one message to every linked peer of a mesh."""
    hub = _mesh(call)
    with mesh_errors():
        result = await hub.node.broadcast(_draft(call, "inform"), timeout=call.data[ATTR_TIMEOUT])
    _raise_unless_accepted(result.receipts.values())
    return _sent_response(hub, result)


async def _request(call: ServiceCall) -> ServiceResponse:
    """Ask a peer and return its reply."""
    hub, peer_id = _peer(call)
    with mesh_errors():
        reply = await hub.node.request(
            peer_id, _draft(call, "request"), timeout=call.data[ATTR_TIMEOUT]
        )
    return {
        **_message_response(reply),
        **_peer_response(hub, peer_id),
        "content": dict(reply.content),
    }


# -- membership -------------------------------------------------------------------------------


async def _create_invitation(call: ServiceCall) -> ServiceResponse:
    """Return a new invitation: the one place where its secret leaves through an action."""
    with mesh_errors():
        view, text = await _mesh(call).node.create_invitation(
            role=Role(call.data[ATTR_ROLE]), expires_in=call.data[ATTR_EXPIRES_IN]
        )
    return {
        ATTR_INVITATION_ID: view.invitation_id,
        "invitation": text,
        ATTR_ROLE: view.role.value,
        "expires": view.expires.isoformat(),
    }


async def _list_invitations(call: ServiceCall) -> ServiceResponse:
    """Return the open invitations, without their secrets."""
    return {
        "invitations": [
            {
                ATTR_INVITATION_ID: view.invitation_id,
                ATTR_ROLE: view.role.value,
                "created": view.created.isoformat(),
                "expires": view.expires.isoformat(),
            }
            for view in _mesh(call).node.invitations
        ]
    }


async def _cancel_invitation(call: ServiceCall) -> None:
    with mesh_errors():
        await _mesh(call).node.cancel_invitation(call.data[ATTR_INVITATION_ID])


async def _revoke_peer(call: ServiceCall) -> None:
    hub, peer_id = _peer(call)
    with mesh_errors():
        await hub.node.revoke(peer_id)


async def _set_peer_role(call: ServiceCall) -> None:
    for hub, peer_ids in _peers(call).items():
        for peer_id in peer_ids:
            with mesh_errors():
                await hub.node.set_role(peer_id, Role(call.data[ATTR_ROLE]))


async def _reconnect_peer(call: ServiceCall) -> None:
    for hub, peer_ids in _peers(call).items():
        for peer_id in peer_ids:
            with mesh_errors():
                await hub.node.reconnect(peer_id)


# -- registration -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    """One action: what it takes, who may call it, and what it does."""

    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
    schema: VolSchemaType
    response: SupportsResponse = SupportsResponse.NONE
    admin: bool = False


ACTIONS: Final[Mapping[str, _Action]] = {
    "send_message": _Action(
        handler=_send_message,
        schema=_with_target({**MESSAGE_FIELDS, **_timeout(10)}),
        response=SupportsResponse.OPTIONAL,
    ),
    "request": _Action(
        handler=_request,
        schema=_with_target({**MESSAGE_FIELDS, **_timeout(30)}),
        response=SupportsResponse.OPTIONAL,
    ),
    "broadcast": _Action(
        handler=_broadcast,
        schema=_with_target({**MESSAGE_FIELDS, **_timeout(10)}),
        response=SupportsResponse.OPTIONAL,
    ),
    "create_invitation": _Action(
        handler=_create_invitation,
        schema=_with_target(
            {
                probatio.Optional(ATTR_ROLE, default=Role.OBSERVE.value): probatio.In(
                    [role.value for role in Role]
                ),
                probatio.Optional(ATTR_EXPIRES_IN, default=timedelta(hours=24)): probatio.All(
                    cv.positive_time_period,
                    probatio.Range(min=timedelta(minutes=1), max=timedelta(days=30)),
                ),
            }
        ),
        response=SupportsResponse.ONLY,
        admin=True,
    ),
    "list_invitations": _Action(
        handler=_list_invitations,
        schema=_with_target(),
        response=SupportsResponse.ONLY,
        admin=True,
    ),
    "cancel_invitation": _Action(
        handler=_cancel_invitation,
        schema=_with_target({probatio.Required(ATTR_INVITATION_ID): cv.string}),
        admin=True,
    ),
    "revoke_peer": _Action(handler=_revoke_peer, schema=_with_target(), admin=True),
    "set_peer_role": _Action(
        handler=_set_peer_role,
        schema=_with_target(
            {probatio.Required(ATTR_ROLE): probatio.In([role.value for role in Role])}
        ),
        admin=True,
    ),
    "reconnect_peer": _Action(handler=_reconnect_peer, schema=_with_target()),
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; they outlive every entry, so that automations stay valid."""
    for name, action in ACTIONS.items():
        if action.admin:
            async_register_admin_service(
                hass, DOMAIN, name, action.handler, action.schema, action.response
            )
        else:
            hass.services.async_register(
                DOMAIN, name, action.handler, action.schema, action.response
            )
