"""Fields that several forms share, how they are checked, and how values are shown in texts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
import re
from typing import Any, Final
from urllib.parse import urlsplit

import probatio

from homeassistant.const import CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TemplateSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
    make_selector_config_schema,
)
from homeassistant.helpers.translation import async_get_translations

from .addresses import signaling_url
from .const import (
    CONF_CREDENTIAL,
    CONF_ICE_SERVERS,
    CONF_LOCAL_ADDRESSES,
    CONF_SIGNALING_URLS,
    DOMAIN,
    ICE_MODES,
)
from .languages import async_language
from .mesh.model import Role
from .mesh.trust.records import is_name

ROLES: Final = [role.value for role in Role]

EXPIRIES: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
"""How long an invitation may be open, by the key of its translation."""

SHOWN: Final = 2.0
"""Seconds that a progress step lasts at least. A browser asks to be told of its end only after it
shows the step; what ended before that, it would wait for until somebody closes the dialog."""

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~:@/])")


class _CopyConfig(TemplateSelectorConfig, total=False):
    preview: bool


class _CopySelector(TemplateSelector):
    """A text that is not to be edited, with a button that copies it.

    Of Home Assistant's fields only its code editor has such a button, also without HTTPS, and can
    be selected from while it is read-only; a text area is disabled then. There is nothing to try
    out in this text, so the editor gets no preview, which only its frontend knows.
    """

    CONFIG_SCHEMA = make_selector_config_schema({probatio.Optional("preview"): bool})

    def __init__(self) -> None:
        super().__init__(_CopyConfig(read_only=True, preview=False))


COPY: Final = _CopySelector()
"""Field of a text ``to_copy``."""
TEXT: Final = TextSelector()
TEXTS: Final = TextSelector(TextSelectorConfig(multiple=True))
LONG_TEXT: Final = TextSelector(TextSelectorConfig(multiline=True))
ROLE: Final = SelectSelector(SelectSelectorConfig(options=ROLES, translation_key="role"))
EXPIRY: Final = SelectSelector(
    SelectSelectorConfig(options=list(EXPIRIES), translation_key="expiry")
)
ICE: Final = SelectSelector(
    SelectSelectorConfig(options=ICE_MODES, translation_key="ice", mode=SelectSelectorMode.LIST)
)
ICE_SERVERS: Final = ObjectSelector(
    ObjectSelectorConfig(
        multiple=True,
        label_field=CONF_URL,
        description_field=CONF_USERNAME,
        translation_key="ice_server",
        fields={
            CONF_URL: ObjectSelectorField(required=True, selector=TextSelector()),
            CONF_USERNAME: ObjectSelectorField(selector=TextSelector()),
            CONF_CREDENTIAL: ObjectSelectorField(
                selector=TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
            ),
        },
    )
)


def number_box(lowest: float, highest: float, unit: str, *, step: float = 1) -> NumberSelector:
    """Return the field of a number that is typed, from *lowest* to *highest*."""
    return NumberSelector(
        NumberSelectorConfig(
            min=lowest,
            max=highest,
            step=step,
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )


def to_copy(name: str, text: str) -> probatio.Optional:
    """Return the key of a ``COPY`` field that shows a text."""
    return probatio.Optional(name, description={"suggested_value": text})


def name(text: str) -> str:
    """Return the name that *text* means.

    Raises:
        ValueError: Empty, more than 64 characters, or with control characters.

    """
    if not is_name(stripped := text.strip()):
        msg = "not a name"
        raise ValueError(msg)
    return stripped


def signaling_urls(texts: Iterable[str]) -> list[str]:
    """Return the signaling addresses that *texts* name.

    Raises:
        ValueError: One of them is no such address.

    """
    return list(dict.fromkeys(signaling_url(text) for text in texts if text.strip()))


def local_addresses(texts: Iterable[str]) -> list[str]:
    """Return the IP addresses in *texts*.

    Raises:
        ValueError: One of them is no IP address.

    """
    return list(dict.fromkeys(str(ip_address(text.strip())) for text in texts if text.strip()))


def ice_servers(servers: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return STUN and TURN servers without empty parts.

    Raises:
        ValueError: One has no such URL, or is a TURN server without a user name and password.

    """
    return [_ice_server(server) for server in servers]


def _ice_server(server: Mapping[str, str]) -> dict[str, str]:
    kept = {
        key: value.strip()
        for key in (CONF_URL, CONF_USERNAME, CONF_CREDENTIAL)
        if (value := server.get(key)) and value.strip()
    }
    scheme, _, host = kept.get(CONF_URL, "").partition(":")
    if scheme not in ("stun", "turn", "turns") or host.startswith("/"):
        msg = "not the URL of a STUN or TURN server"
        raise ValueError(msg)
    # RFC 7064 and RFC 7065 have no slashes; with them the standard parser finds host and port,
    # and says so when the port is not one.
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.port == 0:
        msg = "no host"
        raise ValueError(msg)
    if scheme != "stun" and len(kept) != 3:  # noqa: PLR2004 - all three parts
        msg = "a TURN server needs a user name and a password"
        raise ValueError(msg)
    return kept


CHECKS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "mesh_name": (name, "name_invalid"),
    "node_name": (name, "name_invalid"),
    "name": (name, "name_invalid"),
    CONF_SIGNALING_URLS: (signaling_urls, "signaling_url_invalid"),
    CONF_LOCAL_ADDRESSES: (local_addresses, "local_address_invalid"),
    CONF_ICE_SERVERS: (ice_servers, "ice_server_invalid"),
}
"""For each field that needs it: what makes a value of the input, and the error if it cannot."""


def checked(user_input: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a form's fields and an error for each that is wrong."""
    values: dict[str, Any] = dict(user_input)
    errors: dict[str, str] = {}
    for field, (check, error) in CHECKS.items():
        if field in values:
            try:
                values[field] = check(values[field])
            except ValueError:
                errors[field] = error
    return values, errors


def plain(text: str) -> str:
    """Return *text* so that a form's Markdown shows it letter by letter.

    Names come from other people; none of them may become a link or an image.
    """
    return _MARKUP.sub(lambda match: f"&#{ord(match[1])};", text)


def bullets(urls: Iterable[str]) -> str:
    """Return addresses as a Markdown list; a dash when there are none."""
    return "\n".join(f"- `{url}`" for url in urls) or "–"


async def async_role_name(hass: HomeAssistant, role: Role) -> str:
    """Return a role in the language of who is looking."""
    texts = await async_get_translations(hass, await async_language(hass), "selector", [DOMAIN])
    return texts.get(f"component.{DOMAIN}.selector.role.options.{role.value}", role.value)


async def async_surfaces_name(hass: HomeAssistant) -> str:
    """Return the title of the entry for notifications and webhooks, in Home Assistant's language.

    It stays, and everybody sees it.
    """
    texts = await async_get_translations(hass, hass.config.language, "config", [DOMAIN])
    return texts[f"component.{DOMAIN}.config.step.user.menu_options.surfaces"]
