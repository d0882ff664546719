"""Outbound webhooks: tells other systems what happens here, until they have heard it.

What happens goes to disk first. From there one task per webhook delivers it, signed by the Standard
Webhooks specification, again and again for 24 hours. Receivers may get a message twice, with the
same id; they get it never only if they cannot be reached for a day, and then it is kept as a dead
letter.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
import hashlib
import logging
import math
from pathlib import Path
import random
import secrets
import time
from typing import Any, Final

from aiohttp import ClientSession, ThreadedResolver
from aiohttp.abc import AbstractResolver

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.json import json_bytes
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.ssl import client_context

from ....const import DOMAIN
from ....happenings import SIGNAL, Happened, Occasion
from ..database import DatabaseError, remove
from ..keys import signers
from ..signing import signed_headers
from .hook import OutboundHook
from .issues import OutboundIssues
from .keeper import TRY_AGAIN, Keeper
from .outbox import Counts, Failed, Message, New, Outbox
from .posting import Outcome, make_session, post
from .retry import MAX_RETRY_AFTER, Schedule, next_attempt

_LOGGER = logging.getLogger(__name__)

TYPE_PREFIX: Final = "infrafabric."
"""Before the key of what happened, in a message's ``type``."""

MAX_BODY: Final = 64 * 1024
"""Bytes of a message; what is larger is refused and counted."""
CONCURRENCY: Final = 4
"""Messages of one webhook that are sent at the same time."""
BATCH: Final = 32
"""Messages that are taken from the disk, and noted there, at once."""
LONGEST_WAIT: Final = 60.0
"""Seconds after which the disk is looked at again, because clocks are set."""
SHORTEST_WAIT: Final = 0.1
"""Seconds after a round that found nothing to do."""
MAX_LISTED: Final = 10
"""Dead letters that the repair issue lists."""

OUTBOUND: Final[HassKey[dict[str, Outbound]]] = HassKey(f"{DOMAIN}_outbound")
"""The outbound webhooks that run, by their subentries' ids."""

_FACT_GONE: Final = "gone"


class Outbound:
    """One outbound webhook that runs.

    Args:
        hass: Home Assistant.
        hook: What the user chose.
        resolver: Finds addresses of names.
        clock: Returns Unix seconds.
        monotonic: Returns seconds of a clock that nobody sets.
        schedule: When to try again.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        hook: OutboundHook,
        *,
        resolver: AbstractResolver,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        schedule: Schedule | None = None,
    ) -> None:
        self.hook = hook
        self._hass = hass
        self._resolver = resolver
        self._clock = clock
        self._monotonic = monotonic
        self._started = monotonic()
        self._schedule: Schedule = schedule or self._at_random
        self._outbox = Outbox(outbox_path(hass, hook.hook_id))
        self._keeper = Keeper(
            hass,
            hook.name,
            self._outbox,
            clock=clock,
            on_written=self._written,
            on_changed=self._show_failed,
        )
        self._issues = OutboundIssues(hass, hook.hook_id, hook.name)
        self._session: ClientSession | None = None
        self._news = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._known = False
        self._gone = False
        # By the clock that nobody sets: a correction must neither hold nor hurry anything.
        self._held_until = -math.inf
        self._failing = False
        self._refused = 0

    # -- life ---------------------------------------------------------------------------------

    async def async_start(self, entry: ConfigEntry[Any]) -> None:
        """Take up what was left on disk, or wait for the disk, and listen."""
        with suppress(DatabaseError):
            await self._recall()
        self._session = make_session(self._resolver, client_context(), private=self.hook.private)
        self._worker = entry.async_create_background_task(
            self._hass, self._work(self._session), f"{DOMAIN} webhook {self.hook.name}"
        )

    async def async_stop(self) -> None:
        """Stop delivering, and write down what is not written yet."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])
            self._worker = None
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
        await self._keeper.async_stop()

    # -- in -----------------------------------------------------------------------------------

    @callback
    def async_tell(self, occasion: Occasion) -> None:
        """Send an occasion on its way if the receiver wants it."""
        if self._gone or self._session is None or not self.hook.wants(occasion):
            return
        body = json_bytes(
            {
                "type": f"{TYPE_PREFIX}{occasion.what.value}",
                "timestamp": dt_util.utcnow().isoformat(),
                "data": dict(occasion.data),
            }
        )
        of_peer = occasion.what is Happened.MESSAGE_RECEIVED
        if len(body) > MAX_BODY or not self._keeper.async_add(
            New(f"msg_{secrets.token_urlsafe(16)}", body, of_peer)
        ):
            if not self._refused:
                _LOGGER.warning(
                    "The webhook %s cannot tell of %s: too much",
                    self.hook.name,
                    occasion.what.value,
                )
            self._refused += 1

    @callback
    def _written(self, refused: int) -> None:
        if refused:
            self._issues.async_refused(refused)
        self._news.set()

    async def async_resend(self) -> int:
        """Try dead letters again, also at a receiver that wanted no more; return how many.

        Raises:
            DatabaseError: The outbox does not work.

        """
        self._gone = False
        self._held_until = -math.inf
        await self._keeper.async_run(self._outbox.remember, _FACT_GONE, None)
        count = await self._keeper.async_run(self._outbox.resend, self._clock())
        await self._async_show_issues()
        self._news.set()
        return count

    # -- out ----------------------------------------------------------------------------------

    async def _work(self, session: ClientSession) -> None:
        """Deliver until cancelled."""
        while True:
            self._news.clear()
            try:
                wait = await self._round(session)
            except DatabaseError:
                wait = TRY_AGAIN
            except Exception:
                # One round must not end all others.
                _LOGGER.exception("The webhook %s failed", self.hook.name)
                wait = LONGEST_WAIT
            if wait > 0:
                try:
                    async with asyncio.timeout(min(wait, LONGEST_WAIT)):
                        await self._news.wait()
                except TimeoutError:
                    pass

    async def _round(self, session: ClientSession) -> float:
        """Deliver what is due and return the seconds until there is more to do."""
        if not self._known:
            await self._recall()
        # Room comes and goes with each message; it is worth telling of when there is some.
        if self._issues.full and await self._keeper.async_run(self._outbox.has_room):
            self._issues.async_room()
        if self._gone:
            return LONGEST_WAIT
        if (held := self._held_until - self._monotonic()) > 0:
            return max(SHORTEST_WAIT, held)
        messages = await self._keeper.async_run(self._outbox.due, self._clock(), BATCH)
        if not messages:
            due = await self._keeper.async_run(self._outbox.next_due)
            return LONGEST_WAIT if due is None else max(SHORTEST_WAIT, due - self._clock())
        queue = list(reversed(messages))
        outcomes: dict[str, Outcome] = {}
        await asyncio.gather(
            *(self._deliver(session, queue, outcomes) for _ in range(min(CONCURRENCY, len(queue))))
        )
        await self._note(
            [message for message in messages if message.message_id in outcomes], outcomes
        )
        return 0.0 if outcomes else SHORTEST_WAIT

    async def _deliver(
        self, session: ClientSession, queue: list[Message], outcomes: dict[str, Outcome]
    ) -> None:
        """Deliver messages of a round until there is none, or the receiver wants none now."""
        while queue and not self._gone and self._monotonic() >= self._held_until:
            message = queue.pop()
            now = self._clock()
            headers = signed_headers(
                message.message_id, int(now), message.body, signers(self.hook.keys, now)
            )
            outcome = await post(session, self.hook.url, headers, message.body, now)
            outcomes[message.message_id] = outcome
            self._gone = self._gone or outcome.gone
            if outcome.retry_after is not None:
                wish = min(outcome.retry_after, MAX_RETRY_AFTER)
                self._held_until = max(self._held_until, self._monotonic() + wish)

    async def _note(self, messages: list[Message], outcomes: Mapping[str, Outcome]) -> None:
        """Write down what became of messages."""
        arrived: list[str] = []
        failed: list[Failed] = []
        now = self._clock()
        for message in messages:
            outcome = outcomes[message.message_id]
            if outcome.reason is None:
                arrived.append(message.message_id)
                continue
            due = None
            if not outcome.gone:
                due = self._schedule(message.failures + 1, message.since, now, outcome.retry_after)
            failed.append(Failed(message.message_id, outcome.reason, due))
        run = self._keeper.async_run
        if arrived:
            await run(self._outbox.delivered, arrived)
        if failed:
            await run(self._outbox.failed, failed)
        self._log(failed, arrived)
        if self._gone:
            await run(self._outbox.remember, _FACT_GONE, self._url_digest())
        if self._gone or any(each.due is None for each in failed):
            await self._async_show_issues()

    def _at_random(
        self, failures: int, since: float, now: float, retry_after: float | None
    ) -> float | None:
        started = now - (self._monotonic() - self._started)
        return next_attempt(
            failures, since, now, retry_after, started=started, random=random.random
        )

    def _log(self, failed: list[Failed], arrived: list[str]) -> None:
        """Say once that deliveries fail, and once that they do not any more."""
        if failed and not self._failing:
            self._failing = True
            _LOGGER.warning(
                "The webhook %s could not be delivered (%s); it is tried again",
                self.hook.name,
                failed[0].reason,
            )
        elif arrived and not failed and self._failing:
            self._failing = False
            _LOGGER.info("The webhook %s is delivered again", self.hook.name)

    # -- what is shown ------------------------------------------------------------------------

    async def async_describe(self) -> dict[str, Any]:
        """Return what diagnostics tell: counts, nothing of the address or of what is sent."""
        # Looked at first: what is written meanwhile must not count nowhere.
        unwritten = self._keeper.unwritten
        counts: Counts | None = None
        with suppress(DatabaseError):
            counts = await self._keeper.async_run(self._outbox.count)
        return {
            "waiting": counts and counts.waiting,
            "dead_letters": counts and counts.dead,
            "refused": counts and counts.refused + self._refused,
            "size": counts and counts.size,
            "unwritten": unwritten,
            "stopped_by_receiver": self._gone,
            "failing": self._failing,
            "disk_failing": self._keeper.problem is not None,
        }

    async def _recall(self) -> None:
        """Read what is known from before, and show it."""
        gone = await self._keeper.async_run(self._outbox.fact, _FACT_GONE)
        # Another address may well exist.
        self._gone = gone == self._url_digest()
        self._known = True
        await self._async_show_issues()

    async def _async_show_issues(self) -> None:
        """Show dead letters, and that the receiver wants no more; or end showing them."""
        counts = await self._keeper.async_run(self._outbox.count)
        letters = await self._keeper.async_run(self._outbox.dead_letters, MAX_LISTED)
        self._issues.async_letters(counts.dead, letters)
        self._issues.async_gone(gone=self._gone)

    @callback
    def _show_failed(self) -> None:
        keeper = self._keeper
        self._issues.async_failed(keeper.problem, keeper.unwritten, keeper.lost)

    @callback
    def async_hide_issues(self) -> None:
        """Show nothing any more: what does not run has no problem."""
        self._issues.async_hide()

    def _url_digest(self) -> str:
        return hashlib.sha256(self.hook.url.encode()).hexdigest()


def outbox_path(hass: HomeAssistant, hook_id: str) -> Path:
    """Return where the messages of a webhook are."""
    return Path(hass.config.path(".storage", f"{DOMAIN}.webhook_out.{hook_id}.db"))


async def async_setup_outbound(
    hass: HomeAssistant, entry: ConfigEntry[Any], subentry: ConfigSubentry
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Run the webhook of a subentry; return what ends it."""
    outbound = Outbound(hass, OutboundHook.of(subentry), resolver=ThreadedResolver())
    try:
        await outbound.async_start(entry)
    except BaseException:
        await outbound.async_stop()
        raise
    hook_id = subentry.subentry_id
    hass.data.setdefault(OUTBOUND, {})[hook_id] = outbound
    stop_listening = async_dispatcher_connect(hass, SIGNAL, outbound.async_tell)

    stopped = False

    async def stop(_event: Event) -> None:
        nonlocal stopped
        stopped = True
        stop_listening()
        await outbound.async_stop()

    forget_stop = hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)

    async def unload() -> None:
        # Home Assistant complains of what is taken back twice.
        if not stopped:
            forget_stop()
            stop_listening()
        del hass.data[OUTBOUND][hook_id]
        await outbound.async_stop()
        outbound.async_hide_issues()
        if hook_id not in entry.subentries:
            await async_forget_outbound(hass, subentry)

    return unload


async def async_forget_outbound(hass: HomeAssistant, subentry: ConfigSubentry) -> None:
    """Leave nothing behind of a webhook that is removed and does not run any more."""
    await hass.async_add_executor_job(remove, outbox_path(hass, subentry.subentry_id))
