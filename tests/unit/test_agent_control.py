"""The socket between the command line and the agent that runs."""

import asyncio
from collections.abc import Mapping
import json
import os
from pathlib import Path
from typing import Any

import pytest

from infrafabric.mesh.agent import control
from infrafabric.mesh.agent.control import ControlServer, Emit, NotRunningError, call
from infrafabric.mesh.errors import (
    DeadlineError,
    InvalidError,
    MeshError,
    RefusedError,
    UnreachableError,
)


class Agent:
    """Performs by name what tests need."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.began = asyncio.Event()
        self.go = asyncio.Event()

    async def perform(self, op: str, args: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
        if op == "echo":
            await emit({"saw": 1})
            await emit({"saw": 2})
            return dict(args)
        if op == "raise":
            raise ERRORS[args["kind"]]
        if op == "crash":
            raise RuntimeError
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return {"done": True}


ERRORS = {
    "invalid": InvalidError("a", "A.", x="1"),
    "refused": RefusedError("b", "B."),
    "unreachable": UnreachableError("c", "C."),
    "deadline": DeadlineError("d", "D."),
    "failed": MeshError("e", "E."),
}


@pytest.fixture
async def agent(tmp_path: Path):
    made = Agent()
    made.directory = tmp_path
    made.server = ControlServer(tmp_path, made.perform)
    await made.server.start()
    yield made
    await made.server.close()


def ignore(_: dict[str, Any]) -> None:
    pass


async def test_events_come_in_order_before_the_result(agent: Agent) -> None:
    events: list[dict[str, Any]] = []
    big = {"text": "ä" * 1_000_000, "half": "\udc80"}
    assert await call(agent.directory, "echo", big, events.append) == big
    assert events == [{"saw": 1}, {"saw": 2}]


@pytest.mark.parametrize("kind", ERRORS)
async def test_errors_keep_their_class_code_text_and_details(agent: Agent, kind: str) -> None:
    with pytest.raises(MeshError) as caught:
        await call(agent.directory, "raise", {"kind": kind}, ignore)
    error = ERRORS[kind]
    assert type(caught.value) is type(error)
    assert (caught.value.code, str(caught.value)) == (error.code, str(error))
    assert caught.value.details == error.details


async def test_a_mistake_of_the_agent_is_an_error_and_not_its_end(agent: Agent, caplog) -> None:
    with pytest.raises(MeshError) as caught:
        await call(agent.directory, "crash", {}, ignore)
    assert caught.value.code == "internal_error"
    assert "RuntimeError" in caplog.text
    assert await call(agent.directory, "echo", {}, ignore) == {}


async def test_hanging_up_ends_the_operation(agent: Agent) -> None:
    calling = asyncio.create_task(call(agent.directory, "wait", {}, ignore))
    await agent.began.wait()
    calling.cancel()
    await asyncio.wait_for(agent.cancelled.wait(), 20)


async def test_the_end_of_the_agent_is_told(agent: Agent) -> None:
    calling = asyncio.create_task(call(agent.directory, "wait", {}, ignore))
    await agent.began.wait()
    await agent.server.close()
    with pytest.raises(UnreachableError) as caught:
        await calling
    assert caught.value.code == "agent_stopped"
    with pytest.raises(NotRunningError):
        await call(agent.directory, "echo", {}, ignore)
    assert list(agent.directory.iterdir()) == []


async def test_draining_waits_for_what_ends_by_itself_and_not_for_listeners(agent: Agent) -> None:
    listening = asyncio.create_task(call(agent.directory, "listen", {}, ignore))
    await agent.began.wait()
    agent.began.clear()
    sending = asyncio.create_task(call(agent.directory, "send", {}, ignore))
    await agent.began.wait()
    draining = asyncio.create_task(agent.server.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    agent.go.set()
    await draining
    assert await sending == {"done": True}
    assert await listening == {"done": True}


async def test_a_socket_left_behind_is_replaced_and_the_new_one_is_private(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("")
    agent = Agent()
    server = ControlServer(tmp_path, agent.perform)
    await server.start()
    assert oct((tmp_path / "control.sock").stat().st_mode & 0o777) == "0o600"
    assert await call(tmp_path, "echo", {"a": 1}, ignore) == {"a": 1}
    await server.drain()
    await server.close()
    await server.close()


async def test_a_directory_with_a_long_path_works(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = ControlServer(deep, Agent().perform)
    await server.start()
    assert await call(deep, "echo", {"a": 1}, ignore) == {"a": 1}
    await server.close()


async def test_where_long_paths_cannot_work_the_reason_is_given(
    tmp_path: Path, monkeypatch
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: "/proc" not in str(self) and exists(self))
    with pytest.raises(InvalidError, match="too long"):
        await ControlServer(deep, Agent().perform).start()


async def test_a_socket_that_cannot_be_made_is_reported(tmp_path: Path, monkeypatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(control.asyncio, "start_unix_server", fail)
    with pytest.raises(InvalidError, match="Permission denied"):
        await ControlServer(tmp_path, Agent().perform).start()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"v": 2, "op": "echo", "args": {}}\n', "other_version"),
        (b"[]\n", "other_version"),
        (b"x" * (control.MAX_LINE + 100_000) + b"\n", "message_too_large"),
    ],
)
async def test_a_request_of_another_form_is_refused(agent: Agent, line: bytes, code: str) -> None:
    path = str(agent.directory / "control.sock")
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = json.loads(await reader.readline())
    assert answer["error"]["code"] == code
    writer.close()


async def test_rubbish_ends_the_connection_alone(agent: Agent) -> None:
    path = str(agent.directory / "control.sock")
    for rubbish in (b"{\n", b"\xff\n", b"half a line"):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(rubbish)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert await call(agent.directory, "echo", {}, ignore) == {}


def test_the_socket_is_not_inherited_by_a_wide_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:

        async def look() -> int:
            server = ControlServer(tmp_path, Agent().perform)
            await server.start()
            mode = (tmp_path / "control.sock").stat().st_mode & 0o777
            await server.close()
            return mode

        assert asyncio.run(look()) == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(before)
