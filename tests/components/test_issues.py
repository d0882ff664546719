"""Repair issues follow the problems of the node."""

from datetime import UTC, datetime

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.issues import ISSUES
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .conftest import FakeMeshes, FakeMeshNode


def shown(issue_registry: ir.IssueRegistry) -> set[str | None]:
    return {
        issue.translation_key
        for (domain, _), issue in issue_registry.issues.items()
        if domain == DOMAIN and issue.active
    }


@pytest.mark.parametrize("code", sorted(ISSUES))
async def test_an_issue_comes_and_goes_with_its_problem(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    code: str,
) -> None:
    assert shown(issue_registry) == set()

    node.set_stats(problems=(code,))
    await hass.async_block_till_done()
    assert shown(issue_registry) == {code}
    issue = issue_registry.async_get_issue(DOMAIN, f"{code}_{config_entry.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["mesh"] == "Family"
    assert issue.learn_more_url is not None
    assert issue.learn_more_url.endswith(f"#{code}")
    # Nothing of it (an address, say) may end up in diagnostics, which hold persistent issues.
    assert not issue.is_persistent

    node.set_stats(problems=())
    await hass.async_block_till_done()
    assert shown(issue_registry) == set()


async def test_several_problems_are_several_issues_and_go_one_by_one(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry, node: FakeMeshNode
) -> None:
    node.set_stats(problems=("clock_skew", "slow_crc"))
    node.set_stats(problems=("slow_crc", "no_signaling"))
    await hass.async_block_till_done()

    assert shown(issue_registry) == {"slow_crc", "no_signaling"}


async def test_an_issue_says_what_a_person_has_to_know(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
) -> None:
    node.not_after = datetime(2026, 12, 24, 12, 0, tzinfo=UTC)
    node.set_stats(problems=("membership_lapsing", "no_signaling"))
    await hass.async_block_till_done()

    lapsing = issue_registry.async_get_issue(DOMAIN, f"membership_lapsing_{config_entry.entry_id}")
    assert lapsing is not None
    assert lapsing.translation_placeholders == {"mesh": "Family", "date": "2026-12-24"}
    route = issue_registry.async_get_issue(DOMAIN, f"no_signaling_{config_entry.entry_id}")
    assert route is not None
    assert route.translation_placeholders is not None
    assert (
        "wss://home.example/api/infrafabric/signal" in (route.translation_placeholders["addresses"])
    )


async def test_a_problem_that_was_there_before_the_start_is_shown(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_load = FakeMeshes.load

    async def load_with_a_problem(*args: object, **kwargs: object) -> FakeMeshNode:
        loaded = await real_load(*args, **kwargs)  # type: ignore[arg-type]
        loaded.set_stats(problems=("slow_crc",))
        return loaded

    monkeypatch.setattr(FakeMeshes, "load", load_with_a_problem)
    await hass.config_entries.async_reload(config_entry.entry_id)
    await hass.async_block_till_done()

    assert shown(issue_registry) == {"slow_crc"}


async def test_unloading_takes_the_issues_away(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
) -> None:
    node.set_stats(problems=("clock_skew",))
    await hass.config_entries.async_unload(config_entry.entry_id)
    await hass.async_block_till_done()

    assert shown(issue_registry) == set()


async def test_a_revoked_membership_is_for_reauthentication_and_not_an_issue_too(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry, node: FakeMeshNode
) -> None:
    node.set_stats(problems=("membership_revoked", "a_code_of_the_future"))
    await hass.async_block_till_done()

    assert shown(issue_registry) == set()
