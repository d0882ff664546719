"""Beacons over links: makes ours, takes in and passes on those of others."""

import asyncio
from collections import deque
import logging
import random
import time
from typing import TYPE_CHECKING, Final

from ..encoding import canonical_json, parse_json
from ..overlay.beacon import MAX_LINKS, MAX_SIZE, Beacon, BeaconLink, BeaconMap
from ..tasks import going_on
from ..trust.records import clean_name
from ..trust.signed import Signed

if TYPE_CHECKING:
    from ..overlay.session import Session
    from .engine import Engine

_LOGGER: Final = logging.getLogger(__name__)

INTERVAL: Final = 15.0
"""Seconds between beacons of a small mesh; a change of links tells at once."""
MAX_MADE: Final = 4096
"""Numbers of our own beacons that are remembered: more than are made in the life of one."""
PAUSE: Final = 1.0
"""Shortest time between two of our beacons, seconds."""
_EPOCH_BITS: Final = 32


class Gossiper:
    """Keeps the map of the mesh, for one engine."""

    def __init__(self, engine: Engine, beacons: BeaconMap) -> None:
        """Prepare; ``run`` sends."""
        self._engine = engine
        self._beacons = beacons
        self._wake = asyncio.Event()
        self._made: deque[int] = deque(maxlen=MAX_MADE)
        self.cloned = False
        """Whether a beacon came back that this node's key signed but this node never made."""

    def wake(self) -> None:
        """Something in our beacon changed: send one soon."""
        self._wake.set()

    async def run(self) -> None:
        """Send beacons until cancelled."""
        while True:
            with going_on("Sending a beacon"):
                self._send()
            await asyncio.sleep(PAUSE)
            try:
                # Spread out, so that a mesh that started together does not speak together.
                async with asyncio.timeout(INTERVAL * random.uniform(0.75, 1.25)):  # noqa: S311
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    def welcome(self, session: Session) -> None:
        """Tell a new neighbour everything that is known."""
        for signed in self._beacons.signed():
            self._tell(session, signed)
        self.wake()

    def received(self, session: Session, payload: bytes) -> None:
        """Take a beacon from a neighbour and pass it on if it is news."""
        if not session.may_gossip():
            return
        try:
            signed = Signed.from_json(parse_json(payload), MAX_SIZE)
            beacon = Beacon.parse(signed, self._engine.mesh_id)
        except ValueError as err:
            _LOGGER.debug("Dropped gossip of %s: %s", session.peer_id, err)
            return
        if beacon.peer_id == self._engine.identity.peer_id:
            self._own_received(beacon, signed)
            return
        key = self._engine.key_of(beacon.peer_id)
        if (
            key is None
            or not self._beacons.is_news(beacon, time.time())
            or not self._beacons.verified(signed, beacon, key)
        ):
            return
        if not self._beacons.add_paced(beacon, signed, time.monotonic()):
            return
        self._engine.beacon_learned(beacon)
        for peer_id, neighbour in self._engine.connected.items():
            if peer_id != session.peer_id:
                self._tell(neighbour, signed)

    def _own_received(self, beacon: Beacon, signed: Signed) -> None:
        engine = self._engine
        # Our own from before a restart has a lower epoch and means nothing.
        if (
            beacon.number >> _EPOCH_BITS >= engine.sequence.epoch
            # What is older than all that is remembered was made here for all we know.
            and beacon.number > self._made[0]
            and beacon.number not in self._made
            and self._beacons.verified(signed, beacon, engine.identity.public)
        ):
            self.cloned = True
            engine.look_for_problems()

    def _send(self) -> None:
        engine = self._engine
        neighbours = engine.connected
        number = engine.sequence.take()
        self._made.append(number)
        beacon = Beacon(
            peer_id=engine.identity.peer_id,
            name=clean_name(engine.state.node_name, "node"),
            named_at=engine.state.named_at,
            software=engine.software,
            capabilities=engine.config.capabilities,
            urls=engine.config.signaling_urls,
            links=tuple(
                _describe(peer_id, session)
                for peer_id, session in list(neighbours.items())[:MAX_LINKS]
            ),
            at=int(time.time()),
            number=number,
        )
        signed = beacon.sign(engine.identity, engine.mesh_id)
        self._beacons.add(beacon, signed)
        for session in neighbours.values():
            self._tell(session, signed)

    @staticmethod
    def _tell(session: Session, signed: Signed) -> None:
        session.link.send_gossip(canonical_json(signed.to_json()))


def _describe(peer_id: str, session: Session) -> BeaconLink:
    rtt = session.link.quality.rtt_ms
    return BeaconLink(
        peer_id=peer_id, rtt_ms=None if rtt is None else round(rtt), path=session.link.path
    )
