"""The YAML examples in the documentation are what Home Assistant itself takes."""

from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.setup import async_setup_component

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    pytest.param(yaml.safe_load(text), id=f"{path.name}-{number}")
    for path in PAGES
    for number, text in enumerate(
        re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize("example", EXAMPLES)
async def test_an_example_is_one_that_home_assistant_takes(
    hass: HomeAssistant, example: dict[str, Any]
) -> None:
    for part in ("automation", "event"):
        assert await async_setup_component(hass, part, {})
    if "triggers" in example:
        checked = await async_validate_config_item(hass, "example", example)
        assert checked is not None
        assert checked.validation_status == "ok", checked.validation_error
    elif "action" in example:
        cv.SCRIPT_SCHEMA([example])
