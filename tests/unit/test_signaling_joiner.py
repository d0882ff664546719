"""Reaching an inviter with an invitation, over real sockets on this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from infrafabric.mesh.errors import DeadlineError, MeshError, RefusedError, UnreachableError
from infrafabric.mesh.signaling import joiner as joiner_module
from infrafabric.mesh.signaling.actions import Send
from infrafabric.mesh.signaling.base import Carrier
from infrafabric.mesh.signaling.host import RunningServer, run_server
from infrafabric.mesh.signaling.joiner import join_through
from infrafabric.mesh.signaling.local import LocalCarrier
from infrafabric.mesh.signaling.server import SignalingServer
from infrafabric.mesh.signaling.wire import encode_frame

from .signaling_world import LOOKUP, UNIX, Listener, World
from .virtual_time import Patience


class Inviter(Listener):
    """Answers each box with itself, backwards, unless told otherwise."""

    def __init__(self, answers: Callable[[bytes], bytes | None]) -> None:
        super().__init__()
        self._answers = answers
        self._tasks: set[asyncio.Task[None]] = set()

    def carrier_box(self, carrier: Carrier, sender: str, box: bytes) -> None:
        super().carrier_box(carrier, sender, box)
        answer = self._answers(box)
        if answer is not None:
            task = asyncio.get_running_loop().create_task(carrier.send(sender, answer))
            self._tasks.add(task)


def backwards(box: bytes) -> bytes:
    return box[::-1]


class Stage:
    """A server with the founder attached, and joiners."""

    def __init__(self, running: RunningServer, server: SignalingServer, world: World) -> None:
        self.running = running
        self.server = server
        self.world = world

    def invite(self, answers: Callable[[bytes], bytes | None] = backwards) -> LocalCarrier:
        """Attach the founder with one open invitation."""
        self.listener = Inviter(answers)
        credentials = self.world.credentials(self.world.founder)
        local = LocalCarrier(self.server, credentials, self.listener)
        local.set_invites([LOOKUP])
        local.start()
        return local

    async def join(self, http: aiohttp.ClientSession, **changes: Any) -> bytes:
        """Join with that invitation."""
        arguments = {
            "mesh_id": self.world.mesh_id,
            "lookup": LOOKUP,
            "inviter": self.world.founder.peer_id,
            "request": lambda _offset: b"request",
            "timeout": 10.0,
            "pause": 0.01,
            "wall_clock": lambda: UNIX,
        }
        urls = changes.pop("urls", [self.running.url])
        return await join_through(urls, http=http, **{**arguments, **changes})


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    server = SignalingServer(open=True, wall_clock=lambda: UNIX + 300)
    running = await run_server("127.0.0.1", 0, server)
    yield Stage(running, server, World())
    await running.close()


async def test_the_request_reaches_the_inviter_and_its_answer_comes_back(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    local = stage.invite()
    assert await stage.join(http) == b"tseuqer"
    await local.stop()


async def test_the_request_is_made_knowing_the_servers_clock(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    local = stage.invite()
    offsets: list[float] = []

    def request(offset: float) -> bytes:
        offsets.append(offset)
        return b"x"

    await stage.join(http, request=request)
    assert offsets == [pytest.approx(300, abs=1)]
    await local.stop()


async def test_what_the_request_raises_ends_the_joining(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    local = stage.invite()

    def request(_offset: float) -> bytes:
        raise RefusedError("clock_skew", "The clock is wrong.", seconds="300")

    with pytest.raises(RefusedError, match="clock"):
        await stage.join(http, request=request)
    await local.stop()


async def test_an_inviter_that_comes_online_a_little_later_is_still_reached(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    hellos = 0
    core = stage.server._core
    received = core.received

    def counting(*args: Any) -> Any:
        nonlocal hellos
        hellos += 1
        if hellos == 3:
            stage.invite()
        return received(*args)

    core.received = counting  # type: ignore[method-assign]
    assert await stage.join(http) == b"tseuqer"
    assert hellos >= 3


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    return Patience(monkeypatch, joiner_module)


async def test_nobody_there_is_told_from_no_server(
    stage: Stage, http: aiohttp.ClientSession, patience: Patience
) -> None:
    with pytest.raises(UnreachableError) as caught:
        await stage.join(http)
    assert caught.value.code == "inviter_unreachable"
    await stage.running.close()
    with pytest.raises(UnreachableError) as caught:
        await stage.join(http)
    assert caught.value.code == "signaling_unreachable"
    with pytest.raises(UnreachableError) as caught:
        await stage.join(http, urls=[])
    assert caught.value.code == "signaling_unreachable"


async def test_an_inviter_that_keeps_silent_is_a_timeout(
    stage: Stage, http: aiohttp.ClientSession, patience: Patience
) -> None:
    local = stage.invite(lambda _box: patience.ends())
    with pytest.raises(DeadlineError) as caught:
        await stage.join(http)
    assert caught.value.code == "join_timeout"
    await local.stop()


async def test_the_request_is_sent_again_when_the_connection_is_lost(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    boxes: list[bytes] = []

    def answers(box: bytes) -> bytes | None:
        boxes.append(box)
        if len(boxes) == 1:
            # As if the server had let the joiner's connection go before the answer.
            joiner = next(c for c in stage.server._core._conns.values() if c.id.startswith("j-"))
            stage.server._perform(stage.server._core._turn_out(joiner, "too_slow"))
            return None
        return b"answer"

    local = stage.invite(answers)
    assert await stage.join(http) == b"answer"
    assert boxes == [b"request", b"request"]
    await local.stop()


async def test_another_member_that_claims_the_invitation_is_not_written_to(
    stage: Stage, http: aiohttp.ClientSession, patience: Patience
) -> None:
    local = stage.invite()
    with pytest.raises(UnreachableError) as caught:
        await stage.join(
            http,
            inviter=stage.world.member().peer_id,
            request=lambda _offset: pytest.fail("asked for a request"),
        )
    assert caught.value.code == "inviter_unreachable"
    await local.stop()


async def test_a_box_that_names_another_sender_is_not_the_answer(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    def answers(box: bytes) -> bytes:
        core = stage.server._core
        joiner = next(c for c in core._conns.values() if c.id.startswith("j-"))
        forged = encode_frame("box", from_=stage.world.member().peer_id, box="Zm9yZ2Vk")
        stage.server._perform([Send(joiner.number, forged)])
        return box[::-1]

    local = stage.invite(answers)
    assert await stage.join(http) == b"tseuqer"
    await local.stop()


async def test_an_inviter_that_leaves_before_the_request_is_absent(
    stage: Stage, http: aiohttp.ClientSession, patience: Patience
) -> None:
    local = stage.invite()

    def request(_offset: float) -> bytes:
        # The server's frames about this are on their way while the box goes out.
        stage.server.set_lookups(local._number or 0, frozenset())
        mesh = stage.server._core._meshes[stage.world.mesh_id]
        del mesh.members[stage.world.founder.peer_id]
        return b"x"

    with pytest.raises(UnreachableError) as caught:
        await stage.join(http, request=request)
    assert caught.value.code == "inviter_unreachable"
    assert issubclass(UnreachableError, MeshError)
