"""The signaling server of one process: its rules, the clock, and where frames go.

``SignalingHost`` (host.py) brings WebSockets to it, ``LocalCarrier`` (local.py) the node that
lives in the same process.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import itertools
import logging
import secrets
import time
from typing import Protocol

from ..trust.identity import peer_id_of
from ..trust.records import verify_chain
from ..trust.signed import Signed
from .actions import Action, Limits, Send
from .core import Farewell, SignalingCore, Verifier
from .wire import Auth

_LOGGER = logging.getLogger(__name__)


class Outlet(Protocol):
    """The way out to one client; neither method waits or raises."""

    def send(self, text: str) -> None:
        """Queue one frame."""

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued; nothing is sent afterwards."""


def _trusts_chain(mesh: str, frame: Auth, key: bytes, unix: float) -> bool:
    """Judge a member of any mesh by what the mesh id itself binds: authority and founder."""
    try:
        record = verify_chain(mesh, frame.authority, frame.founder, frame.chain, unix)
    except ValueError:
        return False
    return record.public_key == key


class SignalingServer:
    """Passes sealed boxes between members of the same mesh; stores nothing, reads nothing.

    All methods must be called in one event loop.

    Args:
        urls: Addresses under which clients reach this server (``ws://`` or ``wss://``), asked
            at each sign-in; others are refused. None accepts any.
        open: Also serve meshes that nobody in this process belongs to.
        clock: Monotonic seconds.
        wall_clock: Unix seconds.
        random: Returns that many random bytes.
        limits: What the server bears.

    """

    def __init__(
        self,
        urls: Callable[[], Iterable[str]] | None = None,
        *,
        open: bool = False,  # noqa: A002 - the word for it
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        limits: Limits | None = None,
    ) -> None:
        """Start with no connection and no mesh."""
        self._core = SignalingCore(
            urls=urls,
            fallback=_trusts_chain if open else None,
            random=random,
            limits=limits or Limits(),
        )
        self._clock = clock
        self._wall_clock = wall_clock
        self._outlets: dict[int, Outlet] = {}
        self._numbers = itertools.count(1)

    @property
    def counts(self) -> Mapping[str, int]:
        """Connections by state: ``new``, ``challenged``, ``joiner``, ``member``, ``local``."""
        return self._core.counts

    def admit(
        self, mesh_id: str, verifier: Verifier, farewell: Farewell | None = None
    ) -> Callable[[], None]:
        """Serve a mesh; *verifier* says for each sign-in whether key and records are a member's.

        *farewell* may return what somebody refused is told by the hosting node, as its peer id
        and a sealed box.

        Call the result to end it; the mesh's connections close then.

        Raises:
            ValueError: The mesh is served already.

        """

        def verify(key: bytes, chain: Sequence[Signed]) -> bool:
            # The node's mistake must neither end the connection loop nor let somebody in.
            try:
                return verifier(key, chain)
            except Exception:
                _LOGGER.exception("Could not judge %s", peer_id_of(key))
                return False

        def explain(key: bytes) -> tuple[str, bytes] | None:
            try:
                return None if farewell is None else farewell(key)
            except Exception:
                _LOGGER.exception("Could not tell %s why it is refused", peer_id_of(key))
                return None

        self._core.admit(mesh_id, verify, explain)
        return lambda: self._perform(self._core.release(mesh_id))

    def drop(self, mesh_id: str, peer_id: str) -> None:
        """Turn out a peer that is no longer a member (revoked, left, lapsed)."""
        self._perform(self._core.drop(mesh_id, peer_id))

    # ── for SignalingHost ───────────────────────────────────────────────────────────────────

    def connect(self, outlet: Outlet) -> int | None:
        """Take a connection and return its number, or None when there is no room."""
        number = next(self._numbers)
        actions = self._core.connected(number, self._clock())
        if any(action.conn == number for action in actions):
            return None
        self._outlets[number] = outlet
        self._perform(actions)
        return number

    def receive(self, number: int, text: str) -> None:
        """Act on one text frame."""
        self._perform(self._core.received(number, text, self._clock(), self._wall_clock()))

    def count(self, number: int) -> None:
        """Count a frame without text (a WebSocket ping or pong) against the rate."""
        self._perform(self._core.allow(number, self._clock()))

    def disconnect(self, number: int) -> None:
        """Forget a connection that ended; does nothing when it is forgotten already."""
        self._outlets.pop(number, None)
        self._perform(self._core.disconnected(number))

    def tick(self) -> float | None:
        """Close what has lasted too long; return the seconds until there is more to do."""
        self._perform(self._core.tick(self._clock()))
        deadline = self._core.next_deadline()
        return None if deadline is None else max(0.0, deadline - self._clock())

    # ── for LocalCarrier ────────────────────────────────────────────────────────────────────

    def attach(self, outlet: Outlet, mesh_id: str, peer_id: str) -> int:
        """Give the node in this process its place and return its number.

        Raises:
            ValueError: It has that place already.

        """
        number = next(self._numbers)
        actions = self._core.attach(number, mesh_id, peer_id, self._clock(), self._wall_clock())
        self._outlets[number] = outlet
        self._perform(actions)
        return number

    def forward(self, number: int, to: str, box: bytes) -> bool:
        """Pass on a box of the node in this process; False when the receiver is not here."""
        actions = self._core.forward(number, to, box)
        self._perform(actions or [])
        return actions is not None

    def set_lookups(self, number: int, lookups: frozenset[str]) -> None:
        """Replace the invitations the node in this process answers for."""
        self._core.set_lookups(number, lookups)

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                if outlet := self._outlets.get(action.conn):
                    outlet.send(action.text)
            elif outlet := self._outlets.pop(action.conn, None):
                outlet.close(action.code, action.reason)
