"""Strict encodings: one text for one value, so that nothing signed has two spellings.

Hashes and nonces are lower-case hexadecimal, keys and signatures canonical base64 (RFC 4648
section 4, padded), ids lower-case base32 (section 6) without padding, and JSON follows
RFC 8785 (JCS). Decoders refuse every other spelling.
"""

import base64
import binascii
import re
from typing import Any, Final

import orjson
import rfc8785

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer that RFC 8785 (section 3.2.2.3, IEEE 754 doubles) represents exactly."""

MAX_DEPTH: Final = 64
"""Deepest nesting of JSON that is read or written; deeper input is refused."""

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")


def b64encode(data: bytes) -> str:
    """Return *data* as padded base64."""
    return base64.b64encode(data).decode("ascii")


def b64decode(text: object, size: int | None = None) -> bytes:
    """Return the bytes of canonical base64 *text*.

    Raises:
        ValueError: Not a string, not canonical base64, or not *size* bytes long.

    """
    if not isinstance(text, str):
        msg = "base64 must be a string"
        raise ValueError(msg)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        msg = "not base64"
        raise ValueError(msg) from err
    if b64encode(data) != text:
        msg = "base64 is not canonical"
        raise ValueError(msg)
    if size is not None and len(data) != size:
        msg = f"expected {size} bytes"
        raise ValueError(msg)
    return data


def hexdecode(text: object, size: int | None = None) -> bytes:
    """Return the bytes of lower-case hexadecimal *text*.

    Raises:
        ValueError: Not a string, not lower-case hexadecimal, or not *size* bytes long.

    """
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        msg = "not lower-case hexadecimal"
        raise ValueError(msg)
    if size is not None and len(text) != 2 * size:
        msg = f"expected {size} bytes"
        raise ValueError(msg)
    return bytes.fromhex(text)


def base32(data: bytes) -> str:
    """Return *data* as lower-case base32 without padding."""
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def is_plain(value: object, depth: int = 0) -> bool:
    """Tell whether orjson's sorted output of *value* is its RFC 8785 form, as it mostly is.

    True for ASCII keys (UTF-16 and UTF-8 order agree), no floats (ECMAScript writes them
    differently), integers a double holds exactly, and no exotic types.

    Args:
        value: What is to be written.
        depth: How deep inside another value it stands.

    Raises:
        ValueError: *value* is nested deeper than ``MAX_DEPTH``.

    """
    if depth > MAX_DEPTH:
        msg = "nested too deeply"
        raise ValueError(msg)
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER  # type: ignore[operator]
    if kind is dict:
        # Every branch is walked, even after a False, because the depth check must see it all.
        plain = True
        for key, item in value.items():  # type: ignore[attr-defined]
            plain &= type(key) is str and key.isascii()
            plain &= is_plain(item, depth + 1)
        return plain
    if kind is list:
        plain = True
        for item in value:  # type: ignore[attr-defined]
            plain &= is_plain(item, depth + 1)
        return plain
    return False


def plain_json(value: Any, depth: int = 0) -> bytes | None:
    """Return the RFC 8785 bytes of *value* if it ``is_plain``, else None.

    Raises:
        ValueError: Nested deeper than ``MAX_DEPTH``, or a lone surrogate.

    """
    if not is_plain(value, depth):
        return None
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as err:
        msg = f"cannot be written as canonical JSON: {err}"
        raise ValueError(msg) from err


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 (JCS) bytes of *value*.

    Raises:
        ValueError: Not JSON: NaN, an integer beyond 2**53 - 1, a lone surrogate, a key that is
            not a string, an unknown type, or nesting deeper than ``MAX_DEPTH``.

    """
    plain = plain_json(value)
    if plain is not None:
        return plain
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as err:
        msg = f"cannot be written as canonical JSON: {err}"
        raise ValueError(msg) from err


def parse_json(data: bytes | str) -> Any:
    """Return the value of JSON *data*.

    Raises:
        ValueError: Not JSON, or not UTF-8.

    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as err:
        msg = f"not JSON: {err}"
        raise ValueError(msg) from err


def parse_canonical_json(data: bytes) -> Any:
    """Return the value of *data*, which must be its own RFC 8785 form.

    Duplicate keys, white space and other spellings are refused, so what was signed is the only
    way to write the value.

    Raises:
        ValueError: Not JSON, or not canonical.

    """
    value = parse_json(data)
    if canonical_json(value) != data:
        msg = "JSON is not in canonical form"
        raise ValueError(msg)
    return value
