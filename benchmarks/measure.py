"""What the benchmarks measure with: loop lag, CPU time, resident memory."""

import asyncio
import gc
import os
from pathlib import Path
import time
from typing import Self

LAG_EVERY = 0.005
"""Seconds between two looks at how late the loop is."""


class LagProbe:
    """How late a timer of the running loop fires, as a context manager."""

    def __init__(self) -> None:
        """Start with no sample."""
        self.samples_ms: list[float] = []
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._schedule()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        if self._handle is not None:
            self._handle.cancel()

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + LAG_EVERY
        self._handle = loop.call_at(due, self._fired, due)

    def _fired(self, due: float) -> None:
        self.samples_ms.append(1000 * (asyncio.get_running_loop().time() - due))
        self._schedule()


def cpu() -> float:
    """Return the CPU seconds of this process, all threads, user and system."""
    return time.process_time()


def resident_kb() -> float:
    """Return the resident memory of this process after a collection, KiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024
