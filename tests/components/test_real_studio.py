"""Home Assistant with its real vMix client over TCP on loopback, against the simulator.

Everything else is tested with a client in memory. These few show that the two agree; what no real
vMix has confirmed, the simulator's own texts say.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.infrafabric.const import DOMAIN
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from tests.vmix_simulator import VmixSimulator


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true, looking often."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


@pytest.fixture
async def vmix(socket_enabled: None) -> AsyncGenerator[VmixSimulator]:
    """Return a running simulator."""
    async with VmixSimulator() as simulator:
        yield simulator


async def add(hass: HomeAssistant, port: int, **http: Any) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": "vmix"}
    )
    return await hass.config_entries.flow.async_configure(
        result["flow_id"], {"host": "127.0.0.1", "port": port, "http": http}
    )


async def test_a_vmix_is_added_switched_off_and_comes_back(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, vmix: VmixSimulator
) -> None:
    result = await add(hass, vmix.port)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    await until(lambda: entry.state is ConfigEntryState.LOADED and entry.runtime_data.available)
    await hass.async_block_till_done()
    recording = entity_registry.async_get_entity_id(
        "switch", DOMAIN, f"{entry.unique_id}_output_record"
    )
    assert recording is not None

    def shows(state: str) -> bool:
        found = hass.states.get(recording)
        return found is not None and found.state == state

    await until(lambda: shows("off"))
    await hass.services.async_call("switch", "turn_on", {"entity_id": recording}, blocking=True)
    await until(lambda: shows("on"))

    port = vmix.port
    await vmix.stop()
    await until(lambda: shows("unavailable"))
    await vmix.start(port)
    await until(lambda: shows("on"))
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_port_that_is_not_the_right_one_is_explained(
    hass: HomeAssistant, vmix: VmixSimulator
) -> None:
    result = await add(hass, vmix.http_port)
    assert result["errors"] == {"port": "vmix_wrong_port"}

    await vmix.stop()
    result = await add(hass, vmix.port)
    assert result["errors"] == {"base": "vmix_refused_connection"}


async def test_a_vmix_behind_its_web_controller_is_added_too(
    hass: HomeAssistant, socket_enabled: None
) -> None:
    async with VmixSimulator(username="admin", password="hunter2-web") as vmix:
        http = {"use_http": True, "http_port": vmix.http_port}
        result = await add(hass, 8099, **http)
        assert result["errors"] == {"base": "vmix_auth_failed"}

        with patch("custom_components.infrafabric.studio_setup.STUDIO_PLATFORMS", []):
            result = await add(
                hass, 8099, **http, http_username="admin", http_password="hunter2-web"
            )
            assert result["type"] is FlowResultType.CREATE_ENTRY
            entry = result["result"]
            await until(lambda: entry.runtime_data.available)
            assert await hass.config_entries.async_unload(entry.entry_id)
