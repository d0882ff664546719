"""Requests waiting for their replies, matched by peer and trace id.

A conversation may have several requests open at once, so the conversation id alone would mix
their replies; each request therefore carries its own trace id, which the reply repeats.
"""

import asyncio
from typing import Final

from ..errors import RefusedError
from .inbox import REQUESTS
from .message import IFMessage

MAX_PENDING: Final = 1024


class Conversations:
    """The open requests of one node."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._pending: dict[tuple[str, str], asyncio.Future[IFMessage]] = {}

    def __len__(self) -> int:
        """Return how many requests wait."""
        return len(self._pending)

    def expect(self, peer_id: str, trace_id: str) -> asyncio.Future[IFMessage]:
        """Return a future of the reply; call ``over`` when it is not needed any more.

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
        future: asyncio.Future[IFMessage] = asyncio.get_running_loop().create_future()
        self._pending[key] = future
        return future

    def over(self, peer_id: str, trace_id: str) -> None:
        """Expect no reply any more, whether one came or not."""
        future = self._pending.pop((peer_id, trace_id), None)
        if future is not None:
            future.cancel()

    def resolve(self, message: IFMessage) -> bool:
        """Give the message to the request it answers; tell whether there was one."""
        if message.trace_id is None or message.performative in REQUESTS:
            return False
        future = self._pending.get((message.sender, message.trace_id))
        if future is None or future.done():
            return False
        future.set_result(message)
        return True

    def close(self) -> None:
        """Cancel every waiting request."""
        for future in list(self._pending.values()):
            future.cancel()
