"""Servers that take a stream: ffmpeg, which counts the frames that it gets."""

import asyncio
from pathlib import Path
import re
import time

from demo.processes import Child, DemoError, free_port, until


class Receiver(Child):
    """ffmpeg, listening for one stream at a time.

    Args:
        name: For logs.
        url: Where it listens, with ffmpeg's options in the query.
        server: Where a studio sends to.
        port: On which it listens.
        log: Its output, which holds the progress.
        options: ffmpeg's options for the input.

    """

    def __init__(
        self, name: str, url: str, server: str, port: int, log: Path, options: list[str]
    ) -> None:
        """Prepare; nothing is started yet."""
        self.server = server
        self.port = port
        super().__init__(
            name,
            [
                *("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info"),
                *("-progress", "pipe:1", "-nostats", *options, "-i", url, "-f", "null", "-"),
            ],
            log,
        )

    @property
    def frames(self) -> int:
        """How many frames of video have arrived since the program was started the last time."""
        found = re.findall(r"^frame=\s*(\d+)$", self.output(), re.MULTILINE)
        return int(found[-1]) if found else 0

    async def start(self) -> None:
        """Start it and wait until it listens; its former output is forgotten.

        Raises:
            DemoError: It does not.

        """
        self.log.unlink(missing_ok=True)
        await super().start()
        await until(
            f"{self.name} to listen",
            self._listens,
            30,
            pause=0.05,
            while_running=self,
            seen=self._last,
        )

    async def _listens(self) -> bool:
        # To connect and see would be the one stream that it takes.
        table, state = ("udp", "07") if self.server.startswith("srt:") else ("tcp", "0A")
        sockets = (line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines())
        return any(line[1].endswith(f":{self.port:04X}") and line[3] == state for line in sockets)

    async def _last(self) -> str:
        return self.tail()

    async def wait_frames(self, count: int, seconds: float = 60.0) -> int:
        """Wait for *count* frames and return how many there are.

        Raises:
            DemoError: They did not come in time.

        """
        deadline = time.monotonic() + seconds
        while self.frames < count:
            if not self.running or time.monotonic() > deadline:
                raise DemoError(f"{self.name} got {self.frames} frames\n{self.tail()}")
            await asyncio.sleep(0.1)
        return self.frames


def rtmp_receiver(folder: Path, key: str, *, port: int | None = None) -> Receiver:
    """Return a server for RTMP that accepts this stream key."""
    port = port or free_port()
    server = f"rtmp://127.0.0.1:{port}/live"
    return Receiver(
        "RTMP receiver",
        f"{server}/{key}",
        server,
        port,
        folder / f"rtmp-{port}.log",
        ["-f", "flv", "-listen", "1"],
    )


def srt_receiver(folder: Path, *, port: int | None = None, passphrase: str = "") -> Receiver:
    """Return a server for SRT, with encryption if there is a passphrase (10 to 79 characters)."""
    port = port or free_port()
    secret = f"&passphrase={passphrase}" if passphrase else ""
    return Receiver(
        "SRT receiver",
        f"srt://127.0.0.1:{port}?mode=listener{secret}",
        f"srt://127.0.0.1:{port}",
        port,
        folder / f"srt-{port}.log",
        ["-f", "mpegts"],
    )
