"""What a node signs about members: who has to go, another name or role, more time."""

from collections.abc import Sequence
import time
from typing import TYPE_CHECKING, Final

from ..model import PeerView, Role
from ..trust.signed import Signed

if TYPE_CHECKING:
    from .engine import Engine

NAME_TOLERANCE: Final = 60.0
"""Seconds that a peer's clock may be ahead when it is given another name."""


class Registrar:
    """Makes records and tombstones, for one engine; each is saved, then told and acted on."""

    def __init__(self, engine: Engine) -> None:
        """Have signed nothing yet."""
        self._engine = engine

    async def revoke(self, peer_id: str) -> None:
        """Remove a peer for good (errors as ``Roster.revoke``)."""
        await self._publish(self._engine.roster.revoke(peer_id, time.time()))

    async def change(
        self, view: PeerView, *, name: str | None = None, role: Role | None = None
    ) -> None:
        """Give a peer another name or role (errors as ``Roster.change``)."""
        peer_id = view.peer_id
        now = time.time()
        beacon = self._engine.beacons.get(peer_id)
        if name is not None and beacon is not None:
            # Not older than the name the peer chose, or that would go on being shown.
            now = max(now, min(beacon.named_at, now + NAME_TOLERANCE))
        await self._publish(
            # A record carries a name; without a new one it is the one that is shown.
            self._engine.roster.change(peer_id, now, name=name or view.name, role=role)
        )

    async def renew(self) -> None:
        """Notice who lapsed, and renew whose membership is half over."""
        engine = self._engine
        engine.apply(())
        names = {peer_id: view.name for peer_id, view in engine.peers.views.items()}
        if made := engine.roster.renew(names, time.time()):
            await self._publish(made)

    async def _publish(self, made: Sequence[Signed]) -> None:
        """Save what was signed here, tell the neighbours, and act on it."""
        try:
            await self._engine.saver.save()
        finally:
            # A revocation that cannot be saved counts all the same; whoever asked is told.
            self._engine.spread(made)
            self._engine.apply(())
