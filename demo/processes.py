"""Programs that run beside this one: each with a log file, each ended by the id it started with."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import contextlib
import os
from pathlib import Path
import signal
import socket
from typing import ClassVar, Final

GRACE: Final = 60.0
"""Seconds that a program gets to end by itself. Home Assistant waits for its database."""
WAIT: Final = 60.0
"""Seconds for what is there within two, unless the machine has other things to do."""


class DemoError(Exception):
    """Something that was promised did not happen; the text is for people."""


class Child:
    """One program and its output.

    It has a session of its own, so that Ctrl-C in the terminal reaches only this program, which
    then ends the others in order.
    """

    def __init__(
        self, name: str, argv: list[str], log: Path, env: Mapping[str, str | None] | None = None
    ) -> None:
        """Prepare to run *argv*; its output is appended to *log*; None in *env* takes away."""
        self.name = name
        self.argv = argv
        self.log = log
        merged = {**os.environ, **(env or {})}
        self._env = {key: value for key, value in merged.items() if value is not None}
        self._process: asyncio.subprocess.Process | None = None

    _started: ClassVar[list[Child]] = []

    @classmethod
    def kill_leftovers(cls) -> None:
        """End at once whatever still runs, without an event loop: somebody is impatient."""
        for child in cls._started:
            if child.running:
                # Nobody waited for it, so the id cannot have gone to another process.
                os.kill(child.pid, signal.SIGKILL)

    async def start(self) -> None:
        """Start the program."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        self._started.append(self)

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        """The exit status once it has ended."""
        return self._process.returncode if self._process else None

    async def wait(self, seconds: float) -> int:
        """Return the exit status.

        Raises:
            TimeoutError: It did not end in time.

        """
        if self._process is None:
            raise DemoError(f"{self.name} was never started")
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    async def stop(self, seconds: float = GRACE) -> int | None:
        """Ask it to end, and end it when it does not."""
        if self._process is None:
            return None
        if self.running:
            self._process.terminate()
            try:
                return await self.wait(seconds)
            except TimeoutError:
                await self.kill()
        return self._process.returncode

    async def kill(self) -> None:
        """End it at once (SIGKILL), as a power cut would."""
        if self._process is not None:
            if self.running:
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    def output(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """Return its last lines under a heading, for a failure."""
        last = self.output().splitlines()[-lines:]
        return "\n".join([f"── {self.name}: {self.log} ──", *(line[:400] for line in last)])


_given: Final[set[int]] = set()
"""Ports that ``free_port`` has returned: whoever got one may not listen there yet."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now, and another one each time."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port


def free_pair() -> int:
    """Return a free port whose successor is free as well."""
    while not port_is_free((port := free_port()) + 1):
        continue
    return port


def port_is_free(port: int) -> bool:
    """Tell whether a server can listen at *port* of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def until[T](
    what: str,
    look: Callable[[], Awaitable[T | None]],
    seconds: float,
    *,
    pause: float = 0.1,
    while_running: Child | None = None,
    seen: Callable[[], Awaitable[object]] | None = None,
) -> T:
    """Look again and again until there is something, and return it.

    Args:
        what: What is waited for, for people.
        look: Returns it, or something false.
        seconds: How long.
        pause: Seconds between two looks.
        while_running: A program without which it cannot come.
        seen: Returns what there is instead, for the error.

    Raises:
        DemoError: Nothing came in time, or the program it depends on ended.

    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                if found := await look():
                    return found
                if while_running is not None and not while_running.running:
                    raise DemoError(
                        f"{while_running.name} ended with status {while_running.returncode} "
                        f"while waiting for {what}"
                    )
                await asyncio.sleep(pause)
    instead = f"; there is: {await _described(seen)}" if seen else ""
    raise DemoError(f"{what}: not within {seconds:g} s{instead}")


async def _described(seen: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(10):
            return str(await seen())[:2000]
    except Exception as err:  # noqa: BLE001 - the error that it explains must not be lost
        return f"{type(err).__name__}: {err}"
