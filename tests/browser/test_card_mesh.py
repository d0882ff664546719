"""The card in a real Home Assistant, over a real mesh: what it shows is what is so."""

from pathlib import Path
import re
from typing import Any

from playwright.async_api import expect
import pytest

from demo.agents import Agent
from demo.processes import until
from demo.world import World

from .card_page import FRAMES, drawn, pixels, serious_findings
from .dashboards import EDITED, GUEST, IMAGES, Open, row

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_strategy_s_view_shows_the_mesh_with_measured_links(
    world: World, open_page: Open
) -> None:
    page = await open_page()
    await expect(page.get_by_role("heading", name="Demo mesh")).to_be_visible()
    for name in ("Studio", "Agent"):
        await expect(row(page, name)).to_contain_text("Connected")
        await expect(row(page, name)).to_contain_text("Direct, local network")
        await expect(row(page, name).locator(".rtt_ms")).to_contain_text("ms", timeout=60_000)
    # Home's own two links, and the one between the others that their beacons tell of.
    await page.wait_for_function(
        """() => {
          const find = (root) => root.querySelector("infrafabric-card")
            ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot))
                 .find(Boolean);
          return find(document).store.links.size === 3;
        }""",
        timeout=60_000,
    )
    # The cards that the strategy puts beside it come from Home Assistant.
    await expect(page.get_by_text("What happened")).to_be_visible()
    assert await serious_findings(page) == []


async def test_the_card_is_a_resource_that_leads_to_the_bundle(world: World) -> None:
    resources = await world.home.api.call("lovelace/resources")
    assert [item["type"] for item in resources] == ["module"]
    assert re.fullmatch(
        r"/infrafabric_static/infrafabric-card\.js\?v=\d+\.\d+\.\d+-[0-9a-f]{8}",
        resources[0]["url"],
    )


async def test_an_admin_invites_somebody_who_really_joins(
    world: World, open_page: Open, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    page = await open_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    await page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog").filter(has_text="Invite a peer to Demo mesh")
    await dialog.get_by_role("button", name="Create invitation").click()
    await expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    text = await dialog.get_by_role("textbox").input_value()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dialog.get_by_role("button", name="Copy").click()
    await expect(dialog).to_contain_text("Copied")
    assert await page.evaluate("() => navigator.clipboard.readText()") == text
    assert await serious_findings(page, "infrafabric-invite-dialog") == []
    if pytestconfig.getoption("--write-pictures"):
        await dialog.screenshot(path=IMAGES / "card-invite.png")

    guest = Agent("Visitor", tmp_path / "visitor")
    await guest.join(text, "--local-address", "127.0.0.1")
    await expect(dialog).to_contain_text("Visitor has joined", timeout=60_000)
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_be_hidden()

    assert all(text[-20:] not in address for address in (*requested, page.url))
    assert text[-20:] not in world.home.home.log()
    # It never went online: what is known of it is that it is a member and not there.
    await expect(row(page, "Visitor")).to_contain_text("Unreachable")
    await world.home.api.action(
        "infrafabric",
        "revoke_peer",
        target={"device_id": await world.home.device(guest.peer_id)},
    )
    await expect(row(page, "Visitor")).to_have_count(0)


async def test_an_invitation_can_be_cancelled_in_the_dialog(world: World, open_page: Open) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Invite").click()
    await page.get_by_role("button", name="Create invitation").click()
    node = {"device_id": await world.home.node_device()}

    async def invitations() -> int:
        made = await world.home.api.action(
            "infrafabric", "list_invitations", target=node, response=True
        )
        return len(made["invitations"])

    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    before = await invitations()
    await page.get_by_role("button", name="Cancel invitation").click()
    await expect(page.get_by_text("The invitation is cancelled")).to_be_visible()
    assert await invitations() == before - 1


async def test_somebody_without_admin_rights_sees_the_mesh_and_cannot_invite(
    world: World, open_page: Open
) -> None:
    page = await open_page(user=GUEST)
    await expect(row(page, "Studio")).to_contain_text("Connected")
    await expect(page.get_by_role("button", name="Invite")).to_have_count(0)


async def test_the_card_is_edited_without_yaml(world: World, open_page: Open) -> None:
    page = await open_page(f"/{EDITED}/0?edit=1")
    await page.get_by_role("button", name="Edit", exact=True).last.click()
    dialog = page.locator("hui-dialog-edit-card")
    await dialog.locator("ha-selector-text input").fill("My sites")
    peers = dialog.locator("ha-formfield", has_text="Show the list of peers")
    await peers.locator("ha-switch").click()
    await expect(page.get_by_role("heading", name="My sites").first).to_be_visible()
    await dialog.get_by_role("button", name="Save").click()

    async def stored() -> dict[str, Any]:
        config = await world.home.api.call("lovelace/config", url_path=EDITED, force=True)
        return dict(config["views"][0]["cards"][0])

    async def saved() -> dict[str, Any] | None:
        card = await stored()
        return card if "title" in card else None

    card = await until("the card to be saved", saved, 30, seen=stored)
    assert card["title"] == "My sites"
    assert card["show_peers"] is False
    assert card["type"] == "custom:infrafabric-card"


async def test_a_message_that_arrived_proves_its_link_in_the_open_card(
    world: World, open_page: Open
) -> None:
    page = await open_page()
    studio = row(page, "Studio")
    await expect(studio).to_contain_text("delivery not proven yet")
    await world.home.api.action(
        "infrafabric",
        "send_message",
        {"content": {"hello": "Studio"}},
        target={"device_id": await world.home.device(await world.home.peer_named("Studio"))},
        response=True,
    )
    await expect(studio).to_contain_text("✓ delivery proven just now", timeout=60_000)
    await expect(row(page, "Agent")).to_contain_text("delivery not proven yet")
    await expect(studio).to_contain_text("Links with others: reported by both ends 1")


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("card-phone", (390, 844), "light"),
        ("card-light", (1200, 900), "light"),
        ("card-dark", (1200, 900), "dark"),
    ],
)
async def test_it_fits_a_phone_and_light_and_dark(
    open_page: Open, pytestconfig: pytest.Config, name: str, size: tuple[int, int], scheme: Any
) -> None:
    page = await open_page(size=size, color_scheme=scheme)
    card = page.locator("infrafabric-card").first
    for peer in ("Studio", "Agent"):
        await expect(row(page, peer).locator(".rtt_ms")).to_contain_text("ms", timeout=60_000)

    async def looks() -> dict[str, Any]:
        return dict(
            await card.evaluate(
                """(card) => {
                  const {left, right} = card.getBoundingClientRect();
                  const look = getComputedStyle(card.shadowRoot.querySelector("ha-card"));
                  return {left, right, inner: card.scrollWidth, outer: card.clientWidth,
                    background: look.backgroundColor};
                }"""
            )
        )

    async def fits() -> bool:
        look = await looks()
        levels = [int(level) for level in re.findall(r"\d+", look["background"])[:3]]
        return (
            look["left"] >= 0
            and look["right"] <= size[0]
            # Nothing sticks out of the card sideways.
            and look["inner"] <= look["outer"] + 1
            and (max(levels) < 80) == (scheme == "dark")
        )

    # The page around it is put together piece by piece.
    await until("the card to fit", fits, 30, seen=looks)
    assert await serious_findings(page) == []
    if pytestconfig.getoption("--write-pictures"):
        # A link shows what it is worth after 100 probes.
        for peer in ("Studio", "Agent"):
            await expect(row(page, peer)).not_to_contain_text("Unknown", timeout=120_000)
        await page.screenshot(path=IMAGES / f"{name}.png")


async def test_the_open_card_goes_on_when_home_assistant_comes_back(
    world: World, open_page: Open
) -> None:
    page = await open_page()
    await world.homes[0].stop()
    await expect(page.get_by_text("does not run right now")).to_be_visible(timeout=60_000)
    await world.homes[0].start()
    await world.homes[0].ready()
    await expect(page.get_by_text("does not run right now")).to_have_count(0, timeout=60_000)
    for name in ("Studio", "Agent"):
        await expect(row(page, name)).to_contain_text("Connected", timeout=60_000)


async def test_a_killed_peer_turns_red(world: World, open_page: Open) -> None:
    page = await open_page()
    for name in ("Studio", "Agent"):
        await expect(row(page, name)).to_contain_text("Connected", timeout=60_000)
    red = await page.evaluate(
        """() => {
          const probe = document.createElement("i");
          probe.style.color = "var(--error-color)";
          document.body.append(probe);
          const found = getComputedStyle(probe).color;
          probe.remove();
          return found;
        }"""
    )
    key = ",".join(re.findall(r"\d+", red)[:3])
    await page.evaluate(FRAMES)
    assert key not in await pixels(page)

    await world.agent.process.kill()
    await expect(row(page, "Agent")).to_contain_text("Unreachable", timeout=60_000)
    await drawn(page, lambda counts: counts.get(key, 0) > 50)
    await expect(row(page, "Studio")).to_contain_text("Connected")
