"""The place of the node that lives in the signaling server's own process: no socket between."""

import asyncio
from collections.abc import Iterable

from ..errors import UnreachableError
from .base import CarrierHandler, Credentials
from .mailbox import Mailbox, checked_box, checked_lookups, peer_absent
from .server import SignalingServer
from .wire import Ready, parse_server_frame


class LocalCarrier:
    """A ``Carrier`` straight into a ``SignalingServer``.

    Args:
        server: The server in this process.
        credentials: This node and its mesh, which ``SignalingServer.admit`` should serve.
        handler: Told what happens, each time in its own turn of the event loop.
        url: How this place is called in statistics.

    """

    def __init__(
        self,
        server: SignalingServer,
        credentials: Credentials,
        handler: CarrierHandler,
        *,
        url: str = "local",
    ) -> None:
        """Prepare; ``start`` attaches."""
        self.url = url
        self._server = server
        self._mesh_id = credentials.mesh_id
        self._peer_id = credentials.identity.peer_id
        self._mailbox = Mailbox(self, handler)
        self._lookups: frozenset[str] = frozenset()
        self._number: int | None = None

    @property
    def connected(self) -> bool:
        """Whether boxes can be sent now."""
        return self._mailbox.connected

    @property
    def present(self) -> frozenset[str]:
        """Peer ids of the other members at the server."""
        return self._mailbox.present

    def start(self) -> None:
        """Attach to the server; does nothing when attached.

        Raises:
            ValueError: This node is attached by another carrier.

        """
        if self._number is None:
            self._number = self._server.attach(_Outlet(self), self._mesh_id, self._peer_id)
            self._server.set_lookups(self._number, self._lookups)

    async def stop(self) -> None:
        """Detach; no event follows."""
        number, self._number = self._number, None
        self._mailbox.silence()
        if number is not None:
            self._server.disconnect(number)

    async def send(self, to: str, box: bytes) -> None:
        """Send a sealed box.

        Raises:
            UnreachableError: ``peer_absent``, ``signaling_unreachable`` (not started).
            InvalidError: ``box_too_large``.

        """
        checked_box(box)
        if self._number is None:
            text = "The node is not attached to its own signaling server."
            raise UnreachableError("signaling_unreachable", text, url=self.url)
        if not self._server.forward(self._number, to, box):
            raise peer_absent(to)

    def set_invites(self, lookups: Iterable[str]) -> None:
        """Replace the registered invitations.

        Raises:
            InvalidError: ``too_many_invitations``.

        """
        self._lookups = checked_lookups(lookups)
        if self._number is not None:
            self._server.set_lookups(self._number, self._lookups)

    def take(self, text: str) -> None:
        """Act on a frame of the server, in a later turn so the server is never entered twice."""
        asyncio.get_running_loop().call_soon(self._act, text)

    def _act(self, text: str) -> None:
        if self._number is None:
            return
        frame = parse_server_frame(text)
        if isinstance(frame, Ready):
            self._mailbox.opened(frame.id, frame.peers)
        else:
            self._mailbox.frame(frame)


class _Outlet:
    """What the server sees of a ``LocalCarrier``."""

    def __init__(self, carrier: LocalCarrier) -> None:
        self._carrier = carrier

    def send(self, text: str) -> None:
        self._carrier.take(text)

    def close(self, code: int, reason: str) -> None:
        """Never called: the server does not turn its own node out."""
