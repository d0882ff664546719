"""What somebody writes at a peer ends on a phone here: over a real link, by a rule of this site."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.infrafabric.mesh.api import MessageDraft
from custom_components.infrafabric.mesh.model import MessageReceived, NodeEvent
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from . import test_real_nodes
from .notification_world import begin, submit, the_form
from .test_real_nodes import Linked, until

linked = test_real_nodes.linked

WEBHOOK_ID = "5f" * 32


@pytest.fixture
async def app(hass: HomeAssistant, hass_admin_user: MockUser) -> str:
    """Return the device of a phone whose app is connected to Home Assistant."""
    entry = MockConfigEntry(
        domain="mobile_app",
        data={
            "app_data": {"push_websocket_channel": True},
            "app_id": "io.homeassistant.companion",
            "app_name": "Companion",
            "app_version": "1.0",
            "device_id": "4d5e6f",
            "device_name": "Phone",
            "manufacturer": "Somebody",
            "model": "Phone",
            "os_name": "Android",
            "os_version": "17",
            "supports_encryption": False,
            "user_id": hass_admin_user.id,
            "webhook_id": WEBHOOK_ID,
        },
    )
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "mobile_app", {})
    await hass.async_block_till_done()
    [device] = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


async def test_what_a_notify_entity_sends_is_shown_by_the_rule_of_the_other_site(
    hass: HomeAssistant,
    app: str,
    linked: Linked,
    surfaces: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    socket = await hass_ws_client(hass)
    await socket.send_json_auto_id(
        {"type": "mobile_app/push_notification_channel", "webhook_id": WEBHOOK_ID}
    )
    assert (await socket.receive_json())["success"]
    # It tells a phone, the same phone as an entity, and the peer itself.
    told = ["notify.phone", "notify.studio_notification"]
    form = the_form(app, "peer_message", notify_entities=told)
    result = await submit(hass, await begin(hass, surfaces), form)
    assert result["type"] is FlowResultType.CREATE_ENTRY

    heard: list[MessageReceived] = []

    def hear(event: NodeEvent) -> None:
        if isinstance(event, MessageReceived):
            heard.append(event)

    linked.studio.subscribe(hear)
    await hass.services.async_call(
        "notify",
        "send_message",
        {ATTR_ENTITY_ID: "notify.studio_notification", "message": "Hello", "title": "Home"},
        blocking=True,
    )
    await until(lambda: heard)
    sent = heard[0].message

    # The other site's notify entity for this one sends the like.
    async def write(**content: str) -> list[dict[str, Any]]:
        await linked.studio.send(
            [linked.entry.data["peer_id"]],
            MessageDraft(content=content, performative=sent.performative, topic=sent.topic),
        )
        pushed = [(await socket.receive_json(timeout=20))["event"] for _ in range(2)]
        return sorted(pushed, key=lambda push: "data" in push)

    assert sent.content.keys() == {"message", "title"}
    by_entity, by_rule = await write(message="The show begins", title="Stage")
    for push in (by_entity, by_rule):
        assert push["title"] == "Crew"
        assert push["message"] == "Message from Studio: Stage\nThe show begins"
    assert by_rule["data"]["channel"] == "InfraFabric (normal)"

    _, second = await write(message="command_dnd")
    assert second["message"] == "Message from Studio: command_dnd"
    assert second["data"]["tag"] != by_rule["data"]["tag"]
    # Nothing went back to where it came from.
    await hass.async_block_till_done()
    assert [event.message for event in heard] == [sent]
