"""What a raw function may be: nothing that carries a key, and nothing that is two requests."""

from collections.abc import Mapping
import re
from typing import Any, Final

from ..errors import InvalidError
from .functions import Call, is_name

_MAX_PARAMETERS: Final = 16
"""Parameters of one raw function; no function of vMix has more than a few."""
_MAX_VALUE: Final = 10_000
"""Characters of one parameter."""
_MAX_QUERY: Final = 100_000
"""Characters of all of them, URL-encoded."""

_SECRET: Final = re.compile(r"streamingset|password|passphrase|streamkey", re.IGNORECASE)


def _invalid(text: str, name: str) -> InvalidError:
    return InvalidError("invalid_value", text, name=name)


def raw_call(name: str, data: Mapping[str, Any] | None) -> Call:
    """Return a checked call.

    Raises:
        InvalidError: The name or a parameter is none, or it would carry a stream key or a
            password (also inside the text of a script).

    """
    if not is_name(name):
        raise _invalid("A function's name has letters and digits only.", "function")
    parameters: dict[str, str | int] = {}
    for key, value in (data or {}).items():
        if not isinstance(key, str) or not is_name(key) or key.lower() == "function":
            raise _invalid("A parameter's name has letters and digits only.", "data")
        if isinstance(value, bool):
            value = str(value)  # noqa: PLW2901  # as vMix writes it: True, False
        if not isinstance(value, str | int | float):
            raise _invalid("A parameter is a text or a number.", key)
        parameters[key] = str(value)
    texts = [str(value) for value in parameters.values()]
    if len(parameters) > _MAX_PARAMETERS or any(len(text) > _MAX_VALUE for text in texts):
        raise _invalid("There are too many parameters, or one is too long.", "data")
    if any(_SECRET.search(text) for text in (name, *parameters, *texts)):
        raise InvalidError(
            "secret_request",
            f"{name} carries a key or a password. Set a destination instead.",
            request=name,
        )
    call = Call(name, parameters)
    if len(call.query()) > _MAX_QUERY:
        raise _invalid("The parameters are too long together.", "data")
    return call
