"""quality_scale.yaml says the truth: each rule that is done names what shows it.

Some rules are about all entities and platforms at once; their tests are here too.
"""

from importlib import import_module
import json
import logging
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.infrafabric.condition import CONDITIONS
from custom_components.infrafabric.const import DOMAIN, PLATFORMS, STUDIO_PLATFORMS
from custom_components.infrafabric.happenings import Happened, bus_event
from custom_components.infrafabric.issues import ISSUES, STUDIO_ISSUES
from custom_components.infrafabric.mesh.engine.problems import MEMBERSHIP_REVOKED
from custom_components.infrafabric.surfaces.webhooks.inbound.doing import ISSUE_MISSING
from custom_components.infrafabric.surfaces.webhooks.inbound.memory import ISSUE_FAILED
from custom_components.infrafabric.surfaces.webhooks.outbound.issues import WEBHOOK_ISSUES
from custom_components.infrafabric.trigger import TRIGGERS
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .conftest import MESH_ID, OWN, STUDIO, FakeMeshes, FakeMeshNode

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "infrafabric"
RULES: dict[str, Any] = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]

# https://developers.home-assistant.io/docs/core/integration-quality-scale/rules/, 2026-08
BRONZE = [
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow-test-coverage",
    "config-flow",
    "dependency-transparency",
    "docs-actions",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "docs-triggers",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
]
SILVER = [
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
]
GOLD = [
    "devices",
    "diagnostics",
    "discovery",
    "discovery-update-info",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
]
PLATINUM = [
    "async-dependency",
    "inject-websession",
    "strict-typing",
]

EVIDENCE = re.compile(
    r"(?:(?:custom_components|docs|script|tests)/[\w./-]*\w|pyproject\.toml|README\.md)(?:::\w+)?"
)


def test_every_rule_has_a_status_and_nothing_else_has() -> None:
    assert list(RULES) == [*BRONZE, *SILVER, *GOLD, *PLATINUM]
    assert len(RULES) == 54


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_done_names_what_shows_it_and_any_other_says_why(rule: str) -> None:
    status, comment = RULES[rule]["status"], RULES[rule]["comment"]
    assert status in ("done", "exempt", "todo")
    assert comment.strip()
    if status != "done":
        return
    evidence = EVIDENCE.findall(comment)
    assert evidence
    for item in evidence:
        path, _, test = item.partition("::")
        assert (ROOT / path).is_file(), item
        if test:
            assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE)
    for section in re.findall(r'section "([^"]+)"', comment):
        assert any(
            re.search(rf"^#+ {re.escape(section)}$", (ROOT / path).read_text(), re.MULTILINE)
            for path in evidence
        ), section


def test_what_is_still_to_do_is_not_done_yet() -> None:
    for rule, entry in RULES.items():
        if entry["status"] == "todo":
            missing = EVIDENCE.findall(entry["comment"])
            assert missing, rule
            assert not any((ROOT / path).exists() for path in missing), f"{rule}: done by now?"


def test_every_problem_that_links_to_a_document_is_in_it() -> None:
    headings = set(
        re.findall(r"^## (\w+)$", (ROOT / "docs/reference/problems.md").read_text(), re.MULTILINE)
    )
    assert headings >= ISSUES.keys() | STUDIO_ISSUES | {
        MEMBERSHIP_REVOKED,
        ISSUE_FAILED,
        ISSUE_MISSING,
        *WEBHOOK_ISSUES,
    }


def test_every_action_and_its_fields_are_documented() -> None:
    text = (ROOT / "docs/reference/actions.md").read_text()
    services = yaml.safe_load((INTEGRATION / "services.yaml").read_text())
    for action, description in services.items():
        assert f"infrafabric.{action}" in text, action
        for name, field in description.get("fields", {}).items():
            for key in field.get("fields", [name]):
                assert f"`{key}`" in text, (action, key)


@pytest.mark.parametrize("kind", ["trigger", "condition"])
def test_every_trigger_and_condition_is_documented_with_its_options(kind: str) -> None:
    page = (ROOT / "docs/reference/triggers-and-conditions.md").read_text()
    rows = dict(re.findall(r"^\| `infrafabric\.(\w+)` \|(.*)$", page, re.MULTILINE))
    described = yaml.safe_load((INTEGRATION / f"{kind}s.yaml").read_text())
    for key, description in described.items():
        if key.startswith("."):
            continue
        options = rows[key].split("|")[1]
        for name, field in (description.get("fields") or {}).items():
            assert f"`{name}`" in options, (key, name)
            select = field["selector"].get("select", {})
            for option in select.get("options", []) if name != "performative" else []:
                assert f"`{option}`" in page, (key, option)
    documented = {key for key in rows if key in {**TRIGGERS, **CONDITIONS}}
    assert documented == rows.keys()


def test_every_bus_event_is_documented() -> None:
    page = (ROOT / "docs/reference/events.md").read_text()
    for what in Happened:
        assert f"`{bus_event(what)}`" in page, what


@pytest.mark.parametrize("section", ["config", "options"])
def test_every_field_of_a_dialog_is_documented(section: str) -> None:
    text = (ROOT / "docs/reference/configuration.md").read_text()
    translations = json.loads((INTEGRATION / "translations" / "en.json").read_text())
    for step, shown in translations[section]["step"].items():
        for part in (shown, *shown.get("sections", {}).values()):
            for field, label in part.get("data", {}).items():
                assert label in text, (step, field)


def test_every_field_of_a_subentrys_dialog_is_documented() -> None:
    text = (ROOT / "docs/reference/configuration.md").read_text()
    translations = json.loads((INTEGRATION / "translations" / "en.json").read_text())
    for name, texts in translations["config_subentries"].items():
        for step, shown in texts["step"].items():
            for part in (shown, *shown.get("sections", {}).values()):
                for field, label in part.get("data", {}).items():
                    assert f"| `{field}` | {label} |" in text, (name, step, field)


def test_every_platform_says_how_many_updates_run_at_once() -> None:
    for platform in {*PLATFORMS, *STUDIO_PLATFORMS}:
        module = import_module(f"custom_components.infrafabric.{platform}")
        assert module.PARALLEL_UPDATES == 0, platform


# -- all entities -----------------------------------------------------------------------------


@pytest.fixture
def platforms() -> list[Platform]:
    return PLATFORMS


def entities(registry: er.EntityRegistry) -> dict[str, er.RegistryEntry]:
    return {entry.entity_id: entry for entry in registry.entities.values()}


async def test_what_is_not_for_every_day_is_diagnostic(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, node: FakeMeshNode
) -> None:
    everyday = {
        entity_id
        for entity_id, entry in entities(entity_registry).items()
        if entry.entity_category is None
    }

    assert everyday == {
        "binary_sensor.studio_connectivity",
        "event.studio_message",
        "notify.studio_notification",
        "sensor.home_peers_online",
        "sensor.studio_link_quality",
        "sensor.studio_quality_score",
    }


async def test_device_classes_are_used_where_there_is_one(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, node: FakeMeshNode
) -> None:
    classes = {
        entity_id: entry.original_device_class
        for entity_id, entry in entities(entity_registry).items()
        if entry.original_device_class
    }

    assert classes == {
        "binary_sensor.home_problem": "problem",
        "binary_sensor.studio_connectivity": "connectivity",
        "sensor.home_event_loop_lag_p99": "duration",
        "sensor.studio_jitter": "duration",
        "sensor.studio_last_seen": "timestamp",
        "sensor.studio_link_quality": "enum",
        "sensor.studio_path": "enum",
        "sensor.studio_round_trip_time": "duration",
    }


async def test_the_node_and_each_peer_are_devices(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
) -> None:
    def device_of(peer_id: str) -> dr.DeviceEntry:
        found = device_registry.async_get_device_by_identifier(
            (DOMAIN, f"{MESH_ID}_{peer_id}"), config_entry.entry_id
        )
        assert found is not None
        return found

    home, studio = device_of(OWN.peer_id), device_of(STUDIO.peer_id)

    assert (home.name, home.manufacturer, home.model) == ("Home", "InfraFabric", "Mesh node")
    assert (studio.name, studio.manufacturer, studio.model) == (
        "Studio",
        "InfraFabric",
        "Mesh peer",
    )
    assert studio.via_device_id == home.id
    assert studio.sw_version == "infrafabric/0.1.0 (agent)"
    assert studio.serial_number == node.peers[STUDIO.peer_id].check_groups


# -- the rest ---------------------------------------------------------------------------------


async def test_a_lost_peer_is_logged_once_and_once_when_it_is_back(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    caplog.clear()

    node.disconnect_peer(STUDIO.peer_id)
    node.change_peer(STUDIO.peer_id, failure="ice_failed")
    node.change_peer(STUDIO.peer_id, failure="link_timeout")
    node.connect_peer(STUDIO.peer_id)
    node.change_peer(STUDIO.peer_id, name="Studio")

    logged = [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name.startswith("custom_components.infrafabric")
    ]
    assert [level for level, _ in logged] == [logging.INFO, logging.INFO]
    assert "disconnected" in logged[0][1]
    assert "connected" in logged[1][1]


async def test_nothing_is_kept_in_hass_data_by_domain(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    assert config_entry.runtime_data.node is node
    assert DOMAIN not in hass.data


async def test_the_node_uses_the_session_of_home_assistant(
    hass: HomeAssistant, meshes: FakeMeshes, node: FakeMeshNode
) -> None:
    assert meshes.load_arguments["http"] is async_get_clientsession(hass)
