"""The repair issues of an outbound webhook: what a person can do something about."""

from collections.abc import Iterable
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ....const import DOMAIN
from ....forms import plain
from ....issues import show_issue
from .outbox import DeadLetter

ISSUE_DEAD_LETTERS: Final = "webhook_dead_letters"
ISSUE_FAILED: Final = "webhook_outbox_failed"
ISSUE_FULL: Final = "webhook_outbox_full"
ISSUE_GONE: Final = "webhook_gone"
WEBHOOK_ISSUES: Final = (ISSUE_DEAD_LETTERS, ISSUE_FAILED, ISSUE_FULL, ISSUE_GONE)


class OutboundIssues:
    """What is shown of one webhook.

    Args:
        hass: Home Assistant.
        hook_id: Of its subentry.
        name: What the user calls it.

    """

    def __init__(self, hass: HomeAssistant, hook_id: str, name: str) -> None:
        self._hass = hass
        self._hook_id = hook_id
        self._name = name
        self._refused = 0

    @property
    def full(self) -> bool:
        """Whether it is shown that messages found no room."""
        return self._refused > 0

    @callback
    def async_letters(self, count: int, letters: Iterable[DeadLetter]) -> None:
        """Show how many dead letters there are, and some of them."""
        if count:
            lines = "\n".join(map(_line, letters))
            self._show(ISSUE_DEAD_LETTERS, count=str(count), letters=lines)
        else:
            self._hide(ISSUE_DEAD_LETTERS)

    @callback
    def async_gone(self, *, gone: bool) -> None:
        """Show whether the receiver wants no more."""
        if gone:
            self._show(ISSUE_GONE)
        else:
            self._hide(ISSUE_GONE)

    @callback
    def async_refused(self, count: int) -> None:
        """Show that so many more messages found no room."""
        self._refused += count
        self._show(ISSUE_FULL, count=str(self._refused))

    @callback
    def async_room(self) -> None:
        """Show no more that there is no room."""
        self._refused = 0
        self._hide(ISSUE_FULL)

    @callback
    def async_failed(self, problem: str | None, kept: int, lost: int) -> None:
        """Show what keeps messages from being written, how many wait in memory, and are lost."""
        if problem is None:
            self._hide(ISSUE_FAILED)
        else:
            self._show(ISSUE_FAILED, problem=problem, kept=str(kept), lost=str(lost))

    @callback
    def async_hide(self) -> None:
        """Show nothing any more: what does not run has no problem."""
        self._refused = 0
        for code in WEBHOOK_ISSUES:
            self._hide(code)

    def _show(self, code: str, **placeholders: str) -> None:
        named = {"webhook": plain(self._name), **placeholders}
        show_issue(self._hass, code, f"{code}_{self._hook_id}", named)

    def _hide(self, code: str) -> None:
        ir.async_delete_issue(self._hass, DOMAIN, f"{code}_{self._hook_id}")


def _line(letter: DeadLetter) -> str:
    when = dt_util.as_local(dt_util.utc_from_timestamp(letter.created))
    return f"* `{letter.message_id}`: {when:%Y-%m-%d %H:%M}, `{letter.reason}`"
