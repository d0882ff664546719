"""The floors of the house: a lower one never imports a higher one, and the libraries stand alone.

Imports are read from the source, so one hidden in a function or under TYPE_CHECKING counts too.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .repository import INTEGRATION

MESH_FLOORS = {
    # 4: the facade, what it is assembled from, and the command line on top of it.
    "agent": 5,
    "api": 4,
    "engine": 4,
    "node": 4,
    # 3: who is linked to whom, how messages travel, how links come back.
    "overlay": 3,
    # 2: one link; how two nodes meet.
    "link": 2,
    "signaling": 2,
}
"""The floor of each module or package of mesh/. All others are floor 1: values, rules, records."""

STUDIO_FLOORS = {
    # 3: the clients; neither knows the other.
    "obs": 3,
    "vmix": 3,
    # 2: what a client promises and what both are built on.
    "api": 2,
    "base": 2,
}
"""The same for studio/."""

CLIENTS = {"obs", "vmix"}

FILES = sorted(
    path for library in ("mesh", "studio") for path in (INTEGRATION / library).rglob("*.py")
)


def name_of(path: Path) -> tuple[str, ...]:
    """Return a file's module name from the library on: ("mesh", "signaling", "wire")."""
    parts = path.relative_to(INTEGRATION).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports_of(path: Path, source: str) -> Iterator[tuple[str, ...] | str]:
    """Yield what a file imports: a tuple below the integration, a string from elsewhere."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path)[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level]
            if not base:
                yield "." * node.level + (node.module or "")
            elif node.module:
                yield (*base, *node.module.split("."))
            else:
                yield from ((*base, alias.name) for alias in node.names)


def floor_of(name: tuple[str, ...]) -> int:
    """Return the floor of a module within its library; the library's __init__ is on the ground."""
    floors = {"mesh": MESH_FLOORS, "studio": STUDIO_FLOORS}[name[0]]
    return floors.get(name[1], 1) if len(name) > 1 else 1


def client_of(name: tuple[str, ...]) -> str | None:
    """Return which client of studio/ a module belongs to."""
    return name[1] if name[0] == "studio" and len(name) > 1 and name[1] in CLIENTS else None


def problems_of(path: Path, source: str) -> list[str]:
    """Return what a file imports although it may not."""
    own = name_of(path)
    problems = []
    for imported in imports_of(path, source):
        if isinstance(imported, str):
            top = imported.split(".")[0]
            if top in ("homeassistant", "custom_components", "infrafabric", ""):
                problems.append(f"imports {imported}")
        elif imported[0] != own[0]:
            problems.append(f"reaches out of {own[0]}/ into {imported[0]}/")
        elif floor_of(imported) > floor_of(own):
            problems.append(
                f"floor {floor_of(own)} imports {'.'.join(imported)} of floor {floor_of(imported)}"
            )
        elif client_of(own) and client_of(imported) not in (None, client_of(own)):
            problems.append(f"one client imports {'.'.join(imported)} of another")
    return problems


@pytest.mark.parametrize("path", FILES, ids=lambda path: ".".join(name_of(path)))
def test_a_file_imports_only_from_its_floor_and_below(path: Path) -> None:
    assert problems_of(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("file", "line", "problem"),
    [
        (
            "mesh/link/link.py",
            "from ..node import MeshNode",
            "floor 2 imports mesh.node of floor 4",
        ),
        ("mesh/link/link.py", "from .. import node", "floor 2 imports mesh.node of floor 4"),
        (
            "mesh/messages/message.py",
            "from ..link.link import Link",
            "floor 1 imports mesh.link.link of floor 2",
        ),
        (
            "mesh/messages/message.py",
            "def late():\n    from ..signaling.wire import read",
            "floor 1 imports mesh.signaling.wire of floor 2",
        ),
        (
            "mesh/signaling/server.py",
            "from ..node import MeshNode",
            "floor 2 imports mesh.node of floor 4",
        ),
        (
            "mesh/node.py",
            "from .agent.cli import main",
            "floor 4 imports mesh.agent.cli of floor 5",
        ),
        ("mesh/node.py", "import homeassistant.core", "imports homeassistant.core"),
        (
            "mesh/node.py",
            "import typing\nif typing.TYPE_CHECKING:\n    from homeassistant import core",
            "imports homeassistant",
        ),
        ("mesh/node.py", "from ..const import DOMAIN", "imports ..const"),
        (
            "mesh/node.py",
            "from infrafabric.mesh.link.link import Link",
            "imports infrafabric.mesh.link.link",
        ),
        ("mesh/agent/cli.py", "from ...hub import MeshHub", "imports ...hub"),
        (
            "mesh/node.py",
            "from ..studio.model import Output",
            "imports ..studio.model",
        ),
        (
            "studio/obs/client.py",
            "from ...mesh.tasks import Tasks",
            "imports ...mesh.tasks",
        ),
        ("studio/obs/client.py", "from homeassistant import core", "imports homeassistant"),
        ("studio/obs/client.py", "from ...const import DOMAIN", "imports ...const"),
        (
            "studio/obs/client.py",
            "from ..vmix.wire import read",
            "one client imports studio.vmix.wire of another",
        ),
        (
            "studio/vmix/__init__.py",
            "from .. import obs",
            "one client imports studio.obs of another",
        ),
        (
            "studio/model.py",
            "from .api import StudioClient",
            "floor 1 imports studio.api of floor 2",
        ),
        (
            "studio/secrets.py",
            "def late():\n    from .obs.guard import KEYS",
            "floor 1 imports studio.obs.guard of floor 3",
        ),
        (
            "studio/base.py",
            "from .obs.client import ObsClient",
            "floor 2 imports studio.obs.client of floor 3",
        ),
        (
            "studio/__init__.py",
            "from .vmix import VmixClient",
            "floor 1 imports studio.vmix of floor 3",
        ),
    ],
)
def test_an_import_that_runs_up_is_found(file: str, line: str, problem: str) -> None:
    assert problems_of(INTEGRATION / file, line) == [problem]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("mesh/node.py", "from .link import Link"),
        ("mesh/signaling/server.py", "from ..identity import Identity\nfrom .wire import read"),
        ("mesh/agent/cli.py", "from ..node import MeshNode\nimport argparse"),
        ("studio/obs/client.py", "from ..base import SupervisedClient\nfrom .protocol import read"),
        ("studio/vmix/client.py", "from .. import secrets\nfrom ..model import Output"),
        ("studio/destination.py", "from .secrets import public_address"),
    ],
)
def test_an_import_that_runs_down_is_fine(file: str, line: str) -> None:
    assert problems_of(INTEGRATION / file, line) == []


# --- The rooms of surfaces/

SURFACES = sorted((INTEGRATION / "surfaces").rglob("*.py"))


def room_of(name: tuple[str, ...]) -> tuple[str, ...]:
    """Return the innermost folder of surfaces/ that a module lies in, or is."""
    return name if INTEGRATION.joinpath(*name).is_dir() else name[:-1]


def doors_of(path: Path, source: str) -> list[str]:
    """Return what a file of surfaces/ imports although it may not.

    A room knows itself and the rooms it stands in, never another one, nor what stands in it. Only
    what lies in surfaces/ itself, which sets them all up, knows every room; and no room knows that.
    """
    own = room_of(name_of(path))
    problems = []
    for imported in imports_of(path, source):
        if isinstance(imported, str):
            # Above the rooms anything goes, except the way round and back in.
            way = imported.lstrip(".").split(".")
            if way[0] in ("custom_components", "infrafabric", "surfaces", ""):
                problems.append(f"imports {imported}")
        elif own == ("surfaces",):
            continue
        elif (room := room_of(imported)) == ("surfaces",) or room != own[: len(room)]:
            problems.append(f"imports {'.'.join(imported)}")
    return problems


@pytest.mark.parametrize("path", SURFACES, ids=lambda path: ".".join(name_of(path)))
def test_a_room_of_surfaces_imports_no_other(path: Path) -> None:
    assert doors_of(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("file", "line", "problem"),
    [
        (
            "surfaces/webhooks/inbound/flow.py",
            "from ..outbound.flow import MAX_URL",
            "imports surfaces.webhooks.outbound.flow",
        ),
        (
            "surfaces/webhooks/inbound/flow.py",
            "def late():\n    from .. import outbound",
            "imports surfaces.webhooks.outbound",
        ),
        (
            "surfaces/webhooks/outbound/sending.py",
            "from ...notifications.rules import Rule",
            "imports surfaces.notifications.rules",
        ),
        (
            "surfaces/notifications/recipients.py",
            "from ..webhooks.signing import verify",
            "imports surfaces.webhooks.signing",
        ),
        (
            "surfaces/webhooks/signing.py",
            "from .inbound.hook import InboundHook",
            "imports surfaces.webhooks.inbound.hook",
        ),
        ("surfaces/notifications/flow.py", "from ..setup import Unload", "imports surfaces.setup"),
        (
            "surfaces/notifications/flow.py",
            "from ...surfaces.webhooks.keys import rotated",
            "imports ...surfaces.webhooks.keys",
        ),
        (
            "surfaces/notifications/flow.py",
            "from custom_components.infrafabric.surfaces.webhooks import keys",
            "imports custom_components.infrafabric.surfaces.webhooks",
        ),
    ],
)
def test_a_door_between_rooms_of_surfaces_is_found(file: str, line: str, problem: str) -> None:
    assert doors_of(INTEGRATION / file, line) == [problem]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("surfaces/setup.py", "from .webhooks.inbound.flow import WebhookInFlow"),
        ("surfaces/notifications/notifier.py", "from .rules import Rule"),
        ("surfaces/notifications/notifier.py", "from ...const import DOMAIN\nimport asyncio"),
        ("surfaces/webhooks/inbound/hook.py", "from ..keys import CONF_KEYS\nfrom .. import keys"),
        ("surfaces/webhooks/keys.py", "from .signing import Signer"),
    ],
)
def test_what_a_room_of_surfaces_stands_in_is_open_to_it(file: str, line: str) -> None:
    assert doors_of(INTEGRATION / file, line) == []


# --- One place for each thing


TREES = {path: ast.parse(path.read_text()) for path in FILES}
LIMITS = [
    (path, node.target.id)
    for path, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.AnnAssign)
    and isinstance(node.target, ast.Name)
    and node.target.id.startswith(("MAX_", "MIN_", "DEFAULT_"))
]


def uses(tree: ast.Module, module: str | None, name: str) -> bool:
    """Tell whether a file reads a name: its own, or that of a module it imports from."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=read, ctx=ast.Load()) if module is None and read == name:
                return True
            case ast.ImportFrom(module=str(source)) if source.split(".")[-1] == module:
                if any(alias.name == name for alias in node.names):
                    return True
            case ast.Attribute(value=ast.Name(id=source), attr=read) if source == module:
                if read == name:
                    return True
    return False


@pytest.mark.parametrize(
    ("path", "name"), LIMITS, ids=lambda it: it if isinstance(it, str) else ".".join(name_of(it))
)
def test_a_limit_is_kept_somewhere_and_not_only_written_down(path: Path, name: str) -> None:
    assert uses(TREES[path], None, name) or any(
        uses(tree, path.stem, name) for other, tree in TREES.items() if other != path
    )


def test_no_function_of_the_mesh_is_written_twice() -> None:
    names = Counter(
        node.name
        for path, tree in TREES.items()
        for node in tree.body
        if name_of(path)[0] == "mesh"
        and isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
