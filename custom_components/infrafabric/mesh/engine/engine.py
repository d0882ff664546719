"""The running parts of a node: links, sessions, membership at work, and the tasks that drive them.

``MeshNode`` is the door; this is the room behind it. Rules live in sans-IO classes (``Roster``,
``DialPolicy``, ``Inbox``, ``BeaconMap``, ``RecordSync``); the engine brings them time, bytes and
each other's results. It has the links, the sessions and the members itself; ``Meeting`` does the
same for signaling, ``Gossiper`` for beacons, ``Dialer`` for attempts, ``Intake`` and ``Delivery``
for messages that arrive and go out, ``Saver`` for the disk.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
import dataclasses
import logging
import random
import time
from typing import TYPE_CHECKING, Any, Final

from ..api import NodeConfig
from ..errors import MeshError
from ..lag import LoopLag
from ..link.link import Link, LinkHandler, LinkSettings
from ..link.paths import attempts
from ..link.traffic import Statuses
from ..messages.conversations import Conversations
from ..messages.inbox import Inbox
from ..messages.replay import SequenceSource
from ..model import (
    MembershipRevoked,
    NodeEvent,
    Path,
    PeerConnected,
    PeerDisconnected,
    PeerRemoved,
    Quality,
    ReceiptStatus,
)
from ..overlay.beacon import MAX_SOFTWARE, Beacon, BeaconMap
from ..overlay.healing import DialPolicy
from ..overlay.links import LinkManager
from ..overlay.peer_book import PeerBook
from ..overlay.rendezvous import Rendezvous
from ..overlay.roster import Roster, RosterChange
from ..overlay.session import Session
from ..overlay.sync import batches
from ..tasks import TaskOwner
from ..trust.identity import PublicIdentity
from ..trust.signed import Signed
from .delivery import Delivery
from .dialer import Dialer
from .gossiper import Gossiper
from .intake import Intake
from .inviter import Inviter
from .meeting import Meeting
from .saver import Saver
from .state import NodeState, NodeStore

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from ..signaling.server import SignalingServer

_LOGGER: Final = logging.getLogger(__name__)

GOODBYE: Final = 0.5
"""Seconds that a goodbye or a revocation gets to reach the neighbours."""


class Engine(LinkHandler):
    """Everything of a node that runs.

    Args:
        state: What was loaded; kept current and saved here.
        store: Where it is saved.
        config: The settings.
        http: Session for WebSockets to signaling servers.
        server: The signaling server in this process, if any.
        turn_ssl: Context for TURN over TLS.
        emit: Takes events.
        look_for_problems: Called when something may be wrong, or right again.

    """

    def __init__(
        self,
        state: NodeState,
        store: NodeStore,
        config: NodeConfig,
        *,
        http: aiohttp.ClientSession,
        server: SignalingServer | None,
        turn_ssl: ssl.SSLContext | None,
        emit: Callable[[NodeEvent], None],
        look_for_problems: Callable[[], None],
    ) -> None:
        """Prepare everything and start nothing."""
        self.state = state
        self.config = config
        self.emit = emit
        self.identity = state.identity
        self.mesh_id = state.membership.mesh_id
        self.lag = LoopLag()
        self.conversations = Conversations()
        self.beacons = BeaconMap(self.mesh_id)
        self.roster = Roster(state.identity, state.membership, state.authority)
        self.sequence = SequenceSource(state.epoch, time.time())
        self.look_for_problems = look_for_problems
        self._tasks = TaskOwner()
        self._turn_ssl = turn_ssl
        self.sessions: dict[str, Session] = {}
        """By peer id; in those that are not admitted the exchange of members still runs."""
        self.running = False
        self.saver = Saver(state, store, self._tasks)
        self.meeting = Meeting(self, http=http, server=server)
        self.gossiper = Gossiper(self, self.beacons)
        self.links = LinkManager(
            identity=self.identity,
            mesh_id=self.mesh_id,
            key_of=self.key_of,
            signal=self.meeting.signal,
            settings=self._link_settings,
            handler=self,
        )
        self.policy = DialPolicy(self.identity.peer_id, random.random)
        self.rendezvous = Rendezvous(self.identity, self.meeting, self.meeting.make_carrier)
        self.peers = PeerBook(state.membership, self.beacons, state.seen, self.links.links)
        self.dialer = Dialer(
            policy=self.policy,
            links=self.links,
            lag=self.lag,
            peers=self.peers,
            refresh=self.refresh,
            tasks=self._tasks,
        )
        self.delivery = Delivery(
            identity=self.identity,
            sequence=self.sequence,
            sessions=self.sessions,
            views=self.peers.views,
            run=self.run,
        )
        self.replay = state.what_was_seen(time.time())
        self.inbox = Inbox(
            self.identity.peer_id,
            self.replay,
            rate=config.message_rate,
            burst=config.message_burst,
        )
        self.intake = Intake(
            membership=state.membership,
            roster=self.roster,
            inbox=self.inbox,
            replay=self.replay,
            conversations=self.conversations,
            emit=emit,
            refuse_request=self.delivery.refuse_request,
        )
        self.inviter = Inviter(self)
        self._follow(self.roster.look(time.time()))

    # Life

    async def start(self) -> None:
        """Begin; returns at once, links come up in the background."""
        self.state.epoch = self.sequence.epoch
        self.state.clean = False
        # Before anything is sent: after a crash the numbers must not start again.
        await self.saver.save()
        self.running = True
        self.lag.start()
        self.meeting.open()
        self.inviter.register()
        await self.rendezvous.set_servers(self.meeting.servers())
        self._tasks.run(self.dialer.run(), "dial")
        self._tasks.run(self.gossiper.run(), "beacons")

    async def stop(self) -> None:
        """End every task, link and connection; save what a restart needs."""
        if not self.running:
            return
        self.running = False
        self.lag.stop()
        self.conversations.close()
        # Whoever dials goes first, then what is dialled, then what it is dialled through.
        await self._tasks.close()
        await self.links.close_all("stopped")
        await self.rendezvous.stop()
        self.meeting.close()
        self.state.replay = self.replay.to_json()
        self.state.clean = True
        try:
            await self.saver.save()
        except (MeshError, OSError) as err:
            # The node has stopped all the same; the next start counts as one after a crash.
            _LOGGER.error("The state of the mesh could not be saved: %s", err)

    async def reconfigure(self, config: NodeConfig) -> None:
        """Apply settings; links stay."""
        former, self.config = self.config, config
        self.inbox.set_limits(config.message_rate, config.message_burst)
        if config.name != self.state.node_name:
            self.state.node_name = config.name
            own = self.state.membership.record(self.identity.peer_id)
            # The newer name is shown: this one must be newer than the record, whatever the clocks.
            self.state.named_at = max(int(time.time()), own.not_before + 1 if own else 0)
            self.saver.save_soon()
        if self.running:
            await self.rendezvous.set_servers(self.meeting.servers())
            if config.ice_servers != former.ice_servers or (
                config.local_addresses != former.local_addresses
            ):
                self.policy.network_changed(time.monotonic())
        self.dialer.wake()
        self.gossiper.wake()

    # Dialing

    def peer_present(self, peer_id: str, *, up: bool) -> None:
        """Dial a peer that showed up; look after the link of one that vanished."""
        self.policy.present(peer_id, time.monotonic(), up=up)
        if up:
            self.links.shown_up(peer_id)
        elif session := self.sessions.get(peer_id):
            # A killed process leaves its signaling server at once but its link half open.
            session.link.probe()
        self.dialer.wake()

    def key_of(self, peer_id: str) -> PublicIdentity | None:
        """Return a member's key, or None."""
        record = self.roster.members.get(peer_id)
        return PublicIdentity(record.public_key) if record else None

    async def _link_settings(self, attempt: int) -> LinkSettings:
        config = self.config
        servers = tuple(await config.ice_servers()) if config.ice_servers else ()
        choices = attempts(servers, relay_only=config.relay_only) or [()]
        return LinkSettings(
            ice_servers=choices[attempt % len(choices)],
            local_addresses=config.local_addresses,
            relay_only=config.relay_only,
            turn_ssl=self._turn_ssl,
            hello={"seq": self.sequence.upcoming, "software": self.software},
        )

    # Links

    def link_opened(self, link: Link) -> None:
        """Begin the membership exchange; the peer counts as connected after it."""
        if link.peer_id not in self.roster.members:
            # It was ended while the attempt ran.
            self._tasks.run(self.links.close(link.peer_id, "not_member"), "part")
            return
        self.policy.linked(link.peer_id)
        former = self.sessions.get(link.peer_id)
        session = Session(
            link,
            self.state.membership,
            apply=self._apply_from,
            admitted=self._session_admitted,
            run=lambda coroutine: self.run(coroutine, "session"),
            replaces=former is not None and former.was_connected,
        )
        self.sessions[link.peer_id] = session
        sequence = link.peer_hello.get("seq")
        if type(sequence) is int:
            self.replay.set_floor(link.peer_id, sequence)
        session.start()

    def _session_admitted(self, session: Session) -> None:
        peer_id = session.peer_id
        if self.sessions.get(peer_id) is not session or peer_id not in self.roster.members:
            return
        self.peers.failed(peer_id, None)
        self.peers.heard(peer_id, time.time())
        self.refresh(peer_id)
        if not session.replaces and (view := self.peers.views.get(peer_id)):
            self.emit(PeerConnected(view))
        self.gossiper.welcome(session)

    def link_closed(self, link: Link, reason: str) -> None:
        """Forget the session; the policy dials again."""
        peer_id = link.peer_id
        session = self.sessions.get(peer_id)
        if session is None or session.link is not link:
            return
        del self.sessions[peer_id]
        now = time.monotonic()
        self.policy.lost(peer_id, now, lasted=now - session.began)
        self.dialer.wake()
        self.gossiper.wake()
        self.refresh(peer_id)
        if session.was_connected and (view := self.peers.views.get(peer_id)):
            self.emit(PeerDisconnected(view, reason))

    def link_quality(self, link: Link) -> None:
        """Show a fresh measurement."""
        self.peers.heard(link.peer_id, time.time())
        self.refresh(link.peer_id)

    def link_control(self, link: Link, payload: bytes) -> None:
        """Take part in the membership exchange."""
        session = self.sessions.get(link.peer_id)
        if session is None or session.link is not link:
            return
        try:
            session.control(payload)
        except ValueError as err:
            _LOGGER.debug("Dropped a control payload of %s: %s", link.peer_id, err)

    def link_gossip(self, link: Link, payload: bytes) -> None:
        """Take a beacon."""
        session = self.sessions.get(link.peer_id)
        if session is not None and session.link is link and session.admitted:
            self.gossiper.received(session, payload)

    def link_messages(self, link: Link, messages: Sequence[tuple[bytes, bytes]]) -> Statuses:
        """Check a bundle and deliver what passes: at once if it is a small one."""
        session = self.sessions.get(link.peer_id)
        if session is None or session.link is not link:
            return [ReceiptStatus.BUSY] * len(messages)
        return self.intake.take(session, messages)

    @property
    def connected(self) -> Mapping[str, Session]:
        """Sessions that carry traffic, by peer id."""
        return {peer: session for peer, session in self.sessions.items() if session.admitted}

    # Membership

    def _apply_from(self, records: list[Signed], source: str) -> None:
        self.apply(records, source=source)

    def apply(self, records: Iterable[Signed], *, source: str | None = None) -> None:
        """Take in records and tombstones, act on what changed, and pass news on."""
        change = self.roster.apply(records, time.time())
        self._follow(change)
        if change.news:
            self.spread(change.news, but=source)
            self.saver.save_soon()

    def spread(self, news: Sequence[Signed], *, but: str | None = None) -> None:
        """Tell every neighbour of new records and tombstones."""
        for part in batches(news):
            for peer_id, session in self.sessions.items():
                if peer_id != but:
                    session.send({"k": "news", "signed": part})

    def _follow(self, change: RosterChange) -> None:
        """Act on members that came, changed or went."""
        self.policy.set_members(self.roster.members, time.monotonic())
        for peer_id, reason in change.gone.items():
            self._part(peer_id, reason)
        for peer_id in self.roster.members:
            self.refresh(peer_id)
            if self.rendezvous.is_present(peer_id):
                self.policy.present(peer_id, time.monotonic(), up=True)
        if change.self_gone and not self.state.revoked:
            self.state.revoked = True
            if self.running:
                self._tasks.run(self._retire(change.self_gone), "retire")
        elif not change.self_gone and self.identity.peer_id not in change.gone:
            self.state.revoked = (
                self.state.membership.role(self.identity.peer_id, time.time()) is None
            )
        self.dialer.wake()

    def _part(self, peer_id: str, reason: str) -> None:
        session = self.sessions.pop(peer_id, None)
        if session is not None:
            self._tasks.run(self._close_after_goodbye(session.link, reason), "part")
        elif self.running:
            self._tasks.run(self.links.close(peer_id, reason), "part")
        self.links.forget(peer_id)
        self.inbox.forget(peer_id)
        self.beacons.forget(peer_id)
        self.meeting.turn_out(peer_id, reason)
        view = self.peers.views.get(peer_id)
        if self.peers.remove(peer_id) and view is not None:
            if view.connected:
                gone = dataclasses.replace(view, connected=False, path=Path.DOWN, quality=Quality())
                self.emit(PeerDisconnected(gone, reason))
            self.emit(PeerRemoved(peer_id, reason))

    async def _close_after_goodbye(self, link: Link, reason: str) -> None:
        # The tombstone is on its way over this very link; no traffic is taken from it any more.
        await asyncio.sleep(GOODBYE)
        # Only this one: the peer may be a member again by now, and on its way back.
        await link.close(reason)

    async def _retire(self, reason: str) -> None:
        """End all links of a node that is no longer a member, and say so."""
        _LOGGER.warning("This node is no longer a member of the mesh")
        self.saver.save_soon()
        # Who lapsed may be renewed by now, or its clock may be wrong: it goes on trying.
        if reason != "lapsed":
            await self.rendezvous.set_servers([])
            self.policy.set_members([], time.monotonic())
        await self.links.close_all("revoked")
        self.emit(MembershipRevoked())

    def refresh(self, peer_id: str) -> None:
        """Rebuild a peer's view and tell if it changed."""
        record = self.roster.members.get(peer_id)
        if record is None:
            return
        session = self.sessions.get(peer_id)
        event = self.peers.refresh(record, admitted=session is not None and session.admitted)
        if event is not None:
            self.emit(event)

    def beacon_learned(self, beacon: Beacon) -> None:
        """Use what a member says of itself."""
        self.refresh(beacon.peer_id)
        if self.meeting.learn_server(beacon.peer_id, beacon.urls):
            self.saver.save_soon()
            self.run(self.rendezvous.set_servers(self.meeting.servers()), "servers")

    # Tasks

    @property
    def software(self) -> str:
        """What this node tells others to be, within the bounds of a beacon."""
        return self.config.software[:MAX_SOFTWARE]

    def run(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run a coroutine as a task of this node; what the mesh refuses is no failure."""
        self._tasks.run(coroutine, name, refusable=True)
