"""vMix's HTTP API, for networks that let nothing else through: without events."""

import asyncio
from typing import Final

import aiohttp
from yarl import URL

from ..errors import AuthenticationError, StudioError, UnreachableError
from .functions import Call
from .link import REQUEST_TIMEOUT, refused, timed_out, unreachable
from .wire import MAX_BODY, broken, wrong_port

HTTP_PORT: Final = 8088
"""Of vMix's web controller."""
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_MAX_WORDS: Final = 4096
"""Bytes read of an answer that is no XML."""


class HttpLink:
    """vMix's HTTP API ("HTTP WEB API" in its help).

    Args:
        session: Carries the requests.
        host: Where vMix runs.
        port: Of the web controller.
        username: For Basic authentication, if the web controller wants it.
        password: Likewise.

    Raises:
        UnreachableError: The host can be no name.

    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        host: str,
        port: int,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """Begin; nothing is asked yet."""
        self._session = session
        self._host = host
        self._port = port
        try:
            self._url = URL.build(scheme="http", host=host, port=port, path="/api")
        except ValueError:
            raise unreachable(UnicodeError(), host) from None
        self._headers: dict[str, str] = {}
        if password:
            credentials = aiohttp.encode_basic_auth(username or "", password)
            self._headers["Authorization"] = credentials
        self._turn = asyncio.Lock()

    async def version(self) -> str:
        """Return "": the version is in the XML."""
        return ""

    async def xml(self) -> bytes:
        """Return the state."""
        status, body = await self._get("", REQUEST_TIMEOUT, MAX_BODY)
        start = body.lstrip(b"\xef\xbb\xbf \r\n\t")
        if status != _OK or not start.startswith((b"<vmix", b"<?xml")):
            raise wrong_port("Another web server", str(HTTP_PORT))
        return body

    async def call(self, call: Call, timeout: float = REQUEST_TIMEOUT) -> str:
        """Call a function."""
        query = "&".join(filter(None, (f"Function={call.name}", call.query())))
        status, body = await self._get(query, timeout, _MAX_WORDS)
        words = body.decode(errors="replace").strip()
        if status != _OK:
            raise refused(call, words or f"HTTP status {status}")
        return call.hide(words)

    async def run(self) -> None:
        """Do nothing: each reading of the XML shows whether vMix is there."""
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Do nothing: the session belongs to somebody else."""

    async def _get(self, query: str, timeout: float, limit: int) -> tuple[int, bytes]:
        """Return the status and the body.

        An error names no address: the query may hold a stream key.
        """
        url = URL(f"{self._url}?{query}" if query else str(self._url), encoded=True)
        try:
            async with (
                self._turn,
                asyncio.timeout(timeout),
                self._session.get(
                    url,
                    headers=self._headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(),
                ) as response,
            ):
                if response.status == _UNAUTHORIZED:
                    raise self._unauthorized()
                body = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > limit:
                        raise broken("it sent more bytes than any preset needs")
                return response.status, bytes(body)
        except TimeoutError:
            raise timed_out(self._host) from None
        except UnicodeError as err:
            raise unreachable(err, self._host) from None
        except aiohttp.ClientConnectorError as err:
            raise unreachable(err.os_error, self._host) from None
        except aiohttp.ClientError as err:
            raise await self._other(type(err).__name__) from None

    def _unauthorized(self) -> AuthenticationError:
        if not self._headers:
            return AuthenticationError(
                "studio_auth_missing", "vMix's web controller wants a password. Enter it."
            )
        return AuthenticationError(
            "studio_auth_failed", "vMix's web controller does not take this user name or password."
        )

    async def _other(self, reason: str) -> StudioError:
        """Return the error for an answer that was no HTTP: perhaps it is the TCP API's port."""
        writer = None
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                if (await reader.read(10)).startswith(b"VERSION"):
                    return wrong_port("vMix's TCP API", str(HTTP_PORT))
        except OSError:  # a TimeoutError is one too
            pass
        finally:
            if writer is not None:
                writer.close()
        return UnreachableError("studio_closed", f"The request broke: {reason}.", reason=reason)
