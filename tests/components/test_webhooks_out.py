"""Outbound webhooks: what happens here reaches a real receiver, and nothing else does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
import random
import sqlite3
import ssl
import subprocess
import time
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from aiohttp import ClientSession, web
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.infrafabric.const import CONF_KIND, DOMAIN, KIND_SURFACES
from custom_components.infrafabric.forms import plain
from custom_components.infrafabric.happenings import Happened, Occasion
from custom_components.infrafabric.surfaces.webhooks.database import DatabaseError
from custom_components.infrafabric.surfaces.webhooks.keys import (
    OVERLAP,
    first_key,
    new_private_key,
    new_secret,
    public_key,
    rotated,
)
from custom_components.infrafabric.surfaces.webhooks.outbound import sending as module
from custom_components.infrafabric.surfaces.webhooks.outbound.checked_connector import permitted
from custom_components.infrafabric.surfaces.webhooks.outbound.hook import OutboundHook
from custom_components.infrafabric.surfaces.webhooks.outbound.issues import (
    ISSUE_DEAD_LETTERS,
    ISSUE_FAILED,
    ISSUE_FULL,
    ISSUE_GONE,
)
from custom_components.infrafabric.surfaces.webhooks.outbound.keeper import TRY_AGAIN
from custom_components.infrafabric.surfaces.webhooks.outbound.outbox import (
    MAX_BYTES,
    Outbox,
    Sums,
)
from custom_components.infrafabric.surfaces.webhooks.outbound.retry import (
    GIVE_UP_AFTER,
    MIN_ATTEMPTS,
    Schedule,
)
from custom_components.infrafabric.surfaces.webhooks.outbound.sending import (
    MAX_BODY,
    Outbound,
    outbox_path,
)
from custom_components.infrafabric.surfaces.webhooks.signing import PublicKey, SymmetricKey, verify
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .webhook_world import PATIENCE, Names, Received, receiver, until

SECRET = new_secret()
URL_CANARY = "url-canary-77"

type Start = Callable[..., Awaitable[Outbound]]


def at_once(_failures: int, _since: float, now: float, _retry_after: float | None) -> float:
    return now


def never(_failures: int, _since: float, _now: float, _retry_after: float | None) -> None:
    return None


class Clock:
    """The clocks of a machine: one that is set, and one that only time moves."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.passed = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead + self.passed

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SURFACES})
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def start(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    clock: Clock,
    tmp_path: Path,
    socket_enabled: None,
) -> AsyncIterator[Start]:
    """Run an outbound webhook; it ends with the test."""
    hass.config.config_dir = str(tmp_path)
    running: list[Outbound] = []

    async def begin(
        url: str,
        *,
        names: Names | None = None,
        schedule: Schedule | None = at_once,
        title: str = "Ticker",
        **changes: Any,
    ) -> Outbound:
        subentry = ConfigSubentry(
            data=MappingProxyType(
                {
                    "url": url,
                    "events": ["stream_started", "stream_failed"],
                    "devices": [],
                    "private": True,
                    "keys": first_key(SECRET),
                    **changes,
                }
            ),
            subentry_id="hook1",
            subentry_type="webhook_out",
            title=title,
            unique_id=None,
        )
        outbound = Outbound(
            hass,
            OutboundHook.of(subentry),
            resolver=names or Names(),
            clock=clock,
            monotonic=clock.monotonic,
            schedule=schedule,
        )
        await outbound.async_start(entry)
        running.append(outbound)
        return outbound

    yield begin
    for outbound in running:
        with suppress(Exception):
            await outbound.async_stop()


def an_occasion(
    what: Happened = Happened.STREAM_STARTED, device_id: str | None = "stage", **data: Any
) -> Occasion:
    return Occasion(what, device_id, "text", {"device_id": device_id, **data})


async def counts(outbound: Outbound) -> dict[str, Any]:
    return await outbound.async_describe()


async def settled(outbound: Outbound, **wanted: Any) -> None:
    """Wait until diagnostics say what is wanted, of everything that was told so far."""
    wanted = {"unwritten": 0, **wanted}
    async with asyncio.timeout(PATIENCE):
        while not wanted.items() <= (await counts(outbound)).items():
            await asyncio.sleep(0.005)


def issue(hass: HomeAssistant, code: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{code}_hook1")


# -- what a receiver gets ---------------------------------------------------------------------


async def test_a_receiver_gets_what_happened_signed(start: Start) -> None:
    async with receiver() as there:
        outbound = await start(there.url)
        outbound.async_tell(an_occasion(channel=1))
        await until(lambda: bool(there.requests))
        await settled(outbound, waiting=0)

    (got,) = there.requests
    assert got.json["type"] == "infrafabric.stream_started"
    assert got.json["data"] == {"device_id": "stage", "channel": 1}
    assert datetime.fromisoformat(got.json["timestamp"]).tzinfo is not None
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"].startswith("receiver.example")
    verified = verify(got.headers, got.body, [SymmetricKey.parse(SECRET)], time.time())
    assert verified.message_id.startswith("msg_")


async def test_a_receiver_with_the_public_key_can_check_too(start: Start) -> None:
    private = new_private_key()
    async with receiver() as there:
        outbound = await start(there.url, keys=first_key(private))
        outbound.async_tell(an_occasion())
        await until(lambda: bool(there.requests))

    (got,) = there.requests
    assert got.headers["webhook-signature"].startswith("v1a,")
    verify(got.headers, got.body, [PublicKey.parse(public_key(private))], time.time())


async def test_both_keys_sign_while_one_is_exchanged(start: Start, clock: Clock) -> None:
    fresh = new_secret()
    async with receiver() as there:
        keys = rotated(first_key(SECRET), fresh, time.time())
        outbound = await start(there.url, keys=keys)
        outbound.async_tell(an_occasion())
        await until(lambda: len(there.requests) == 1)
        clock.ahead = OVERLAP + 1
        outbound.async_tell(an_occasion())
        await until(lambda: len(there.requests) == 2)

    during, after = there.requests
    for key in (SECRET, fresh):
        verify(during.headers, during.body, [SymmetricKey.parse(key)], time.time())
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert len(after.headers["webhook-signature"].split(" ")) == 1
    verify(after.headers, after.body, [SymmetricKey.parse(fresh)], clock())


async def test_only_what_was_chosen_is_told(start: Start) -> None:
    async with receiver() as there:
        outbound = await start(there.url, devices=["stage"])
        outbound.async_tell(an_occasion(Happened.STREAM_STOPPED))
        outbound.async_tell(an_occasion(device_id="garage"))
        outbound.async_tell(an_occasion(device_id=None))
        outbound.async_tell(an_occasion(Happened.STREAM_FAILED))
        await until(lambda: bool(there.requests))
        await settled(outbound, waiting=0)

    assert [got.json["type"] for got in there.requests] == ["infrafabric.stream_failed"]


# -- trying again -----------------------------------------------------------------------------


async def test_it_is_tried_again_with_the_same_id_until_it_arrives(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiver() as there:
        there.answer = lambda _: web.Response(status=500 if len(there.requests) < 4 else 204)
        outbound = await start(there.url)
        outbound.async_tell(an_occasion())
        await settled(outbound, waiting=0, failing=False)

    assert len(there.requests) == 4
    assert len({got.message_id for got in there.requests}) == 1
    assert len({got.body for got in there.requests}) == 1
    said = [r.getMessage() for r in caplog.records if "Ticker" in r.getMessage()]
    assert len(said) == 2, "once that it fails, once that it works again"
    assert "http_500" in said[0]
    assert URL_CANARY not in caplog.text


async def test_the_real_schedule_waits(start: Start) -> None:
    async with receiver(lambda _: web.Response(status=500)) as there:
        outbound = await start(there.url, schedule=None)
        outbound.async_tell(an_occasion())
        await settled(outbound, failing=True)
        outbound.async_tell(an_occasion())
        await until(lambda: len(there.requests) == 2)
        await settled(outbound, waiting=2)

    assert len({got.message_id for got in there.requests}) == 2, "each was tried once"


async def test_what_was_not_delivered_is_after_a_restart(start: Start) -> None:
    async with receiver(lambda _: web.Response(status=500)) as there:
        outbound = await start(there.url, schedule=lambda *_: time.time() + 0.2)
        outbound.async_tell(an_occasion())
        await settled(outbound, failing=True)
        await outbound.async_stop()
        there.answer = lambda _: web.Response()
        before = len(there.requests)

        again = await start(there.url)
        await until(lambda: len(there.requests) > before)
        await settled(again, waiting=0)

    assert len({got.message_id for got in there.requests}) == 1


async def test_what_happens_just_before_the_end_is_kept(hass: HomeAssistant, start: Start) -> None:
    outbound = await start("http://receiver.example:9/", names=Names([]))
    outbound.async_tell(an_occasion())
    await outbound.async_stop()
    outbound.async_tell(an_occasion())

    outbox = Outbox(outbox_path(hass, "hook1"))
    outbox.open()
    assert outbox.count().waiting == 1
    outbox.close()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_receiver_that_asks_for_time_gets_it(
    start: Start, clock: Clock, status: int, form: str
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    headers = {"Retry-After": "600" if form == "seconds" else later}
    async with receiver(lambda _: web.Response(status=status, headers=headers)) as there:
        outbound = await start(there.url)
        outbound.async_tell(an_occasion())
        await settled(outbound, failing=True)
        there.answer = lambda _: web.Response()
        outbound.async_tell(an_occasion())
        await settled(outbound, waiting=2)
        assert len(there.requests) == 1, "other messages wait, too"

        clock.passed = 700
        outbound.async_tell(an_occasion())
        await until(lambda: len(there.requests) == 4)
        await settled(outbound, waiting=0)


@pytest.mark.parametrize("days", [-2, 2])
async def test_a_clock_that_is_set_changes_nothing_about_the_time_that_a_receiver_gets(
    start: Start, clock: Clock, days: int
) -> None:
    busy = web.Response(status=429, headers={"Retry-After": "600"})
    async with receiver(lambda _: busy) as there:
        outbound = await start(there.url)
        outbound.async_tell(an_occasion())
        await settled(outbound, failing=True)
        there.answer = lambda _: web.Response()
        clock.ahead = days * 86_400
        rounds = 0
        real = outbound._round

        async def counted(session: ClientSession) -> float:
            nonlocal rounds
            rounds += 1
            return await real(session)

        with patch.object(outbound, "_round", counted):
            for number in range(3):
                outbound.async_tell(an_occasion(channel=number))
                await settled(outbound, waiting=2 + number)
            assert len(there.requests) == 1
            # Once for each message that came, and not again and again in between.
            assert rounds <= 2 * 3

            clock.passed = 700
            outbound.async_tell(an_occasion())
            await settled(outbound, waiting=0)
        assert len(there.requests) == 6


async def test_a_disk_that_answers_at_once_does_not_stop_what_comes_next(
    hass: HomeAssistant, start: Start
) -> None:
    async with receiver() as there:
        outbound = await start(there.url)

        def at_once(job: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
            done = hass.loop.create_future()
            done.set_result(job(*args))
            return done

        with patch.object(hass, "async_add_executor_job", at_once):
            for number in range(3):
                outbound.async_tell(an_occasion(channel=number))
            await until(lambda: len(there.requests) == 3)


# -- giving up --------------------------------------------------------------------------------


async def test_after_a_day_it_is_a_dead_letter_that_can_be_sent_again(
    hass: HomeAssistant, start: Start, clock: Clock
) -> None:
    async with receiver(lambda _: web.Response(status=500)) as there:
        outbound = await start(there.url, schedule=None)
        outbound.async_tell(an_occasion())
        await settled(outbound, failing=True)
        assert issue(hass, ISSUE_DEAD_LETTERS) is None
        async with asyncio.timeout(PATIENCE):
            while not (await counts(outbound))["dead_letters"]:
                clock.passed += 1800
                outbound._news.set()
                await asyncio.sleep(0.01)
        assert clock.passed >= GIVE_UP_AFTER
        attempts = len(there.requests)
        assert attempts >= MIN_ATTEMPTS
        await settled(outbound, dead_letters=1, waiting=0)
        await until(lambda: issue(hass, ISSUE_DEAD_LETTERS) is not None)

        shown = issue(hass, ISSUE_DEAD_LETTERS)
        assert shown is not None
        assert shown.translation_placeholders is not None
        assert shown.translation_placeholders["webhook"] == "Ticker"
        assert shown.translation_placeholders["count"] == "1"
        assert there.requests[0].message_id in shown.translation_placeholders["letters"]
        assert "http_500" in shown.translation_placeholders["letters"]

        there.answer = lambda _: web.Response()
        assert await outbound.async_resend() == 1
        assert issue(hass, ISSUE_DEAD_LETTERS) is None
        await settled(outbound, dead_letters=0, waiting=0)

    assert len({got.message_id for got in there.requests}) == 1
    assert len(there.requests) == attempts + 1


@pytest.mark.parametrize("jump", [False, True])
async def test_what_waited_while_nothing_ran_is_not_given_up_after_one_attempt(
    hass: HomeAssistant, start: Start, clock: Clock, jump: bool
) -> None:
    async with receiver(lambda _: web.Response(status=500)) as there:
        if jump:
            # The machine woke with the clock of the day before yesterday.
            clock.ahead = -2 * GIVE_UP_AFTER
        outbound = await start(there.url, schedule=None)
        outbound.async_tell(an_occasion())
        await settled(outbound, failing=True)
        if jump:
            clock.ahead = 0
            outbound._news.set()
        else:
            await outbound.async_stop()
            clock.passed = 2 * GIVE_UP_AFTER
            outbound = await start(there.url, schedule=None)
        await until(lambda: len(there.requests) == 2)
        await settled(outbound, failing=True, dead_letters=0, waiting=1)
        assert issue(hass, ISSUE_DEAD_LETTERS) is None

        there.answer = lambda _: web.Response()
        clock.passed += 600
        outbound._news.set()
        await settled(outbound, waiting=0, dead_letters=0)


async def test_a_receiver_that_is_gone_hears_no_more_until_it_is_asked_for(
    hass: HomeAssistant, start: Start
) -> None:
    async with receiver(lambda _: web.Response(status=410)) as there:
        outbound = await start(there.url)
        outbound.async_tell(an_occasion())
        await until(lambda: issue(hass, ISSUE_GONE) is not None)
        await settled(outbound, stopped_by_receiver=True, dead_letters=1)
        outbound.async_tell(an_occasion())
        await outbound.async_stop()
        outbound.async_hide_issues()
        assert issue(hass, ISSUE_GONE) is None

        again = await start(there.url)
        await until(lambda: issue(hass, ISSUE_GONE) is not None)
        again.async_tell(an_occasion())
        assert len(there.requests) == 1

        there.answer = lambda _: web.Response()
        assert await again.async_resend() == 1
        await settled(again, stopped_by_receiver=False, waiting=0, dead_letters=0)
        assert issue(hass, ISSUE_GONE) is None
        again.async_tell(an_occasion())
        await until(lambda: len(there.requests) == 3)


async def test_the_name_of_a_webhook_is_no_markup(hass: HomeAssistant, start: Start) -> None:
    async with receiver(lambda _: web.Response(status=410)) as there:
        outbound = await start(there.url, title="[Ticker](https://evil.example)")
        outbound.async_tell(an_occasion())
        await until(lambda: issue(hass, ISSUE_GONE) is not None)

    assert said_of(hass, ISSUE_GONE)["webhook"] == plain("[Ticker](https://evil.example)")
    assert "](" not in said_of(hass, ISSUE_GONE)["webhook"]


async def test_another_address_is_another_receiver(start: Start) -> None:
    async with receiver(lambda _: web.Response(status=410)) as there:
        outbound = await start(there.url)
        outbound.async_tell(an_occasion())
        await settled(outbound, stopped_by_receiver=True)
        await outbound.async_stop()

        again = await start(there.url + "&other")
        assert (await counts(again))["stopped_by_receiver"] is False


def said_of(hass: HomeAssistant, code: str) -> dict[str, str]:
    """Return what an issue says, or nothing if it is not there."""
    shown = issue(hass, code)
    return {} if shown is None else dict(shown.translation_placeholders or {})


async def test_what_finds_no_room_is_counted_and_shown(hass: HomeAssistant, start: Start) -> None:
    outbound = await start("http://receiver.example:9/", names=Names([]), schedule=None)
    # None at all: with room for one, the first could be given up before the second comes.
    outbound._outbox._limit = Sums(0, MAX_BYTES)
    outbound.async_tell(an_occasion())
    await settled(outbound, refused=1)
    await until(lambda: said_of(hass, ISSUE_FULL) == {"webhook": "Ticker", "count": "1"})
    outbound.async_tell(an_occasion())
    await until(lambda: said_of(hass, ISSUE_FULL)["count"] == "2")

    outbound.async_tell(an_occasion(text="x" * MAX_BODY))
    await settled(outbound, refused=3)


async def test_it_is_shown_that_there_is_no_room_until_a_tenth_is_free(
    hass: HomeAssistant, start: Start, clock: Clock
) -> None:
    accepted = 0

    def answer(_request: Received) -> web.Response:
        return web.Response(status=200 if len(there.requests) <= accepted else 503)

    def each_minute(failures: int, since: float, _now: float, _asked: float | None) -> float:
        return since + 60 * failures

    async with receiver(answer) as there:
        outbound = await start(there.url, schedule=each_minute)
        outbound._outbox._limit = Sums(20, MAX_BYTES)
        for number in range(23):
            outbound.async_tell(an_occasion(number=number))
        await until(lambda: said_of(hass, ISSUE_FULL).get("count") == "3")
        await until(lambda: len(there.requests) == 20)

        accepted = len(there.requests) + 2
        clock.ahead += 61
        outbound._news.set()
        await until(lambda: len(there.requests) == 40)
        await settled(outbound, waiting=18)
        await outbound._round(outbound._session)  # type: ignore[arg-type]
        assert issue(hass, ISSUE_FULL) is not None, "18 of 20 is no room yet"

        accepted = len(there.requests) + 1
        clock.ahead += 61
        outbound._news.set()
        await until(lambda: issue(hass, ISSUE_FULL) is None)
        await settled(outbound, waiting=17)

        outbound._outbox._limit = Sums(17, MAX_BYTES)
        outbound.async_tell(an_occasion())
        await until(lambda: said_of(hass, ISSUE_FULL).get("count") == "1")


# -- a disk that fails ------------------------------------------------------------------------


class Disk:
    """What SQLite finds when it opens a file; changed by a pragma, so the errors are its own."""

    def __init__(self) -> None:
        self.pragma = "query_only = OFF"
        self.connect = sqlite3.connect

    def __call__(self, *args: Any, **options: Any) -> sqlite3.Connection:
        connection = self.connect(*args, **options)
        connection.execute(f"PRAGMA {self.pragma}")
        return connection

    def set(self, outbound: Outbound, pragma: str) -> None:
        """Change it for the file that is open, too."""
        self.pragma = pragma
        database = outbound._outbox._database
        with database._lock:
            if database._connection is not None:
                database._connection.execute(f"PRAGMA {pragma}")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(
        "custom_components.infrafabric.surfaces.webhooks.database.sqlite3.connect", disk
    )
    return disk


READ_ONLY = "query_only = ON"
WRITABLE = "query_only = OFF"
# As large as the file is.
FULL = "max_page_count = 1"
EMPTY = "max_page_count = 1000000"


async def waits(outbound: Outbound) -> None:
    """Wait until the next attempt to write is due some time, and none is under way.

    The problem may show before: other looks at the disk fail, too.
    """
    await until(lambda: outbound._keeper._again is not None)


def pass_time(hass: HomeAssistant) -> None:
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=TRY_AGAIN + 1))


@pytest.mark.parametrize(
    ("broken", "mended", "why"),
    [(READ_ONLY, WRITABLE, "readonly database"), (FULL, EMPTY, "database or disk is full")],
)
async def test_what_cannot_be_written_waits_in_memory_and_is_tried_again(
    hass: HomeAssistant,
    start: Start,
    disk: Disk,
    caplog: pytest.LogCaptureFixture,
    broken: str,
    mended: str,
    why: str,
) -> None:
    async with receiver() as there:
        outbound = await start(there.url)
        disk.set(outbound, broken)
        text = "x" * 50_000
        outbound.async_tell(an_occasion(text=text))
        await until(lambda: issue(hass, ISSUE_FAILED) is not None)
        said = said_of(hass, ISSUE_FAILED)
        assert why in said.pop("problem")
        assert said == {"webhook": "Ticker", "kept": "1", "lost": "0"}

        await waits(outbound)
        outbound.async_tell(an_occasion(text=text))
        pass_time(hass)
        await until(lambda: said_of(hass, ISSUE_FAILED)["kept"] == "2")
        outbound._news.set()
        assert (await counts(outbound))["disk_failing"] is True
        assert there.requests == []
        await waits(outbound)

        disk.set(outbound, mended)
        pass_time(hass)
        await until(lambda: issue(hass, ISSUE_FAILED) is None)
        await until(lambda: len(there.requests) == 2)
        await settled(outbound, waiting=0, unwritten=0, disk_failing=False, refused=0)

    assert "lost" not in caplog.text
    assert sum("cannot be kept" in each.getMessage() for each in caplog.records) == 1


async def test_nothing_is_sent_that_could_not_be_noted(
    hass: HomeAssistant, start: Start, disk: Disk
) -> None:
    async with receiver(lambda _: web.Response(status=503)) as there:
        outbound = await start(there.url)

        def answer(_request: Received) -> web.Response:
            disk.set(outbound, READ_ONLY)
            return web.Response()

        there.answer = answer
        outbound.async_tell(an_occasion())
        await until(lambda: issue(hass, ISSUE_FAILED) is not None)
        before = len(there.requests)
        outbound._news.set()
        with pytest.raises(DatabaseError):
            await outbound._round(outbound._session)  # type: ignore[arg-type]
        assert len(there.requests) == before

        there.answer = lambda _: web.Response()
        disk.set(outbound, WRITABLE)
        outbound._news.set()
        await settled(outbound, waiting=0, disk_failing=False)
        assert issue(hass, ISSUE_FAILED) is None


async def test_memory_keeps_as_much_as_it_may(
    hass: HomeAssistant, start: Start, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "custom_components.infrafabric.surfaces.webhooks.outbound.keeper.MAX_UNWRITTEN", 3
    )
    monkeypatch.setattr(
        "custom_components.infrafabric.surfaces.webhooks.outbound.keeper.MAX_BYTES", 50_000
    )
    outbound = await start("http://receiver.example:9/", names=Names([]), schedule=None)
    disk.set(outbound, READ_ONLY)
    outbound.async_tell(an_occasion())
    outbound.async_tell(an_occasion(text="x" * 50_000))
    for _ in range(3):
        outbound.async_tell(an_occasion())
    await until(lambda: issue(hass, ISSUE_FAILED) is not None)
    await waits(outbound)
    pass_time(hass)
    await until(lambda: said_of(hass, ISSUE_FAILED)["lost"] == "2")
    assert said_of(hass, ISSUE_FAILED)["kept"] == "3"
    await waits(outbound)

    disk.set(outbound, WRITABLE)
    pass_time(hass)
    await settled(outbound, unwritten=0, waiting=3, refused=2)


async def test_a_damaged_file_is_said_and_can_be_deleted_without_a_restart(
    hass: HomeAssistant, start: Start, tmp_path: Path
) -> None:
    path = Path(tmp_path, ".storage", f"{DOMAIN}.webhook_out.hook1.db")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"no database" * 1000)
    async with receiver() as there:
        outbound = await start(there.url)
        assert str(path) in said_of(hass, ISSUE_FAILED)["problem"]
        assert (await counts(outbound))["waiting"] is None
        outbound.async_tell(an_occasion())
        with pytest.raises(DatabaseError):
            await outbound.async_resend()
        await until(lambda: said_of(hass, ISSUE_FAILED)["kept"] == "1")
        await waits(outbound)

        path.unlink()
        pass_time(hass)
        await until(lambda: len(there.requests) == 1)
        await until(lambda: issue(hass, ISSUE_FAILED) is None)


async def test_what_peers_send_leaves_room_in_memory_for_what_happens_here(
    hass: HomeAssistant, start: Start, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "custom_components.infrafabric.surfaces.webhooks.outbound.keeper.MAX_UNWRITTEN", 4
    )
    outbound = await start(
        "http://receiver.example:9/",
        names=Names([]),
        schedule=None,
        events=["message_received", "stream_failed"],
    )
    disk.set(outbound, READ_ONLY)
    for _ in range(9):
        outbound.async_tell(an_occasion(Happened.MESSAGE_RECEIVED))
    outbound.async_tell(an_occasion(Happened.STREAM_FAILED))
    await until(lambda: issue(hass, ISSUE_FAILED) is not None)
    assert (await counts(outbound))["unwritten"] == 3
    await waits(outbound)

    disk.set(outbound, WRITABLE)
    pass_time(hass)
    await settled(outbound, waiting=3)
    waiting = await hass.async_add_executor_job(outbound._outbox.due, outbound._clock() + 9e4, 9)
    assert any(b"stream_failed" in each.body for each in waiting)


@pytest.mark.parametrize("mended", [True, False])
async def test_a_webhook_with_a_failing_disk_ends_at_once(
    hass: HomeAssistant,
    start: Start,
    disk: Disk,
    caplog: pytest.LogCaptureFixture,
    mended: bool,
) -> None:
    outbound = await start("http://receiver.example:9/", names=Names([]), schedule=None)
    disk.set(outbound, READ_ONLY)
    outbound.async_tell(an_occasion())
    await until(lambda: issue(hass, ISSUE_FAILED) is not None)
    if mended:
        disk.set(outbound, WRITABLE)
    async with asyncio.timeout(TRY_AGAIN / 3):
        await outbound.async_stop()

    assert ("1 messages of the webhook Ticker are lost" in caplog.text) is not mended
    disk.set(outbound, WRITABLE)
    outbox = Outbox(outbox_path(hass, "hook1"))
    outbox.open()
    assert outbox.count().waiting == int(mended)
    outbox.close()
    with pytest.raises(DatabaseError, match="closed"):
        await outbound._keeper.async_run(outbound._outbox.count)


# -- where it connects to ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "allowed", "allowed_privately"),
    [
        ("93.184.215.14", True, True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True, True),
        ("10.1.2.3", False, True),
        ("172.16.0.1", False, True),
        ("192.168.1.1", False, True),
        ("100.64.0.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("fd12::1", False, True),
        ("::ffff:192.168.1.1", False, True),
        ("64:ff9b::10.0.0.1", False, True),
        ("169.254.169.254", False, False),
        ("169.254.1.1", False, False),
        ("fe80::1", False, False),
        ("fe80::1%eth0", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::169.254.169.254", False, False),
        ("2002:a9fe:a9fe::1", False, False),
        ("::ffff:0:10.0.0.1", False, True),
        ("::10.0.0.1", False, True),
        ("64:ff9b:1::10.0.0.1", False, True),
        ("64:ff9b:1:a00:0:100::", False, True),
        ("64:ff9b:1::8.8.8.8", False, True),
        ("64:ff9b::8.8.8.8", True, True),
        ("::ffff:0:169.254.169.254", False, False),
        ("::169.254.169.254", False, False),
        ("64:ff9b:1::169.254.169.254", False, False),
        ("64:ff9b:1:a9fe:a9:fe00::", False, False),
        ("64:ff9b:1:a9:fe:a9fe::", False, False),
        ("64:ff9b:1:0:a9:fea9:fe00:0", False, False),
        ("fec0::1", False, True),
        ("fec0::1%eth0", False, True),
        ("168.63.129.16", False, False),
        ("::ffff:168.63.129.16", False, False),
        ("192.0.0.192", False, False),
        ("fd00:42::42", False, False),
        ("fd00:ec2::23", False, False),
        ("fd20:ce::254", False, False),
        ("fd00:ec2::254", False, False),
        ("100.100.100.200", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
        ("0.0.0.0", False, False),
        ("0.1.2.3", False, False),
        ("::", False, False),
        ("255.255.255.255", False, False),
        ("240.0.0.1", False, False),
        ("no address", False, False),
    ],
)
def test_addresses_that_are_not_of_the_internet_need_leave(
    address: str, allowed: bool, allowed_privately: bool
) -> None:
    assert permitted(address, private=False) is allowed
    assert permitted(address, private=True) is allowed_privately


@pytest.mark.parametrize("host", ["receiver.example", "127.0.0.1", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_refused_unless_allowed(
    hass: HomeAssistant, start: Start, host: str
) -> None:
    async with receiver() as there:
        url = there.url.replace("receiver.example", host)
        outbound = await start(url, private=False, schedule=never)
        outbound.async_tell(an_occasion())
        await settled(outbound, dead_letters=1)
        assert there.requests == []

    letters = await hass.async_add_executor_job(outbound._outbox.dead_letters, 9)
    assert [letter.reason for letter in letters] == ["address_refused"]


async def test_one_bad_address_among_good_ones_is_enough_to_refuse(
    hass: HomeAssistant, start: Start
) -> None:
    names = Names(["93.184.215.14", "127.0.0.1"])
    outbound = await start("http://r.example/", names=names, private=False, schedule=never)
    outbound.async_tell(an_occasion())
    await settled(outbound, dead_letters=1)

    letters = await hass.async_add_executor_job(outbound._outbox.dead_letters, 9)
    assert [letter.reason for letter in letters] == ["address_refused"]


async def test_the_address_that_was_checked_is_the_one_that_is_used(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that is good when it is checked and leads home when it is asked for again.
    monkeypatch.setattr(
        "custom_components.infrafabric.surfaces.webhooks.outbound.checked_connector.permitted",
        lambda address, private: address == "127.0.0.1",
    )
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with receiver() as there:
        outbound = await start(there.url, names=names, private=False)
        outbound.async_tell(an_occasion())
        await until(lambda: bool(there.requests))
        await settled(outbound, waiting=0)

    assert names.asked == ["receiver.example"], "asked once for one connection"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(start: Start, status: int) -> None:
    async with receiver() as elsewhere, receiver() as there:
        there.answer = lambda _: web.Response(
            status=status, headers={"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        )
        outbound = await start(there.url, schedule=never)
        outbound.async_tell(an_occasion())
        await settled(outbound, dead_letters=1)

    assert elsewhere.requests == []
    assert len(there.requests) == 1


async def test_an_endless_answer_is_not_waited_for(start: Start) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65536)
                await asyncio.sleep(0)
        return response

    app = web.Application()
    app.router.add_post("/", endless)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    outbound = await start(f"http://receiver.example:{runner.addresses[0][1]}/")
    outbound.async_tell(an_occasion())
    await settled(outbound, waiting=0, failing=False)
    await runner.cleanup()


async def test_a_receiver_that_never_answers_is_a_timeout(
    hass: HomeAssistant, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "custom_components.infrafabric.surfaces.webhooks.outbound.posting.TIMEOUT", 0.05
    )

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await _reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outbound = await start(f"http://receiver.example:{port}/", schedule=never)
    outbound.async_tell(an_occasion())
    await settled(outbound, dead_letters=1)
    letters = await hass.async_add_executor_job(outbound._outbox.dead_letters, 9)
    assert [letter.reason for letter in letters] == ["timeout"]
    await outbound.async_stop()
    server.close()
    await server.wait_closed()


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the files of a key and a certificate that nobody vouches for."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    of = ["-subj", "/CN=other", "-addext", f"subjectAltName=DNS:{name}"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *of, *where], check=True, capture_output=True)
    return key, certificate


async def test_a_certificate_must_be_of_the_name_and_trusted(
    hass: HomeAssistant, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the server says of clients that turn away is no failure of this test.
    hass.loop.set_exception_handler(lambda _loop, _context: None)
    key, certificate = self_signed(tmp_path, "receiver.example")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with receiver(ssl_context=tls) as there:
        url = there.url.replace("http:", "https:")
        outbound = await start(url, schedule=never)
        outbound.async_tell(an_occasion())
        await settled(outbound, dead_letters=1)
        await outbound.async_stop()
        assert there.requests == []

        trusting = ssl.create_default_context(cafile=certificate)
        monkeypatch.setattr(module, "client_context", lambda: trusting)
        again = await start(url, schedule=never)
        await again.async_resend()
        await settled(again, dead_letters=0, waiting=0)
        assert len(there.requests) == 1
        await again.async_stop()

        other = await start(url.replace("receiver.", "other."), schedule=never)
        other.async_tell(an_occasion())
        await settled(other, dead_letters=1)
        assert len(there.requests) == 1
        letters = await hass.async_add_executor_job(other._outbox.dead_letters, 9)
        assert [letter.reason for letter in letters] == ["tls"]


async def test_a_name_without_an_address_is_said_so(hass: HomeAssistant, start: Start) -> None:
    outbound = await start("http://nowhere.example/", names=Names([]), schedule=never)
    outbound.async_tell(an_occasion())
    await settled(outbound, dead_letters=1)
    letters = await hass.async_add_executor_job(outbound._outbox.dead_letters, 9)
    assert [letter.reason for letter in letters] == ["unknown_host"]


# -- many -------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_ten_thousand_events_arrive_at_a_receiver_that_fails_half_of_the_time(
    start: Start,
) -> None:
    luck = random.Random(11)
    taken: list[str] = []

    def answer(request: Received) -> web.Response:
        if luck.random() < 0.5:
            taken.append(request.message_id)
            # Half of those that fail after it took them: the sender cannot know.
            return web.Response(status=200 if luck.random() < 0.8 else 500)
        return web.Response(status=503)

    # The event loop of tests looks at every step, which costs more than the steps.
    asyncio.get_running_loop().set_debug(False)
    async with receiver(answer) as there:
        outbound = await start(there.url)
        for number in range(10_000):
            outbound.async_tell(an_occasion(number=number))
        async with asyncio.timeout(55):
            await settled_long(outbound)

    numbers = {got.json["data"]["number"]: got.message_id for got in there.requests}
    assert numbers.keys() == set(range(10_000))
    assert set(taken) == set(numbers.values()), "each arrived at least once"
    assert len(taken) > 10_000, "some more than once, which their ids show"
    assert len(set(taken)) == 10_000


async def settled_long(outbound: Outbound) -> None:
    while outbound._keeper.unwritten:
        await asyncio.sleep(0.1)
    while (await counts(outbound))["waiting"]:
        await asyncio.sleep(0.1)
