"""Where a stream goes: the presets, RTMP, SRT and WHIP, checked before a studio hears of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

MIN_SRT_LATENCY_MS: Final = 20
MAX_SRT_LATENCY_MS: Final = 8000
DEFAULT_SRT_LATENCY_MS: Final = 120


class Service(StrEnum):
    """Which kind of server takes the stream."""

    TWITCH = "twitch"
    YOUTUBE = "youtube"
    FACEBOOK = "facebook"
    KICK = "kick"
    RTMP = "rtmp"
    SRT = "srt"
    WHIP = "whip"


class SrtMode(StrEnum):
    """Which end of an SRT connection makes it."""

    CALLER = "caller"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True, kw_only=True)
class VmixStream:
    """What vMix is told about a stream; an empty text clears the field."""

    server: str
    key: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a stream goes, with what opens the door."""

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

    def check(self) -> None:
        """Raise ``InvalidError`` if this cannot work."""
        raise NotImplementedError

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return a checked destination."""
        raise NotImplementedError

    def as_mapping(self) -> dict[str, Any]:
        """Return what ``from_mapping`` takes, secrets included."""
        raise NotImplementedError

    def obs_settings(self) -> tuple[str, dict[str, Any]]:
        """Return OBS's service type and its settings, secrets included."""
        raise NotImplementedError

    def vmix_settings(self) -> VmixStream:
        """Return what vMix is told, secrets included."""
        raise NotImplementedError

    def public(self) -> str:
        """Return what may be shown."""
        raise NotImplementedError

    def secrets(self) -> frozenset[str]:
        """Return every value that nobody may see."""
        raise NotImplementedError
