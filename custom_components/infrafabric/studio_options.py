"""Options flow of a studio: what gets entities, and where streams may go."""

from collections.abc import Mapping
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import (
    CONF_AUDIO_CHANNELS,
    CONF_AUDIO_METERS,
    CONF_KIND,
    CONF_POLL_INTERVAL,
    CONF_SCENE_ITEMS,
    CONF_SCENES,
    ITEM_MODES,
    ITEMS_CHOSEN,
    KIND_VMIX,
)
from .destination_options import DestinationSteps
from .forms import number_box, plain
from .studio.api import MAX_POLL_INTERVAL, MIN_POLL_INTERVAL
from .studio_coordinator import COMMON_CHANNELS, OPTION_DEFAULTS

INTERVAL: Final = number_box(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL, UnitOfTime.SECONDS, step=0.5)
ITEMS: Final = SelectSelector(
    SelectSelectorConfig(
        options=ITEM_MODES, translation_key="scene_items", mode=SelectSelectorMode.LIST
    )
)


class StudioOptionsFlow(DestinationSteps):
    """What *Configure* offers for a studio."""

    async def async_step_init(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer what can be chosen."""
        return self.async_show_menu(
            step_id="studio",
            menu_options=["studio_settings", "destinations"],
            description_placeholders={"studio": plain(self.config_entry.title)},
        )

    async_step_studio = async_step_init

    @property
    def _choices(self) -> dict[str, Any]:
        return {**OPTION_DEFAULTS, **self.config_entry.options}

    async def async_step_studio_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change what gets entities, and how often the studio is asked."""
        values = self._choices
        errors: dict[str, str] = {}
        step_id, fields = self._settings()
        if user_input is not None:
            chosen = {CONF_AUDIO_CHANNELS: [], CONF_SCENES: [], **user_input}
            if chosen.get(CONF_SCENE_ITEMS) == ITEMS_CHOSEN and not chosen[CONF_SCENES]:
                errors[CONF_SCENES] = "no_scene_chosen"
            else:
                # The entry's update listener applies it.
                return self.async_create_entry(data=values | self._with_absent(chosen, fields))
            values = chosen
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(probatio.Schema(fields), values),
            errors=errors,
            description_placeholders={"studio": plain(self.config_entry.title)},
        )

    async_step_obs_settings = async_step_studio_settings
    async_step_vmix_settings = async_step_studio_settings
    async_step_away_settings = async_step_studio_settings

    def _settings(self) -> tuple[str, dict[Any, Any]]:
        """Return the step and the fields that fit what is known of the studio."""
        fields: dict[Any, Any] = {probatio.Required(CONF_POLL_INTERVAL): INTERVAL}
        if (state := self._state) is None:
            # Never connected since Home Assistant started: nobody knows what there is to choose.
            return "away_settings", fields
        fields[probatio.Optional(CONF_AUDIO_CHANNELS)] = _choice_of(
            {
                channel.key: channel.name
                for channel in state.audio.values()
                if not channel.key.startswith(COMMON_CHANNELS)
            }
        )
        fields[probatio.Required(CONF_AUDIO_METERS)] = BooleanSelector()
        if self.config_entry.data[CONF_KIND] == KIND_VMIX:
            return "vmix_settings", fields
        fields[probatio.Required(CONF_SCENE_ITEMS)] = ITEMS
        fields[probatio.Optional(CONF_SCENES)] = _choice_of(
            {source.key: source.name for source in state.sources.values()}
        )
        return "obs_settings", fields

    def _with_absent(self, chosen: Mapping[str, Any], fields: dict[Any, Any]) -> dict[str, Any]:
        """Return what was chosen of the fields that were shown.

        What was chosen before and could not be shown, because another scene collection is open,
        stays chosen.
        """
        values: dict[str, Any] = {}
        for marker, selector in fields.items():
            field = str(marker)
            values[field] = chosen[field]
            if field in (CONF_AUDIO_CHANNELS, CONF_SCENES):
                offered = {option["value"] for option in selector.config["options"]}
                values[field] = [
                    *chosen[field],
                    *(key for key in self._choices[field] if key not in offered),
                ]
        return values


def _choice_of(names: Mapping[str, str]) -> SelectSelector:
    """Return a selector of some of the studio's parts, in its own order."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=key, label=name) for key, name in names.items()],
            multiple=True,
        )
    )
