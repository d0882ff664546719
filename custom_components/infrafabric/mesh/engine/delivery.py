"""Messages that go out: made, signed, and given to the link of the peer they are for."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from ..api import MessageDraft
from ..errors import UnreachableError
from ..messages.message import IFMessage, agent_address
from ..meter import MinuteMeter
from ..model import PeerView, ReceiptStatus, Role
from ..overlay.session import MAX_REFUSALS, Session

if TYPE_CHECKING:
    from ..link.transfer import Waiter
    from ..messages.replay import SequenceSource
    from ..trust.identity import Identity

_LOGGER: Final = logging.getLogger(__name__)

REFUSAL: Final = 30.0
"""Seconds that the refusal of a request may wait for its receipt."""


class Delivery:
    """Sends messages over links that are open.

    Args:
        identity: Signs them.
        sequence: Numbers them.
        sessions: Open links in use by peer id, kept current by their owner.
        views: The peers by id, for their names.
        run: Runs a coroutine as a task of the node, under a name.

    """

    def __init__(
        self,
        *,
        identity: Identity,
        sequence: SequenceSource,
        sessions: Mapping[str, Session],
        views: Mapping[str, PeerView],
        run: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        """Have sent nothing yet."""
        self.sent = MinuteMeter()
        self._identity = identity
        self._sequence = sequence
        self._sessions = sessions
        self._views = views
        self._run = run

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
            self._identity,
            addresses,
            draft.content,
            sequence=self._sequence.take(),
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
            view = self._views.get(peer_id)
            name = view.name if view else peer_id
            raise UnreachableError(
                "peer_not_connected", f"{name} is not connected now; try again later.", peer=name
            )
        self.sent.add(time.monotonic())
        if session.link.submit(message.body, message.signature, waiter, seconds):
            return None
        waiting = session.link.send(message.body, message.signature)
        return asyncio.ensure_future(asyncio.wait_for(waiting, seconds))

    def refuse_request(self, peer_id: str, message: IFMessage) -> None:
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
            self._run(self._send_refusal(session, draft), "refuse")

    async def _send_refusal(self, session: Session, draft: MessageDraft) -> None:
        message = self.make_message([agent_address(session.peer_id)], draft)
        try:
            await self.deliver_to(session.peer_id, message, REFUSAL)
        except TimeoutError:
            _LOGGER.debug("A refusal got no receipt")
        finally:
            session.refusing -= 1
