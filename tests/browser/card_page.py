"""A page with nothing but the card in it, and a Home Assistant that the test plays.

For what a real Home Assistant would take long to do, or would not do on demand: slow studios,
a thousand peers, every language.
"""

from collections.abc import Callable, Mapping
import json
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page

from demo.processes import until

ROOT: Final = Path(__file__).parents[2]
BUNDLE: Final = ROOT / "custom_components" / "infrafabric" / "frontend" / "infrafabric-card.js"
AXE: Final = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

# What Home Assistant's own element and theme give a card.
PAGE: Final = """<!doctype html>
<html lang="en"><head><title>Card</title><style>
  :root { --primary-color: #0288d1; --primary-text-color: #212121; --secondary-text-color: #5e5e5e;
    --card-background-color: #fff; --secondary-background-color: #e5e5e5;
    --divider-color: rgb(0 0 0 / 12%); --error-color: #db4437; --success-color: #43a047; }
  body { margin: 8px; font-family: sans-serif; color: var(--primary-text-color);
    background: var(--card-background-color); }
  infrafabric-card { display: block; background: var(--card-background-color);
  }
</style></head><body><main><h1>Dashboard</h1></main></body></html>"""

# The part of `hass` that the card uses, driven by the test through `window.fake`.
FAKE: Final = """
window.fake = {
  calls: [], answers: {}, subscriptions: [], ended: 0,
  hass: {
    states: {}, entities: {}, devices: {}, language: "en", user: {is_admin: true}, themes: {},
    formatEntityState: (state) => state.state,
    callService(domain, service, data, target, notify, wanted) {
      return new Promise((resolve, reject) => {
        fake.calls.push({domain, service, data, target, resolve, reject});
      });
    },
    connection: {
      addEventListener() {}, removeEventListener() {},
      async subscribeMessage(callback, message) {
        fake.subscriptions.push({callback, message});
        if (fake.snapshot) callback(fake.snapshot);
        return async () => { fake.ended += 1; };
      },
    },
  },
  set(changes) {
    fake.hass = {...fake.hass, ...changes};
    fake.card.hass = fake.hass;
  },
  async show(config) {
    fake.card = document.createElement("infrafabric-card");
    fake.card.setConfig({type: "custom:infrafabric-card", ...config});
    fake.card.hass = fake.hass;
    document.querySelector("main").append(fake.card);
    await fake.card.updateComplete;
  },
  tell(message) {
    if (message.type === "snapshot") fake.snapshot = message;
    for (const {callback} of fake.subscriptions) callback(message);
  },
};
"""


async def open_card(page: Page, config: Mapping[str, Any], **hass: Any) -> None:
    """Show the card alone, with these parts of ``hass``."""
    await page.set_content(PAGE)
    await page.add_script_tag(content=BUNDLE.read_text(), type="module")
    await page.evaluate(FAKE)
    await page.evaluate("async (h) => { fake.hass = {...fake.hass, ...h}; }", hass)
    await page.evaluate("(config) => fake.show(config)", dict(config))


async def tell(page: Page, message: Mapping[str, Any]) -> None:
    """Let the feed say something."""
    await page.evaluate("(message) => fake.tell(message)", dict(message))


def a_peer(number: int, name: str = "", **changes: Any) -> dict[str, Any]:
    return {
        "n": number,
        "id": f"peer{number}",
        "name": name or f"Peer {number}",
        "device_id": f"device{number}",
        "role": "observe",
        "state": "connected",
        "path": "direct_lan",
        "band": "good",
        "score": 70,
        "rtt_ms": 12,
        "loss_percent": 0,
        "last_seen": None,
        **changes,
    }


def a_snapshot(*peers: dict[str, Any], links: list[list[Any]] | None = None) -> dict[str, Any]:
    own = [
        [0, peer["n"], peer["rtt_ms"], peer["path"], peer["band"], "own", None]
        for peer in peers
        if peer["state"] == "connected"
    ]
    return {
        "type": "snapshot",
        "node": {
            "n": 0,
            "id": "own",
            "name": "Home",
            "device_id": "device0",
            "entry_id": "entry0",
            "mesh": "Family",
            "fingerprint": "abcd efgh",
            "can_invite": True,
        },
        "peers": list(peers),
        "links": own if links is None else links,
    }


def a_studio() -> dict[str, Any]:
    """Return the parts of ``hass`` that hold one OBS."""
    entities = {
        "switch.obs_stream": ("stream", "off", "OBS Stream"),
        "sensor.obs_stream_state": ("stream_state", "stopped", "OBS Stream state"),
        "switch.obs_record": ("record", "on", "OBS Recording"),
        "sensor.obs_cpu": ("cpu", "12 %", "OBS CPU usage"),
        "select.obs_program": ("program", "Camera 1", "OBS Program"),
    }
    return {
        "devices": {"obs": {"id": "obs", "name": "OBS", "model": "OBS Studio"}},
        "entities": {
            entity_id: {
                "entity_id": entity_id,
                "device_id": "obs",
                "platform": "infrafabric",
                "translation_key": key,
            }
            for entity_id, (key, _, _) in entities.items()
        },
        "states": {
            entity_id: {
                "entity_id": entity_id,
                "state": state,
                "attributes": {"friendly_name": name},
            }
            for entity_id, (_, state, name) in entities.items()
        },
    }


SETTLED: Final = """async () => {
  const moving = (root) => [
    ...root.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity),
    ...[...root.querySelectorAll("*")].flatMap((e) => e.shadowRoot ? moving(e.shadowRoot) : []),
  ].filter((one) => one.playState === "running");
  await Promise.allSettled(moving(document).map((one) => one.finished));
}"""
"""Waits for what fades in or slides: half-way, colours are none that anybody chose."""


async def serious_findings(page: Page, part: str = "infrafabric-card") -> list[str]:
    """Return what axe finds serious or worse in the card or its dialog, once they stand still."""
    await page.evaluate(SETTLED)
    await page.evaluate(AXE.read_text())
    result = await page.locator(part).first.evaluate(
        """async (part) => (await axe.run(part, {resultTypes: ["violations"]})).violations
             .filter((found) => ["serious", "critical"].includes(found.impact))
             .map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(" ")}`)"""
    )
    return list(result)


async def drawn[T](page: Page, look: Callable[[dict[str, int]], T]) -> T:
    """Wait until the picture is as it shall be, and return what *look* says of it.

    It is drawn in the browser's next frame, whenever that comes.
    """
    counts: dict[str, int] = {}

    async def looked() -> T | None:
        nonlocal counts
        counts = await pixels(page)
        return look(counts) or None

    async def seen() -> dict[str, int]:
        return dict(sorted(counts.items(), key=lambda item: -item[1])[:30])

    return await until("the picture to be drawn", looked, 30, seen=seen)


FRAMES: Final = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""
"""Returns when what was asked for before is drawn."""


async def pixels(page: Page) -> dict[str, int]:
    """Return how often each colour stands in the picture."""
    found = await page.locator("infrafabric-mesh-picture canvas").first.evaluate(
        """(canvas) => {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const counts = {};
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] < 255) continue;
            const key = [data[i], data[i + 1], data[i + 2]].join(",");
            counts[key] = (counts[key] ?? 0) + 1;
          }
          return JSON.stringify(counts);
        }"""
    )
    counts: dict[str, int] = json.loads(found)
    return counts
