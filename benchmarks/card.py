"""The dashboard card with a thousand peers: how big it is, how smooth, and how soon it shows news.

A real Home Assistant, its real WebSocket command and frontend, and Debian's Chromium. The members
do not exist: ``card_feed`` puts them into the memory of the node. An empty page is measured in the
same run and the same browser, before and after, because other programs use the machine too.
"""

import argparse
import gzip
from pathlib import Path
import shutil
import tempfile
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.figures import percentile, table
from demo.api import PASSWORD, USERNAME
from demo.home_assistant import INTEGRATION, HomeAssistant
from demo.mesh import MeshEntry
from demo.processes import DemoError, free_port

BUNDLE: Final = INTEGRATION / "frontend" / "infrafabric-card.js"
FEED: Final = Path(__file__).parent / "card_feed"
URL_PATH: Final = "card-benchmark"
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
)

FRAMES: Final = """(seconds) => new Promise((done) => {
  const times = [];
  const end = performance.now() + seconds * 1000;
  const next = (now) => {
    times.push(now);
    if (performance.now() < end) requestAnimationFrame(next);
    else done(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(next);
})"""
"""Milliseconds between one frame and the next."""

WATCH: Final = """(card) => {
  window.updates = [];
  const {apply} = Object.getPrototypeOf(card.store);
  const channel = new MessageChannel();
  const waiting = [];
  channel.port1.onmessage = () => updates.push(performance.now() - waiting.shift());
  card.store.apply = function (message) {
    waiting.push(performance.now());
    apply.call(this, message);
    // A message from within a frame arrives when that frame was drawn.
    requestAnimationFrame(() => requestAnimationFrame(() => channel.port2.postMessage(0)));
  };
}"""
"""Milliseconds from news in the page to the start of the frame after the one that shows it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this benchmark's options."""
    parser.add_argument("--peers", type=int, default=1000, help="members (default: 1000)")
    parser.add_argument(
        "--changes", type=int, default=50, help="members that change 4 times a second (default: 50)"
    )
    parser.add_argument("--seconds", type=float, default=15, help="of each measurement")


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, and return the figures."""
    program = shutil.which("chromium")
    if program is None:
        raise DemoError("Chromium is missing; script/setup --browser installs it")
    bundle_kb = len(gzip.compress(BUNDLE.read_bytes(), mtime=0)) / 1000
    folder = Path(tempfile.mkdtemp(prefix="infrafabric-card-"))
    home = HomeAssistant("Home", folder / "home", free_port())
    shutil.copytree(FEED, folder / "home" / "custom_components" / "infrafabric_card_feed")
    with (folder / "home" / "configuration.yaml").open("a") as configuration:
        # Each event in the log would be measured, too.
        configuration.write("infrafabric_card_feed:\n")
    try:
        await prepare(home, options)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            measured = await measure(browser, home, options)
            await browser.close()
    except Exception:
        print(home.process.tail())
        raise
    finally:
        await home.stop()
        shutil.rmtree(folder)
    figures = {"bundle_kb": round(bundle_kb, 1), "peers": options.peers, **measured}
    show(figures)
    return figures


async def prepare(home: HomeAssistant, options: argparse.Namespace) -> None:
    """Start Home Assistant with a mesh, its members, and a dashboard with the card."""
    print("Starting Home Assistant …", flush=True)
    await home.start()
    await home.ready()
    mesh = await MeshEntry.create(home)
    await mesh.settings()
    await home.api.call(
        "lovelace/dashboards/create", url_path=URL_PATH, title="Benchmark", mode="storage"
    )
    card = {"type": "custom:infrafabric-card", "grid_options": {"columns": "full"}}
    view = {"type": "sections", "sections": [{"type": "grid", "column_span": 2, "cards": [card]}]}
    await home.api.call("lovelace/config/save", url_path=URL_PATH, config={"views": [view]})
    await home.api.action(
        "infrafabric_card_feed", "start", {"peers": options.peers, "changes": options.changes}
    )


async def measure(
    browser: Browser, home: HomeAssistant, options: argparse.Namespace
) -> dict[str, float]:
    """Return the figures of the card and of an empty page."""
    print("Measuring an empty page, the card, and the empty page again …", flush=True)
    empty = await frames_of_empty_page(browser, options.seconds / 2)
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    await page.goto(home.url)
    await page.fill("input[name=username]", USERNAME)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda address: "/auth/" not in address)
    await page.wait_for_function("() => localStorage.hassTokens")
    await page.goto(f"{home.url}/{URL_PATH}/0")
    card = page.locator("infrafabric-card")
    await card.get_by_text(f"of {options.peers} connected").wait_for(timeout=60_000)
    # Home Assistant's own page is busy for a while after it was loaded.
    await page.wait_for_timeout(5_000)
    await card.evaluate(WATCH)
    frames = await page.evaluate(FRAMES, options.seconds)
    updates = await page.evaluate("() => updates")
    links = await card.evaluate("(card) => card.store.links.size")
    await page.close()
    empty += await frames_of_empty_page(browser, options.seconds / 2)
    if len(updates) < options.seconds:
        raise DemoError(f"Only {len(updates)} updates came in {options.seconds:g} s")
    return {
        "links": links,
        "updates": len(updates),
        "frame_p95_ms": round(percentile(frames, 95), 1),
        "frame_p50_ms": round(percentile(frames, 50), 1),
        "frame_p99_ms": round(percentile(frames, 99), 1),
        "frame_max_ms": round(max(frames), 1),
        "empty_frame_p95_ms": round(percentile(empty, 95), 1),
        "update_p95_ms": round(percentile(updates, 95), 1),
        "update_p50_ms": round(percentile(updates, 50), 1),
    }


async def frames_of_empty_page(browser: Browser, seconds: float) -> list[float]:
    """Return the times between frames of a page with nothing in it."""
    page: Page = await browser.new_page(viewport={"width": 1280, "height": 900})
    frames: list[float] = await page.evaluate(FRAMES, seconds)
    await page.close()
    return frames


def show(figures: dict[str, Any]) -> None:
    """Print the figures for people."""
    rows = [
        ["card", "value"],
        ["bundle, gzip, kB", str(figures["bundle_kb"])],
        ["peers", str(figures["peers"])],
        ["links", str(figures["links"])],
        ["updates measured", str(figures["updates"])],
        ["frame P50, ms", str(figures["frame_p50_ms"])],
        ["frame P95, ms", str(figures["frame_p95_ms"])],
        ["frame P99, ms", str(figures["frame_p99_ms"])],
        ["frame P95 of an empty page, ms", str(figures["empty_frame_p95_ms"])],
        ["longest frame, ms", str(figures["frame_max_ms"])],
        ["update to picture P50, ms", str(figures["update_p50_ms"])],
        ["update to picture P95, ms", str(figures["update_p95_ms"])],
    ]
    print(table(rows))
    good = figures["frame_p95_ms"] <= max(33, 2 * figures["empty_frame_p95_ms"])
    print(f"Frames are {'within' if good else 'BEYOND'} 33 ms or twice an empty page's")
