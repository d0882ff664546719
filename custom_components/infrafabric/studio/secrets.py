"""Keeps stream keys and passwords out of what is logged, shown and returned.

Three ways, used together: by the name of a field, by the known values (in every way they may be
written), and by their place in an address.
"""

import base64
from collections.abc import Iterable
from html import escape
import json
import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, quote_plus, urlsplit

type Json = dict[str, Json] | list[Json] | str | int | float | bool | None
"""What JSON can hold."""

MASK: Final = "**REDACTED**"
"""What stands in place of a secret; Home Assistant's diagnostics write the same."""
SECRET_FIELDS: Final = frozenset(
    {
        "access_token",
        "api_key",
        "auth",
        "authentication",
        "authorization",
        "bearer_token",
        "client_secret",
        "credentials",
        "key",
        "passphrase",
        "password",
        "pwd",
        "refresh_token",
        "secret",
        "server_password",
        "stream_id",
        "stream_key",
        "token",
        "username",
    }
)
"""Fields whose values are masked, however their names are written ("streamKey", "stream-key")."""
ADDRESS_FIELDS: Final = frozenset({"server"})
"""Fields of which only ``public_address`` is shown: WHIP servers have keys in their paths."""
MAX_DEPTH: Final = 64
"""Levels of JSON; what lies deeper is masked as a whole."""

_SHORT: Final = 4
_WORD: Final = re.compile(r"[a-z]{1,11}|[A-Z]{1,11}|[A-Z][a-z]{1,10}")
"""Secrets that are short or may be a word ("stream", as a key at home) are masked only where they
stand alone, and not in names of fields: holes within other words would say what it is."""
_MIN_HIDDEN: Final = 6
"""Characters from which a part of an address counts as a secret: "1" in "backup=1" is none."""
_CUT: Final = "…"
"""What ``public_address`` leaves out."""
_PLAIN_PARAMETERS: Final = frozenset(
    {"latency", "mode", "pbkeylen", "pkt_size", "timeout", "transtype", "backup"}
)
"""Parameters of an address that open no door."""
_ADDRESS: Final = re.compile(
    r"(?:rtmp[a-z]{0,2}|srt|rist|https?|wss?|whips?)://[^\s\"'<>]+", re.IGNORECASE
)


def redact(
    value: Json,
    secrets: Iterable[str] = (),
    keys: frozenset[str] = SECRET_FIELDS,
) -> Json:
    """Return a copy of JSON without secrets.

    Args:
        value: An answer of a studio; nothing is assumed about it.
        secrets: Values that may be nowhere in it.
        keys: Names of fields to mask. Empty values stay, because they say that nothing is set.

    """
    return _redact(value, _known(secrets), frozenset(map(_plain, keys)), 0)


def scrub_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without the given secrets and without what addresses in it may hide.

    Masked in an address: user name and password, the values of its parameters, and the path of an
    ``rtmp://`` one after the application. Known values are masked raw, percent-encoded, as JSON,
    as XML and as base64, also in the middle of other base64.
    """
    return _scrub(text, *_known(secrets))


def public_address(address: str) -> str:
    """Return what may be shown of a server's address, whoever wrote it.

    Of RTMP the host and the application (the first part of the path); of SRT the host, the mode
    and the latency; of anything else the host alone, because WHIP servers have keys in their paths.
    """
    parts = _split(address)
    if parts is None or not parts.hostname:
        return _CUT
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}" + ("" if parts.port is None else f":{parts.port}")
    if parts.scheme in ("rtmp", "rtmps"):
        application, _, rest = parts.path.strip("/").partition("/")
        return shown + (f"/{application}" if application else "") + (f"/{_CUT}" if rest else "")
    if parts.scheme == "srt":
        query = parse_qs(parts.query)
        mode = query.get("mode", ["caller"])[-1]
        latency = query.get("latency", [""])[-1]
        said = [mode] if mode in {"caller", "listener", "rendezvous"} else []
        if re.fullmatch(r"[0-9]{1,12}", latency):
            said.append(f"{int(latency) // 1000} ms")
        return f"{shown} ({', '.join(said)})" if said else shown
    return shown


def hidden_in_address(address: str) -> frozenset[str]:
    """Return the parts of an address that may open a door: user info, path, parameters."""
    parts = _split(address)
    if parts is None:
        return frozenset({address})
    pieces = parts.path.strip("/").split("/")
    # The first part of an RTMP path is the application, which everybody may know.
    hidden = pieces[1:] if parts.scheme in ("rtmp", "rtmps") else pieces
    hidden = [piece for piece in hidden if not _WORD.fullmatch(piece)]
    hidden += [parts.username or "", parts.password or ""]
    hidden += [value for name, value in parse_qsl(parts.query) if name not in _PLAIN_PARAMETERS]
    return frozenset(value for value in hidden if len(value) >= _MIN_HIDDEN)


# -- by the name of a field -----------------------------------------------------------------------


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _redact(value: Json, known: _Known, keys: frozenset[str], depth: int) -> Json:
    if isinstance(value, str):
        return _scrub(value, known.everywhere, known.alone)
    if not isinstance(value, dict | list):
        return value
    if depth >= MAX_DEPTH:
        return MASK
    if isinstance(value, list):
        return [_redact(item, known, keys, depth + 1) for item in value]
    return {
        _scrub(name, known.everywhere): _field(name, item, known, keys, depth + 1)
        for name, item in value.items()
    }


def _field(name: str, value: Json, known: _Known, keys: frozenset[str], depth: int) -> Json:
    if _plain(name) in keys:
        return value if value is None or value == "" or isinstance(value, bool) else MASK
    if name.lower() in ADDRESS_FIELDS and isinstance(value, str) and "://" in value:
        value = public_address(value)
    return _redact(value, known, keys, depth)


# -- by value -------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """What finds the known secrets, in every way they may be written; None if there are none."""

    everywhere: re.Pattern[str] | None
    alone: re.Pattern[str] | None


def _known(secrets: Iterable[str]) -> _Known:
    found: tuple[set[str], set[str]] = (set(), set())
    for secret in (secrets,) if isinstance(secrets, str) else secrets:
        if not secret:
            continue
        spellings = _spellings(secret)
        if len(secret) < _SHORT or _WORD.fullmatch(secret):
            # As base64 it is no word any more.
            plain = {text for text in spellings if text == secret or len(text) < 2 * _SHORT}
            found[1].update(plain)
            spellings -= plain
        found[0].update(spellings)
    # The longest first, so that no end of one is left over.
    everywhere, alone = (
        "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
        for texts in found
    )
    return _Known(
        re.compile(everywhere) if everywhere else None,
        re.compile(rf"(?<!\w)(?:{alone})(?!\w)") if alone else None,
    )


def _spellings(secret: str) -> set[str]:
    raw = secret.encode(errors="surrogatepass")
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    found = {secret, json.dumps(secret)[1:-1], escape(secret), escape(secret, quote=False)}
    found |= quoted | {re.sub("%..", lambda code: code[0].lower(), text) for text in quoted}
    found |= _in_base64(raw)
    return found


def _in_base64(raw: bytes) -> set[str]:
    """Return the base64 of a secret, whatever stands before and after it in what was encoded."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        # Characters that also hold bits of a neighbour are left out.
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        found.add(encoded[first:last])
        if before == 0:
            found.add(encoded)
    found = {text for text in found if len(text) >= _SHORT}
    return found | {text.replace("+", "-").replace("/", "_") for text in found}


def _scrub(text: str, *patterns: re.Pattern[str] | None) -> str:
    for pattern in patterns:
        if pattern is not None:
            text = pattern.sub(MASK, text)
    return _ADDRESS.sub(lambda found: _scrub_address(found[0]), text) if "://" in text else text


# -- by place in an address -----------------------------------------------------------------------


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts


def _scrub_address(address: str) -> str:
    parts = _split(address)
    if parts is None:
        return MASK
    _, at, host = parts.netloc.rpartition("@")
    path = parts.path
    if parts.scheme.startswith("rtmp") and path:
        application, slash, rest = path.removeprefix("/").partition("/")
        path = f"/{application}{slash}{MASK if rest not in ('', _CUT) else rest}"
    query = "&".join(map(_scrub_parameter, parts.query.split("&"))) if parts.query else ""
    return (
        f"{parts.scheme}://{MASK + '@' if at else ''}{host}{path}"
        + (f"?{query}" if query else "")
        + (f"#{MASK}" if parts.fragment else "")
    )


def _scrub_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals:
        return MASK if len(name) >= _MIN_HIDDEN and name != MASK else name
    return parameter if not value or name in _PLAIN_PARAMETERS else f"{name}={MASK}"
