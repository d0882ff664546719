"""Takes pictures for the documentation: the demo in a real browser.

``.venv-agent/bin/python demo/picture.py [dashboard] [studio]`` after ``script/setup --browser``;
without a name it takes all of them.
"""

import asyncio
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

# Started as a file.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo.api import PASSWORD, USERNAME
from demo.dashboard import PATH
from demo.processes import DemoError, free_port
from demo.studios import DESTINATION
from demo.world import World

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE: Final = {"width": 1440, "height": 1000}
MEASURED: Final = 75.0
"""Seconds until links have shown what they are worth and graphs have something to draw."""
STUDIO_SIZE: Final = {"width": 1440, "height": 1500}
STREAMED: Final = 45.0
"""Seconds until a stream's figures and its health are known."""


async def log_in(page: Page, url: str, path: str = PATH) -> None:
    """Log the demo's user in by the form; *path* is where that leads to."""
    await page.goto(url + path)
    await page.fill("input[name=username]", USERNAME)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda address: "/auth/" not in address)
    # Who leaves the page before it has fetched its tokens is asked to log in again.
    await page.wait_for_function("() => localStorage.hassTokens")


async def dashboard(world: World, page: Page) -> None:
    """Take the dashboard of the mesh, after it was measured for a while."""
    studio = world.homes[1]
    await asyncio.sleep(MEASURED)
    switch = {"entity_id": "input_boolean.on_air"}
    await studio.api.action("input_boolean", "turn_on", target=switch)
    await page.goto(studio.url + PATH)
    await asyncio.sleep(8)
    await page.screenshot(path=FOLDER / "dashboard.png")


async def studio(world: World, page: Page) -> None:
    """Take the device page of the real OBS Studio while it streams and records."""
    obs = world.controlled.get("obs")
    if obs is None:
        raise DemoError("There is no OBS Studio on this machine")
    for scene in ("Welcome", "Interview"):
        await obs.act("obs_request", request="CreateScene", data={"sceneName": scene})
    # Home Assistant hears of a new scene a moment after OBS has made it.
    await asyncio.sleep(2)
    await obs.act("switch_scene", scene="Welcome")
    await obs.act("start_recording")
    await obs.act("start_stream", destination=DESTINATION)
    await asyncio.sleep(STREAMED)
    await page.set_viewport_size(STUDIO_SIZE)
    await page.goto(f"{world.homes[1].url}/config/devices/device/{await obs.device()}")
    await asyncio.sleep(8)
    await page.screenshot(path=FOLDER / "studio.png")


PICTURES: Final = {"dashboard": dashboard, "studio": studio}


async def take(names: list[str], world: World, browser: Browser) -> None:
    """Log in once and take the pictures of these names."""
    page = await browser.new_page(viewport=SIZE, device_scale_factor=1)
    await log_in(page, world.homes[1].url)
    for name in names:
        await PICTURES[name](world, page)
        print(f"The picture is in {FOLDER / name}.png")


async def main(names: list[str]) -> None:
    """Build the demo's world and take pictures of it."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        raise DemoError("Chromium is missing; script/setup --browser installs it")
    folder = Path(tempfile.mkdtemp(prefix="infrafabric-picture-"))
    world = World(folder, (free_port(), free_port()), lambda text: print(text, flush=True))
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        await world.build()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=browser_path,
                args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
            )
            await take(names, world, browser)
            await browser.close()
    finally:
        await world.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(PICTURES)))
