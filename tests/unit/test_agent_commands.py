"""The commands in one process: real nodes, the real control socket, no subprocess."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from functools import partial
import json
import logging
import os
from pathlib import Path
import signal
import sys
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from infrafabric.mesh.agent import (
    cli,
    leave_command,
    node_commands,
    operations,
    output,
    owner,
    parser,
    reach,
    run_command,
    setup_commands,
    stdin,
    waiting,
)
from infrafabric.mesh.agent.events import peer_json
from infrafabric.mesh.errors import (
    DeadlineError,
    InvalidError,
    MeshError,
    RefusedError,
    UnreachableError,
)
from infrafabric.mesh.model import ReceiptStatus, Role
from infrafabric.mesh.signaling.actions import Limits

from .agent_lab import free_port
from .mesh_lab import Lab

LOCAL = ("--local-address", "127.0.0.1")


async def command(*argv: object) -> None:
    args = parser.build().parse_args([str(arg) for arg in argv])
    await cli._find(args.command)(args)


class Desk:
    """Where commands are given and their output is read."""

    def __init__(self, base: Path, capfd: pytest.CaptureFixture[str], lines: int) -> None:
        self.base = base
        self.home = base / "home"
        self._capfd = capfd
        self._lines = lines
        """The file that printers write to."""
        self._out = ""
        self._err = ""
        self._tasks: list[asyncio.Task[None]] = []

    def _read(self) -> None:
        out, err = self._capfd.readouterr()
        self._out += out + os.read(self._lines, 1 << 20).decode()
        self._err += err

    async def out(self, *argv: object) -> str:
        """Give an agent command and return what it printed."""
        self._read()
        self._out = self._err = ""
        await command("agent", *argv)
        self._read()
        return self._out

    async def json(self, *argv: object) -> Any:
        # An agent that runs meanwhile prints its events too.
        lines = (await self.out(*argv, "--json")).splitlines()
        return json.loads("".join(line for line in lines if not line.startswith('{"event"')))

    async def fails(self, *argv: object) -> MeshError:
        with pytest.raises(MeshError) as caught:
            await command("agent", *argv)
        return caught.value

    def begin(self, *argv: object) -> asyncio.Task[None]:
        """Begin a command; what was printed before it is forgotten."""
        self._read()
        self._out = self._err = ""
        task = asyncio.create_task(command(*argv))
        self._tasks.append(task)
        return task

    async def said(self, part: str, seconds: float = 15) -> str:
        """Wait for a line of either output and return it."""
        async with asyncio.timeout(seconds):
            while True:
                self._read()
                for line in (self._out + self._err).splitlines():
                    if part in line:
                        return line
                await asyncio.sleep(0.02)

    async def end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        for task in reversed(self._tasks):
            await self.end(task)


@pytest.fixture
async def desk(tmp_path: Path, capfd, monkeypatch) -> AsyncIterator[Desk]:
    # Printers write from threads, at any time, and to read pytest's capture empties its file: what
    # is written just then would be lost. So they write to a file of their own.
    path = tmp_path / "lines"
    writing = os.open(path, os.O_WRONLY | os.O_CREAT)
    reading = os.open(path, os.O_RDONLY)
    for module in (node_commands, run_command):
        monkeypatch.setattr(module, "Printer", partial(output.Printer, descriptor=writing))
    made = Desk(tmp_path, capfd, reading)
    yield made
    await made.close()
    os.close(reading)
    os.close(writing)


@pytest.fixture
async def mesh(desk: Desk) -> AsyncIterator[Desk]:
    """A founder that runs, and a member (may command) that does not."""
    desk.begin("signal", "--host", "127.0.0.1", "--port", "0")
    url = await desk.said("ws://")
    said = await desk.out(
        "init", "--state", desk.home, "--mesh", "Lab", "--name", "Home", "--signal", url, *LOCAL
    )
    assert "Fingerprint" in said
    desk.running = desk.begin("agent", "run", "--state", desk.home)
    await desk.said("Home is online")
    desk.studio = desk.base / "studio"
    text = await desk.out("invite", "--state", desk.home, "--role", "command")
    said = await desk.out("join", "--state", desk.studio, "--name", "Studio", *LOCAL, text)
    assert "Studio (command)" in said
    return desk


async def test_a_member_started_for_one_message_reaches_the_running_founder(mesh: Desk) -> None:
    sent = await mesh.json("send", "--state", mesh.studio, "home", "--text", "hi")
    assert list(sent["receipts"].values()) == ["accepted"]
    assert await mesh.out("send", "--state", mesh.studio, "home", "--content", '{"a": 1}') == ""


async def test_looking_with_and_without_an_agent(mesh: Desk) -> None:
    assert "Studio" in await mesh.out("peers", "--state", mesh.home)
    assert (await mesh.json("peers", "--state", mesh.home))["running"]
    assert "Home (admin)" in await mesh.out("status", "--state", mesh.home)
    about = await mesh.json("status", "--state", mesh.studio)
    assert (about["running"], about["peers"]["online"]) == (False, 1)
    assert "direct_lan" in await mesh.out("peers", "--state", mesh.studio)
    await mesh.said("No agent runs here")
    offline = await mesh.json("peers", "--state", mesh.studio, "--wait", "0")
    assert [peer["connected"] for peer in offline["peers"]] == [False]


async def test_requests_broadcasts_and_listening(mesh: Desk) -> None:
    listening = mesh.begin("agent", "listen", "--state", mesh.studio)
    await mesh.said("Listening")
    asking = mesh.begin(
        *("agent", "send", "--state", mesh.home, "Studio", "--request", "--content", "{}"),
        *("--trace-id", "0123456789ab", "--topic", "if://topic/t", "--ttl", "60"),
    )
    asked = json.loads(await mesh.said('"request"'))["message"]
    assert (asked["trace_id"], asked["topic"], asked["ttl"]) == ("0123456789ab", "if://topic/t", 60)
    for performative in ("inform", "refuse"):
        answer = ("--conversation", asked["conversation_id"], "--trace-id", asked["trace_id"])
        # The listener owns the state, so its process sends.
        await mesh.out(
            *("send", "--state", mesh.studio, "Home", "--content", '{"is": "answered"}'),
            *("--performative", performative, *answer),
        )
        if performative == "inform":
            await asking
            await mesh.said('{"is": "answered"}')
            asking = mesh.begin(
                *("agent", "send", "--state", mesh.home, "Studio", "--request", "--json"),
                *("--content", '{"again": 1}', "--trace-id", asked["trace_id"]),
            )
            asked = json.loads(await mesh.said('"again"'))["message"]
    with pytest.raises(RefusedError) as caught:
        await asking
    assert caught.value.code == "request_refused"
    await mesh.out("send", "--state", mesh.home, "--broadcast", "--text", "to all")
    await mesh.said('"if://agent/*"')
    await mesh.said("Accepted by 1 of 1")
    await mesh.out("send", "--state", mesh.home, "--broadcast", "--text", "x", "--json")
    told = json.loads(await mesh.said('"receipts"'))
    assert list(told["receipts"].values()) == ["accepted"]
    await mesh.end(listening)


async def test_listening_ends_with_its_count_and_fails_by_its_timeout(mesh: Desk) -> None:
    listening = mesh.begin("agent", "listen", "--state", mesh.home, "--json", "--count", "1")
    await mesh.said('"listening"')
    await mesh.out("send", "--state", mesh.studio, "Home", "--text", "counted")
    await asyncio.wait_for(listening, 20)
    error = await mesh.fails("listen", "--state", mesh.home, "--count", "1", "--timeout", "0.1")
    assert (type(error), error.code) == (DeadlineError, "listen_timeout")


async def test_invitations_are_listed_and_cancelled_and_end_the_waiting(mesh: Desk) -> None:
    inviting = mesh.begin("agent", "invite", "--state", mesh.home, "--wait", "--json")
    made = json.loads(await mesh.said('"invitation"'))
    assert made["invitation_id"] in await mesh.out("invitations", "--state", mesh.home)
    await mesh.json("cancel", "--state", mesh.home, made["invitation_id"][:6])
    with pytest.raises(DeadlineError) as caught:
        await asyncio.wait_for(inviting, 20)
    assert caught.value.code == "invitation_over"
    assert await mesh.json("invitations", "--state", mesh.home) == {"invitations": []}
    for _ in range(17):
        await mesh.out("invite", "--state", mesh.home, "--no-wait")
    ids = [
        entry["invitation_id"]
        for entry in (await mesh.json("invitations", "--state", mesh.home))["invitations"]
    ]
    shared = next(a[0] for a in ids if sum(b[0] == a[0] for b in ids) > 1)
    error = await mesh.fails("cancel", "--state", mesh.home, shared)
    assert error.code == "ambiguous_invitation"
    assert (await mesh.fails("cancel", "--state", mesh.home, "zz")).code == "unknown_invitation"
    await mesh.out("cancel", "--state", mesh.home, ids[0])
    await mesh.said("Nobody can join with")


async def test_waiting_for_a_joiner_names_it(mesh: Desk) -> None:
    for as_json in ((), ("--json",)):
        state = mesh.base / f"late{len(as_json)}"
        inviting = mesh.begin("agent", "invite", "--state", mesh.home, "--wait", *as_json)
        line = await mesh.said("infrafabric:join#")
        text = json.loads(line)["invitation"] if as_json else line
        joined = await mesh.json("join", "--state", state, "--name", f"Late {len(as_json)}", text)
        assert joined["node"]["name"] == f"Late {len(as_json)}"
        await asyncio.wait_for(inviting, 20)
        await mesh.said('"joined"' if as_json else "Late 0 joined as observe")


async def test_roles_change_and_a_revoked_node_ends(mesh: Desk) -> None:
    other = mesh.begin("agent", "run", "--state", mesh.studio, "--json")
    await mesh.said('"peer_connected"')
    await mesh.out("role", "--state", mesh.home, "Studio", "observe")
    await mesh.said("Studio has the role observe now.")
    assert (await mesh.json("revoke", "--state", mesh.home, "Studio"))["told"]
    with pytest.raises(RefusedError) as caught:
        await asyncio.wait_for(other, 20)
    assert caught.value.code == "membership_revoked"
    await mesh.said('"revoked"')
    for argv in (("run",), ("send", "Home", "--text", "x"), ("listen",), ("invite",)):
        error = await mesh.fails(argv[0], "--state", mesh.studio, *argv[1:])
        assert (error.exit_code, error.code) == (3, "membership_revoked")


async def test_a_founder_alone_revokes_although_nobody_hears_it_yet(
    mesh: Desk, monkeypatch
) -> None:
    await mesh.end(mesh.running)
    monkeypatch.setattr(operations, "LEARNING", 0.3)
    monkeypatch.setattr(waiting, "LEARNING", 0.3)
    await mesh.out("revoke", "--state", mesh.home, "Studio")
    await mesh.said("they learn of it")
    error = await mesh.fails("send", "--state", mesh.home, "Studio", "--text", "x")
    assert error.code == "unknown_peer"


async def test_failures_say_which_kind_they_are(mesh: Desk) -> None:
    cases: list[tuple[type[MeshError], str, tuple[str, ...]]] = [
        (InvalidError, "usage", ("send", "--text", "x")),
        (InvalidError, "usage", ("send", "A", "--broadcast", "--text", "x")),
        (InvalidError, "usage", ("send", "--broadcast", "--request", "--text", "x")),
        (InvalidError, "content_invalid", ("send", "A", "--content", "{")),
        (InvalidError, "content_invalid", ("send", "A", "--content", "[]")),
        (InvalidError, "content_invalid", ("send", "A", "--content", "[" * 200_000)),
        (InvalidError, "message_invalid", ("send", "Studio", "--content", '{"a": NaN}')),
        (InvalidError, "unknown_peer", ("send", "Nobody", "--text", "x")),
        (UnreachableError, "peer_not_connected", ("send", "Studio", "--text", "x")),
        (UnreachableError, "nobody_connected", ("send", "--broadcast", "--text", "x")),
    ]
    for kind, code, argv in cases:
        if code == "message_invalid":
            other = mesh.begin("agent", "run", "--state", mesh.studio)
            await mesh.said("Studio is connected")
        timeout = () if code == "message_invalid" else ("--timeout", "0.2")
        error = await mesh.fails(argv[0], "--state", mesh.home, *timeout, *argv[1:])
        assert (type(error), error.code) == (kind, code), argv
        if code == "message_invalid":
            await mesh.end(other)


async def test_a_lost_signaling_server_is_named(mesh: Desk) -> None:
    await mesh.end(mesh._tasks[0])
    error = await mesh.fails(
        "send", "--state", mesh.studio, "Home", "--text", "x", "--timeout", "1"
    )
    assert "No signaling server can be reached" in str(error)


async def test_a_signaling_server_takes_as_many_as_it_is_told(desk: Desk) -> None:
    desk.begin("signal", "--host", "127.0.0.1", "--port", "0", "--max-connections", "16")
    url = (await desk.said("ws://")).replace("ws:", "http:")
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        # Half of them may be not signed in yet, as ever.
        for _ in range(8):
            await stack.enter_async_context(http.ws_connect(url))
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url)
    assert refused.value.status == 503


def test_the_usual_limits_are_those_of_the_usual_size() -> None:
    assert Limits.of(Limits().connections) == Limits()
    assert Limits.of(4096) == Limits(connections=4096, unauthenticated=2048, joiners=1024)


async def test_leaving_unheard_is_an_error_unless_it_is_wanted(mesh: Desk) -> None:
    await mesh.end(mesh.running)
    wait = ("--yes", "--wait", "0.1s")
    error = await mesh.fails("leave", "--state", mesh.studio, *wait)
    assert (error.code, error.exit_code) == ("nobody_connected", 4)
    assert (mesh.studio / "node.json").exists()
    await mesh.out("leave", "--state", mesh.studio, *wait, "--force")
    assert "stays a member" in await mesh.said("No other member heard it")
    assert not (mesh.studio / "node.json").exists()


async def test_a_revoked_member_and_a_lonely_founder_leave_without_a_word(mesh: Desk) -> None:
    running = mesh.begin("agent", "run", "--state", mesh.studio, "--json")
    await mesh.said('"peer_connected"')
    await mesh.out("revoke", "--state", mesh.home, "Studio")
    with pytest.raises(RefusedError):
        await asyncio.wait_for(running, 20)
    told = await mesh.json("leave", "--state", mesh.studio, "--yes")
    assert told == {"mesh": "Lab", "told": False}
    await mesh.end(mesh.running)
    told = await mesh.json("leave", "--state", mesh.home, "--yes")
    assert told == {"mesh": "Lab", "told": False}
    assert not (mesh.home / "settings.json").exists()


@pytest.mark.parametrize("answer", ["no", "yes"])
async def test_at_a_terminal_leaving_asks_first(mesh: Desk, monkeypatch, answer: str) -> None:
    async def typed(_limit: int, *, one_line: bool) -> str:
        assert one_line
        return f"{answer}\n"

    monkeypatch.setattr(leave_command, "read_stdin", typed)
    monkeypatch.setattr(sys, "stdin", Mock(isatty=lambda: True))
    if answer == "no":
        error = await mesh.fails("leave", "--state", mesh.studio)
        assert (error.code, error.exit_code) == ("not_confirmed", 3)
        assert (mesh.studio / "node.json").exists()
    else:
        assert await mesh.json("leave", "--state", mesh.studio) == {"mesh": "Lab", "told": True}


async def test_what_is_piped_in_is_read(mesh: Desk) -> None:
    reading, writing = os.pipe()
    former = os.dup(0)
    os.dup2(reading, 0)
    try:
        os.write(writing, b'{"from": "a pipe"}')
        os.close(writing)
        await mesh.out("send", "--state", mesh.studio, "Home", "--content", "-")
    finally:
        os.dup2(former, 0)
        os.close(former)
        os.close(reading)


async def test_a_pasted_invitation_ends_with_its_line(desk: Desk, monkeypatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(stdin, "_STDIN", reading)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    os.write(writing, b"not an invitation\n")
    error = await desk.fails("join", "--state", desk.base / "x", "--name", "X")
    assert error.code == "invitation_malformed"
    await desk.said("Paste the invitation")
    file = desk.base / "invitation"
    file.write_text("nor this")
    both = ("--file", file, "text")
    assert (await desk.fails("join", "--state", desk.base, "--name", "X", *both)).code == "usage"
    error = await desk.fails("join", "--state", desk.base / "x", "--name", "X", "--file", file)
    assert error.code == "invitation_malformed"
    os.close(writing)
    os.close(reading)


async def test_init_checks_before_it_makes_anything(desk: Desk) -> None:
    home = ("init", "--state", desk.home, "--mesh", "M", "--name", "X")
    assert (await desk.fails(*home)).code == "signaling_needed"
    bad = desk.base / "ice.json"
    bad.write_text("{}")
    error = await desk.fails(*home, "--signal", "ws://h", "--ice-file", bad)
    assert error.code == "ice_file_invalid"
    assert not desk.home.exists()
    bad.write_text('[{"url": "turns:127.0.0.1:9", "username": "u", "credential": "p"}]')
    bad.chmod(0o600)
    about = await desk.json(
        *(*home, "--host-signal", "[::1]:9", "--ice-file", bad, "--no-relay-only"),
        *("--ice-server", "stun:127.0.0.1:9"),
    )
    assert about["signaling"] == ["ws://[::1]:9/api/infrafabric/signal"]
    assert (await desk.fails(*home, "--signal", "ws://h")).code == "state_exists"
    settings = json.loads((desk.home / "settings.json").read_text())
    assert settings["host_signal"] == "[::1]:9"
    assert settings["ice_file"] == str(bad)
    # The process was killed between the two files.
    (desk.home / "settings.json").unlink()
    assert reach.load_settings(desk.home).name == "X"
    assert (await desk.json("status", "--state", desk.home, "--wait", "0"))["node"]["name"] == "X"


async def test_a_port_that_is_taken_is_named(desk: Desk) -> None:
    desk.begin("signal", "--host", "127.0.0.1", "--port", "0", "--json")
    port = json.loads(await desk.said('"port"'))["port"]
    with pytest.raises(InvalidError) as caught:
        await command("signal", "--host", "127.0.0.1", "--port", port)
    assert caught.value.code == "address_unusable"


async def test_a_node_that_hosts_its_server_tells_an_address_that_reaches_it(
    desk: Desk,
) -> None:
    port = free_port()
    hosts = ("--host-signal", f"0.0.0.0:{port}")
    announced = f"ws://127.0.0.1:{port}/api/infrafabric/signal"
    await desk.out(
        *("init", "--state", desk.home, "--mesh", "M", "--name", "X", *LOCAL, *hosts),
        *("--signal", announced),
    )
    inviting = desk.begin("agent", "invite", "--state", desk.home)
    text = await desk.said("infrafabric:join#")
    await desk.out("join", "--state", desk.base / "b", "--name", "B", text)
    await asyncio.wait_for(inviting, 20)
    await desk.said("B joined as observe")
    status = await desk.json("status", "--state", desk.home)
    assert status["signaling"]["connected"] == [announced]


async def test_the_agent_waits_for_its_predecessor_but_not_for_ever(
    mesh: Desk, monkeypatch
) -> None:
    second = mesh.begin("agent", "run", "--state", mesh.home)
    await asyncio.sleep(0)
    await mesh.end(mesh.running)
    await mesh.said("Home is online")
    monkeypatch.setattr(run_command, "PATIENCE", 0.2)
    assert (await mesh.fails("run", "--state", mesh.home)).code == "state_in_use"
    await mesh.end(second)


async def test_a_reader_that_goes_ends_run_and_listen(mesh: Desk, monkeypatch) -> None:
    printers: list[Any] = []

    class Stuck(output.Printer):
        def __init__(self, stuck) -> None:
            super().__init__(stuck)
            self.tell = stuck
            printers.append(self)

    monkeypatch.setattr(node_commands, "Printer", Stuck)
    monkeypatch.setattr(run_command, "Printer", Stuck)
    for gone in (True, False):
        listening = mesh.begin("agent", "listen", "--state", mesh.home)
        await mesh.said("Listening")
        printers[-1].tell(gone)
        if gone:
            await asyncio.wait_for(listening, 20)
        else:
            with pytest.raises(RefusedError):
                await asyncio.wait_for(listening, 20)
    other = mesh.begin("agent", "run", "--state", mesh.studio, "--listen")
    await mesh.said("Studio is online")
    printers[-1].tell(False)
    await mesh.said("Nobody reads the output")
    printers[-1].tell(True)
    printers[-1].tell(True)
    await asyncio.wait_for(other, 20)


async def test_messages_that_nobody_reads_cut_a_listener_off(monkeypatch) -> None:
    monkeypatch.setattr(operations, "MAX_WAITING", 2)
    async with Lab() as lab:
        studio = await lab.join("Studio")
        asked = operations.Operations(
            lab.founder.node, {"name": "Home", "host_signal": None}, running=True, started=True
        )
        reads, go = asyncio.Event(), asyncio.Event()

        async def slow(event: dict[str, Any]) -> None:
            if event["event"] == "message":
                reads.set()
                await go.wait()

        listening = asyncio.create_task(asked.perform("listen", {}, slow))
        await asyncio.sleep(0)
        sending = operations.Operations(studio.node, {}, running=True, started=True)
        for number in range(5):
            draft = {"content": {"n": number}}
            await sending.perform("send", {"peer": "Home", "draft": draft, "timeout": 9}, slow)
        await reads.wait()
        go.set()
        with pytest.raises(RefusedError) as caught:
            await listening
        assert caught.value.code == "listener_too_slow"
        with pytest.raises(InvalidError) as unknown:
            await asked.perform("dance", {}, slow)
        assert unknown.value.code == "unknown_operation"


async def test_a_message_that_is_not_taken_is_refused_or_late(monkeypatch) -> None:
    async with Lab() as lab:
        studio = await lab.join("Studio", Role.COMMAND)
        asked = operations.Operations(studio.node, {}, running=True, started=True)

        async def ignore(_: dict[str, Any]) -> None:
            pass

        what = {"peer": "Home", "draft": {"content": {}}, "timeout": 5}
        for status, kind, code in (
            (ReceiptStatus.RATE_LIMITED, RefusedError, "message_refused"),
            (None, DeadlineError, "receipt_timeout"),
        ):

            def deliver(*_: object, status: ReceiptStatus | None = status) -> Any:
                if status is None:
                    raise UnreachableError("link_closed", "Gone.")
                receipt = asyncio.get_running_loop().create_future()
                receipt.set_result(status)
                return receipt

            monkeypatch.setattr(studio.node._engine.delivery, "deliver_to", deliver)
            with pytest.raises(kind) as caught:
                await asked.perform("send", what, ignore)
            assert caught.value.code == code
            with pytest.raises(kind):
                await asked.perform("broadcast", {"draft": what["draft"], "timeout": 5}, ignore)

        def never(*_: object) -> Any:
            return asyncio.get_running_loop().create_future()

        monkeypatch.setattr(studio.node._engine.delivery, "deliver_to", never)
        with pytest.raises(DeadlineError) as late:
            await asked.perform("request", {**what, "timeout": 0.2}, ignore)
        assert late.value.code == "request_timeout"
        # A member that is removed while somebody waits for it.
        gone = await lab.join("Gone")
        peer_id = gone.node.peer_id
        await lab.founder.until(lambda: peer_id in lab.founder.node.peers)
        await gone.node.stop()
        waiting = operations.Operations(lab.founder.node, {}, running=True, started=True)
        await lab.founder.until(lambda: not lab.founder.node.peers[peer_id].connected)
        sending = asyncio.create_task(
            waiting.perform("send", {**what, "peer": "Gone", "timeout": 9}, ignore)
        )
        await asyncio.sleep(0)
        await lab.founder.node.revoke(peer_id)
        with pytest.raises(RefusedError) as removed:
            await sending
        assert removed.value.code == "peer_removed"
        assert peer_json(studio.node.peers[lab.founder.node.peer_id])["connected"]


# main: from the arguments to the exit code


def main(*argv: object) -> int:
    return cli.main([str(arg) for arg in argv])


def test_main_turns_failures_into_codes_and_sentences(tmp_path: Path, capsys) -> None:
    assert main("agent", "peers", "--state", tmp_path / "none") == 2
    assert capsys.readouterr().err.startswith("Error: There is no mesh in")
    assert main() == 2
    assert "usage" in capsys.readouterr().out
    assert main("--version") == 0
    assert capsys.readouterr().out.startswith("infrafabric ")


def test_main_shows_a_mistake_without_a_traceback_unless_asked(
    tmp_path: Path, capsys, monkeypatch, caplog
) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError("zero")

    monkeypatch.setattr(node_commands, "peers", broken)
    assert main("agent", "peers") == 1
    assert "ZeroDivisionError: zero" in capsys.readouterr().err
    caplog.set_level(logging.DEBUG, "infrafabric.mesh")
    assert main("agent", "peers", "--verbose") == 1
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("peers", signal.SIGINT, 130),
        ("peers", signal.SIGTERM, 143),
        ("listen", signal.SIGTERM, 0),
        ("listen", signal.SIGINT, 0),
    ],
)
def test_main_cleans_up_after_a_signal(
    monkeypatch, name: str, number: signal.Signals, code: int
) -> None:
    cleaned: list[bool] = []

    async def stays(_: object) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    monkeypatch.setattr(node_commands, name, stays)
    assert main("agent", name) == code
    assert cleaned == [True]


def test_a_second_ctrl_c_does_not_wait_for_the_clean_up(monkeypatch) -> None:
    async def stubborn(_: object) -> None:
        kill = asyncio.get_running_loop().call_soon
        kill(os.kill, os.getpid(), signal.SIGINT)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        kill(os.kill, os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    monkeypatch.setattr(node_commands, "peers", stubborn)
    assert main("agent", "peers") == 130


def test_a_command_that_cancels_itself_is_not_taken_for_interrupted(monkeypatch) -> None:
    async def cancels(_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(node_commands, "peers", cancels)
    with pytest.raises(asyncio.CancelledError):
        main("agent", "peers")


def test_a_closed_output_is_no_failure(monkeypatch, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    async def prints(_: object) -> None:
        print("into the void", flush=True)

    monkeypatch.setattr(node_commands, "peers", prints)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main("agent", "peers") == 0
        # What is flushed at the end goes nowhere instead of failing once more.
        print("more", file=pipe, flush=True)


def test_the_version_of_a_copy_that_is_not_installed_is_unknown(monkeypatch) -> None:
    def missing(_: str) -> str:
        raise owner.metadata.PackageNotFoundError

    monkeypatch.setattr(owner.metadata, "version", missing)
    assert owner.version() == "unknown"
    assert setup_commands.software().startswith("infrafabric/unknown (agent")
