"""Home Assistant with a real node, linked over real WebRTC on loopback to another real node.

Everything else is tested with a node in memory. These few show that the two agree.
"""

import asyncio
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import (
    CONF_ICE,
    CONF_ICE_SERVERS,
    CONF_LOCAL_ADDRESSES,
    DOMAIN,
    ICE_OWN,
    PLATFORMS,
)
from custom_components.infrafabric.mesh.api import MessageDraft, NodeConfig
from custom_components.infrafabric.mesh.model import MessageReceived, NodeEvent
from custom_components.infrafabric.mesh.node import MeshNode
from custom_components.infrafabric.mesh.trust.invitation import Invitation
from custom_components.infrafabric.store import MemoryStore
from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.setup import async_setup_component

TURN_USER = "1790000000:loopback-user"
TURN_CREDENTIAL = "loopback-credential"


@dataclass
class Linked:
    """A mesh of Home Assistant's node and another one, "Studio"."""

    entry: ConfigEntry[Any]
    invitation: str
    studio: MeshNode
    studio_store: MemoryStore
    heard: list[NodeEvent]
    """What the studio's node told."""


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true, looking often."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


async def created_by_the_flow(hass: HomeAssistant) -> ConfigEntry[Any]:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": "create"}
    )
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"mesh_name": "The Millers", "node_name": "Home"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    entry: ConfigEntry[Any] = result["result"]
    return entry


async def studio_of(hass: HomeAssistant, store: MemoryStore) -> MeshNode:
    return await MeshNode.load(
        store,
        NodeConfig(name="Studio", local_addresses=("127.0.0.1",)),
        http=async_get_clientsession(hass),
    )


@pytest.fixture
async def linked(
    hass: HomeAssistant,
    socket_enabled: None,
    hass_storage: dict[str, Any],
    hass_client_no_auth: ClientSessionGenerator,
) -> AsyncGenerator[Linked]:
    assert await async_setup_component(hass, "diagnostics", {})
    # They register views, which cannot be done once the server runs.
    for component in (DOMAIN, *PLATFORMS):
        assert await async_setup_component(hass, component, {})
    client = await hass_client_no_auth()
    await hass.config.async_update(internal_url=f"http://127.0.0.1:{client.port}")
    entry = await created_by_the_flow(hass)
    hass.config_entries.async_update_entry(
        entry,
        options={
            CONF_LOCAL_ADDRESSES: ["127.0.0.1"],
            CONF_ICE: ICE_OWN,
            CONF_ICE_SERVERS: [
                # Nothing listens there; direct links need no relay.
                {
                    "url": "turn:127.0.0.1:9",
                    "username": TURN_USER,
                    "credential": TURN_CREDENTIAL,
                }
            ],
        },
    )
    await hass.async_block_till_done()
    response = await hass.services.async_call(
        DOMAIN,
        "create_invitation",
        {"role": "command"},
        target={"device_id": entry.runtime_data.node_device_id},
        blocking=True,
        return_response=True,
    )
    assert response is not None
    invitation = str(response["invitation"])

    store = MemoryStore()
    await MeshNode.join(store, invitation, node_name="Studio", http=async_get_clientsession(hass))
    studio = await studio_of(hass, store)
    heard: list[NodeEvent] = []
    studio.subscribe(heard.append)
    await studio.start()
    linked = Linked(entry, invitation, studio, store, heard)
    try:
        await until(lambda: hass.states.is_state("binary_sensor.studio_connectivity", STATE_ON))
        yield linked
    finally:
        await linked.studio.stop()
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


async def test_a_peer_becomes_a_device_with_live_link_quality_and_speaks_and_listens(
    hass: HomeAssistant, linked: Linked
) -> None:
    def measured() -> bool:
        state = hass.states.get("sensor.studio_round_trip_time")
        return state is not None and state.state.replace(".", "").isdigit()

    await until(measured)
    path = hass.states.get("sensor.studio_path")
    assert path is not None
    assert path.state == "direct_lan"
    assert hass.states.is_state("sensor.home_peers_online", "1")

    # The peer speaks …
    await linked.studio.send(
        [linked.entry.data["peer_id"]],
        MessageDraft(content={"light": "on"}, performative="request"),
    )
    await hass.async_block_till_done()
    message = hass.states.get("event.studio_message")
    assert message is not None
    assert message.attributes["event_type"] == "request"
    assert message.attributes["content"] == {"light": "on"}
    assert message.attributes["role"] == "command"

    # … and listens.
    await hass.services.async_call(
        "notify",
        "send_message",
        {ATTR_ENTITY_ID: "notify.studio_notification", "message": "We are live", "title": "Home"},
        blocking=True,
    )
    [received] = [event for event in linked.heard if isinstance(event, MessageReceived)]
    assert received.message.content == {"message": "We are live", "title": "Home"}
    assert received.message.performative == "inform"


async def test_a_peer_that_stops_is_down_and_one_that_leaves_is_gone(
    hass: HomeAssistant, linked: Linked
) -> None:
    await linked.studio.stop()
    await until(lambda: hass.states.is_state("binary_sensor.studio_connectivity", STATE_OFF))
    assert hass.states.is_state("sensor.studio_link_quality", STATE_UNAVAILABLE)
    assert hass.states.is_state("sensor.studio_path", "down")

    linked.studio = await studio_of(hass, linked.studio_store)
    await linked.studio.start()
    await until(lambda: hass.states.is_state("binary_sensor.studio_connectivity", STATE_ON))

    await linked.studio.leave()
    await until(lambda: hass.states.get("binary_sensor.studio_connectivity") is None)


async def test_the_diagnostics_hold_none_of_the_real_secrets(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    linked: Linked,
) -> None:
    assert linked.studio_store.data is not None
    stored = hass_storage[f"{DOMAIN}.{linked.entry.data['mesh_id']}"]["data"]
    invitation = Invitation.parse(linked.invitation, 0)
    secrets = {
        "node's seed": stored["seed"],
        "authority's seed": stored["authority_seed"],
        "peer's seed": linked.studio_store.data["seed"],
        "invitation's secret": b64encode(invitation.secret).decode(),
    }
    for what, secret in list(secrets.items()):
        raw = b64decode(secret)
        secrets[f"{what}, hex"] = raw.hex()
        secrets[f"{what}, urlsafe"] = urlsafe_b64encode(raw).decode().rstrip("=")
    secrets |= {
        "invitation": linked.invitation.removeprefix("infrafabric:join#if1."),
        "TURN user": TURN_USER,
        "TURN credential": TURN_CREDENTIAL,
        "address": "127.0.0.1",
        "mesh": "The Millers",
        "SDP": "candidate",
        "storage": STORAGE_DIR,
    }

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, linked.entry)

    text = json.dumps(diagnostics)
    assert {what for what, secret in secrets.items() if secret in text} == set()
    # It is not empty either.
    assert diagnostics["stats"]["peers_online"] == 1
    assert diagnostics["peers"][0]["path"] == "direct_lan"
    assert linked.studio.peer_id in diagnostics["mesh"]["links"]
