"""The part of a studio's options flow about destinations: where its streams may go."""

from collections.abc import Container, Mapping
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.const import (
    CONF_HOST,
    CONF_MODE,
    CONF_NAME,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_SERVICE,
    CONF_TOKEN,
    CONF_USERNAME,
    UnitOfTime,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_DESTINATIONS, CONF_KIND, KIND_VMIX
from .forms import TEXT, number_box, plain
from .studio.destination import (
    DEFAULT_SRT_LATENCY_MS,
    MAX_SRT_LATENCY_MS,
    MIN_SRT_LATENCY_MS,
    PRESETS,
    SRT_KEY_LENGTHS,
    Destination,
    Service,
    SrtMode,
)
from .studio.errors import InvalidError
from .studio.model import Feature, StudioState
from .studio_coordinator import StudioConfigEntry, stored_destinations, unreadable_destinations
from .studio_entity import MAX_NAME
from .studio_things import shortened

CONF_DESTINATION: Final = "destination"
CONF_KEY: Final = "key"
CONF_KEY_LENGTH: Final = "key_length"
CONF_LATENCY: Final = "latency_ms"
CONF_PASSPHRASE: Final = "passphrase"  # noqa: S105 - a name
CONF_SERVER: Final = "server"
CONF_STREAM_ID: Final = "stream_id"

SECRETS: Final = (CONF_KEY, CONF_PASSPHRASE, CONF_PASSWORD, CONF_STREAM_ID, CONF_TOKEN)
"""Fields that are never shown again; left empty, they stay as they are."""

SECRET: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
LATENCY: Final = number_box(MIN_SRT_LATENCY_MS, MAX_SRT_LATENCY_MS, UnitOfTime.MILLISECONDS)
SRT_MODE: Final = SelectSelector(
    SelectSelectorConfig(
        options=[mode.value for mode in SrtMode],
        translation_key="srt_mode",
        mode=SelectSelectorMode.LIST,
    )
)
AUTOMATIC: Final = "auto"
"""Lets SRT choose the length of the key."""
KEY_LENGTH: Final = SelectSelector(
    SelectSelectorConfig(
        options=[AUTOMATIC, *map(str, SRT_KEY_LENGTHS)],
        translation_key="srt_key_length",
        mode=SelectSelectorMode.DROPDOWN,
    )
)

PRESET_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TEXT,
        probatio.Optional(CONF_KEY): SECRET,
        probatio.Optional(CONF_SERVER): TEXT,
    }
)
RTMP_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TEXT,
        probatio.Required(CONF_SERVER): TEXT,
        probatio.Optional(CONF_KEY): SECRET,
        probatio.Optional(CONF_USERNAME): TEXT,
        probatio.Optional(CONF_PASSWORD): SECRET,
    }
)
SRT_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TEXT,
        probatio.Required(CONF_MODE, default=SrtMode.CALLER.value): SRT_MODE,
        probatio.Optional(CONF_HOST): TEXT,
        probatio.Required(CONF_PORT): cv.port,
        probatio.Required(CONF_LATENCY, default=DEFAULT_SRT_LATENCY_MS): LATENCY,
        probatio.Optional(CONF_PASSPHRASE): SECRET,
        probatio.Required(CONF_KEY_LENGTH, default=AUTOMATIC): KEY_LENGTH,
        probatio.Optional(CONF_STREAM_ID): SECRET,
    }
)
WHIP_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TEXT,
        probatio.Required(CONF_SERVER): TEXT,
        probatio.Optional(CONF_TOKEN): SECRET,
    }
)

FORMS: Final[Mapping[Service, tuple[str, probatio.Schema]]] = {
    **dict.fromkeys(PRESETS, ("destination_preset", PRESET_SCHEMA)),
    Service.RTMP: ("destination_rtmp", RTMP_SCHEMA),
    Service.SRT: ("destination_srt", SRT_SCHEMA),
    Service.WHIP: ("destination_whip", WHIP_SCHEMA),
}
"""For each service: the step that asks what it needs, and its fields."""

DESTINATION_ERRORS: Final = frozenset(
    {
        "destination_address",
        "destination_choice",
        "destination_credentials",
        "destination_length",
        "destination_missing",
        "destination_range",
        "destination_scheme",
        "destination_text",
        "destination_unused",
    }
)
"""Codes that have their own text under ``options.error``."""
DETAILS: Final = ("choices", "error", "maximum", "minimum")
"""What texts of errors may ask for."""


class DestinationSteps(OptionsFlow):
    """Steps to store, change and forget where a studio may stream to."""

    config_entry: StudioConfigEntry

    _service: Service
    _editing: Destination | None = None

    @property
    def _state(self) -> StudioState | None:
        """What is known of the studio, or was known last."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return None
        return self.config_entry.runtime_data.state

    @property
    def _destinations(self) -> dict[str, Destination]:
        """The stored destinations by name."""
        return stored_destinations(self.config_entry)

    @property
    def _unreadable(self) -> dict[str, Mapping[str, Any]]:
        """What is stored of those that cannot be read, by what stands for each in a form."""
        stored = unreadable_destinations(self.config_entry)
        # No name begins with a space.
        return {f" {number}": values for number, values in enumerate(stored, 1)}

    async def async_step_destinations(
        self, _user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """List the destinations and offer what can be done with them."""
        destinations, unreadable = self._destinations, self._unreadable
        if not destinations and not unreadable:
            return self.async_show_menu(
                step_id="destinations_none",
                menu_options=["destination_add"],
                description_placeholders={"studio": plain(self.config_entry.title)},
            )
        listed = [
            f"- **{plain(name)}**: {plain(destination.public())}"
            for name, destination in destinations.items()
        ]
        shown = {"studio": plain(self.config_entry.title), "destinations": "\n".join(listed) or "–"}
        if unreadable:
            shown["unreadable"] = "\n".join(
                f"- **{plain(_name_of(values))}**" for values in unreadable.values()
            )
        return self.async_show_menu(
            step_id="destinations_unreadable" if unreadable else "destinations",
            menu_options=["destination_add", "destination_edit", "destination_remove"],
            description_placeholders=shown,
        )

    async_step_destinations_none = async_step_destinations
    async_step_destinations_unreadable = async_step_destinations

    async def async_step_destination_add(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose where to; the next step asks for what that needs."""
        if user_input is not None:
            self._service = Service(user_input[CONF_SERVICE])
            self._editing = None
            return await self.async_step_destination()
        selector = SelectSelector(
            SelectSelectorConfig(
                options=self._services(),
                translation_key="destination_service",
                mode=SelectSelectorMode.LIST,
            )
        )
        return self.async_show_form(
            step_id="destination_add",
            data_schema=probatio.Schema({probatio.Required(CONF_SERVICE): selector}),
            last_step=False,
        )

    def _services(self) -> list[str]:
        """Return the services that this studio can stream to."""
        missing: set[Service] = set()
        state = self._state
        if self.config_entry.data[CONF_KIND] == KIND_VMIX:
            # Its stream channels take RTMP only; SRT outputs are set up in vMix itself.
            missing = {Service.SRT, Service.WHIP}
        elif state is not None and Feature.WHIP not in state.features:
            missing = {Service.WHIP}
        return [service.value for service in Service if service not in missing]

    async def async_step_destination_edit(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose the destination to change."""
        if user_input is not None:
            self._editing = self._destinations[user_input[CONF_DESTINATION]]
            self._service = self._editing.service
            return await self.async_step_destination()
        if not self._destinations:
            # Those that cannot be read cannot be changed.
            return await self.async_step_destinations()
        return self.async_show_form(
            step_id="destination_edit",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_DESTINATION): self._selector(multiple=False)}
            ),
            last_step=False,
        )

    async def async_step_destination(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what the service needs."""
        step_id, schema = FORMS[self._service]
        editing = self._editing
        values: Mapping[str, Any] = {CONF_NAME: _title(self._service)}
        if editing is not None:
            values = _shown(editing.as_mapping())
        errors: dict[str, str] = {}
        shown = dict.fromkeys(DETAILS, "")
        if user_input is not None:
            try:
                made = Destination.from_mapping(self._completed(user_input))
            except InvalidError as err:
                errors, details = _failure(err, schema)
                shown |= details
            else:
                kept = self._destinations
                taken = kept.keys() | {_name_of(values) for values in self._unreadable.values()}
                if editing is not None:
                    kept.pop(editing.name, None)
                    taken -= {editing.name}
                if made.name not in taken:
                    return self._save([*kept.values(), made])
                errors[CONF_NAME] = "destination_name_taken"
            values = user_input
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders=shown | {"service": _title(self._service)},
        )

    async_step_destination_preset = async_step_destination
    async_step_destination_rtmp = async_step_destination
    async_step_destination_srt = async_step_destination
    async_step_destination_whip = async_step_destination

    def _completed(self, user_input: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was typed with the service, and the secrets that were left as they are."""
        values = {**user_input, CONF_SERVICE: self._service.value}
        if (length := values.pop(CONF_KEY_LENGTH, AUTOMATIC)) != AUTOMATIC:
            values[CONF_KEY_LENGTH] = int(length)
        if self._editing is not None:
            stored = self._editing.as_mapping()
            for field in SECRETS:
                # A password goes with the user name that was taken away.
                if field == CONF_PASSWORD and not values.get(CONF_USERNAME):
                    continue
                # Only who calls sends a stream id.
                if field == CONF_STREAM_ID and values.get(CONF_MODE) == SrtMode.LISTENER:
                    continue
                if field in stored and not values.get(field):
                    values[field] = stored[field]
        return values

    async def async_step_destination_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Forget destinations and their keys."""
        if user_input is not None:
            gone = user_input[CONF_DESTINATIONS]
            return self._save(
                [known for name, known in self._destinations.items() if name not in gone],
                forgotten=gone,
            )
        return self.async_show_form(
            step_id="destination_remove",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_DESTINATIONS): self._selector(multiple=True)}
            ),
        )

    def _selector(self, *, multiple: bool) -> SelectSelector:
        options = [
            SelectOptionDict(value=name, label=f"{name} ({destination.public()})")
            for name, destination in self._destinations.items()
        ]
        if multiple:
            options += [
                SelectOptionDict(value=key, label=f"{_name_of(values)} (?)")
                for key, values in self._unreadable.items()
            ]
        return SelectSelector(
            SelectSelectorConfig(options=options, multiple=multiple, mode=SelectSelectorMode.LIST)
        )

    def _save(
        self, destinations: list[Destination], forgotten: Container[str] = ()
    ) -> ConfigFlowResult:
        unreadable = [
            dict(values) for key, values in self._unreadable.items() if key not in forgotten
        ]
        return self.async_create_entry(
            data={
                **self.config_entry.options,
                CONF_DESTINATIONS: [
                    *(destination.as_mapping() for destination in destinations),
                    *unreadable,
                ],
            }
        )


def _title(service: Service) -> str:
    """Return a service's name as people write it."""
    preset = PRESETS.get(service)
    return service.value.upper() if preset is None else preset.title


def _name_of(values: Mapping[str, Any]) -> str:
    """Return what a stored destination that cannot be read is called; it may have no name."""
    name = values.get(CONF_NAME)
    return shortened(name, MAX_NAME) if isinstance(name, str) and name.strip() else "?"


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form shows of a stored destination."""
    shown = {key: value for key, value in values.items() if key not in SECRETS}
    # What is chosen from a list is a text.
    if CONF_KEY_LENGTH in shown:
        shown[CONF_KEY_LENGTH] = str(shown[CONF_KEY_LENGTH])
    return shown


def _failure(err: InvalidError, schema: probatio.Schema) -> tuple[dict[str, str], dict[str, str]]:
    """Return the error of a form for *err*, and values for its text."""
    field = err.details.get("field", "")
    known = field in {str(marker) for marker in schema.schema}
    text = err.code if known and err.code in DESTINATION_ERRORS else "destination_invalid"
    details = {key: value for key, value in err.details.items() if key in DETAILS}
    return {field if known else "base": text}, {**details, "error": str(err)}
