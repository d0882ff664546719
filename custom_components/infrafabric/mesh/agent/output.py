"""What a command prints: tables for people, JSON for programs, sentences for errors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
import json
import os
import queue
import re
import sys
import threading
from typing import Any, Final
import unicodedata

from ..errors import MeshError
from ..model import Band

MAX_WAITING: Final = 1000
"""Lines that wait for a slow reader before the printer gives up."""
_STDOUT: Final = 1
_UNSAFE: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_json(value: Any) -> str:
    """Return JSON on one line that a terminal shows as it is.

    A message's content is untrusted: what a terminal would obey, or what reorders text, is escaped.
    """
    text = json.dumps(value, ensure_ascii=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_json(value: Any) -> None:
    """Print one JSON object on one line, at once."""
    print(to_json(value), flush=True)


def note(text: str) -> None:
    """Tell a person something, beside the output."""
    print(text, file=sys.stderr, flush=True)


def print_error(error: MeshError, *, as_json: bool) -> None:
    """Print what went wrong, on standard error."""
    if as_json:
        data = {"code": error.code, "message": str(error), "details": error.details}
        note(to_json({"error": data}))
    else:
        note(f"Error: {error}")


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table with aligned columns."""
    lines = [header, *rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.1f} {unit}"


def _ago(text: str | None, now: datetime) -> str:
    """Return a time as its distance from now."""
    if text is None:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(text)).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _until(text: str, now: datetime) -> str:
    """Return a time in the future as its distance."""
    minutes = int((datetime.fromisoformat(text) - now).total_seconds()) // 60
    if minutes < 0:
        return "over"
    if minutes >= 2 * 1440:
        return f"in {minutes // 1440} d"
    return f"in {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"in {minutes} min"  # noqa: PLR2004


def peers_table(peers: Sequence[Mapping[str, Any]], now: datetime | None = None) -> str:
    """Return peers as a table."""
    now = now or datetime.now(UTC)
    if not peers:
        return "No other member yet. Invite one with: infrafabric agent invite"
    return table(
        ("NAME", "PEER ID", "ROLE", "LINK", "RTT", "LOSS", "QUALITY", "SEEN"),
        [
            (
                peer["name"],
                peer["peer_id"],
                peer["role"],
                peer["path"] if peer["connected"] else _offline(peer),
                _number(peer["rtt_ms"], "ms"),
                _number(peer["loss_percent"], "%"),
                "–" if peer["band"] == Band.UNKNOWN else peer["band"],
                "now" if peer["connected"] else _ago(peer["last_seen"], now),
            )
            for peer in peers
        ],
    )


def _offline(peer: Mapping[str, Any]) -> str:
    return f"down ({peer['failure'].replace('_', ' ')})" if peer["failure"] else "down"


def invitations_table(invitations: Sequence[Mapping[str, Any]], now: datetime | None = None) -> str:
    """Return open invitations as a table."""
    now = now or datetime.now(UTC)
    if not invitations:
        return "No open invitation."
    return table(
        ("ID", "ROLE", "EXPIRES"),
        [
            (entry["invitation_id"], entry["role"], _until(entry["expires"], now))
            for entry in invitations
        ],
    )


def status_table(status: Mapping[str, Any], problems: Mapping[str, str]) -> str:
    """Return a node's status as lines."""
    node, mesh, signaling = status["node"], status["mesh"], status["signaling"]
    links, messages = status["links"], status["messages"]
    refused = ", ".join(f"{count} {name}" for name, count in messages["refused"].items())
    role = "none: removed from the mesh" if node["revoked"] else node["role"]
    rows = [
        ("Node", f"{node['name']} ({role})"),
        ("Peer id", f"{node['check_groups']}"),
        ("Mesh", mesh["name"]),
        ("Fingerprint", mesh["fingerprint"]),
        ("Member until", node["not_after"][:10]),
        ("Agent", "running" if status["running"] else "not running"),
        ("Signaling", ", ".join(signaling["connected"]) or "not connected"),
        ("Peers", f"{status['peers']['online']} of {status['peers']['total']} connected"),
        ("Links", f"{links['direct']} direct, {links['relayed']} relayed"),
        ("Messages", f"{messages['in_per_minute']} in, {messages['out_per_minute']} out a minute"),
        ("Refused", refused or "none"),
        ("Problems", "; ".join(problems.get(code, code) for code in status["problems"]) or "none"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


class Printer:
    """Prints lines from a thread, so that a slow reader never holds up the node.

    Args:
        stuck: Called once, from any thread, when the reader is gone (``True``) or too slow.

    """

    def __init__(self, stuck: Callable[[bool], None], descriptor: int = _STDOUT) -> None:
        """Begin to print to a file descriptor."""
        self._stuck = stuck
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._over = False
        # A daemon that writes unbuffered: one stuck in a full pipe must not hold up the end.
        self._thread = threading.Thread(target=self._work, name="printer", daemon=True)
        self._thread.start()

    def put(self, value: Any) -> None:
        """Print a JSON object on a line, soon; nothing more once the reader is stuck."""
        if self._over:
            return
        try:
            self._lines.put_nowait(to_json(value).encode() + b"\n")
        except queue.Full:
            self._end(gone=False)

    def close(self, seconds: float = 1.0) -> None:
        """Give what waits a moment to be read."""
        if not self._over:
            try:
                self._lines.put(None, timeout=seconds)
            except queue.Full:
                return
            self._thread.join(seconds)

    def _end(self, *, gone: bool) -> None:
        if not self._over:
            self._over = True
            self._stuck(gone)

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            view = memoryview(line)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                self._end(gone=True)
                return
