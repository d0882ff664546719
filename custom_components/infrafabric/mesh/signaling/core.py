"""The signaling server's rules, without sockets, clocks or tasks.

``SignalingCore`` takes events of connections (numbers that the caller chooses) with the time and
returns actions. It forgets everything about a connection when that ends.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ..encoding import b64decode, b64encode
from ..rate import TokenBucket
from ..trust.identity import KEY_SIZE, PublicIdentity, Purpose, peer_id_of
from ..trust.signed import Signed
from .actions import (
    CLOSE_AWAY,
    CLOSE_LATER,
    CLOSE_NORMAL,
    CLOSE_POLICY,
    Action,
    Close,
    Limits,
    Send,
)
from .wire import (
    NONCE_SIZE,
    Auth,
    Hello,
    Invites,
    SendBox,
    address_of,
    encode_frame,
    is_joiner,
    parse_client_frame,
    transcript,
)

_JOINER_BYTES: Final = 8

type Verifier = Callable[[bytes, Sequence[Signed]], bool]
"""Tells whether the key's owner, who shows these records, is a member now."""
type Farewell = Callable[[bytes], tuple[str, bytes] | None]
"""Given the key of somebody refused who proved to own it: who tells it why, and the sealed box."""


class _State(Enum):
    NEW = "new"
    CHALLENGED = "challenged"
    JOINER = "joiner"
    MEMBER = "member"
    LOCAL = "local"


@dataclass(slots=True)
class _Conn:
    number: int
    since: float
    deadline: float | None
    bucket: TokenBucket
    state: _State = _State.NEW
    mesh: str = ""
    id: str = ""
    nonces: tuple[bytes, bytes] = (b"", b"")
    inviter: str = ""
    boxes: int = 0
    lookups: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Mesh:
    members: dict[str, _Conn] = field(default_factory=dict)
    joiners: dict[str, _Conn] = field(default_factory=dict)
    lookups: dict[str, _Conn] = field(default_factory=dict)


def _error(conn: _Conn, code: str, close: int = CLOSE_POLICY) -> list[Action]:
    return [Send(conn.number, encode_frame("error", code=code)), Close(conn.number, close, code)]


def _own_key(chain: Sequence[Signed]) -> bytes | None:
    """Return the key that the last record names; whether that is true is for the verifier."""
    try:
        return b64decode(chain[-1].value().get("key"), KEY_SIZE)
    except ValueError:
        return None


class SignalingCore:
    """Who is connected, to which mesh they belong, and what they may say to whom.

    Args:
        urls: Addresses under which this server is known, asked at each sign-in; a client that
            dialled another one is refused, so another server cannot pass a sign-in on to this
            one. None accepts any.
        fallback: Judges members of meshes without a verifier of their own, given mesh id,
            authority key, founder key, chain and unix time; None refuses them.
        random: Returns that many random bytes.
        limits: See ``Limits``.

    """

    def __init__(
        self,
        *,
        urls: Callable[[], Iterable[str]] | None,
        fallback: Callable[[str, Auth, bytes, float], bool] | None,
        random: Callable[[int], bytes],
        limits: Limits,
    ) -> None:
        """Start empty."""
        self._urls = urls
        self._fallback = fallback
        self._random = random
        self._limits = limits
        self._conns: dict[int, _Conn] = {}
        self._meshes: dict[str, _Mesh] = {}
        self._verifiers: dict[str, Verifier] = {}
        self._farewells: dict[str, Farewell] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """Connections by state, for diagnostics and tests."""
        counts = {state.value: 0 for state in _State}
        for conn in self._conns.values():
            counts[conn.state.value] += 1
        return counts

    def next_deadline(self) -> float | None:
        """Return when ``tick`` has something to do next, in the time of ``now``."""
        return min(
            (c.deadline for c in self._conns.values() if c.deadline is not None), default=None
        )

    # ── connections ─────────────────────────────────────────────────────────────────────────

    def connected(self, number: int, now: float) -> list[Action]:
        """Take a new connection, or return the actions that turn it away."""
        limits = self._limits
        waiting = [c for c in self._conns.values() if c.state in (_State.NEW, _State.CHALLENGED)]
        counts = self.counts
        total = len(self._conns) - counts["local"]
        conn = self._new(number, now, now + limits.handshake_seconds)
        actions: list[Action] = []
        if total >= limits.connections or len(waiting) + counts["joiner"] >= limits.unauthenticated:
            # Whoever says nothing makes room: thirty idle sockets must not lock members out.
            oldest = min(waiting, key=lambda c: c.since, default=None)
            if oldest is None or now - oldest.since < limits.grace_seconds:
                return _error(conn, "busy", CLOSE_LATER)
            actions += self._turn_out(oldest, "busy", CLOSE_LATER)
        self._conns[number] = conn
        return actions

    def disconnected(self, number: int) -> list[Action]:
        """Forget a connection that has ended, for whatever reason."""
        conn = self._conns.pop(number, None)
        if conn is None:
            return []
        mesh = self._meshes.get(conn.mesh)
        if mesh is None:
            return []
        actions: list[Action] = []
        if conn.state is _State.JOINER:
            mesh.joiners.pop(conn.id, None)
        elif mesh.members.get(conn.id) is conn:
            del mesh.members[conn.id]
            self._forget_lookups(mesh, conn)
            actions += self._tell(mesh, "down", conn.id)
            for joiner in [j for j in mesh.joiners.values() if j.inviter == conn.id]:
                actions += self._turn_out(joiner, "inviter_offline", CLOSE_NORMAL)
        if not (mesh.members or mesh.joiners):
            self._meshes.pop(conn.mesh, None)
        return actions

    def tick(self, now: float) -> list[Action]:
        """Close what has lasted too long."""
        late = [c for c in self._conns.values() if c.deadline is not None and c.deadline <= now]
        actions: list[Action] = []
        for conn in late:
            over = conn.state is _State.MEMBER
            actions += self._turn_out(conn, "session_over" if over else "too_slow", CLOSE_NORMAL)
        return actions

    def allow(self, number: int, now: float) -> list[Action]:
        """Count one frame of any kind.

        Returns the actions that end the connection when it sends too many.
        """
        conn = self._conns.get(number)
        if conn is None:
            return []
        return [] if conn.bucket.take(now) else self._turn_out(conn, "rate_limited")

    def received(self, number: int, text: str, now: float, unix: float) -> list[Action]:
        """Act on one text frame.

        Args:
            number: The connection.
            text: The frame as it came.
            now: Monotonic seconds.
            unix: Unix seconds.

        """
        if actions := self.allow(number, now):
            return actions
        conn = self._conns.get(number)
        if conn is None:
            return []
        try:
            frame = parse_client_frame(text)
        except ValueError:
            return self._turn_out(conn, "malformed")
        match conn.state, frame:
            case _State.NEW, Hello():
                return self._hello(conn, frame, now, unix)
            case _State.CHALLENGED, Auth():
                return self._auth(conn, frame, now, unix)
            case _State.MEMBER, Invites():
                self.set_lookups(number, frame.lookups)
                return []
            case ((_State.MEMBER | _State.JOINER), SendBox()):
                return self._send(conn, frame)
        return self._turn_out(conn, "unexpected")

    # ── the hosting node ────────────────────────────────────────────────────────────────────

    def admit(self, mesh: str, verifier: Verifier, farewell: Farewell | None = None) -> None:
        """Serve a mesh whose members *verifier* knows; *farewell* explains a refusal.

        Raises:
            ValueError: The mesh is served already.

        """
        if mesh in self._verifiers:
            raise ValueError("the mesh is served already")
        self._verifiers[mesh] = verifier
        if farewell is not None:
            self._farewells[mesh] = farewell

    def release(self, mesh: str) -> list[Action]:
        """End serving a mesh: its connections close, except those of the hosting node itself."""
        self._farewells.pop(mesh, None)
        if self._verifiers.pop(mesh, None) is None:
            return []
        return self._turn_out_all(lambda c: c.mesh == mesh, "mesh_gone", CLOSE_AWAY)

    def drop(self, mesh: str, peer_id: str) -> list[Action]:
        """Turn out a peer that is no longer a member."""
        return self._turn_out_all(lambda c: c.mesh == mesh and c.id == peer_id, "refused")

    def attach(self, number: int, mesh: str, peer_id: str, now: float, unix: float) -> list[Action]:
        """Take the hosting node's own place in a mesh: it needs no proof and has no limits.

        Raises:
            ValueError: It has that place already.

        """
        room = self._meshes.get(mesh)
        other = room.members.get(peer_id) if room else None
        if other is not None and other.state is _State.LOCAL:
            raise ValueError("the node is attached already")
        conn = self._new(number, now, None)
        conn.state = _State.LOCAL
        conn.mesh = mesh
        self._conns[number] = conn
        return self._enter(conn, peer_id, unix)

    def forward(self, number: int, to: str, box: bytes) -> list[Action] | None:
        """Pass on the hosting node's box, or return None when *to* is not here."""
        conn = self._conns.get(number)
        target = self._target(conn, to) if conn else None
        if conn is None or target is None:
            return None
        return [Send(target.number, encode_frame("box", from_=conn.id, box=b64encode(box)))]

    def set_lookups(self, number: int, lookups: frozenset[str]) -> None:
        """Replace the invitations a member answers for; who was first keeps one claimed twice."""
        conn = self._conns.get(number)
        mesh = self._meshes.get(conn.mesh) if conn else None
        if conn is None or mesh is None:
            return
        self._forget_lookups(mesh, conn)
        conn.lookups = lookups
        for lookup in lookups:
            mesh.lookups.setdefault(lookup, conn)

    # ── how frames are answered ─────────────────────────────────────────────────────────────

    def _hello(self, conn: _Conn, frame: Hello, now: float, unix: float) -> list[Action]:
        nonce = self._random(NONCE_SIZE)
        conn.mesh = frame.mesh
        conn.nonces = (frame.nonce, nonce)
        conn.state = _State.CHALLENGED
        # Known mesh or not, known invitation or not: what comes first is the same.
        text = encode_frame("challenge", nonce=b64encode(nonce), time=unix)
        actions: list[Action] = [Send(conn.number, text)]
        if frame.invite is None:
            return actions
        mesh = self._meshes.get(frame.mesh)
        inviter = mesh.lookups.get(frame.invite) if mesh else None
        if mesh is None or inviter is None:
            return actions + self._turn_out(conn, "inviter_offline", CLOSE_NORMAL)
        if self.counts["joiner"] >= self._limits.joiners:
            return actions + self._turn_out(conn, "busy", CLOSE_LATER)
        conn.state = _State.JOINER
        conn.id = f"j-{self._random(_JOINER_BYTES).hex()}"
        conn.inviter = inviter.id
        conn.boxes = self._limits.joiner_boxes
        conn.deadline = now + self._limits.joiner_seconds
        mesh.joiners[conn.id] = conn
        text = encode_frame("ready", id=conn.id, inviter=inviter.id)
        return [*actions, Send(conn.number, text)]

    def _auth(self, conn: _Conn, frame: Auth, now: float, unix: float) -> list[Action]:
        if not self._is_own_address(frame.url):
            return self._turn_out(conn, "wrong_address")
        key = _own_key(frame.chain)
        if key is None or not self._owns(conn, key, frame):
            return self._turn_out(conn, "refused")
        if not self._is_member(conn, key, frame, unix):
            return self._explained(conn, key) + self._turn_out(conn, "refused")
        peer_id = peer_id_of(key)
        room = self._meshes.get(conn.mesh)
        older = room.members.get(peer_id) if room else None
        if older is not None and older.state is _State.LOCAL:
            return self._turn_out(conn, "already_here")
        limits = self._limits
        if older is None and self.counts["member"] >= limits.connections - limits.reserved:
            return self._turn_out(conn, "busy", CLOSE_LATER)
        conn.state = _State.MEMBER
        conn.deadline = now + limits.session_seconds
        return self._enter(conn, peer_id, unix)

    def _is_own_address(self, url: str) -> bool:
        if self._urls is None:
            return True
        address = address_of(url)
        return address is not None and address in {address_of(own) for own in self._urls()}

    def _owns(self, conn: _Conn, key: bytes, frame: Auth) -> bool:
        try:
            signed = transcript(frame.url, conn.mesh, key, *conn.nonces)
        except ValueError:
            return False
        return PublicIdentity(key).verify(Purpose.SIGNALING, signed, frame.signature)

    def _explained(self, conn: _Conn, key: bytes) -> list[Action]:
        """Let the hosting node tell a former member why, so that it need not guess."""
        farewell = self._farewells.get(conn.mesh)
        told = farewell(key) if farewell is not None else None
        if told is None:
            return []
        sender, box = told
        return [Send(conn.number, encode_frame("box", from_=sender, box=b64encode(box)))]

    def _is_member(self, conn: _Conn, key: bytes, frame: Auth, unix: float) -> bool:
        verifier = self._verifiers.get(conn.mesh)
        if verifier is not None:
            return verifier(key, frame.chain)
        return self._fallback is not None and self._fallback(conn.mesh, frame, key, unix)

    def _enter(self, conn: _Conn, peer_id: str, unix: float) -> list[Action]:
        conn.id = peer_id
        mesh = self._meshes.setdefault(conn.mesh, _Mesh())
        older = mesh.members.get(peer_id)
        # The newcomer takes the place first, so nobody sees the peer leave and come back.
        mesh.members[peer_id] = conn
        actions: list[Action] = []
        if older is None:
            actions += self._tell(mesh, "up", peer_id, but=conn)
        else:
            self._forget_lookups(mesh, older)
            actions += self._turn_out(older, "replaced")
        peers = [other for other in mesh.members if other != peer_id]
        text = encode_frame("ready", id=peer_id, peers=peers, time=unix)
        return [*actions, Send(conn.number, text)]

    def _send(self, conn: _Conn, frame: SendBox) -> list[Action]:
        if conn.state is _State.JOINER:
            if conn.boxes == 0:
                return self._turn_out(conn, "rate_limited")
            conn.boxes -= 1
        target = self._target(conn, frame.to)
        if target is None:
            return [Send(conn.number, encode_frame("absent", to=frame.to))]
        return [Send(target.number, encode_frame("box", from_=conn.id, box=frame.box))]

    def _target(self, conn: _Conn, to: str) -> _Conn | None:
        mesh = self._meshes.get(conn.mesh)
        if mesh is None or to == conn.id:
            return None
        if is_joiner(to):
            joiner = mesh.joiners.get(to)
            return joiner if joiner is not None and joiner.inviter == conn.id else None
        if conn.state is _State.JOINER and to != conn.inviter:
            return None
        return mesh.members.get(to)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────

    def _new(self, number: int, now: float, deadline: float | None) -> _Conn:
        limits = self._limits
        bucket = TokenBucket(limits.frames_per_second, limits.frames_burst, now)
        return _Conn(number, now, deadline, bucket)

    def _tell(self, mesh: _Mesh, kind: str, peer_id: str, but: _Conn | None = None) -> list[Action]:
        text = encode_frame(kind, id=peer_id)
        return [Send(c.number, text) for c in mesh.members.values() if c is not but]

    def _forget_lookups(self, mesh: _Mesh, conn: _Conn) -> None:
        for lookup in conn.lookups:
            if mesh.lookups.get(lookup) is conn:
                del mesh.lookups[lookup]
        conn.lookups = frozenset()

    def _turn_out(self, conn: _Conn, code: str, close: int = CLOSE_POLICY) -> list[Action]:
        # Turning out an inviter turns out its invitees: a later turn may find its work done.
        if conn.number not in self._conns:
            return []
        return _error(conn, code, close) + self.disconnected(conn.number)

    def _turn_out_all(
        self, which: Callable[[_Conn], bool], code: str, close: int = CLOSE_POLICY
    ) -> list[Action]:
        actions: list[Action] = []
        for conn in [c for c in self._conns.values() if c.state is not _State.LOCAL and which(c)]:
            actions += self._turn_out(conn, code, close)
        return actions
