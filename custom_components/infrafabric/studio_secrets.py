"""How what nobody may see is kept out of the answers of actions.

The clients keep secrets out of what they return and raise. What leaves through an action ends in
traces and the database, so it is checked here once more, whatever a studio echoes.
"""

from collections.abc import Mapping
import json
import re
from typing import Any, Final, cast

from .studio.errors import InvalidError
from .studio.secrets import Json, redact, scrub_text
from .studio_coordinator import StudioCoordinator

_NO_FIELDS: Final[frozenset[str]] = frozenset()

_SECRET_REQUEST: Final = re.compile(
    r"streamservicesettings|outputsettings|streamingset|password|passphrase|streamkey",
    re.IGNORECASE,
)
"""Requests and functions that set or show where a stream goes, with its key."""


def scrub[T](value: T, secrets: frozenset[str]) -> T:
    """Return JSON without the given secrets, however they are written in it."""
    return cast("T", redact(cast("Json", value), secrets, _NO_FIELDS))


async def send_raw(studio: StudioCoordinator, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request as it is and return the answer without secrets.

    Traces and the database have the data of an action before anybody can refuse it. But no key
    gets to a studio this way, so nobody makes a habit of it.

    Raises:
        InvalidError: The request carries or reveals a key or a password.

    """
    secrets = studio.secrets
    sent = dict(data)
    if _SECRET_REQUEST.search(name) or _carries_secret(sent, secrets):
        raise InvalidError(
            "secret_request",
            "The request carries or reveals a stream key or a password.",
            request=scrub(name, secrets),
        )
    answer = await studio.client.raw(name, sent)
    return cast("dict[str, Any]", redact(cast("Json", answer), secrets))


def _carries_secret(sent: dict[str, Any], secrets: frozenset[str]) -> bool:
    """Tell whether a request has a field for a secret, or a known secret anywhere.

    An address with parameters is none by itself: sources of OBS are full of them.
    """
    text = json.dumps(sent, default=str).replace("://", ":")
    value = cast("Json", sent)
    return scrub_text(text, secrets) != text or redact(value) != redact(value, (), _NO_FIELDS)
