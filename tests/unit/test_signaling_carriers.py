"""Carriers and the signaling server over real sockets on this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from pathlib import Path
import ssl
import subprocess
import time
from typing import Any

import aiohttp
from aiohttp import web
import orjson
import pytest

from infrafabric.mesh.encoding import b64encode
from infrafabric.mesh.errors import InvalidError, MeshError, UnreachableError
from infrafabric.mesh.signaling import client as client_module, dial, host as host_module
from infrafabric.mesh.signaling.actions import Limits
from infrafabric.mesh.signaling.backoff import Backoff
from infrafabric.mesh.signaling.base import MAX_BOX, MAX_INVITES, Credentials
from infrafabric.mesh.signaling.client import WebSocketCarrier
from infrafabric.mesh.signaling.dial import may_be_unverified
from infrafabric.mesh.signaling.host import RunningServer, SignalingHost, run_server
from infrafabric.mesh.signaling.local import LocalCarrier
from infrafabric.mesh.signaling.server import SignalingServer
from infrafabric.mesh.signaling.wire import encode_frame, hello_frame
from infrafabric.mesh.trust.identity import Identity

from .signaling_world import UNIX, Listener, World

type Start = Callable[..., Awaitable[RunningServer]]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def make_server(**kwargs: Any) -> SignalingServer:
    return SignalingServer(**{"open": True, "wall_clock": lambda: UNIX, **kwargs})


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start servers that end with the test."""
    running: list[RunningServer] = []

    async def begin(
        server: SignalingServer | None = None, port: int = 0, **kwargs: Any
    ) -> RunningServer:
        running.append(await run_server("127.0.0.1", port, server or make_server(), **kwargs))
        return running[-1]

    yield begin
    for server in running:
        await server.close()


@pytest.fixture
async def carrier(
    http: aiohttp.ClientSession,
) -> AsyncIterator[Callable[..., tuple[WebSocketCarrier, Listener]]]:
    """Make carriers that are started now and end with the test."""
    made: list[WebSocketCarrier] = []

    def make(
        urls: str | tuple[str, ...], credentials: Credentials, **kwargs: Any
    ) -> tuple[WebSocketCarrier, Listener]:
        listener = Listener()
        kwargs.setdefault("backoff", Backoff(lambda: 1.0, first=0.01, longest=0.05))
        kwargs.setdefault("wall_clock", lambda: UNIX)
        one = WebSocketCarrier(
            (urls,) if isinstance(urls, str) else urls, credentials, listener, http=http, **kwargs
        )
        made.append(one)
        one.start()
        return one, listener

    yield make
    for one in made:
        await one.stop()


UP = ("state", True, None)


async def test_two_members_meet_and_pass_boxes(start: Start, carrier: Any, world: World) -> None:
    running = await start()
    one, two = world.member(), world.member()
    first, heard_first = carrier(running.url, world.credentials(one))
    await heard_first.until(*UP)
    second, heard_second = carrier(running.url, world.credentials(two))
    await heard_first.until("present", two.peer_id, True)
    await heard_second.until("present", one.peer_id, True)
    assert second.present == {one.peer_id}
    largest = bytes(MAX_BOX)
    await first.send(two.peer_id, largest)
    await heard_second.until("box", one.peer_id, largest)
    await second.stop()
    await heard_first.until("present", two.peer_id, False)
    assert first.present == frozenset()
    with pytest.raises(UnreachableError, match="not connected") as caught:
        await first.send(two.peer_id, b"box")
    assert caught.value.code == "peer_absent"


async def test_a_stopped_carrier_is_silent_and_leaves_nothing_behind(
    start: Start, carrier: Any, world: World
) -> None:
    server = make_server()
    running = await start(server)
    before = asyncio.all_tasks()
    one, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until(*UP)
    told = list(heard.events)
    await one.stop()
    await one.stop()
    assert not one.connected
    assert heard.events == told
    with pytest.raises(UnreachableError, match="not signed in"):
        await one.send(world.founder.peer_id, b"box")
    while server.counts["member"]:
        await asyncio.sleep(0)
    left = {task for task in asyncio.all_tasks() - before if "infrafabric" in task.get_name()}
    assert {task for task in left if "writer" not in task.get_name()} == set()


async def test_what_cannot_be_sent_is_refused_at_once(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    one, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until(*UP)
    with pytest.raises(InvalidError) as caught:
        await one.send(world.founder.peer_id, bytes(MAX_BOX + 1))
    assert caught.value.code == "box_too_large"
    with pytest.raises(InvalidError) as caught:
        one.set_invites(f"{i:064x}" for i in range(MAX_INVITES + 1))
    assert caught.value.code == "too_many_invitations"
    with pytest.raises(ValueError):
        one.set_invites(["nonsense"])


async def test_a_carrier_comes_back_when_the_server_does(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    one, heard = carrier(running.url, world.credentials(world.member()))
    one.set_invites(["ab" * 32])
    await heard.until(*UP)
    await running.close()
    await heard.until("state", False, "signaling_lost")
    await heard.until("state", False, "signaling_unreachable")
    assert not one.connected
    again = make_server()
    await start(again, port=running.port)
    await heard.until(*UP, count=2)
    # The invitations are registered again without being asked for.
    async with aiohttp.ClientSession() as session:
        frame: dict[str, Any] = {}
        while frame.get("t") != "ready":
            async with session.ws_connect(running.url) as ws:
                await ws.send_str(hello_frame(world.mesh_id, bytes(16), "ab" * 32))
                assert (await ws.receive_json(timeout=20))["t"] == "challenge"
                frame = await ws.receive_json(timeout=20)


async def test_the_servers_clock_is_reported_even_when_it_refuses(
    start: Start, carrier: Any, world: World
) -> None:
    # Two hours behind, the server takes the records for ones from the future.
    running = await start(make_server(wall_clock=lambda: UNIX - 7200))
    _, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until("state", False, "signaling_refused")
    assert heard.offsets[0] == pytest.approx(-7200, abs=1)


async def test_who_has_no_records_does_not_even_ask(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    _, heard = carrier(running.url, world.credentials(Identity.generate()))
    await heard.until("state", False, "signaling_refused")


async def test_a_stranger_is_refused_and_tries_ever_more_rarely(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    other = World()
    stranger = other.credentials(other.founder)
    wrong = Credentials(
        mesh_id=world.mesh_id,
        identity=other.founder,
        chain=stranger.chain,
        authority=stranger.authority,
        founder=stranger.founder,
    )
    _, heard = carrier(running.url, wrong)
    await heard.until("state", False, "signaling_refused", count=2)


async def test_the_older_of_two_carriers_with_one_key_hears_that_it_was_replaced(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    credentials = world.credentials(world.member())
    never = Backoff(lambda: 1.0, first=1000.0, longest=1000.0, longest_refused=1000.0)
    _, heard = carrier(running.url, credentials, backoff=never)
    await heard.until(*UP)
    newer, heard_newer = carrier(running.url, credentials)
    await heard_newer.until(*UP)
    await heard.until("state", False, "signaling_replaced")
    assert newer.connected


async def test_a_carrier_can_be_told_to_try_again_now(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    await running.close()
    never = Backoff(lambda: 1.0, first=1000.0, longest=1000.0)
    one, heard = carrier(running.url, world.credentials(world.member()), backoff=never)
    await heard.until("state", False, "signaling_unreachable")
    await start(port=running.port)
    one.retry()
    await heard.until(*UP)


async def test_the_next_address_serves_when_one_is_dead_or_refuses(
    start: Start, carrier: Any, world: World
) -> None:
    dead = await start()
    await dead.close()
    # Another home on the same private address: it answers, but hosts another mesh.
    strange = await start(make_server(open=False))
    right = await start()
    one, heard = carrier((dead.url, strange.url, right.url), world.credentials(world.member()))
    await heard.until(*UP)
    assert one.url == right.url
    assert [event for event in heard.events if event[0] == "state"] == [UP]


async def test_an_address_that_never_answers_does_not_hold_up_the_next(
    start: Start, carrier: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "STAGGER", 0.01)
    quiet: list[asyncio.StreamWriter] = []
    hole = await asyncio.start_server(lambda _, w: quiet.append(w), "127.0.0.1", 0)
    running = await start()
    port = hole.sockets[0].getsockname()[1]
    one, heard = carrier(
        (f"ws://127.0.0.1:{port}/", running.url), world.credentials(world.member())
    )
    await heard.until(*UP)
    assert one.url == running.url
    hole.close()
    for writer in quiet:
        writer.close()
    await hole.wait_closed()


async def test_two_meshes_on_one_server_do_not_see_each_other(
    start: Start, carrier: Any, world: World
) -> None:
    running = await start()
    other = World()
    stranger = other.member()
    _, heard_other = carrier(running.url, other.credentials(stranger))
    await heard_other.until(*UP)
    mine, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until(*UP)
    assert mine.present == frozenset()
    assert [event for event in heard_other.events if event[0] == "present"] == []


async def test_a_handler_that_fails_does_not_end_the_session(
    start: Start, carrier: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    running = await start()
    one, two = world.member(), world.member()
    first, heard = carrier(running.url, world.credentials(one))
    await heard.until(*UP)
    calls: list[bytes] = []

    def fail(_carrier: object, _sender: str, box: bytes) -> None:
        calls.append(box)
        if len(calls) == 1:
            raise RuntimeError("the handler's mistake")
        heard._note("second box")

    heard.carrier_box = fail  # type: ignore[method-assign]
    second, heard_second = carrier(running.url, world.credentials(two))
    await heard_second.until("present", one.peer_id, True)
    await second.send(one.peer_id, b"1")
    await second.send(one.peer_id, b"2")
    await heard.until("second box")
    assert first.connected
    assert "the handler's mistake" in caplog.text


async def test_a_mistake_below_does_not_leave_the_node_without_signaling(
    start: Start, carrier: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    running = await start()
    good = world.credentials(world.member())
    chains = [None, good.chain()]
    flawed = Credentials(
        mesh_id=good.mesh_id,
        identity=good.identity,
        chain=lambda: chains.pop(0) or (_ for _ in ()).throw(RuntimeError("no chain yet")),
        authority=good.authority,
        founder=good.founder,
    )
    _, heard = carrier(running.url, flawed)
    await heard.until("state", False, "signaling_unreachable")
    await heard.until(*UP)
    assert "no chain yet" in caplog.text


class NotedBackoff(Backoff):
    """Remembers what it was asked and told."""

    def __init__(self) -> None:
        super().__init__(lambda: 1.0, first=0.01, longest=0.01, longest_refused=0.01)
        self.asked: list[bool] = []
        self.lasted: list[float] = []

    def delay(self, *, refused: bool) -> float:
        self.asked.append(refused)
        return super().delay(refused=refused)

    def session(self, lasted: float) -> None:
        self.lasted.append(lasted)


async def test_refusals_and_failures_wait_by_their_own_rules(
    start: Start, carrier: Any, world: World
) -> None:
    server = make_server()
    running = await start(server)
    now = [0.0]
    noted = NotedBackoff()
    member = world.member()
    _, heard = carrier(running.url, world.credentials(member), backoff=noted, clock=lambda: now[0])
    await heard.until(*UP)
    now[0] = 45.0
    server.drop(world.mesh_id, member.peer_id)
    await heard.until(*UP, count=2)
    assert noted.asked == [True]
    assert noted.lasted == [45.0]
    await running.close()
    await heard.until("state", False, "signaling_unreachable")
    assert noted.asked[1] is False


async def test_a_carrier_never_sends_faster_than_a_server_bears(
    start: Start, carrier: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "SEND_RATE", 200.0)
    monkeypatch.setattr(client_module, "SEND_BURST", 10.0)
    running = await start(make_server(limits=Limits(frames_per_second=400.0, frames_burst=40.0)))
    one, two = world.member(), world.member()
    first, heard = carrier(running.url, world.credentials(one))
    await heard.until(*UP)
    _, heard_second = carrier(running.url, world.credentials(two))
    await heard.until("present", two.peer_id, True)
    for number in range(120):
        await first.send(two.peer_id, number.to_bytes(2))
    await heard_second.until("box", one.peer_id, (119).to_bytes(2))
    assert [event for event in heard.events if event[0] == "state"] == [UP]


async def test_a_server_that_floods_is_read_slowly(
    carrier: Any, start: Start, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "RECEIVE_RATE", 20.0)
    monkeypatch.setattr(client_module, "RECEIVE_BURST", 1.0)
    server = make_server()
    running = await start(server)
    one = world.member()
    _, heard = carrier(running.url, world.credentials(one))
    await heard.until(*UP)
    local = LocalCarrier(server, world.credentials(world.founder), Listener())
    local.start()
    before = time.monotonic()
    for number in range(7):
        await local.send(one.peer_id, bytes([number]))
    await heard.until("box", world.founder.peer_id, b"\6")
    # Nobody can sleep too short: this holds on the slowest machine.
    assert time.monotonic() - before > 5 / 20
    await local.stop()


async def test_much_can_pass_to_a_reader_that_keeps_up(
    start: Start, carrier: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "MAX_QUEUED_CHARACTERS", 100_000)
    monkeypatch.setattr(host_module, "MAX_QUEUED_FRAMES", 2)
    running = await start()
    one, two = world.member(), world.member()
    first, heard = carrier(running.url, world.credentials(one))
    await heard.until(*UP)
    _, heard_second = carrier(running.url, world.credentials(two))
    await heard.until("present", two.peer_id, True)
    for number in range(10):
        box = bytes([number]) * 30_000
        await first.send(two.peer_id, box)
        await heard_second.until("box", one.peer_id, box)
    assert [event for event in heard_second.events if event[0] == "state"] == [UP]


# ── hostile servers ─────────────────────────────────────────────────────────────────────────


async def _hostile(reply: Callable[[web.WebSocketResponse], Awaitable[None]]) -> web.AppRunner:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive()
        await reply(ws)
        await ws.receive()
        return ws

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


CHALLENGE = encode_frame("challenge", nonce=b64encode(bytes(16)), time=UNIX)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["nonsense"], "signaling_lost"),
        ([encode_frame("up", id="a" * 32)], "signaling_lost"),
        ([encode_frame("error", code="made_up")], "signaling_lost"),
        ([encode_frame("error", code="busy")], "signaling_busy"),
        ([encode_frame("error", code="wrong_address")], "signaling_wrong_address"),
        ([encode_frame("error", code="already_here")], "signaling_already_here"),
        ([CHALLENGE, CHALLENGE], "signaling_lost"),
        (
            [CHALLENGE, encode_frame("ready", id="a" * 32, peers=[], time=UNIX)],
            "signaling_lost",
        ),
    ],
)
async def test_a_server_that_misbehaves_is_left(
    carrier: Any, world: World, frames: list[str], code: str
) -> None:
    async def reply(ws: web.WebSocketResponse) -> None:
        for frame in frames:
            await ws.send_str(frame)

    runner = await _hostile(reply)
    try:
        _, heard = carrier(
            f"ws://127.0.0.1:{runner.addresses[0][1]}/", world.credentials(world.member())
        )
        await heard.until("state", False, code)
        assert UP not in heard.events
    finally:
        await runner.cleanup()


async def test_a_server_that_never_challenges_is_given_up(
    carrier: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "HANDSHAKE_TIMEOUT", 0.05)

    async def reply(ws: web.WebSocketResponse) -> None:
        del ws

    runner = await _hostile(reply)
    try:
        _, heard = carrier(
            f"ws://127.0.0.1:{runner.addresses[0][1]}/", world.credentials(world.member())
        )
        await heard.until("state", False, "signaling_timeout")
    finally:
        await runner.cleanup()


async def test_an_http_server_that_knows_no_websocket_is_unreachable(
    carrier: Any, world: World
) -> None:
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        _, heard = carrier(
            f"ws://127.0.0.1:{runner.addresses[0][1]}/", world.credentials(world.member())
        )
        await heard.until("state", False, "signaling_unreachable")
    finally:
        await runner.cleanup()


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=somewhere.example"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_a_self_signed_server_at_home_is_reached(
    start: Start, carrier: Any, world: World, self_signed: ssl.SSLContext
) -> None:
    running = await start(ssl=self_signed)
    assert running.url.startswith("wss://")
    _, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until(*UP)


async def test_a_public_name_must_have_a_certificate_that_verifies(
    start: Start, world: World, self_signed: ssl.SSLContext
) -> None:
    running = await start(ssl=self_signed)

    class Resolver(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> Any:
            del family
            return [
                {
                    "hostname": host,
                    "host": "127.0.0.1",
                    "port": port,
                    "family": 2,
                    "proto": 0,
                    "flags": 0,
                }
            ]

        async def close(self) -> None:
            pass

    listener = Listener()
    connector = aiohttp.TCPConnector(resolver=Resolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        one = WebSocketCarrier(
            [f"wss://public.example.org:{running.port}/"],
            world.credentials(world.member()),
            listener,
            http=session,
            wall_clock=lambda: UNIX,
        )
        one.start()
        await listener.until("state", False, "signaling_unreachable")
        await one.stop()
        assert UP not in listener.events


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("wss://192.168.1.2:8123/", True),
        ("wss://10.0.0.1/", True),
        ("wss://[fd00::1]/", True),
        ("wss://[fe80::1%25eth0]/", True),
        ("wss://127.0.0.1/", True),
        ("wss://homeassistant.local:8123/", True),
        ("wss://HomeAssistant:8123/", True),
        ("wss://ha.home.arpa/", True),
        ("wss://8.8.8.8/", False),
        ("wss://example.org/", False),
        ("wss://local.example.org/", False),
        ("wss://abc.ui.nabu.casa/", False),
    ],
)
def test_only_names_without_public_certificates_may_go_unverified(
    url: str,
    allowed: bool,
) -> None:
    assert may_be_unverified(url) is allowed


# ── the host ────────────────────────────────────────────────────────────────────────────────


async def test_who_does_not_sign_in_is_closed_when_the_time_is_up(
    start: Start, http: aiohttp.ClientSession
) -> None:
    now = [100.0]
    server = make_server(clock=lambda: now[0])
    running = await start(server)
    async with http.ws_connect(running.url) as ws:
        now[0] += 9.9
        assert server.tick() == pytest.approx(0.1)
        assert server.counts["new"] == 1
        now[0] += 0.2
        assert server.tick() is None
        assert orjson.loads((await ws.receive(timeout=20)).data)["code"] == "too_slow"
        assert (await ws.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE


async def test_the_host_keeps_the_time_by_itself(start: Start, http: aiohttp.ClientSession) -> None:
    running = await start(make_server(limits=Limits(handshake_seconds=0.05)))
    async with http.ws_connect(running.url) as ws:
        assert orjson.loads((await ws.receive(timeout=20)).data)["code"] == "too_slow"


async def test_a_full_server_says_so_before_the_upgrade(
    start: Start, http: aiohttp.ClientSession
) -> None:
    running = await start(make_server(limits=Limits(unauthenticated=1)))
    async with http.ws_connect(running.url):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(running.url)
        assert caught.value.status == 503


async def test_a_plain_request_is_told_what_is_expected(
    start: Start, http: aiohttp.ClientSession
) -> None:
    running = await start()
    async with http.get(running.url.replace("ws://", "http://")) as response:
        assert response.status == 426


@pytest.mark.parametrize("kind", ["large", "binary", "garbage"])
async def test_a_client_that_misbehaves_is_closed(
    start: Start, http: aiohttp.ClientSession, kind: str
) -> None:
    server = make_server()
    running = await start(server)
    async with http.ws_connect(running.url) as ws:
        if kind == "large":
            await ws.send_str(" " * 65_537)
        elif kind == "binary":
            await ws.send_bytes(b"x")
        else:
            await ws.send_str("x")
        message = await ws.receive(timeout=20)
        while message.type is aiohttp.WSMsgType.TEXT:
            message = await ws.receive(timeout=20)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        # 1009 (RFC 6455 section 7.4.1): cut off before it was read to its end.
        assert ws.close_code == (1009 if kind == "large" else 1008)
    assert server.counts["new"] == 0


async def test_nothing_is_left_when_the_last_client_is_gone(http: aiohttp.ClientSession) -> None:
    server = make_server()
    host = SignalingHost(server)
    app = web.Application()
    app.router.add_get("/", host.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with http.ws_connect(f"ws://127.0.0.1:{runner.addresses[0][1]}/") as ws:
        assert host._timer is not None
        (socket,) = host._sockets
        await ws.close()
        await asyncio.wait_for(socket.done.wait(), 20)
        await asyncio.sleep(0)
    assert host._timer is None
    assert host._sockets == set()
    assert server._outlets == {}
    await runner.cleanup()


async def test_pings_are_answered_and_count_as_frames(
    start: Start, http: aiohttp.ClientSession
) -> None:
    now = 0.0
    running = await start(make_server(clock=lambda: now))
    async with http.ws_connect(running.url, autoping=False) as ws:
        await ws.pong(b"")
        for _ in range(99):
            await ws.ping(b"?")
            assert (await ws.receive(timeout=20)).type is aiohttp.WSMsgType.PONG
        await ws.ping(b"?")
        while (message := await ws.receive(timeout=20)).type is aiohttp.WSMsgType.PONG:
            pass
        assert orjson.loads(message.data)["code"] == "rate_limited"


async def test_a_reader_too_slow_for_what_it_is_sent_is_cut_off(
    start: Start, carrier: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "MAX_QUEUED_CHARACTERS", 100_000)
    server = make_server()
    running = await start(server)
    one, two = world.member(), world.member()
    first, heard = carrier(running.url, world.credentials(one))
    await heard.until(*UP)
    slow, heard_slow = carrier(
        running.url,
        world.credentials(two),
        backoff=Backoff(lambda: 1.0, first=1000.0, longest=1000.0),
    )
    await heard.until("present", two.peer_id, True)
    await heard_slow.until(*UP)
    # Stop reading: kernel and server buffers fill, then the queue.
    assert slow._ws is not None
    slow._ws._response.connection.transport.pause_reading()
    box = bytes(MAX_BOX)
    while ("present", two.peer_id, False) not in heard.events:
        # The last one may find the receiver gone already.
        with contextlib.suppress(UnreachableError):
            await first.send(two.peer_id, box)
    await heard.until("present", two.peer_id, False)
    assert first.connected
    assert server.counts["member"] == 1


async def test_closing_the_host_ends_every_connection_and_refuses_new_ones(
    http: aiohttp.ClientSession,
) -> None:
    server = make_server()
    host = SignalingHost(server)
    app = web.Application()
    app.router.add_get("/", host.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    brief = aiohttp.ClientWSTimeout(ws_close=0.1)
    async with http.ws_connect(url) as polite:
        (known,) = host._sockets
        async with http.ws_connect(url, autoclose=False, timeout=brief) as rude:
            rude._response.connection.transport.pause_reading()
            # Fill what lies between, so that its writer is stuck when the host closes.
            (socket,) = host._sockets - {known}
            while len(socket._queue) < 2:
                socket.send("x" * 60_000)
                for _ in range(5):
                    await asyncio.sleep(0)
            async with asyncio.timeout(20):
                await host.close()
            assert host._sockets == set()
            assert (await polite.receive(timeout=20)).data == 1001
            assert server.counts["new"] == 0
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(url)
            assert caught.value.status == 503
    await host.close()
    await runner.cleanup()


async def test_a_port_in_use_is_an_os_error_and_leaves_nothing(start: Start) -> None:
    running = await start()
    with pytest.raises(OSError):
        await start(port=running.port)


# ── the hosting node's own carrier ──────────────────────────────────────────────────────────


async def test_the_hosting_node_and_a_remote_member_meet(
    start: Start, carrier: Any, world: World
) -> None:
    server = make_server(open=False)
    release = server.admit(world.mesh_id, world.knows)
    running = await start(server)
    listener = Listener()
    local = LocalCarrier(server, world.credentials(world.founder), listener)
    assert not local.connected
    with pytest.raises(UnreachableError, match="not attached"):
        await local.send("a" * 32, b"box")
    local.set_invites(["ab" * 32])
    local.start()
    local.start()
    await listener.until(*UP)
    member = world.member()
    remote, heard = carrier(running.url, world.credentials(member))
    await listener.until("present", member.peer_id, True)
    await heard.until("present", world.founder.peer_id, True)
    assert local.present == {member.peer_id}
    await local.send(member.peer_id, b"to remote")
    await heard.until("box", world.founder.peer_id, b"to remote")
    await remote.send(world.founder.peer_id, b"to local")
    await listener.until("box", member.peer_id, b"to local")
    with pytest.raises(UnreachableError) as caught:
        await local.send(Identity.generate().peer_id, b"box")
    assert caught.value.code == "peer_absent"

    server.drop(world.mesh_id, member.peer_id)
    await heard.until("state", False, "signaling_refused")
    await listener.until("present", member.peer_id, False)
    await heard.until(*UP, count=2)
    release()
    await heard.until("state", False, "signaling_lost")
    await local.stop()
    await local.stop()
    assert not local.connected
    assert server.counts["local"] == 0


async def test_a_local_carrier_is_silent_after_stop(world: World) -> None:
    server = make_server()
    listener = Listener()
    local = LocalCarrier(server, world.credentials(world.founder), listener)
    local.start()
    await local.stop()
    await asyncio.sleep(0)
    assert listener.events == []


async def test_two_nodes_of_one_process_cannot_hold_one_place(world: World) -> None:
    server = make_server()
    first = LocalCarrier(server, world.credentials(world.founder), Listener())
    second = LocalCarrier(server, world.credentials(world.founder), Listener())
    first.start()
    with pytest.raises(ValueError, match="already"):
        second.start()
    await first.stop()
    second.start()
    await second.stop()


async def test_a_verifier_that_fails_admits_nobody(
    start: Start, carrier: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()

    def judge(_key: bytes, _chain: object) -> bool:
        raise RuntimeError("the node's mistake")

    server.admit(world.mesh_id, judge)
    running = await start(server)
    _, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until("state", False, "signaling_refused")
    assert "the node's mistake" in caplog.text


async def test_a_former_member_is_told_why_and_a_stranger_without_the_key_is_not(
    start: Start, carrier: Any, world: World
) -> None:
    server = make_server(open=False)
    former = world.member()
    asked: list[bytes] = []

    def farewell(key: bytes) -> tuple[str, bytes]:
        asked.append(key)
        return world.founder.peer_id, b"why"

    server.admit(world.mesh_id, lambda _key, _chain: False, farewell)
    running = await start(server)
    _, heard = carrier(running.url, world.credentials(former))
    await heard.until("box", world.founder.peer_id, b"why")
    await heard.until("state", False, "signaling_refused")
    assert set(asked) == {former.public_key}
    asked.clear()
    # Somebody else's records, signed for with an own key: nobody is told anything.
    victim, thief = world.credentials(world.member()), Identity.generate()
    stolen = Credentials(
        mesh_id=world.mesh_id,
        identity=thief,
        chain=victim.chain,
        authority=victim.authority,
        founder=victim.founder,
    )
    _, heard_thief = carrier(running.url, stolen)
    await heard_thief.until("state", False, "signaling_refused")
    assert victim.identity.public_key not in asked
    assert not [event for event in heard_thief.events if event[0] == "box"]


async def test_a_farewell_that_fails_leaves_a_plain_refusal(
    start: Start, carrier: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()

    def farewell(_key: bytes) -> tuple[str, bytes] | None:
        raise RuntimeError("no words")

    server.admit(world.mesh_id, lambda _key, _chain: False, farewell)
    running = await start(server)
    _, heard = carrier(running.url, world.credentials(world.member()))
    await heard.until("state", False, "signaling_refused")
    assert "no words" in caplog.text


def test_delays_double_have_a_limit_and_only_a_working_session_resets_them() -> None:
    backoff = Backoff(lambda: 1.0)
    delays = [backoff.delay(refused=False) for _ in range(8)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff.delay(refused=True) for _ in range(3)] == [120, 240, 300]
    backoff.session(29.9)
    assert backoff.delay(refused=False) == 60
    backoff.session(30.0)
    assert backoff.delay(refused=False) == 1
    backoff.reset()
    assert Backoff(lambda: 0.0).delay(refused=False) == 0.5


def test_a_carrier_without_an_address_is_a_mistake(world: World) -> None:
    with pytest.raises(ValueError, match="address"):
        WebSocketCarrier([], world.credentials(world.founder), Listener(), http=None)  # type: ignore[arg-type]
    assert issubclass(UnreachableError, MeshError)
