"""Home's dashboards with the card, who looks at them, and how they log in."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page

from demo.world import World

STRATEGY: Final = "card-strategy"
"""Address of a dashboard that builds itself."""
EDITED: Final = "card-edited"
"""Address of a dashboard with one card."""
IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
"""Where pictures of the card go with ``--write-pictures``."""
GUEST: Final = "guest"
GUEST_PASSWORD: Final = "guest-guest"

type Open = Callable[..., Awaitable[Page]]
"""Opens a dashboard: its path, the user, the size of the window."""


async def add_dashboard(world: World, path: str, config: dict[str, Any]) -> None:
    api = world.home.api
    await api.call("lovelace/dashboards/create", url_path=path, title=path, mode="storage")
    await api.call("lovelace/config/save", url_path=path, config=config)


async def add_guest(world: World) -> None:
    api = world.home.api
    made = await api.call(
        "config/auth/create", name="Guest", group_ids=["system-users"], local_only=False
    )
    await api.call(
        "config/auth_provider/homeassistant/create",
        user_id=made["user"]["id"],
        username=GUEST,
        password=GUEST_PASSWORD,
    )


async def log_in(browser: Browser, world: World, username: str, password: str, **how: Any) -> Any:
    """Log in by the form and return what the browser keeps of it."""
    context = await browser.new_context(**how)
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto(world.home.home.url)
    await page.fill("input[name=username]", username)
    await page.fill("input[name=password]", password)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda address: "/auth/" not in address)
    await page.wait_for_function("() => localStorage.hassTokens")
    state = await context.storage_state()
    await context.close()
    return state


def row(page: Page, name: str) -> Any:
    """Return the row of a peer in the list."""
    return page.locator("infrafabric-card tbody tr", has_text=name)
