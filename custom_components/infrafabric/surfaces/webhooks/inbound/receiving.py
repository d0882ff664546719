"""Inbound webhooks: lets other systems do a few chosen things here, and nothing else.

A request counts if it is signed by the Standard Webhooks specification with a key of the webhook,
is of now, is new, and asks for what this webhook may do. It is answered before it is done, because
studios take their time; what becomes of it shows in their states.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
import logging
from pathlib import Path
import time
from traceback import format_tb
from typing import Any, Final

from aiohttp import StreamReader
from aiohttp.hdrs import CONTENT_ENCODING
from aiohttp.web import Request, Response, json_response

from homeassistant.components import cloud, webhook
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.hass_dict import HassKey

from ....const import DOMAIN
from ....mesh.rate import TokenBucket
from ..database import DatabaseError, remove
from ..keys import verifiers
from ..signing import Verified, WebhookError, verify
from .answers import Answers
from .doing import async_do, async_watch_chosen
from .hook import CONF_REACH, REACH_CLOUD, REACH_INTERNET, REACH_LOCAL, InboundHook
from .memory import Memory
from .request import MAX_BODY, Wanted, wanted_of

_LOGGER = logging.getLogger(__name__)

MAX_RATE: Final = 5.0
"""Requests a second to one webhook, for long."""
MAX_BURST: Final = 30
"""Requests to one webhook at once."""
MAX_SECONDS: Final = 10.0
"""Seconds that a request may take to arrive."""
MAX_RUNNING: Final = 16
"""Requests of one webhook that are being done; each ends by itself."""

INBOUND: Final[HassKey[dict[str, Inbound]]] = HassKey(f"{DOMAIN}_inbound")
"""The inbound webhooks that run, by their subentries' ids."""

ACCEPTED: Final = "accepted"

STATUS: Final[Mapping[str, HTTPStatus]] = {
    ACCEPTED: HTTPStatus.ACCEPTED,
    "incomplete": HTTPStatus.BAD_REQUEST,
    "malformed": HTTPStatus.BAD_REQUEST,
    "missing_header": HTTPStatus.BAD_REQUEST,
    "bad_id": HTTPStatus.BAD_REQUEST,
    "bad_timestamp": HTTPStatus.BAD_REQUEST,
    "bad_signature": HTTPStatus.UNAUTHORIZED,
    "too_old": HTTPStatus.UNAUTHORIZED,
    "too_new": HTTPStatus.UNAUTHORIZED,
    "action_not_allowed": HTTPStatus.FORBIDDEN,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.TOO_MANY_REQUESTS,
}
"""The status of each code in an answer."""


class Inbound:
    """One inbound webhook that runs.

    Args:
        hass: Home Assistant.
        hook: What the user chose.
        clock: Returns Unix seconds.

    """

    def __init__(
        self, hass: HomeAssistant, hook: InboundHook, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.hook = hook
        self.refused: Counter[str] = Counter()
        """Requests that were refused, by the code of their answer."""
        self.accepted = 0
        self.repeats = 0
        self._hass = hass
        self._clock = clock
        self._memory = Memory(hass, hook, Answers(answers_path(hass, hook.hook_id)))
        self._bucket = TokenBucket(MAX_RATE, MAX_BURST, clock())
        self._running = 0

    async def async_start(self) -> None:
        """Listen, and take up what was answered before."""
        # First of all: without a listener, Home Assistant would tell senders that all is well.
        webhook.async_register(
            self._hass,
            DOMAIN,
            self.hook.name,
            self.hook.webhook_id,
            self.async_handle,
            local_only=self.hook.reach == REACH_LOCAL,
            allowed_methods=["POST"],
        )
        await self._memory.async_start()

    async def async_stop(self) -> None:
        """Listen no more; what was accepted goes on."""
        webhook.async_unregister(self._hass, self.hook.webhook_id)
        await self._memory.async_stop()

    # -- a request ----------------------------------------------------------------------------

    async def async_handle(
        self, _hass: HomeAssistant, _webhook_id: str, request: Request
    ) -> Response:
        """Answer a request, and begin to do what it asks for."""
        try:
            return await self._answer(request)
        except Exception as err:  # noqa: BLE001
            # Home Assistant would answer that all is well, and log the address. The text of the
            # error stays out of the log, as it may be the sender's.
            where = "".join(format_tb(err.__traceback__))
            _LOGGER.error(
                "The webhook %s failed: %s\n%s", self.hook.name, type(err).__name__, where
            )
            return self._refuse("unavailable")

    async def _answer(self, request: Request) -> Response:
        now = self._clock()
        if not self._bucket.take(now):
            return self._refuse("too_many")
        body = await _body(request)
        if isinstance(body, str):
            return self._refuse(body)
        now = self._clock()
        try:
            verified = verify(request.headers, body, verifiers(self.hook.keys, now), now)
        except WebhookError as err:
            return self._refuse(err.code)
        wanted = wanted_of(self.hook, body)
        # Goes on when the sender hangs up: what is remembered as accepted is to be done.
        task = self._hass.async_create_task(
            self._take_in(wanted, verified, now), f"{DOMAIN} webhook {self.hook.name}"
        )
        return await asyncio.shield(task)

    async def _take_in(self, wanted: Wanted | str, verified: Verified, now: float) -> Response:
        """Remember the answer to a genuine request, and begin to do what it asks for."""
        message_id = verified.message_id
        if isinstance(wanted, str):
            first = await self._first(message_id, wanted, now)
            return first or self._refuse(wanted, verified)
        if self._running >= MAX_RUNNING:
            # Not remembered: the sender is to try again.
            return self._refuse("too_many")
        # Before anything is waited for, as others come meanwhile.
        self._running += 1
        try:
            if (first := await self._first(message_id, ACCEPTED, now)) is not None:
                self._running -= 1
                return first
        except BaseException:
            self._running -= 1
            raise
        self.accepted += 1
        self._hass.async_create_task(
            self._do(wanted, message_id), f"{DOMAIN} webhook {self.hook.name}"
        )
        return _answer(STATUS[ACCEPTED], ACCEPTED, message_id)

    async def _first(self, message_id: str, code: str, now: float) -> Response | None:
        """Remember an answer; return another one if there was one, or it cannot be remembered."""
        try:
            # On disk before it is done: it is done once at most, whatever happens now.
            first = await self._memory.async_first(message_id, STATUS[code], code, now)
        except DatabaseError:
            return self._refuse("unavailable")
        if first is None:
            return None
        self.repeats += 1
        return _answer(*first, message_id)

    async def _do(self, wanted: Wanted, message_id: str) -> None:
        try:
            await async_do(self._hass, self.hook, wanted, message_id)
        finally:
            self._running -= 1

    def _refuse(self, code: str, verified: Verified | None = None) -> Response:
        if code not in self.refused:
            _LOGGER.warning(
                "The webhook %s refused a request: %s. Further ones are only counted",
                self.hook.name,
                code,
            )
        self.refused[code] += 1
        return _answer(STATUS[code], code, verified.message_id if verified else None)

    # -- what is shown ------------------------------------------------------------------------

    @callback
    def async_describe(self) -> dict[str, Any]:
        """Return what diagnostics tell: counts, nothing of the address or the keys."""
        return {
            "accepted": self.accepted,
            "repeats": self.repeats,
            "refused": dict(self.refused),
            "running": self._running,
        }


async def _body(request: Request) -> bytes | str:
    """Return the body of a request, or the code of why there is none."""
    # A request through the cloud makes a new reader each time it is asked for one.
    content: StreamReader = request.content
    encodings = request.headers.getall(CONTENT_ENCODING, ())
    if any(encoding.strip().lower() != "identity" for encoding in encodings):
        return "malformed"
    found = b""
    try:
        async with asyncio.timeout(MAX_SECONDS):
            while chunk := await content.read(MAX_BODY + 1 - len(found)):
                found += chunk
                if len(found) > MAX_BODY:
                    return "too_large"
    except Exception:  # noqa: BLE001
        # Too slow, cut off, or not what its headers say: reading fails in many ways.
        return "incomplete"
    return found


def _answer(status: int, code: str, message_id: str | None) -> Response:
    """Return an answer: what was decided, and about which message."""
    said: dict[str, str] = {"status" if code == ACCEPTED else "error": code}
    if message_id is not None:
        said["id"] = message_id
    headers = {"Retry-After": "5"} if status == HTTPStatus.TOO_MANY_REQUESTS else None
    return json_response(said, status=status, headers=headers)


def answers_path(hass: HomeAssistant, hook_id: str) -> Path:
    """Return where the answers of a webhook are."""
    return Path(hass.config.path(".storage", f"{DOMAIN}.webhook_in.{hook_id}.db"))


async def async_public_url(hass: HomeAssistant, webhook_id: str, reach: str) -> str:
    """Return the address to call.

    Raises:
        HomeAssistantError: This Home Assistant knows no address of its own.
        cloud.CloudNotAvailable: Home Assistant Cloud is not connected.

    """
    if reach == REACH_CLOUD:
        return await cloud.async_get_or_create_cloudhook(hass, webhook_id)
    return webhook.async_generate_url(hass, webhook_id, prefer_external=reach == REACH_INTERNET)


async def async_setup_inbound(
    hass: HomeAssistant, entry: ConfigEntry[Any], subentry: ConfigSubentry
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Run the webhook of a subentry; return what ends it."""
    inbound = Inbound(hass, InboundHook.of(subentry))
    await inbound.async_start()
    hook_id = subentry.subentry_id
    hass.data.setdefault(INBOUND, {})[hook_id] = inbound
    stop_watching = async_watch_chosen(hass, inbound.hook)

    async def unload() -> None:
        stop_watching()
        del hass.data[INBOUND][hook_id]
        await inbound.async_stop()
        if hook_id not in entry.subentries:
            await async_forget_inbound(hass, subentry)

    return unload


async def async_forget_inbound(hass: HomeAssistant, subentry: ConfigSubentry) -> None:
    """Leave nothing behind of a webhook that is removed and does not run any more."""
    await hass.async_add_executor_job(remove, answers_path(hass, subentry.subentry_id))
    data = subentry.data
    await async_forget_cloudhook(hass, data[CONF_WEBHOOK_ID], data[CONF_REACH])


async def async_forget_cloudhook(hass: HomeAssistant, webhook_id: str, reach: str) -> None:
    """Delete the address of Home Assistant Cloud that a webhook has, if it has one."""
    if reach == REACH_CLOUD and "cloud" in hass.config.components:
        try:
            await cloud.async_delete_cloudhook(hass, webhook_id)
        except HomeAssistantError, ValueError:
            _LOGGER.info("The cloud address of a webhook could not be deleted")
