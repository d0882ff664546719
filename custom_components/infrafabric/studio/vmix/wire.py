"""vMix's TCP API as bytes: lines with a status, and bodies announced by their length.

Sans-IO: bytes go in, answers come out. The form is that of vMix's own help ("TCP API"): each
answer is ``<command> <status or length> [text]`` and CR LF; a length announces that many bytes
behind the line, the CR LF at their end counted. Subscribed events are answers that nobody asked
for, and come between the others.
"""

from dataclasses import dataclass, field
from enum import StrEnum
import re
from typing import Final

from ..errors import ProtocolError

MAX_LINE: Final = 8 * 1024
"""Bytes of one line. The longest that vMix documents is a tally of 1000 inputs: 1011 bytes."""
MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of one body. A large preset's XML passes 128 KB; none is known to reach 1 MB."""
_MAX_REQUEST: Final = 128 * 1024
"""Bytes of one request: a text of 10,000 characters, each URL-encoded as nine."""

_END: Final = b"\r\n"
_LINE: Final = re.compile(r"([A-Za-z]{1,32}) (OK|ER|[0-9]{1,9})(?: (.*))?", re.DOTALL)


class Status(StrEnum):
    """How vMix answers."""

    OK = "OK"
    ER = "ER"
    DATA = "DATA"
    """The line announced a length, and the body follows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer or event; texts stay out of the repr, because an error may repeat a value.

    Attributes:
        command: In capitals: what was asked, or "ACTS" and "TALLY" for events.
        status: How it went.
        text: What stands behind the status in the line.
        body: The announced bytes without the CR LF at their end.

    """

    command: str
    status: Status
    text: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)


def wrong_port(found: str, hint: str) -> ProtocolError:
    """Return the error for another server on this port.

    Args:
        found: What answered.
        hint: The port to try.

    """
    return ProtocolError(
        "studio_wrong_port",
        f"{found} answers on this port. Try port {hint}.",
        found=found,
        hint=hint,
    )


def broken(reason: str) -> ProtocolError:
    """Return the error for bytes that are no answer of vMix."""
    return ProtocolError("studio_protocol", f"What answers is no vMix: {reason}.", reason=reason)


def request(command: str) -> bytes:
    """Return a request as it goes over the wire.

    Raises:
        ValueError: It would be more than one line, or too long.

    """
    if any(character in command for character in "\r\n\0"):
        raise ValueError("a request is one line")
    data = command.encode() + _END
    if len(data) > _MAX_REQUEST:
        raise ValueError("the request is too long")
    return data


class Parser:
    """Takes what arrives on one connection, in whatever pieces."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._buffer = bytearray()
        self._searched = 0
        self._head: Answer | None = None
        self._length = 0

    def feed(self, data: bytes) -> list[Answer]:
        """Return the answers that *data* completes.

        Raises:
            ProtocolError: This is no vMix, or it broke its own protocol. The parser is of no
                further use: nobody knows where the next answer begins.

        """
        self._buffer += data
        answers: list[Answer] = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        return answers

    def _next(self) -> Answer | None:
        while self._head is None:
            line = self._line()
            if line is None:
                return None
            if line:  # an empty line follows a body whose length left out its CR LF
                answer = self._read(line)
                if answer.status is not Status.DATA:
                    return answer
                self._head = answer
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length]).removesuffix(_END)
        del self._buffer[: self._length]
        self._searched = 0
        head, self._head = self._head, None
        return Answer(head.command, head.status, head.text, body)

    def _line(self) -> bytes | None:
        end = self._buffer.find(_END, self._searched)
        if end > MAX_LINE or (end < 0 and len(self._buffer) > MAX_LINE + 1):
            raise broken("a line has no end")
        if end < 0:
            # The CR may be here already, and its LF not yet.
            self._searched = max(len(self._buffer) - 1, 0)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._searched = 0
        return line

    def _read(self, line: bytes) -> Answer:
        if line.startswith((b"HTTP/", b"<")):
            raise wrong_port("A web server", "8099")
        match = _LINE.fullmatch(line.decode(errors="replace"))
        if match is None:
            raise broken("a line is no answer")
        command, status, text = match[1].upper(), match[2], match[3] or ""
        if status in {Status.OK, Status.ER}:
            return Answer(command, Status(status), text)
        self._length = int(status)
        if self._length > MAX_BODY:
            raise broken("it announced more bytes than any preset needs")
        return Answer(command, Status.DATA, text)
