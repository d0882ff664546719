"""Takes the picture in the README: the demo's dashboard in a real browser.

``.venv-agent/bin/python demo/picture.py`` after ``script/setup --browser``.
"""

import asyncio
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Final

from playwright.async_api import Page, async_playwright

# Started as a file.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo.api import PASSWORD, USERNAME
from demo.dashboard import PATH
from demo.processes import DemoError, free_port
from demo.world import World

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "images" / "dashboard.png"
SIZE: Final = {"width": 1440, "height": 1000}
MEASURED: Final = 75.0
"""Seconds until links have shown what they are worth and graphs have something to draw."""


async def log_in(page: Page, url: str) -> None:
    """Log the demo's user in by the form."""
    await page.goto(url + PATH)
    await page.fill("input[name=username]", USERNAME)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda address: "/auth/" not in address)


async def main() -> None:
    """Build the demo's world, let it measure for a while, and take the picture."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        raise DemoError("Chromium is missing; script/setup --browser installs it")
    folder = Path(tempfile.mkdtemp(prefix="infrafabric-picture-"))
    world = World(folder, (free_port(), free_port()), lambda text: print(text, flush=True))
    try:
        await world.build()
        studio = world.homes[1]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=browser_path,
                args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
            )
            page = await browser.new_page(viewport=SIZE, device_scale_factor=1)
            await log_in(page, studio.url)
            await asyncio.sleep(MEASURED)
            switch = {"entity_id": "input_boolean.on_air"}
            await studio.api.action("input_boolean", "turn_on", target=switch)
            await page.goto(studio.url + PATH)
            await asyncio.sleep(8)
            TARGET.parent.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=TARGET)
            await browser.close()
    finally:
        await world.close()
        shutil.rmtree(folder)
    print(f"The picture is in {TARGET.relative_to(Path.cwd())}")


if __name__ == "__main__":
    asyncio.run(main())
