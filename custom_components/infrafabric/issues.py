"""Repair issues: the problems of a node or a studio that a person can do something about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .forms import plain
from .hub import MeshHub
from .mesh.model import NodeEvent, ProblemsChanged
from .studio.events import Connected, Disconnected, StudioEvent
from .studio_coordinator import StudioCoordinator

DOCUMENTATION: Final = (
    "https://github.com/infrafabric/infrafabric-homeassistant/blob/main/docs/reference/problems.md"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """How a problem is shown; its code is the translation key."""

    severity: ir.IssueSeverity
    placeholders_fn: Callable[[MeshHub], Mapping[str, str]] = lambda _hub: {}


# ``membership_revoked`` is missing on purpose: it asks for a new invitation by
# re-authentication, which Home Assistant shows by itself.
ISSUES: Final[Mapping[str, Issue]] = {
    "clock_skew": Issue(severity=ir.IssueSeverity.ERROR),
    "cloned_identity": Issue(severity=ir.IssueSeverity.ERROR),
    "membership_lapsing": Issue(
        severity=ir.IssueSeverity.WARNING,
        placeholders_fn=lambda hub: {
            "date": dt_util.as_local(hub.node.not_after).date().isoformat()
        },
    ),
    "no_signaling": Issue(
        severity=ir.IssueSeverity.WARNING,
        placeholders_fn=lambda hub: {
            "addresses": "\n".join(f"* `{url}`" for url in hub.stats.signaling_configured) or "–"
        },
    ),
    "slow_crc": Issue(severity=ir.IssueSeverity.WARNING),
}

STUDIO_ISSUES: Final = frozenset({"studio_another", "studio_too_old"})
"""Codes of the studio library that stay until somebody does something about the studio. A wrong
password is missing: it asks for another one by re-authentication. So is an address at which
nothing answers, because a studio that is off is normal."""


@callback
def async_setup_issues(hub: MeshHub) -> None:
    """Keep the repair issues of *hub*'s entry equal to its problems until it is unloaded."""
    shown: set[str] = set()

    @callback
    def show(problems: set[str]) -> None:
        for code in sorted(shown - problems):
            ir.async_delete_issue(hub.hass, DOMAIN, issue_id(hub, code))
        for code in sorted(problems - shown):
            issue = ISSUES[code]
            show_issue(
                hub.hass,
                code,
                issue_id(hub, code),
                {"mesh": hub.node.mesh_name, **issue.placeholders_fn(hub)},
                issue.severity,
            )
        shown.clear()
        shown.update(problems)

    @callback
    def handle(event: NodeEvent) -> None:
        if isinstance(event, ProblemsChanged):
            show(ISSUES.keys() & event.problems)

    show(ISSUES.keys() & hub.stats.problems)
    hub.entry.async_on_unload(hub.async_subscribe(handle))
    # An entry that does not run has no problem to show.
    hub.entry.async_on_unload(lambda: show(set()))


@callback
def async_setup_studio_issues(studio: StudioCoordinator) -> None:
    """Show what keeps *studio* from working until it works, or its entry is unloaded."""

    @callback
    def clear() -> None:
        for code in STUDIO_ISSUES:
            ir.async_delete_issue(studio.hass, DOMAIN, issue_id(studio, code))

    @callback
    def handle(event: StudioEvent) -> None:
        match event:
            case Connected():
                clear()
            case Disconnected(error) if error is not None and error.code in STUDIO_ISSUES:
                show_issue(
                    studio.hass,
                    error.code,
                    issue_id(studio, error.code),
                    # Issues are Markdown, and whoever answers there says what it is.
                    {
                        "studio": studio.name,
                        **{name: plain(value) for name, value in error.details.items()},
                    },
                    ir.IssueSeverity.ERROR,
                )

    studio.entry.async_on_unload(studio.async_subscribe(handle))
    studio.entry.async_on_unload(clear)


@callback
def show_issue(
    hass: HomeAssistant,
    code: str,
    shown_as: str,
    placeholders: Mapping[str, str],
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
) -> None:
    """Show a problem that its page explains.

    Args:
        hass: Home Assistant.
        code: The key of its texts, there and in the translations.
        shown_as: The id of the issue, of which each owner of the problem has its own.
        placeholders: Of its texts, as Markdown.
        severity: How much it matters.

    """
    ir.async_create_issue(
        hass,
        DOMAIN,
        shown_as,
        is_fixable=False,
        learn_more_url=f"{DOCUMENTATION}#{code}",
        severity=severity,
        translation_key=code,
        translation_placeholders=dict(placeholders),
    )


def issue_id(owner: MeshHub | StudioCoordinator, code: str) -> str:
    """Return the id of the issue for *code*: each mesh and each studio has its own."""
    return f"{code}_{owner.entry.entry_id}"
