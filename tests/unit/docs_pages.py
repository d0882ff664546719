"""The pages of the documentation, and how their tables, headings and examples are read."""

import ast
import importlib
import json
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from .repository import INTEGRATION, ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
ENGLISH: dict[str, Any] = json.loads((INTEGRATION / "translations" / "en.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((INTEGRATION / "services.yaml").read_text())

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def first_codes(text: str) -> list[str]:
    """Return the code in the first cell of every row."""
    return [code for cells in rows(text) for code in codes(cells[0])]


def blocks(*languages: str) -> list[Any]:
    return [
        pytest.param(body, id=f"{path.relative_to(ROOT)}-{number}")
        for path in PAGES
        for number, (language, body) in enumerate(FENCE.findall(path.read_text()))
        if language in languages
    ]


def fields_of(action: str) -> dict[str, dict[str, Any]]:
    """Return an action's fields with those of its groups."""
    fields: dict[str, dict[str, Any]] = {}
    for name, field in (SERVICES[action].get("fields") or {}).items():
        fields |= field.get("fields", {name: field})
    return fields


def keys_in(node: ast.AST) -> set[str]:
    """Return the keys of every dictionary in some code."""
    return {
        {"ATTR_DEVICE_ID": "device_id"}[key.id] if isinstance(key, ast.Name) else key.value
        for mapping in ast.walk(node)
        if isinstance(mapping, ast.Dict)
        for key in mapping.keys
        if isinstance(key, ast.Name | ast.Constant)
    }


def bus_events() -> dict[str, set[str]]:
    """Return the keys of each bus event, read from the hub and from who tells of it."""
    hub = ast.walk(ast.parse((INTEGRATION / "hub.py").read_text()))
    said = {
        node.name: keys_in(node)
        for node in hub
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_data")
    }
    happenings = ast.walk(ast.parse((INTEGRATION / "happenings.py").read_text()))
    added = {
        node.pattern.cls.id: keys_in(node)
        for node in happenings
        if isinstance(node, ast.match_case)
        and isinstance(node.pattern, ast.MatchClass)
        and isinstance(node.pattern.cls, ast.Name)
    }
    return {
        "infrafabric_message": said["message_data"] | added["MessageReceived"],
        "infrafabric_peer_connected": said["peer_data"] | added["PeerConnected"],
        "infrafabric_peer_disconnected": said["peer_data"] | added["PeerDisconnected"],
    }


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


def module(name: str) -> Any:
    return importlib.import_module(f"infrafabric.mesh.{name}")
