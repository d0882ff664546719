"""Texts, icons and descriptions of actions: complete, alike in all languages, and nothing stray.

hassfest and the HACS action run on GitHub only; this is what they check, and what they cannot
know. The texts of dialogs are checked as the dialogs are shown (flow_texts.py).
"""

import ast
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from custom_components.infrafabric import (
    binary_sensor,
    button,
    config_flow,
    dashboard_card,
    event,
    forms,
    image,
    issues,
    notify,
    number,
    select,
    sensor,
    switch,
)
from custom_components.infrafabric.condition import CONDITIONS
from custom_components.infrafabric.const import DOMAIN, ITEM_MODES, PLATFORMS, STUDIO_PLATFORMS
from custom_components.infrafabric.destination_options import KEY_LENGTH
from custom_components.infrafabric.errors import STUDIO_TRANSLATED, TRANSLATED, studio_key
from custom_components.infrafabric.happenings import OUTGOING
from custom_components.infrafabric.mesh.engine import problems
from custom_components.infrafabric.mesh.messages.schema import PERFORMATIVES
from custom_components.infrafabric.mesh.model import Band, Path as LinkPath, Role
from custom_components.infrafabric.services import ACTIONS as MESH_ACTIONS
from custom_components.infrafabric.studio.destination import Service, SrtMode
from custom_components.infrafabric.studio.health import HealthReason
from custom_components.infrafabric.studio.model import (
    AudioChannel,
    Mix,
    Output,
    OutputKind,
    Overlay,
    SceneItem,
    Source,
    VolumeUnit,
)
from custom_components.infrafabric.studio_binary_sensor import (
    STUDIO_BINARY_SENSORS,
    STUDIO_CONNECTIVITY,
    Tally,
)
from custom_components.infrafabric.studio_button import STUDIO_BUTTONS
from custom_components.infrafabric.studio_event import EVENT_TYPES, STUDIO_ACTIVITY
from custom_components.infrafabric.studio_sensor import OF_STREAMS, STUDIO_SENSORS
from custom_components.infrafabric.studio_services import STUDIO_ACTIONS
from custom_components.infrafabric.studio_things import PlacedItem, Stage
from custom_components.infrafabric.surfaces.notifications.missing import ISSUE_NOBODY
from custom_components.infrafabric.surfaces.notifications.rules import Button, Priority, What
from custom_components.infrafabric.surfaces.notifications.texts import TEXTS
from custom_components.infrafabric.surfaces.setup import SUBENTRIES
from custom_components.infrafabric.surfaces.webhooks.inbound.doing import ISSUE_MISSING
from custom_components.infrafabric.surfaces.webhooks.inbound.flow import STREAM_ACTIONS
from custom_components.infrafabric.surfaces.webhooks.inbound.hook import REACHES
from custom_components.infrafabric.surfaces.webhooks.inbound.memory import ISSUE_FAILED
from custom_components.infrafabric.surfaces.webhooks.outbound.actions import WEBHOOK_ACTIONS
from custom_components.infrafabric.surfaces.webhooks.outbound.flow import KEY_KINDS
from custom_components.infrafabric.surfaces.webhooks.outbound.issues import WEBHOOK_ISSUES
from custom_components.infrafabric.trigger import TRIGGERS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.translation import async_get_translations

from . import studio_fake
from .flow_texts import check_texts, placeholders_of

ROOT = Path(__file__).parents[2] / "custom_components" / "infrafabric"
LANGUAGES = ["de", "fr"]
PROBLEMS = {
    problems.CLOCK_SKEW,
    problems.CLONED_IDENTITY,
    problems.MEMBERSHIP_LAPSING,
    problems.MEMBERSHIP_REVOKED,
    problems.NO_SIGNALING,
    problems.SLOW_CRC,
}

# As in hassfest's translations.py.
KEY = re.compile(r"^(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])$")
URL = re.compile(
    r"((ftp|ftps|http|https|mqtt)://|www\.)[a-z0-9]+([-.][a-z0-9]+)*\.[a-z]{2,5}", re.IGNORECASE
)


def texts_of(language: str) -> dict[str, Any]:
    texts: dict[str, Any] = json.loads((ROOT / "translations" / f"{language}.json").read_text())
    return texts


def flat(node: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """Return every text by its dotted path."""
    found: dict[str, str] = {}
    for key, value in node.items():
        if isinstance(value, str):
            found[path + key] = value
        else:
            found |= flat(value, f"{path}{key}.")
    return found


EN = texts_of("en")
FLAT_EN = flat(EN)
ACTIONS = {**MESH_ACTIONS, **STUDIO_ACTIONS, **WEBHOOK_ACTIONS}
ICONS: dict[str, Any] = json.loads((ROOT / "icons.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "services.yaml").read_text())
AUTOMATION_PARTS: dict[str, dict[str, Any]] = {
    kind: {
        key: described
        for key, described in yaml.safe_load((ROOT / f"{kind}.yaml").read_text()).items()
        if not key.startswith(".")
    }
    for kind in ("triggers", "conditions")
}


# -- languages --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_same_keys_as_english(language: str) -> None:
    assert flat(texts_of(language)).keys() == FLAT_EN.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_has_the_same_placeholders_and_code_in_every_language(language: str) -> None:
    for path, text in flat(texts_of(language)).items():
        english = FLAT_EN[path]
        assert placeholders_of(text) == placeholders_of(english), path
        # What is in backticks is typed or pasted as it is.
        assert sorted(re.findall(r"`[^`]*`", text)) == sorted(re.findall(r"`[^`]*`", english)), path
        assert text.count("\n\n") == english.count("\n\n"), path
        assert text.count("**") == english.count("**"), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_was_left_in_english(language: str) -> None:
    translated = flat(texts_of(language))
    assert not [
        path for path, text in FLAT_EN.items() if text.count(" ") > 2 and translated[path] == text
    ]


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_texts_are_as_hassfest_wants_them(language: str) -> None:
    for path, text in flat(texts_of(language)).items():
        assert text.strip(), path
        assert text == text.strip(), path
        assert not re.search(r"<\w", text), f"{path}: HTML"
        assert not re.search(r"'{\w+}'", text), f"{path}: placeholder in single quotes"
        assert not URL.search(text), f"{path}: a URL belongs in a placeholder"
        assert all(name.isidentifier() for name in placeholders_of(text)), path
        assert all(KEY.match(part) for part in path.split(".")), path


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_texts_that_are_not_rendered_have_nothing_to_render(language: str) -> None:
    # The frontend gives the title of a menu no placeholders, and shows it and errors as they are.
    for path, text in flat(texts_of(language)).items():
        if path.split(".")[0] in ("config", "config_subentries", "options"):
            if path.endswith(".title"):
                assert not placeholders_of(text), path
            if path.endswith(".title") or ".error." in path:
                assert not re.search(r"[`*]|\n", text), path


@pytest.mark.parametrize(
    ("language", "name"),
    [("en", "Round-trip time"), ("de", "Umlaufzeit"), ("fr", "Temps d’aller-retour")],
)
async def test_home_assistant_shows_every_text_in_every_language(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, language: str, name: str
) -> None:
    texts: dict[str, str] = {}
    for category in EN:
        texts |= await async_get_translations(hass, language, category, {DOMAIN})

    assert texts[f"component.{DOMAIN}.entity.sensor.rtt.name"] == name
    # Home Assistant would fall back to English where placeholders differ, and log it.
    expected = flat(texts_of(language))
    assert {path.removeprefix(f"component.{DOMAIN}."): text for path, text in texts.items()} == (
        expected
    )
    assert "infrafabric" not in "".join(
        record.getMessage() for record in caplog.records if record.levelname == "ERROR"
    )


def test_there_is_no_language_that_is_not_checked() -> None:
    assert {file.stem for file in (ROOT / "translations").iterdir()} == {"en", *LANGUAGES}


# -- entities ---------------------------------------------------------------------------------

DESCRIPTIONS: dict[str, list[Any]] = {
    "binary_sensor": [
        binary_sensor.CONNECTIVITY,
        binary_sensor.PROBLEM,
        STUDIO_CONNECTIVITY,
        *STUDIO_BINARY_SENSORS,
    ],
    "button": [button.RECONNECT, *STUDIO_BUTTONS],
    "event": [event.MESSAGE, STUDIO_ACTIVITY],
    "image": [*image.STUDIO_IMAGES],
    "notify": [notify.MESSAGE],
    "number": [*number.STUDIO_NUMBERS],
    "select": [*select.STUDIO_SELECTS],
    "sensor": [*sensor.NODE_SENSORS, *sensor.PEER_SENSORS, *STUDIO_SENSORS],
    "switch": [*switch.STUDIO_SWITCHES],
}
TRANSLATED_ENTITIES = {
    platform: {
        description.translation_key: description
        for description in descriptions
        if description.translation_key
    }
    for platform, descriptions in DESCRIPTIONS.items()
}


def test_every_platform_is_checked() -> None:
    assert set(DESCRIPTIONS) == {*PLATFORMS, *STUDIO_PLATFORMS}


def test_every_entity_has_a_name_and_an_icon_and_nothing_is_left_over() -> None:
    for platform, described in TRANSLATED_ENTITIES.items():
        texts = EN["entity"][platform]
        assert texts.keys() == described.keys(), platform
        assert all("name" in text for text in texts.values()), platform
        icons = ICONS["entity"][platform]
        assert icons.keys() == described.keys(), platform
        assert all("default" in icon for icon in icons.values()), platform
    assert EN["entity"].keys() == ICONS["entity"].keys() == TRANSLATED_ENTITIES.keys()


def test_an_entity_without_a_text_of_its_own_is_named_by_its_device_class() -> None:
    for platform, descriptions in DESCRIPTIONS.items():
        for description in descriptions:
            assert description.translation_key or description.device_class, (
                platform,
                description.key,
            )


def test_every_state_of_an_enumeration_has_a_text() -> None:
    for key, description in TRANSLATED_ENTITIES["sensor"].items():
        options = set(description.options or ())
        assert set(EN["entity"]["sensor"][key].get("state", {})) == options, key
        icons = ICONS["entity"]["sensor"][key].get("state", {})
        assert set(icons) == options, key
    assert set(EN["entity"]["sensor"]["path"]["state"]) == set(LinkPath)
    assert set(EN["entity"]["sensor"]["quality_band"]["state"]) == set(Band) - {Band.UNKNOWN}
    health = EN["entity"]["sensor"]["stream_health"]
    assert set(health["state_attributes"]["reasons"]["state"]) == set(HealthReason)


def test_a_sensor_without_a_unit_of_its_own_has_a_translated_one() -> None:
    for key, description in TRANSLATED_ENTITIES["sensor"].items():
        counted = description.state_class and not description.native_unit_of_measurement
        assert ("unit_of_measurement" in EN["entity"]["sensor"][key]) == bool(counted), key


def test_every_event_type_and_role_has_a_text_and_every_type_an_icon() -> None:
    attributes = EN["entity"]["event"]["message"]["state_attributes"]
    assert set(attributes["event_type"]["state"]) == PERFORMATIVES
    assert attributes["performative"]["state"] == attributes["event_type"]["state"]
    assert set(attributes["role"]["state"]) == set(Role)
    icons = ICONS["entity"]["event"]["message"]["state_attributes"]["event_type"]
    assert set(icons["state"]) == PERFORMATIVES
    assert EN["selector"]["performative"]["options"] == attributes["event_type"]["state"]


def test_everything_that_happens_in_a_studio_has_a_text_and_an_icon() -> None:
    attributes = EN["entity"]["event"]["activity"]["state_attributes"]
    assert set(attributes["event_type"]["state"]) == set(EVENT_TYPES)
    icons = ICONS["entity"]["event"]["activity"]["state_attributes"]["event_type"]
    assert set(icons["state"]) == set(EVENT_TYPES)


def test_the_name_of_an_entity_asks_only_for_what_the_studio_says() -> None:
    things = {
        "mute": AudioChannel(key="", name="", unit=VolumeUnit.PERCENT),
        "output": Output(key="", kind=OutputKind.OTHER),
        "overlay": Overlay(number=1),
        "program": Stage(Mix(number=1), studio_fake.obs_state()),
        "scene_item": PlacedItem(SceneItem(scene="", item_id=1, name="", visible=True), ""),
        "on_air": Tally(Source(key="", name="", number=1, kind=""), False, False),
    }
    things |= dict.fromkeys(("volume", "meter"), things["mute"])
    things |= dict.fromkeys(
        ("state", "path", *(measure.what for measure in OF_STREAMS)), things["output"]
    )
    things |= {"in_preview": things["on_air"], "preview": things["program"]}
    things["destination"] = (things["output"], None)
    for platform, described in TRANSLATED_ENTITIES.items():
        for key, description in described.items():
            asked = placeholders_of(EN["entity"][platform][key]["name"])
            if asked:
                names = description.names_fn(things[description.key])
                assert asked <= names.keys(), (platform, key)


def test_every_problem_has_a_text_and_every_one_that_can_be_helped_an_issue() -> None:
    states = EN["entity"]["binary_sensor"]["problem"]["state_attributes"]["problems"]["state"]
    assert set(states) == PROBLEMS
    assert set(issues.ISSUES) == PROBLEMS - {problems.MEMBERSHIP_REVOKED}
    assert EN["issues"].keys() == (
        issues.ISSUES.keys()
        | issues.STUDIO_ISSUES
        | {
            dashboard_card.ISSUE_RESOURCE,
            ISSUE_FAILED,
            ISSUE_MISSING,
            ISSUE_NOBODY,
            *WEBHOOK_ISSUES,
        }
    )
    for code, texts in EN["issues"].items():
        assert texts.keys() == {"title", "description"}, code
        known = {"mesh"} | {
            dashboard_card.ISSUE_RESOURCE: {"url"},
            **{key: {"webhook"} for key in WEBHOOK_ISSUES},
            "webhook_dead_letters": {"webhook", "count", "letters"},
            "webhook_outbox_failed": {"webhook", "problem", "kept", "lost"},
            "webhook_outbox_full": {"webhook", "count"},
            ISSUE_FAILED: {"webhook", "problem"},
            ISSUE_MISSING: {"webhook", "missing"},
            ISSUE_NOBODY: {"rule", "missing"},
            "membership_lapsing": {"date"},
            "no_signaling": {"addresses"},
            "studio_another": {"studio"},
            "studio_too_old": {"studio", "found", "needed"},
        }.get(code, set())
        assert placeholders_of(texts["title"] + texts["description"]) <= known, code


def test_every_icon_is_an_icon_of_home_assistant() -> None:
    frontend = pytest.importorskip("hass_frontend")
    known: set[str] = set()
    for file in (Path(frontend.__file__).parent / "static" / "mdi").glob("*.json"):
        content = json.loads(file.read_text())
        if isinstance(content, dict):
            known |= content.keys()
    used = set(flat(ICONS).values())

    assert all(icon.startswith("mdi:") for icon in used)
    assert {icon for icon in used if icon.removeprefix("mdi:") not in known} == set()


# -- actions ----------------------------------------------------------------------------------


def described_fields(fields: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of an action, those in sections too."""
    for name, field in fields.items():
        if "fields" in field:
            yield from described_fields(field["fields"])
        else:
            yield name, field


def schema_fields(action: str) -> dict[str, Any]:
    """Return the markers of an action's schema without its target."""
    schema = ACTIONS[action].schema
    # With a target, the schema comes first and the check that there is a target after it.
    fields = next(part for part in schema.validators if hasattr(part, "schema")).schema
    return {str(key): key for key in fields if str(key) not in cv.ENTITY_SERVICE_FIELDS}


def test_every_action_is_described_translated_and_has_an_icon() -> None:
    assert SERVICES.keys() == ACTIONS.keys() == EN["services"].keys() == ICONS["services"].keys()
    for action, texts in EN["services"].items():
        assert {"name", "description"} <= texts.keys(), action
        assert "service" in ICONS["services"][action], action


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_the_fields_of_an_action_are_those_that_it_takes(action: str) -> None:
    described = dict(described_fields(SERVICES[action].get("fields", {})))
    taken = schema_fields(action)
    assert described.keys() == taken.keys()
    assert EN["services"][action].get("fields", {}).keys() == taken.keys()
    for name, field in described.items():
        assert {"name", "description"} <= EN["services"][action]["fields"][name].keys(), name
        required = type(taken[name]).__name__ == "Required"
        assert field.get("required", False) == required, name
        assert "selector" in field, name
        if "default" in field and callable(taken[name].default):
            default = taken[name].default()
            if isinstance(default, int | float | str):
                assert field["default"] == default, name


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_the_sections_of_an_action_are_translated(action: str) -> None:
    sections = {
        name for name, field in SERVICES[action].get("fields", {}).items() if "fields" in field
    }
    assert set(EN["services"][action].get("sections", {})) == sections


@pytest.mark.parametrize(
    ("kind", "known"), [("triggers", TRIGGERS), ("conditions", CONDITIONS)], ids=str
)
def test_every_trigger_and_condition_is_described_translated_and_has_an_icon(
    kind: str, known: Mapping[str, Any]
) -> None:
    described = AUTOMATION_PARTS[kind]
    assert described.keys() == known.keys() == EN[kind].keys() == ICONS[kind].keys()
    for key, texts in EN[kind].items():
        assert {"name", "description"} <= texts.keys(), key
        fields = described[key].get("fields", {})
        assert texts.get("fields", {}).keys() == fields.keys(), key
        assert all(
            text.keys() == {"name", "description"} for text in texts.get("fields", {}).values()
        )
        assert ICONS[kind][key].keys() == {kind.removesuffix("s")}


def test_every_choice_has_a_text_and_no_text_is_without_a_choice() -> None:
    choices: dict[str, set[str]] = {
        "role": set(forms.ROLES),
        "expiry": set(forms.EXPIRIES),
        "webhook_action": set(STREAM_ACTIONS.config["options"]),
        "webhook_event": set(OUTGOING),
        "webhook_key": set(KEY_KINDS),
        "webhook_reach": set(REACHES),
        "ice": set(forms.ICE_MODES),
        "scene_items": set(ITEM_MODES),
        "srt_key_length": set(KEY_LENGTH.config["options"]),
        "srt_mode": set(SrtMode),
        "destination_service": set(Service),
        "occasion": set(What),
        "notification_button": {button.key for button in Button},
        "notification_button_label": {button.key for button in Button},
        "notification_priority": set(Priority),
        "notification_text": set(TEXTS),
    }
    parts = [described for kind in AUTOMATION_PARTS.values() for described in kind.values()]
    for part in (*SERVICES.values(), *parts):
        for name, field in described_fields(part.get("fields", {})):
            if select := field["selector"].get("select"):
                options = {str(option) for option in select["options"]}
                key = select["translation_key"]
                assert choices.setdefault(key, options) == options, name
    translated = {
        key: set(texts["options"]) for key, texts in EN["selector"].items() if "options" in texts
    }

    assert translated == choices
    objects = {key: texts for key, texts in EN["selector"].items() if "fields" in texts}
    assert objects.keys() == {"ice_server"}
    fields = forms.ICE_SERVERS.config["fields"]
    assert objects["ice_server"]["fields"].keys() == fields.keys()
    # hassfest wants both.
    assert all(
        text.keys() == {"name", "description"} for text in objects["ice_server"]["fields"].values()
    )


# -- errors -----------------------------------------------------------------------------------

RAISED = re.compile(r"(Error|Failed|NotReady|^invalid|^kind)$")


def calls(folder: Path, files: str = "*.py") -> Iterator[tuple[Path, ast.Call]]:
    for file in sorted(folder.glob(files)):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                yield file, node


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def literal(node: ast.AST | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def raised_here() -> dict[str, set[str]]:
    """Return the placeholders of every translated error that floor 5 raises by name."""
    found: dict[str, set[str]] = {}
    for _, call in (*calls(ROOT), *calls(ROOT / "surfaces", "**/*.py")):
        if not RAISED.search(name_of(call)):
            continue
        words = {word.arg: word.value for word in call.keywords}
        if name_of(call) == "invalid":
            key, given = literal(call.args[0]), set(words) - {None}
        else:
            key = literal(words.get("translation_key"))
            placeholders = words.get("translation_placeholders")
            given = (
                {literal(name) for name in placeholders.keys}
                if isinstance(placeholders, ast.Dict)
                else set()
            )
        if key is not None:
            found[key] = {str(name) for name in given}
    return found


def test_every_error_has_a_text_and_no_text_is_without_an_error() -> None:
    libraries = TRANSLATED | STUDIO_TRANSLATED | {"mesh_error", "studio_error"}
    assert EN["exceptions"].keys() == raised_here().keys() | libraries


def test_every_error_gets_what_its_text_asks_for() -> None:
    for key, given in raised_here().items():
        assert placeholders_of(EN["exceptions"][key]["message"]) == given, key


def test_the_library_gives_every_detail_that_a_text_asks_for() -> None:
    details: dict[str, list[set[str]]] = {}
    for folder in ("mesh", "mesh/signaling", "studio", "studio/obs", "studio/vmix"):
        for _, call in calls(ROOT / folder):
            if not name_of(call).endswith("Error") or not call.args:
                continue
            code = literal(call.args[0])
            key = studio_key(str(code)) if folder.startswith("studio") else code
            if key in TRANSLATED | STUDIO_TRANSLATED:
                words = {word.arg for word in call.keywords if word.arg}
                details.setdefault(key, []).append(words)
    assert details.keys() & TRANSLATED
    assert details.keys() & STUDIO_TRANSLATED
    for key, given in details.items():
        asked = placeholders_of(EN["exceptions"][key]["message"])
        assert all(asked <= words for words in given), key


# -- dialogs ----------------------------------------------------------------------------------


def test_no_text_of_a_dialog_is_without_its_step() -> None:
    source = "".join(
        file.read_text()
        for file in (*ROOT.glob("*_flow.py"), *ROOT.glob("*_options.py"), ROOT / "forms.py")
    )
    for section in ("config", "options"):
        for kind in ("step", "error", "abort", "progress"):
            for key in EN[section].get(kind, {}):
                # Home Assistant's own
                if key in ("reauth_successful", "reconfigure_successful", "already_configured"):
                    continue
                named = f'"{key}"' in source or f"async_step_{key}(" in source
                assert named, (section, kind, key)


def test_no_text_of_a_subentrys_dialog_is_without_its_step() -> None:
    source = "".join(file.read_text() for file in (ROOT / "surfaces").rglob("flow.py"))
    assert EN["config_subentries"].keys() == SUBENTRIES.keys()
    for name, texts in EN["config_subentries"].items():
        assert {"entry_type", "initiate_flow"} <= texts.keys(), name
        assert {"user", "reconfigure"} == texts["initiate_flow"].keys(), name
        for kind in ("step", "error", "abort"):
            for key in texts.get(kind, {}):
                named = f'"{key}"' in source or f"async_step_{key}(" in source
                assert named or key == "reconfigure_successful", (name, kind, key)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_who_looks_for_settings_of_the_entry_is_told_which_buttons_add_to_it(language: str) -> None:
    text = texts_of(language)["config"]["abort"]["surfaces_reconfigure"]

    for name, kind in texts_of(language)["config_subentries"].items():
        assert f"*{kind['initiate_flow']['user']}*" in text, name


@pytest.mark.parametrize(
    "shown",
    [
        {"type": FlowResultType.ABORT, "reason": "no_such_reason"},
        {"type": FlowResultType.FORM, "step_id": "no_such_step", "data_schema": None, "errors": {}},
        {"type": FlowResultType.MENU, "step_id": "user", "menu_options": ["create"]},
        {
            "type": FlowResultType.FORM,
            "step_id": "create",
            "data_schema": config_flow.CREATE_SCHEMA,
            "errors": {},
            "description_placeholders": {},
        },
        {
            "type": FlowResultType.FORM,
            "step_id": "create",
            "data_schema": config_flow.JOIN_SCHEMA,
            "errors": {},
            "description_placeholders": {"addresses": ""},
        },
        {
            "type": FlowResultType.FORM,
            "step_id": "create",
            "data_schema": config_flow.CREATE_SCHEMA,
            "errors": {"base": "no_such_error"},
            "description_placeholders": {"addresses": ""},
        },
    ],
)
def test_a_dialog_with_a_missing_text_is_noticed(shown: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check_texts("config", shown)
