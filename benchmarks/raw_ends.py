"""Raw aiortc: two peer connections and one ordered, reliable data channel; nothing is signed."""

import asyncio
from collections.abc import Callable, Sequence
import time
from typing import Any

from aioice import ice
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from benchmarks.measure import cpu

FRAGMENT = 1200
"""Bytes of user data in one of aiortc's packets, at most."""


def stay_on_loopback() -> None:
    """Let aiortc use 127.0.0.1 alone, as the nodes beside it do."""
    ice.get_host_addresses = lambda *_args, **_kwargs: ["127.0.0.1"]


def _connection(on_message: Callable[[Any], None]) -> tuple[RTCPeerConnection, RTCDataChannel]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel = connection.createDataChannel("bench", negotiated=True, id=0, ordered=True)
    channel.on("message", on_message)
    return connection, channel


class RawFar:
    """The end that is called: counts what arrives, or sends it back."""

    def __init__(self) -> None:
        """Have no connection."""
        self._connection: RTCPeerConnection | None = None
        self._expected = 0
        self._arrived = asyncio.Event()

    async def start(self) -> None:
        """Nothing to prepare."""

    async def answer(self, offer: str) -> str:
        """Take a call; the former connection ends."""
        await self.stop()
        self._connection, self._channel = _connection(self._message)
        await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        return str(self._connection.localDescription.sdp)

    async def expect(self, count: int) -> None:
        """Count down from *count*; at 0, everything is sent back."""
        self._expected = count
        self._arrived.clear()

    async def arrived(self) -> None:
        """Wait until as many came."""
        await self._arrived.wait()

    async def cpu(self) -> float:
        """Return the CPU seconds of the process."""
        return cpu()

    async def stop(self) -> None:
        """End the connection."""
        if self._connection is not None:
            await self._connection.close()

    def _message(self, message: bytes) -> None:
        if self._expected:
            self._expected -= 1
            if not self._expected:
                self._arrived.set()
        elif not self._arrived.is_set():
            self._channel.send(message)


class RawNear:
    """The end that calls, sends and measures."""

    name = "raw aiortc"

    def __init__(self, far: Any, cap: int) -> None:
        """Send to *far*, with at most *cap* bytes in flight."""
        self._far = far
        self._cap = cap
        self._connection: RTCPeerConnection | None = None
        self._echo: asyncio.Future[None] | None = None
        self._progress = asyncio.Event()

    async def start(self) -> None:
        """Nothing to prepare."""

    async def connect(self) -> float:
        """Make a new connection; return the seconds from making the offer to the open channel."""
        if self._connection is not None:
            await self._connection.close()
        started = time.perf_counter()
        self._connection, self._channel = _connection(self._message)
        opened = asyncio.Event()
        self._channel.on("open", opened.set)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        answer = await self._far.answer(self._connection.localDescription.sdp)
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await opened.wait()
        seconds = time.perf_counter() - started
        self._watch_acknowledgements()
        return seconds

    def _watch_acknowledgements(self) -> None:
        # aiortc does not tell when there is room again; bufferedAmount lacks what is in flight.
        self._sctp: Any = self._connection.sctp if self._connection else None
        receive = self._sctp._receive_sack_chunk  # noqa: SLF001

        async def received(chunk: Any) -> None:
            await receive(chunk)
            self._progress.set()

        self._sctp._receive_sack_chunk = received  # noqa: SLF001

    def _in_flight(self) -> int:
        sctp = self._sctp
        waiting = len(sctp._outbound_queue) * FRAGMENT  # noqa: SLF001
        return int(self._channel.bufferedAmount + waiting + sctp._flight_size)  # noqa: SLF001

    def prepared(self, payloads: Sequence[bytes]) -> Sequence[bytes]:
        """Return what ``one_way`` and ``echoes`` take."""
        return payloads

    async def one_way(self, payloads: Sequence[bytes]) -> None:
        """Send all; returns when the last has arrived."""
        await self._far.expect(len(payloads))
        for payload in payloads:
            while self._in_flight() + len(payload) > self._cap:
                self._progress.clear()
                await self._progress.wait()
            self._channel.send(payload)
        await self._far.arrived()

    async def echoes(self, payloads: Sequence[bytes]) -> list[float]:
        """Send one after another and wait for each to come back; return the seconds of each."""
        await self._far.expect(0)
        seconds = []
        for payload in payloads:
            started = time.perf_counter()
            self._echo = asyncio.get_running_loop().create_future()
            self._channel.send(payload)
            await self._echo
            seconds.append(time.perf_counter() - started)
        return seconds

    def _message(self, _message: bytes) -> None:
        if self._echo is not None and not self._echo.done():
            self._echo.set_result(None)

    async def stop(self) -> None:
        """End the connection."""
        if self._connection is not None:
            await self._connection.close()
