"""A browser for every test here."""

from collections.abc import AsyncIterator
import os
from pathlib import Path
import shutil

from playwright.async_api import Browser, Page, async_playwright
import pytest
import pytest_asyncio

from .card_page import AXE

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
