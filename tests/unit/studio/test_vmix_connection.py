"""How a connection to vMix is made, kept and lost; wrong ports; the HTTP way."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from pathlib import Path
import random
import signal
import socket
import sys
from typing import Any

import aiohttp
import pytest

from infrafabric.studio import base
from infrafabric.studio.errors import (
    AuthenticationError,
    InvalidError,
    ProtocolError,
    StudioError,
    UnreachableError,
)
from infrafabric.studio.events import Connected, Disconnected, StateChanged
from infrafabric.studio.model import OutputState
from infrafabric.studio.vmix import VmixClient, link, probe_vmix, watching
from tests.vmix_simulator import RELEASES, VmixSimulator, World
from tests.vmix_simulator.world import Input

from .vmix_world import Studio, studio
from .waiting import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that takes seconds takes less."""
    monkeypatch.setattr(base, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(base, "LAST_RETRY", 0.05)
    monkeypatch.setattr(watching, "COALESCE", 0.01)
    monkeypatch.setattr(link, "KEEPALIVE", 0.1)
    monkeypatch.setattr(link, "QUIET_GREETING", 0.1)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@contextlib.asynccontextmanager
async def server(greeting: bytes = b"", reply: bytes = b"") -> AsyncIterator[int]:
    """Listen as something else than vMix."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(greeting)
            while await reader.read(1000):
                writer.write(reply)
        writer.close()

    found = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield found.sockets[0].getsockname()[1]
    finally:
        found.close()


async def failure(*arguments: Any, **options: Any) -> StudioError:
    """Return the error of a probe."""
    with pytest.raises(StudioError) as error:
        await probe_vmix(*arguments, **options)
    return error.value


async def test_the_simulator_runs_on_its_own() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.vmix_simulator", "--release", "26"),
        *("--tcp-port", "0", "--http-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            words = (await process.stdout.readline()).decode().replace(",", "").split()
        found = await probe_vmix("127.0.0.1", int(words[words.index("TCP") + 1]))
        assert found.name == "vMix HD"
    finally:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


# -- the first look


@pytest.mark.parametrize("release", RELEASES)
async def test_a_first_look_tells_version_and_edition(release: str) -> None:
    async with VmixSimulator(World(release)) as simulator:
        found = await probe_vmix("127.0.0.1", simulator.port)

    facts = RELEASES[release]
    assert (found.id, found.software) == (None, facts.version)
    assert found.name == f"vMix {facts.edition}".strip()


async def test_a_first_look_over_http(session: aiohttp.ClientSession) -> None:
    async with VmixSimulator() as simulator:
        found = await probe_vmix(
            "127.0.0.1", session=session, http_port=simulator.http_port, use_http=True
        )

    assert found.software == "28.0.0.39"


async def test_http_needs_a_session() -> None:
    with pytest.raises(InvalidError):
        await probe_vmix("127.0.0.1", use_http=True)
    with pytest.raises(InvalidError):
        VmixClient("127.0.0.1", use_http=True)


async def test_nothing_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = await failure("127.0.0.1", free.getsockname()[1])

    assert (type(error), error.code) == (UnreachableError, "studio_refused_connection")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid", "a b", "…..x"])
async def test_a_name_that_is_none_is_unknown(session: aiohttp.ClientSession, host: str) -> None:
    for options in ({}, {"session": session, "use_http": True}):
        error = await failure(host, 8099, **options)
        assert error.code == "studio_unknown_host"


async def test_the_web_controllers_port_is_not_the_tcp_port() -> None:
    async with VmixSimulator() as simulator:
        error = await failure("127.0.0.1", simulator.http_port)

    assert (type(error), error.code) == (ProtocolError, "studio_wrong_port")
    assert error.details["hint"] == "8099"


async def test_the_tcp_port_is_not_the_web_controllers_port(
    session: aiohttp.ClientSession,
) -> None:
    async with VmixSimulator() as simulator:
        error = await failure("127.0.0.1", session=session, http_port=simulator.port, use_http=True)

    assert (error.code, error.details["hint"]) == ("studio_wrong_port", "8088")


@pytest.mark.parametrize(
    ("greeting", "reply", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"", "studio_protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", "studio_wrong_port"),
        (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", "studio_wrong_port"),
        (b"\x00" * 20_000, b"", "studio_protocol"),
        (b"TALLY ER no\r\nWHAT OK\r\n", b"", "studio_protocol"),
        (b"VERSION OK 28\r\n", b"XML ER Busy\r\n", "studio_protocol"),
        (b"VERSION OK 28\r\n", b"XML 12\r\n<html></html>", "studio_protocol"),
        (b"VERSION OK 28\r\n", b"FUNCTION OK\r\n", "studio_protocol"),
    ],
)
async def test_what_is_no_vmix_is_told_apart(greeting: bytes, reply: bytes, code: str) -> None:
    async with server(greeting, reply) as port:
        error = await failure("127.0.0.1", port)

    assert (type(error), error.code) == (ProtocolError, code)


async def test_a_port_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "CONNECT_TIMEOUT", 0.4)
    async with server() as port:
        error = await failure("127.0.0.1", port)

    assert (type(error), error.code) == (UnreachableError, "studio_timeout")


async def test_other_web_servers_are_told_apart(session: aiohttp.ClientSession) -> None:
    page = b"HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>"
    for reply in (page, b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"):
        async with server(b"", reply) as port:
            error = await failure("127.0.0.1", session=session, http_port=port, use_http=True)
        assert error.code == "studio_wrong_port"


async def test_a_web_controller_with_a_password(session: aiohttp.ClientSession) -> None:
    async with VmixSimulator(username="op", password="s3cret") as simulator:
        there: dict[str, Any] = {
            "session": session,
            "http_port": simulator.http_port,
            "use_http": True,
        }
        none = await failure("127.0.0.1", **there)
        wrong = await failure("127.0.0.1", **there, http_username="op", http_password="wr0ng")
        found = await probe_vmix("127.0.0.1", **there, http_username="op", http_password="s3cret")

    assert (type(none), none.code) == (AuthenticationError, "studio_auth_missing")
    assert (type(wrong), wrong.code) == (AuthenticationError, "studio_auth_failed")
    assert "wr0ng" not in str(wrong)
    assert found.software == "28.0.0.39"


CONVERSATION = {
    b"VERSION": b"VERSION OK 28.0.0.39\r\n",
    b"SUBSCRIBE": b"SUBSCRIBE OK ACTS Subscribed\r\nTALLY OK 0121\r\nACTS OK Input 1 1\r\n",
}


@pytest.mark.parametrize("seed", range(40))
async def test_changed_answers_never_crash_or_hang_a_client(seed: int) -> None:
    """Every byte may be another one, be missing, or come twice."""
    luck = random.Random(seed)
    xml = World().xml() + b"\r\n"
    answers = {**CONVERSATION, b"XML": b"XML %d\r\n%s" % (len(xml), xml)}

    def changed(data: bytes) -> bytes:
        found = bytearray(data)
        for _ in range(luck.randrange(4)):
            place = luck.randrange(len(found) or 1)
            found[place : place + luck.randrange(3)] = luck.randbytes(luck.randrange(3))
        return bytes(found)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(changed(CONVERSATION[b"VERSION"]))
            while line := await reader.readline():
                data = changed(answers.get(line.split()[0], b"FUNCTION OK Completed\r\n"))
                writer.write(data)
                if luck.random() < 0.1:
                    break
        writer.close()

    found = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = VmixClient("127.0.0.1", found.sockets[0].getsockname()[1], poll_interval=0.01)
    events: list[Any] = []
    client.subscribe(events.append)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.4):
            await client.start()
            while True:
                with contextlib.suppress(StudioError):
                    await client.start_output("record", timeout=0.05)
                await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        await client.stop()
    found.close()
    codes = {event.error.code for event in events if isinstance(event, Disconnected)}
    assert "studio_fault" not in codes


# -- life


async def test_a_vmix_that_starts_later_is_found() -> None:
    async with VmixSimulator() as simulator:
        port = simulator.port
    client = VmixClient("127.0.0.1", port, rng=random.Random(1))
    events: list[Any] = []
    client.subscribe(events.append)
    await client.start()
    await until(lambda: events)
    assert isinstance(events[0], Disconnected)
    simulator = VmixSimulator()
    await simulator.start(port)
    try:
        await until(lambda: client.connected)
        # One event each way, however many attempts there were.
        assert [type(event) for event in events] == [Disconnected, Connected]
    finally:
        await client.stop()
        await simulator.stop()


async def test_a_crash_is_noticed_and_everything_read_again() -> None:
    async with studio() as vmix:
        vmix.simulator.drop()
        await until(lambda: vmix.told(Disconnected))
        assert vmix.client.state is not None
        vmix.world.stream(2, on=True)
        await until(lambda: len(vmix.told(Connected)) == 2)

        assert vmix.told(Connected)[1].state.outputs["stream_2"].state is OutputState.ACTIVE
        error = vmix.told(Disconnected)[0].error
        assert error is not None
        assert error.code == "studio_closed"


async def test_a_half_closed_connection_is_a_closed_one() -> None:
    async with studio() as vmix:
        vmix.faults.half_close = True
        await until(lambda: vmix.told(Disconnected))
        await until(lambda: len(vmix.told(Connected)) == 2)


async def test_a_pc_that_fell_asleep_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio() as vmix:
        monkeypatch.setattr(link._Line.ask, "__defaults__", (0.4,))
        vmix.faults.silent = True
        await until(lambda: vmix.told(Disconnected))

        error = vmix.told(Disconnected)[0].error
        assert error is not None
        assert error.code == "studio_timeout"
        vmix.faults.silent = False
        await until(lambda: len(vmix.told(Connected)) == 2)


def test_sleep_is_noticed_within_fifteen_seconds() -> None:
    # The real values, not those of this file's fixture.
    text = open(link.__file__, encoding="utf-8").read()  # noqa: PTH123, SIM115
    keepalive = float(text.split("KEEPALIVE: Final = ")[1].split()[0])

    assert keepalive + link.REQUEST_TIMEOUT < 15


async def test_keep_alives_keep_a_quiet_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its greeting may be late by a while, without one more connection that looks who lives here.
    monkeypatch.setattr(link, "QUIET_GREETING", link.CONNECT_TIMEOUT)
    async with studio() as vmix:
        asked = lambda: sum(line == "VERSION\r\n" for line in vmix.simulator.requests)  # noqa: E731
        await until(lambda: asked() >= 6)

        assert vmix.told(Disconnected) == []
        assert vmix.simulator.connections == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"garbage": b"\x00\xff\x00garbage\r\n"},
        {"garbage": b"HTTP/1.0 400 Bad Request\r\n\r\n"},
        {"garbage": b"FUNCTION OK Completed\r\n"},
        {"garbage": b"XML 99999999\r\n"},
        {"xml": b"<vmix><version>28</version>"},
        {"xml": b"<html/>"},
        {"xml": b""},
        {"length": 7},
        {"length": -40},
        {"cut": 400},
        {"cut": 5},
    ],
)
async def test_broken_answers_end_the_connection_and_nothing_else(
    fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with studio(poll_interval=0.05) as vmix:
        with monkeypatch.context() as impatient:
            impatient.setattr(link._Line.ask, "__defaults__", (1.0,))
            for name, value in fault.items():
                setattr(vmix.faults, name, value)
            await until(lambda: vmix.told(Disconnected))
        vmix.simulator.faults = type(vmix.faults)()
        await until(lambda: vmix.client.connected)
        # It works again, and never said anything else about the outputs.
        assert (await vmix.client.start_output("record")).state is OutputState.ACTIVE


async def test_pieces_of_any_size_make_no_difference() -> None:
    async with studio(poll_interval=0.02) as vmix:
        for piece in (1, 2, 3, 7, 100, 4096):
            vmix.faults.piece = piece
            await vmix.client.set_volume("master", 10 + piece % 90)

        assert vmix.told(Disconnected) == []


async def test_a_large_preset_is_read() -> None:
    async with studio() as vmix:
        vmix.world.inputs += [Input(f"Input {n}", key=f"k{n}") for n in range(1000)]
        vmix.world.padding = 300 * 1024
        vmix.world.on_tally(vmix.world.tally())
        await until(lambda: len(vmix.client.state.sources) > 4)  # type: ignore[union-attr]
        await vmix.client.set_preview("Input 999")

        assert vmix.client.state is not None
        assert len(vmix.client.state.sources) == 1004


async def test_a_slow_vmix_is_waited_for() -> None:
    async with studio() as vmix:
        vmix.faults.slow = 0.4
        await vmix.client.set_preview("Black")

        assert vmix.told(Disconnected) == []


async def test_one_request_at_a_time_whoever_asks() -> None:
    async with studio(poll_interval=0.01) as vmix:
        vmix.faults.slow = 0.01
        await asyncio.gather(
            *(vmix.client.set_preview("Black") for _ in range(5)),
            *(vmix.client.start_output(f"stream_{n}") for n in range(1, 6)),
            vmix.client.set_volume("master", 30),
            vmix.client.raw("KeyPress", {"Value": "A"}),
        )

        assert vmix.simulator.overlaps == 0


async def test_who_gives_up_waiting_does_not_mix_up_the_answers() -> None:
    async with studio() as vmix:
        vmix.faults.slow = 0.3
        impatient = asyncio.create_task(vmix.client.raw("KeyPress", {"Value": "A"}))
        await asyncio.sleep(0.1)
        impatient.cancel()
        vmix.faults.refuse["PreviewInput"] = "No"
        with pytest.raises(StudioError) as error:
            await vmix.client.raw("PreviewInput", {"Input": "1"})

        assert error.value.code == "request_refused"
        assert vmix.told(Disconnected) == []


async def test_a_request_under_way_fails_with_the_connection() -> None:
    async with studio() as vmix:
        vmix.faults.ignore.add("StartRecording")
        starting = asyncio.create_task(vmix.client.start_output("record"))
        await until(lambda: "StartRecording" in vmix.functions)
        vmix.simulator.drop()
        with pytest.raises(UnreachableError):
            await starting


@pytest.mark.parametrize("end", ["drop", "stop"])
async def test_whoever_waits_for_a_turn_hears_that_the_connection_is_gone(end: str) -> None:
    async with studio() as vmix:
        # So slow that none is answered before the end.
        vmix.faults.slow = 60
        waiting = [
            asyncio.create_task(vmix.client.raw("KeyPress", {"Value": "A"})) for _ in range(5)
        ]
        await asyncio.sleep(0.1)
        if end == "drop":
            vmix.simulator.drop()
        else:
            await vmix.client.stop()
        async with asyncio.timeout(20):
            results = await asyncio.gather(*waiting, return_exceptions=True)

        assert [type(result) for result in results] == [UnreachableError] * 5


async def test_stopping_leaves_nothing_behind() -> None:
    before = len(asyncio.all_tasks())
    async with VmixSimulator() as simulator:
        client = VmixClient("127.0.0.1", simulator.port)
        await client.start()
        await client.start()
        await until(lambda: client.connected)
        await client.stop()
        await client.stop()
        assert client.connected is False
        await until(lambda: not simulator._peers)
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_version_without_events_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def reply(self: VmixSimulator, peer: Any, line: str) -> bytes:
        if line.startswith("SUBSCRIBE"):
            return b"SUBSCRIBE ER Unknown Command\r\n"
        return await original(self, peer, line)

    original = VmixSimulator._reply
    monkeypatch.setattr(VmixSimulator, "_reply", reply)
    async with studio(poll_interval=0.02) as vmix:
        vmix.world.record(on=True)
        await until(lambda: vmix.told(StateChanged))
        assert vmix.client.state is not None
        assert vmix.client.state.tally_program is None


async def test_an_activator_during_a_reading_is_not_undone_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with studio() as vmix:
        old = vmix.world.xml()
        heard = asyncio.Event()
        monkeypatch.setattr(vmix.simulator, "_pause", heard.wait)
        vmix.faults.xml = old
        vmix.simulator.requests.clear()
        external = lambda: vmix.client.state.outputs["external"]  # type: ignore[union-attr]  # noqa: E731
        reading = asyncio.create_task(vmix.client._fresh())
        await until(lambda: "XML\r\n" in vmix.simulator.requests)
        vmix.world.switches["External"] = True
        vmix.world.on_act("External 1")
        await until(lambda: external().state is OutputState.ACTIVE)
        heard.set()
        await reading
        await asyncio.sleep(0)

        assert external().state is OutputState.ACTIVE


# -- over HTTP


@pytest.fixture
async def web(session: aiohttp.ClientSession) -> AsyncIterator[Studio]:
    async with VmixSimulator(username="op", password="s3cret") as simulator:
        client = VmixClient(
            "127.0.0.1",
            session=session,
            http_port=simulator.http_port,
            use_http=True,
            http_username="op",
            http_password="s3cret",
            poll_interval=0.05,
        )
        found = Studio(simulator, client)
        await client.start()
        try:
            await found.ready()
            yield found
        finally:
            await client.stop()


async def test_http_reads_and_does_the_same(web: Studio) -> None:
    assert (await web.client.start_output("stream_3")).state is OutputState.ACTIVE
    await web.client.set_text("Lower Third.gtzip", "A&B +C=D", field="Headline")
    await web.client.set_overlay(1, source="Black", enabled=True)
    assert web.world.inputs[3].texts[0][1] == "A&B +C=D"
    assert web.simulator.connections == 0
    web.faults.refuse["Cut"] = "Not now"
    with pytest.raises(StudioError) as error:
        await web.client.raw("Cut")
    assert error.value.details["reason"] == "Not now"


async def test_http_shows_changes_with_the_next_reading(web: Studio) -> None:
    web.world.record(on=True)
    await until(lambda: web.told(StateChanged))
    # A tally comes as an event only.
    assert web.client.state is not None
    assert web.client.state.tally_program is None


@pytest.mark.parametrize(
    "fault", [{"xml": b"<vmix>"}, {"xml": b"Hello"}, {"cut": 100}, {"xml": b"x" * 9_000_000}]
)
async def test_broken_http_answers_end_the_connection_and_nothing_else(
    web: Studio, fault: dict[str, Any]
) -> None:
    for name, value in fault.items():
        setattr(web.faults, name, value)
    await until(lambda: web.told(Disconnected))
    web.simulator.faults = type(web.faults)()
    await until(lambda: web.client.connected)


async def test_a_silent_web_controller_is_noticed(
    web: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrafabric.studio.vmix.http.REQUEST_TIMEOUT", 0.3)
    web.faults.silent = True
    await until(lambda: web.told(Disconnected))

    error = web.told(Disconnected)[0].error
    assert error is not None
    assert error.code == "studio_timeout"


async def test_a_password_changed_in_vmix_ends_the_attempts(web: Studio) -> None:
    web.simulator._credentials = ("op", "another")
    await until(lambda: web.told(Disconnected))

    assert isinstance(web.told(Disconnected)[0].error, AuthenticationError)
