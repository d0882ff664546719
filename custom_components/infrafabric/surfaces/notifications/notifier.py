"""Notification rules at work: people are told, and what they press is done and confirmed."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
import hashlib
import logging
import secrets
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ...const import DOMAIN
from ...studio_runs import text_of
from ...targets import invalid
from .missing import async_watch_recipients
from .news import News
from .recipients import Delivery, Notification
from .rules import (
    BUTTON_LIFETIME,
    MUTE_TIME,
    TOPICS,
    Button,
    Offer,
    Offers,
    Rule,
    action_of,
)
from .texts import async_load_texts, button_text, text
from .watching import Watch

_LOGGER = logging.getLogger(__name__)

MESSAGE_BUTTONS: Final = 20
"""Messages of peers whose buttons work; with another one, those of the oldest end."""

EVENT_PRESSED: Final = "mobile_app_notification_action"
"""What the companion app fires, with the user of the phone in its context."""

type Act = Callable[[Offer, Context], Awaitable[tuple[str, dict[str, str]]]]
"""Does what a button says, and returns the key and the values of what to tell then."""


class Notifier:
    """One rule at work."""

    def __init__(self, hass: HomeAssistant, subentry: ConfigSubentry) -> None:
        """Take the rule that a subentry holds.

        Raises:
            KeyError, ValueError: It holds none.

        """
        self._hass = hass
        self._id = subentry.subentry_id
        self._title = subentry.title
        self._rule = Rule.from_data(subentry.data)
        self._offers = Offers(lambda: secrets.token_hex(16))
        self._marked: dict[str, None] = {}
        """Tags of news that replace nothing, oldest first."""
        self._delivery = Delivery(hass, self._rule, self._title)
        self._watch = Watch(hass, self._rule, self._tell)
        self._actions: Mapping[Button, Act] = {
            Button.STOP_STREAM: self._stop_stream,
            Button.RESTART_PEER: self._restart_peer,
            Button.MUTE: self._mute,
        }
        self._stop_looking = async_watch_recipients(hass, self._id, self._title, self._rule)
        self._stop_listening = hass.bus.async_listen(EVENT_PRESSED, self._pressed)
        self._watch.start()

    async def async_end(self) -> None:
        """Tell nothing more, and void all buttons."""
        self._stop_listening()
        self._stop_looking()
        self._watch.stop()
        await self._delivery.end()

    # -- telling ------------------------------------------------------------------------------

    @callback
    def _tell(self, news: News) -> None:
        tag = self._rule.tag or self._tag(news)
        buttons = self._rule.buttons_for(news.text)
        self._offers.void(tag)
        if news.mark:
            self._bound(tag)
        token = ""
        if self._rule.phones and (acting := tuple(each for each in buttons if each.acts)):
            token = self._offers.make(
                Offer(
                    tag=tag,
                    device_id=news.device_id,
                    name=news.name,
                    details=news.details,
                    buttons=acting,
                    expires=time.monotonic() + BUTTON_LIFETIME,
                )
            )
        offered = [each for each in buttons if token or not each.acts]
        self._delivery.send(
            Notification(
                what=news.what,
                message=text(self._hass, news.text, **news.values),
                tag=tag,
                actions=tuple(self._action(each, token, news.device_id) for each in offered),
            )
        )

    def _bound(self, tag: str) -> None:
        """Count news that replace nothing; of too many, the buttons of the oldest end."""
        self._marked.pop(tag, None)
        self._marked[tag] = None
        if len(self._marked) > MESSAGE_BUTTONS:
            oldest = next(iter(self._marked))
            del self._marked[oldest]
            self._offers.void(oldest)

    def _tag(self, news: News) -> str:
        """Return what is the same for news that replace each other; iOS takes 64 bytes."""
        about = f"{self._id} {news.device_id}"
        if news.mark:
            about += f" {news.mark}"
        about = hashlib.sha256(about.encode()).hexdigest()
        return f"infrafabric_{TOPICS[news.what]}_{about[:16]}"

    def _action(self, button: Button, token: str, device_id: str) -> dict[str, Any]:
        """Return a button as the companion apps take it."""
        title = button_text(self._hass, button.key)
        match button:
            case Button.VIEW_STATS:
                uri = f"/config/devices/device/{device_id}"
                return {"action": "URI", "title": title, "uri": uri}
            case Button.VIEW_DASHBOARD:
                return {"action": "URI", "title": title, "uri": self._rule.dashboard}
        return {
            "action": action_of(button, token),
            "title": title,
            # iOS asks for the code or the face first.
            "authenticationRequired": True,
            "destructive": button is Button.STOP_STREAM,
        }

    # -- buttons ------------------------------------------------------------------------------

    @callback
    def _pressed(self, event: Event[Mapping[str, Any]]) -> None:
        """Do what an open button says, once, for whom the rule allows it."""
        if (taken := self._offers.take(str(event.data.get("action")))) is None:
            return
        button, offer = taken
        if event.context.user_id not in self._rule.users:
            _LOGGER.warning("A button of %s was pressed by somebody who may not", self._title)
            self._replace(offer, "press_not_allowed")
        elif time.monotonic() >= offer.expires:
            self._replace(offer, "press_too_late")
        else:
            self._delivery.run(self._act(button, offer, event.context))

    async def _act(self, button: Button, offer: Offer, context: Context) -> None:
        """Do it, and put what became of it in the place of the notification."""
        user = await self._hass.auth.async_get_user(context.user_id or "")
        if user is None or not user.is_active:
            # Chosen once, but no user any more; the phone may not know.
            self._replace(offer, "press_not_allowed")
            return
        try:
            key, values = await self._actions[button](offer, context)
        except HomeAssistantError as err:
            key, values = "press_failed", {"reason": text_of(self._hass, err)}
        except Exception:
            _LOGGER.exception("A button of %s failed", self._title)
            key, values = "press_failed", {"reason": text_of(self._hass, invalid("press_broke"))}
        self._replace(offer, key, **values)

    def _replace(self, offer: Offer, key: str, **values: str) -> None:
        message = text(self._hass, key, name=offer.name, **values)
        self._delivery.send(Notification(what=None, message=message, tag=offer.tag))

    async def _stop_stream(self, offer: Offer, context: Context) -> tuple[str, dict[str, str]]:
        """Stop the stream; returns when the studio says that it is stopped."""
        await self._hass.services.async_call(
            DOMAIN,
            "stop_stream",
            {ATTR_DEVICE_ID: offer.device_id, **offer.details},
            blocking=True,
            context=context,
        )
        return "stream_stop_confirmed", {}

    async def _restart_peer(self, offer: Offer, context: Context) -> tuple[str, dict[str, str]]:
        """Dial the peer anew; returns when it is linked."""
        await self._hass.services.async_call(
            DOMAIN,
            "reconnect_peer",
            {ATTR_DEVICE_ID: offer.device_id},
            blocking=True,
            context=context,
        )
        return "peer_restarted", {}

    async def _mute(self, _offer: Offer, _context: Context) -> tuple[str, dict[str, str]]:
        """Silence the rule; what is still wrong afterwards is told then."""
        self._watch.muted_until = time.monotonic() + MUTE_TIME
        until = dt_util.now() + timedelta(seconds=MUTE_TIME)
        return "muted", {"time": f"{until:%H:%M}"}


async def async_setup_rule(
    hass: HomeAssistant, _entry: Any, subentry: ConfigSubentry
) -> Callable[[], Any]:
    """Let a rule work; return what ends it."""
    await async_load_texts(hass)
    return Notifier(hass, subentry).async_end
