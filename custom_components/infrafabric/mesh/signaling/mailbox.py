"""What every carrier does with frames that reach it: know who is there, tell the handler."""

from collections.abc import Callable, Iterable
import logging
from typing import Final

from ..encoding import hexdecode
from ..errors import InvalidError, MeshError, UnreachableError
from .base import MAX_BOX, MAX_INVITES, Carrier, CarrierHandler
from .wire import LOOKUP_SIZE, MAX_PEERS, Absent, Box, Presence, ServerFrame, is_joiner

_LOGGER: Final = logging.getLogger(__name__)


def checked_box(box: bytes) -> bytes:
    """Return *box*.

    Raises:
        InvalidError: ``box_too_large``.

    """
    if len(box) > MAX_BOX:
        text = f"The box has {len(box)} bytes; signaling carries at most {MAX_BOX}."
        raise InvalidError("box_too_large", text, size=str(len(box)), limit=str(MAX_BOX))
    return box


def checked_lookups(lookups: Iterable[str]) -> frozenset[str]:
    """Return *lookups* as a set.

    Raises:
        InvalidError: ``too_many_invitations``.
        ValueError: One is not 64 hexadecimal characters.

    """
    chosen = frozenset(lookups)
    for lookup in chosen:
        hexdecode(lookup, LOOKUP_SIZE)
    if len(chosen) > MAX_INVITES:
        text = f"A node can have {MAX_INVITES} invitations registered; cancel some first."
        raise InvalidError("too_many_invitations", text, limit=str(MAX_INVITES))
    return chosen


def peer_absent(peer_id: str) -> UnreachableError:
    """Return the error for a receiver that is not there."""
    text = f"The peer {peer_id} is not connected to the signaling server; it may be offline."
    return UnreachableError("peer_absent", text, peer_id=peer_id)


class Mailbox:
    """The receiving half of one carrier.

    Args:
        carrier: On whose behalf the handler is told.
        handler: Its exceptions are logged and go no further.

    """

    def __init__(self, carrier: Carrier, handler: CarrierHandler) -> None:
        """Start closed and empty."""
        self._carrier = carrier
        self._handler = handler
        self._present: set[str] = set()
        self._own_id = ""
        self.connected = False

    @property
    def present(self) -> frozenset[str]:
        """Peer ids that are there now."""
        return frozenset(self._present)

    def has(self, receiver: str) -> bool:
        """Tell whether a box for *receiver* has a chance; of invitees nobody tells."""
        return receiver in self._present or is_joiner(receiver)

    def opened(self, own_id: str, peers: Iterable[str]) -> None:
        """Begin: these are there."""
        self.connected = True
        self._own_id = own_id
        self._tell(self._handler.carrier_state, self._carrier, True, None)
        for peer in peers:
            self._up(peer)

    def closed(self, error: MeshError | None) -> None:
        """End, or fail to begin."""
        self.connected = False
        self._present.clear()
        self._tell(self._handler.carrier_state, self._carrier, False, error)

    def silence(self) -> None:
        """End without a word: the owner knows."""
        self.connected = False
        self._present.clear()

    def clock(self, offset: float) -> None:
        """Pass on what the server's clock says."""
        self._tell(self._handler.carrier_time, self._carrier, offset)

    def frame(self, frame: ServerFrame) -> None:
        """Act on a frame; kinds that have no place in an open session are ignored."""
        match frame:
            case Box(sender, box):
                self._tell(self._handler.carrier_box, self._carrier, sender, box)
            case Presence(peer, True):
                self._up(peer)
            case Presence(peer, False) | Absent(peer):
                if peer in self._present:
                    self._present.discard(peer)
                    self._tell(self._handler.carrier_present, self._carrier, peer, False)

    def _up(self, peer: str) -> None:
        if peer in self._present or peer == self._own_id or len(self._present) >= MAX_PEERS:
            return
        self._present.add(peer)
        self._tell(self._handler.carrier_present, self._carrier, peer, True)

    def _tell[**P](self, what: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            what(*args, **kwargs)
        except Exception:
            _LOGGER.exception("A signaling event could not be handled")
