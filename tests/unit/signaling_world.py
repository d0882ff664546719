"""Members, servers and listeners that the signaling tests share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import itertools
from typing import Any

import orjson

from infrafabric.mesh.encoding import b64decode
from infrafabric.mesh.errors import MeshError
from infrafabric.mesh.model import Role
from infrafabric.mesh.signaling.actions import Limits, Send
from infrafabric.mesh.signaling.base import Carrier, Credentials
from infrafabric.mesh.signaling.core import SignalingCore
from infrafabric.mesh.signaling.server import _trusts_chain
from infrafabric.mesh.signaling.wire import auth_frame, hello_frame, transcript
from infrafabric.mesh.trust.identity import Identity, Purpose
from infrafabric.mesh.trust.membership import Membership

URL = "wss://home.example.org/api/infrafabric/signal"
UNIX = 1_800_000_000.0
LOOKUP = "ab" * 32


def counting_bytes() -> Callable[[int], bytes]:
    """Return a random source that repeats itself in every run."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


class World:
    """One mesh and its members."""

    def __init__(self, now: float = UNIX) -> None:
        self.now = now
        self.authority = Identity.generate()
        self.founder = Identity.generate()
        self.membership = Membership("Home", self.authority.public_key, self.founder.public_key)
        self.membership.issue(self.authority, self.founder.public_key, "Founder", Role.ADMIN, now)

    @property
    def mesh_id(self) -> str:
        return self.membership.mesh_id

    def member(self) -> Identity:
        """Return a new member."""
        identity = Identity.generate()
        self.membership.issue(self.founder, identity.public_key, "Member", Role.OBSERVE, self.now)
        return identity

    def credentials(self, identity: Identity) -> Credentials:
        """Return what the member shows; its records as they are when asked."""
        return Credentials(
            mesh_id=self.mesh_id,
            identity=identity,
            chain=lambda: list(self.membership.chain(identity.peer_id)),
            authority=self.authority.public_key,
            founder=self.founder.public_key,
        )

    def knows(self, key: bytes, chain: object) -> bool:
        """Judge as a hosting node does: by its own membership, whatever is shown."""
        del chain
        members = self.membership.members(self.now)
        return any(record.public_key == key for record in members.values())


@dataclass
class Rig:
    """A core and what it has said to each connection."""

    limits: Limits = field(default_factory=Limits)
    urls: Any = None
    is_open: bool = True
    now: float = 0.0
    said: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    closed: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.core = SignalingCore(
            urls=self.urls,
            fallback=_trusts_chain if self.is_open else None,
            random=counting_bytes(),
            limits=self.limits,
        )

    def do(self, actions: Any) -> None:
        """Note what the core asks for."""
        for action in actions:
            if isinstance(action, Send):
                assert action.conn not in self.closed, "sent after close"
                self.said.setdefault(action.conn, []).append(orjson.loads(action.text))
            else:
                assert action.conn not in self.closed, "closed twice"
                self.closed[action.conn] = action.reason

    def connect(self) -> int:
        """Return a new connection."""
        number = next(self.numbers)
        self.do(self.core.connected(number, self.now))
        return number

    def say(self, number: int, text: str | dict[str, Any]) -> None:
        """Let the client send a frame."""
        frame = text if isinstance(text, str) else orjson.dumps(text).decode()
        self.do(self.core.received(number, frame, self.now, UNIX))

    def heard(self, number: int) -> list[dict[str, Any]]:
        """Return, and forget, what the client was sent."""
        return self.said.pop(number, [])

    def challenge(self, number: int, mesh: str, invite: str | None = None) -> bytes:
        """Say hello and return the server's nonce."""
        self.say(number, hello_frame(mesh, bytes(16), invite))
        frame = self.said[number].pop(0)
        assert frame["t"] == "challenge"
        return b64decode(frame["nonce"])

    def auth(
        self, world: World, identity: Identity, nonce: bytes, url: str = URL, **changes: Any
    ) -> str:
        """Return the frame with which a member answers the challenge."""
        credentials = world.credentials(identity)
        mesh = changes.get("mesh", world.mesh_id)
        signed = transcript(url, mesh, identity.public_key, bytes(16), nonce)
        return auth_frame(
            changes.get("told_url", url),
            changes.get("chain", credentials.chain()),
            credentials.authority,
            credentials.founder,
            identity.sign(changes.get("purpose", Purpose.SIGNALING), signed),
        )

    def member(self, world: World, identity: Identity) -> int:
        """Return a connection that is signed in."""
        number = self.connect()
        nonce = self.challenge(number, world.mesh_id)
        self.say(number, self.auth(world, identity, nonce))
        return number

    def joiner(self, world: World, lookup: str = LOOKUP) -> tuple[int, str]:
        """Return an invitee's connection and its id."""
        number = self.connect()
        self.challenge(number, world.mesh_id, lookup)
        (frame,) = self.heard(number)
        return number, frame.get("id", "")


class Listener:
    """A carrier's handler that remembers, and lets tests wait for what they expect."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.offsets: list[float] = []
        self._changed = asyncio.Event()

    def _note(self, *event: Any) -> None:
        self.events.append(event)
        self._changed.set()

    def carrier_state(self, carrier: Carrier, connected: bool, error: MeshError | None) -> None:
        del carrier
        self._note("state", connected, error.code if error else None)

    def carrier_present(self, carrier: Carrier, peer_id: str, up: bool) -> None:
        del carrier
        self._note("present", peer_id, up)

    def carrier_box(self, carrier: Carrier, sender: str, box: bytes) -> None:
        del carrier
        self._note("box", sender, box)

    def carrier_time(self, carrier: Carrier, offset: float) -> None:
        del carrier
        self.offsets.append(offset)

    async def until(self, *event: Any, count: int = 1) -> None:
        """Return when the event has happened *count* times."""
        while self.events.count(event) < count:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 20)
