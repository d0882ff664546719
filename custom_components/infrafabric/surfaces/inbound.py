"""Inbound webhooks: lets other systems do a few chosen things here, and nothing else.

A request counts if it is signed by the Standard Webhooks specification with a key of the webhook,
is of now, is new, and asks for what this webhook may do. It is answered before it is done, because
studios take their time; what becomes of it shows in their states.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import logging
from pathlib import Path
import re
import time
from typing import Any, Final

from aiohttp import StreamReader
from aiohttp.web import Request, Response, json_response
import probatio

from homeassistant.components import cloud, webhook
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import ATTR_DEVICE_ID, CONF_WEBHOOK_ID
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import json_loads_object

from ..const import DOMAIN, MAX_EVENT_CONTENT
from ..emergency_stop import ATTR_ALL
from ..mesh.rate import TokenBucket
from .answers import Answers
from .database import DatabaseError, remove
from .signing import Verified, WebhookError, verify
from .webhook_keys import CONF_KEYS, verifiers

_LOGGER = logging.getLogger(__name__)

CONF_ACTIONS: Final = "actions"
CONF_STUDIOS: Final = "studios"
CONF_REACH: Final = "reach"
REACH_LOCAL: Final = "local"
"""From the local network only."""
REACH_INTERNET: Final = "internet"
"""From wherever this Home Assistant can be reached."""
REACH_CLOUD: Final = "cloud"
"""Through an address of Home Assistant Cloud."""
REACHES: Final = [REACH_LOCAL, REACH_INTERNET, REACH_CLOUD]

MAX_BODY: Final = 16 * 1024
"""Bytes of a request."""
MAX_RATE: Final = 5.0
"""Requests a second to one webhook, for long."""
MAX_BURST: Final = 30
"""Requests to one webhook at once."""
MAX_SECONDS: Final = 10.0
"""Seconds that a request may take to arrive."""
MAX_RUNNING: Final = 16
"""Requests of one webhook that are being done; each ends by itself."""

CUSTOM_ACTION: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
"""Names of actions that an automation of the user does."""

EVENT_WEBHOOK: Final = "infrafabric_webhook"
"""Bus event of every request that was accepted."""

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
}
"""The status of each code in an answer."""

_TEXT: Final = probatio.All(str, probatio.Length(min=1, max=255))
_CHANNEL: Final = {
    probatio.Optional("channel"): probatio.All(int, probatio.Range(min=1, max=5)),
}


@dataclass(frozen=True, slots=True)
class StudioAction:
    """Something that a webhook does in studios, by the action of the same name.

    Attributes:
        params: What the sender may say.
        of_all: Whether no studio chosen means every studio.

    """

    params: probatio.Schema
    of_all: bool = False


STUDIO_ACTIONS: Final[Mapping[str, StudioAction]] = {
    "start_stream": StudioAction(probatio.Schema(_CHANNEL)),
    "stop_stream": StudioAction(probatio.Schema(_CHANNEL)),
    "start_recording": StudioAction(probatio.Schema({})),
    "stop_recording": StudioAction(probatio.Schema({})),
    "switch_scene": StudioAction(probatio.Schema({probatio.Required("scene"): _TEXT})),
    "emergency_stop": StudioAction(probatio.Schema({}), of_all=True),
}
"""None of them reaches anything but studios: a webhook can unlock no door by itself."""
PRODUCTION_ACTIONS: Final = ["start_production", "stop_production"]
"""Done by an automation of the user, like actions of the user's own."""

_REQUEST: Final = probatio.Schema(
    {
        probatio.Required("action"): _TEXT,
        probatio.Optional("params", default=dict): dict,
        probatio.Optional("source"): _TEXT,
        probatio.Optional("timestamp"): probatio.Any(_TEXT, int, float),
    }
)


@dataclass(frozen=True, slots=True)
class Hook:
    """What the user chose.

    Attributes:
        hook_id: Of the subentry.
        name: What the user calls it.
        webhook_id: The secret part of the address.
        actions: What it may do.
        studios: Devices of the studios where it may do that.
        reach: From where it can be called.
        keys: As ``webhook_keys`` has them.

    """

    hook_id: str
    name: str
    webhook_id: str = field(repr=False)
    actions: frozenset[str]
    studios: tuple[str, ...]
    reach: str
    keys: tuple[Mapping[str, Any], ...] = field(repr=False)

    @classmethod
    def of(cls, subentry: ConfigSubentry) -> Hook:
        """Return the webhook of a subentry."""
        data = subentry.data
        return cls(
            hook_id=subentry.subentry_id,
            name=subentry.title,
            webhook_id=data[CONF_WEBHOOK_ID],
            actions=frozenset(data[CONF_ACTIONS]),
            studios=tuple(data[CONF_STUDIOS]),
            reach=data[CONF_REACH],
            keys=tuple(data[CONF_KEYS]),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a genuine request asks for."""

    action: str
    params: dict[str, Any]
    source: str | None


class Inbound:
    """One inbound webhook that runs.

    Args:
        hass: Home Assistant.
        hook: What the user chose.
        clock: Returns Unix seconds.

    """

    def __init__(
        self, hass: HomeAssistant, hook: Hook, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.hook = hook
        self.refused: Counter[str] = Counter()
        """Requests that were refused, by the code of their answer."""
        self.accepted = 0
        self.repeats = 0
        self._hass = hass
        self._clock = clock
        self._answers = Answers(answers_path(hass, hook.hook_id))
        self._bucket = TokenBucket(MAX_RATE, MAX_BURST, clock())
        self._running = 0

    async def async_start(self) -> None:
        """Take up what was answered before, and listen.

        Raises:
            DatabaseError: The answers cannot be read.

        """
        await self._hass.async_add_executor_job(self._answers.open)
        webhook.async_register(
            self._hass,
            DOMAIN,
            self.hook.name,
            self.hook.webhook_id,
            self.async_handle,
            local_only=self.hook.reach == REACH_LOCAL,
            allowed_methods=["POST"],
        )

    async def async_stop(self) -> None:
        """Listen no more; what was accepted goes on."""
        webhook.async_unregister(self._hass, self.hook.webhook_id)
        await self._hass.async_add_executor_job(self._answers.close)

    # -- a request ----------------------------------------------------------------------------

    async def async_handle(
        self, _hass: HomeAssistant, _webhook_id: str, request: Request
    ) -> Response:
        """Answer a request, and begin to do what it asks for."""
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
        wanted = self._wanted(body)
        code = wanted if isinstance(wanted, str) else ACCEPTED
        if code == ACCEPTED and self._running >= MAX_RUNNING:
            # Not remembered: the sender is to try again.
            return self._refuse("too_many")
        try:
            # On disk before it is done: it is done once at most, whatever happens now.
            first = await self._hass.async_add_executor_job(
                self._answers.first, verified.message_id, STATUS[code], code, now
            )
        except DatabaseError as err:
            _LOGGER.error("The webhook %s can accept nothing: %s", self.hook.name, err)
            return self._refuse("too_many")
        if first is not None:
            self.repeats += 1
            return _answer(*first, verified.message_id)
        if isinstance(wanted, str):
            return self._refuse(wanted, verified)
        self.accepted += 1
        self._hass.async_create_task(
            self._do(wanted, verified.message_id), f"{DOMAIN} webhook {self.hook.name}"
        )
        return _answer(STATUS[ACCEPTED], ACCEPTED, verified.message_id)

    def _wanted(self, body: bytes) -> Wanted | str:
        """Return what a genuine request asks for, or the code of why it gets nothing."""
        try:
            request = _REQUEST(json_loads_object(body))
        except ValueError, probatio.Invalid:
            return "malformed"
        action, params = request["action"], request["params"]
        if action not in self.hook.actions:
            return "action_not_allowed"
        if (known := STUDIO_ACTIONS.get(action)) is not None:
            try:
                params = known.params(params)
            except probatio.Invalid:
                return "malformed"
        elif len(body) > MAX_EVENT_CONTENT:
            return "too_large"
        return Wanted(action, params, request.get("source"))

    async def _do(self, wanted: Wanted, message_id: str) -> None:
        """Do what was accepted; errors go to the log, since the sender is gone."""
        self._running += 1
        context = Context()
        try:
            self._hass.bus.async_fire(
                EVENT_WEBHOOK,
                {
                    "webhook": self.hook.name,
                    "webhook_subentry_id": self.hook.hook_id,
                    "action": wanted.action,
                    "params": wanted.params,
                    "source": wanted.source,
                    "message_id": message_id,
                },
                context=context,
            )
            if (known := STUDIO_ACTIONS.get(wanted.action)) is not None:
                await self._in_studios(wanted, known, context)
        finally:
            self._running -= 1

    async def _in_studios(self, wanted: Wanted, known: StudioAction, context: Context) -> None:
        target: dict[str, Any] = {ATTR_DEVICE_ID: list(self.hook.studios)}
        if known.of_all and not self.hook.studios:
            target = {ATTR_ALL: True}
        try:
            await self._hass.services.async_call(
                DOMAIN,
                wanted.action,
                {**wanted.params, **target},
                blocking=True,
                context=context,
            )
        except HomeAssistantError as err:
            _LOGGER.error("%s, asked for by the webhook %s: %s", wanted.action, self.hook.name, err)

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
    found = b""
    try:
        async with asyncio.timeout(MAX_SECONDS):
            while chunk := await content.read(MAX_BODY + 1 - len(found)):
                found += chunk
                if len(found) > MAX_BODY:
                    return "too_large"
    except TimeoutError:
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
    inbound = Inbound(hass, Hook.of(subentry))
    await inbound.async_start()
    hook_id = subentry.subentry_id
    hass.data.setdefault(INBOUND, {})[hook_id] = inbound

    async def unload() -> None:
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
