"""Guards and repairs for one ICE connection of aioice, on the instance and never on the class."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aioice import Candidate, Connection

MAX_DATAGRAMS: Final = 512
"""Datagrams that wait to be decrypted; more are dropped, as the network would."""
MAX_REMOTE_CANDIDATES: Final = 40
"""The peer's candidates, those learned from its checks included."""


def guard_ice(connection: Connection) -> None:
    """Bound what an ICE connection stores for anyone who sends to its ports, and let it end."""
    check = connection.check_incoming

    def data_received(data: bytes, component: int) -> None:
        # An empty datagram, which anybody may send, would end aiortc's task.
        if data and connection._queue.qsize() < MAX_DATAGRAMS:
            connection._queue.put_nowait((data, component))

    def check_incoming(message: Any, addr: tuple[str, int], protocol: Any) -> None:
        known: list[Candidate] = connection._remote_candidates
        if len(known) < MAX_REMOTE_CANDIDATES or any((c.host, c.port) == addr for c in known):
            check(message, addr, protocol)

    consent = connection.query_consent

    async def query_consent() -> None:
        # A connection closed while it connects would ask for ever.
        if not connection._closing:
            await consent()

    replacements: dict[str, Callable[..., Any]] = {
        "data_received": data_received,
        "check_incoming": check_incoming,
        "query_consent": query_consent,
    }
    for name, method in replacements.items():
        setattr(connection, name, method)
