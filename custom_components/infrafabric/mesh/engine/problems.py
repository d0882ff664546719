"""What is wrong with a node now, as codes that the floors above explain and help with."""

from collections.abc import Callable
import time
from typing import TYPE_CHECKING, Final

from ..link.sctp_guards import install_fast_crc
from ..model import NodeEvent, ProblemsChanged
from ..overlay.rendezvous import MAX_CLOCK_OFFSET

if TYPE_CHECKING:
    from .engine import Engine
    from .state import NodeState

NO_SIGNALING: Final = "no_signaling"
CLOCK_SKEW: Final = "clock_skew"
SLOW_CRC: Final = "slow_crc"
MEMBERSHIP_LAPSING: Final = "membership_lapsing"
MEMBERSHIP_REVOKED: Final = "membership_revoked"
CLONED_IDENTITY: Final = "cloned_identity"

LAPSE_WARNING: Final = 7 * 86_400
"""Seconds before the membership lapses at which somebody should be told."""
SIGNALING_GRACE: Final = 30.0
"""Seconds without any signaling server before that is a problem: a restart of one is none."""


class Problems:
    """Looks at a node's parts and tells when the set of problems changes."""

    def __init__(self, state: NodeState, emit: Callable[[NodeEvent], None]) -> None:
        """Find nothing before ``watch``."""
        self._state = state
        self._emit = emit
        self._engine: Engine | None = None
        self._silent_since: float | None = None
        self.current: tuple[str, ...] = ()
        """Codes, sorted."""

    def watch(self, engine: Engine) -> None:
        """Look at this engine from now on."""
        self._engine = engine
        self.look()

    def look(self) -> None:
        """Look again and tell if something changed."""
        engine = self._engine
        if engine is None:
            return
        found = tuple(sorted(self._find(engine)))
        if found != self.current:
            self.current = found
            self._emit(ProblemsChanged(found))

    def _find(self, engine: Engine) -> set[str]:
        found = set()
        if self._without_signaling(engine):
            found.add(NO_SIGNALING)
        offset = engine.rendezvous.clock_offset
        if offset is not None and abs(offset) > MAX_CLOCK_OFFSET:
            found.add(CLOCK_SKEW)
        if not install_fast_crc():
            found.add(SLOW_CRC)
        record = self._state.membership.record(engine.identity.peer_id)
        if self._state.revoked:
            found.add(MEMBERSHIP_REVOKED)
        elif record is not None and record.not_after - time.time() < LAPSE_WARNING:
            found.add(MEMBERSHIP_LAPSING)
        if engine.gossiper.cloned or engine.meeting.cloned:
            found.add(CLONED_IDENTITY)
        return found

    def _without_signaling(self, engine: Engine) -> bool:
        rendezvous = engine.rendezvous
        if rendezvous.connected_urls or not rendezvous.configured_urls or not engine.running:
            self._silent_since = None
            return False
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
        return now - self._silent_since >= SIGNALING_GRACE
