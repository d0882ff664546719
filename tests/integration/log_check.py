"""What must not be in a log."""

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


def findings(log: str) -> list[str]:
    """Return the lines of a log that say something is wrong, each with the two after it."""
    lines = log.splitlines()
    return [
        "\n".join(lines[number : number + 3])
        for number, line in enumerate(lines)
        if any(mark in line for mark in MARKS)
    ]
