"""What the documentation says of Home Assistant's floor is what the code does, both ways.

That floor is read, not imported: Home Assistant is not here. ``test_docs_library`` has the
library's part, ``test_docs_examples`` the examples.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from infrafabric.mesh.model import Path as LinkPath

from .docs_pages import (
    DOCS,
    ENGLISH,
    FENCE,
    PAGES,
    SERVICES,
    bus_events,
    codes,
    fields_of,
    first_codes,
    keys_in,
    page,
    rows,
    section,
)
from .repository import INTEGRATION, ROOT

# --- Actions


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
    overview = text[: text.index("## Actions of studios")]
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
        elif isinstance(value, bool):
            assert str(value).lower() in codes(default), key
        elif value is not None:
            assert str(value) in codes(default), key
    assert f"*{ENGLISH['services'][action]['name']}*" in section(
        page("reference/actions.md"), f"`infrafabric.{action}`"
    )


def action_table(module: str, name: str) -> dict[str, ast.Call]:
    """Return the calls that describe the actions of a module."""
    tree = ast.parse((INTEGRATION / f"{module}.py").read_text())
    table = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == name
    )
    assert isinstance(table, ast.Dict)
    calls: dict[str, ast.Call] = {}
    for key, call in zip(table.keys, table.values, strict=True):
        assert isinstance(key, ast.Constant)
        assert isinstance(call, ast.Call)
        calls[str(key.value)] = call
    return calls


def test_the_overview_of_actions_says_who_may_call_them_and_what_comes_back() -> None:
    said = {
        codes(cells[0])[0].removeprefix("infrafabric."): (cells[2], cells[3])
        for cells in rows(page("reference/actions.md").split("## Actions of studios")[0])
    }
    words = {"NONE": "none", "OPTIONAL": "optional", "ONLY": "always"}
    described = {**action_table("services", "ACTIONS")}
    described |= action_table("studio_services", "STUDIO_ACTIONS")
    described |= action_table("surfaces/webhooks/outbound/actions", "WEBHOOK_ACTIONS")
    assert described.keys() == said.keys()
    for action, call in described.items():
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        response = given.get("response")
        kind = response.attr if isinstance(response, ast.Attribute) else "NONE"
        admin = "yes" if "admin" in given else "no"
        assert said[action] == (words[kind], admin)


# --- Entities, dialogs, events


def entities_in_columns(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield platform, name and key of entities in tables whose headings name platforms."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        heads = [re.match(r"`(\w+)`", cell.strip()) for cell in table.split("\n")[0].split("|")]
        for cells in rows(table):
            for head, cell in zip(heads[1:], cells, strict=False):
                if head is not None and cell:
                    name, key = re.fullmatch(r"(.+) `(\w+)`", cell).groups()  # type: ignore[union-attr]
                    yield head[1], name, key


def test_every_entity_is_documented_with_its_key_and_no_other() -> None:
    documented = {}
    text = page("reference/entities.md")
    for heading in ("The node", "A peer", "A studio"):
        for cells in rows(section(text, heading)):
            if named := re.fullmatch(r"`(\w+)` ([A-Z{].*)", cells[0]):
                documented[named[1], codes(cells[1])[0]] = named[2]
    for platform, name, key in entities_in_columns(section(text, "Outputs")):
        documented[platform, key] = name
    entities = {
        (platform, key): entity["name"]
        for platform, keys in ENGLISH["entity"].items()
        for key, entity in keys.items()
    }
    # Home Assistant names this one by its device class.
    entities["binary_sensor", "connectivity"] = "Connectivity"

    assert documented == entities


def test_everything_that_is_told_of_a_studio_is_documented() -> None:
    attributes = ENGLISH["entity"]["event"]["activity"]["state_attributes"]
    told = rows(section(page("reference/entities.md"), "What happened"))
    assert {code for cells in told for code in codes(cells[0])} == set(
        attributes["event_type"]["state"]
    )
    assert {code for cells in told for code in codes(cells[1])} == attributes.keys() - {
        "event_type"
    }
    health = ENGLISH["entity"]["sensor"]["stream_health"]
    outputs = section(page("reference/entities.md"), "Outputs")
    assert set(health["state"]) <= set(codes(outputs))
    assert set(health["state_attributes"]["reasons"]["state"]) <= set(codes(outputs))


def test_every_path_and_every_attribute_of_a_message_is_documented() -> None:
    text = section(page("reference/entities.md"), "A peer")
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
    "Add: *Add OBS Studio*": [("config", "obs")],
    "Add: *Add vMix*": [("config", "vmix")],
    "Reconfigure a studio": [("config", "reconfigure_obs"), ("config", "reconfigure_vmix")],
    "Re-authenticate a studio": [("config", "reauth_obs"), ("config", "reauth_vmix")],
    "Settings of a studio": [
        ("options", "obs_settings"),
        ("options", "vmix_settings"),
        ("options", "away_settings"),
    ],
    "Stream destinations": [
        ("options", "destination_add"),
        ("options", "destination_edit"),
        ("options", "destination_remove"),
        ("options", "destination_preset"),
        ("options", "destination_rtmp"),
        ("options", "destination_srt"),
        ("options", "destination_whip"),
    ],
}


def labels(step: dict[str, Any]) -> dict[str, str]:
    """Return the labels of a dialog's fields, those in sections too."""
    found: dict[str, str] = dict(step.get("data", {}))
    for part in step.get("sections", {}).values():
        found |= labels(part)
    return found


@pytest.mark.parametrize("heading", DIALOGS)
def test_every_field_of_a_dialog_is_documented_with_its_label_and_no_other(heading: str) -> None:
    documented = {
        codes(cells[0])[0]: cells[1]
        for cells in rows(section(page("reference/configuration.md"), heading))
    }
    fields = {
        key: label
        for flow, step in DIALOGS[heading]
        for key, label in labels(ENGLISH[flow]["step"][step]).items()
    }

    assert documented == fields


def test_no_dialog_with_fields_is_left_out() -> None:
    described = {step for steps in DIALOGS.values() for step in steps}
    # The same form with another text above it.
    described |= {
        (flow, f"{step}_{reach}")
        for flow, step in (("config", "create"), ("options", "invite"))
        for reach in ("private", "unreachable")
    }
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
    for selector in ("role", "expiry", "ice", "scene_items", "srt_mode"):
        for label in ENGLISH["selector"][selector]["options"].values():
            assert f"*{label}*" in text


def test_every_bus_event_is_documented_with_its_fields_and_no_other() -> None:
    text = page("reference/events.md")
    common = set(first_codes(text[: text.index("\n## ")]))
    documented = {
        name: common | set(first_codes(section(text, f"`{name}`")))
        for name in re.findall(r"^## `(\w+)`$", text, re.MULTILINE)
    }

    assert documented == bus_events()
    others = set(first_codes(section(text, "What else is on the bus")))
    happenings = (INTEGRATION / "happenings.py").read_text()
    kinds = set(re.findall(r'^    [A-Z_]+ = "(\w+)"', happenings, re.MULTILINE))
    # These two have older names.
    kinds = kinds - {"message_received", "webhook_received"} | {"message", "webhook"}
    assert documented.keys() | others == {f"infrafabric_{kind}" for kind in kinds}


def test_what_a_webhook_tells_is_documented() -> None:
    doing = ast.parse((INTEGRATION / "surfaces/webhooks/inbound/doing.py").read_text())
    (tells,) = (
        node
        for node in doing.body
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "async_do"
    )
    # Only scripts are told the phase.
    told = keys_in(tells) - {"phase"}
    assert set(first_codes(section(page("reference/events.md"), "From webhooks"))) == told


# --- The pages themselves


def slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


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
    "Add target",
    "Automations & scenes",
    "Configure",
    "Create automation",
    "Devices",
    "Devices & services",
    "Edit in YAML",
    "InfraFabric",
    "InfraFabric: Send message",
    "Next",
    "Perform action",
    "Response",
    "Settings",
    "Skip and finish",
    "States",
    "Submit",
    "Tools",
}


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for item in value.values():
            yield from texts_of(item)


@pytest.mark.parametrize("name", ["tutorial/two-homes.md", "how-to/invite-and-remove-peers.md"])
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
