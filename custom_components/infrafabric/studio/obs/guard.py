"""Which requests may be sent as they are, and what is taken out of their answers.

What an action gets and returns is written to Home Assistant's database and traces, so a request
that carries or reveals a key is refused, and any other answer is searched for what looks like one.
"""

from collections.abc import Iterable, Mapping
import re
from typing import Any, Final

import orjson

from ..errors import InvalidError
from ..secrets import MASK, SECRET_FIELDS, Json, hidden_in_address, redact

MAX_NAME: Final = 128
MAX_DATA_DEPTH: Final = 16

_REFUSED: Final[Mapping[str, str]] = {
    "GetStreamServiceSettings": "it returns the stream key",
    "SetStreamServiceSettings": "it carries the stream key; choose a stored destination instead",
    "GetPersistentData": "plugins keep secrets there",
    "SetPersistentData": "plugins keep secrets there",
    "SetOutputSettings": "it may carry a stream key",
    "GetOutputSettings": "it may return a stream key",
    "Sleep": "it works in batches only",
}
"""By the request's name."""
_SECRET_PARAMETERS: Final = re.compile(
    r"key|token|password|passwd|secret|passphrase|cookie|auth|url|server|user", re.IGNORECASE
)
"""Names of profile parameters that are never read or written."""
_SECRET_CATEGORIES: Final = frozenset({"auth", "obswebsocket", "twitch", "youtube", "restream"})
_SECRET_NAMES: Final = frozenset(re.sub(r"[^a-z0-9]", "", name) for name in SECRET_FIELDS)


def check(name: str, data: Mapping[str, Any]) -> None:
    """Check that a request may be sent.

    Raises:
        InvalidError: It carries or reveals a secret (``secret_request``), or is no request
            (``invalid_value``).

    """
    if not re.fullmatch(rf"[A-Za-z0-9]{{1,{MAX_NAME}}}", name):
        raise InvalidError("invalid_value", "That is no name of a request.", name="request")
    reason = _REFUSED.get(name) or _parameter(name, data)
    if reason is None and _carries_secret(data, 0):
        reason = "its data has a field for a secret, or an address that carries one"
    if reason is not None:
        raise InvalidError(
            "secret_request",
            f"The request {name} is not sent from here: {reason}.",
            name=name,
            reason=reason,
        )
    try:
        orjson.dumps(data)
    except TypeError:
        raise InvalidError(
            "invalid_value", "The data of the request is no JSON.", name="data"
        ) from None


def clean(data: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """Return an answer without what looks like a secret."""
    cleaned = redact(dict(data), secrets)
    return _without_tails(cleaned) if isinstance(cleaned, dict) else {}


def _parameter(name: str, data: Mapping[str, Any]) -> str | None:
    if name not in {"GetProfileParameter", "SetProfileParameter"}:
        return None
    category, parameter = data.get("parameterCategory"), data.get("parameterName")
    if isinstance(category, str) and category.strip().lower() in _SECRET_CATEGORIES:
        return "that part of the profile holds log-ins"
    if isinstance(parameter, str) and _SECRET_PARAMETERS.search(parameter):
        return "that parameter of the profile may hold a secret"
    return None


def _carries_secret(value: Any, depth: int) -> bool:
    if depth > MAX_DATA_DEPTH:
        return True
    if isinstance(value, Mapping):
        return any(
            (_plain(name) in _SECRET_NAMES and item not in ("", None))
            or _carries_secret(item, depth + 1)
            for name, item in value.items()
        )
    if isinstance(value, list | tuple):
        return any(_carries_secret(item, depth + 1) for item in value)
    return isinstance(value, str) and "://" in value and _address_carries_secret(value)


def _plain(name: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _address_carries_secret(address: str) -> bool:
    scheme, _, rest = address.partition("://")
    if scheme.lower() in {"http", "https", "file"}:
        # A page may be shown; a log-in or a token in its address may not be typed here.
        host, _, path = rest.partition("/")
        return "@" in host or bool(hidden_in_address(f"{scheme}://host/?{path.partition('?')[2]}"))
    return bool(hidden_in_address(address))


_ADDRESS: Final = re.compile(r"https?://[^\s\"'<>]*")
_TAIL: Final = re.compile(r"[?#].*", re.DOTALL)


def _without_tails(value: Json) -> Any:
    """Cut parameters off web addresses: sources that show a page carry their tokens there."""
    if isinstance(value, dict):
        return {name: _without_tails(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_tails(item) for item in value]
    if not isinstance(value, str):
        return value
    return _ADDRESS.sub(lambda found: _TAIL.sub(f"?{MASK}", found[0]), value)
