"""Getting a notification to people: through notify entities, and to phones with their buttons."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.components.mobile_app.util import get_notify_service, webhook_id_from_device_id
from homeassistant.components.notify.const import (
    ATTR_DATA,
    ATTR_MESSAGE,
    ATTR_TARGET,
    ATTR_TITLE,
    DOMAIN as NOTIFY_DOMAIN,
    SERVICE_SEND_MESSAGE,
)
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er

from ...const import DOMAIN
from ...studio_runs import text_of
from ...targets import invalid
from .peer_messages import PeerMessageContext
from .rules import WEIGHT_OF_RESULTS, WEIGHTS, Priority, Rule, What

_LOGGER = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds for which one recipient may keep the next notification waiting."""
BACKLOG: Final = 50
"""Notifications that may wait; beyond, those that count least are dropped."""

LOOKS: Final[Mapping[Priority, Mapping[str, Any]]] = {
    Priority.LOW: {"importance": "low", "push": {"interruption-level": "passive"}},
    Priority.NORMAL: {"importance": "default"},
    Priority.HIGH: {
        "importance": "high",
        # Android: now, even when it sleeps; iOS: also while the phone is focused on other things.
        "priority": "high",
        "ttl": 0,
        "push": {"interruption-level": "time-sensitive"},
    },
}
"""What the companion apps take for each priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What people are told.

    Attributes:
        what: The occasion; None for what became of a button.
        message: The text.
        tag: A phone replaces what has the same one.
        actions: Buttons, as the companion apps take them.

    """

    what: What | None
    message: str
    tag: str
    actions: tuple[Mapping[str, Any], ...] = ()

    @property
    def persistent(self) -> bool:
        """Whether it stays until it is replaced."""
        return self.what is What.MESH_STATUS

    @property
    def from_peer(self) -> bool:
        """Whether a peer wrote it; then no other peer is told."""
        return self.what is What.PEER_MESSAGE

    @property
    def weight(self) -> int:
        """How much it counts when there is no room for all."""
        return WEIGHT_OF_RESULTS if self.what is None else WEIGHTS[self.what]

    @property
    def text(self) -> str:
        """The text without markup: Android renders HTML, and names are chosen by others."""
        return self.message.replace("<", "‹")


class Delivery:
    """Tells the people of one rule, one notification after the other."""

    def __init__(self, hass: HomeAssistant, rule: Rule, title: str) -> None:
        """Take who is told, and the title of what they are told."""
        self._hass = hass
        self._rule = rule
        self._title = title
        self._waiting: list[Notification] = []
        self._telling = False
        self._dropped: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failing: set[str] = set()

    @callback
    def send(self, notification: Notification) -> None:
        """Tell everybody; returns at once."""
        self._waiting.append(notification)
        if len(self._waiting) > BACKLOG:
            self._drop(min(self._waiting, key=lambda each: _worth(each, notification)))
        if not self._telling:
            self._telling = True
            self.run(self._send_all())

    def _drop(self, notification: Notification) -> None:
        """Make room; the oldest of equals is the first to go."""
        if not self._dropped:
            _LOGGER.warning(
                "%s cannot tell everything: too many notifications wait, so the least important"
                " are dropped",
                self._title,
            )
        self._dropped[notification.what or "button"] += 1
        # Two may be equal.
        del self._waiting[[each is notification for each in self._waiting].index(True)]

    @callback
    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that ends with the rule."""
        task = self._hass.async_create_task(work, f"infrafabric rule {self._title}")
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Stop what is under way."""
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self) -> None:
        """Tell what waits, in its order: a phone would show the older if it came last."""
        try:
            while self._waiting:
                await self._send(self._waiting.pop(0))
        finally:
            self._telling = False
            if self._dropped:
                kinds = ", ".join(f"{count} {what}" for what, count in self._dropped.most_common())
                _LOGGER.warning("%s dropped notifications: %s", self._title, kinds)
                self._dropped.clear()

    async def _send(self, notification: Notification) -> None:
        entities = self._rule.entities
        if notification.from_peer:
            # Two homes whose rules tell each other would send one message for ever.
            entities = tuple(each for each in entities if not is_peer(self._hass, each))
        await asyncio.gather(
            *(self._try(name, self._tell(name, notification)) for name in entities),
            *(self._try(name, self._push(name, notification)) for name in self._rule.phones),
        )

    async def _try(self, name: str, attempt: Coroutine[Any, Any, None]) -> None:
        """Tell one recipient; whatever becomes of it, the others are told."""
        try:
            async with asyncio.timeout(PATIENCE):
                await attempt
        except HomeAssistantError as err:
            self._failed(name, text_of(self._hass, err))
        except TimeoutError:
            self._failed(name, "no answer in time")
        except Exception as err:  # noqa: BLE001 - of any integration that brings a notify entity
            # Not its text, which may hold what that integration keeps secret.
            self._failed(name, type(err).__name__)
        else:
            self._failing.discard(name)

    def _failed(self, name: str, reason: str) -> None:
        """Say once for each time that a recipient cannot be reached."""
        if name not in self._failing:
            self._failing.add(name)
            _LOGGER.warning("%s could not notify %s: %s", self._title, name, reason)

    async def _tell(self, entity_id: str, notification: Notification) -> None:
        """Tell through a notify entity, which takes no more than a text."""
        state = self._hass.states.get(entity_id)
        if state is None or state.state == STATE_UNAVAILABLE:
            raise invalid("recipient_unavailable")
        await self._hass.services.async_call(
            NOTIFY_DOMAIN,
            SERVICE_SEND_MESSAGE,
            {
                ATTR_ENTITY_ID: entity_id,
                ATTR_TITLE: self._title,
                ATTR_MESSAGE: notification.text,
            },
            blocking=True,
            context=PeerMessageContext() if notification.from_peer else None,
        )

    async def _push(self, device_id: str, notification: Notification) -> None:
        """Tell a phone."""
        webhook_id = webhook_id_from_device_id(self._hass, device_id)
        service = None if webhook_id is None else get_notify_service(self._hass, webhook_id)
        if service is None:
            raise invalid("recipient_unavailable")
        await self._hass.services.async_call(
            NOTIFY_DOMAIN,
            service,
            {
                ATTR_TARGET: [webhook_id],
                ATTR_TITLE: self._title,
                ATTR_MESSAGE: notification.text,
                ATTR_DATA: self._data(notification),
            },
            blocking=True,
        )

    def _data(self, notification: Notification) -> dict[str, Any]:
        priority = self._rule.priority
        data: dict[str, Any] = {
            "tag": notification.tag,
            # Android keeps the importance of a channel as it was first, so each has its own.
            "channel": f"InfraFabric ({priority})",
            **LOOKS[priority],
        }
        if self._rule.group is not None:
            data["group"] = self._rule.group
        if notification.persistent:
            data |= {"persistent": True, "alert_once": True}
        if notification.actions:
            data["actions"] = [dict(action) for action in notification.actions]
        return data


def _worth(waiting: Notification, new: Notification) -> tuple[int, bool]:
    """Return how much it would cost not to tell what waits; the least first."""
    replaced = waiting is not new and waiting.tag == new.tag
    if replaced and waiting.weight < WEIGHT_OF_RESULTS:
        return (-1, False)
    return (waiting.weight, not replaced)


@callback
def is_peer(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether a notify entity is that of a peer."""
    entity = er.async_get(hass).async_get(entity_id)
    return entity is not None and entity.platform == DOMAIN
