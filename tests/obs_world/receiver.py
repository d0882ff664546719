"""Servers that take a stream: ffmpeg, which counts the frames that it gets."""

import asyncio
from pathlib import Path
import re
import time

from demo.processes import Child, DemoError, free_port


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
        """Start to listen; its former output is forgotten."""
        self.log.unlink(missing_ok=True)
        await super().start()

    async def wait_frames(self, count: int, seconds: float = 30.0) -> int:
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
