"""Adding and changing an inbound webhook."""

from collections.abc import Mapping
import time
from typing import Any, Final, override

import probatio

from homeassistant.components import webhook
from homeassistant.config_entries import SOURCE_USER, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME, CONF_WEBHOOK_ID
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from ..forms import TEXT
from .inbound import (
    CONF_ACTIONS,
    CONF_REACH,
    CONF_STUDIOS,
    CUSTOM_ACTION,
    PRODUCTION_ACTIONS,
    REACH_LOCAL,
    REACHES,
    STUDIO_ACTIONS,
    async_forget_cloudhook,
    async_public_url,
)
from .signing import PublicKey, WebhookError
from .webhook_keys import CONF_KEY, CONF_KEYS, first_key, new_secret, rotated
from .webhook_out_flow import DEVICES, EMPTY_SCHEMA

CONF_PUBLIC_KEY: Final = "public_key"

ACTIONS: Final = [*STUDIO_ACTIONS, *PRODUCTION_ACTIONS]
"""What can be chosen; other names can be typed."""

_SETTINGS: Final[dict[Any, Any]] = {
    probatio.Required(CONF_NAME): TEXT,
    probatio.Required(CONF_ACTIONS): SelectSelector(
        SelectSelectorConfig(
            options=ACTIONS,
            multiple=True,
            custom_value=True,
            translation_key="webhook_action",
        )
    ),
    probatio.Optional(CONF_STUDIOS, default=list): DEVICES,
    probatio.Required(CONF_REACH, default=REACH_LOCAL): SelectSelector(
        SelectSelectorConfig(
            options=REACHES, translation_key="webhook_reach", mode=SelectSelectorMode.LIST
        )
    ),
}
_KEY: Final[dict[Any, Any]] = {probatio.Optional(CONF_PUBLIC_KEY): TEXT}
USER_SCHEMA: Final = probatio.Schema({**_SETTINGS, **_KEY})
SETTINGS_SCHEMA: Final = probatio.Schema(_SETTINGS)
KEY_SCHEMA: Final = probatio.Schema(_KEY)


class WebhookInFlow(ConfigSubentryFlow):
    """Ask what others may do here, and show the address and the key that they need."""

    _title: str
    _data: dict[str, Any]
    _url: str
    _left_over: tuple[str, str] | None = None
    """Id and reach of an address that was made and is not kept yet."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Take a new webhook."""
        errors: dict[str, str] = {}
        if user_input is not None:
            values, errors = checked_in(user_input)
            key, key_errors = _key_of(values)
            errors |= key_errors
            if not errors:
                values[CONF_WEBHOOK_ID] = webhook.async_generate_id()
                errors = await self._async_find_url(values)
            if not errors:
                self._title = values.pop(CONF_NAME)
                self._data = {**values, CONF_KEYS: first_key(key)}
                return await self.async_step_key()
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(USER_SCHEMA, user_input or {}),
            errors=errors,
        )

    async def async_step_key(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show the address and the key, this once, and keep the webhook."""
        if user_input is None:
            return self.async_show_form(
                step_id="key",
                data_schema=EMPTY_SCHEMA,
                description_placeholders={
                    "url": self._url,
                    "key": self._data[CONF_KEYS][0][CONF_KEY],
                },
            )
        self._left_over = None
        if self.source == SOURCE_USER:
            return self.async_create_entry(title=self._title, data=self._data)
        return await self._async_keep()

    async def async_step_reconfigure(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to change."""
        subentry = self._get_reconfigure_subentry()
        self._title, self._data = subentry.title, dict(subentry.data)
        return self.async_show_menu(
            step_id="reconfigure", menu_options=["settings", "rotate", "revoke"]
        )

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change everything but the key; the address is shown, and changes with its reach."""
        errors: dict[str, str] = {}
        shown: Mapping[str, Any] = {CONF_NAME: self._title, **self._data}
        if user_input is not None:
            shown = user_input
            values, errors = checked_in(user_input)
            if not errors:
                errors = await self._async_find_url({**self._data, **values})
            if not errors:
                self._left_over = None
                self._title = values.pop(CONF_NAME)
                self._data |= values
                return await self._async_keep()
        elif await self._async_find_url(self._data):
            self._url = "–"
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(SETTINGS_SCHEMA, shown),
            errors=errors,
            description_placeholders={"url": self._url},
        )

    async def async_step_rotate(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take another key; the old one stays good for a day."""
        errors: dict[str, str] = {}
        if user_input is not None:
            key, errors = _key_of(dict(user_input))
            if not errors:
                errors = await self._async_find_url(self._data)
            if not errors:
                self._data[CONF_KEYS] = rotated(self._data[CONF_KEYS], key, time.time())
                return await self.async_step_key()
        return self._show_key_form("rotate", user_input, errors)

    async def async_step_revoke(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Make another address and take another key; the old ones are dead at once."""
        errors: dict[str, str] = {}
        if user_input is not None:
            key, errors = _key_of(dict(user_input))
            fresh = {**self._data, CONF_WEBHOOK_ID: webhook.async_generate_id()}
            if not errors:
                errors = await self._async_find_url(fresh)
            if not errors:
                self._data = {**fresh, CONF_KEYS: first_key(key)}
                return await self.async_step_key()
        return self._show_key_form("revoke", user_input, errors)

    @callback
    @override
    def async_remove(self) -> None:
        """Leave no address in the cloud for a webhook that nobody kept."""
        if self._left_over is not None:
            self.hass.async_create_task(async_forget_cloudhook(self.hass, *self._left_over))

    def _show_key_form(
        self, step_id: str, user_input: dict[str, Any] | None, errors: dict[str, str]
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(KEY_SCHEMA, user_input or {}),
            errors=errors,
        )

    async def _async_find_url(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Find the address to show, and return what is wrong."""
        webhook_id, reach = values[CONF_WEBHOOK_ID], values[CONF_REACH]
        try:
            self._url = await async_public_url(self.hass, webhook_id, reach)
        except HomeAssistantError:
            return {CONF_REACH if CONF_NAME in values else "base": "no_address"}
        if self.source == SOURCE_USER or not self._is_kept(webhook_id, reach):
            self._left_over = webhook_id, reach
        return {}

    def _is_kept(self, webhook_id: str, reach: str) -> bool:
        kept = self._get_reconfigure_subentry().data
        return (kept[CONF_WEBHOOK_ID], kept[CONF_REACH]) == (webhook_id, reach)

    async def _async_keep(self) -> SubentryFlowResult:
        """Change the webhook, and delete the cloud's address of the one that was."""
        subentry = self._get_reconfigure_subentry()
        was: tuple[str, str] = (subentry.data[CONF_WEBHOOK_ID], subentry.data[CONF_REACH])
        if was != (self._data[CONF_WEBHOOK_ID], self._data[CONF_REACH]):
            await async_forget_cloudhook(self.hass, *was)
        return self.async_update_and_abort(
            self._get_entry(), subentry, title=self._title, data=self._data
        )


def _key_of(values: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Take the key out of a form, or make one, and return it with what is wrong."""
    text = (values.get(CONF_PUBLIC_KEY) or "").strip()
    values.pop(CONF_PUBLIC_KEY, None)
    if not text:
        return new_secret(), {}
    try:
        PublicKey.parse(text)
    except WebhookError:
        # Typed by mistake, a private key must not be kept.
        return text, {CONF_PUBLIC_KEY: "public_key_invalid"}
    return text, {}


def checked_in(user_input: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a form, and what is wrong by field."""
    values: dict[str, Any] = {**user_input, CONF_NAME: user_input[CONF_NAME].strip()}
    errors: dict[str, str] = {}
    actions = values[CONF_ACTIONS]
    if not values[CONF_NAME]:
        errors[CONF_NAME] = "name_missing"
    if not actions:
        errors[CONF_ACTIONS] = "action_missing"
    elif not all(CUSTOM_ACTION.fullmatch(action) for action in actions):
        errors[CONF_ACTIONS] = "action_invalid"
    in_studios = [action for action in actions if action in STUDIO_ACTIONS]
    if not values[CONF_STUDIOS] and not all(STUDIO_ACTIONS[each].of_all for each in in_studios):
        errors[CONF_STUDIOS] = "studio_missing"
    return values, errors
