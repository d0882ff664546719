"""What a rule tells people, before it is put into their language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Any, Final

from .rules import What

FILE_NAME: Final = 120
"""Characters of a file's name that one text shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that the people of a rule should know.

    Attributes:
        what: The occasion.
        text: Key of the text.
        device_id: Of the studio, the peer or the node.
        name: Of the same, for what its buttons say.
        values: What the text asks for.
        details: What its buttons need to know besides.
        mark: Of what is another thing each time; without one, it replaces what was told before.

    """

    what: What
    text: str
    device_id: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""


def clock(seconds: float) -> str:
    """Return a duration as people read it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def file_name(path: str | None) -> str:
    """Return the name of a file on a computer of any kind; a question mark if it is not known."""
    name = re.split(r"[\\/]", path)[-1] if path else ""
    return name[:FILE_NAME] or "?"
