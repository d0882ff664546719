"""A program with all its children, ended together by the id it started with."""

import asyncio
import contextlib
import os
from pathlib import Path
import signal

from demo.processes import Child


class Group(Child):
    """A program that starts others, such as ``dbus-run-session``: it leads a session of its own."""

    async def stop(self, seconds: float = 10.0) -> int | None:
        """Ask all of them to end, and end them when they do not."""
        if self._process is None:
            return None
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await self.wait(seconds)
        await self.kill()
        return self.returncode

    async def kill(self) -> None:
        """End all of them at once (SIGKILL), as a power cut would."""
        if self._process is None:
            return
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._signal(signal.SIGKILL)
        await self._process.wait()
        async with asyncio.timeout(30):
            while self.family():
                await asyncio.sleep(0.02)

    def family(self) -> list[int]:
        """Return the ids of every live process of this session."""
        return [pid for pid in _processes() if _session_of(pid) == self.pid]

    def child(self, name: str) -> int:
        """Return the id of the process of this session with that name.

        Raises:
            LookupError: There is none.

        """
        for pid in self.family():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                    return pid
        raise LookupError(f"{self.name} has no running {name}")

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _session_of(pid: int) -> int | None:
    """Return the session of a live process; None of one that is gone or only waits to be reaped."""
    try:
        status, _parent, _group, session = (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
        )
    except OSError, ValueError:
        return None
    return None if status == "Z" else int(session)
