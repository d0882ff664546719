"""Requests waiting for their replies, matched by peer and trace id.

A conversation may have several requests open at once, so the conversation id alone would mix
their replies; each request therefore carries its own trace id, which the reply repeats.
"""

import asyncio
import math
from typing import Final

from ..errors import RefusedError
from ..model import ReceiptStatus
from .inbox import REQUESTS
from .message import IFMessage

MAX_PENDING: Final = 1024


class Asked:
    """A request that waits for its reply; takes its receipt, too."""

    __slots__ = ("deadline", "reply")

    def __init__(self, reply: asyncio.Future[IFMessage], deadline: float) -> None:
        """Wait until *deadline*, seconds of the event loop's clock."""
        self.reply = reply
        self.deadline = deadline

    def done(self) -> bool:
        """Tell whether nobody waits any more."""
        return self.reply.done()

    def set_result(self, status: ReceiptStatus, /) -> None:
        """Take the receipt: let a request fail that was refused."""
        # The refusal of a peer that does not let us command is a reply, and comes at once.
        if status not in (ReceiptStatus.ACCEPTED, ReceiptStatus.NOT_ALLOWED):
            name = status.name.lower()
            self.reply.set_exception(
                RefusedError(
                    "request_refused",
                    f"The peer refused the request: {name.replace('_', ' ')}.",
                    status=name,
                )
            )

    def set_exception(self, error: Exception, /) -> None:
        """Let a request fail that did not arrive; one without a receipt may still be answered."""
        if not isinstance(error, TimeoutError):
            self.reply.set_exception(error)


class Conversations:
    """The open requests of one node; use it in the event loop."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._pending: dict[tuple[str, str], Asked] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return how many requests wait."""
        return len(self._pending)

    def expect(self, peer_id: str, trace_id: str, seconds: float = math.inf) -> Asked:
        """Wait for a reply; call ``over`` when it is not needed any more.

        Its future raises ``TimeoutError`` after so many *seconds*.

        Raises:
            RefusedError: ``too_many_requests``; ``trace_id_in_use``: that request is open.

        """
        key = (peer_id, trace_id)
        if len(self._pending) >= MAX_PENDING:
            raise RefusedError(
                "too_many_requests",
                f"{MAX_PENDING} requests wait for a reply already; wait for some to end.",
            )
        if key in self._pending:
            raise RefusedError(
                "trace_id_in_use",
                "Another request to this peer uses this trace id; leave the trace id out.",
            )
        loop = asyncio.get_running_loop()
        asked = self._pending[key] = Asked(loop.create_future(), loop.time() + seconds)
        if self._sweep is None or asked.deadline < self._sweep.when():
            self._sweep_at(asked.deadline)
        return asked

    def over(self, peer_id: str, trace_id: str) -> None:
        """Expect no reply any more, whether one came or not."""
        asked = self._pending.pop((peer_id, trace_id), None)
        if asked is not None:
            asked.reply.cancel()

    def resolve(self, message: IFMessage) -> bool:
        """Give the message to the request it answers; tell whether there was one."""
        trace_id = message.trace_id
        if trace_id is None or message.performative in REQUESTS:
            return False
        asked = self._pending.get((message.sender, trace_id))
        if asked is None or asked.done():
            return False
        asked.reply.set_result(message)
        return True

    def close(self) -> None:
        """Cancel every waiting request."""
        self._sweep_at(math.inf)
        for asked in list(self._pending.values()):
            asked.reply.cancel()

    def _sweep_at(self, when: float) -> None:
        # One timer for all: most requests are answered long before they would need one.
        if self._sweep is not None:
            self._sweep.cancel()
        loop = asyncio.get_running_loop()
        self._sweep = None if math.isinf(when) else loop.call_at(when, self._swept)

    def _swept(self) -> None:
        now = asyncio.get_running_loop().time()
        waiting = [asked for asked in self._pending.values() if not asked.done()]
        for asked in waiting:
            if asked.deadline <= now:
                asked.reply.set_exception(TimeoutError())
        later = (asked.deadline for asked in waiting if asked.deadline > now)
        self._sweep_at(min(later, default=math.inf))
