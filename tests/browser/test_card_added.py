"""How the card and the dashboard get onto a Home Assistant: through its dialogs, without YAML."""

from playwright.async_api import expect
import pytest

from demo.world import World

from .dashboards import EDITED, Open

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_card_picker_offers_the_card_with_its_preview_by_card_and_by_entity(
    world: World, open_page: Open
) -> None:
    page = await open_page()
    await page.goto(f"{world.home.home.url}/{EDITED}/0?edit=1")
    await page.get_by_role("button", name="Add card").first.click()
    picker = page.locator("hui-dialog-create-card")
    await picker.get_by_role("tab", name="By card").click()
    await picker.get_by_placeholder("Search cards").fill("InfraFabric")
    preview = picker.locator("infrafabric-card")
    await expect(preview.get_by_role("heading", name="Demo mesh")).to_be_visible(timeout=60_000)
    await expect(preview.locator("tbody tr", has_text="Studio")).to_contain_text("Connected")

    await picker.get_by_role("tab", name="By entity").click()
    await picker.get_by_placeholder("Search entities").fill("Peers online")
    await picker.get_by_text("Peers online").first.click()
    await expect(preview.get_by_role("heading", name="Demo mesh")).to_be_visible(timeout=60_000)
    # What was suggested is of that entity's mesh, and without the studios.
    config = await preview.first.evaluate("(card) => card.config")
    assert config["entry_id"] == world.home.entry_id
    assert config["show_studios"] is False


async def test_a_dashboard_that_builds_itself_is_added_without_yaml(
    world: World, open_page: Open
) -> None:
    page = await open_page()
    await page.goto(f"{world.home.home.url}/config/lovelace/dashboards")
    await page.get_by_role("button", name="Add dashboard").click()
    offered = page.locator("dashboard-card", has_text="InfraFabric")
    await expect(offered).to_contain_text("A whole view of your meshes and studios")
    await offered.click()
    form = page.locator("dialog-lovelace-dashboard-detail")
    await form.get_by_role("textbox", name="Title").fill("My sites")
    await expect(form.get_by_role("textbox", name="URL")).to_have_value("my-sites")
    create = form.get_by_role("button", name="Create")
    await create.click()
    await expect(create).to_be_hidden()
    api = world.home.api
    (made,) = (
        dashboard
        for dashboard in await api.call("lovelace/dashboards/list")
        if dashboard["url_path"] == "my-sites"
    )
    try:
        await page.goto(f"{world.home.home.url}/my-sites")
        await expect(page.get_by_role("heading", name="Demo mesh")).to_be_visible(timeout=60_000)
        config = await api.call("lovelace/config", url_path="my-sites", force=True)
        assert config == {"strategy": {"type": "custom:infrafabric"}}
    finally:
        await api.call("lovelace/dashboards/delete", dashboard_id=made["id"])
