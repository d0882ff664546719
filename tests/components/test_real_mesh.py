"""A mesh of real nodes on loopback: Home Assistant with its flows, and an agent beside it.

Nothing is replaced here: identities, the signaling server behind Home Assistant's view, WebRTC
and signatures are what users get.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
import logging
from typing import Any

import aiohttp
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import (
    DOMAIN,
    EVENT_MESSAGE,
    SIGNAL_PATH,
)
from custom_components.infrafabric.mesh.api import MessageDraft, NodeConfig
from custom_components.infrafabric.mesh.model import (
    MembershipRevoked,
    MessageReceived,
    NodeEvent,
    PeerRemoved,
    Role,
)
from custom_components.infrafabric.mesh.node import MeshNode
from custom_components.infrafabric.mesh.signaling.host import run_server
from custom_components.infrafabric.mesh.signaling.server import SignalingServer
from custom_components.infrafabric.store import MemoryStore
from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component

LOOPBACK = ("127.0.0.1",)
PATIENCE = 20.0
"""Seconds for what takes about one; a busy machine is no failure."""


async def _until(hass: HomeAssistant, true: Callable[[], Any]) -> None:
    """Wait for what real nodes do in their own time."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.02)
    await hass.async_block_till_done()


@pytest.fixture
async def entry(
    hass: HomeAssistant, socket_enabled: None, hass_client_no_auth: ClientSessionGenerator
) -> AsyncGenerator[ConfigEntry[Any]]:
    """Create a mesh through the config flow; its signaling view listens on loopback."""
    assert await async_setup_component(hass, DOMAIN, {})
    client = await hass_client_no_auth()
    flows = hass.config_entries.flow
    result = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await flows.async_configure(result["flow_id"], {"next_step_id": "create"})
    result = await flows.async_configure(
        result["flow_id"],
        {
            "mesh_name": "Family",
            "node_name": "Home",
            "signaling_urls": [f"ws://127.0.0.1:{client.port}{SIGNAL_PATH}"],
        },
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    # Only loopback, and no server on the Internet.
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "ice": "none", "local_addresses": list(LOOPBACK)}
    )
    await hass.async_block_till_done()
    yield entry
    if entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def http(socket_enabled: None) -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def agent(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    http: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> AsyncGenerator[MeshNode]:
    """Invite an agent through the options flow, let it join, and keep it."""
    caplog.set_level(logging.DEBUG)
    flows = hass.config_entries.options
    result = await flows.async_init(entry.entry_id)
    result = await flows.async_configure(result["flow_id"], {"next_step_id": "invite"})
    result = await flows.async_configure(result["flow_id"], {"role": "command", "expiry": "hour"})
    schema = result["data_schema"]
    assert schema is not None
    text = next(key for key in schema.schema if key == "invitation").description["suggested_value"]
    result = await flows.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.SHOW_PROGRESS

    store = MemoryStore()
    await MeshNode.join(store, text, node_name="Studio", http=http)
    await hass.async_block_till_done(wait_background_tasks=False)
    await _until(hass, lambda: flows.async_get(result["flow_id"])["step_id"] != "invite_wait")
    result = await flows.async_configure(result["flow_id"])
    node = await MeshNode.load(
        store, NodeConfig(name="Studio", local_addresses=LOOPBACK), http=http
    )
    assert result["step_id"] == "invite_joined"
    assert result["description_placeholders"] == {
        "peer": "Studio",
        "check_groups": node.check_groups,
        "role": "Command: also send requests",
    }
    result = await flows.async_configure(result["flow_id"], {"next_step_id": "invite_keep"})
    assert result["reason"] == "peer_kept"
    # Not even the most talkative log knows the invitation.
    assert "DEBUG" in caplog.text
    assert text not in caplog.text
    assert text.rpartition(".")[2] not in caplog.text
    assert text not in str(entry.as_dict())
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


def _connected(entry: ConfigEntry[Any], peer_id: str) -> bool:
    peer = entry.runtime_data.peers.get(peer_id)
    return peer is not None and peer.connected


async def test_an_invited_agent_links_up_talks_and_is_told_when_the_home_leaves(
    hass: HomeAssistant, entry: ConfigEntry[Any], agent: MeshNode
) -> None:
    connected = async_capture_events(hass, "infrafabric_peer_connected")
    messages = async_capture_events(hass, EVENT_MESSAGE)
    home = entry.runtime_data.node.peer_id
    heard: list[NodeEvent] = []
    agent.subscribe(heard.append)

    await _until(
        hass,
        lambda: connected and _connected(entry, agent.peer_id) and agent.stats.peers_online,
    )
    device_id = connected[0].data["device_id"]
    device = dr.async_get(hass).async_get(device_id)
    assert device is not None
    assert device.name == "Studio"
    (sensor,) = (
        entity.entity_id
        for entity in er.async_entries_for_device(er.async_get(hass), device_id)
        if entity.domain == "binary_sensor"
    )
    await _until(hass, lambda: hass.states.is_state(sensor, "on"))

    # A message of the agent is an event here.
    sent = await agent.send([home], MessageDraft(content={"door": "open"}))
    await _until(hass, lambda: messages)
    assert messages[0].data["content"] == {"door": "open"}
    assert messages[0].data["role"] == "command"
    assert messages[0].data["sequence_num"] == sent.message.sequence_num

    # A request of an automation here is answered there.
    def answer(event: NodeEvent) -> None:
        if isinstance(event, MessageReceived) and event.message.performative == "request":
            hass.async_create_task(agent.reply(event.message, MessageDraft(content={"answer": 42})))

    agent.subscribe(answer)
    reply = await hass.services.async_call(
        DOMAIN,
        "request",
        {"content": {"question": "?"}},
        target={"device_id": device_id},
        blocking=True,
        return_response=True,
    )
    assert reply is not None
    assert reply["content"] == {"answer": 42}
    assert reply["peer_id"] == agent.peer_id

    # Settings apply to the running links.
    hass.config_entries.async_update_entry(entry, data={**entry.data, "node_name": "Our home"})
    await _until(hass, lambda: agent.peers[home].name == "Our home")
    assert _connected(entry, agent.peer_id)
    assert len(connected) == 1

    # Removing the mesh from Home Assistant says goodbye.
    await hass.config_entries.async_remove(entry.entry_id)
    await _until(hass, lambda: home not in agent.peers)
    assert PeerRemoved(home, "left") in heard


async def test_a_reload_comes_back_by_itself_and_a_revoked_agent_is_gone_at_once(
    hass: HomeAssistant, entry: ConfigEntry[Any], agent: MeshNode
) -> None:
    await _until(hass, lambda: _connected(entry, agent.peer_id))

    await hass.config_entries.async_reload(entry.entry_id)
    await _until(hass, lambda: _connected(entry, agent.peer_id))

    device_id = entry.runtime_data.device_id_of_peer(agent.peer_id)
    heard: list[NodeEvent] = []
    agent.subscribe(heard.append)
    await hass.services.async_call(
        DOMAIN, "revoke_peer", {}, target={"device_id": device_id}, blocking=True
    )
    await _until(hass, lambda: agent.revoked and MembershipRevoked() in heard)

    assert agent.peer_id not in entry.runtime_data.peers
    assert dr.async_get(hass).async_get(device_id) is None


async def test_the_home_joins_an_agent_s_mesh_and_asks_for_an_invitation_when_revoked(
    hass: HomeAssistant,
    socket_enabled: None,
    hass_client_no_auth: ClientSessionGenerator,
    http: aiohttp.ClientSession,
) -> None:
    # The agent's mesh meets at a signaling server of its own.
    running = await run_server("127.0.0.1", 0, SignalingServer(open=True))
    store = MemoryStore()
    await MeshNode.create_mesh(store, mesh_name="Studios", node_name="Agent")
    agent = await MeshNode.load(
        store,
        NodeConfig(name="Agent", local_addresses=LOOPBACK, signaling_urls=(running.url,)),
        http=http,
    )
    await agent.start()
    entry: ConfigEntry[Any] | None = None
    try:
        await _until(hass, lambda: agent.stats.signaling_connected)
        _invitation, text = await agent.create_invitation(role=Role.OBSERVE)
        flows = hass.config_entries.flow
        result = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await flows.async_configure(result["flow_id"], {"next_step_id": "join"})
        result = await flows.async_configure(
            result["flow_id"], {"invitation": f"\n {text[:40]}\n{text[40:]} ", "node_name": "Home"}
        )
        placeholders = result["description_placeholders"]
        assert placeholders is not None
        assert placeholders["fingerprint"] == agent.mesh_fingerprint
        assert placeholders["inviter"] == agent.check_groups
        result = await flows.async_configure(result["flow_id"], {})
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        await hass.async_block_till_done()
        result = await flows.async_configure(result["flow_id"])
        assert result["type"] is FlowResultType.CREATE_ENTRY
        entry = result["result"]
        await hass.async_block_till_done()
        assert entry.title == "Studios"
        hass.config_entries.async_update_entry(
            entry, options={"ice": "none", "local_addresses": list(LOOPBACK)}
        )
        await _until(hass, lambda: _connected(entry, agent.peer_id))

        # The same invitation does not work twice.
        result = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await flows.async_configure(result["flow_id"], {"next_step_id": "join"})
        result = await flows.async_configure(
            result["flow_id"], {"invitation": text, "node_name": "Home"}
        )
        assert result["reason"] == "already_configured"

        await agent.revoke(entry.data["peer_id"])
        await _until(hass, lambda: list(flows.async_progress()))
        (flow,) = flows.async_progress()
        assert flow["step_id"] == "reauth_confirm"

        _invitation, text = await agent.create_invitation(role=Role.COMMAND)
        result = await flows.async_configure(flow["flow_id"], {"invitation": text})
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        await hass.async_block_till_done()
        result = await flows.async_configure(result["flow_id"])
        assert result["reason"] == "reauth_successful"
        await hass.async_block_till_done()
        await _until(hass, lambda: _connected(entry, agent.peer_id))
        assert entry.runtime_data.node.role is Role.COMMAND
    finally:
        if entry is not None and entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(entry.entry_id)
        await agent.stop()
        await running.close()
