"""What can be asked of the process that owns a node, by itself or over the control socket.

Arguments and results are JSON. An operation that needs links waits for them, because a node that
was started for one command has none yet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
import time
from typing import Any, Final

from ..api import MessageDraft
from ..errors import DeadlineError, InvalidError, RefusedError, UnreachableError
from ..messages.message import IFMessage
from ..model import (
    MessageReceived,
    NodeEvent,
    PeerJoined,
    PeerView,
    ReceiptStatus,
    Role,
)
from ..node import MeshNode
from .control import Emit
from .events import invitation_json, message_json, node_json, peer_json
from .waiting import LEARNING, Waiter

SIGN_IN: Final = 5.0
"""Seconds to wait for a signaling server."""
SPREADING: Final = 0.5
"""Seconds that what was signed for the mesh gets to reach the neighbours."""
MAX_WAITING: Final = 1000
"""Messages that wait for a slow listener before it is cut off."""


class Operations:
    """The operations of one loaded node.

    Args:
        node: The node.
        settings: Its settings as JSON, for status.
        running: Whether this is the agent that stays, not a node for one command.
        started: Whether the node was started.

    """

    def __init__(
        self, node: MeshNode, settings: Mapping[str, Any], *, running: bool, started: bool
    ) -> None:
        """Begin now."""
        self._node = node
        self._settings = settings
        self._running = running
        self._wait = Waiter(node, started=started)
        self._table: Mapping[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "status": self._status,
            "peers": self._peers,
            "send": self._send,
            "broadcast": self._broadcast,
            "request": self._request,
            "listen": self._listen,
            "invite": self._invite,
            "invitations": self._invitations,
            "cancel": self._cancel,
            "revoke": self._revoke,
            "role": self._role,
        }

    async def perform(self, op: str, args: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
        """Carry out one operation and return its result.

        Raises:
            InvalidError: ``unknown_operation``, and what the operation says.
            MeshError: As the operation failed.

        """
        operation = self._table.get(op)
        if operation is None:
            raise InvalidError(
                "unknown_operation", f"The running agent does not know “{op}”; restart it."
            )
        return await operation(emit, **args)

    # Looking

    async def _status(self, emit: Emit, *, wait: float = 0, settle: bool = False) -> dict[str, Any]:
        await self._wait.until(self._wait.quiet if settle else self._wait.complete, wait)
        stats = self._node.stats
        about = node_json(self._node)
        about["node"]["name"] = self._settings["name"]
        return {
            "running": self._running,
            **about,
            "signaling": {
                "connected": list(stats.signaling_connected),
                "configured": list(stats.signaling_configured),
                "hosted": self._settings["host_signal"],
            },
            "peers": {"total": stats.peers_total, "online": stats.peers_online},
            "links": {"direct": stats.links_direct, "relayed": stats.links_relayed},
            "messages": {
                "in_per_minute": stats.messages_in_per_minute,
                "out_per_minute": stats.messages_out_per_minute,
                "refused": dict(stats.refused),
            },
            "loop_lag_p99_ms": stats.loop_lag_p99_ms,
            "problems": list(stats.problems),
        }

    async def _peers(self, emit: Emit, *, wait: float = 0, settle: bool = False) -> dict[str, Any]:
        await self._wait.until(self._wait.quiet if settle else self._wait.complete, wait)
        views = sorted(self._node.peers.values(), key=lambda view: (view.name, view.peer_id))
        return {"running": self._running, "peers": [peer_json(view) for view in views]}

    async def _listen(
        self, emit: Emit, *, count: int | None = None, timeout: float | None = None
    ) -> dict[str, Any]:
        waiting: asyncio.Queue[MessageReceived] = asyncio.Queue(MAX_WAITING)
        lost = False

        def take(event: NodeEvent) -> None:
            nonlocal lost
            if isinstance(event, MessageReceived) and not lost:
                try:
                    waiting.put_nowait(event)
                except asyncio.QueueFull:
                    lost = True

        self._wait.check_member()
        stop = self._node.subscribe(take)
        heard = 0
        try:
            async with asyncio.timeout(timeout):
                await emit({"event": "listening"})
                while count is None or heard < count:
                    try:
                        event = await asyncio.wait_for(waiting.get(), 1)
                    except TimeoutError:
                        # No event of this kind ends the waiting of a node that was revoked.
                        self._wait.check_member()
                        continue
                    await emit(message_json(self._node, event))
                    heard += 1
                    if lost and waiting.empty():
                        raise _too_slow()
        except TimeoutError as err:
            wanted = "No message" if not heard else f"Only {heard} of {count} messages"
            raise DeadlineError(
                "listen_timeout", f"{wanted} came within {timeout:g} s.", heard=str(heard)
            ) from err
        finally:
            stop()
        return {"heard": heard}

    # Messages

    async def _send(
        self, emit: Emit, *, peer: str, draft: Mapping[str, Any], timeout: float
    ) -> dict[str, Any]:
        made = _draft(draft)
        until = time.monotonic() + timeout
        view = await self._wait.linked(peer, timeout)
        result = await self._node.send(
            [view.peer_id], made, timeout=max(0.1, until - time.monotonic())
        )
        _check_receipt(view.name, result.receipts[view.peer_id])
        return self._sent(result.message, result.receipts)

    async def _broadcast(
        self, emit: Emit, *, draft: Mapping[str, Any], timeout: float
    ) -> dict[str, Any]:
        made = _draft(draft)
        until = time.monotonic() + timeout
        await self._wait.settle(timeout)
        self._wait.check_member()
        if not self._wait.anybody():
            raise self._wait.nobody(timeout)
        result = await self._node.broadcast(made, timeout=max(0.1, until - time.monotonic()))
        if not result.accepted:
            peer_id, status = next(iter(result.receipts.items()))
            _check_receipt(self._node.peers[peer_id].name, status)
        return self._sent(result.message, result.receipts)

    async def _request(
        self, emit: Emit, *, peer: str, draft: Mapping[str, Any], timeout: float
    ) -> dict[str, Any]:
        made = _draft(draft)
        until = time.monotonic() + timeout
        view = await self._wait.linked(peer, timeout)
        left = max(0.1, until - time.monotonic())
        try:
            # The limit of the node covers the reply only, not the delivery of the request.
            async with asyncio.timeout(left):
                reply = await self._node.request(view.peer_id, made, timeout=left)
        except TimeoutError as err:
            raise DeadlineError(
                "request_timeout", f"{view.name} did not reply within {timeout:g} s."
            ) from err
        return {"peer_id": view.peer_id, "name": view.name, "reply": self._node.export(reply)}

    def _sent(
        self, message: IFMessage, receipts: Mapping[str, ReceiptStatus | None]
    ) -> dict[str, Any]:
        return {
            "message": self._node.export(message),
            "receipts": {peer: _receipt_name(status) for peer, status in receipts.items()},
        }

    # Membership

    async def _invite(
        self, emit: Emit, *, role: str, expires: float, wait: bool | None = None
    ) -> dict[str, Any]:
        """Make an invitation; *wait* until somebody joined (None: unless the agent stays)."""
        self._wait.check_admin()
        await self._signed_in()
        waits = wait if wait is not None else not self._running
        joined: asyncio.Future[PeerView] = asyncio.get_running_loop().create_future()
        ours: list[str] = []

        def take(event: NodeEvent) -> None:
            if isinstance(event, PeerJoined) and event.invitation_id in ours and not joined.done():
                joined.set_result(event.peer)

        stop = self._node.subscribe(take)
        try:
            view, text = await self._node.create_invitation(
                role=Role(role), expires_in=timedelta(seconds=expires)
            )
            ours.append(view.invitation_id)
            about = invitation_json(view)
            event = {"event": "invitation", "invitation": text, **about}
            await emit({**event, "waits": waits, "stays": self._running})
            if not waits:
                return {**about, "joined": None}
            peer = await self._joined(joined, view.invitation_id)
        finally:
            stop()
        await asyncio.sleep(SPREADING)
        return {**about, "joined": peer_json(peer)}

    async def _signed_in(self) -> None:
        """Wait for the signaling server, without which nobody can join."""
        stats = self._node.stats
        if stats.signaling_configured and not await self._wait.until(
            lambda: bool(self._node.stats.signaling_connected), SIGN_IN
        ):
            raise UnreachableError(
                "signaling_unreachable",
                f"The signaling server {stats.signaling_configured[0]} cannot be reached, so "
                "nobody could join; check that it runs and the network.",
            )

    async def _joined(self, joined: asyncio.Future[PeerView], invitation_id: str) -> PeerView:
        while not joined.done():
            await asyncio.wait([joined], timeout=1)
            still = any(view.invitation_id == invitation_id for view in self._node.invitations)
            if not joined.done() and not still:
                self._wait.check_member()
                raise DeadlineError(
                    "invitation_over", "Nobody joined before the invitation expired or ended."
                )
        return joined.result()

    async def _invitations(self, emit: Emit) -> dict[str, Any]:
        return {"invitations": [invitation_json(view) for view in self._node.invitations]}

    async def _cancel(self, emit: Emit, *, invitation: str) -> dict[str, Any]:
        wanted = invitation.strip().lower()
        found = [
            view.invitation_id
            for view in self._node.invitations
            if wanted and view.invitation_id.startswith(wanted)
        ]
        if len(found) > 1:
            raise InvalidError(
                "ambiguous_invitation",
                f"“{invitation}” is the beginning of several invitations; give more of the id.",
            )
        await self._node.cancel_invitation(found[0] if found else wanted)
        return {"invitation_id": found[0]}

    async def _revoke(self, emit: Emit, *, peer: str) -> dict[str, Any]:
        self._wait.check_admin()
        view = await self._wait.known(peer, LEARNING)
        return await self._change_membership(view, self._node.revoke(view.peer_id))

    async def _role(self, emit: Emit, *, peer: str, role: str) -> dict[str, Any]:
        self._wait.check_admin()
        view = await self._wait.known(peer, LEARNING)
        return await self._change_membership(view, self._node.set_role(view.peer_id, Role(role)))

    async def _change_membership(self, view: PeerView, change: Awaitable[None]) -> dict[str, Any]:
        """Make a change once there is somebody to tell, and give the news time to leave."""
        if not self._running:
            await self._wait.settle(LEARNING)
        told = self._wait.anybody()
        await change
        if told and not self._running:
            await asyncio.sleep(SPREADING)
        return {"peer_id": view.peer_id, "name": view.name, "told": told}


def _too_slow() -> RefusedError:
    return RefusedError(
        "listener_too_slow",
        f"More than {MAX_WAITING} messages waited to be read, and some were lost; read faster.",
    )


def _draft(values: Mapping[str, Any]) -> MessageDraft:
    return MessageDraft(**values)


def _receipt_name(status: ReceiptStatus | None) -> str | None:
    return None if status is None else status.name.lower()


def _check_receipt(name: str, status: ReceiptStatus | None) -> None:
    """Raise unless a message was accepted."""
    if status is None:
        raise DeadlineError(
            "receipt_timeout",
            f"{name} gave no receipt in time; it may or may not have the message.",
            peer=name,
        )
    if status is not ReceiptStatus.ACCEPTED:
        reason = status.name.lower()
        raise RefusedError(
            "message_refused",
            f"{name} refused the message: {reason.replace('_', ' ')}.",
            peer=name,
            status=reason,
        )
