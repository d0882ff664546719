"""What becomes of an accepted request: triggers hear of it, and what the user chose runs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
import shutil
from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import (
    CONF_KIND,
    DOMAIN,
    EVENT_WEBHOOK,
    KIND_SURFACES,
    MAX_EVENT_CONTENT,
)
from custom_components.infrafabric.surfaces.webhooks.inbound.doing import ISSUE_MISSING, RUNNABLE
from custom_components.infrafabric.surfaces.webhooks.inbound.receiving import async_setup_inbound
from custom_components.infrafabric.surfaces.webhooks.keys import first_key
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import Context, CoreState, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component

from .test_webhooks_in import KEY, WEBHOOK_ID, a_body, call

ISSUE = f"{ISSUE_MISSING}_hook1"
BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
START = ["script.lights", "scene.show", "script.mark"]

type Run = Callable[..., Awaitable[None]]


@pytest.fixture
async def run(
    hass: HomeAssistant, tmp_path: Path, hass_client_no_auth: ClientSessionGenerator
) -> AsyncIterator[Run]:
    """Return what starts a webhook for production control."""
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "webhook", {})
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SURFACES})
    entry.add_to_hass(hass)
    ends: list[Callable[[], Awaitable[None]]] = []

    async def begin(start: list[str] | None = None, stop: list[str] | None = None) -> None:
        data = {
            "use": "production_control",
            "webhook_id": WEBHOOK_ID,
            "actions": ["start_production", "stop_production"],
            "studios": [],
            "start": START if start is None else start,
            "stop": stop or [],
            "reach": "local",
            "keys": first_key(KEY.text()),
        }
        subentry = ConfigSubentry(
            data=MappingProxyType(data),
            subentry_id="hook1",
            subentry_type="webhook_in",
            title="Desk [x](y)",
            unique_id=None,
        )
        ends.append(await async_setup_inbound(hass, entry, subentry))

    yield begin
    for end in ends:
        await end()
    assert ir.async_get(hass).async_get_issue(DOMAIN, ISSUE) is None


@pytest.fixture
async def client(hass: HomeAssistant, run: Run, hass_client_no_auth: Any) -> Any:
    return await hass_client_no_auth()


@pytest.fixture
async def lights(hass: HomeAssistant) -> list[ServiceCall]:
    """Let there be two scripts and a scene, and return what the scripts do."""
    calls = async_mock_service(hass, "test", "lights")
    said = {
        name: f"{{{{ {name} if {name} is defined else none }}}}"
        for name in ("webhook", "action", "params", "source", "message_id", "phase", "brightness")
    }
    assert await async_setup_component(
        hass,
        "script",
        {
            "script": {
                "lights": {"sequence": [{"action": "test.lights", "data": said}]},
                "mark": {"sequence": [{"action": "test.lights", "data": {"mark": True}}]},
            }
        },
    )
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": {"on_air": None}})
    assert await async_setup_component(
        hass,
        "scene",
        {"scene": [{"id": "s1", "name": "Show", "entities": {"input_boolean.on_air": "on"}}]},
    )
    await hass.async_block_till_done()
    return calls


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)


# -- what runs --------------------------------------------------------------------------------


async def test_a_production_runs_what_the_user_chose_for_it_and_nothing_else(
    hass: HomeAssistant, run: Run, client: Any, lights: list[ServiceCall]
) -> None:
    await run(stop=["script.mark"])
    events = async_capture_events(hass, EVENT_WEBHOOK)
    body = a_body("start_production", params={"brightness": 40}, source="desk")

    assert (await call(client, body))[0] == 202
    await hass.async_block_till_done()

    assert [dict(done.data) for done in lights] == [
        {
            "webhook": "Desk [x](y)",
            "action": "start_production",
            "params": {"brightness": 40},
            "source": "desk",
            "message_id": "msg_1",
            "phase": "start",
            # What the sender says stays where it belongs.
            "brightness": None,
        },
        {"mark": True},
    ]
    state = hass.states.get("input_boolean.on_air")
    assert state is not None
    assert state.state == "on"
    (event,) = events
    contexts: list[Context] = [event.context, state.context, *(done.context for done in lights)]
    assert {context.user_id for context in contexts} == {None}
    assert {context.id for context in contexts} == {event.context.id}

    assert (await call(client, a_body("stop_production"), message_id="msg_2"))[0] == 202
    await hass.async_block_till_done()
    assert [dict(done.data) for done in lights[2:]] == [{"mark": True}]


async def test_the_shipped_script_for_productions_knows_which_end_it_is(
    hass: HomeAssistant, run: Run, client: Any, tmp_path: Path
) -> None:
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    scenes = async_mock_service(hass, "scene", "turn_on")
    made = {
        "path": "infrafabric/production.yaml",
        "input": {"start_scenes": ["scene.show"], "stop_scenes": ["scene.idle"]},
    }
    assert await async_setup_component(
        hass, "script", {"script": {"production": {"use_blueprint": made}}}
    )
    await run(start=["script.production"], stop=["script.production"])

    for number, action in enumerate(("start_production", "stop_production")):
        assert (await call(client, a_body(action), message_id=f"msg_{number}"))[0] == 202
        await hass.async_block_till_done()

    assert [done.data["entity_id"] for done in scenes] == [["scene.show"], ["scene.idle"]]


async def test_an_automation_that_waits_for_the_webhook_starts(
    hass: HomeAssistant, run: Run, client: Any, lights: list[ServiceCall]
) -> None:
    await run(start=[])
    options = {"webhook": "Desk [x](y)", "action": "stop_production"}
    trigger = {"trigger": f"{DOMAIN}.webhook_received", "options": options}
    params = {"action": "test.lights", "data": {"params": "{{ trigger.params }}"}}
    assert await async_setup_component(
        hass, "automation", {"automation": {"triggers": [trigger], "actions": [params]}}
    )
    await hass.async_block_till_done()

    assert (await call(client, a_body("start_production")))[0] == 202
    body = a_body("stop_production", params={"fade": 3})
    assert (await call(client, body, message_id="msg_2"))[0] == 202
    await hass.async_block_till_done()

    assert [dict(done.data) for done in lights] == [{"params": {"fade": 3}}]


async def test_without_any_script_a_production_is_told_of_and_that_is_all(
    hass: HomeAssistant, run: Run, client: Any, lights: list[ServiceCall]
) -> None:
    await run(start=[])
    events = async_capture_events(hass, EVENT_WEBHOOK)

    assert (await call(client, a_body("start_production")))[0] == 202
    await hass.async_block_till_done()

    assert [event.data["action"] for event in events] == ["start_production"]
    assert lights == []


async def test_what_goes_wrong_keeps_nothing_else_from_running(
    hass: HomeAssistant,
    run: Run,
    client: Any,
    lights: list[ServiceCall],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async_mock_service(hass, "scene", "turn_on", raise_exception=HomeAssistantError("It sulks"))
    await run(start=["scene.show", "script.gone", "lock.door", "script.mark"])
    hass.states.async_set("lock.door", "locked")
    unlocked = async_mock_service(hass, "lock", "turn_on")

    assert (await call(client, a_body("start_production")))[0] == 202
    await hass.async_block_till_done()

    assert "scene.show, asked for by the webhook Desk [x](y), failed" in caplog.text
    for missing in ("script.gone", "lock.door"):
        assert f"{missing}, asked for by the webhook Desk [x](y), is not there" in caplog.text
    assert unlocked == []
    assert [dict(done.data) for done in lights] == [{"mark": True}]


def test_nothing_that_opens_anything_can_run() -> None:
    assert set(RUNNABLE) == {"script", "scene"}


# -- how much ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "length", "status", "truncated"),
    [
        (START, MAX_EVENT_CONTENT - 100, 202, False),
        (START, MAX_EVENT_CONTENT + 100, 202, True),
        (START, 2 * MAX_EVENT_CONTENT, 413, None),
        ([], MAX_EVENT_CONTENT - 100, 202, False),
        ([], MAX_EVENT_CONTENT + 100, 413, None),
    ],
)
async def test_a_script_gets_more_than_an_event_has_room_for(
    hass: HomeAssistant,
    run: Run,
    client: Any,
    lights: list[ServiceCall],
    start: list[str],
    length: int,
    status: int,
    truncated: bool | None,
) -> None:
    await run(start=start)
    events = async_capture_events(hass, EVENT_WEBHOOK)
    params = {"x": "y" * length}

    assert (await call(client, a_body("start_production", params=params)))[0] == status
    await hass.async_block_till_done()

    told = [(event.data["truncated"], event.data.get("params")) for event in events]
    assert told == ([] if truncated is None else [(truncated, None if truncated else params)])
    got = [done.data["params"] for done in lights if "params" in done.data]
    assert got == ([params] if start and status == 202 else [])


async def test_numbers_that_home_assistant_writes_longer_count_as_it_writes_them(
    hass: HomeAssistant, run: Run, client: Any
) -> None:
    await run(start=[])
    params = {"x": [1e15] * 1000}
    body = a_body("start_production", params=params).replace(b"1000000000000000.0", b"1e15")
    assert len(body) < MAX_EVENT_CONTENT
    assert (await call(client, body))[0] == 413


# -- what is missing --------------------------------------------------------------------------


async def test_a_script_that_is_not_there_is_an_issue_until_it_is(
    hass: HomeAssistant, run: Run, lights: list[ServiceCall]
) -> None:
    await run(start=["script.lights", "scene.late", "script.gone"])
    found = issue(hass)
    assert found is not None
    assert found.translation_placeholders == {
        "webhook": "Desk &#91;x&#93;&#40;y&#41;",
        "missing": "* `scene.late`\n* `script.gone`",
    }

    hass.states.async_set("scene.late", "unknown")
    hass.states.async_set("script.gone", "off")
    await hass.async_block_till_done()
    assert issue(hass) is None

    hass.states.async_remove("scene.late")
    await hass.async_block_till_done()
    found = issue(hass)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["missing"] == "* `scene.late`"


async def test_a_script_that_is_disabled_is_not_there(
    hass: HomeAssistant, run: Run, lights: list[ServiceCall], entity_registry: er.EntityRegistry
) -> None:
    await run()
    assert issue(hass) is None

    entity_registry.async_update_entity("script.lights", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    assert issue(hass) is not None


async def test_only_in_the_registry_is_not_there(
    hass: HomeAssistant, run: Run, entity_registry: er.EntityRegistry
) -> None:
    hass.states.async_set("script.lights", "unavailable", {"restored": True})
    await run(start=["script.lights"])
    assert issue(hass) is not None


async def test_while_home_assistant_starts_nothing_is_missing_yet(
    hass: HomeAssistant, run: Run
) -> None:
    hass.set_state(CoreState.starting)
    await run(start=["script.lights", "script.mark"])
    hass.states.async_set("script.lights", "off")
    await hass.async_block_till_done()
    assert issue(hass) is None

    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    found = issue(hass)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["missing"] == "* `script.mark`"
