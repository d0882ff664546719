"""Real processes of the command line on loopback, and what tests ask of them."""

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from .repository import ROOT

PROGRAM = [
    sys.executable,
    "-c",
    "import sys; from infrafabric.mesh.agent.cli import main; sys.exit(main())",
]
LOCAL = ("--local-address", "127.0.0.1")


def infrafabric(
    *args: object, given: str | None = None, seconds: float = 40
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*PROGRAM, *map(str, args)],
        input=given if given is not None else "",
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment(),
    )


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a command; compiling everything each time would take a second."""
    dropped = ("INFRAFABRIC_STATE", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**kept, "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "pycache"), **changes}


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has, nor gets by asking the kernel for any."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Running:
    """A command that stays, with its output line by line."""

    def __init__(self, *args: object) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.notes: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        self.printed: list[str] = []
        self._pumps = [
            threading.Thread(target=self._pump, args=(stream, into), daemon=True)
            for stream, into in (
                (self.process.stdout, self.lines),
                (self.process.stderr, self.notes),
            )
        ]
        for pump in self._pumps:
            pump.start()

    @staticmethod
    def _pump(stream: Any, into: queue.Queue[str]) -> None:
        for line in stream:
            into.put(line.rstrip("\n"))

    def line(self, seconds: float = 20) -> str:
        """Return the next line of standard output."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no output; stderr: {self.stderr()}") from None
        self.printed.append(line)
        return line

    def note(self, part: str, seconds: float = 20) -> str:
        """Return the next line of standard error that contains *part*."""
        until = time.monotonic() + seconds
        while True:
            try:
                line = self.notes.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"never said {part!r}: {self.said}") from None
            self.said.append(line)
            if part in line:
                return line

    def event(
        self,
        name: str,
        seconds: float = 20,
        where: Callable[[dict[str, Any]], bool] = lambda _: True,
    ) -> dict[str, Any]:
        """Return the next JSON event of a kind."""
        until = time.monotonic() + seconds
        while True:
            event = json.loads(self.line(max(0.01, until - time.monotonic())))
            if event["event"] == name and where(event):
                return event

    def stderr(self) -> str:
        if self.process.poll() is not None:
            # All that it said, however late its last words are read.
            for pump in self._pumps:
                pump.join(20)
        with contextlib.suppress(queue.Empty):
            while True:
                self.said.append(self.notes.get(timeout=0.1))
        return "\n".join(self.said)

    def end(self, how: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running(*args: object) -> Iterator[Running]:
    """Run a command until the context ends; it must end cleanly on SIGTERM."""
    process = Running(*args)
    try:
        yield process
        code = process.end()
        assert code in (0, 143), process.stderr()
        assert "Traceback" not in process.stderr()
    finally:
        if process.process.poll() is None:
            process.kill()


class World:
    """A signaling server and a mesh whose founder is online."""

    def __init__(self, base: Path, url: str) -> None:
        self.base = base
        self.url = url
        self.home = base / "home"
        self.founder: Running

    def invitation(self, role: str = "observe", *more: object) -> str:
        """Let the running founder make an invitation."""
        made = infrafabric("agent", "invite", "--state", self.home, "--role", role, *more)
        assert made.returncode == 0, made.stderr
        return made.stdout

    def join(self, name: str, role: str = "observe") -> Path:
        """Let a new node join and return its state directory."""
        state = self.base / name.lower()
        joined = infrafabric(
            "agent", "join", "--state", state, "--name", name, *LOCAL, given=self.invitation(role)
        )
        assert joined.returncode == 0, joined.stderr
        return state


@contextlib.contextmanager
def signal_server(*args: object) -> Iterator[str]:
    """Run a signaling server and yield its address."""
    with running("signal", "--host", "127.0.0.1", "--port", "0", *args) as server:
        yield server.line()


@contextlib.contextmanager
def world(base: Path) -> Iterator[World]:
    """Found a mesh with real processes."""
    with signal_server() as url:
        mesh = World(base, url)
        made = infrafabric(
            *("agent", "init", "--state", mesh.home, "--mesh", "Lab", "--name", "Home"),
            *("--signal", url, *LOCAL),
        )
        assert made.returncode == 0, made.stderr
        with running("agent", "run", "--state", mesh.home, "--json") as founder:
            mesh.founder = founder
            founder.event("ready")
            yield mesh


def modes(directory: Path) -> dict[str, str]:
    """Return the permissions of everything in a directory."""
    return {path.name: oct(path.stat().st_mode & 0o777) for path in directory.iterdir()}
