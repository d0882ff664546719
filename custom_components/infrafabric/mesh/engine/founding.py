"""How a node comes into a mesh: it founds one, or it joins one with an invitation."""

import os
import time
from typing import TYPE_CHECKING, Any, Final

from ..encoding import b64decode, b64encode
from ..errors import DeadlineError, InvalidError, RefusedError
from ..model import Role
from ..signaling.joiner import join_through
from ..trust.identity import KEY_SIZE, Identity
from ..trust.invitation import Invitation
from ..trust.invitation_book import InvitationBook
from ..trust.joining import REFUSALS, JoinAccept, JoinRequest, read_answer
from ..trust.membership import CLOCK_TOLERANCE, Membership, clean_name, is_name
from .state import NodeState, NodeStore

if TYPE_CHECKING:
    import aiohttp

PENDING: Final = "pending"
"""The only key of a state that waits for the inviter's answer."""
JOIN_DEADLINE: Final = 20.0
"""Seconds that joining may take."""


def _checked_name(name: str) -> str:
    cleaned = clean_name(name, "")
    if not is_name(cleaned):
        raise InvalidError(
            "name_invalid", "A name has 1 to 64 characters that can be seen; choose another."
        )
    return cleaned


async def create_mesh(store: NodeStore, *, mesh_name: str, node_name: str) -> None:
    """Make a new mesh with this node as founder and admin, and save it.

    Raises:
        InvalidError: ``name_invalid``.

    """
    now = time.time()
    mesh_name = _checked_name(mesh_name)
    node_name = _checked_name(node_name)
    identity = Identity.generate()
    authority = Identity.generate()
    membership = Membership(mesh_name, authority.public_key, identity.public_key)
    membership.issue(authority, identity.public_key, node_name, Role.ADMIN, now)
    state = NodeState(
        identity=identity,
        node_name=node_name,
        membership=membership,
        invitations=InvitationBook(),
        authority=authority,
    )
    await store.save(state.to_json())


async def join_mesh(
    store: NodeStore,
    text: str,
    *,
    node_name: str,
    http: aiohttp.ClientSession,
    software: str,
    deadline: float,
) -> None:
    """Join a mesh with an invitation and save the membership.

    Raises:
        MeshError: See ``MeshNode.join``.

    """
    invitation = Invitation.parse(text, time.time())
    name = _checked_name(node_name)
    data = await store.load()
    former = _former(data, invitation)
    identity = former.identity if former else _pending(data, invitation) or Identity.generate()
    if former is None:
        # An answer that gets lost must not cost the invitation: the same key is let in again.
        await store.save(_as_pending(identity, invitation))
    accept = await _ask(identity, invitation, name, software, http, deadline)
    state = NodeState(
        identity=identity,
        node_name=name,
        membership=accept.membership,
        invitations=former.invitations if former else InvitationBook(),
        authority=former.authority if former else None,
        epoch=former.epoch if former else 0,
        # What was seen stays seen, or it could be sent again.
        clean=former.clean if former else True,
        replay=former.replay if former else None,
        servers={invitation.inviter.peer_id: accept.urls or invitation.urls},
    )
    await store.save(state.to_json())


def _as_pending(identity: Identity, invitation: Invitation) -> dict[str, Any]:
    return {PENDING: {"mesh": invitation.mesh_id, "seed": b64encode(identity.seed)}}


def _pending(data: dict[str, Any] | None, invitation: Invitation) -> Identity | None:
    """Return the key with which this mesh was asked before, if the answer never came."""
    match data:
        case {"pending": {"mesh": mesh, "seed": seed}} if mesh == invitation.mesh_id:
            return Identity(b64decode(seed, KEY_SIZE))
    return None


def _former(data: dict[str, Any] | None, invitation: Invitation) -> NodeState | None:
    """Return what the store holds of this mesh already: a revoked node keeps its key."""
    if data is None or PENDING in data:
        return None
    state = NodeState.from_json(data)
    if state.membership.mesh_id != invitation.mesh_id:
        raise InvalidError(
            "other_mesh",
            f"This invitation is for the mesh {invitation.mesh_name}, not for "
            f"{state.membership.name}; paste one of {state.membership.name}.",
            mesh=state.membership.name,
        )
    return state


async def _ask(
    identity: Identity,
    invitation: Invitation,
    name: str,
    software: str,
    http: aiohttp.ClientSession,
    deadline: float,
) -> JoinAccept:
    """Ask the inviter and return its acceptance."""
    request: JoinRequest | None = None

    def ask(offset: float) -> bytes:
        """Make the request when the signaling server is reached and its clock is known."""
        nonlocal request
        if abs(offset) > CLOCK_TOLERANCE:
            raise RefusedError("clock_skew", REFUSALS["clock_skew"], seconds=str(round(-offset)))
        request = JoinRequest.make(
            identity,
            invitation,
            name=name,
            software=software,
            now=time.time(),
            random=os.urandom,
        )
        return invitation.inviter.seal(request.data)

    box = await join_through(
        invitation.urls,
        mesh_id=invitation.mesh_id,
        lookup=invitation.lookup,
        inviter=invitation.inviter.peer_id,
        request=ask,
        http=http,
        timeout=deadline,
    )
    try:
        if request is None:
            msg = "an answer before the question"
            raise ValueError(msg)
        return read_answer(identity.unseal(box), invitation, request, time.time())
    except ValueError as err:
        raise DeadlineError(
            "join_timeout",
            "What came back is not the inviter's answer; try again, and if it happens again use "
            "another signaling server.",
        ) from err
