"""Keys and passwords given to a vMix client appear nowhere but on the wire to vMix."""

import asyncio
import base64
import logging
import traceback
from urllib.parse import quote, quote_plus

import aiohttp
import pytest

from infrafabric.studio import base
from infrafabric.studio.destination import Destination, Service
from infrafabric.studio.errors import StudioError
from infrafabric.studio.vmix import VmixClient, probe_vmix
from infrafabric.studio.vmix.functions import destination
from tests.vmix_simulator import VmixSimulator

from .waiting import until

KEY = "live_123&s3cr3t+k3y/x="
PASSWORD = "pa ss&w0rd"
WEB = "w3b:p%ss"
CANARY = "canary/&+7f3a"


def forms(secret: str) -> set[str]:
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"op:{secret}".encode()).decode(),
        repr(secret)[1:-1],
    }


def shown(text: str, *secrets: str) -> list[str]:
    """Return the forms of secrets that a text shows."""
    return [form for secret in secrets for form in forms(secret) if form in text]


DESTINATION = Destination.from_mapping(
    {
        "name": "Club",
        "service": Service.RTMP,
        "server": "rtmp://stream.example:1935/live",
        "key": KEY,
        "username": "operator",
        "password": PASSWORD,
    }
)


async def everything_that_can_be_seen(client: VmixClient, simulator: VmixSimulator) -> str:
    """Set a destination in good times and bad, and return all that came of it."""
    seen = [repr(client), str(client), await client.set_destination(DESTINATION)]
    told = [*simulator.world.destinations[0].values()]
    assert KEY in told
    assert PASSWORD in told
    errors: list[StudioError] = []
    for function, value in (("Key", KEY), ("Password", PASSWORD)):
        simulator.faults.refuse = {
            f"StreamingSet{function}": f"Bad {value} {quote(value, safe='')} {quote_plus(value)}"
        }
        with pytest.raises(StudioError) as refused:
            await client.set_destination(DESTINATION)
        errors.append(refused.value)
    simulator.faults.refuse.clear()
    with pytest.raises(StudioError) as secret:
        await client.raw("StreamingSetKey", {"Value": f"0,{KEY}"})
    errors.append(secret.value)
    simulator.faults.garbage = f"What is {KEY} {PASSWORD}?\r\n".encode()
    with pytest.raises(StudioError) as broken:
        await client.set_destination(DESTINATION)
    errors.append(broken.value)
    for error in errors:
        seen += [repr(error), str(error), repr(error.details), *traceback.format_exception(error)]
    return "\n".join([*seen, repr(client.state), repr(client._state)])


@pytest.fixture(autouse=True)
async def everything_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0


async def test_nothing_shows_what_went_over_tcp(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "FIRST_RETRY", 0.02)
    async with VmixSimulator() as simulator:
        client = VmixClient("127.0.0.1", simulator.port)
        events: list[object] = []
        client.subscribe(events.append)
        await client.start()
        await until(lambda: client.connected)
        seen = await everything_that_can_be_seen(client, simulator)
        await until(lambda: client.connected)
        await client.stop()

    logging.getLogger(__name__).debug("planted: %s", quote(CANARY))
    seen += caplog.text + repr(events)
    assert shown(seen, CANARY), "the search finds nothing at all"
    assert shown(seen, KEY, PASSWORD) == []


async def send(client: VmixClient) -> None:
    for call in destination(1, "rtmp://h/l", KEY, "operator", PASSWORD):
        await client._call(call)


async def test_nothing_shows_what_went_over_http(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        VmixSimulator(username="op", password=WEB) as simulator,
        aiohttp.ClientSession() as session,
    ):
        there = {"session": session, "use_http": True, "http_username": "op"}
        client = VmixClient("127.0.0.1", http_port=simulator.http_port, http_password=WEB, **there)
        events: list[object] = []
        client.subscribe(events.append)
        await client.start()
        await until(lambda: client.connected)
        seen = [repr(client), await client.set_destination(DESTINATION)]
        assert KEY in simulator.world.destinations[0].values()
        # A refusal, a body that ends early, and a server that is gone: each has the key in its URL.
        errors: list[StudioError] = []
        for fault in ({"refuse": {"StreamingSetKey": f"Bad {KEY}"}}, {"length": 9}):
            for name, value in fault.items():
                setattr(simulator.faults, name, value)
            with pytest.raises(StudioError) as error:
                await send(client)
            errors.append(error.value)
            simulator.faults = type(simulator.faults)()
        await simulator.stop()
        with pytest.raises(StudioError) as gone:
            await probe_vmix("127.0.0.1", http_port=simulator.http_port, http_password=WEB, **there)
        errors.append(gone.value)
        await client.stop()

    for found in errors:
        seen += [repr(found), str(found), repr(found.details), *traceback.format_exception(found)]
    text = "\n".join([*seen, repr(events), caplog.text])
    assert shown(text, KEY, PASSWORD, WEB) == []
