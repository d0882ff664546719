"""Messages that arrive: bundles are checked without holding the loop up, judged, and told of."""

import asyncio
from collections.abc import Callable, Sequence
import logging
import time
from typing import TYPE_CHECKING, Final

from ..messages.inbox import Inbox, parse_all
from ..messages.message import IFMessage, MessageRefusedError
from ..meter import MinuteMeter
from ..model import MessageReceived, MessageRefused, NodeEvent, ReceiptStatus, Role

if TYPE_CHECKING:
    from ..link.traffic import Statuses
    from ..messages.conversations import Conversations
    from ..messages.replay import ReplayGuard
    from ..overlay.roster import Roster
    from ..overlay.session import Session
    from ..trust.membership import Membership

_LOGGER: Final = logging.getLogger(__name__)

OFFLOAD: Final = 64 * 1024
"""Bytes of a message from which it is checked in a thread. For a bundle of small ones that does not
pay: the thread and the loop would hand the interpreter lock over for each signature, which costs
more than it takes to check it."""
SLICE: Final = 8
"""Messages checked before the loop gets a turn: half a millisecond."""


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


class Intake:
    """Takes messages in: each one is accepted and emitted, or refused with its reason.

    Args:
        membership: Who may say what.
        roster: Whose messages are taken at all.
        inbox: Judges them.
        replay: Knows of two messages with one number.
        conversations: Requests of this node that a message may answer.
        emit: Takes events.
        refuse_request: Tells a peer, by its id, that its request is not answered.

    """

    def __init__(
        self,
        *,
        membership: Membership,
        roster: Roster,
        inbox: Inbox,
        replay: ReplayGuard,
        conversations: Conversations,
        emit: Callable[[NodeEvent], None],
        refuse_request: Callable[[str, IFMessage], None],
    ) -> None:
        """Have taken nothing yet."""
        self.received = MinuteMeter()
        self._membership = membership
        self._roster = roster
        self._inbox = inbox
        self._replay = replay
        self._conversations = conversations
        self._emit = emit
        self._refuse_request = refuse_request
        self._told_clones: frozenset[str] = frozenset()

    def take(self, session: Session, messages: Sequence[tuple[bytes, bytes]]) -> Statuses:
        """Check a bundle and deliver what passes: at once if it is a small one."""
        if not session.admitted or len(messages) > SLICE or _size(messages) >= OFFLOAD:
            return self._take_later(session, messages)
        peer_id = session.peer_id
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
        record = self._roster.members.get(peer_id)
        count = len(messages)
        allowed = self._inbox.within_rate(peer_id, count, time.monotonic())
        if record is None:
            self._inbox.refuse(peer_id, ReceiptStatus.UNKNOWN_SENDER, count)
            return None, ()
        return record.public_key, messages if allowed == count else messages[:allowed]

    def _take_all(
        self, peer_id: str, parsed: Sequence[IFMessage | MessageRefusedError], count: int
    ) -> list[ReceiptStatus]:
        """Judge what came in a bundle of *count*, of which the rest was too much."""
        now = time.time()
        role = self._membership.role(peer_id, now)
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
            self._inbox.refuse(peer_id, ReceiptStatus.RATE_LIMITED, late)
            self._emit(MessageRefused(peer_id, ReceiptStatus.RATE_LIMITED))
        return statuses + [ReceiptStatus.RATE_LIMITED] * late

    def _take(
        self, peer_id: str, role: Role | None, message: IFMessage, now: float
    ) -> ReceiptStatus:
        status = self._inbox.judge(role, message, now)
        if role is not None and status is ReceiptStatus.ACCEPTED:
            self._conversations.resolve(message)
            self._emit(MessageReceived(message, peer_id, role))
            return status
        self._refuse(peer_id, status)
        if new := self._replay.clones - self._told_clones:
            self._told_clones |= new
            _LOGGER.warning("Two messages of %s have one number: two with its key?", *new)
        if status is ReceiptStatus.NOT_ALLOWED:
            self._refuse_request(peer_id, message)
        return status

    def _refuse(self, peer_id: str, status: ReceiptStatus) -> None:
        self._inbox.refuse(peer_id, status)
        self._emit(MessageRefused(peer_id, status))
