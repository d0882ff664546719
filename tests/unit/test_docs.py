"""What the documentation says is what the code does.

Tables are compared with the code they describe, in both directions; examples are parsed, run
against the real parser, or run for real. Home Assistant's own floor is read, not imported.
"""

import ast
import asyncio
from collections.abc import Iterator
import dataclasses
import importlib
import inspect
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
from infrafabric.mesh.api import MessageDraft, NodeConfig
from infrafabric.mesh.errors import (
    DeadlineError,
    InvalidError,
    MeshError,
    RefusedError,
    UnreachableError,
)
from infrafabric.mesh.frames import CHANNEL_OF, FrameType
from infrafabric.mesh.identity import Purpose, check_groups, mesh_id_of, peer_id_of
from infrafabric.mesh.message import IFMessage
from infrafabric.mesh.message_schema import PERFORMATIVES
from infrafabric.mesh.model import NodeEvent, Path as LinkPath, ReceiptStatus, Role
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.records import Record, is_genuine, parse_signed
from infrafabric.mesh.signed import Signed

from .mesh_lab import Lab
from .repository import INTEGRATION, ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
ENGLISH: dict[str, Any] = json.loads((INTEGRATION / "translations" / "en.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((INTEGRATION / "services.yaml").read_text())

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / name).read_text()


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, its sub-sections included."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"there is no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row that is no header."""
    lines = text.splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for number, line in enumerate(lines)
        if line.startswith("|")
        and not line.startswith("|---")
        and not (number + 1 < len(lines) and lines[number + 1].startswith("|---"))
    ]


def codes(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def first_codes(text: str) -> list[str]:
    """Return the code in the first cell of every row."""
    return [code for cells in rows(text) for code in codes(cells[0])]


def blocks(*languages: str) -> list[Any]:
    return [
        pytest.param(body, id=f"{path.relative_to(ROOT)}-{number}")
        for path in PAGES
        for number, (language, body) in enumerate(_FENCE.findall(path.read_text()))
        if language in languages
    ]


# --- Actions


def fields_of(action: str) -> dict[str, dict[str, Any]]:
    """Return an action's fields with those of its groups."""
    fields: dict[str, dict[str, Any]] = {}
    for name, field in (SERVICES[action].get("fields") or {}).items():
        fields |= field["fields"] if "fields" in field else {name: field}
    return fields


def documented_fields(action: str) -> dict[str, list[str]]:
    text = page("reference/actions.md")
    tables = section(text, f"`infrafabric.{action}`")
    if "more" in (SERVICES[action].get("fields") or {}):
        tables += section(text, "Fields of a message")
    return {codes(cells[0])[0]: cells for cells in rows(tables)}


def test_every_action_is_documented_and_no_other() -> None:
    text = page("reference/actions.md")
    headings = re.findall(r"^## `infrafabric\.(\w+)`$", text, re.MULTILINE)

    assert headings == list(SERVICES)
    overview = text[: text.index("## Fields of a message")]
    assert first_codes(overview) == [f"infrafabric.{action}" for action in SERVICES]


@pytest.mark.parametrize("action", SERVICES)
def test_every_field_of_an_action_is_documented_with_its_name_and_default(action: str) -> None:
    documented = documented_fields(action)
    fields = fields_of(action)
    names = ENGLISH["services"][action].get("fields", {})

    assert set(documented) == set(fields)
    for key, field in fields.items():
        _, name, default, *_ = documented[key]
        assert name == names[key]["name"]
        if field.get("required"):
            assert default == "required"
        elif isinstance(value := field.get("default"), dict):
            assert yaml.safe_load(codes(default)[0]) == value
        elif value is not None:
            assert str(value) in codes(default), key
    assert f"*{ENGLISH['services'][action]['name']}*" in section(
        page("reference/actions.md"), f"`infrafabric.{action}`"
    )


def test_the_overview_of_actions_says_who_may_call_them_and_what_comes_back() -> None:
    tree = ast.parse((INTEGRATION / "services.py").read_text())
    table = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "ACTIONS"
    )
    assert isinstance(table, ast.Dict)
    said = {
        codes(cells[0])[0].removeprefix("infrafabric."): (cells[2], cells[3])
        for cells in rows(page("reference/actions.md").split("## Fields of a message")[0])
    }
    words = {"NONE": "none", "OPTIONAL": "optional", "ONLY": "always"}
    for key, call in zip(table.keys, table.values, strict=True):
        assert isinstance(key, ast.Constant)
        assert isinstance(call, ast.Call)
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        response = given.get("response")
        kind = response.attr if isinstance(response, ast.Attribute) else "NONE"
        admin = "yes" if "admin" in given else "no"
        assert said[str(key.value)] == (words[kind], admin)


# --- Entities, dialogs, events


def test_every_entity_is_documented_with_its_key_and_no_other() -> None:
    documented = {}
    for heading in ("The node", "A peer"):
        for cells in rows(section(page("reference/entities.md"), heading)):
            if re.match(r"`\w+` [A-Z]", cells[0]):
                platform, name = re.fullmatch(r"`(\w+)` (.+)", cells[0]).groups()  # type: ignore[union-attr]
                documented[platform, codes(cells[1])[0]] = name
    entities = {
        (platform, key): entity["name"]
        for platform, keys in ENGLISH["entity"].items()
        for key, entity in keys.items()
    }
    # Home Assistant names this one by its device class.
    entities["binary_sensor", "connectivity"] = "Connectivity"

    assert documented == entities


def test_every_path_and_every_attribute_of_a_message_is_documented() -> None:
    text = page("reference/entities.md")
    assert {path.value for path in LinkPath} == set(first_codes(text[text.index("**Path.**") :]))
    attributes = ENGLISH["entity"]["event"]["message"]["state_attributes"].keys() - {"event_type"}
    assert attributes <= set(codes(text[text.index("**The message event**") :]))


# Where the dialogs are described: the steps of a heading.
DIALOGS = {
    "Add: *Create a mesh*": [("config", "create")],
    "Add: *Join a mesh*": [("config", "join")],
    "Reconfigure": [("config", "reconfigure")],
    "Re-authenticate": [("config", "reauth_confirm")],
    "Invite a peer": [("options", "invite"), ("options", "invite_code")],
    "Open invitations": [("options", "invitations")],
    "Peers": [("options", "peers"), ("options", "peer_edit")],
    "Settings": [("options", "settings")],
}


@pytest.mark.parametrize("heading", DIALOGS)
def test_every_field_of_a_dialog_is_documented_with_its_label_and_no_other(heading: str) -> None:
    documented = {
        codes(cells[0])[0]: cells[1]
        for cells in rows(section(page("reference/configuration.md"), heading))
    }
    fields = {
        key: label
        for flow, step in DIALOGS[heading]
        for key, label in ENGLISH[flow]["step"][step]["data"].items()
    }

    assert documented == fields


def test_no_dialog_with_fields_is_left_out() -> None:
    described = {step for steps in DIALOGS.values() for step in steps}
    # The same form with another text above it.
    described |= {("config", "create_private"), ("config", "create_unreachable")}
    with_fields = {
        (flow, step)
        for flow in ("config", "options")
        for step, texts in ENGLISH[flow]["step"].items()
        if "data" in texts
    }

    assert with_fields == described
    servers = section(page("reference/configuration.md"), "STUN and TURN servers")
    assert {codes(cells[0])[0]: cells[1] for cells in rows(servers)} == {
        key: field["name"] for key, field in ENGLISH["selector"]["ice_server"]["fields"].items()
    }


def test_every_choice_of_a_dialog_is_named_as_the_dialog_names_it() -> None:
    text = " ".join(page("reference/configuration.md").split())
    for selector in ("role", "expiry", "ice"):
        for label in ENGLISH["selector"][selector]["options"].values():
            assert f"*{label}*" in text


def bus_events() -> dict[str, set[str]]:
    """Return the keys of each bus event, read from the hub."""
    tree = ast.parse((INTEGRATION / "hub.py").read_text())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    def keys(name: str) -> set[str]:
        return {
            {"ATTR_DEVICE_ID": "device_id"}[key.id] if isinstance(key, ast.Name) else key.value
            for mapping in ast.walk(functions[name])
            if isinstance(mapping, ast.Dict)
            for key in mapping.keys
            if isinstance(key, ast.Name | ast.Constant)
        }

    peer = keys("peer_data")
    return {
        "infrafabric_message": keys("message_data"),
        "infrafabric_peer_connected": peer | keys("_peer_connected"),
        "infrafabric_peer_disconnected": peer | keys("_peer_disconnected"),
    }


def test_every_bus_event_is_documented_with_its_fields_and_no_other() -> None:
    text = page("reference/events.md")
    common = set(first_codes(text[: text.index("\n## ")]))
    documented = {
        name: common | set(first_codes(section(text, f"`{name}`")))
        for name in re.findall(r"^## `(\w+)`$", text, re.MULTILINE)
    }

    assert documented == bus_events()
    constants = (INTEGRATION / "const.py").read_text()
    assert set(documented) == set(re.findall(r'^EVENT_\w+: Final = "(\w+)"', constants, re.M))


# --- The command line


def commands() -> dict[str, Any]:
    """Return every command's parser by its full name."""
    found = {}
    parser = build()
    groups = next(a for a in parser._actions if hasattr(a, "choices") and a.choices)
    for name, group in groups.choices.items():
        inner = [a for a in group._actions if a.__class__.__name__ == "_SubParsersAction"]
        if not inner:
            found[f"infrafabric {name}"] = group
            continue
        for command, sub in inner[0].choices.items():
            found[f"infrafabric {name} {command}"] = sub
    return found


def names_of(parser: Any) -> set[str]:
    return {
        name
        for action in parser._actions
        if action.dest != "help"
        for name in action.option_strings or [action.dest]
    }


def test_every_command_is_documented_with_its_options_and_no_other() -> None:
    text = page("reference/agent.md")
    headings = re.findall(r"^## `(infrafabric [\w ]+)`$", text, re.MULTILINE)
    options = {
        name: {code.split()[0] for code in first_codes(section(text, name))}
        for name in ("Common options", "Network options")
    }
    assert headings == [name for name in commands() if "signal" not in name] + [
        "infrafabric signal"
    ]
    for name, parser in commands().items():
        body = section(text, f"`{name}`")
        documented = {code.split()[0] for code in first_codes(body)}
        documented |= options["Common options"]
        if "network options" in body:
            documented |= options["Network options"]
        if name == "infrafabric signal":
            documented.discard("--state")
        assert documented == names_of(parser), name


@pytest.mark.parametrize("name", commands())
def test_the_defaults_of_options_are_documented(name: str) -> None:
    body = section(page("reference/agent.md"), f"`{name}`")
    said = {code.split()[0]: cells[1] for cells in rows(body) for code in codes(cells[0])}
    for action in commands()[name]._actions:
        option = action.option_strings[-1] if action.option_strings else action.dest
        if isinstance(action.default, int | float) and not isinstance(action.default, bool):
            assert re.search(rf"`{action.default:g}s?`", said[option]), option
        if action.choices and action.default:
            assert f"`{action.default}` (default)" in said[option]


def test_the_exit_codes_are_those_of_the_errors() -> None:
    said = {
        cells[0]: cells[1] for cells in rows(section(page("reference/agent.md"), "Exit codes"))
    }
    assert said.pop("0") == "done"
    assert "SIGTERM" in said.pop("130, 143")
    meanings = {
        MeshError: "anything else",
        InvalidError: "wrong usage",
        RefusedError: "refused",
        UnreachableError: "unreachable",
        DeadlineError: "timeout",
    }
    assert set(said) == {str(error.exit_code) for error in meanings}
    for error, meaning in meanings.items():
        assert said[str(error.exit_code)].startswith(meaning)


def test_every_event_of_the_running_agent_is_named() -> None:
    source = (INTEGRATION / "mesh" / "agent" / "events.py").read_text()
    events = set(re.findall(r'\(\s*"(\w+)",\s*(?:lambda|_\w+)', source)) | {"message", "ready"}

    assert events == set(
        codes(section(page("reference/agent.md"), "`infrafabric agent run`").split("`event`:")[1])
    )


def command_lines() -> Iterator[Any]:
    for parameter in blocks("sh"):
        text = parameter.values[0].replace("\\\n", " ")
        for line in text.splitlines():
            for part in line.split(" | "):
                if part.startswith("infrafabric "):
                    yield pytest.param(part, id=part)


@pytest.mark.parametrize("line", command_lines())
def test_every_command_in_an_example_is_one_the_parser_takes(line: str) -> None:
    words = shlex.split(line.split(" > ")[0])[1:]
    if words != ["--version"]:
        assert build().parse_args(words).command


# --- Limits

UNITS = {
    "": 1,
    "bytes": 1,
    "ms": 1,
    "s": 1,
    "/s": 1,
    "h": 3600,
    "days": 86_400,
    "KiB": 1024,
    "MiB": 1024**2,
}


def constant(path: str) -> Any:
    """Return the value that a name in the table of limits stands for."""
    if path.startswith("ha:"):
        module, name = path.removeprefix("ha:").split(".")
        return constants_of(INTEGRATION / f"{module}.py")[name]
    parts = path.split(".")
    names = [part for part in parts if not part[0].islower() or part.isupper()]
    depth = parts.index(names[0])
    value: Any = importlib.import_module(".".join(["infrafabric.mesh", *parts[:depth]]))
    for part in parts[depth:]:
        if dataclasses.is_dataclass(value) and isinstance(value, type):
            return next(f.default for f in dataclasses.fields(value) if f.name == part)
        value = getattr(value, part)
    return value


def constants_of(path: Path) -> dict[str, float]:
    """Return the public constants of a module that are numbers, without importing it."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            try:
                value = eval(compile(ast.Expression(node.value), "", "eval"), {})
            except NameError:
                continue
            if type(value) in (int, float) and not node.target.id.startswith("_"):
                found[node.target.id] = value
    return found


def limits() -> list[tuple[str, str, str]]:
    return [
        (what, limit, codes(name)[0]) for what, limit, name in rows(page("reference/limits.md"))
    ]


@pytest.mark.parametrize(("what", "limit", "name"), limits())
def test_every_limit_is_the_constant_it_names(what: str, limit: str, name: str) -> None:
    number, _, unit = limit.partition(" ")

    assert float(number) * UNITS[unit] == constant(name), what


# Facts of the protocol and of Python rather than limits somebody may meet.
NO_LIMITS = {"encoding.MAX_SAFE_INTEGER"}


def test_every_constant_called_a_limit_is_in_the_table_once() -> None:
    named = [name.removeprefix("ha:") for _, _, name in limits()]
    assert len(named) == len(set(named))
    there = set()
    for path in INTEGRATION.rglob("*.py"):
        folder = path.relative_to(INTEGRATION / "mesh" if "mesh" in path.parts else INTEGRATION)
        module = ".".join(folder.with_suffix("").parts)
        there |= {
            f"{module}.{name}" for name in constants_of(path) if re.match(r"(MAX|MIN|DEFAULT)_", name)
        }
    assert there - NO_LIMITS - {"agent.settings.DEFAULT_PORT"} <= set(named)


# --- Errors

ERRORS = {"MeshError", "InvalidError", "RefusedError", "UnreachableError", "DeadlineError"}
# Where an error's code comes out of a table: what is read there instead.
TABLES = {
    "joining.py": lambda: set(module("joining").REFUSALS),
    "dial.py": lambda: {code for code, _ in module("signaling.dial")._REFUSALS.values()},
    "link.py": lambda: set(module("link")._LOST),
}


def module(name: str) -> Any:
    return importlib.import_module(f"infrafabric.mesh.{name}")


def raised_in(path: Path) -> set[str]:
    """Return the codes of the errors that a module makes."""
    found: set[str] = set()
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        texts = {
            target.elts[0].id: node.value.elts[0].value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and isinstance(target := node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
            and isinstance(target.elts[0], ast.Name)
            and isinstance(node.value.elts[0], ast.Constant)
        } | {
            node.targets[0].id: node.value.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            if call.func.id not in ERRORS or not call.args:
                continue
            code = call.args[0]
            if isinstance(code, ast.Constant):
                found.add(str(code.value))
            elif isinstance(code, ast.Name) and code.id in texts:
                found.add(str(texts[code.id]))
            else:
                assert path.name in TABLES, f"{path}:{call.lineno}: where does the code come from?"
                found |= TABLES[path.name]()
    return found


def shown_in_home_assistant() -> set[str]:
    """Return the codes that only floor 5 has: of dialogs and of refused calls."""
    floor = "\n".join(path.read_text() for path in INTEGRATION.glob("*.py"))
    raised = set(re.findall(r'_invalid\("(\w+)"', floor))
    raised |= set(re.findall(r'translation_domain=DOMAIN,\s*translation_key="(\w+)"', floor))
    dialogs = {code for flow in ("config", "options") for code in ENGLISH[flow]["error"]}
    return raised | dialogs | {"mesh_error"}


def test_every_error_is_in_troubleshooting_and_no_other() -> None:
    text = section(page("how-to/troubleshooting.md"), "Error codes")
    documented = first_codes(text)
    assert len(documented) == len(set(documented))
    raised = set().union(*(raised_in(path) for path in INTEGRATION.rglob("*.py")))

    assert set(documented) == raised | shown_in_home_assistant()


def test_every_reason_for_the_end_of_a_link_is_explained() -> None:
    documented = set(first_codes(section(page("how-to/troubleshooting.md"), "Why a link ended")))
    engine = (INTEGRATION / "mesh" / "engine.py").read_text()
    links = (INTEGRATION / "mesh" / "links.py").read_text()
    own = set(re.findall(r'(?:close_all|links\.close)\([^)]*"(\w+)"\)', engine))
    told = {f"peer_{reason}" for reason in own | set(re.findall(r'_later\(former, "(\w+)"', links))}

    assert documented == own | told | set(module("link")._LOST) | {"peer_silent"}


def test_every_problem_is_explained() -> None:
    headings = re.findall(r"^## (\w+)$", page("reference/problems.md"), re.MULTILINE)
    names = constants_of_texts(INTEGRATION / "mesh" / "problems.py")

    assert sorted(headings) == sorted(names)


def constants_of_texts(path: Path) -> list[str]:
    return re.findall(r'^[A-Z_]+: Final = "(\w+)"', path.read_text(), re.MULTILINE)


# --- The protocol


def test_the_tables_of_the_protocol_are_those_of_the_code() -> None:
    text = page("reference/protocol.md")
    receipts = rows(section(text, "Receipts"))
    assert [(int(cells[0]), codes(cells[1])[0]) for cells in receipts] == [
        (status.value, status.name.lower()) for status in ReceiptStatus
    ]
    frames = rows(section(text, "Frames").split("### Receipts")[0])
    assert {int(c[0], 16): (c[1], int(c[2])) for c in frames} == {
        kind.value: (kind.name, CHANNEL_OF[kind].value) for kind in FrameType
    }
    messages = section(text, "Messages").split("**A receiver**")[0]
    schema = module("message_schema")
    required = {codes(c[0])[0]: c[1] == "yes" for c in rows(messages)}
    assert {name for name, needed in required.items() if needed} == schema._REQUIRED
    assert {name for name, needed in required.items() if not needed} == set(schema._OPTIONAL)
    kinds = codes(next(c[2] for c in rows(messages) if c[0] == "`performative`"))
    assert set(kinds) == PERFORMATIVES
    assert {purpose.value for purpose in Purpose} <= set(codes(section(text, "Identity")))


def test_the_frames_and_errors_of_signaling_are_those_of_the_code() -> None:
    text = section(page("reference/protocol.md"), "Signaling").split("### What is in the boxes")[0]
    wire = module("signaling.wire")
    kinds = {code for cells in rows(text) for code in codes(cells[0])}
    assert kinds == set(wire._FROM_CLIENT) | set(wire._FROM_SERVER)
    for kind, (needed, allowed, _) in (wire._FROM_CLIENT | wire._FROM_SERVER).items():
        members = {code for c in rows(text) if kind in codes(c[0]) for code in codes(c[1])}
        assert (needed | allowed) - {"t"} <= members, kind
    source = (INTEGRATION / "mesh" / "signaling" / "core.py").read_text()
    made = set(re.findall(r'_turn_out\(\w+, "(\w+)"|_error\(\w+, "(\w+)"', source))
    made |= set(re.findall(r'(too_slow)"|"(session_over)"|_turn_out_all\(.*"(\w+)"', source))
    codes_made = {code for found in made for code in found if code}
    listed = re.sub(r"\(.*?\)", "", text.split("Error codes: ")[1].split("\n\n")[0], flags=re.S)
    assert set(codes(listed)) == codes_made


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        ("Records", lambda: module("records")._RECORD_FIELDS),
        ("Tombstones", lambda: module("records")._TOMBSTONE_FIELDS),
        ("Beacons", lambda: module("beacon")._FIELDS),
        (
            "Joining",
            lambda: (
                module("joining")._REQUEST_FIELDS
                | module("joining")._ACCEPT_FIELDS
                | module("joining")._REFUSE_FIELDS
            ),
        ),
    ],
)
def test_the_members_of_signed_values_are_those_of_the_code(heading: str, fields: Any) -> None:
    assert set(first_codes(section(page("reference/protocol.md"), heading))) == fields()


def test_the_members_of_an_invitation_are_those_of_the_code() -> None:
    text = section(page("reference/protocol.md"), "Invitations").split("### Joining")[0]
    assert set(first_codes(text)) == module("invitation")._FIELDS


def test_the_example_message_is_genuine() -> None:
    text = section(page("reference/protocol.md"), "The export form")
    exported = json.loads(_FENCE.search(text)[2])  # type: ignore[index]
    message = IFMessage.from_export(exported)

    assert message.content == {"door": "open"}
    identity = section(page("reference/protocol.md"), "Identity")
    key = bytes.fromhex(re.search(r"`([0-9a-f]{64})`", identity)[1])  # type: ignore[index]
    assert message.sender == peer_id_of(key)
    assert f"`{message.sender}`" in identity
    assert f"`{check_groups(message.sender)}`" in identity


def test_the_example_record_is_genuine() -> None:
    text = section(page("reference/protocol.md"), "Records")
    record = parse_signed(Signed.from_json(json.loads(_FENCE.search(text)[2]), 4096))  # type: ignore[index]

    assert isinstance(record, Record)
    assert is_genuine(record)
    assert record.role is Role.ADMIN
    assert record.mesh_id == mesh_id_of(record.issuer, record.public_key)


# --- The library


def test_every_public_part_of_a_node_is_documented() -> None:
    text = page("reference/python.md")
    node = section(text, "`infrafabric.mesh.node.MeshNode`")
    public = {name for name in vars(MeshNode) if not name.startswith("_")}
    public |= set(re.findall(r"^        self\.([a-z]\w*) = ", inspect.getsource(MeshNode), re.M))
    named = {
        re.match(r"(?:await )?(?:MeshNode\.)?(\w+)", code)[1]  # type: ignore[index]
        for code in first_codes(node)
    }
    assert named == public
    api = section(text, "`infrafabric.mesh.api`")
    assert first_codes(api) == [field.name for field in dataclasses.fields(NodeConfig)]
    message = set(first_codes(section(page("reference/actions.md"), "Fields of a message")))
    assert message == {field.name for field in dataclasses.fields(MessageDraft)}
    events = {event.__name__ for event in NodeEvent.__subclasses__()}
    model = section(text, "`infrafabric.mesh.model`")
    assert events == set(codes(model.split("Values:")[0]))


def test_the_signatures_of_a_node_s_methods_are_as_documented() -> None:
    for code in first_codes(section(page("reference/python.md"), "`infrafabric.mesh.node.MeshNode`")):
        called = re.fullmatch(r"(?:await )?(?:MeshNode\.)?(\w+)\((.*)\)", code)
        if not called:
            continue
        method = getattr(MeshNode, called[1])
        code_ = inspect.unwrap(getattr(method, "__func__", method)).__code__
        names = code_.co_varnames[: code_.co_argcount + code_.co_kwonlyargcount]
        parameters = [name for name in names if name not in ("self", "cls")]
        said = [part.strip().split("=")[0] for part in called[2].split(",") if part.strip()]
        assert said == parameters, code


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
        assert set(call["target"]) == {"device_id"}
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


@pytest.mark.parametrize("text", blocks("yaml"))
def test_automations_in_examples_listen_to_entities_and_events_that_exist(text: str) -> None:
    suffixes = entity_suffixes()
    for trigger in yaml.safe_load(text).get("triggers", []):
        if trigger["trigger"] == "event":
            assert trigger["event_type"] in bus_events()
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
            await home.until(lambda: any(p.connected for p in home.node.peers.values()), 20)
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


# --- The pages themselves


def slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text())


def targets(path: Path) -> list[str]:
    found = re.findall(r"!?\[(?:[^\]]|\n)*?\]\(([^)\s]+)\)", prose(path))
    return [target for target in found if not target.startswith(("https://", "http://"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    for target in targets(path):
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(there), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        waiting += [(path.parent / t.partition("#")[0]).resolve() for t in targets(path)]

    assert set(DOCS.rglob("*.md")) <= seen


# What is Home Assistant's own, in the steps of the tutorial.
HOME_ASSISTANT_S = {
    "Actions",
    "Add integration",
    "Automations & scenes",
    "Configure",
    "Create automation",
    "Developer tools",
    "Devices & services",
    "Edit in YAML",
    "InfraFabric",
    "InfraFabric: Send message",
    "Perform action",
    "Settings",
    "States",
    "Submit",
}


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for item in value.values():
            yield from texts_of(item)


@pytest.mark.parametrize(
    "name", ["tutorial/two-homes.md", "how-to/invite-and-remove-peers.md"]
)
def test_the_labels_in_step_by_step_instructions_are_those_of_the_dialogs(name: str) -> None:
    texts = set(texts_of(ENGLISH))
    lines = {line.split(": ")[0] for text in texts for line in text.splitlines()}
    labels = texts | lines | HOME_ASSISTANT_S
    for bold in re.findall(r"\*\*([^*]+)\*\*", prose(DOCS / name)):
        for label in re.split(r" → | ▸ ", " ".join(bold.split())):
            if label[0].isupper():
                assert label in labels, label


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_speak_of_the_product_only(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"\b(AI|LLM|chatbot|TODO|FIXME|TBD)\b", text)
    assert not re.search(r"(?i)coming soon|language model|/work/|/root/|/tmp/", text)
    assert not re.search(r"(?i)\bissue #?\d+\b", text)
