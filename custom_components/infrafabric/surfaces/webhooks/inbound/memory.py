"""Between the event loop and the answers of a webhook.

A file that does not work is opened anew until it does. Until then nothing can be accepted, since
nobody could tell a repeat; a repair issue says so.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
import logging
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from ....const import DOMAIN
from ....forms import plain
from ....issues import show_issue
from ..database import DatabaseError, Reopening
from .answers import Answers
from .hook import InboundHook

_LOGGER = logging.getLogger(__name__)

ISSUE_FAILED: Final = "webhook_answers_failed"

TRY_AGAIN: Final = 30.0
"""Seconds after which a file that did not work is opened anew; the next request does so, too."""


class Memory:
    """Remembers the answers of one webhook, whenever their file works.

    Args:
        hass: Home Assistant.
        hook: The webhook.
        answers: Where they are.

    """

    def __init__(self, hass: HomeAssistant, hook: InboundHook, answers: Answers) -> None:
        self._hass = hass
        self._name = hook.name
        self._issue_id = f"{ISSUE_FAILED}_{hook.hook_id}"
        self._answers = answers
        self._again: CALLBACK_TYPE | None = None
        self._file = Reopening(answers.open, answers.close)
        self.problem: str | None = None
        """What failed and why, until the file works again."""

    async def async_start(self, _now: datetime | None = None) -> None:
        """Open the file; if it does not work, try again later."""
        self._again = None
        with suppress(DatabaseError):
            await self._async_run(lambda: None)

    async def async_stop(self) -> None:
        """Close the file."""
        await self._hass.async_add_executor_job(self._file.end)
        self._works()

    async def async_first(
        self, message_id: str, status: int, code: str, now: float
    ) -> tuple[int, str] | None:
        """Remember an answer, unless there is one: then return that.

        Raises:
            DatabaseError: It could not be remembered, so nothing may be done.

        """
        return await self._async_run(self._answers.first, message_id, status, code, now)

    async def _async_run[*Args, Result](
        self, job: Callable[[*Args], Result], *args: *Args
    ) -> Result:
        try:
            result = await self._hass.async_add_executor_job(self._file.run, job, *args)
        except DatabaseError as err:
            if not self._file.ended:
                self._failed(str(err))
            raise
        self._works()
        return result

    @callback
    def _failed(self, problem: str) -> None:
        if self.problem is None:
            _LOGGER.error("The webhook %s can accept nothing: %s", self._name, problem)
        self.problem = problem
        show_issue(
            self._hass,
            ISSUE_FAILED,
            self._issue_id,
            {"webhook": plain(self._name), "problem": problem},
            ir.IssueSeverity.ERROR,
        )
        if self._again is None:
            self._again = async_call_later(self._hass, TRY_AGAIN, self.async_start)

    @callback
    def _works(self) -> None:
        if self.problem is None:
            return
        if not self._file.ended:
            _LOGGER.info("The webhook %s can accept requests again", self._name)
        self.problem = None
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        if self._again is not None:
            self._again()
            self._again = None
