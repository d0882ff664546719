"""The inviter's part at work: keeps invitations registered and lets their holders in."""

import asyncio
from collections.abc import Sequence
import contextlib
from datetime import UTC, datetime, timedelta
import logging
import secrets
import time
from typing import TYPE_CHECKING, Final

from ..api import InvitationView
from ..model import InvitationsChanged, PeerJoined, Role
from ..overlay.rendezvous import SEND_TIMEOUT
from ..trust.invitation_book import Admission, Issued, usable_urls

if TYPE_CHECKING:
    from ..signaling.base import Carrier
    from .engine import Engine

_LOGGER: Final = logging.getLogger(__name__)


class Inviter:
    """Brings ``InvitationBook`` the requests of newcomers, for one engine."""

    def __init__(self, engine: Engine) -> None:
        """Prepare."""
        self._engine = engine
        self._book = engine.state.invitations
        self._shown: list[str] = []
        self._unannounced: set[str] = set()

    def open(self) -> Sequence[InvitationView]:
        """Return the open invitations, oldest first."""
        return [_view(issued) for issued in self._book.open(time.time())]

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses that an invitation made now carries, best first."""
        return usable_urls(self._addresses())

    async def create(self, role: Role, life: timedelta) -> tuple[InvitationView, str]:
        """Make and save an invitation (errors as ``InvitationBook.create``)."""
        engine = self._engine
        now = time.time()
        invitation = self._book.create(
            engine.state.membership,
            engine.identity,
            self._addresses(),
            role=role,
            life=life.total_seconds(),
            now=now,
            random=secrets.token_bytes,
        )
        await engine.saver.save()
        self.register()
        view = next(view for view in self.open() if view.invitation_id == invitation.invitation_id)
        return view, invitation.text()

    async def cancel(self, invitation_id: str) -> None:
        """Make an invitation useless (errors as ``InvitationBook.cancel``)."""
        self._book.cancel(invitation_id, time.time())
        await self._engine.saver.save()
        self.register()

    def register(self) -> None:
        """Tell the servers whose holders to admit, and listeners that something changed."""
        now = time.time()
        self._engine.rendezvous.set_invites(self._book.lookups(now))
        shown = [issued.invitation_id for issued in self._book.open(now)]
        if shown != self._shown:
            self._shown = shown
            self._engine.emit(InvitationsChanged())

    def _addresses(self) -> list[str]:
        """Return where newcomers may reach us: at our own addresses, then at other servers."""
        engine = self._engine
        others = [url for server in engine.meeting.servers() for url in server.urls]
        return list(dict.fromkeys([*engine.config.signaling_urls, *others]))

    async def answer(self, carrier: Carrier, stranger: str, data: bytes) -> None:
        """Judge a newcomer's opened request and answer it."""
        engine = self._engine
        if engine.state.revoked:
            return
        now = time.time()
        admission = self._book.admit(
            data, engine.state.membership, engine.identity, self._addresses(), now
        )
        if admission.answer is None or admission.newcomer is None:
            _LOGGER.debug("Dropped a request that is not one")
            return
        peer_id = admission.newcomer.peer_id
        if admission.changed:
            self._unannounced.add(peer_id)
        if admission.joined:
            # "Spent" must survive a crash before anybody gets in with it; also when the same
            # newcomer asks again while the first save runs.
            await engine.saver.save()
            if peer_id in self._unannounced:
                self._unannounced.discard(peer_id)
                self._welcome(admission)
        elif admission.refusal:
            _LOGGER.info("Refused somebody with an invitation: %s", admission.refusal)
        # The newcomer asks again if this gets lost.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SEND_TIMEOUT):
                await carrier.send(stranger, admission.newcomer.seal(admission.answer))

    def _welcome(self, admission: Admission) -> None:
        engine = self._engine
        if admission.newcomer is None or admission.invitation_id is None:
            return
        peer_id = admission.newcomer.peer_id
        record = engine.state.membership.record(peer_id)
        engine.apply(())
        if record is not None:
            engine.spread([record.signed])
        if view := engine.peers.views.get(peer_id):
            engine.emit(PeerJoined(admission.invitation_id, view))
        self.register()


def _view(issued: Issued) -> InvitationView:
    return InvitationView(
        invitation_id=issued.invitation_id,
        role=issued.role,
        created=datetime.fromtimestamp(issued.created, UTC),
        expires=datetime.fromtimestamp(issued.expires, UTC),
    )
