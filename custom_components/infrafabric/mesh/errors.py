"""Errors of the mesh library, each with a stable code that floors above translate for people.

The class says what kind of failure it is (and gives the agent's exit code); ``code`` says
exactly which one; ``details`` carries the values a translated text needs.
"""

from typing import ClassVar


class MeshError(Exception):
    """Base class of everything this library raises on purpose.

    Args:
        code: Stable snake_case key such as ``invitation_expired``.
        text: One English sentence: what failed, why, and what to do.
        details: Values for a translated text. Never a secret.

    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, text: str, **details: str) -> None:
        """Keep the code and the details beside the text."""
        super().__init__(text)
        self.code = code
        self.details = details


class InvalidError(MeshError):
    """What the caller gave is malformed; nothing was done."""

    exit_code = 2


class RefusedError(MeshError):
    """Another party understood and said no."""

    exit_code = 3


class UnreachableError(MeshError):
    """The peer or the signaling server could not be reached."""

    exit_code = 4


class DeadlineError(MeshError):
    """The answer did not come in time."""

    exit_code = 5
