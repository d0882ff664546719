"""Adding and changing an inbound webhook: a form for each use, that asks for what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import time
from typing import Any, Final, override

import probatio

from homeassistant.components import webhook
from homeassistant.config_entries import SOURCE_USER, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME, CONF_URL, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)

from ....const import DOMAIN
from ....forms import COPY, TEXT, to_copy
from ....studio_coordinator import MANUFACTURERS
from ..keys import CONF_KEY, CONF_KEYS, first_key, good_keys, new_secret, rotated
from ..signing import PublicKey, WebhookError
from .doing import RUNNABLE, is_there
from .hook import (
    ACTIONS,
    CONF_ACTIONS,
    CONF_REACH,
    CONF_START,
    CONF_STOP,
    CONF_STUDIOS,
    CONF_USE,
    CUSTOM_ACTION,
    REACH_LOCAL,
    REACHES,
    RESERVED,
    Use,
    use_of,
)
from .receiving import async_forget_cloudhook, async_public_url

CONF_PUBLIC_KEY: Final = "public_key"

STUDIOS: Final = DeviceSelector(
    DeviceSelectorConfig(
        filter=[
            {"integration": DOMAIN, "manufacturer": manufacturer}
            for manufacturer in MANUFACTURERS.values()
        ],
        multiple=True,
    )
)
SCRIPTS: Final = EntitySelector(
    EntitySelectorConfig(domain=list(RUNNABLE), multiple=True, reorder=True)
)
STREAM_ACTIONS: Final = SelectSelector(
    SelectSelectorConfig(
        options=ACTIONS[Use.STREAM_CONTROL],
        multiple=True,
        translation_key="webhook_action",
        mode=SelectSelectorMode.LIST,
    )
)
OWN_ACTIONS: Final = TextSelector(TextSelectorConfig(multiple=True))
REACH: Final = SelectSelector(
    SelectSelectorConfig(
        options=REACHES, translation_key="webhook_reach", mode=SelectSelectorMode.LIST
    )
)
KEY_SCHEMA: Final = probatio.Schema({probatio.Optional(CONF_PUBLIC_KEY): TEXT})

type Check = Callable[[HomeAssistant, Any], str | None]
"""Returns what is wrong with the value of a field."""


def _given(error: str) -> Check:
    return lambda _hass, value: None if value else error


def _own_names(_hass: HomeAssistant, actions: list[str]) -> str | None:
    if not actions:
        return "action_missing"
    if not all(CUSTOM_ACTION.fullmatch(action) for action in actions):
        return "action_invalid"
    return "action_reserved" if RESERVED.intersection(actions) else None


def _can_run(hass: HomeAssistant, entity_ids: list[str]) -> str | None:
    # The selector lets ids of the entity registry pass, of whatever domain.
    return None if all(is_there(hass, entity_id) for entity_id in entity_ids) else "script_missing"


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of a use asks for, besides the name and the reach.

    Attributes:
        fields: What it asks for.
        checks: What must be so, by field.
        implied: What it need not ask for.

    """

    fields: Mapping[Any, Any]
    checks: Mapping[str, Check] = field(default_factory=dict)
    implied: Mapping[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> probatio.Schema:
        """Return what is asked for, in order."""
        return probatio.Schema(
            {
                probatio.Required(CONF_NAME): TEXT,
                **self.fields,
                probatio.Required(CONF_REACH, default=REACH_LOCAL): REACH,
            }
        )


FORMS: Final[Mapping[Use, Form]] = {
    Use.PRODUCTION_CONTROL: Form(
        fields={
            probatio.Optional(CONF_START, default=list): SCRIPTS,
            probatio.Optional(CONF_STOP, default=list): SCRIPTS,
        },
        checks={CONF_START: _can_run, CONF_STOP: _can_run},
        implied={CONF_ACTIONS: ACTIONS[Use.PRODUCTION_CONTROL], CONF_STUDIOS: []},
    ),
    Use.STREAM_CONTROL: Form(
        fields={
            probatio.Required(CONF_ACTIONS, default=list): STREAM_ACTIONS,
            probatio.Required(CONF_STUDIOS): STUDIOS,
        },
        checks={CONF_ACTIONS: _given("action_missing"), CONF_STUDIOS: _given("studio_missing")},
    ),
    Use.EMERGENCY_STOP: Form(
        fields={probatio.Optional(CONF_STUDIOS, default=list): STUDIOS},
        implied={CONF_ACTIONS: ACTIONS[Use.EMERGENCY_STOP]},
    ),
    Use.CUSTOM: Form(
        fields={probatio.Required(CONF_ACTIONS): OWN_ACTIONS},
        checks={CONF_ACTIONS: _own_names},
        implied={CONF_STUDIOS: []},
    ),
}


class WebhookInFlow(ConfigSubentryFlow):
    """Ask what others may do here, and show the address and the key that they need."""

    _left_over: tuple[str, str] | None = None
    """Id and reach of an address that was made and is not kept yet."""

    def __init__(self) -> None:
        """Begin with a webhook of which nothing is known."""
        self._title = ""
        self._data: dict[str, Any] = {}
        self._began: tuple[str, Mapping[str, Any]] = "", {}
        self._url = "–"

    async def async_step_user(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what a new webhook is for."""
        return self.async_show_menu(step_id="user", menu_options=list(FORMS))

    async def async_step_reconfigure(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the address, and ask what to change."""
        subentry = self._get_reconfigure_subentry()
        self._began = subentry.title, subentry.data
        self._title, self._data = subentry.title, dict(subentry.data)
        await self._async_find_url(self._data)
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["settings", "rotate", "revoke"],
            description_placeholders={"url": self._url},
        )

    async def async_step_settings(
        self, _user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the form of the webhook's use."""
        return await self._async_ask(use_of(self._data), None)

    async def async_step_production_control(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what runs when a production starts and stops."""
        return await self._async_ask(Use.PRODUCTION_CONTROL, user_input)

    async def async_step_stream_control(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what may be done in which studios."""
        return await self._async_ask(Use.STREAM_CONTROL, user_input)

    async def async_step_emergency_stop(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which studios are stopped."""
        return await self._async_ask(Use.EMERGENCY_STOP, user_input)

    async def async_step_custom(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for names of the user's own."""
        return await self._async_ask(Use.CUSTOM, user_input)

    async def _async_ask(self, use: Use, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Ask for what a use needs, and keep it, or go on to the key of a new webhook."""
        errors: dict[str, str] = {}
        shown = {CONF_NAME: self._title, **self._data} if user_input is None else user_input
        if user_input is not None:
            values, errors = checked_in(self.hass, use, user_input)
            fresh = {CONF_WEBHOOK_ID: webhook.async_generate_id(), **self._data, **values}
            if not errors and await self._async_find_url(fresh):
                errors = {CONF_REACH: "no_address"}
            if not errors:
                self._title = fresh.pop(CONF_NAME)
                self._data = fresh
                if self.source == SOURCE_USER:
                    return await self.async_step_sender()
                return await self._async_keep()
        return self.async_show_form(
            step_id=use,
            data_schema=self.add_suggested_values_to_schema(FORMS[use].schema, shown),
            errors=errors,
        )

    async def async_step_sender(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take the key of the sender, or make one."""
        return await self._async_take_key("sender", user_input, self._data, first_key)

    async def async_step_rotate(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take another key; the old one stays good for a day."""

        def keys(key: str) -> list[dict[str, Any]]:
            return rotated(self._data[CONF_KEYS], key, time.time())

        return await self._async_take_key("rotate", user_input, self._data, keys)

    async def async_step_revoke(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Make another address and take another key; the old ones are dead at once."""
        fresh = {**self._data, CONF_WEBHOOK_ID: webhook.async_generate_id()}
        return await self._async_take_key("revoke", user_input, fresh, first_key)

    async def _async_take_key(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        data: Mapping[str, Any],
        keys: Callable[[str], list[dict[str, Any]]],
    ) -> SubentryFlowResult:
        """Ask for a public key, and go on to show what the sender needs.

        Args:
            step_id: Of the form.
            user_input: What was filled in.
            data: Of the webhook that is to be.
            keys: Returns what that keeps, of the new key.

        """
        errors: dict[str, str] = {}
        if user_input is not None:
            key, errors = _key_of(user_input)
            if not errors and self._is_used(key):
                errors = {CONF_PUBLIC_KEY: "public_key_used"}
            if not errors and await self._async_find_url(data):
                errors = {"base": "no_address"}
            if not errors:
                self._data = {**data, CONF_KEYS: keys(key)}
                return await self.async_step_key()
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(KEY_SCHEMA, user_input or {}),
            errors=errors,
        )

    async def async_step_key(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show the address and the key, this once, and keep the webhook."""
        if user_input is None:
            return self.async_show_form(
                step_id="key",
                data_schema=probatio.Schema(
                    {
                        to_copy(CONF_URL, self._url): COPY,
                        to_copy(CONF_KEY, self._data[CONF_KEYS][0][CONF_KEY]): COPY,
                    }
                ),
            )
        if self._is_used(self._data[CONF_KEYS][0][CONF_KEY]):
            return self.async_abort(reason="changed_meanwhile")
        if self.source == SOURCE_USER:
            self._left_over = None
            return self.async_create_entry(title=self._title, data=self._data)
        return await self._async_keep()

    def _is_used(self, key: str) -> bool:
        """Tell whether another inbound webhook accepts a key.

        Signatures do not say for which webhook they are, and each one remembers its own requests:
        a recording of one would be good for the other.
        """
        mine = None
        if self.source != SOURCE_USER:
            mine = self._get_reconfigure_subentry().subentry_id
        now = time.time()
        return any(
            key in good_keys(other.data[CONF_KEYS], now)
            for other in self._get_entry().subentries.values()
            if CONF_WEBHOOK_ID in other.data and other.subentry_id != mine
        )

    @callback
    @override
    def async_remove(self) -> None:
        """Leave no address in the cloud for a webhook that nobody kept."""
        if self._left_over is not None and not self._is_kept(*self._left_over):
            self.hass.async_create_task(async_forget_cloudhook(self.hass, *self._left_over))

    async def _async_find_url(self, values: Mapping[str, Any]) -> bool:
        """Find the address to show, and return whether there is none."""
        webhook_id, reach = values[CONF_WEBHOOK_ID], values[CONF_REACH]
        try:
            self._url = await async_public_url(self.hass, webhook_id, reach)
        except HomeAssistantError:
            return True
        if not self._is_kept(webhook_id, reach):
            self._left_over = webhook_id, reach
        return False

    def _is_kept(self, webhook_id: str, reach: str) -> bool:
        """Tell whether a webhook has this address by now."""
        return any(
            (kept.data.get(CONF_WEBHOOK_ID), kept.data.get(CONF_REACH)) == (webhook_id, reach)
            for kept in self._get_entry().subentries.values()
        )

    async def _async_keep(self) -> SubentryFlowResult:
        """Change the webhook, and delete the cloud's address of the one that was."""
        subentry = self._get_reconfigure_subentry()
        if (subentry.title, subentry.data) != self._began:
            # What this dialog knows may be an address or a key that somebody revoked meanwhile.
            return self.async_abort(reason="changed_meanwhile")
        self._left_over = None
        was: tuple[str, str] = (subentry.data[CONF_WEBHOOK_ID], subentry.data[CONF_REACH])
        if was != (self._data[CONF_WEBHOOK_ID], self._data[CONF_REACH]):
            await async_forget_cloudhook(self.hass, *was)
        return self.async_update_and_abort(
            self._get_entry(), subentry, title=self._title, data=self._data
        )


def _key_of(values: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the key that a form has, or a new one, with what is wrong."""
    text = (values.get(CONF_PUBLIC_KEY) or "").strip()
    if not text:
        return new_secret(), {}
    try:
        # As it is written here: base64 of the same bytes can be spelled in several ways.
        return PublicKey.parse(text).text(), {}
    except WebhookError:
        # Typed by mistake, a private key must not be kept.
        return text, {CONF_PUBLIC_KEY: "public_key_invalid"}


def checked_in(
    hass: HomeAssistant, use: Use, user_input: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a use's form, and what is wrong by field."""
    form = FORMS[use]
    name = user_input[CONF_NAME].strip()
    values = {CONF_USE: use.value, **form.implied, **user_input, CONF_NAME: name}
    checks = {CONF_NAME: _given("name_missing"), **form.checks}
    errors = {key: error for key, check in checks.items() if (error := check(hass, values[key]))}
    return values, errors
