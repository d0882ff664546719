"""A browser for every test here, and one world of real processes, started once when needed."""

from collections.abc import AsyncIterator
import os
from pathlib import Path
import shutil
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
import pytest
import pytest_asyncio

from demo.api import PASSWORD, USERNAME
from demo.processes import free_port
from demo.world import World
from tests.last_words import pytest_runtest_makereport, watch

from .card_page import AXE
from .dashboards import (
    EDITED,
    GUEST,
    GUEST_PASSWORD,
    STRATEGY,
    Open,
    add_dashboard,
    add_guest,
    log_in,
    row,
)

__all__ = ["pytest_runtest_makereport", "watch"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-pictures",
        action="store_true",
        help="write the pictures of the card into docs/images",
    )


def pytest_configure() -> None:
    # The default of five seconds is less than what a busy machine may take from a browser.
    expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test here the time that a browser needs on a busy machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


def missing(what: str) -> None:
    """Skip, but not in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: run script/setup --browser")
    pytest.skip(f"{what}: run script/setup --browser")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return Debian's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        missing("Chromium is missing")
    if not AXE.exists():
        missing("the card's packages are missing")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Return an empty page whose errors are the test's."""
    context = await browser.new_context(viewport={"width": 900, "height": 900})
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield page
    await context.close()
    assert problems == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory, watch) -> AsyncIterator[World]:
    """Return two Home Assistants and an agent, linked; and in Home two dashboards and a guest."""
    world = World(tmp_path_factory.mktemp("world"), (free_port(), free_port()), print)
    watch(home.process for home in world.homes)
    try:
        await world.start()
        await world.pair()
        await world.add_agent()
        watch([world.agent.process])
        await world.link()
        await add_dashboard(world, STRATEGY, {"strategy": {"type": "custom:infrafabric"}})
        cards = [{"type": "custom:infrafabric-card", "show_studios": False}]
        await add_dashboard(world, EDITED, {"views": [{"title": "Card", "cards": cards}]})
        await add_guest(world)
        yield world
    finally:
        await world.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def logins(browser: Browser, world: World) -> dict[str, Any]:
    return {
        USERNAME: await log_in(browser, world, USERNAME, PASSWORD),
        GUEST: await log_in(browser, world, GUEST, GUEST_PASSWORD),
    }


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, world: World, logins: dict[str, Any]) -> AsyncIterator[Open]:
    """Open a dashboard of Home as somebody."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    async def open_(
        path: str = f"/{STRATEGY}",
        user: str = USERNAME,
        size: tuple[int, int] = (1200, 900),
        **how: Any,
    ) -> Page:
        width, height = size
        context = await browser.new_context(
            storage_state=logins[user], viewport={"width": width, "height": height}, **how
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(world.home.home.url + path)
        await expect(row(page, "Studio")).to_have_count(1, timeout=60_000)
        return page

    yield open_
    for context in contexts:
        await context.close()
    ours = [problem for problem in problems if "infrafabric" in problem]
    assert ours == []
