"""Every dialog that a test opens has all its texts: checked where Home Assistant shows them.

This is what hassfest cannot see, because step ids, fields and placeholders are only known when
the flow runs. The flows' own tests open every form, menu and ending there is.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
import json
from pathlib import Path
from string import Formatter
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigSubentryFlow, OptionsFlow
from homeassistant.data_entry_flow import FlowManager, FlowResultType, section

TEXTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "custom_components/infrafabric/translations/en.json").read_text()
)


def placeholders_of(text: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def check_fields(step: Mapping[str, Any], schema: Mapping[Any, Any], step_id: str) -> None:
    """Fail when a field, or a section and its fields, have no text or a text has no field."""
    sections = {str(key): value for key, value in schema.items() if isinstance(value, section)}
    fields = {str(key) for key in schema} - sections.keys()
    assert set(step.get("data", {})) == fields, step_id
    assert set(step.get("data_description", {})) == fields, step_id
    assert set(step.get("sections", {})) == sections.keys(), step_id
    for name, value in sections.items():
        assert {"name", "description"} <= step["sections"][name].keys(), step_id
        check_fields(step["sections"][name], value.schema.schema, step_id)


def part_of(flow: Any) -> str:
    """Return the dotted path of a flow's texts."""
    if isinstance(flow, ConfigSubentryFlow):
        return f"config_subentries.{flow.handler[1]}"
    return "options" if isinstance(flow, OptionsFlow) else "config"


def check_texts(part: str, result: Mapping[str, Any]) -> None:
    """Fail when something that *result* shows has no text, or a text asks for more than it gets."""
    texts = TEXTS
    for name in part.split("."):
        texts = texts[name]
    given = set(result.get("description_placeholders") or {})
    shown: list[str] = []
    match result["type"]:
        case FlowResultType.ABORT:
            shown.append(texts["abort"][result["reason"]])
        case FlowResultType.SHOW_PROGRESS:
            shown.append(texts["progress"][result["progress_action"]])
        case FlowResultType.MENU:
            step = texts["step"][result["step_id"]]
            assert set(step["menu_options"]) == set(result["menu_options"]), result["step_id"]
            shown += [step.get("title", ""), step.get("description", "")]
        case FlowResultType.FORM:
            step = texts["step"][result["step_id"]]
            schema = result["data_schema"]
            check_fields(step, schema.schema if schema else {}, result["step_id"])
            shown += [step.get("title", ""), step.get("description", "")]
            errors = result["errors"] or {}
            assert set(errors) <= {"base", *(str(key) for key in (schema.schema if schema else ()))}
            shown += [texts["error"][error] for error in errors.values()]
    for text in shown:
        assert placeholders_of(text) <= given, (result.get("step_id"), text, given)


@contextmanager
def flow_texts_checked() -> Generator[None]:
    """Check the texts of every step of the integration's flows."""
    real = FlowManager._async_handle_step

    async def checked(manager: Any, flow: Any, step_id: str, user_input: Any) -> Any:
        result = await real(manager, flow, step_id, user_input)
        if type(flow).__module__.startswith("custom_components.infrafabric."):
            check_texts(part_of(flow), result)
        return result

    with patch.object(FlowManager, "_async_handle_step", checked):
        yield
