"""Actions: talk to peers, invite, and manage the members of a mesh."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .errors import mesh_errors
from .hub import MeshHub
from .mesh.api import MessageDraft, SendResult
from .mesh.messages.message import IFMessage
from .mesh.messages.schema import DEFAULT_TTL, DOMAINS, MAX_TTL, PERFORMATIVES, PRIORITIES
from .mesh.model import ReceiptStatus, Role
from .mesh.overlay.healing import MAX_DIALS
from .studio_runs import all_done, common_kind, reasons_of, text_of
from .studio_services import STUDIO_ACTIONS
from .surfaces.webhooks.outbound.actions import WEBHOOK_ACTIONS
from .targets import (
    ATTR_TIMEOUT,
    Action,
    async_register_actions,
    invalid,
    targeted_entries,
    timeout_field,
    with_target,
)

ATTR_EXPIRES_IN: Final = "expires_in"
ATTR_INVITATION_ID: Final = "invitation_id"
ATTR_ROLE: Final = "role"

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


# -- targets ----------------------------------------------------------------------------------


def _hubs(call: ServiceCall) -> Iterator[tuple[MeshHub, str, bool]]:
    """Return the mesh of each targeted device, the device, and whether the call names it.

    Raises:
        ServiceValidationError: A named device belongs to no loaded mesh.

    """
    for entry, device_id, named in targeted_entries(call):
        if isinstance(entry.runtime_data, MeshHub):
            yield entry.runtime_data, device_id, named
        elif named:
            raise invalid("not_a_peer")


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
            raise invalid("not_a_peer")
    if not peers:
        raise invalid("no_peer_targeted")
    return peers


def _peer(call: ServiceCall) -> tuple[MeshHub, str]:
    """Return the one targeted peer.

    Raises:
        ServiceValidationError: As ``_peers``, or there is more than one.

    """
    peers = [(hub, peer_id) for hub, ids in _peers(call).items() for peer_id in ids]
    if len(peers) != 1:
        raise invalid("one_peer_only")
    return peers[0]


def _mesh(call: ServiceCall) -> MeshHub:
    """Return the mesh whose node is the target.

    Raises:
        ServiceValidationError: As ``_hubs``, or the target is not exactly one node of
            this Home Assistant.

    """
    hubs = [hub for hub, device_id, _named in _hubs(call) if hub.node_device_id == device_id]
    if len(hubs) != 1:
        raise invalid("one_node_only")
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
    """Dial every targeted peer anew; one that fails keeps no other from being tried."""
    dialing = asyncio.Semaphore(MAX_DIALS)

    async def reconnect(hub: MeshHub, peer_id: str) -> tuple[str, HomeAssistantError | None]:
        name = _peer_response(hub, peer_id)["peer_name"] or peer_id
        try:
            async with dialing:
                with mesh_errors():
                    await hub.node.reconnect(peer_id)
        except HomeAssistantError as err:
            return name, err
        return name, None

    outcomes = await all_done(
        reconnect(hub, peer_id) for hub, peer_ids in _peers(call).items() for peer_id in peer_ids
    )
    if failed := [(name, err) for name, err in outcomes if err is not None]:
        raise _not_reconnected(call.hass, failed, len(outcomes))


def _not_reconnected(
    hass: HomeAssistant, failed: Sequence[tuple[str, HomeAssistantError]], targeted: int
) -> HomeAssistantError:
    """Return one error for all that failed; of several targeted, each is named with its reason."""
    kind = common_kind(err for _, err in failed)
    peer, err = failed[0]
    if targeted == 1:
        return err
    if len(failed) == 1:
        return kind(
            translation_domain=DOMAIN,
            translation_key="peer_not_reconnected",
            translation_placeholders={
                "targeted": str(targeted),
                "peer": peer,
                "reason": text_of(hass, err),
            },
        )
    return kind(
        translation_domain=DOMAIN,
        translation_key="peers_not_reconnected",
        translation_placeholders={
            "failed": str(len(failed)),
            "targeted": str(targeted),
            "reasons": reasons_of(hass, failed),
        },
    )


# -- registration -----------------------------------------------------------------------------


ACTIONS: Final[Mapping[str, Action]] = {
    "send_message": Action(
        handler=_send_message,
        schema=with_target({**MESSAGE_FIELDS, **timeout_field(10)}),
        response=SupportsResponse.OPTIONAL,
    ),
    "request": Action(
        handler=_request,
        schema=with_target({**MESSAGE_FIELDS, **timeout_field(30)}),
        response=SupportsResponse.OPTIONAL,
    ),
    "broadcast": Action(
        handler=_broadcast,
        schema=with_target({**MESSAGE_FIELDS, **timeout_field(10)}),
        response=SupportsResponse.OPTIONAL,
    ),
    "create_invitation": Action(
        handler=_create_invitation,
        schema=with_target(
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
    "list_invitations": Action(
        handler=_list_invitations,
        schema=with_target(),
        response=SupportsResponse.ONLY,
        admin=True,
    ),
    "cancel_invitation": Action(
        handler=_cancel_invitation,
        schema=with_target({probatio.Required(ATTR_INVITATION_ID): cv.string}),
        admin=True,
    ),
    "revoke_peer": Action(handler=_revoke_peer, schema=with_target(), admin=True),
    "set_peer_role": Action(
        handler=_set_peer_role,
        schema=with_target(
            {probatio.Required(ATTR_ROLE): probatio.In([role.value for role in Role])}
        ),
        admin=True,
    ),
    "reconnect_peer": Action(handler=_reconnect_peer, schema=with_target()),
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register every action, of meshes, of studios and of webhooks."""
    async_register_actions(hass, {**ACTIONS, **STUDIO_ACTIONS, **WEBHOOK_ACTIONS})
