"""The examples in the documentation are parsed, run against the real parser, or run for real."""

import ast
import asyncio
from collections.abc import Iterator
import importlib
import json
from pathlib import Path
import re
import shlex
import sys
from typing import Any

import pytest
import yaml

from infrafabric.mesh.agent.parser import build
from infrafabric.mesh.agent.store import FileStore
from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.messages.message import IFMessage
from infrafabric.mesh.messages.schema import PERFORMATIVES
from infrafabric.mesh.model import Role
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.trust.identity import check_groups, mesh_id_of, peer_id_of
from infrafabric.mesh.trust.records import Record, is_genuine, parse_signed
from infrafabric.mesh.trust.signed import Signed

from .docs_pages import (
    ENGLISH,
    FENCE,
    SERVICES,
    blocks,
    bus_events,
    fields_of,
    module,
    page,
    section,
)
from .mesh_lab import Lab
from .repository import INTEGRATION

# --- Examples


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_examples_are_yaml(text: str) -> None:
    assert isinstance(yaml.safe_load(text), dict)


def called_actions(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if str(value.get("action", "")).startswith("infrafabric."):
            yield value
        for item in value.values():
            yield from called_actions(item)
    elif isinstance(value, list):
        for item in value:
            yield from called_actions(item)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_actions_in_yaml_examples_exist_and_take_their_fields(text: str) -> None:
    for call in called_actions(yaml.safe_load(text)):
        action = call["action"].removeprefix("infrafabric.")
        fields = fields_of(action)
        data = call.get("data", {})
        assert set(data) <= set(fields)
        assert {name for name, field in fields.items() if field.get("required")} <= set(data)
        # An emergency stop may be for all studios.
        assert "target" in call or data.get("all") is True or "target" not in SERVICES[action]
        assert set(call.get("target", {})) <= {"device_id", "area_id", "label_id"}
        for name, value in data.items():
            options = fields[name]["selector"].get("select", {}).get("options")
            assert options is None or value in options


def entity_suffixes() -> set[str]:
    """Return what the ids of a peer's and the node's entities end with, after their device."""
    names = {
        f"{platform}.{entity['name']}"
        for platform, keys in ENGLISH["entity"].items()
        for entity in keys.values()
    } | {"binary_sensor.Connectivity"}
    return {re.sub(r"\W+", "_", name.lower()) for name in names}


def webhook_event() -> str:
    source = (INTEGRATION / "const.py").read_text()
    found = re.search(r'^EVENT_WEBHOOK: Final = "(\w+)"', source, re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_automations_in_examples_listen_to_entities_and_events_that_exist(text: str) -> None:
    suffixes = entity_suffixes()
    for trigger in yaml.safe_load(text).get("triggers", []):
        if (own := trigger["trigger"].removeprefix("infrafabric.")) != trigger["trigger"]:
            assert trigger.get("options", {}).keys() <= ENGLISH["triggers"][own]["fields"].keys()
        if trigger["trigger"] == "event":
            assert trigger["event_type"] in {*bus_events(), webhook_event()}
        if trigger["trigger"] == "event.received":
            assert trigger["options"]["event_type"] in PERFORMATIVES
            entity = trigger["target"]["entity_id"]
            assert re.sub(r"\.[a-z]+_", "_", entity) in suffixes
    for attribute in re.findall(r"to_state\.attributes\.(\w+)", text):
        assert attribute in bus_events()["infrafabric_message"]


@pytest.mark.parametrize("text", blocks("python"))
def test_python_examples_compile_and_import_what_exists(text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("infrafabric"):
            there = importlib.import_module(str(node.module))
            assert all(hasattr(there, alias.name) for alias in node.names)
    compile(text, "example", "exec")


@pytest.mark.parametrize("text", blocks("json"))
def test_json_examples_are_json(text: str) -> None:
    json.loads(text)


async def test_the_agent_of_the_tutorial_answers_a_request(tmp_path: Path) -> None:
    text = next(p.values[0] for p in blocks("python") if "MeshNode.load" in p.values[0])
    (tmp_path / "answer.py").write_text(text)
    (tmp_path / "python").mkdir(mode=0o700)
    async with Lab() as lab:
        _, invitation = await lab.founder.node.create_invitation()
        store = FileStore(tmp_path / "python")
        await MeshNode.join(store, invitation, node_name="Python", http=lab.http)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "answer.py", cwd=tmp_path, stderr=asyncio.subprocess.PIPE
        )
        try:
            home = lab.founder
            await home.until(lambda: any(p.connected for p in home.node.peers.values()))
            (peer,) = home.node.peers
            reply = await home.node.request(
                peer, MessageDraft(content={"what": "time"}, performative="request"), timeout=10
            )
            assert reply.content == {"you_said": {"what": "time"}}
        finally:
            process.terminate()
            await process.communicate()


def test_the_example_of_time_limited_credentials_writes_a_private_file_that_an_agent_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = next(p.values[0] for p in blocks("python") if "TURN_SECRET" in p.values[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TURN_SECRET", "secret")
    exec(compile(text, "example", "exec"), {})

    (server,) = module("agent.settings").read_ice_file(tmp_path / "ice.json")
    assert server.username.endswith(":agent")
    assert server.credential


def command_lines() -> Iterator[Any]:
    for parameter in blocks("sh"):
        text = parameter.values[0].replace("\\\n", " ")
        for line in text.splitlines():
            for part in line.split(" | "):
                if part.startswith("infrafabric "):
                    yield pytest.param(part, id=part)


@pytest.mark.parametrize("line", command_lines())
def test_every_command_in_an_example_is_one_the_parser_takes(line: str) -> None:
    words = shlex.split(line.split(" > ", maxsplit=1)[0])[1:]
    if words != ["--version"]:
        assert build().parse_args(words).command


def test_the_example_message_is_genuine() -> None:
    text = section(page("reference/protocol.md"), "The export form")
    exported = json.loads(FENCE.search(text)[2])  # type: ignore[index]
    message = IFMessage.from_export(exported)

    assert message.content == {"door": "open"}
    identity = section(page("reference/protocol.md"), "Identity")
    key = bytes.fromhex(re.search(r"`([0-9a-f]{64})`", identity)[1])  # type: ignore[index]
    assert message.sender == peer_id_of(key)
    assert f"`{message.sender}`" in identity
    assert f"`{check_groups(message.sender)}`" in identity


def test_the_example_record_is_genuine() -> None:
    text = section(page("reference/protocol.md"), "Records")
    record = parse_signed(Signed.from_json(json.loads(FENCE.search(text)[2]), 4096))  # type: ignore[index]

    assert isinstance(record, Record)
    assert is_genuine(record)
    assert record.role is Role.ADMIN
    assert record.mesh_id == mesh_id_of(record.issuer, record.public_key)
