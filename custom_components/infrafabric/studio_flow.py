"""The part of the config flow about studios: adding and mending an OBS Studio or a vMix."""

from collections.abc import Mapping
import re
from typing import Any, Final
from uuid import uuid4

import probatio

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_SSL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import (
    CONF_HTTP_PASSWORD,
    CONF_HTTP_PORT,
    CONF_HTTP_USERNAME,
    CONF_KIND,
    CONF_STUDIO_ID,
    CONF_USE_HTTP,
    DEFAULT_OBS_PORT,
    DEFAULT_VMIX_HTTP_PORT,
    DEFAULT_VMIX_PORT,
    KIND_OBS,
    KIND_VMIX,
)
from .forms import TEXT, plain
from .studio.api import Identity
from .studio.errors import StudioError
from .studio.obs import probe_obs
from .studio.vmix import probe_vmix
from .studio_coordinator import StudioCoordinator

SECTION_HTTP: Final = "http"
SECTION_TLS: Final = "tls"

SECRET: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)

OBS_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_HOST): TEXT,
        probatio.Required(CONF_PORT, default=DEFAULT_OBS_PORT): cv.port,
        probatio.Optional(CONF_PASSWORD): SECRET,
        probatio.Required(SECTION_TLS): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_SSL, default=False): BooleanSelector(),
                    probatio.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
                }
            ),
            {"collapsed": True},
        ),
    }
)
VMIX_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_HOST): TEXT,
        probatio.Required(CONF_PORT, default=DEFAULT_VMIX_PORT): cv.port,
        probatio.Required(SECTION_HTTP): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_USE_HTTP, default=False): BooleanSelector(),
                    probatio.Required(CONF_HTTP_PORT, default=DEFAULT_VMIX_HTTP_PORT): cv.port,
                    probatio.Optional(CONF_HTTP_USERNAME): TEXT,
                    probatio.Optional(CONF_HTTP_PASSWORD): SECRET,
                }
            ),
            {"collapsed": True},
        ),
    }
)
REAUTH_OBS_SCHEMA: Final = probatio.Schema({probatio.Required(CONF_PASSWORD): SECRET})
REAUTH_VMIX_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(CONF_HTTP_USERNAME): TEXT,
        probatio.Optional(CONF_HTTP_PASSWORD): SECRET,
    }
)

_HOST: Final = re.compile(r"[^\s/@?#]+")

OBS_ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "studio_auth_failed": (CONF_PASSWORD, "studio_auth_failed"),
    "studio_auth_missing": (CONF_PASSWORD, "studio_auth_missing"),
    "studio_closed": ("base", "studio_closed"),
    "studio_kicked": ("base", "studio_kicked"),
    "studio_protocol": ("base", "studio_protocol"),
    "studio_refused_connection": ("base", "obs_refused_connection"),
    "studio_timeout": ("base", "studio_timeout"),
    "studio_tls": ("base", "studio_tls"),
    "studio_too_old": ("base", "studio_too_old"),
    "studio_unknown_host": (CONF_HOST, "studio_unknown_host"),
    "studio_wrong_port": (CONF_PORT, "obs_wrong_port"),
}
"""For each code of the library: the field that it is about, and the text under ``config.error``."""
VMIX_ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    **OBS_ERRORS,
    "studio_auth_failed": ("base", "vmix_auth_failed"),
    "studio_auth_missing": ("base", "vmix_auth_failed"),
    "studio_refused_connection": ("base", "vmix_refused_connection"),
    "studio_wrong_port": (CONF_PORT, "vmix_wrong_port"),
}

PLACEHOLDERS: Final = ("error", "found", "needed", "reason")
"""What texts of errors may ask for."""


class StudioSteps(ConfigFlow):
    """The steps about studios."""

    _values: dict[str, Any]
    """What was typed about the OBS that answered."""
    _identity: Identity
    """What it said of itself."""
    _known: dict[str, str]
    """What is shown of the entry that has the same id."""

    # -- add ----------------------------------------------------------------------------------

    async def async_step_obs(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect to an OBS Studio and make its entry."""
        values, errors, shown = _typed(user_input)
        if user_input is not None and not errors:
            try:
                identity = await _probe_obs(self.hass, values)
            except StudioError as err:
                errors, shown = _failure(err, OBS_ERRORS)
            else:
                return await self._async_found_obs(values, identity)
        return self._show("obs", OBS_SCHEMA, user_input, errors, shown)

    async def _async_found_obs(
        self, values: dict[str, Any], identity: Identity
    ) -> ConfigFlowResult:
        self._values, self._identity = values, identity
        # A dialog that was left open elsewhere must not stand in the way.
        entry = await self.async_set_unique_id(f"obs_{identity.id}", raise_on_progress=False)
        if entry is not None and _answers_elsewhere(entry, values):
            self._known = {"studio": plain(entry.title), "known": plain(_address(entry.data))}
            return await self.async_step_obs_known()
        return await self.async_step_obs_same()

    async def async_step_obs_known(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask about an OBS that is connected elsewhere at this moment, under the same id.

        Either it has two addresses, or its settings came from a copied computer or profile.
        """
        return self.async_show_menu(
            step_id="obs_known",
            menu_options=["obs_same", "obs_copy"],
            description_placeholders=self._known | {"typed": plain(_address(self._values))},
        )

    async def async_step_obs_same(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Follow an OBS that moved, or make the entry of a new one."""
        # The entry's update listener connects to the new address.
        self._abort_if_unique_id_configured(updates=self._values, reload_on_update=False)
        return self._create(self._identity, {CONF_KIND: KIND_OBS, **self._values})

    async def async_step_obs_copy(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give a copied OBS an id of its own and make its entry."""
        try:
            identity = await _probe_obs(self.hass, self._values, renew=True)
        except StudioError as err:
            errors, shown = _failure(err, OBS_ERRORS)
            return self._show("obs", OBS_SCHEMA, _nested(self._values), errors, shown)
        await self.async_set_unique_id(f"obs_{identity.id}", raise_on_progress=False)
        return self._create(identity, {CONF_KIND: KIND_OBS, **self._values})

    async def async_step_vmix(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect to a vMix and make its entry."""
        values, errors, shown = _typed(user_input)
        if user_input is not None and not errors:
            self._abort_if_same_vmix(values)
            try:
                identity = await _probe_vmix(self.hass, values)
            except StudioError as err:
                errors, shown = _failure(err, VMIX_ERRORS)
            else:
                # vMix has nowhere to keep an id, so its entry does.
                await self.async_set_unique_id(f"vmix_{uuid4()}")
                return self._create(identity, {CONF_KIND: KIND_VMIX, **values})
        return self._show("vmix", VMIX_SCHEMA, user_input, errors, shown)

    def _abort_if_same_vmix(self, values: Mapping[str, Any]) -> None:
        self._async_abort_entries_match(
            {CONF_KIND: KIND_VMIX, CONF_HOST: values[CONF_HOST], CONF_PORT: values[CONF_PORT]}
        )

    def _create(self, identity: Identity, data: dict[str, Any]) -> ConfigFlowResult:
        """Make the entry, named after the program unless another one has that name already."""
        title = identity.name
        if any(entry.title == title for entry in self._async_current_entries()):
            title = f"{title} ({data[CONF_HOST]})"
        return self.async_create_entry(
            title=title, data={**data, CONF_STUDIO_ID: self.unique_id}, options={}
        )

    # -- mend ---------------------------------------------------------------------------------

    async def async_step_reauth_obs(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the password that OBS has now."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        shown: dict[str, str] = {}
        if user_input is not None:
            values = {**entry.data, **user_input}
            errors, shown = await self._async_check_obs(entry, values)
            if not errors:
                return self._mended(entry, values)
        shown["studio"] = plain(entry.title)
        return self._show("reauth_obs", REAUTH_OBS_SCHEMA, user_input, errors, shown)

    async def async_step_reauth_vmix(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the user name and the password of vMix's HTTP API."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        shown: dict[str, str] = {}
        if user_input is not None:
            values = _without(entry.data, CONF_HTTP_USERNAME, CONF_HTTP_PASSWORD) | user_input
            try:
                await _probe_vmix(self.hass, values)
            except StudioError as err:
                errors, shown = _failure(err, VMIX_ERRORS)
            else:
                return self._mended(entry, values)
        shown["studio"] = plain(entry.title)
        known = {key: entry.data[key] for key in (CONF_HTTP_USERNAME,) if key in entry.data}
        return self._show("reauth_vmix", REAUTH_VMIX_SCHEMA, user_input or known, errors, shown)

    async def async_step_reconfigure_obs(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where and how OBS is reached."""
        entry = self._get_reconfigure_entry()
        values, errors, shown = _typed(user_input)
        if user_input is not None and not errors:
            values = _kept(entry) | values
            errors, shown = await self._async_check_obs(entry, values)
            if not errors:
                return self._mended(entry, values)
        return self._show(
            "reconfigure_obs",
            OBS_SCHEMA,
            user_input or _nested(entry.data),
            errors,
            shown | {"studio": plain(entry.title)},
        )

    async def async_step_reconfigure_vmix(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where and how vMix is reached."""
        entry = self._get_reconfigure_entry()
        values, errors, shown = _typed(user_input)
        if user_input is not None and not errors:
            self._abort_if_same_vmix(values)
            values = _kept(entry) | values
            try:
                await _probe_vmix(self.hass, values)
            except StudioError as err:
                errors, shown = _failure(err, VMIX_ERRORS)
            else:
                return self._mended(entry, values)
        return self._show(
            "reconfigure_vmix",
            VMIX_SCHEMA,
            user_input or _nested(entry.data),
            errors,
            shown | {"studio": plain(entry.title)},
        )

    async def _async_check_obs(
        self, entry: ConfigEntry[Any], values: Mapping[str, Any]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return what is wrong with new settings of a known OBS, and values for the text."""
        try:
            # Nothing is written into what may be somebody else's OBS.
            identity = await _probe_obs(self.hass, values, claim=False)
        except StudioError as err:
            return _failure(err, OBS_ERRORS)
        # One without an id was reset or installed anew; the client gives it back.
        if identity.id is not None and f"obs_{identity.id}" != entry.unique_id:
            return {"base": "another_obs"}, {}
        return {}, {}

    def _mended(self, entry: ConfigEntry[Any], data: dict[str, Any]) -> ConfigFlowResult:
        """Connect anew with *data*, even if it is the same: a wrong password ended the attempts."""
        unheard = data == entry.data or not entry.update_listeners
        result = self.async_update_and_abort(entry, data=data)
        if unheard:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    def _show(
        self,
        step_id: str,
        schema: probatio.Schema,
        values: Mapping[str, Any] | None,
        errors: dict[str, str],
        placeholders: Mapping[str, str],
    ) -> ConfigFlowResult:
        """Show a form with what was typed before, and what was wrong with it."""
        # An error about a field that this form has not would not be shown.
        errors = {
            field if field in schema.schema else "base": text for field, text in errors.items()
        }
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders={**dict.fromkeys(PLACEHOLDERS, ""), **placeholders},
        )


async def _probe_obs(
    hass: HomeAssistant, values: Mapping[str, Any], *, claim: bool = True, renew: bool = False
) -> Identity:
    return await probe_obs(
        async_get_clientsession(hass, verify_ssl=values[CONF_VERIFY_SSL]),
        values[CONF_HOST],
        values[CONF_PORT],
        values.get(CONF_PASSWORD),
        tls=values[CONF_SSL],
        claim=claim,
        renew=renew,
    )


async def _probe_vmix(hass: HomeAssistant, values: Mapping[str, Any]) -> Identity:
    return await probe_vmix(
        values[CONF_HOST],
        values[CONF_PORT],
        session=async_get_clientsession(hass),
        http_port=values[CONF_HTTP_PORT],
        use_http=values[CONF_USE_HTTP],
        http_username=values.get(CONF_HTTP_USERNAME),
        http_password=values.get(CONF_HTTP_PASSWORD),
    )


def _typed(
    user_input: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Return the fields of a form without its sections, what is wrong, and values for the text."""
    values: dict[str, Any] = {}
    for key, value in (user_input or {}).items():
        values |= value if isinstance(value, Mapping) else {key: value}
    if not values:
        return {}, {}, {}
    values[CONF_HOST] = values[CONF_HOST].strip().removeprefix("[").removesuffix("]")
    # One colon would be a port; several make an IPv6 address.
    if not _HOST.fullmatch(values[CONF_HOST]) or values[CONF_HOST].count(":") == 1:
        return values, {CONF_HOST: "host_invalid"}, {}
    return values, {}, {}


def _nested(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry's data as the forms have it; each form takes what it has fields for."""
    return {**data, SECTION_TLS: data, SECTION_HTTP: data}


def _without(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


def _kept(entry: ConfigEntry[Any]) -> dict[str, Any]:
    """Return what no form changes; a password that was cleared must not come back."""
    return {key: entry.data[key] for key in (CONF_KIND, CONF_STUDIO_ID)}


def _failure(
    err: StudioError, table: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the error of a form for *err*, and values for its text."""
    field, text = table.get(err.code, ("base", "studio_failed"))
    details = {key: value for key, value in err.details.items() if key in PLACEHOLDERS}
    return {field: text}, {**details, "error": str(err)}


def _answers_elsewhere(entry: ConfigEntry[Any], values: Mapping[str, Any]) -> bool:
    """Tell whether the studio of *entry* is connected at this moment at another address."""
    if entry.state is not ConfigEntryState.LOADED or _address(entry.data) == _address(values):
        return False
    coordinator: StudioCoordinator = entry.runtime_data
    return coordinator.available


def _address(data: Mapping[str, Any]) -> str:
    return f"{data[CONF_HOST]}:{data[CONF_PORT]}"
