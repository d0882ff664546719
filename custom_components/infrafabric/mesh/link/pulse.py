"""The heartbeat of an open link: sends probes, answers the peer's, and says when it is silent."""

import asyncio
from collections.abc import Callable
from typing import Final

from .frames import Channel, FrameError, FrameType, decode_probe, encode_probe
from .quality import Heartbeat, Verdict
from .rtc import Rtc
from .transfer import Budget

MAX_BACKLOG: Final = 1024 * 1024
"""Bytes a peer may leave unacknowledged before it counts as silent."""
PROBE_RATE: Final = (50, 100)
"""The peer's probes that are answered per second, and at once."""

PATIENCE: Final = 2.0
"""Seconds that ``probe`` waits for any sign of life."""


class Pulse:
    """Runs a ``Heartbeat`` on the loop's timers."""

    def __init__(
        self,
        rtc: Rtc,
        interval: float,
        *,
        clock: Callable[[], float],
        on_window: Callable[[], None],
        on_silent: Callable[[], None],
    ) -> None:
        """Prepare; ``start`` begins.

        Args:
            rtc: The connection.
            interval: Seconds between probes once the first figures are in.
            clock: Monotonic seconds.
            on_window: There are new figures; must not raise.
            on_silent: The peer is gone; called once.

        """
        self._rtc = rtc
        self._interval = interval
        self._clock = clock
        self._on_window = on_window
        self._on_silent = on_silent
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._probing: asyncio.TimerHandle | None = None
        self._stopped = False
        self.heartbeat = Heartbeat(interval, clock())
        self._budget = Budget(*PROBE_RATE, clock())
        self.receivers: dict[int, Callable[[bytes], None]] = {
            FrameType.PING: self._ping,
            FrameType.PONG: self._pong,
            FrameType.ASK: self._ask,
            FrameType.HERE: _here,
        }
        """Takes each frame's payload; raises ``FrameError``."""

    def start(self) -> None:
        """Begin to probe."""
        self.heartbeat = Heartbeat(self._interval, self._clock())
        self._tick()

    def stop(self) -> None:
        """Leave no timer."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._probing is not None:
            self._probing.cancel()

    def probe(self) -> None:
        """Ask now; silence of ``PATIENCE`` seconds ends the link."""
        if self._probing is None:
            self._rtc.send(Channel.CONTROL, bytes([FrameType.ASK]))
            self._probing = self._loop.call_later(PATIENCE, self._probed, self._clock())

    def _probed(self, asked: float) -> None:
        self._probing = None
        if not self._stopped and not self.heartbeat.heard_since(asked):
            self._on_silent()

    def heard(self) -> None:
        """Note that anything came from the peer."""
        self.heartbeat.heard(self._clock())

    def _tick(self) -> None:
        heartbeat, now = self.heartbeat, self._clock()
        sequence, verdict = heartbeat.tick(now)
        if verdict is Verdict.DEAD or self._rtc.guard.backlog > MAX_BACKLOG:
            self._on_silent()
            return
        if verdict is Verdict.SUSPECT:
            self._rtc.send(Channel.CONTROL, bytes([FrameType.ASK]))
        self._rtc.send(Channel.TELEMETRY, encode_probe(FrameType.PING, sequence))
        if heartbeat.window_closed(now):
            self._on_window()
        if not self._stopped:
            self._timer = self._loop.call_later(max(0.0, heartbeat.due - now), self._tick)

    def _ping(self, payload: bytes) -> None:
        sequence = decode_probe(payload)
        if self._budget.take(1, self._clock()):
            self._rtc.send(Channel.TELEMETRY, encode_probe(FrameType.PONG, sequence))

    def _pong(self, payload: bytes) -> None:
        self.heartbeat.pong(decode_probe(payload), self._clock())

    def _ask(self, payload: bytes) -> None:
        _here(payload)
        if self._budget.take(1, self._clock()):
            self._rtc.send(Channel.CONTROL, bytes([FrameType.HERE]))


def _here(payload: bytes) -> None:
    if payload:
        raise FrameError("a frame is too long")
