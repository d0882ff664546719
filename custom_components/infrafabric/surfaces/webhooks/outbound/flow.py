"""Adding and changing an outbound webhook."""

from collections.abc import Mapping
import time
from typing import Any, Final

import probatio
from yarl import URL

from homeassistant.config_entries import SOURCE_USER, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME, CONF_URL
from homeassistant.helpers.selector import (
    BooleanSelector,
    DeviceSelector,
    DeviceSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from ....const import DOMAIN
from ....forms import COPY, TEXT, to_copy
from ....happenings import OUTGOING
from ..keys import (
    CONF_KEY,
    CONF_KEYS,
    first_key,
    is_asymmetric,
    new_private_key,
    new_secret,
    public_key,
    rotated,
)
from .hook import CONF_DEVICES, CONF_EVENTS, CONF_PRIVATE

CONF_KEY_KIND: Final = "key_kind"
SYMMETRIC: Final = "symmetric"
ASYMMETRIC: Final = "asymmetric"
KEY_KINDS: Final = [SYMMETRIC, ASYMMETRIC]

MAX_URL: Final = 2048
"""Characters of an address."""

DEVICES: Final = DeviceSelector(
    DeviceSelectorConfig(filter=[{"integration": DOMAIN}], multiple=True)
)
_SETTINGS: Final[dict[Any, Any]] = {
    probatio.Required(CONF_NAME): TEXT,
    probatio.Required(CONF_URL): TEXT,
    probatio.Required(CONF_EVENTS, default=list): SelectSelector(
        SelectSelectorConfig(
            options=OUTGOING,
            multiple=True,
            translation_key="webhook_event",
            mode=SelectSelectorMode.LIST,
        )
    ),
    probatio.Optional(CONF_DEVICES, default=list): DEVICES,
    probatio.Required(CONF_PRIVATE, default=False): BooleanSelector(),
}
USER_SCHEMA: Final = probatio.Schema(
    {
        **_SETTINGS,
        probatio.Required(CONF_KEY_KIND, default=SYMMETRIC): SelectSelector(
            SelectSelectorConfig(options=KEY_KINDS, translation_key="webhook_key")
        ),
    }
)
SETTINGS_SCHEMA: Final = probatio.Schema(_SETTINGS)


class WebhookOutFlow(ConfigSubentryFlow):
    """Ask where to tell of what, and show the key that receivers check with."""

    _title: str
    _data: dict[str, Any]
    _began: tuple[str, Mapping[str, Any]]

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Take a new webhook."""
        errors: dict[str, str] = {}
        if user_input is not None:
            values, errors = checked_out(user_input)
            if not errors:
                kind = values.pop(CONF_KEY_KIND)
                self._title = values.pop(CONF_NAME)
                self._data = {**values, CONF_KEYS: first_key(_new_key(kind == ASYMMETRIC))}
                return await self.async_step_key()
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(USER_SCHEMA, user_input or {}),
            errors=errors,
        )

    async def async_step_key(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show the key, this once, and keep the webhook."""
        if user_input is not None:
            if self.source == SOURCE_USER:
                return self.async_create_entry(title=self._title, data=self._data)
            return self._keep(self._title, self._data)
        key: str = self._data[CONF_KEYS][0][CONF_KEY]
        return self.async_show_form(
            step_id="key",
            data_schema=probatio.Schema(
                {to_copy(CONF_KEY, public_key(key) if is_asymmetric(key) else key): COPY}
            ),
        )

    async def async_step_reconfigure(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to change."""
        subentry = self._get_reconfigure_subentry()
        self._began = subentry.title, subentry.data
        self._title, self._data = subentry.title, dict(subentry.data)
        return self.async_show_menu(step_id="reconfigure", menu_options=["settings", "rotate"])

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change everything but the key."""
        errors: dict[str, str] = {}
        shown: Mapping[str, Any] = {CONF_NAME: self._title, **self._data}
        if user_input is not None:
            shown = user_input
            values, errors = checked_out(user_input)
            if not errors:
                title = values.pop(CONF_NAME)
                return self._keep(title, {**values, CONF_KEYS: self._data[CONF_KEYS]})
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(SETTINGS_SCHEMA, shown),
            errors=errors,
        )

    async def async_step_rotate(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Make another key of the same kind."""
        if user_input is None:
            return self.async_show_form(step_id="rotate", data_schema=probatio.Schema({}))
        keys = self._data[CONF_KEYS]
        fresh = _new_key(is_asymmetric(keys[0][CONF_KEY]))
        self._data[CONF_KEYS] = rotated(keys, fresh, time.time())
        return await self.async_step_key()

    def _keep(self, title: str, data: dict[str, Any]) -> SubentryFlowResult:
        subentry = self._get_reconfigure_subentry()
        if (subentry.title, subentry.data) != self._began:
            # What this dialog knows may be a key that somebody exchanged meanwhile.
            return self.async_abort(reason="changed_meanwhile")
        return self.async_update_and_abort(self._get_entry(), subentry, title=title, data=data)


def _new_key(asymmetric: bool) -> str:  # noqa: FBT001
    return new_private_key() if asymmetric else new_secret()


def checked_out(user_input: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a form, and what is wrong by field."""
    values: dict[str, Any] = {**user_input, CONF_NAME: user_input[CONF_NAME].strip()}
    errors: dict[str, str] = {}
    if not values[CONF_NAME]:
        errors[CONF_NAME] = "name_missing"
    if not values[CONF_EVENTS]:
        errors[CONF_EVENTS] = "event_missing"
    try:
        url = _url(values[CONF_URL].strip())
    except ValueError:
        errors[CONF_URL] = "url_invalid"
    else:
        values[CONF_URL] = str(url)
        if url.scheme == "http" and not values[CONF_PRIVATE]:
            errors[CONF_URL] = "url_not_secure"
    return values, errors


def _url(text: str) -> URL:
    """Return the address that *text* is.

    Raises:
        ValueError: It is none, or not one of the web.

    """
    url = URL(text)
    if (
        url.scheme not in ("http", "https")
        or not url.host
        or url.port is None
        or url.fragment
        or len(text) > MAX_URL
        or any(character.isspace() for character in text)
    ):
        raise ValueError("not an address of the web")
    return url
