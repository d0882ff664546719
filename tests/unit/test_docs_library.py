"""What the documentation says of the command line and the library is what they do, both ways."""

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path
import re
from typing import Any

import pytest

from infrafabric.mesh.agent.parser import build
from infrafabric.mesh.api import MessageDraft, NodeConfig
from infrafabric.mesh.errors import (
    DeadlineError,
    InvalidError,
    MeshError,
    RefusedError,
    UnreachableError,
)
from infrafabric.mesh.link.frames import CHANNEL_OF, FrameType
from infrafabric.mesh.messages.schema import PERFORMATIVES
from infrafabric.mesh.model import NodeEvent, ReceiptStatus
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.trust.identity import Purpose

from .docs_pages import (
    ENGLISH,
    codes,
    constants_of,
    first_codes,
    module,
    page,
    rows,
    section,
)
from .repository import INTEGRATION
from .studio_codes import STUDIO, studio_codes

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
    said = {cells[0]: cells[1] for cells in rows(section(page("reference/agent.md"), "Exit codes"))}
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
    "dB": 1,
    "pixels": 1,
}


def constant(path: str) -> Any:
    """Return the value that a name in the table of limits stands for."""
    if path.startswith("ha:"):
        *module, name = path.removeprefix("ha:").split(".")
        return constants_of(INTEGRATION.joinpath(*module).with_suffix(".py"))[name]
    parts = path.split(".")
    names = [part for part in parts if not part[0].islower() or part.isupper()]
    depth = parts.index(names[0])
    root = "infrafabric" if path.startswith("studio.") else "infrafabric.mesh"
    value: Any = importlib.import_module(".".join([root, *parts[:depth]]))
    for part in parts[depth:]:
        if dataclasses.is_dataclass(value) and isinstance(value, type):
            return next(f.default for f in dataclasses.fields(value) if f.name == part)
        value = getattr(value, part)
    return value


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
            f"{module}.{name}"
            for name in constants_of(path)
            if re.match(r"(MAX|MIN|DEFAULT)_", name)
        }
    assert there - NO_LIMITS - {"agent.settings.DEFAULT_PORT"} <= set(named)


# --- Errors

ERRORS = {"MeshError", "InvalidError", "RefusedError", "UnreachableError", "DeadlineError"}
# Where an error's code comes out of a table: what is read there instead.
TABLES = {
    "joining.py": lambda: set(module("trust.joining").REFUSALS),
    "dial.py": lambda: {code for code, _ in module("signaling.dial")._REFUSALS.values()},
    "link.py": lambda: set(module("link.link")._LOST),
}


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
    # Codes of studios that a mesh has too, or could have, get "studio_" in front.
    of_studios = {f"studio_{code}": code for code in studio_codes()}
    told = {of_studios.get(key, key) for key in ENGLISH["exceptions"]}
    return raised | dialogs | told


def test_every_error_is_in_troubleshooting_and_no_other() -> None:
    text = section(page("how-to/troubleshooting.md"), "Error codes")
    studios = section(text, "OBS Studio and vMix")
    of_studios, others = first_codes(studios), first_codes(text.replace(studios, ""))
    for documented in (of_studios, others):
        assert len(documented) == len(set(documented))
    raised = set().union(
        *(raised_in(path) for path in INTEGRATION.rglob("*.py") if STUDIO not in path.parents)
    )
    of_meshes = set().union(*(raised_in(path) for path in (INTEGRATION / "mesh").rglob("*.py")))

    assert studio_codes() <= set(of_studios)
    assert of_meshes <= set(others)
    assert {*of_studios, *others} == raised | studio_codes() | shown_in_home_assistant()


def test_every_reason_for_the_end_of_a_link_is_explained() -> None:
    documented = set(first_codes(section(page("how-to/troubleshooting.md"), "Why a link ended")))
    engine = "".join(path.read_text() for path in (INTEGRATION / "mesh" / "engine").glob("*.py"))
    links = (INTEGRATION / "mesh" / "overlay" / "links.py").read_text()
    own = set(re.findall(r'(?:close_all|links\.close)\([^)]*"(\w+)"\)', engine))
    roster = (INTEGRATION / "mesh" / "overlay" / "roster.py").read_text()
    # Why somebody is no member any more is also what its link is closed with.
    gone = set(re.findall(r'"(revoked|left|lapsed)"', roster))
    told = {
        f"peer_{reason}"
        for reason in own | gone | set(re.findall(r'_later\(former, "(\w+)"', links))
    }

    assert documented == own | told | set(module("link.link")._LOST) | {"peer_silent"}


def test_every_problem_is_explained() -> None:
    headings = re.findall(r"^## (\w+)$", page("reference/problems.md"), re.MULTILINE)
    names = constants_of_texts(INTEGRATION / "mesh" / "engine" / "problems.py")
    # Studios, webhooks and rules have no sensor for problems: theirs are the repair issues.
    of_others = ("studio_", "webhook_", "notification_")
    names += [issue for issue in ENGLISH["issues"] if issue.startswith(of_others)]

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
    schema = module("messages.schema")
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
    listed = re.sub(
        r"\(.*?\)", "", text.split("Error codes: ")[1].split("\n\n")[0], flags=re.DOTALL
    )
    assert set(codes(listed)) == codes_made


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        ("Records", lambda: module("trust.records")._RECORD_FIELDS),
        ("Tombstones", lambda: module("trust.records")._TOMBSTONE_FIELDS),
        ("Beacons", lambda: module("overlay.beacon")._FIELDS),
        (
            "Joining",
            lambda: (
                module("trust.joining")._REQUEST_FIELDS
                | module("trust.joining")._ACCEPT_FIELDS
                | module("trust.joining")._REFUSE_FIELDS
            ),
        ),
    ],
)
def test_the_members_of_signed_values_are_those_of_the_code(heading: str, fields: Any) -> None:
    assert set(first_codes(section(page("reference/protocol.md"), heading))) == fields()


def test_the_members_of_an_invitation_are_those_of_the_code() -> None:
    text = section(page("reference/protocol.md"), "Invitations").split("### Joining")[0]
    assert set(first_codes(text)) == module("trust.invitation")._FIELDS


# --- The library


def test_every_public_part_of_a_node_is_documented() -> None:
    text = page("reference/python.md")
    node = section(text, "`infrafabric.mesh.node.MeshNode`")
    public = {name for name in vars(MeshNode) if not name.startswith("_")}
    public |= set(
        re.findall(r"^        self\.([a-z]\w*) = ", inspect.getsource(MeshNode), re.MULTILINE)
    )
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
    for code in first_codes(
        section(page("reference/python.md"), "`infrafabric.mesh.node.MeshNode`")
    ):
        called = re.fullmatch(r"(?:await )?(?:MeshNode\.)?(\w+)\((.*)\)", code)
        if not called:
            continue
        method = getattr(MeshNode, called[1])
        code_ = inspect.unwrap(getattr(method, "__func__", method)).__code__
        names = code_.co_varnames[: code_.co_argcount + code_.co_kwonlyargcount]
        parameters = [name for name in names if name not in ("self", "cls")]
        said = [part.strip().split("=")[0] for part in called[2].split(",") if part.strip()]
        assert said == parameters, code
