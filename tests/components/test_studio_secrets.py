"""No key and no password leaves a studio's entry: not through errors, answers, states or traces.

The studio here is hostile: whatever it is asked, it echoes every key it could know, in every way
of writing it. What a client of the library takes out by itself, it leaves in.
"""

import base64
from collections.abc import AsyncGenerator, Iterator
import json
import logging
from typing import Any, override
from unittest.mock import patch
from urllib.parse import quote

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.infrafabric.const import DOMAIN, STUDIO_PLATFORMS
from custom_components.infrafabric.studio.errors import (
    InvalidError,
    ProtocolError,
    RefusedError,
    StudioError,
    UnreachableError,
)
from custom_components.infrafabric.studio.events import Disconnected
from custom_components.infrafabric.studio.model import StudioKind, StudioState
from custom_components.infrafabric.studio_services import STUDIO_ACTIONS
from homeassistant.const import MATCH_ALL, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component

from .studio_fake import FakeStudioClient, obs_state, vmix_state
from .studio_world import (
    BACKUP,
    CANARIES,
    STREAM_KEY,
    SUNDAY,
    add_studios,
    studio_clients,
    studio_entry,
)
from .test_studio_services import NEEDED


def spellings(secret: str) -> set[str]:
    """Return a secret as it may be written."""
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
    }


ECHO = " ".join(spelling for canary in CANARIES for spelling in sorted(spellings(canary)))
"""What the hostile studio says to everything."""


def leaks(text: str) -> set[str]:
    """Return the secrets that are in *text*."""
    return {canary for canary in CANARIES for found in spellings(canary) if found in text}


ERRORS: list[StudioError] = [
    RefusedError("request_refused", f"OBS refused: {ECHO}", request="Start", reason=ECHO),
    InvalidError("unknown_name", f"There is no {ECHO}.", name=ECHO),
    UnreachableError("studio_closed", f"Closed: {ECHO}", reason=ECHO),
    ProtocolError("never_heard_of", f"It said {ECHO}", detail=ECHO),
]


class Hostile(FakeStudioClient):
    """A studio that answers everything with an error that echoes every secret."""

    def __init__(self, state: StudioState) -> None:
        super().__init__(state)
        self.always: StudioError | None = None
        self.refusals = 0

    @override
    async def _called(self, name: str, *arguments: Any, **keywords: Any) -> None:
        self.error = self.always
        self.refusals += self.always is not None
        await super()._called(name, *arguments, **keywords)


@pytest.fixture
def platforms() -> list[Platform]:
    return STUDIO_PLATFORMS


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture
async def studios(
    hass: HomeAssistant,
    platforms: list[Platform],
) -> AsyncGenerator[dict[str, tuple[str, Hostile]]]:
    """Set up a hostile OBS and a hostile vMix; return their devices and clients."""
    clients = {"Stage": Hostile(obs_state()), "Truck": Hostile(vmix_state())}
    enabled = patch.object(Entity, "entity_registry_enabled_default", new=True)
    with studio_clients(clients, platforms), enabled:
        devices = await add_studios(
            hass,
            studio_entry(StudioKind.OBS, "Stage", destinations=[SUNDAY, BACKUP]),
            studio_entry(StudioKind.VMIX, "Truck", destinations=[SUNDAY, BACKUP]),
        )
        for client in clients.values():
            client.calls.clear()
        yield dict(zip(clients, zip(devices, clients.values(), strict=True), strict=True))


@pytest.fixture
def bus(hass: HomeAssistant) -> Iterator[list[Event]]:
    """Return every event of the bus: what of it the recorder keeps is its own choice."""
    events: list[Event] = []
    unsubscribe = hass.bus.async_listen(MATCH_ALL, events.append)
    yield events
    unsubscribe()


def shown(hass: HomeAssistant, bus: list[Event], log: str) -> str:
    """Return everything that people and the recorder may see."""
    return "\n".join(
        [
            log,
            *(json.dumps(state.as_dict(), default=str) for state in hass.states.async_all()),
            *(json.dumps(event.as_dict(), default=str) for event in bus),
            *(str(issue) for issue in ir.async_get(hass).issues.values()),
        ]
    )


def studio_for(action: str, studios: dict[str, tuple[str, Hostile]]) -> tuple[str, Hostile]:
    return studios["Truck" if action in ("overlay", "vmix_function") else "Stage"]


@pytest.mark.parametrize("spelling", sorted(spellings(STREAM_KEY)))
def test_the_search_finds_a_planted_secret(spelling: str) -> None:
    assert leaks(f'{{"reason": "at rtmp://x/{spelling}!"}}') == {STREAM_KEY}
    assert leaks(ECHO) == set(CANARIES)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
async def test_no_error_of_an_action_has_a_secret(
    hass: HomeAssistant,
    studios: dict[str, tuple[str, Hostile]],
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    bus: list[Event],
    error: StudioError,
    tmp_path: Any,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    client = await hass_ws_client(hass)
    for _device, studio in studios.values():
        studio.always = error

    for action in STUDIO_ACTIONS:
        device, studio = studio_for(action, studios)
        before = studio.refusals
        data = dict(NEEDED.get(action, {}))
        if action == "screenshot":
            data["filename"] = str(tmp_path / "x.jpg")
        await client.send_json_auto_id(
            {
                "type": "call_service",
                "domain": DOMAIN,
                "service": action,
                "service_data": data,
                "target": {"device_id": device},
                "return_response": action in ("get_studio", "emergency_stop"),
            }
        )
        answer = await client.receive_json()
        assert studio.refusals > before, action
        assert leaks(json.dumps(answer)) == set(), action
        if action not in ("get_studio", "emergency_stop"):
            assert answer["error"]["translation_key"] == "studio_failed"
            assert "REDACTED" in answer["error"]["message"]

    # The log is not empty of all this: it has the errors, with their secrets masked.
    assert "REDACTED" in caplog.text
    # What goes over the socket of this test is logged by the socket, not by the integration.
    assert leaks(shown(hass, bus, caplog.text)) == set()


@pytest.mark.parametrize("error", ERRORS[:2], ids=lambda error: error.code)
async def test_no_error_of_an_entity_has_a_secret(
    hass: HomeAssistant,
    studios: dict[str, tuple[str, Hostile]],
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    bus: list[Event],
    error: StudioError,
) -> None:
    client = await hass_ws_client(hass)
    for _device, studio in studios.values():
        studio.always = error
    commands: dict[str, tuple[str, dict[str, Any]]] = {
        "switch": ("toggle", {}),
        "button": ("press", {}),
        "number": ("set_value", {"value": 50}),
    }
    refused = set()

    for state in hass.states.async_all(list(commands)):
        service, data = commands[state.domain]
        if state.domain == "number":
            data = {"value": state.attributes["max"]}
        await client.send_json_auto_id(
            {
                "type": "call_service",
                "domain": state.domain,
                "service": service,
                "service_data": {"entity_id": state.entity_id, **data},
            }
        )
        answer = await client.receive_json()
        assert leaks(json.dumps(answer)) == set(), state.entity_id
        if not answer["success"]:
            refused.add(state.domain)
    for state in hass.states.async_all("select"):
        with pytest.raises(HomeAssistantError) as raised:
            await hass.services.async_call(
                "select",
                "select_option",
                {"entity_id": state.entity_id, "option": state.attributes["options"][-1]},
                blocking=True,
            )
        assert leaks(f"{raised.value} {raised.value.translation_placeholders}") == set()

    assert refused == set(commands)
    assert leaks(shown(hass, bus, caplog.text)) == set()


async def test_no_answer_to_an_action_has_a_secret(
    hass: HomeAssistant,
    studios: dict[str, tuple[str, Hostile]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    device, studio = studios["Stage"]
    studio.raw_answer = {
        "text": ECHO,
        ECHO: [{"deep": [ECHO]}],
        "key": "a key that nobody stored",
        "nested": {"streamKey": "another one", "bearer_token": "a third"},
        "url": f"rtmp://server.example/app/{STREAM_KEY}",
    }
    studio.hotkey_names = [ECHO]

    async def save_replay() -> str:
        return f"/videos/{ECHO}.mkv"

    studio.save_replay = save_replay  # type: ignore[method-assign]
    responses = [
        await hass.services.async_call(
            DOMAIN,
            action,
            dict(NEEDED.get(action, {})),
            target={"device_id": device},
            blocking=True,
            return_response=True,
        )
        for action in ("obs_request", "save_replay", "get_studio", "start_stream")
    ]

    text = json.dumps(responses)
    assert leaks(text) == set()
    for hidden in ("nobody stored", "another one", "a third"):
        assert hidden not in text
    assert "REDACTED" in text
    assert leaks(caplog.text) == set()


async def test_no_trace_of_an_automation_has_a_secret(
    hass: HomeAssistant,
    studios: dict[str, tuple[str, Hostile]],
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    bus: list[Event],
) -> None:
    device, studio = studios["Stage"]
    studio.raw_answer = {"text": ECHO}
    steps: list[dict[str, Any]] = [
        {
            "action": f"{DOMAIN}.start_stream",
            "target": {"device_id": device},
            "data": {"destination": "Backup"},
            "response_variable": "started",
        },
        {
            "action": f"{DOMAIN}.obs_request",
            "target": {"device_id": device},
            "data": {"request": "GetVersion"},
            "response_variable": "answer",
        },
        {"event": "turn", "event_data": {"answer": "{{ answer }}"}},
        {
            "action": f"{DOMAIN}.stop_stream",
            "target": {"device_id": device},
            "continue_on_error": True,
        },
        {"action": f"{DOMAIN}.start_recording", "target": {"device_id": device}},
    ]
    hass.bus.async_listen("turn", lambda _event: setattr(studio, "always", ERRORS[0]))
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "id": "hostile",
                "alias": "Hostile",
                "triggers": {"trigger": "event", "event_type": "go"},
                "actions": steps,
            }
        },
    )
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {"type": "trace/list", "domain": "automation", "item_id": "hostile"}
    )
    (run,) = (await client.receive_json())["result"]
    await client.send_json_auto_id(
        {
            "type": "trace/get",
            "domain": "automation",
            "item_id": "hostile",
            "run_id": run["run_id"],
        }
    )
    trace = (await client.receive_json())["result"]

    text = json.dumps(trace)
    assert "Sunday service" not in text
    assert "srt://srt.example:9000 (caller, 120 ms)" in text
    assert "action/4" in text
    assert "Stage" in trace["error"]
    assert "REDACTED" in trace["error"]
    assert leaks(text) == set()
    assert leaks(shown(hass, bus, caplog.text)) == set()


@pytest.mark.parametrize("code", ["studio_too_old", "studio_auth_failed", "never_heard_of"])
async def test_why_a_connection_ended_has_no_secret(
    hass: HomeAssistant,
    studios: dict[str, tuple[str, Hostile]],
    caplog: pytest.LogCaptureFixture,
    bus: list[Event],
    code: str,
) -> None:
    _device, studio = studios["Stage"]

    studio.disconnect(ProtocolError(code, f"It said {ECHO}", found=ECHO, needed=ECHO, reason=ECHO))
    await hass.async_block_till_done()

    assert "Stage is not connected: It said **REDACTED**" in caplog.text
    assert leaks(shown(hass, bus, caplog.text)) == set()


async def test_a_listener_is_told_of_a_lost_connection_without_secrets(
    hass: HomeAssistant, studios: dict[str, tuple[str, Hostile]]
) -> None:
    (entry, *_others) = hass.config_entries.async_entries(DOMAIN)
    heard: list[Any] = []
    entry.runtime_data.async_subscribe(heard.append)

    studios["Stage"][1].disconnect(RefusedError("request_refused", ECHO, reason=ECHO))

    (event,) = heard
    assert isinstance(event, Disconnected)
    assert isinstance(event.error, RefusedError)
    assert leaks(f"{event!r} {event.error} {event.error.details}") == set()


async def test_states_and_the_registry_of_entities_have_no_secret(
    hass: HomeAssistant,
    studios: dict[str, tuple[str, Hostile]],
    caplog: pytest.LogCaptureFixture,
    bus: list[Event],
) -> None:
    for _device, studio in studios.values():
        for destination in ("Sunday service", "Backup"):
            await hass.services.async_call(
                DOMAIN,
                "set_stream_destination",
                {"destination": destination},
                target={"device_id": _device},
                blocking=True,
            )
        assert studio.asked("set_destination")
    await hass.async_block_till_done()

    registry = er.async_get(hass)
    assert len(hass.states.async_all()) > len(STUDIO_PLATFORMS)
    assert leaks(str(list(registry.entities.values()))) == set()
    assert leaks(shown(hass, bus, caplog.text)) == set()
