"""Packets of an open connection straight between SCTP and the socket, without tasks and queues.

aiortc hands every packet through a queue, two tasks and some ten coroutines. Once a connection is
up none of these ever waits: with aioice 0.13 sending means giving a datagram to the operating
system (or to the TURN client, which queues by itself). So from then on they are run to their end
where they are called; a packet costs half as much and no turn of the event loop.
"""
# Everything here is about private parts of one pinned version.

from collections.abc import Callable, Coroutine
import logging
from typing import TYPE_CHECKING, Any, Final

from aiortc.rtcdtlstransport import State
from OpenSSL import SSL

if TYPE_CHECKING:
    from aiortc import RTCDtlsTransport

_LOGGER: Final = logging.getLogger(__name__)

_LARGEST: Final = 1500
"""Bytes of a datagram, as aiortc has it."""


def is_dtls(datagram: bytes) -> bool:
    """Tell DTLS from STUN by the first byte (RFC 7983)."""
    return 19 < datagram[0] < 64  # noqa: PLR2004 - the numbers of the RFC


def run_through(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits.

    Raises:
        RuntimeError: It waits for something after all.

    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("a packet waits for something")


class Shortcut:
    """The datagrams of one DTLS connection; ``open`` it once the handshake is over."""

    def __init__(self, dtls: RTCDtlsTransport) -> None:
        """Leave everything to aiortc until ``open``."""
        self.bytes_sent = 0
        self.bytes_received = 0
        self._dtls = dtls
        self._ice = dtls.transport._connection

    def open(self, receive: Callable[[bytes], None]) -> None:
        """From now on give *receive* every packet, decrypted, in the callback of the socket."""
        ice = self._ice
        queue: Callable[[bytes, int], None] = ice.data_received

        def data_received(data: bytes, component: int) -> None:
            # What came before is still with aiortc's task.
            if is_dtls(data) and ice._queue.empty():
                self._receive(data, receive)
            else:
                queue(data, component)

        setattr(ice, "data_received", data_received)  # noqa: B010 - mypy knows it as a method
        for protocol in ice._protocols:
            _tell_apart_early(protocol)

    def send(self, packet: bytes) -> None:
        """Encrypt and send an SCTP packet.

        Raises:
            ConnectionError: The connection is not up.

        """
        if self._dtls._state is not State.CONNECTED or (ssl := self._dtls._ssl) is None:
            raise ConnectionError("Cannot send encrypted data, not connected")
        try:
            ssl.send(packet)
        except SSL.Error as err:
            # The other end has said goodbye, and aiortc's task has not read that yet.
            raise ConnectionError("Cannot send encrypted data, it was shut down") from err
        self._flush(ssl)

    def _flush(self, ssl: SSL.Connection) -> None:
        try:
            datagram = ssl.bio_read(_LARGEST)
        except SSL.Error:
            return
        pair = self._ice._nominated.get(1)
        if pair is None:
            raise ConnectionError("Cannot send data, not connected")
        pair.protocol.transport.sendto(datagram, pair.remote_addr)
        self.bytes_sent += len(datagram)

    def _receive(self, datagram: bytes, receive: Callable[[bytes], None]) -> None:
        ssl = self._dtls._ssl
        if ssl is None:
            return
        self.bytes_received += len(datagram)
        try:
            ssl.bio_write(datagram)
            try:
                packet = ssl.recv(_LARGEST)
            except SSL.ZeroReturnError:
                # aiortc's task ends the connection.
                self._ice._queue.put_nowait(None)
                return
            except SSL.Error:
                # No data: then DTLS may have to answer for itself.
                self._flush(ssl)
                return
            receive(packet)
        except ConnectionError:
            _LOGGER.debug("A packet found the connection gone")


def _tell_apart_early(protocol: Any) -> None:
    """Spare DTLS the attempt to read it as STUN, which costs as much as decrypting it."""
    as_stun = protocol.datagram_received

    def datagram_received(data: bytes, addr: tuple[Any, ...]) -> None:
        if data and is_dtls(data):
            protocol.receiver.data_received(data, protocol.local_candidate.component)
        else:
            as_stun(data, addr)

    protocol.datagram_received = datagram_received
