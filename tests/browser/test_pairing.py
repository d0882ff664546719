"""The dialogs in Home Assistant's own pages: a mesh, who joins it with the copied text, a vMix."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
import re
import time
from typing import Final

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
import pytest
import pytest_asyncio

from demo.agents import Agent
from demo.home_assistant import HomeAssistant, start_all
from demo.mesh import DOMAIN, MeshEntry
from demo.picture import log_in
from demo.processes import free_port, until
from infrafabric.mesh.trust.invitation import Invitation
from tests.vmix_simulator import VmixSimulator

from .dashboards import IMAGES

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOWN: Final = 60_000
"""Milliseconds until a page or a step of a dialog is shown on a busy machine."""
JOINED: Final = 90_000
MESH: Final = "Harbour mesh"
ORCHARD: Final = "Orchard mesh"
NEAR: Final = ("--local-address", "127.0.0.1")
INTEGRATION: Final = f"/config/integrations/integration/{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Side:
    """One Home Assistant and the page in which its user is logged in."""

    home: HomeAssistant
    page: Page

    @property
    def dialog(self) -> Locator:
        """The dialog of a flow; its texts are not inside of the element with the role."""
        return self.page.locator("dialog-data-entry-flow")

    async def open(self, path: str) -> None:
        await self.page.goto(self.home.url + path)

    async def add(self) -> None:
        """Settings → Devices & services → Add integration → InfraFabric."""
        await self.open("/config/integrations/dashboard")
        await self.page.get_by_role("button", name="Add integration").click()
        await self.page.get_by_placeholder("Search for a brand name").fill("InfraFabric")
        found = self.page.get_by_role("listitem")
        await found.get_by_role("button", name="InfraFabric", exact=True).click()

    async def choose(self, text: str) -> None:
        await self.dialog.get_by_text(text, exact=True).click()

    async def submit(self, name: str = "Submit") -> None:
        await self.dialog.get_by_role("button", name=name, exact=True).click()

    async def sees(self, text: str, timeout: float = SHOWN) -> None:
        await expect(self.dialog.get_by_text(text).first).to_be_visible(timeout=timeout)

    async def finish(self) -> None:
        """Leave names and areas as they are; the entry exists by now."""
        await self.sees("Name and assign", JOINED)
        await self.submit("Skip and finish")
        await expect(self.dialog.get_by_text("Name and assign")).to_have_count(0)

    async def code(self, number: int) -> str:
        """Return a fingerprint or check groups that the dialog shows."""
        return await self.dialog.locator("code").nth(number).inner_text()

    async def open_device(self, name: str, model: str) -> None:
        """Go from the integration's page to the page of one of its devices."""
        await self.open(INTEGRATION)
        row = self.page.locator("ha-config-entry-device-row", has_text=model)
        await row.filter(has_text=name).click()
        await self.page.wait_for_url(re.compile("/config/devices/device/"))

    async def configure(self, mesh: str = MESH) -> None:
        """Open what the mesh's entry offers on the integration's page."""
        await self.open(INTEGRATION)
        row = self.page.locator("ha-config-entry-row", has_text=mesh)
        await row.get_by_role("button", name="Configure").click()

    async def copy_invitation(self, role: str = "") -> str:
        """Invite somebody in the open dialog, and copy the text with the button above it."""
        await self.choose("Invite a peer")
        # Nobody but this machine reaches it.
        await self.sees("All of them are private")
        if role:
            await self.choose(role)
        await self.submit()
        editor = self.dialog.locator("ha-selector-template")
        await expect(editor.get_by_role("textbox")).to_contain_text(
            "infrafabric:join#", timeout=SHOWN
        )
        # It is not to be changed, and there is nothing to try out.
        await expect(editor.get_by_role("textbox")).to_have_attribute("contenteditable", "false")
        await expect(editor.get_by_role("button", name="Test")).to_have_count(0)
        # What an earlier test copied must not pass for it.
        await self.page.evaluate("() => navigator.clipboard.writeText('nothing')")
        await editor.get_by_role("button", name="Copy to clipboard").click()

        async def clipboard() -> str:
            return str(await self.page.evaluate("() => navigator.clipboard.readText()"))

        async def written() -> str | None:
            text = await clipboard()
            return None if text == "nothing" else text

        copied = await until("something to be copied", written, 30, seen=clipboard)
        assert re.fullmatch(r"infrafabric:join#if1\.[\w-]+", copied)
        return copied

    async def paste_invitation(self, text: str) -> None:
        """Add InfraFabric and paste an invitation into the dialog."""
        await self.add()
        await self.choose("Join a mesh")
        await self.dialog.get_by_role("textbox", name="Invitation").fill(text)
        await self.submit()

    async def is_told(self, text: str) -> None:
        """See the reason why the dialog did not go on, and the field to try another."""
        await expect(self.dialog.locator("ha-alert")).to_contain_text(text, timeout=JOINED)
        await expect(self.dialog.get_by_role("textbox", name="Invitation")).to_be_visible()

    async def settle(self) -> None:
        """Keep the links of the mesh on this machine."""
        entries = await self.home.api.call("config_entries/get", domain=DOMAIN)
        (entry_id,) = (entry["entry_id"] for entry in entries if entry["title"] == MESH)
        entry = MeshEntry(self.home, entry_id)
        await entry.wait_loaded()
        await entry.settings()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sides(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, watch
) -> AsyncIterator[tuple[Side, Side]]:
    """Return two new Home Assistants that know nothing of each other, logged in at both."""
    folder = tmp_path_factory.mktemp("pairing")
    homes = [HomeAssistant(name, folder / name.lower(), free_port()) for name in ("Home", "Studio")]
    watch(home.process for home in homes)
    contexts: list[BrowserContext] = []
    problems: list[str] = []
    try:
        await start_all(homes)
        for _ in homes:
            context = await browser.new_context(viewport={"width": 1200, "height": 1000})
            context.set_default_timeout(SHOWN)
            await context.grant_permissions(["clipboard-read", "clipboard-write"])
            contexts.append(context)
        pages = [await context.new_page() for context in contexts]
        for home, page in zip(homes, pages, strict=True):
            page.on("pageerror", lambda error: problems.append(str(error)))
            await log_in(page, home.url, "/config")
        first, second = (Side(home, page) for home, page in zip(homes, pages, strict=True))
        yield first, second
    finally:
        for context in contexts:
            await context.close()
        await asyncio.gather(*(home.stop() for home in homes))
    ours = [problem for problem in problems if "infrafabric" in problem]
    assert ours == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def orchard(sides: tuple[Side, Side]) -> AsyncIterator[MeshEntry]:
    """Return another mesh of the first Home Assistant, for those who may not stay."""
    mesh = await MeshEntry.create(sides[0].home, ORCHARD)
    await mesh.settings()
    yield mesh
    await mesh.remove()


async def test_a_wrong_invitation_is_explained_and_what_was_typed_stays(
    sides: tuple[Side, Side],
) -> None:
    _, second = sides
    entries = await second.home.api.call("config_entries/get", domain=DOMAIN)
    typed = "infrafabric:join#if1.this-is-only-the-beginning"
    await second.add()
    await second.choose("Join a mesh")
    field = second.dialog.get_by_role("textbox", name="Invitation")
    await field.fill(typed)
    await second.dialog.get_by_role("textbox", name="Name of this node").fill("Barn")
    await second.submit()
    alert = second.dialog.locator("ha-alert")
    await expect(alert).to_contain_text("This is not a complete invitation", timeout=SHOWN)
    await expect(field).to_have_value(typed)
    node = second.dialog.get_by_role("textbox", name="Name of this node")
    await expect(node).to_have_value("Barn")
    assert await second.home.api.call("config_entries/get", domain=DOMAIN) == entries


async def test_a_peer_that_joined_is_removed_with_undo_and_nobody_joins_in_its_place(
    sides: tuple[Side, Side], orchard: MeshEntry, tmp_path: Path
) -> None:
    first, second = sides
    await first.configure(ORCHARD)
    text = await first.copy_invitation()
    await first.submit("Next")
    await first.sees("Waiting for the new peer, until")
    visitor = Agent("Visitor", tmp_path / "visitor")
    await visitor.join(text, *NEAR)
    await first.sees("A peer joined", JOINED)
    await orchard.peer_named("Visitor")
    await first.choose("Undo: remove this peer")
    await first.sees("Visitor")
    await expect(first.dialog.get_by_text("removed").first).to_be_visible()
    names = [device["name"] for device in await orchard.devices()]
    assert names == ["Home"]

    await second.paste_invitation(text)
    await second.sees("Join this mesh?")
    await second.submit()
    await second.is_told("Somebody has already joined with this invitation")


async def test_a_spent_a_cancelled_and_an_expired_invitation_say_which_they_are(
    sides: tuple[Side, Side], orchard: MeshEntry, tmp_path: Path
) -> None:
    _, second = sides
    spent, cancelled = await orchard.invitation(), await orchard.invitation()
    await Agent("Guest", tmp_path / "guest").join(spent, *NEAR)
    await second.paste_invitation(spent)
    await second.sees("Join this mesh?")
    await second.submit()
    await second.is_told("Somebody has already joined with this invitation")

    node = {"device_id": await orchard.node_device()}
    listed = await orchard.api.action(DOMAIN, "list_invitations", target=node, response=True)
    for invitation in listed["invitations"]:
        await orchard.api.action(
            DOMAIN,
            "cancel_invitation",
            {"invitation_id": invitation["invitation_id"]},
            target=node,
        )
    await second.dialog.get_by_role("textbox", name="Invitation").fill(cancelled)
    await second.submit()
    await second.sees("Join this mesh?")
    await second.submit()
    await second.is_told("This invitation was cancelled")

    now = int(time.time())
    expired = replace(Invitation.parse(cancelled, now), expires=now - 3600)
    await second.dialog.get_by_role("textbox", name="Invitation").fill(expired.text())
    await second.submit()
    await second.is_told("This invitation has expired. Ask for a new one.")


async def test_a_mesh_is_made_and_joined_with_the_copied_text_alone(
    sides: tuple[Side, Side], pytestconfig: pytest.Config
) -> None:
    first, second = sides
    await first.add()
    for option in ("Create a mesh", "Join a mesh", "Add OBS Studio", "Add vMix"):
        await expect(first.dialog.get_by_text(option, exact=True)).to_be_visible(timeout=SHOWN)
    await first.choose("Create a mesh")
    await first.dialog.get_by_role("textbox", name="Name of the mesh").fill(MESH)
    node = first.dialog.get_by_role("textbox", name="Name of this node")
    await expect(node).to_have_value("Home")
    await first.submit()
    await first.finish()
    await first.settle()

    await first.configure()
    await first.sees("Fingerprint of the mesh")
    fingerprint, inviter = await first.code(0), await first.code(1)
    copied = await first.copy_invitation("Command: also send requests")
    await first.sees("Command: also send requests")
    if pytestconfig.getoption("--write-pictures"):
        # The note that it was copied would lie over the picture.
        await asyncio.sleep(6)
        await first.dialog.locator("dialog").screenshot(path=IMAGES / "invitation.png")
    await first.submit("Next")
    await first.sees("Waiting for the new peer, until")
    assert await first.code(0) == fingerprint

    await second.add()
    await second.choose("Join a mesh")
    field = second.dialog.get_by_role("textbox", name="Invitation")
    await field.click()
    await second.page.keyboard.press("Control+V")
    await expect(field).to_have_value(copied)
    await second.submit()
    await second.sees("Join this mesh?")
    await expect(second.dialog.get_by_text(MESH)).to_be_visible()
    assert (await second.code(0), await second.code(1)) == (fingerprint, inviter)
    await second.submit()
    await second.finish()

    await first.sees("A peer joined", JOINED)
    await expect(first.dialog.locator("strong").first).to_have_text("Studio")
    groups = await first.code(0)
    await expect(first.dialog.get_by_text("Undo: remove this peer")).to_be_visible()
    await first.choose("Keep")
    await first.sees("Studio is a member of the mesh.")
    await second.settle()
    await second.configure()
    await second.sees("This node:")
    # The mesh's own comes first.
    assert await second.code(1) == groups

    for side, peer in ((first, "Studio"), (second, "Home")):
        await side.open_device(peer, "Mesh peer")
        state = side.page.locator("hui-generic-entity-row", has_text="Connectivity")
        await expect(state).to_contain_text("Connected", timeout=JOINED)


async def test_a_vmix_is_added_and_a_switch_of_its_device_page_records(
    sides: tuple[Side, Side],
) -> None:
    _, second = sides
    simulator = VmixSimulator()
    await simulator.start()
    try:
        await second.add()
        await second.choose("Add vMix")
        await second.dialog.get_by_role("textbox", name="Host").fill("127.0.0.1")
        port = second.dialog.get_by_role("spinbutton", name="Port")
        await port.fill(str(simulator.port))
        await second.submit()
        await second.finish()

        await second.open_device("vMix", "vMix")
        row = second.page.locator(
            "hui-generic-entity-row", has_text=re.compile(r"^\s*Recording\s*$")
        )
        switch = row.get_by_role("switch")
        await expect(switch).not_to_be_checked(timeout=SHOWN)
        for wanted in (True, False):
            # What there is to click lies over the element with the role.
            await row.locator("ha-switch").click()

            async def done(wanted: bool = wanted) -> bool:
                return (simulator.world.recording_since is not None) is wanted

            await until(f"vMix to record: {wanted}", done, 60)
            await expect(switch).to_be_checked(checked=wanted, timeout=SHOWN)
    finally:
        await simulator.stop()
