"""How late the event loop runs: the P99 of a small timer's delay over the last five minutes."""

import asyncio
from collections import deque
from typing import Final

INTERVAL: Final = 0.5
"""Seconds between samples."""
WINDOW: Final = 600
"""Samples kept: five minutes."""
MIN_SAMPLES: Final = 20


class LoopLag:
    """Measures the loop it is started in; costs two callbacks a second."""

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._samples: deque[float] = deque(maxlen=WINDOW)
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to sample in the running loop."""
        self._schedule(asyncio.get_running_loop())

    def stop(self) -> None:
        """End; safe to call twice."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + INTERVAL
        self._handle = loop.call_at(due, self._sample, loop, due)

    def _sample(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._samples.append(loop.time() - due)
        self._schedule(loop)

    @property
    def p99_ms(self) -> float | None:
        """The 99th percentile in milliseconds, or None before 20 samples."""
        if len(self._samples) < MIN_SAMPLES:
            return None
        ordered = sorted(self._samples)
        return 1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
