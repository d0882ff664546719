"""One attempt to deliver one webhook message, and what its outcome means."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import ssl
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
)
from aiohttp.abc import AbstractResolver

from .checked_connector import AddressRefusedError, checked_connector

TIMEOUT: Final = 15.0
"""Seconds for one attempt, everything included; what the specification suggests at least."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        reason: None if it was delivered, else a short code, such as ``timeout`` or ``http_500``.
        gone: Whether the receiver wants no message any more (410).
        retry_after: Seconds that it asks to be left alone, if it does.

    """

    reason: str | None = None
    gone: bool = False
    retry_after: float | None = None


def make_session(
    resolver: AbstractResolver, tls: ssl.SSLContext, *, private: bool
) -> ClientSession:
    """Return a session that keeps nothing but connections; close it after use."""
    return ClientSession(
        connector=checked_connector(resolver, tls, private=private),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=TIMEOUT),
        # Not the proxy of some environment variable: it would connect wherever it likes.
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": "InfraFabric webhooks", "Content-Type": "application/json"},
    )


async def post(
    session: ClientSession, url: str, headers: dict[str, str], body: bytes, now: float
) -> Outcome:
    """Post a message and return what became of it; raises nothing that a receiver can cause."""
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            # Nobody reads what else it says; what has not come yet ends with the connection.
            return _outcome(response.status, response.headers.get("Retry-After"), now)
    except TimeoutError:
        return Outcome("timeout")
    except (ClientError, OSError, ValueError) as err:
        # Never the error's text: the URL, which may hold a secret, is in many of them.
        return Outcome(_reason(err))


def _outcome(status: int, retry_after: str | None, now: float) -> Outcome:
    if HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome()
    reason = f"http_{status}"
    if status == HTTPStatus.GONE:
        return Outcome(reason, gone=True)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return Outcome(reason, retry_after=_seconds(retry_after, now))
    return Outcome(reason)


def _seconds(text: str | None, now: float) -> float | None:
    """Return what a header ``Retry-After`` asks for (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        # More digits would be no number of seconds.
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())
    except ValueError, OverflowError:
        return None


def _reason(err: Exception) -> str:
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, AddressRefusedError):
            return "address_refused"
        cause = getattr(cause, "os_error", None) or cause.__cause__
    if isinstance(err, ClientConnectorCertificateError | ClientSSLError):
        return "tls"
    if isinstance(err, ClientConnectorDNSError):
        return "unknown_host"
    return "connection"
