"""What must not be in a log."""

import re
from typing import Final

MARKS: Final = (
    "Detected blocking call",
    "Traceback (most recent call last)",
    " ERROR (",
    " CRITICAL (",
    "ResourceWarning",
    "Task was destroyed",
    "never retrieved",
    "was never awaited",
    "Unclosed ",
    "Exception ignored",
    "shutdown stage",  # a task that Home Assistant had to wait for, or to cancel, at its end
)
"""Blocking calls, exceptions, and resources and tasks that nobody closed."""


RECORD: Final = re.compile(r"(?m)^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} )")
"""Where a record of the log begins; what follows without a time belongs to it."""


def findings(log: str) -> list[str]:
    """Return the records of a log that say something is wrong."""
    return [record for record in RECORD.split(log) if any(mark in record for mark in MARKS)]
