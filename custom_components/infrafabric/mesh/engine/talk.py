"""Messages whose fate somebody waits for: their receipts, and the replies to requests."""

import asyncio
from collections.abc import Sequence
from functools import partial
import secrets
import time

from ..api import MessageDraft, SendResult
from ..errors import DeadlineError, MeshError
from ..messages.conversations import Asked, Conversations
from ..messages.message import IFMessage, agent_address
from ..model import ReceiptStatus
from .delivery import Delivery


class Talk:
    """Waits until peers have confirmed or answered what ``Delivery`` sends.

    Args:
        delivery: Makes messages and sends them.
        conversations: Finds the replies among what arrives.

    """

    def __init__(self, delivery: Delivery, conversations: Conversations) -> None:
        """Have no proof yet that anything arrived."""
        self._delivery = delivery
        self._conversations = conversations
        self.delivered: dict[str, float] = {}
        """When each peer was last sent what it accepted, or last replied: Unix seconds."""

    async def send(
        self, receivers: Sequence[str], message: IFMessage, seconds: float
    ) -> SendResult:
        """Send one message to the given peer ids and wait for their receipts."""
        sent = time.time()
        # All are under way before the first is waited for: that takes no task for each.
        under_way = [self._under_way(peer_id, message, seconds) for peer_id in receivers]
        try:
            receipts = {
                peer_id: await _receipt(receipt)
                for peer_id, receipt in zip(receivers, under_way, strict=True)
            }
        finally:
            for receipt in under_way:
                if receipt is not None:
                    receipt.cancel()
        for peer_id, status in receipts.items():
            if status is ReceiptStatus.ACCEPTED:
                self.delivered[peer_id] = sent
        return SendResult(message=message, receipts=receipts)

    def _under_way(
        self, peer_id: str, message: IFMessage, seconds: float
    ) -> asyncio.Future[ReceiptStatus] | None:
        try:
            return self._delivery.deliver_to(peer_id, message, seconds)
        except MeshError:
            return None

    async def request(self, receiver: str, draft: MessageDraft, seconds: float) -> IFMessage:
        """Send a request to a peer id and return the reply (errors as ``MeshNode.request``)."""
        trace_id = draft.trace_id or secrets.token_hex(6)
        message = self._delivery.make_message([agent_address(receiver)], draft, trace_id=trace_id)
        asked = self._conversations.expect(receiver, trace_id, seconds)
        receipt = None
        try:
            receipt = self._delivery.deliver(receiver, message, asked, seconds)
            if receipt is not None:
                receipt.add_done_callback(partial(_pass_on, asked))
            reply = await asked.reply
        except TimeoutError as err:
            raise DeadlineError(
                "request_timeout",
                f"The peer did not reply to the request within {seconds:g} s.",
                seconds=f"{seconds:g}",
            ) from err
        else:
            self.delivered[receiver] = time.time()
            return reply
        finally:
            self._conversations.over(receiver, trace_id)
            if receipt is not None:
                receipt.cancel()


async def _receipt(under_way: asyncio.Future[ReceiptStatus] | None) -> ReceiptStatus | None:
    try:
        return None if under_way is None else await under_way
    except MeshError, TimeoutError:
        return None


def _pass_on(asked: Asked, receipt: asyncio.Future[ReceiptStatus]) -> None:
    """Let a request know how its message fared that had to wait for room."""
    if receipt.cancelled():
        return
    error = receipt.exception()
    if asked.done():
        return
    if isinstance(error, Exception):
        asked.set_exception(error)
    elif error is None:
        asked.set_result(receipt.result())
