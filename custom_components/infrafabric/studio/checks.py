"""Checks of what people type for a destination; every error names the field, never its value."""

from collections.abc import Iterable
import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from .errors import InvalidError

_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
AS_TYPED: Final = frozenset({"password", "passphrase"})
"""Fields in which a blank at either end may be meant."""


def check_server(address: str | None, schemes: tuple[str, ...]) -> None:
    """Check the address of a server: scheme, host and port, and no user name in it."""
    name = "server"
    if address is None:
        raise missing(name)
    starts = [f"{scheme}://" for scheme in schemes]
    # OBS compares it letter by letter.
    if not address.startswith(tuple(starts)):
        raise invalid(
            "destination_scheme",
            name,
            f"must begin with {' or '.join(starts)}",
            choices=", ".join(starts),
        )
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise invalid("destination_address", name, "is no address") from None
    if "@" in parts.netloc:
        raise invalid(
            "destination_credentials",
            name,
            "carries a user name or password: they have their own fields, take them out of it",
        )
    if re.search(r"[\s\\#]", address) or port == 0:
        raise invalid("destination_address", name, "is no address")
    check_host(name, host)


def check_host(name: str, host: str) -> None:
    """Check a host name (RFC 1035) or an IP address without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if len(host) > 253 or not _HOST_NAME.fullmatch(host):  # noqa: PLR2004  # RFC 1035
            raise invalid(
                "destination_address", name, "needs a host name or an IP address"
            ) from None


def check_text(name: str, value: str, maximum: int) -> None:
    """Check a length in characters, and that no character could end a line or a command."""
    if not 1 <= len(value) <= maximum:
        raise length(name, 1, maximum)
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", value):
        raise invalid("destination_text", name, "must not contain control characters")
    if value != value.strip() and name not in AS_TYPED:
        raise invalid("destination_text", name, "must not begin or end with a blank")


def check_size(name: str, value: str, minimum: int, maximum: int) -> None:
    """Check a length in bytes of UTF-8, as SRT counts it."""
    if not minimum <= len(value.encode()) <= maximum:
        raise length(name, minimum, maximum)


def check_range(name: str, value: int, minimum: int, maximum: int) -> None:
    """Check a number; both ends are allowed."""
    if not minimum <= value <= maximum:
        raise invalid(
            "destination_range",
            name,
            f"must be between {minimum} and {maximum}",
            minimum=str(minimum),
            maximum=str(maximum),
        )


def missing(name: str) -> InvalidError:
    """Return the error of a field that is needed and empty."""
    return invalid("destination_missing", name, "is needed")


def length(name: str, minimum: int, maximum: int) -> InvalidError:
    """Return the error of a text that is too short or too long."""
    return invalid(
        "destination_length",
        name,
        f"must have {minimum} to {maximum} characters",
        minimum=str(minimum),
        maximum=str(maximum),
    )


def choice(name: str, choices: Iterable[str]) -> InvalidError:
    """Return the error of a value that is not one of a few."""
    listed = ", ".join(choices)
    return invalid("destination_choice", name, f"must be one of {listed}", choices=listed)


def invalid(code: str, name: str, what: str, **details: str) -> InvalidError:
    """Return an error that names the field and never its value."""
    return InvalidError(code, f"Stream destination: {name} {what}.", field=name, **details)
