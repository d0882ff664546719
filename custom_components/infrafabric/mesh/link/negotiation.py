"""Offer and answer of one attempt: signed by one member, checked by the other."""

from collections.abc import Awaitable, Callable
import os

from aiortc.exceptions import InvalidStateError

from ..errors import UnreachableError
from ..trust.identity import Identity, PublicIdentity
from ..trust.signed import Signed
from .rtc import Rtc
from .sdp import Envelope, Session


class Negotiation:
    """Exchanges session descriptions with one peer for one connection."""

    def __init__(
        self,
        rtc: Rtc,
        *,
        identity: Identity,
        mesh_id: str,
        peer: PublicIdentity,
        wall_clock: Callable[[], float],
    ) -> None:
        """Negotiate for *rtc* between *identity* and *peer*; *wall_clock* gives Unix seconds."""
        self._rtc = rtc
        self._identity = identity
        self._mesh_id = mesh_id
        self._peer = peer
        self._wall_clock = wall_clock
        self._offer: Envelope | None = None

    async def offer(self) -> Signed:
        """Return this node's signed offer.

        Raises:
            UnreachableError: ``link_closed``, ``no_candidates``.

        """
        session = await _described(self._rtc.offer())
        attempt = os.urandom(16).hex()
        signed = self._sealed(session, attempt)
        self._offer = Envelope(attempt=attempt, session=session, digest=signed.digest)
        return signed

    def check_offer(self, offer: Signed) -> Envelope:
        """Return the content of the peer's offer.

        Raises:
            RefusedError: ``sdp_refused``, ``sdp_expired``.

        """
        return Envelope.open(
            offer,
            kind="offer",
            mesh_id=self._mesh_id,
            own_id=self._identity.peer_id,
            peer=self._peer,
            now=self._wall_clock(),
        )

    async def answer(self, offer: Envelope) -> Signed:
        """Return the signed answer to a checked offer.

        Raises:
            UnreachableError: ``link_closed``, ``no_candidates``.

        """
        session = await _described(self._rtc.answer(offer.session))
        return self._sealed(session, offer.attempt, offer.digest)

    async def accept(self, answer: Signed) -> None:
        """Take the peer's answer to this node's offer, once.

        Raises:
            RefusedError: ``sdp_refused``, ``sdp_expired``.
            UnreachableError: ``link_closed``: there is no open offer.

        """
        if self._offer is None:
            raise _closed()
        envelope = Envelope.open(
            answer,
            kind="answer",
            mesh_id=self._mesh_id,
            own_id=self._identity.peer_id,
            peer=self._peer,
            now=self._wall_clock(),
            attempt=self._offer.attempt,
            offer=self._offer.digest,
        )
        self._offer = None
        try:
            await self._rtc.accept(envelope.session)
        except (InvalidStateError, ConnectionError) as err:
            raise _closed() from err

    def _sealed(self, session: Session, attempt: str, offer: str | None = None) -> Signed:
        return Envelope.make(
            self._identity,
            mesh_id=self._mesh_id,
            peer=self._peer,
            attempt=attempt,
            session=session,
            now=self._wall_clock(),
            offer=offer,
        )


def _closed() -> UnreachableError:
    return UnreachableError("link_closed", "The link is closed.")


async def _described(work: Awaitable[Session]) -> Session:
    try:
        session = await work
    except (InvalidStateError, ConnectionError) as err:
        raise _closed() from err
    if not session.candidates:
        raise UnreachableError("no_candidates", "This machine has no network address to link from.")
    return session
