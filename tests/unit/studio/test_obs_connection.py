"""The way into OBS and out again: log-in, every close code, wrong doors, silence."""

import asyncio
from collections.abc import AsyncIterator
import logging
import socket as sockets
from unittest.mock import patch

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest
import pytest_asyncio

from infrafabric.studio.errors import (
    AuthenticationError,
    DeadlineError,
    ProtocolError,
    RefusedError,
    StudioError,
    UnreachableError,
)
from infrafabric.studio.obs import closing, connection, probe_obs, protocol
from infrafabric.studio.obs.connection import MAX_MALFORMED, MAX_PENDING, Connection
from tests.unit.studio.obs_world import CHALLENGE, PASSWORD, SALT, FakeObs, hello, serving

ALL_CODES = [4000, *range(4002, 4013)]


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
def fake() -> FakeObs:
    return FakeObs()


@pytest_asyncio.fixture
async def server(fake: FakeObs) -> AsyncIterator[TestServer]:
    async with serving(fake) as made:
        yield made


async def connect(session, server, password: str | None = PASSWORD) -> Connection:
    return await Connection.open(
        session, "127.0.0.1", server.port, password, wanted=protocol.Intent(0)
    )


def test_the_proof_of_the_password_is_the_one_of_the_protocol():
    # The example of the protocol's own document, computed with its pseudo code.
    assert (
        protocol.authentication(
            "supersecretpassword",
            salt="lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=",
            challenge="+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY=",
        )
        == "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="
    )


async def test_the_log_in_proves_the_password_and_never_sends_it(session, server, fake):
    link = await connect(session, server)
    await link.close()
    (identify,) = fake.said
    assert identify["op"] == 1
    assert identify["d"]["authentication"] == protocol.authentication(
        PASSWORD, salt=SALT, challenge=CHALLENGE
    )
    assert PASSWORD not in repr(fake.said)


async def test_a_password_is_kept_to_oneself_when_nobody_asks(session, server, fake):
    fake.hello = hello(auth=False)
    await (await connect(session, server)).close()
    assert "authentication" not in fake.said[0]["d"]


@pytest.mark.parametrize(
    ("password", "code"),
    [("wrong", "studio_auth_failed"), (None, "studio_auth_missing"), ("", "studio_auth_missing")],
)
async def test_a_wrong_password_is_told_apart_from_none(session, server, password, code):
    with pytest.raises(AuthenticationError) as raised:
        await connect(session, server, password)
    assert raised.value.code == code


@pytest.mark.parametrize("code", ALL_CODES)
async def test_every_close_code_during_the_log_in_has_its_error(session, server, fake, code):
    async def refuse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.close(code=code)

    fake.script = refuse
    with pytest.raises(StudioError) as raised:
        await connect(session, server)
    assert str(raised.value) == str(closing.closed(code, "5.4.0"))
    assert type(raised.value) is type(closing.closed(code))


@pytest.mark.parametrize("code", [*ALL_CODES, 1000, 1001, 1006, 1011])
async def test_every_close_code_later_ends_the_reader_with_its_error(session, server, fake, code):
    link = await connect(session, server)
    reader = asyncio.create_task(link.run(lambda event: None))
    waiting = asyncio.create_task(link.request("Sleep"))
    fake.silent.add("Sleep")
    await asyncio.sleep(0)
    await fake.sockets[-1].close(code=code)
    end = await reader
    assert str(end) == str(closing.closed(code, "5.4.0"))
    with pytest.raises(StudioError):
        await waiting
    with pytest.raises(StudioError):
        await link.request("GetVersion")
    await link.close()


def test_every_close_code_has_a_text_of_its_own():
    texts = {str(closing.closed(code)) for code in ALL_CODES}
    assert len(texts) == len(ALL_CODES)
    codes = {code: closing.closed(code).code for code in ALL_CODES}
    assert codes[4009] == "studio_auth_failed"
    assert codes[4010] == "studio_too_old"
    assert codes[4011] == "studio_kicked"
    assert codes[4000] == "studio_closed"
    assert {codes[code] for code in (*range(4002, 4009), 4012)} == {"studio_protocol"}
    # Only a wrong password ends the attempts.
    assert [
        code for code in ALL_CODES if isinstance(closing.closed(code), AuthenticationError)
    ] == [4009]


async def test_an_older_protocol_is_named(session, server, fake):
    fake.hello = hello(rpc=0, version="4.9.1")
    with pytest.raises(ProtocolError) as raised:
        await connect(session, server)
    assert raised.value.code == "studio_too_old"
    assert raised.value.details == {"found": "4.9.1", "needed": "5.0"}


@pytest.mark.parametrize(
    "first",
    [
        "not json",
        "[]",
        "{}",
        '{"op": 0}',
        '{"op": 0, "d": {}}',
        '{"op": 0, "d": {"obsWebSocketVersion": 5, "rpcVersion": 1}}',
        '{"op": 0, "d": {"obsWebSocketVersion": "5.0.0", "rpcVersion": "1"}}',
        '{"op": 0, "d": {"obsWebSocketVersion": "5.0.0", "rpcVersion": 1, "authentication": 1}}',
        '{"op": 0, "d": {"obsWebSocketVersion": "5.0.0", "rpcVersion": 1, "authentication": {}}}',
        '{"op": 2, "d": {"negotiatedRpcVersion": 1}}',
        '{"type": "auth_required", "ha_version": "2026.10.0"}',
        "[" * 100_000,
    ],
)
async def test_a_websocket_of_something_else_is_no_obs(session, server, fake, first):
    fake.hello = first
    with pytest.raises(ProtocolError) as raised:
        await connect(session, server)
    assert raised.value.code == "studio_protocol"


async def test_a_server_without_websocket_is_the_wrong_port(session):
    async def greet(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", greet)
    server = TestServer(app)
    await server.start_server()
    with pytest.raises(ProtocolError) as raised:
        await connect(session, server)
    await server.close()
    assert raised.value.code == "studio_wrong_port"
    assert "4455" in raised.value.details["hint"]


async def test_a_server_that_speaks_no_http_is_the_wrong_port(session):
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"VERSION OK 28.0.0.39\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ProtocolError) as raised:
        await probe_obs(session, "127.0.0.1", port, PASSWORD)
    server.close()
    assert raised.value.code == "studio_wrong_port"


async def test_a_closed_port_is_refused(session):
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError) as raised:
        await probe_obs(session, "127.0.0.1", port, PASSWORD)
    assert raised.value.code == "studio_refused_connection"


async def test_an_unknown_host_is_named(session):
    with pytest.raises(UnreachableError) as raised:
        await probe_obs(session, "no-such-studio.invalid", 4455, PASSWORD)
    assert raised.value.code == "studio_unknown_host"
    assert raised.value.details["host"] == "no-such-studio.invalid"


async def test_tls_to_a_server_without_it_is_told(session, server):
    with pytest.raises(UnreachableError) as raised:
        await probe_obs(session, "127.0.0.1", server.port, PASSWORD, tls=True)
    assert raised.value.code == "studio_tls"


@pytest.mark.parametrize("greets", [True, False])
async def test_a_silent_server_is_left_in_time(session, server, fake, greets):
    async def silence(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.receive()

    fake.script = silence
    fake.hello = hello() if greets else None
    with patch.object(connection, "CONNECT_TIMEOUT", 1.0), pytest.raises(DeadlineError) as raised:
        await connect(session, server)
    assert raised.value.code == "studio_timeout"
    assert "4.x" in str(raised.value)


async def test_one_slow_request_disturbs_no_other(session, server, fake):
    fake.silent.add("GetStats")
    link = await connect(session, server)
    reader = asyncio.create_task(link.run(lambda event: None))
    slow = asyncio.create_task(link.request("GetStats", timeout=0.3))
    quick = await link.request("GetVersion")
    assert quick.data["obsVersion"] == "30.1.0"
    with pytest.raises(DeadlineError) as raised:
        await slow
    assert raised.value.details == {"request": "GetStats"}
    assert (await link.request("GetVersion")).ok
    assert not reader.done()
    await link.close()
    await reader


async def test_requests_do_not_pile_up(session, server, fake):
    fake.silent.add("GetStats")
    link = await connect(session, server)
    reader = asyncio.create_task(link.run(lambda event: None))
    waiting = [asyncio.create_task(link.request("GetStats")) for _ in range(MAX_PENDING)]
    await asyncio.sleep(0)
    with pytest.raises(RefusedError) as raised:
        await link.request("GetVersion")
    assert raised.value.code == "studio_busy"
    await link.close()
    await reader
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, UnreachableError) for one in results)


async def test_a_large_batch_goes_in_parts_and_comes_back_in_order(session, server):
    link = await connect(session, server)
    reader = asyncio.create_task(link.run(lambda event: None))
    names = ["GetVersion", "Nothing"] * protocol.MAX_BATCH
    found = await link.batch([(name, {}) for name in names])
    assert [one.ok for one in found] == [True, False] * protocol.MAX_BATCH
    assert found[1].code == protocol.Status.UNKNOWN_REQUEST
    await link.close()
    await reader


async def test_endless_nonsense_ends_the_connection(session, server, fake):
    link = await connect(session, server)
    for number in range(MAX_MALFORMED):
        if number % 2:
            await fake.sockets[-1].send_bytes(b"\x00")
        else:
            await fake.sockets[-1].send_str("nonsense")
    end = await link.run(lambda event: None)
    assert end.code == "studio_protocol"
    await link.close()


async def test_debug_logs_of_everything_hold_no_password(session, server, fake, caplog):
    caplog.set_level(logging.DEBUG)
    link = await connect(session, server)
    await link.close()
    with pytest.raises(AuthenticationError):
        await connect(session, server, PASSWORD + "x")
    assert PASSWORD not in caplog.text
    assert fake.said[0]["d"]["authentication"] not in caplog.text
