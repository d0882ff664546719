"""Between the event loop and the outbox of a webhook.

Nothing waits for the disk, and what it cannot write now stays in memory and is tried again.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
import logging
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ....const import DOMAIN
from ..database import DatabaseError, Reopening
from .outbox import MAX_BYTES, New, Outbox, Sums, share_of_peers

_LOGGER = logging.getLogger(__name__)

MAX_UNWRITTEN: Final = 20_000
"""Messages that wait to be written to disk: that takes milliseconds, or longer if it is full.
Their bodies together may be as large as those on disk."""
TRY_AGAIN: Final = 30.0
"""Seconds after which a disk that could not be written is tried again."""


class Keeper:
    """Keeps the messages of one webhook, on disk or until they are there.

    A file that failed is opened anew before it is used again, so that whatever was done about it
    works: room made, a file put back or deleted.

    Args:
        hass: Home Assistant.
        name: What the user calls the webhook.
        outbox: Where messages go.
        clock: Returns Unix seconds.
        on_written: Called with the number that found no room after messages were written.
        on_changed: Called when ``problem``, ``unwritten`` or ``lost`` is worth another look.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        name: str,
        outbox: Outbox,
        *,
        clock: Callable[[], float],
        on_written: Callable[[int], None],
        on_changed: Callable[[], None],
    ) -> None:
        self._hass = hass
        self._name = name
        self._outbox = outbox
        self._clock = clock
        self._on_written = on_written
        self._on_changed = on_changed
        self._messages: list[New] = []
        self._all = Sums()
        self._of_peers = Sums()
        self._writing: asyncio.Task[None] | None = None
        self._again: CALLBACK_TYPE | None = None
        self._stuck = False
        self._file = Reopening(self._open, outbox.close)
        self.problem: str | None = None
        """What failed and why, until the outbox works again."""
        self.lost = 0
        """Messages that found no room in memory since then."""

    @property
    def unwritten(self) -> int:
        """How many messages wait to be written."""
        return len(self._messages)

    async def async_stop(self) -> None:
        """Write down what is not written yet, once, and close the outbox."""
        self._wait_no_more()
        if self._writing is not None:
            await asyncio.wait([self._writing])
            self._wait_no_more()
        if self._messages:
            await self._write()
            self._wait_no_more()
        if self._messages:
            _LOGGER.error(
                "%d messages of the webhook %s are lost: %s",
                len(self._messages),
                self._name,
                self.problem,
            )
        await self._hass.async_add_executor_job(self._file.end)

    @callback
    def async_add(self, new: New) -> bool:
        """Take in a message and tell whether there was room for it."""
        limit = Sums(MAX_UNWRITTEN, MAX_BYTES)
        everything = self._all.plus(len(new.body))
        of_peers = self._of_peers.plus(len(new.body)) if new.of_peer else self._of_peers
        if not (everything.within(limit) and of_peers.within(share_of_peers(limit))):
            self.lost += 1
            return False
        self._messages.append(new)
        self._all, self._of_peers = everything, of_peers
        if self._again is None:
            self._begin()
        return True

    async def async_run[*Args, Result](
        self, job: Callable[[*Args], Result], *args: *Args
    ) -> Result:
        """Run a job of the outbox in the executor and return what it returns.

        Raises:
            DatabaseError: The outbox does not work; it is opened anew the next time.

        """
        try:
            result = await self._hass.async_add_executor_job(self._file.run, job, *args)
        except DatabaseError as err:
            if self.problem is None:
                _LOGGER.error("The messages of the webhook %s cannot be kept: %s", self._name, err)
            self.problem = str(err)
            self._on_changed()
            raise
        # A disk that is all but full takes small things, so only what failed tells that it works.
        if not self._stuck:
            self._works()
        return result

    @callback
    def _works(self) -> None:
        if self.problem is not None:
            _LOGGER.info("The messages of the webhook %s can be kept again", self._name)
            self.problem = None
            self.lost = 0
            self._on_changed()

    # -- writing ------------------------------------------------------------------------------

    @callback
    def _begin(self, _now: datetime | None = None) -> None:
        self._again = None
        # Home Assistant starts tasks at once, and they may end at once: a quick disk answers before
        # it is waited for.
        if self._writing is None or self._writing.done():
            self._writing = self._hass.async_create_task(
                self._write(), f"{DOMAIN} webhook outbox {self._name}"
            )

    async def _write(self) -> None:
        """Write down what is new; what comes meanwhile goes together."""
        while self._messages:
            messages = self._messages.copy()
            try:
                refused = await self.async_run(self._outbox.add, messages, self._clock())
            except DatabaseError:
                self._stuck = True
                self._again = async_call_later(self._hass, TRY_AGAIN, self._begin)
                return
            del self._messages[: len(messages)]
            self._all = _sums(self._messages)
            self._of_peers = _sums(each for each in self._messages if each.of_peer)
            self._stuck = False
            self._works()
            self._on_written(refused)

    @callback
    def _wait_no_more(self) -> None:
        if self._again is not None:
            self._again()
            self._again = None

    # -- in the executor ----------------------------------------------------------------------

    def _open(self) -> None:
        self._outbox.open()
        # A disk that can only be read would let messages go out again and again.
        self._outbox.prove_writable()


def _sums(messages: Iterable[New]) -> Sums:
    sizes = [len(each.body) for each in messages]
    return Sums(len(sizes), sum(sizes))
