"""Where a stream goes: the presets, RTMP, SRT and WHIP, checked before a studio hears of it.

A destination holds what opens the door (key, password, passphrase, stream id, token). None of it
is in its repr, in ``public`` or in the errors raised here.

How OBS takes them was measured with OBS 29.0.2 and libsrt 1.5.1:

* What it puts into the query of an ``srt://`` address it takes as it is, without decoding
  ``%XX``. So the stream id travels as ``key`` and the passphrase as ``password``, where no
  character has a meaning.
* Settings of the same service type are merged into those of before. So every field is written,
  an unused one as empty; otherwise the password of the last destination would stay.
* ``latency`` in that query counts microseconds, as in ffmpeg.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
import re
from typing import Any, Final, Self

from .checks import (
    AS_TYPED,
    check_host,
    check_range,
    check_server,
    check_size,
    check_text,
    choice,
    invalid,
    missing,
)
from .errors import UnsupportedError
from .secrets import hidden_in_address, public_address

MAX_NAME: Final = 64
"""Characters in the name of a destination."""
MAX_ADDRESS: Final = 1024
"""Characters in the address of a server; OBS reads no longer one."""
MAX_KEY: Final = 1024
"""Characters in a stream key, a user name, a password or a token."""
MIN_SRT_LATENCY_MS: Final = 20
MAX_SRT_LATENCY_MS: Final = 8000
DEFAULT_SRT_LATENCY_MS: Final = 120
"""Milliseconds in which SRT repairs a loss; also what SRT itself begins with."""
MIN_PASSPHRASE: Final = 10
MAX_PASSPHRASE: Final = 79
"""Bytes of UTF-8 in a passphrase (libsrt, SRTO_PASSPHRASE)."""
MAX_STREAM_ID: Final = 512
"""Bytes of UTF-8 in a stream id (libsrt, SRTO_STREAMID)."""
SRT_KEY_LENGTHS: Final = (16, 24, 32)
"""Bytes of the key that SRT derives from a passphrase (libsrt, SRTO_PBKEYLEN)."""

_ANYWHERE: Final = "0.0.0.0"  # noqa: S104  # where a listener listens on the studio's machine


class Service(StrEnum):
    """Which kind of server takes the stream."""

    TWITCH = "twitch"
    YOUTUBE = "youtube"
    FACEBOOK = "facebook"
    KICK = "kick"
    RTMP = "rtmp"
    """Any server, over RTMP or RTMPS."""
    SRT = "srt"
    WHIP = "whip"


class SrtMode(StrEnum):
    """Which end of an SRT connection the studio is."""

    CALLER = "caller"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is known of a service.

    Attributes:
        title: Its name as people write it.
        address: The server that takes streams from anywhere.
        obs_service: OBS's name for it (its services.json); None if OBS has none.
        obs_server: What OBS is told as the server of it; None means ``address``.

    """

    title: str
    address: str
    obs_service: str | None = None
    obs_server: str | None = None


PRESETS: Final[Mapping[Service, Preset]] = {
    Service.TWITCH: Preset(
        title="Twitch",
        address="rtmp://live.twitch.tv/app",
        obs_service="Twitch",
        obs_server="auto",
    ),
    Service.YOUTUBE: Preset(
        title="YouTube",
        address="rtmps://a.rtmps.youtube.com:443/live2",
        obs_service="YouTube - RTMPS",
    ),
    Service.FACEBOOK: Preset(
        title="Facebook",
        address="rtmps://rtmp-api.facebook.com:443/rtmp/",
        obs_service="Facebook Live",
    ),
    # OBS lists no Kick, up to 32: it gets the address that Kick shows in its dashboard.
    Service.KICK: Preset(
        title="Kick",
        address="rtmps://fa723fc1b171.global-contribute.live-video.net:443/app",
    ),
}
"""Services that need a key and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmixStream:
    """What vMix is told about a stream channel (StreamingSetURL and so on); "" clears a field."""

    server: str
    key: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a stream goes, with what opens the door.

    Attributes:
        name: What people call it, 1 to ``MAX_NAME`` characters.
        service: Which kind of server; says which of the other fields mean something.
        server: Address (``rtmp://``, ``rtmps://``; WHIP ``http://``, ``https://``). Needed by RTMP
            and WHIP; a preset uses its own unless one is given.
        key: Stream key; needed by the presets.
        username: For RTMP servers that ask for one; goes with ``password``.
        password: See ``username``.
        mode: SRT: whether the studio calls or waits to be called.
        host: SRT: who is called (caller), or on which address to listen (None: all).
        port: SRT: UDP port, 1 to 65535.
        latency_ms: SRT: ``MIN_SRT_LATENCY_MS`` to ``MAX_SRT_LATENCY_MS``; the larger one of both
            ends counts.
        passphrase: SRT: encrypts; both ends need the same, ``MIN_PASSPHRASE`` to
            ``MAX_PASSPHRASE`` bytes.
        key_length: SRT: one of ``SRT_KEY_LENGTHS``; None lets SRT choose. Needs a passphrase.
        stream_id: SRT caller: what the server tells streams by; often a key.
        token: WHIP: bearer token (RFC 9725, section 4.8).

    """

    name: str
    service: Service
    server: str | None = None
    key: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    mode: SrtMode = SrtMode.CALLER
    host: str | None = None
    port: int | None = None
    latency_ms: int = DEFAULT_SRT_LATENCY_MS
    passphrase: str | None = field(default=None, repr=False)
    key_length: int | None = None
    stream_id: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Show what may be shown; an address may carry a key in its path or query."""
        return f"Destination(name={self.name!r}, {self.public()!r})"

    # -- making one -----------------------------------------------------------------------------

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return a checked destination from a form or from storage.

        Absent, None and "" mean the same. Blanks around a value are dropped, except in a password
        or passphrase. A number may come as a whole float, as forms give it.

        Raises:
            InvalidError: See ``check``.

        """
        known = {item.name for item in fields(cls)}
        for name in values.keys() - known:
            raise invalid("destination_unused", str(name)[:MAX_NAME], "is no field of it")
        given = {name: _read(name, value) for name, value in values.items()}
        given = {name: value for name, value in given.items() if value is not None}
        for name in ("name", "service"):
            if name not in given:
                raise missing(name)
        made = cls(**given)
        made.check()
        return made

    def as_mapping(self) -> dict[str, Any]:
        """Return what ``from_mapping`` takes, secrets included: for the config entry only."""
        used = {"name", "service"} | _FIELDS[self.service]
        return {
            item.name: str(value) if isinstance(value, StrEnum) else value
            for item in fields(self)
            if item.name in used and (value := getattr(self, item.name)) is not None
        }

    def check(self) -> None:
        """Check everything that can be checked without asking the server.

        Raises:
            InvalidError: ``details["field"]`` says which field it is about. Codes:
                ``destination_missing``, ``destination_unused``, ``destination_text`` (control
                characters, or not what this field may hold), ``destination_length`` (``minimum``,
                ``maximum``), ``destination_range`` (``minimum``, ``maximum``),
                ``destination_choice`` (``choices``), ``destination_scheme`` (``choices``),
                ``destination_address``, ``destination_credentials``.

        """
        check_text("name", self.name, MAX_NAME)
        used = {"name", "service"} | _FIELDS[self.service]
        for item in fields(self):
            if item.name not in used and getattr(self, item.name) != item.default:
                raise invalid(
                    "destination_unused",
                    item.name,
                    f"means nothing for a destination of the kind {self.service}: leave it empty",
                )
        for name, maximum in _TEXTS.items():
            if (value := getattr(self, name)) is not None:
                check_text(name, value, maximum)
        match self.service:
            case Service.SRT:
                self._check_srt()
            case Service.WHIP:
                check_server(self.server, ("https", "http"))
                # It travels in a header of HTTP.
                if self.token is not None and re.search(r"[^\x21-\x7e]", self.token):
                    raise invalid("destination_text", "token", "must be ASCII without blanks")
            case _:
                self._check_rtmp()

    def _check_rtmp(self) -> None:
        if self.service in PRESETS and self.key is None:
            raise missing("key")
        if self.service is Service.RTMP or self.server is not None:
            check_server(self.server, ("rtmp", "rtmps"))
        if self.username is None and self.password is not None:
            raise missing("username")
        if self.password is None and self.username is not None:
            raise missing("password")

    def _check_srt(self) -> None:
        if self.port is None:
            raise missing("port")
        check_range("port", self.port, 1, 65535)
        if self.host is not None:
            check_host("host", self.host)
        elif self.mode is SrtMode.CALLER:
            raise missing("host")
        check_range("latency_ms", self.latency_ms, MIN_SRT_LATENCY_MS, MAX_SRT_LATENCY_MS)
        if self.passphrase is not None:
            check_size("passphrase", self.passphrase, MIN_PASSPHRASE, MAX_PASSPHRASE)
        if self.key_length is not None:
            if self.key_length not in SRT_KEY_LENGTHS:
                raise choice("key_length", map(str, SRT_KEY_LENGTHS))
            if self.passphrase is None:
                raise missing("passphrase")
        if self.stream_id is not None:
            check_size("stream_id", self.stream_id, 1, MAX_STREAM_ID)
            if self.mode is SrtMode.LISTENER:
                raise invalid(
                    "destination_unused",
                    "stream_id",
                    "is sent by who calls: leave it empty when the studio listens",
                )

    # -- telling the studio -----------------------------------------------------------------------

    def obs_settings(self) -> tuple[str, dict[str, Any]]:
        """Return type and settings for OBS's SetStreamServiceSettings, secrets included.

        ``whip_custom`` exists from OBS 30 on (``Feature.WHIP``).
        """
        if self.service is Service.WHIP:
            return "whip_custom", {"server": self.server or "", "bearer_token": self.token or ""}
        preset = PRESETS.get(self.service)
        # OBS replaces a server that it does not list under Facebook; a custom one it takes as is.
        if preset is not None and preset.obs_service is not None and self.server is None:
            return "rtmp_common", {
                "service": preset.obs_service,
                "server": preset.obs_server or preset.address,
                "key": self.key or "",
            }
        if self.service is Service.SRT:
            server, key, username, password = (
                self.srt_address(),
                self.stream_id,
                "",
                self.passphrase,
            )
        else:
            server = self.address
            key, username, password = self.key, self.username or "", self.password
        return "rtmp_custom", {
            "server": server,
            "key": key or "",
            "use_auth": password is not None,
            "username": username,
            "password": password or "",
        }

    def vmix_settings(self) -> VmixStream:
        """Return what a stream channel of vMix is told, secrets included.

        The channel must be set to "Custom RTMP Server" in vMix: the API cannot choose that.

        Raises:
            UnsupportedError: SRT and WHIP. vMix sends SRT from its outputs, whose addresses only
                its own settings can change (the API starts and stops them).

        """
        if self.service in (Service.SRT, Service.WHIP):
            raise UnsupportedError(
                "unsupported",
                f"vMix cannot stream to {self.public()}: its stream channels take RTMP only. SRT "
                "outputs are set up in vMix itself and can then be started here.",
                what=self.service.upper(),
                version="vMix",
            )
        return VmixStream(
            server=self.address,
            key=self.key or "",
            username=self.username or "",
            password=self.password or "",
        )

    @property
    def address(self) -> str:
        """The address of the server as a studio without presets needs it; "" without one."""
        if self.service is Service.SRT:
            return self.srt_address()
        if self.server is not None:
            return self.server
        preset = PRESETS.get(self.service)
        return "" if preset is None else preset.address

    def srt_address(self) -> str:
        """Return the ``srt://`` address without stream id and passphrase."""
        host = self.host or _ANYWHERE
        query = f"mode={self.mode}&latency={self.latency_ms * 1000}"
        if self.key_length is not None:
            query += f"&pbkeylen={self.key_length}"
        return f"srt://{f'[{host}]' if ':' in host else host}:{self.port}?{query}"

    # -- telling people ---------------------------------------------------------------------------

    def public(self) -> str:
        """Return what may be shown: "Twitch", "rtmp://host/live", "srt://host:9 (caller, 120 ms)".

        Never a key, passphrase, stream id, token, user name or query.
        """
        preset = PRESETS.get(self.service)
        if preset is not None and self.server is None:
            return preset.title
        shown = public_address(self.address)
        return shown if preset is None else f"{preset.title} ({shown})"

    def secrets(self) -> frozenset[str]:
        """Return every value that nobody may see, as it is given (not encoded)."""
        found = {self.key, self.password, self.passphrase, self.stream_id, self.token}
        if self.service is not Service.SRT and self.server is not None:
            found |= hidden_in_address(self.server)
        return frozenset(value for value in found if value)


_FIELDS: Final[Mapping[Service, frozenset[str]]] = {
    **dict.fromkeys(PRESETS, frozenset({"server", "key"})),
    Service.RTMP: frozenset({"server", "key", "username", "password"}),
    Service.SRT: frozenset(
        {"mode", "host", "port", "latency_ms", "passphrase", "key_length", "stream_id"}
    ),
    Service.WHIP: frozenset({"server", "token"}),
}
"""Which fields mean something, besides name and service."""

_TEXTS: Final[Mapping[str, int]] = {
    "server": MAX_ADDRESS,
    "key": MAX_KEY,
    "username": MAX_KEY,
    "password": MAX_KEY,
    "host": MAX_ADDRESS,
    "passphrase": MAX_KEY,
    "stream_id": MAX_KEY,
    "token": MAX_KEY,
}
_NUMBERS: Final = {"port", "latency_ms", "key_length"}
_CHOICES: Final[Mapping[str, type[StrEnum]]] = {"service": Service, "mode": SrtMode}


def _read(name: str, value: object) -> Any:
    """Return a value of a form or storage in its own type; None if there is none."""
    if value is None or value == "":
        return None
    if name in _NUMBERS:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid("destination_text", name, "must be a whole number")
        return value
    if not isinstance(value, str):
        raise invalid("destination_text", name, "must be text")
    if (kind := _CHOICES.get(name)) is not None:
        try:
            return kind(value)
        except ValueError:
            raise choice(name, kind) from None
    return value if name in AS_TYPED else value.strip() or None
