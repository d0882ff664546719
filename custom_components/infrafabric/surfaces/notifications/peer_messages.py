"""Messages that people of another site wrote to the people here, and how many of them are shown.

No clock and no Home Assistant but its context; seconds are passed in. Whoever may send messages
into a mesh chooses every character of these, so nothing of them is taken as it comes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
import unicodedata

from homeassistant.core import Context

from ...mesh.messages.message import IFMessage
from ...mesh.rate import TokenBucket

TOPIC: Final = "if://topic/notification"
"""Marks an ``inform`` as one for people, not for automations: only these are ever shown."""

MAX_MESSAGE_TITLE: Final = 100
"""Characters of a title that people are shown."""
MAX_MESSAGE_TEXT: Final = 500
"""Characters of a text that people are shown.

With title, name and buttons it fits into the 4 KiB of a push, even if each takes four bytes.
"""
LOOKED_AT: Final = 4
"""Times as many characters are looked at, in case some are left out."""
SHOWN_GROUPS: Final = len("AAAA-BBBB-CCCC")
"""Characters of the check groups that tell peers of one name apart: 60 bits of a hash."""
MESSAGE_BURST: Final = 10
"""Messages of one peer that a rule shows at once."""
MESSAGE_INTERVAL: Final = 360.0
"""Seconds for one more: 240 a day, less than half of the 500 pushes that a phone is granted."""

_FORBIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co"))
_JOINERS: Final = "\u200c\u200d"
"""Format characters that scripts and pictures need; the others only hide or turn text."""


class PeerMessageContext(Context):
    """Of an action that passes on what a peer wrote.

    It goes along through groups of notify entities, so that a message never goes from peer to peer
    and round and round.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What people are shown of a message.

    Attributes:
        text: The title, if any, and the text below it.
        cut: Whether there was more of either.

    """

    text: str
    cut: bool


def said_to_people(message: IFMessage) -> Said | None:
    """Return what a message says to people; None if it is not for them, or says nothing."""
    if message.performative != "inform" or message.topic != TOPIC:
        return None
    text, title = message.content.get("message"), message.content.get("title", "")
    if not isinstance(text, str) or not isinstance(title, str):
        return None
    shown_title, title_cut = _shown(title, MAX_MESSAGE_TITLE)
    shown_text, text_cut = _shown(text, MAX_MESSAGE_TEXT)
    both = "\n".join(part for part in (shown_title.replace("\n", " "), shown_text) if part)
    return Said(both, title_cut or text_cut) if both else None


def told_apart(name: str, check_groups: str, others: Iterable[str]) -> str:
    """Return what to call the peer of a message; peers choose their names, also those of others.

    Args:
        name: Of the peer.
        check_groups: Of its id, which its device shows as serial number.
        others: Names of everybody else in the mesh.

    """
    if _alike(name) in map(_alike, others):
        return f"{name} ({check_groups[:SHOWN_GROUPS]})"
    return name


def _alike(name: str) -> str:
    """Return what is the same for names that look the same but for their case or width."""
    return unicodedata.normalize("NFKC", name).casefold()


def _shown(text: str, length: int) -> tuple[str, bool]:
    """Return at most *length* characters, the last one an ellipsis if there were more."""
    # A message may have a mebibyte; nobody waits until that is looked through.
    beginning = text[: LOOKED_AT * length]
    clean = _clean(beginning)
    if len(clean) <= length and beginning == text:
        return clean, False
    return clean[: length - 1].rstrip() + "…", True


def _clean(text: str) -> str:
    """Return text without what controls or hides, and without empty lines."""
    lines = (
        "".join(
            " " if char.isspace() else char
            for char in line
            if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _FORBIDDEN
        ).strip()
        for line in text.splitlines()
    )
    return "\n".join(line for line in lines if line.strip(_JOINERS))


class Allowance:
    """How many messages of one peer a rule shows, and how many it held back since it last said so.

    While some are held back, the next chance is for saying how many.
    """

    __slots__ = ("_bucket", "held")

    def __init__(self, now: float) -> None:
        """Begin with nothing shown.

        Args:
            now: Seconds of the clock that the later calls use, too.

        """
        self._bucket = TokenBucket(1 / MESSAGE_INTERVAL, MESSAGE_BURST, now)
        self.held = 0

    def take(self, now: float) -> bool:
        """Tell whether to show a message; if not, it is counted."""
        if not self.held and self._bucket.take(now):
            return True
        self.held += 1
        return False

    def wait(self, now: float) -> float:
        """Return the seconds until it may be said how many were held back."""
        return self._bucket.wait(now)

    def settle(self, now: float) -> int:
        """Return how many were held back, now that people are told, and begin anew."""
        self._bucket.take(now)
        held, self.held = self.held, 0
        return held
