"""Errors of the studio library, each with a stable code that floors above translate for people.

The class says what kind of failure it is; ``code`` says exactly which one; ``details`` carries
the values a translated text needs.
"""


class StudioError(Exception):
    """Base class of everything this library raises on purpose.

    Args:
        code: Stable snake_case key such as ``studio_refused``.
        text: One English sentence: what failed, why, and what to do.
        details: Values for a translated text. Never a secret.

    """

    def __init__(self, code: str, text: str, **details: str) -> None:
        """Keep the code and the details beside the text."""
        super().__init__(text)
        self.code = code
        self.details = details


class InvalidError(StudioError):
    """What the caller gave cannot work; nothing was sent to the studio."""


class UnsupportedError(StudioError):
    """This studio, or this version of it, has no such thing."""


class RefusedError(StudioError):
    """The studio understood and said no; its own reason is in ``details["reason"]``."""


class UnreachableError(StudioError):
    """There is no connection to the studio, or it broke."""


class AuthenticationError(StudioError):
    """The studio wants a password, or another one."""


class ProtocolError(StudioError):
    """What answered is no such studio, speaks another version, or broke its own protocol."""


class DeadlineError(StudioError):
    """The studio did not answer, or did not confirm, in time."""
