"""The running parts of a node: links, sessions, membership at work, and the tasks that drive them.

``MeshNode`` is the door; this is the room behind it. Rules live in sans-IO classes (``Roster``,
``DialPolicy``, ``Inbox``, ``BeaconMap``, ``RecordSync``); the engine brings them time, bytes and
each other's results. ``Meeting`` and ``Gossiper`` do the same for signaling and beacons.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
import dataclasses
import logging
import math
import random
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from ..api import MessageDraft, NodeConfig
from ..errors import MeshError, UnreachableError
from ..lag import LoopLag
from ..link.link import Link, LinkHandler, LinkSettings
from ..link.paths import attempts
from ..link.traffic import Statuses
from ..link.transfer import Waiter
from ..messages.conversations import Conversations
from ..messages.inbox import CLOCK_SET, Inbox, parse_all
from ..messages.message import IFMessage, MessageRefusedError, agent_address
from ..messages.replay import ReplayGuard, SequenceSource
from ..meter import MinuteMeter
from ..model import (
    MembershipRevoked,
    MessageReceived,
    MessageRefused,
    NodeEvent,
    Path,
    PeerConnected,
    PeerDisconnected,
    PeerRemoved,
    Quality,
    ReceiptStatus,
    Role,
)
from ..overlay.beacon import MAX_SOFTWARE, Beacon, BeaconMap
from ..overlay.healing import DialPolicy
from ..overlay.links import LinkManager
from ..overlay.peer_book import PeerBook
from ..overlay.rendezvous import Rendezvous
from ..overlay.roster import Roster, RosterChange
from ..overlay.session import MAX_REFUSALS, Session
from ..overlay.sync import batches
from ..tasks import TaskOwner, going_on
from ..trust.identity import PublicIdentity
from ..trust.signed import Signed
from .gossiper import Gossiper
from .inviter import Inviter
from .meeting import Meeting
from .state import NodeState, NodeStore

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from ..signaling.server import SignalingServer

_LOGGER: Final = logging.getLogger(__name__)

OFFLOAD: Final = 64 * 1024
"""Bytes of a message from which it is checked in a thread. For a bundle of small ones that does not
pay: the thread and the loop would hand the interpreter lock over for each signature, which costs
more than it takes to check it."""
SLICE: Final = 8
"""Messages checked before the loop gets a turn: half a millisecond."""
GOODBYE: Final = 0.5
"""Seconds that a goodbye or a revocation gets to reach the neighbours."""
REFUSAL: Final = 30.0
"""Seconds that the refusal of a request may wait for its receipt."""
DIAL_LOOK: Final = 5.0
"""Longest pause between two looks at who should be dialled, seconds."""


def _size(messages: Sequence[tuple[bytes, bytes]]) -> int:
    """Return the bytes of the bodies."""
    return len(messages[0][0]) if len(messages) == 1 else sum(len(body) for body, _ in messages)


async def _parse(
    batch: Sequence[tuple[bytes, bytes]], public_key: bytes
) -> list[IFMessage | MessageRefusedError]:
    """Check form and signature of a bundle without holding the loop up."""
    if _size(batch) >= OFFLOAD:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, parse_all, batch, public_key)
    parsed = parse_all(batch[:SLICE], public_key)
    for start in range(SLICE, len(batch), SLICE):
        await asyncio.sleep(0)
        parsed += parse_all(batch[start : start + SLICE], public_key)
    return parsed


def unclean_since(now: float) -> float:
    """Return from when messages count if what was seen before is lost.

    A clock that is not set yet tells nothing: then it is when the first one is judged.
    """
    return now if now >= CLOCK_SET else math.inf


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
        self.received = MinuteMeter()
        self.sent = MinuteMeter()
        self.beacons = BeaconMap(self.mesh_id)
        self.roster = Roster(state.identity, state.membership, state.authority)
        self.sequence = SequenceSource(state.epoch, time.time())
        self.look_for_problems = look_for_problems
        self._tasks = TaskOwner()
        self._store = store
        self._turn_ssl = turn_ssl
        self._saving = asyncio.Lock()
        self._save_waits = False
        self.unsaved = False
        """Whether something changed that is not written yet, or could not be."""
        self._sessions: dict[str, Session] = {}
        self._told_clones: frozenset[str] = frozenset()
        self.running = False
        self._wake_dialer = asyncio.Event()
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
        self.replay = self._what_was_seen()
        self.inbox = self._make_inbox()
        self.inviter = Inviter(self)
        self._follow(self.roster.look(time.time()))

    def _make_inbox(self) -> Inbox:
        return Inbox(
            self.identity.peer_id,
            self.replay,
            rate=self.config.message_rate,
            burst=self.config.message_burst,
        )

    def _what_was_seen(self) -> ReplayGuard:
        """Return the replay guard of the last run, or one that knows it has lost its memory."""
        if self.state.clean and self.state.replay is None:
            return ReplayGuard()
        if self.state.clean:
            try:
                return ReplayGuard.from_json(self.state.replay)
            except ValueError:
                _LOGGER.warning("What was seen before cannot be read; older messages are refused")
        return ReplayGuard(unclean_since=unclean_since(time.time()))

    # Life

    async def start(self) -> None:
        """Begin; returns at once, links come up in the background."""
        self.state.epoch = self.sequence.epoch
        self.state.clean = False
        # Before anything is sent: after a crash the numbers must not start again.
        await self.save()
        self.running = True
        self.lag.start()
        self.meeting.open()
        self.inviter.register()
        await self.rendezvous.set_servers(self.meeting.servers())
        self._tasks.run(self._dial_loop(), "dial")
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
            await self.save()
        except (MeshError, OSError) as err:
            # The node has stopped all the same; the next start counts as one after a crash.
            _LOGGER.error("The state of the mesh could not be saved: %s", err)

    async def save(self) -> None:
        """Write the state; durable when it returns."""
        async with self._saving:
            self._save_waits, self.unsaved = False, True
            writing = asyncio.ensure_future(self._store.save(self.state.to_json()))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                # The next one must not overtake it.
                await asyncio.wait([writing])
                raise
            self.unsaved = self._save_waits

    def save_soon(self) -> None:
        """Write the state in the background; what changes until then is written with it."""
        self.unsaved = True
        if not self._save_waits:
            self._save_waits = True
            self._tasks.run(self.save(), "save")

    async def reconfigure(self, config: NodeConfig) -> None:
        """Apply settings; links stay."""
        former, self.config = self.config, config
        self.inbox.set_limits(config.message_rate, config.message_burst)
        if config.name != self.state.node_name:
            self.state.node_name = config.name
            own = self.state.membership.record(self.identity.peer_id)
            # The newer name is shown: this one must be newer than the record, whatever the clocks.
            self.state.named_at = max(int(time.time()), own.not_before + 1 if own else 0)
            self.save_soon()
        if self.running:
            await self.rendezvous.set_servers(self.meeting.servers())
            if config.ice_servers != former.ice_servers or (
                config.local_addresses != former.local_addresses
            ):
                self.policy.network_changed(time.monotonic())
        self._wake_dialer.set()
        self.gossiper.wake()

    # Dialing

    def peer_present(self, peer_id: str, *, up: bool) -> None:
        """Dial a peer that showed up; look after the link of one that vanished."""
        self.policy.present(peer_id, time.monotonic(), up=up)
        if not up and (session := self._sessions.get(peer_id)):
            # A killed process leaves its signaling server at once but its link half open.
            session.link.probe()
        self._wake_dialer.set()

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

    async def _dial_loop(self) -> None:
        while True:
            # A clock that is not set yet says nothing when it is; so look now and then.
            pause = DIAL_LOOK
            with going_on("Dialling"):
                pause = min(pause, self._dial_due(time.monotonic()))
            self._wake_dialer.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._wake_dialer.wait()
            except TimeoutError:
                continue

    def _dial_due(self, now: float) -> float:
        """Dial whose turn it is; return the seconds until the next look."""
        if time.time() >= CLOCK_SET:
            for peer_id in self.policy.due(now, self.lag.p99_ms):
                self.policy.started(peer_id)
                self._tasks.run(self._dial(peer_id), f"dial {peer_id}")
        next_at = self.policy.next_at()
        return DIAL_LOOK if next_at is None else max(0.05, next_at - now)

    async def _dial(self, peer_id: str) -> None:
        try:
            await self.links.dial(peer_id, self.policy.attempts(peer_id))
        except MeshError as err:
            self.peers.failed(peer_id, err.code)
            delay = self.policy.failed(peer_id, time.monotonic())
            _LOGGER.debug("No link to %s: %s; again in %s s", peer_id, err, delay)
            self.refresh(peer_id)
        except BaseException:
            self.policy.failed(peer_id, time.monotonic())
            raise
        finally:
            self._wake_dialer.set()

    async def reconnect(self, peer_id: str) -> None:
        """Drop the link, if any, and dial now, whoever's turn it is.

        Raises:
            MeshError: The dial failed.

        """
        await self.links.close(peer_id, "reconnect")
        self.policy.started(peer_id)
        try:
            await self.links.dial(peer_id, 0)
        except MeshError as err:
            self.peers.failed(peer_id, err.code)
            self.policy.failed(peer_id, time.monotonic())
            self.refresh(peer_id)
            raise
        except BaseException:
            # Whoever asked gave up, or a mistake: the policy must not wait for an end.
            self.policy.failed(peer_id, time.monotonic())
            raise
        finally:
            self._wake_dialer.set()

    # Links

    def link_opened(self, link: Link) -> None:
        """Begin the membership exchange; the peer counts as connected after it."""
        if link.peer_id not in self.roster.members:
            # It was ended while the attempt ran.
            self._tasks.run(self.links.close(link.peer_id, "not_member"), "part")
            return
        self.policy.linked(link.peer_id)
        former = self._sessions.get(link.peer_id)
        session = Session(
            link,
            self.state.membership,
            apply=self._apply_from,
            admitted=self._session_admitted,
            run=lambda coroutine: self.run(coroutine, "session"),
            replaces=former is not None and former.was_connected,
        )
        self._sessions[link.peer_id] = session
        sequence = link.peer_hello.get("seq")
        if type(sequence) is int:
            self.replay.set_floor(link.peer_id, sequence)
        session.start()

    def _session_admitted(self, session: Session) -> None:
        peer_id = session.peer_id
        if self._sessions.get(peer_id) is not session or peer_id not in self.roster.members:
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
        session = self._sessions.get(peer_id)
        if session is None or session.link is not link:
            return
        del self._sessions[peer_id]
        now = time.monotonic()
        self.policy.lost(peer_id, now, lasted=now - session.began)
        self._wake_dialer.set()
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
        session = self._sessions.get(link.peer_id)
        if session is None or session.link is not link:
            return
        try:
            session.control(payload)
        except ValueError as err:
            _LOGGER.debug("Dropped a control payload of %s: %s", link.peer_id, err)

    def link_messages(self, link: Link, messages: Sequence[tuple[bytes, bytes]]) -> Statuses:
        """Check a bundle and deliver what passes: at once if it is a small one."""
        peer_id = link.peer_id
        session = self._sessions.get(peer_id)
        if session is None or session.link is not link:
            return [ReceiptStatus.BUSY] * len(messages)
        if not session.admitted or len(messages) > SLICE or _size(messages) >= OFFLOAD:
            return self._take_later(session, messages)
        key, batch = self._admit(peer_id, messages)
        if key is None:
            return [ReceiptStatus.UNKNOWN_SENDER] * len(messages)
        return self._take_all(peer_id, parse_all(batch, key), len(messages))

    async def _take_later(
        self, session: Session, messages: Sequence[tuple[bytes, bytes]]
    ) -> list[ReceiptStatus]:
        if not (session.admitted or await session.wait_admitted()):
            return [ReceiptStatus.BUSY] * len(messages)
        key, batch = self._admit(session.peer_id, messages)
        if key is None:
            return [ReceiptStatus.UNKNOWN_SENDER] * len(messages)
        return self._take_all(session.peer_id, await _parse(batch, key), len(messages))

    def _admit(
        self, peer_id: str, messages: Sequence[tuple[bytes, bytes]]
    ) -> tuple[bytes | None, Sequence[tuple[bytes, bytes]]]:
        """Return the peer's key, None if it is no member, and the messages it may send now."""
        record = self.roster.members.get(peer_id)
        count = len(messages)
        allowed = self.inbox.within_rate(peer_id, count, time.monotonic())
        if record is None:
            self.inbox.refuse(peer_id, ReceiptStatus.UNKNOWN_SENDER, count)
            return None, ()
        return record.public_key, messages if allowed == count else messages[:allowed]

    def _take_all(
        self, peer_id: str, parsed: Sequence[IFMessage | MessageRefusedError], count: int
    ) -> list[ReceiptStatus]:
        """Judge what came in a bundle of *count*, of which the rest was too much."""
        now = time.time()
        role = self.state.membership.role(peer_id, now)
        statuses = []
        for item in parsed:
            if isinstance(item, MessageRefusedError):
                status = item.status
                self._refuse(peer_id, status)
            else:
                status = self._take(peer_id, role, item, now)
            statuses.append(status)
        if accepted := statuses.count(ReceiptStatus.ACCEPTED):
            self.received.add(time.monotonic(), accepted)
        if late := count - len(parsed):
            self.inbox.refuse(peer_id, ReceiptStatus.RATE_LIMITED, late)
            self.emit(MessageRefused(peer_id, ReceiptStatus.RATE_LIMITED))
        return statuses + [ReceiptStatus.RATE_LIMITED] * late

    def _take(
        self, peer_id: str, role: Role | None, message: IFMessage, now: float
    ) -> ReceiptStatus:
        status = self.inbox.judge(role, message, now)
        if role is not None and status is ReceiptStatus.ACCEPTED:
            self.conversations.resolve(message)
            self.emit(MessageReceived(message, peer_id, role))
            return status
        self._refuse(peer_id, status)
        if new := self.replay.clones - self._told_clones:
            self._told_clones |= new
            _LOGGER.warning("Two messages of %s have one number: two with its key?", *new)
        if status is ReceiptStatus.NOT_ALLOWED:
            self._refuse_request(peer_id, message)
        return status

    def _refuse(self, peer_id: str, status: ReceiptStatus) -> None:
        self.inbox.refuse(peer_id, status)
        self.emit(MessageRefused(peer_id, status))

    def _refuse_request(self, peer_id: str, message: IFMessage) -> None:
        """Tell the peer why its request is not answered, for all who wait for an answer."""
        session = self._sessions.get(peer_id)
        if session is not None and session.refusing < MAX_REFUSALS:
            draft = MessageDraft(
                content={"reason": "not_allowed", "needs": Role.COMMAND.value},
                performative="refuse",
                conversation_id=message.conversation_id,
                trace_id=message.trace_id,
            )
            session.refusing += 1
            self.run(self._send_refusal(session, draft), "refuse")

    async def _send_refusal(self, session: Session, draft: MessageDraft) -> None:
        message = self.make_message([agent_address(session.peer_id)], draft)
        try:
            await self.deliver_to(session.peer_id, message, REFUSAL)
        except TimeoutError:
            _LOGGER.debug("A refusal got no receipt")
        finally:
            session.refusing -= 1

    # Sending

    def make_message(
        self,
        addresses: Sequence[str],
        draft: MessageDraft,
        *,
        conversation_id: str | None = None,
        trace_id: str | None = None,
    ) -> IFMessage:
        """Fill in and sign a message (errors as ``IFMessage.create``).

        Args:
            addresses: Its receivers.
            draft: What is said.
            conversation_id: Instead of the draft's.
            trace_id: Instead of the draft's.

        """
        return IFMessage.create(
            self.identity,
            addresses,
            draft.content,
            sequence=self.sequence.take(),
            now=time.time(),
            random=secrets.token_bytes,
            performative=draft.performative,
            conversation_id=conversation_id or draft.conversation_id,
            topic=draft.topic,
            protocol=draft.protocol,
            trace_id=trace_id or draft.trace_id,
            ttl=draft.ttl,
            mission_id=draft.mission_id,
            workflow=draft.workflow,
            domain=draft.domain,
            priority=draft.priority,
            citation_ids=draft.citation_ids,
            hazard=draft.hazard,
            provenance=draft.provenance,
        )

    def deliver_to(
        self, peer_id: str, message: IFMessage, seconds: float
    ) -> asyncio.Future[ReceiptStatus]:
        """Send a message over the peer's link; the future resolves with its receipt.

        It raises ``TimeoutError`` after so many *seconds*, and ``UnreachableError``
        (``link_closed``) when the link ends before. Cancel it when nobody waits any more.

        Raises:
            UnreachableError: ``peer_not_connected``, ``link_closed``.

        """
        receipt: asyncio.Future[ReceiptStatus] = asyncio.get_running_loop().create_future()
        return self.deliver(peer_id, message, receipt, seconds) or receipt

    def deliver(
        self, peer_id: str, message: IFMessage, waiter: Waiter, seconds: float
    ) -> asyncio.Future[ReceiptStatus] | None:
        """Send a message as ``deliver_to`` does; *waiter* gets its receipt.

        Returns a future instead if the message has to wait for room first: then that one gets it.
        """
        session = self._sessions.get(peer_id)
        if session is None or not session.admitted:
            view = self.peers.views.get(peer_id)
            name = view.name if view else peer_id
            raise UnreachableError(
                "peer_not_connected", f"{name} is not connected now; try again later.", peer=name
            )
        self.sent.add(time.monotonic())
        if session.link.submit(message.body, message.signature, waiter, seconds):
            return None
        waiting = session.link.send(message.body, message.signature)
        return asyncio.ensure_future(asyncio.wait_for(waiting, seconds))

    @property
    def connected(self) -> Mapping[str, Session]:
        """Sessions that carry traffic, by peer id."""
        return {peer: session for peer, session in self._sessions.items() if session.admitted}

    # Membership

    def _apply_from(self, records: list[Signed], source: str) -> None:
        self.apply(records, source=source)

    def apply(self, records: Iterable[Signed], *, source: str | None = None) -> None:
        """Take in records and tombstones, act on what changed, and pass news on."""
        change = self.roster.apply(records, time.time())
        self._follow(change)
        if change.news:
            self.spread(change.news, but=source)
            self.save_soon()

    def spread(self, news: Sequence[Signed], *, but: str | None = None) -> None:
        """Tell every neighbour of new records and tombstones."""
        for part in batches(news):
            for peer_id, session in self._sessions.items():
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
        self._wake_dialer.set()

    def _part(self, peer_id: str, reason: str) -> None:
        session = self._sessions.pop(peer_id, None)
        if session is not None:
            self._tasks.run(self._close_after_goodbye(peer_id, reason), "part")
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

    async def _close_after_goodbye(self, peer_id: str, reason: str) -> None:
        # The tombstone is on its way over this very link; no traffic is taken from it any more.
        await asyncio.sleep(GOODBYE)
        await self.links.close(peer_id, reason)

    async def _retire(self, reason: str) -> None:
        """End all links of a node that is no longer a member, and say so."""
        _LOGGER.warning("This node is no longer a member of the mesh")
        self.save_soon()
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
        session = self._sessions.get(peer_id)
        event = self.peers.refresh(record, admitted=session is not None and session.admitted)
        if event is not None:
            self.emit(event)

    def link_gossip(self, link: Link, payload: bytes) -> None:
        """Take a beacon."""
        session = self._sessions.get(link.peer_id)
        if session is not None and session.link is link and session.admitted:
            self.gossiper.received(session, payload)

    def beacon_learned(self, beacon: Beacon) -> None:
        """Use what a member says of itself."""
        self.refresh(beacon.peer_id)
        if self.meeting.learn_server(beacon.peer_id, beacon.urls):
            self.save_soon()
            self.run(self.rendezvous.set_servers(self.meeting.servers()), "servers")

    # Tasks

    @property
    def software(self) -> str:
        """What this node tells others to be, within the bounds of a beacon."""
        return self.config.software[:MAX_SOFTWARE]

    def run(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run a coroutine as a task of this node; what the mesh refuses is no failure."""
        self._tasks.run(coroutine, name, refusable=True)
