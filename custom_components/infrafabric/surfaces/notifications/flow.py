"""Adding and changing a notification rule."""

from collections.abc import Mapping
from typing import Any, Final

import probatio

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TargetSelector,
    TargetSelectorConfig,
)

from ...const import DOMAIN
from ...forms import TEXT, number_box
from .recipients import is_peer
from .rules import (
    CONF_BUTTONS,
    CONF_DASHBOARD,
    CONF_GROUP,
    CONF_LOSS,
    CONF_NOTIFY_ENTITIES,
    CONF_OCCASIONS,
    CONF_PHONES,
    CONF_PRIORITY,
    CONF_QUIET_TIME,
    CONF_RTT,
    CONF_TAG,
    CONF_TARGETS,
    CONF_USERS,
    DEFAULT_LOSS,
    DEFAULT_QUIET_TIME,
    DEFAULT_RTT,
    SECTION_BUTTONS,
    SECTION_LIMITS,
    SECTION_LOOK,
    Button,
    Priority,
    What,
)

MAX_TAG: Final = 64
"""Characters of a tag or a group; iOS takes 64 bytes."""
MAX_QUIET_TIME: Final = 1440
"""Minutes; a day."""
MAX_RTT: Final = 10_000
"""Milliseconds."""

OCCASIONS: Final = SelectSelector(
    SelectSelectorConfig(
        options=list(What),
        multiple=True,
        translation_key="occasion",
        mode=SelectSelectorMode.LIST,
    )
)
TARGETS: Final = TargetSelector(
    TargetSelectorConfig(device=[{"integration": DOMAIN}], entity=[{"integration": DOMAIN}])
)
NOTIFY_ENTITIES: Final = EntitySelector(
    EntitySelectorConfig(filter=[{"domain": ["notify"]}], multiple=True)
)
PHONES: Final = DeviceSelector(
    DeviceSelectorConfig(filter=[{"integration": "mobile_app"}], multiple=True)
)
BUTTONS: Final = SelectSelector(
    SelectSelectorConfig(
        options=[button.key for button in Button],
        multiple=True,
        translation_key="notification_button",
        mode=SelectSelectorMode.LIST,
    )
)
PRIORITY: Final = SelectSelector(
    SelectSelectorConfig(options=list(Priority), translation_key="notification_priority")
)
QUIET_TIME: Final = number_box(0, MAX_QUIET_TIME, "min")
RTT: Final = number_box(1, MAX_RTT, "ms")
LOSS: Final = number_box(1, 100, "%")


class RuleFlow(ConfigSubentryFlow):
    """Ask for a rule, or for another one in its place."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show the form, with the rule as it is, and keep what comes back."""
        errors: dict[str, str] = {}
        values: Mapping[str, Any] = {}
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            values = {CONF_NAME: subentry.title, **subentry.data}
        if user_input is not None:
            values = user_input
            data, errors = checked_rule(user_input)
            if not errors and self._tells_only_peers(data):
                errors[CONF_NOTIFY_ENTITIES] = "only_peers_told"
            if not errors:
                return self._keep(data.pop(CONF_NAME), data)
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(await self._async_schema(), values),
            errors=errors,
        )

    async_step_reconfigure = async_step_user

    def _tells_only_peers(self, data: Mapping[str, Any]) -> bool:
        """Tell whether messages of peers would reach nobody, because peers are not told of them."""
        return (
            What.PEER_MESSAGE in data[CONF_OCCASIONS]
            and not data[CONF_PHONES]
            and all(is_peer(self.hass, each) for each in data[CONF_NOTIFY_ENTITIES])
        )

    def _keep(self, title: str, data: Mapping[str, Any]) -> SubentryFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(), self._get_reconfigure_subentry(), title=title, data=data
            )
        return self.async_create_entry(title=title, data=data)

    async def _async_schema(self) -> probatio.Schema:
        """Return the form; who may press is chosen among the users there are."""
        users = [
            SelectOptionDict(value=user.id, label=user.name or user.id)
            for user in await self.hass.auth.async_get_users()
            if user.is_active and not user.system_generated
        ]
        user = SelectSelector(SelectSelectorConfig(options=users, multiple=True))
        return probatio.Schema(
            {
                probatio.Required(CONF_NAME): TEXT,
                probatio.Required(CONF_OCCASIONS, default=list): OCCASIONS,
                probatio.Optional(CONF_TARGETS): TARGETS,
                probatio.Optional(CONF_NOTIFY_ENTITIES, default=list): NOTIFY_ENTITIES,
                probatio.Optional(CONF_PHONES, default=list): PHONES,
                probatio.Required(SECTION_BUTTONS): section(
                    probatio.Schema(
                        {
                            probatio.Optional(CONF_BUTTONS, default=list): BUTTONS,
                            probatio.Optional(CONF_USERS, default=list): user,
                            probatio.Required(CONF_DASHBOARD, default="/"): TEXT,
                        }
                    ),
                    {"collapsed": True},
                ),
                probatio.Required(SECTION_LOOK): section(
                    probatio.Schema(
                        {
                            probatio.Optional(CONF_TAG): TEXT,
                            probatio.Optional(CONF_GROUP): TEXT,
                            probatio.Required(CONF_PRIORITY, default=Priority.NORMAL): PRIORITY,
                        }
                    ),
                    {"collapsed": True},
                ),
                probatio.Required(SECTION_LIMITS): section(
                    probatio.Schema(
                        {
                            probatio.Required(
                                CONF_QUIET_TIME, default=DEFAULT_QUIET_TIME
                            ): QUIET_TIME,
                            probatio.Required(CONF_RTT, default=DEFAULT_RTT): RTT,
                            probatio.Required(CONF_LOSS, default=DEFAULT_LOSS): LOSS,
                        }
                    ),
                    {"collapsed": True},
                ),
            }
        )


def checked_rule(user_input: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a rule as it is stored, with its name, and what is wrong by field."""
    errors: dict[str, str] = {}
    buttons, look = dict(user_input[SECTION_BUTTONS]), dict(user_input[SECTION_LOOK])
    name = user_input[CONF_NAME].strip()
    if not name:
        errors[CONF_NAME] = "name_missing"
    if not user_input[CONF_OCCASIONS]:
        errors[CONF_OCCASIONS] = "occasion_missing"
    if not user_input[CONF_NOTIFY_ENTITIES] and not user_input[CONF_PHONES]:
        errors[CONF_NOTIFY_ENTITIES] = "nobody_told"
    acting = {button.key for button in Button if button.acts}
    if acting.intersection(buttons[CONF_BUTTONS]) and not buttons[CONF_USERS]:
        # The frontend shows no error inside of a section that is closed.
        errors["base"] = "nobody_may_press"
    elif not is_path(buttons[CONF_DASHBOARD]):
        errors["base"] = "dashboard_not_local"
    for field in (CONF_TAG, CONF_GROUP):
        text = look.pop(field, "").strip()
        if len(text.encode()) > MAX_TAG:
            errors["base"] = "tag_too_long"
        elif text:
            look[field] = text
    data = {**user_input, CONF_NAME: name, SECTION_BUTTONS: buttons, SECTION_LOOK: look}
    return data, errors


def is_path(path: str) -> bool:
    """Tell whether a phone opens *path* in this Home Assistant and nowhere else."""
    return path.startswith("/") and not path.startswith("//") and "\\" not in path
