"""The card alone in a browser: what it shows, and what it does when somebody acts."""

from datetime import UTC, datetime, timedelta
import re

from playwright.async_api import Page, expect
import pytest

from .card_page import (
    FRAMES,
    a_peer,
    a_snapshot,
    a_studio,
    drawn,
    open_card,
    pixels,
    serious_findings,
    tell,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

RED = "219,68,55"
"""--error-color of the page."""
CRITICAL = "255,111,34"
"""The colour of a critical link."""
GOOD = "139,195,74"
"""That of a good one."""


async def called(page: Page, times: int) -> None:
    """Wait until the card has called so many actions."""
    await page.wait_for_function("(times) => fake.calls.length >= times", arg=times)


def dark(counts: dict[str, int]) -> int:
    """Return how much is drawn in the colour of the text, its edges too."""
    return sum(count for colour, count in counts.items() if max(map(int, colour.split(","))) < 80)


async def test_the_list_says_what_the_picture_shows_and_sorts_by_keyboard(page: Page) -> None:
    await open_card(page, {})
    await tell(
        page,
        a_snapshot(
            a_peer(1, "Studio", rtt_ms=40.0),
            a_peer(2, "Garage", state="down", path="down", band="unknown", rtt_ms=None, score=None),
            a_peer(3, "Cabin", rtt_ms=3.2, path="turn_udp", band="poor", score=30),
        ),
    )
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(3)
    await expect(rows.locator("th")).to_have_text(["Cabin", "Garage", "Studio"])
    await expect(rows.nth(0)).to_contain_text("Relay, UDP")
    await expect(rows.nth(1)).to_contain_text("Unreachable")
    await expect(page.get_by_role("img").first).to_have_attribute(
        "aria-label", re.compile("3 peers, 2 connected, 0 reached over others, 1 unreachable")
    )

    head = page.get_by_role("button", name="Round trip")
    await head.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("columnheader", name="Round trip")).to_have_attribute(
        "aria-sort", "ascending"
    )
    await expect(rows.first).to_contain_text("Cabin")
    await expect(rows.last).to_contain_text("Garage")


async def test_a_peer_that_is_gone_turns_red_in_the_picture(page: Page) -> None:
    await open_card(page, {"show_peers": False})
    await tell(page, a_snapshot(a_peer(1), a_peer(2)))
    await drawn(page, lambda counts: counts.get(GOOD, 0) > 50)
    assert (await pixels(page)).get(RED, 0) == 0

    await tell(
        page,
        {
            "type": "changes",
            "peers": [a_peer(2, state="down", path="down", band="unknown", rtt_ms=None)],
            "links_removed": [[0, 2]],
        },
    )
    await drawn(page, lambda counts: counts.get(RED, 0) > 50)


async def test_pointing_at_a_dot_says_who_it_is_and_marks_the_row(page: Page) -> None:
    await open_card(page, {})
    await tell(page, a_snapshot(a_peer(1, "Studio")))
    await drawn(page, lambda counts: counts.get(GOOD, 0) > 50)
    canvas = page.get_by_role("img").first
    box = await canvas.bounding_box()
    assert box is not None
    # The only peer stands beside this node.
    await canvas.click(position={"x": 55, "y": box["height"] / 2 - 80})
    await expect(page.locator("tr.chosen")).to_have_count(0)
    await canvas.click(position={"x": 55, "y": box["height"] / 2})
    await expect(page.locator("tr.chosen")).to_contain_text("Studio")
    await expect(page.locator(".about")).to_contain_text("12 ms")


async def test_the_picture_of_few_peers_is_lower_than_that_of_many(page: Page) -> None:
    await open_card(page, {})
    canvas = page.get_by_role("img").first
    heights = []
    for count in (2, 5, 7):
        await tell(page, a_snapshot(*(a_peer(number) for number in range(1, count + 1))))
        await expect(page.locator("tbody tr")).to_have_count(count)
        await page.evaluate(FRAMES)
        box = await canvas.bounding_box()
        assert box is not None
        heights.append(round(box["height"]))
    flat, low, high = heights
    assert 240 <= flat < low < high == 460


async def test_a_link_that_proved_itself_is_ticked_for_some_minutes_and_says_so(
    page: Page,
) -> None:
    await page.clock.install()
    await open_card(page, {})
    await page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=30))
    now = int(await page.evaluate("() => Date.now()")) // 1000
    await tell(
        page,
        a_snapshot(
            a_peer(1, "Studio"),
            a_peer(2, "Garage"),
            a_peer(3, "Cabin", state="routed", path="routed"),
            links=[
                [0, 1, 12, "direct_lan", "good", "own", None],
                [0, 2, 12, "direct_lan", "good", "own", None],
                [1, 2, 9, "direct_lan", "excellent", "both", None],
                [2, 3, 9, "direct_lan", "excellent", "second", None],
            ],
        ),
    )
    studio, garage, cabin = (
        page.locator("tbody tr", has_text=name) for name in ("Studio", "Garage", "Cabin")
    )
    await expect(studio).to_contain_text("delivery not proven yet")
    await expect(studio).to_contain_text("reported by both ends 1")
    await expect(cabin).not_to_contain_text("delivery")
    await expect(cabin).to_contain_text("Links with others: reported by one end only 1")
    await page.clock.run_for(100)
    before = dark(await pixels(page))

    proven = [0, 1, 12, "direct_lan", "good", "own", now - 120]
    await tell(page, {"type": "changes", "links": [proven]})
    await expect(studio).to_contain_text("✓ delivery proven 2 minutes ago")
    await expect(garage).to_contain_text("delivery not proven yet")
    await page.clock.run_for(100)
    # The ring and its tick are drawn in the colour of the text: a form, not a colour.
    assert dark(await pixels(page)) > before + 10

    # Nothing is told any more, and yet the picture and the words follow the time.
    await page.clock.run_for(240_000)
    await expect(studio).to_contain_text("delivery proven 6 minutes ago")
    await expect(studio).not_to_contain_text("✓")
    assert dark(await pixels(page)) == before
    # What looks for faults waits for timers.
    await page.clock.resume()
    assert await serious_findings(page) == []


async def test_a_link_that_one_end_alone_reports_ends_half_way(page: Page) -> None:
    await open_card(page, {"show_peers": False})
    peers = [a_peer(n, state="routed", path="routed", band="unknown") for n in (1, 2)]

    async def drawn(says: str) -> int:
        link = [1, 2, 9, "direct_lan", "critical", says, None]
        await tell(page, a_snapshot(*peers, links=[link]))
        # The link of a chosen peer is drawn in its full colour.
        await page.evaluate("() => { fake.card.chosen = 1; return fake.card.updateComplete; }")
        await page.evaluate(FRAMES)
        return (await pixels(page)).get(CRITICAL, 0)

    whole, first, second = [await drawn(says) for says in ("both", "first", "second")]
    assert whole > 100
    assert 0.4 * whole < first < 0.6 * whole
    assert 0.4 * whole < second < 0.6 * whole


async def test_names_of_peers_are_text_and_never_markup(page: Page) -> None:
    await open_card(page, {})
    await tell(page, a_snapshot(a_peer(1, "<img src=x onerror=alert(1)>")))
    await expect(page.locator("tbody th")).to_have_text("<img src=x onerror=alert(1)>")
    assert await page.locator("infrafabric-card img").count() == 0


async def test_a_studio_is_named_once_and_what_is_on_air_says_so(page: Page) -> None:
    studio = a_studio()
    studio["devices"]["obs"]["name"] = "OBS Studio"
    only = {"show_picture": False, "show_peers": False, "show_invite": False}
    await open_card(page, {**only, "title": "OBS Studio"}, **studio)
    await expect(page.get_by_role("region", name="OBS Studio")).to_contain_text("Program: Camera 1")
    await expect(page.get_by_text("OBS Studio")).to_have_count(1)

    await open_card(page, only, **studio)
    await expect(page.get_by_role("heading", name="OBS Studio", exact=True)).to_be_visible()
    await expect(page.get_by_text("OBS Studio")).to_have_count(1)

    studio["devices"]["obs"]["name"] = "Upstairs"
    await open_card(page, {**only, "title": "Upstairs"}, **studio)
    await expect(page.get_by_role("region", name="Upstairs")).to_contain_text("OBS Studio")
    await expect(page.get_by_text("Upstairs")).to_have_count(1)


async def test_a_switch_moves_when_the_studio_has_not_when_it_was_asked(page: Page) -> None:
    await open_card(page, {"show_picture": False, "show_peers": False}, **a_studio())
    switch = page.get_by_role("switch", name="Stream")
    await expect(switch).to_have_attribute("aria-checked", "false")

    await switch.click()
    await expect(switch).to_have_attribute("aria-busy", "true")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(page.locator("li", has=switch)).to_contain_text("Switching on")
    # Impatience changes nothing.
    await switch.click(force=True)
    call = await page.evaluate("() => fake.calls.map((c) => [c.domain, c.service, c.target])")
    assert call == [["switch", "turn_on", {"entity_id": "switch.obs_stream"}]]

    await page.evaluate("() => fake.calls[0].resolve({})")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await page.evaluate(
        """() => fake.set({states: {...fake.hass.states,
          "switch.obs_stream": {...fake.hass.states["switch.obs_stream"], state: "on"},
          "sensor.obs_stream_state":
            {...fake.hass.states["sensor.obs_stream_state"], state: "active"}}})"""
    )
    await expect(switch).to_have_attribute("aria-checked", "true")
    await expect(switch).to_have_attribute("aria-busy", "false")
    await expect(page.locator("li", has=switch)).to_contain_text("active")


async def test_a_studio_that_refuses_leaves_the_switch_and_says_why(page: Page) -> None:
    await open_card(page, {"show_picture": False, "show_peers": False}, **a_studio())
    switch = page.get_by_role("switch", name="Recording")
    await switch.focus()
    await page.keyboard.press("Space")
    await called(page, 1)
    await page.evaluate("() => fake.calls[0].reject({message: 'The disk is full'})")

    await expect(page.locator(".notice")).to_contain_text("The disk is full")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await expect(switch).to_have_attribute("aria-busy", "false")


async def test_a_studio_that_is_away_cannot_be_switched(page: Page) -> None:
    studio = a_studio()
    studio["states"]["switch.obs_stream"]["state"] = "unavailable"
    await open_card(page, {"show_picture": False, "show_peers": False}, **studio)
    switch = page.get_by_role("switch", name="Stream")
    await expect(switch).to_have_attribute("aria-disabled", "true")
    await switch.click(force=True)
    assert await page.evaluate("() => fake.calls.length") == 0
    await expect(page.locator("li", has=switch)).to_contain_text("Unknown")


async def test_an_invitation_is_shown_and_nothing_of_it_stays(page: Page) -> None:
    await open_card(page, {})
    await tell(page, a_snapshot(a_peer(1)))
    await page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("What the new peer may do").select_option("command")
    await dialog.get_by_role("button", name="Create invitation").click()
    await called(page, 1)
    call = await page.evaluate("() => (({data, target}) => ({data, target}))(fake.calls[0])")
    assert call == {
        "data": {"role": "command", "expires_in": {"hours": 24}},
        "target": {"device_id": "device0"},
    }
    await page.evaluate(
        """() => fake.calls[0].resolve({response: {invitation_id: "1", role: "command",
             invitation: "infrafabric:join#SECRET", expires: new Date(Date.now() + 9e5)}})"""
    )
    # A date is no text: what is no whole invitation is not shown.
    await expect(dialog).to_contain_text("No invitation was made")
    await dialog.get_by_role("button", name="Create invitation").click()
    await called(page, 2)
    await page.evaluate(
        """() => fake.calls[1].resolve({response: {invitation_id: "1", role: "command",
             invitation: "infrafabric:join#SECRET",
             expires: new Date(Date.now() + 9e5).toISOString()}})"""
    )
    await expect(dialog.get_by_role("textbox")).to_have_value("infrafabric:join#SECRET")
    await expect(dialog.get_by_role("textbox")).to_be_focused()
    await expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    await expect(dialog).to_contain_text("Open until")
    # This page has no clipboard, as one without HTTPS: the older way serves.
    assert await page.evaluate("() => navigator.clipboard === undefined")
    await dialog.get_by_role("button", name="Copy").click()
    await expect(dialog).to_contain_text("Copied")
    await expect(dialog).to_contain_text("abcd efgh")
    assert await serious_findings(page, "infrafabric-invite-dialog") == []
    await tell(page, {"type": "changes", "peers": [a_peer(2, "Newcomer")]})
    await expect(dialog).to_contain_text("Newcomer has joined")

    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("infrafabric-invite-dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Invite")).to_be_focused()
    left = await page.evaluate(
        """() => {
          const all = (root) => [root.innerHTML ?? "", ...[...root.querySelectorAll("*")]
            .flatMap((e) => [e.value ?? "", ...(e.shadowRoot ? all(e.shadowRoot) : [])])];
          return JSON.stringify([all(document), location.href, history.state]);
        }"""
    )
    assert "SECRET" not in left


async def test_an_expired_invitation_is_taken_away(page: Page) -> None:
    await open_card(page, {})
    await tell(page, a_snapshot())
    await page.get_by_role("button", name="Invite").click()
    await page.get_by_role("button", name="Create invitation").click()
    await called(page, 1)
    await page.evaluate(
        """() => fake.calls[0].resolve({response: {invitation_id: "1", role: "observe",
             invitation: "infrafabric:join#SECRET",
             expires: new Date(Date.now() + 200).toISOString()}})"""
    )
    await expect(page.get_by_role("dialog")).to_contain_text("has expired")
    await expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_count(0)


@pytest.mark.parametrize(
    ("hass", "node"),
    [({"user": {"is_admin": False}}, {}), ({}, {"can_invite": False})],
    ids=["no admin here", "no admin of the mesh"],
)
async def test_only_admins_can_invite(page: Page, hass: dict, node: dict) -> None:
    await open_card(page, {}, **hass)
    snapshot = a_snapshot(a_peer(1))
    snapshot["node"] |= node
    await tell(page, snapshot)
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_role("button", name="Invite")).to_have_count(0)
    assert await page.locator("infrafabric-invite-dialog").count() == 0


@pytest.mark.parametrize(
    ("language", "word"), [("de", "Unerreichbar"), ("fr-CA", "Injoignable"), ("nl", "Unreachable")]
)
async def test_the_card_speaks_the_user_s_language(page: Page, language: str, word: str) -> None:
    await open_card(page, {}, language=language)
    await tell(page, a_snapshot(a_peer(1, state="down", path="down", band="unknown")))
    await expect(page.locator("tbody tr")).to_contain_text(word)


async def test_a_mesh_that_stops_stays_visible_as_the_past(page: Page) -> None:
    await open_card(page, {})
    await tell(page, a_snapshot(a_peer(1)))
    await tell(page, {"type": "unavailable"})
    await expect(page.get_by_text("does not run right now")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_role("button", name="Invite")).to_be_disabled()


async def test_the_subscription_ends_with_the_card_and_follows_the_chosen_mesh(page: Page) -> None:
    await open_card(page, {})
    await page.evaluate(
        "() => fake.card.setConfig({type: 'custom:infrafabric-card', entry_id: 'other'})"
    )
    await page.wait_for_function("() => fake.subscriptions.length === 2")
    assert await page.evaluate("() => fake.subscriptions[1].message.entry_id") == "other"
    await page.wait_for_function("() => fake.ended === 1")
    await page.evaluate("() => fake.card.remove()")
    await page.wait_for_function("() => fake.ended === 2")


async def test_a_big_mesh_is_paged_searched_and_labelled_where_there_is_room(page: Page) -> None:
    await open_card(page, {})
    await tell(
        page, a_snapshot(*(a_peer(n, state="routed", path="routed") for n in range(1, 1001)))
    )
    await expect(page.locator("tbody tr")).to_have_count(20)
    await expect(page.get_by_text("Page 1 of 50")).to_be_visible()
    await page.get_by_role("button", name="Next page").click()
    await expect(page.get_by_text("Page 2 of 50")).to_be_visible()
    await page.get_by_label("Find a peer").fill("peer 77")
    # 77 and 770 to 779.
    await expect(page.locator("tbody tr")).to_have_count(11)
    await page.evaluate(FRAMES)
    labelled = await page.evaluate(
        """() => fake.card.shadowRoot.querySelector("infrafabric-mesh-picture")
             .painter.labelled.length"""
    )
    assert 10 < labelled <= 61


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_serious(page: Page, dark: bool) -> None:
    if dark:
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await open_card(page, {}, **a_studio())
    if dark:
        await page.add_style_tag(
            content=":root { --primary-text-color: #e1e1e1; --secondary-text-color: #9b9b9b;"
            " --card-background-color: #1c1c1c; --secondary-background-color: #282828;"
            " --divider-color: rgb(225 225 225 / 12%); } body { background: #111; }"
        )
    await tell(page, a_snapshot(a_peer(1), a_peer(2, state="down", path="down", band="unknown")))
    await expect(page.locator("tbody tr")).to_have_count(2)

    assert await serious_findings(page) == []


async def test_no_mesh_is_said_in_plain_words_and_no_fault_of_somebody_with_a_studio(
    page: Page,
) -> None:
    refuse = """() => { fake.hass.connection.subscribeMessage = () =>
      Promise.reject({code: "not_found", message: "There is no such mesh."}); }"""
    await open_card(page, {})
    await page.evaluate(refuse)
    await page.evaluate("() => { fake.card.remove(); return fake.show({}); }")
    await expect(page.get_by_role("alert")).to_contain_text("no mesh here yet")

    await open_card(page, {}, **a_studio())
    await page.evaluate(refuse)
    await page.evaluate("() => { fake.card.remove(); return fake.show({}); }")
    await expect(page.get_by_role("switch", name="Stream")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
