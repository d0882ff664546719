"""The YAML examples in the documentation are what Home Assistant itself takes."""

from collections.abc import AsyncGenerator, Iterator
import importlib
import logging
from pathlib import Path
import re
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.infrafabric.const import PLATFORMS
from homeassistant import components
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.setup import async_setup_component

from .conftest import FakeMeshNode
from .studio_fake import FakeStudioClient

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "infrafabric"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(yaml.safe_load(text), id=f"{path.name}-{number}")
    for path in PAGES
    for number, text in enumerate(FENCE.findall(path.read_text()))
]

LOADED = [example for example in EXAMPLES if example.values[0].keys() & {"triggers", "sequence"}]

OF_OTHERS = {
    # The user's own.
    "binary_sensor.studio_presence",
    "switch.stage_power",
    # What the other home calls this one.
    "event.home_message",
}
"""Entities in examples that are not ours, or not here."""
CARDS = {"statistics-graph"}
"""Cards of Home Assistant's frontend, which only that can check."""


@pytest.fixture
def platforms() -> list[Platform]:
    return PLATFORMS


@pytest.fixture
async def home(
    hass: HomeAssistant,
    node: FakeMeshNode,
    studio_entry: MockConfigEntry,
    studio_client: FakeStudioClient,
) -> AsyncGenerator[HomeAssistant]:
    """Return a Home Assistant that has what the examples are about: a mesh and a studio."""
    for part in ("homeassistant", "automation", "script", "event"):
        assert await async_setup_component(hass, part, {})
    studio_entry.add_to_hass(hass)
    client = "custom_components.infrafabric.studio_setup.make_client"
    with patch(client, return_value=studio_client):
        assert await hass.config_entries.async_setup(studio_entry.entry_id)
        await hass.async_block_till_done()
        yield hass


def walk(value: Any) -> Iterator[Any]:
    """Yield a value and all values in it."""
    yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from walk(item)
        else:
            yield item


@pytest.mark.parametrize("example", LOADED)
async def test_an_automation_or_script_is_loaded_without_a_warning(
    home: HomeAssistant, caplog: pytest.LogCaptureFixture, example: dict[str, Any]
) -> None:
    caplog.clear()
    for domain, mark in (("automation", "triggers"), ("script", "sequence")):
        if mark not in example:
            continue
        config = example if domain == "automation" else {"example": example}
        with patch(
            "homeassistant.config.load_yaml_config_file",
            return_value={domain: config if domain == "script" else [config]},
        ):
            await home.services.async_call(domain, "reload", blocking=True)
            await home.async_block_till_done()
        [loaded] = home.states.async_all(domain)
        assert loaded.state == ("on" if domain == "automation" else "off")
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING
    ]
    assert warnings == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_action_is_one_that_home_assistant_takes(example: dict[str, Any]) -> None:
    if "action" in example:
        cv.SCRIPT_SCHEMA([example])


@pytest.mark.parametrize("example", EXAMPLES)
def test_settings_in_configuration_yaml_are_ones_that_home_assistant_takes(
    example: dict[str, Any],
) -> None:
    for domain in example.keys() & {"lovelace", "logger", "recorder"}:
        importlib.import_module(f"homeassistant.components.{domain}").CONFIG_SCHEMA(example)


def fields_of(domain: str, action: str) -> set[str]:
    """Return the fields of an action, those in its sections included."""
    folder = INTEGRATION if domain == "infrafabric" else Path(components.__path__[0], domain)
    described = yaml.load((folder / "services.yaml").read_text(), yaml.SafeLoader)
    assert action in described, f"{domain}.{action}"
    fields: dict[str, Any] = (described[action] or {}).get("fields", {})
    inner = [set(section["fields"]) for section in fields.values() if "fields" in (section or {})]
    return set().union(fields, *inner)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_actions_of_an_example_exist_and_take_what_they_are_given(
    example: dict[str, Any],
) -> None:
    for step in walk(example):
        if not isinstance(step, dict):
            continue
        called = re.fullmatch(r"(\w+)\.(\w+)", str(step.get("action", "")))
        if called:
            assert step.get("data", {}).keys() <= fields_of(*called.groups())


async def test_the_entities_in_examples_exist_where_they_are_ours(home: HomeAssistant) -> None:
    there = {entity.entity_id for entity in er.async_get(home).entities.values()}
    platforms = "|".join({entity_id.partition(".")[0] for entity_id in there})
    # The names that the peer, the node and the studio have in examples, and have here.
    ours = re.compile(rf"\b(?:{platforms})\.(?:studio|home|stage)_\w+")
    named = {
        entity_id
        for example in EXAMPLES
        for value in walk(example.values[0])
        if isinstance(value, str)
        for entity_id in ours.findall(value)
    }
    assert named - OF_OTHERS <= there
    # Neither the pattern nor the exceptions are idle.
    assert named & there
    assert named >= OF_OTHERS


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_card_of_an_example_exists(example: dict[str, Any]) -> None:
    kind = str(example.get("type", ""))
    if own := kind.removeprefix("custom:") if kind.startswith("custom:") else "":
        assert f'"{own}"' in (INTEGRATION / "frontend" / "infrafabric-card.js").read_text()
    elif kind:
        assert kind in CARDS
