"""Which OBS is it: at a first look, and each time that a client comes back to it."""

import asyncio
import ssl as ssl_module
from typing import Final
import uuid

import aiohttp

from ..api import Identity
from ..errors import DeadlineError, ProtocolError, RefusedError
from . import protocol, reading
from .connection import Connection
from .protocol import Answer, Event, Status

SLOT: Final = "infrafabric_id"
"""Where in OBS's persistent data the id is kept; it survives a crash of OBS."""
_REALM: Final = "OBS_WEBSOCKET_DATA_REALM_GLOBAL"
LOADING_TIMEOUT: Final = 15.0
"""Seconds that OBS may be loading."""
_LOADING_RETRY: Final = 0.3


async def probe_obs(
    session: aiohttp.ClientSession,
    host: str,
    port: int = 4455,
    password: str | None = None,
    *,
    tls: bool = False,
    ssl: ssl_module.SSLContext | bool = True,
    claim: bool = True,
    renew: bool = False,
) -> Identity:
    """Connect, log in, and return which OBS this is.

    Args:
        session: Who makes the WebSocket; stays open.
        host: Name or address.
        port: 1 to 65535.
        password: None if OBS asks for none.
        tls: Whether a proxy in front of OBS speaks TLS.
        ssl: How its certificate is checked; False not at all.
        claim: Whether an OBS without an id gets one.
        renew: Whether it gets another one than it has, because it came with copied settings.

    Raises:
        StudioError: With a code of its own for each reason.

    """
    link = await Connection.open(
        session, host, port, password, wanted=protocol.Intent(0), tls=tls, ssl=ssl
    )
    reader = asyncio.create_task(link.run(_ignore))
    try:
        return await _identity(link, claim=claim, renew=renew)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await link.close()


async def recognise(link: Connection, identity: str) -> None:
    """Make sure that the OBS at the other end is the one that has this id.

    An OBS without an id gets it: its settings were reset, or it was installed anew.

    Raises:
        ProtocolError: ``studio_another``: another one answers at this address.

    """
    slot = {"realm": _REALM, "slotName": SLOT}
    stored = await link.request("GetPersistentData", slot)
    _must(stored, "GetPersistentData")
    found = _uuid(stored)
    if found is None:
        _must(
            await link.request("SetPersistentData", {**slot, "slotValue": identity}),
            "SetPersistentData",
        )
    elif found != identity:
        raise ProtocolError(
            "studio_another",
            "Another OBS answers at this address. Enter the address that the right one has now.",
        )


async def _identity(link: Connection, *, claim: bool, renew: bool) -> Identity:
    slot = {"realm": _REALM, "slotName": SLOT}
    try:
        async with asyncio.timeout(LOADING_TIMEOUT):
            while True:
                version, stored = await link.batch(
                    [("GetVersion", {}), ("GetPersistentData", slot)]
                )
                if Status.NOT_READY not in {version.code, stored.code}:
                    break
                await asyncio.sleep(_LOADING_RETRY)
    except TimeoutError:
        raise DeadlineError(
            "studio_timeout", "OBS is still loading. Wait until its window shows, then try again."
        ) from None
    _must(version, "GetVersion")
    _must(stored, "GetPersistentData")
    identity = _uuid(stored)
    if renew or (identity is None and claim):
        new = str(uuid.uuid4())
        _must(
            await link.request("SetPersistentData", {**slot, "slotValue": new}),
            "SetPersistentData",
        )
        # Somebody else may do the same now: what is there in the end counts for both.
        again = await link.request("GetPersistentData", slot)
        _must(again, "GetPersistentData")
        identity = _uuid(again)
    found, _requests = reading.version(version.data)
    return Identity(id=identity, name="OBS Studio", software=found.software)


def _uuid(answer: Answer) -> str | None:
    value = reading.text(answer.data, "slotValue", 64)
    try:
        return str(uuid.UUID(value)) if value is not None else None
    except ValueError:
        return None


def _must(answer: Answer, name: str) -> None:
    if not answer.ok:
        raise RefusedError(
            "request_refused",
            f"OBS refused {name}: {answer.reason.rstrip('.')}.",
            request=name,
            reason=answer.reason,
        )


def _ignore(event: Event) -> None:
    pass
