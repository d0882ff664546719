"""What every signaling carrier offers: how two nodes pass sealed boxes before they are linked.

A carrier knows peer ids and opaque boxes, nothing else. ``MeshNode`` implements the handler.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from ..errors import MeshError
from ..trust.identity import Identity
from ..trust.signed import Signed

PATH: Final = "/api/infrafabric/signal"
"""Where Home Assistant has its view; the standalone server answers here and at ``/``."""

MAX_BOX: Final = 48_000
"""Largest sealed box in bytes: in base64 it still fits one frame of 64 KiB."""

MAX_INVITES: Final = 256
"""Most invitations one node can have registered: the open ones, and spent or cancelled ones
whose late users deserve a clear answer."""


class CarrierHandler(Protocol):
    """Who is told what a carrier sees; called in the event loop, exceptions are contained."""

    def carrier_state(self, carrier: Carrier, connected: bool, error: MeshError | None) -> None:  # noqa: FBT001 - an event, not an option
        """The carrier came up, or went down or failed to come up because of *error*.

        When it comes up, the peers already there follow as ``carrier_present``. When it goes
        down, every peer counts as absent and no ``carrier_present`` says so one by one.
        """

    def carrier_present(self, carrier: Carrier, peer_id: str, up: bool) -> None:  # noqa: FBT001
        """A member of the mesh can, or can no longer, be reached through the carrier."""

    def carrier_box(self, carrier: Carrier, sender: str, box: bytes) -> None:
        """A sealed box arrived.

        *sender* is the peer id that the carrier claims, or ``j-…`` for somebody who holds an
        invitation. Only what is inside the box proves anything.
        """

    def carrier_time(self, carrier: Carrier, offset: float) -> None:
        """The server's clock is *offset* seconds ahead of this node's; a hint, not a proof."""


class Carrier(Protocol):
    """One way to reach members that are not linked yet."""

    @property
    def url(self) -> str:
        """The address in use, or the one preferred while not connected."""

    @property
    def connected(self) -> bool:
        """Whether boxes can be sent now."""

    @property
    def present(self) -> frozenset[str]:
        """Peer ids of the other members that can be reached now."""

    async def send(self, to: str, box: bytes) -> None:
        """Send a sealed box to a peer id or ``j-…`` id.

        Returning means handed over, not received.

        Raises:
            UnreachableError: ``peer_absent``, ``signaling_unreachable``.
            InvalidError: ``box_too_large``: more than ``MAX_BOX`` bytes.

        """

    def set_invites(self, lookups: Iterable[str]) -> None:
        """Replace the registered invitations (64 hexadecimal characters each).

        Raises:
            InvalidError: ``too_many_invitations``: more than ``MAX_INVITES``.

        """

    def start(self) -> None:
        """Begin; must be called in the event loop."""

    async def stop(self) -> None:
        """End; no task and no socket is left and no event follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a member shows to a signaling server."""

    mesh_id: str
    identity: Identity
    chain: Callable[[], list[Signed]]
    """Membership records from the founder's to this node's own; asked at each sign-in."""
    authority: bytes
    founder: bytes
