"""The studio panel with a real OBS Studio: a click in the card changes what OBS does."""

import asyncio
import os
from pathlib import Path

from playwright.async_api import expect
import pytest

from demo.mesh import DOMAIN
from demo.processes import until
from demo.studios import StudioEntry
from demo.world import World
from tests.obs_world import MISSING, RealObs, missing_programs
from tests.vmix_simulator import VmixSimulator

from .card_page import serious_findings
from .dashboards import IMAGES, Open

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_switch_in_the_card_starts_and_stops_a_recording_of_vmix(
    world: World, open_page: Open
) -> None:
    simulator = VmixSimulator()
    await simulator.start()
    try:
        entry = await StudioEntry.add_vmix(world.home.home, simulator.port)
        page = await open_page()
        panel = page.locator("infrafabric-studio-panel").first
        switch = panel.get_by_role("switch", name="Recording", exact=True)
        await expect(switch).to_have_attribute("aria-checked", "false", timeout=60_000)
        for wanted in (True, False):
            await switch.click()
            await expect(switch).to_have_attribute("aria-checked", str(wanted).lower())
            await expect(switch).to_have_attribute("aria-busy", "false")
            assert (simulator.world.recording_since is not None) is wanted
        assert await serious_findings(page, "infrafabric-studio-panel") == []
        await world.home.api.rest("DELETE", f"/api/config/config_entries/entry/{entry.entry_id}")
        await expect(panel).to_have_count(0)
    finally:
        await simulator.stop()


async def test_a_switch_in_the_card_starts_and_stops_a_recording_of_the_real_obs(
    world: World, open_page: Open, tmp_path: Path, pytestconfig: pytest.Config, watch
) -> None:
    if missing := missing_programs():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            f"{MISSING} {' '.join(missing)}"
        )
    obs = RealObs(tmp_path / "obs")
    try:
        await obs.start()
        watch(obs.children)
        flow = await world.home.api.config_flow(DOMAIN)
        await flow.choose("obs")
        done = await flow.submit(
            host=obs.host,
            port=obs.port,
            password=obs.password,
            tls={"ssl": False, "verify_ssl": True},
        )
        assert done["type"] == "create_entry"
        page = await open_page()
        panel = page.locator("infrafabric-studio-panel").first
        switch = panel.get_by_role("switch", name="Recording", exact=True)
        await expect(switch).to_have_attribute("aria-checked", "false", timeout=60_000)

        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "true", timeout=60_000)
        await expect(switch).to_have_attribute("aria-busy", "false")

        async def video() -> Path | None:
            return next(obs.videos.iterdir(), None)

        recorded = await until("the file of the recording", video, 60)
        picture = panel.get_by_role("img", name="Program of")
        await expect(picture).to_have_js_property("naturalWidth", 1280, timeout=60_000)
        await expect(panel.get_by_text("Scene").first).to_be_visible()
        assert await serious_findings(page, "infrafabric-studio-panel") == []
        # OBS writes a picture that stands still only at the end; it must have some seconds of it.
        await asyncio.sleep(3)
        if pytestconfig.getoption("--write-pictures"):
            await panel.screenshot(path=IMAGES / "card-studio.png")

        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "false", timeout=60_000)

        async def finished() -> bool:
            return recorded.stat().st_size > 0

        await until("the recording to be written to its end", finished, 60)
        # OBS itself is gone: nothing is shown as if it could still be switched.
        await obs.kill()
        await expect(switch).to_have_attribute("aria-disabled", "true", timeout=60_000)
        await world.home.api.rest(
            "DELETE", f"/api/config/config_entries/entry/{done['result']['entry_id']}"
        )
        await expect(panel).to_have_count(0)
    finally:
        await obs.stop()
