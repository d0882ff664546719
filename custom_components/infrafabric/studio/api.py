"""What a client of a studio can do, whichever program runs it.

Every method that changes something returns only after the studio confirmed it, raises
``UnsupportedError`` for what this studio or version lacks, ``RefusedError`` with the studio's own
reason, ``DeadlineError`` when the confirmation does not come, ``UnreachableError`` without a
connection, and ``InvalidError`` for names that do not exist. All of them are safe to repeat:
starting what runs is a success.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .destination import Destination
from .errors import StudioError
from .events import StudioEvent
from .model import MAIN_MIX, Output, StudioKind, StudioState

CONFIRM_TIMEOUT: Final = 20.0
"""Seconds until a start or a stop must be confirmed. OBS gives up a server after about 10 s."""

DEFAULT_POLL_INTERVAL: Final = 5.0
"""Seconds between two readings of what a studio does not report by itself."""
MIN_POLL_INTERVAL: Final = 1.0
"""Seconds; more often would load the studio while it is on air."""
MAX_POLL_INTERVAL: Final = 60.0
"""Seconds; stream health would come too late with less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a first connection found out.

    Attributes:
        id: What tells this studio from all others, wherever it runs: a UUID kept in OBS itself.
            None for vMix, which has nowhere to keep one.
        name: A name to begin with, such as "OBS Studio".
        software: Its version.

    """

    id: str | None
    name: str
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of what the studio shows.

    Attributes:
        data: The encoded image; at most 8 MiB.
        content_type: "image/jpeg" or "image/png".

    """

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReport:
    """What became of one output in an emergency stop.

    Attributes:
        output: Its key.
        stopped: Whether the studio confirmed that it is stopped.
        was_on: Whether it ran before; None if that was not known.
        error: What went wrong; None if nothing did.

    """

    output: str
    stopped: bool
    was_on: bool | None
    error: StudioError | None = None


class StudioClient(Protocol):
    """One studio: keeps the connection, knows the state, does what it is told."""

    poll_interval: float
    """Seconds between two readings of what the studio does not report by itself; it may be changed
    at any time and holds from the next reading on."""

    @property
    def kind(self) -> StudioKind:
        """Which program runs the studio."""

    @property
    def connected(self) -> bool:
        """Whether the studio answers and its state is current."""

    @property
    def state(self) -> StudioState | None:
        """What is known now, or was known last; None before the first connection."""

    def subscribe(self, callback: Callable[[StudioEvent], None]) -> Callable[[], None]:
        """Call *callback* with every event; return what ends that.

        An error in a callback is logged and reaches nobody else.
        """

    async def start(self) -> None:
        """Begin to connect, and keep the connection until ``stop``; returns at once.

        A studio that is off is normal: attempts go on for ever, seconds apart.
        """

    async def stop(self) -> None:
        """End the connection and every task; safe to repeat."""

    # -- outputs

    async def start_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        """Start an output and return it as confirmed (``ACTIVE``, or ``PAUSED`` if it was)."""

    async def stop_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        """Stop an output and return it as confirmed (``STOPPED``)."""

    async def pause_recording(self) -> Output:
        """Pause the recording (``Feature.PAUSE``)."""

    async def resume_recording(self) -> Output:
        """Resume the recording (``Feature.PAUSE``)."""

    async def split_recording(self) -> None:
        """Begin a new file (``Feature.SPLIT``)."""

    async def add_chapter(self, name: str | None = None) -> None:
        """Set a chapter mark in the recording (``Feature.CHAPTER``)."""

    async def save_replay(self) -> str:
        """Write the replay buffer and return the file's path (``Feature.SAVE_REPLAY``)."""

    async def stop_everything(self, *, timeout: float = CONFIRM_TIMEOUT) -> list[StopReport]:
        """Stop every output at once and report on each; never raises for a single output.

        Outputs whose state is unknown are told to stop as well.
        """

    async def set_destination(self, destination: Destination, *, output: str | None = None) -> str:
        """Set where a stream goes, read it back, and return it as the studio reports it, keyless.

        Args:
            destination: With its key; neither the key nor a passphrase is kept, logged or
                returned.
            output: Key of the stream; None means the first.

        Raises:
            RefusedError: The stream is running to somewhere else (``stream_running``), or what was
                read back differs.

        """

    # -- picture

    async def read_sources(self) -> None:
        """Read the scenes and inputs again: news of a new one may still be on its way."""

    async def set_program(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a source (key or name) on air at once, or by the transition the studio uses."""

    async def set_preview(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a source (key or name) into preview."""

    async def transition(
        self,
        name: str | None = None,
        *,
        duration_ms: int | None = None,
        source: str | None = None,
        mix: int = MAIN_MIX,
    ) -> None:
        """Bring preview to program.

        Args:
            name: A transition such as "Cut" or "Fade"; None means the chosen one.
            duration_ms: 50 to 20000; None means the chosen one.
            source: Key or name of a source to put into preview first.
            mix: Number of the mix.

        """

    async def set_transition(self, name: str) -> None:
        """Choose the transition (``Feature.TRANSITION_CHOICE``)."""

    async def set_transition_duration(self, duration_ms: int) -> None:
        """Choose its duration, 50 to 20000 ms (``Feature.TRANSITION_DURATION``)."""

    async def set_studio_mode(self, *, enabled: bool) -> None:
        """Open or close the preview (``Feature.STUDIO_MODE``)."""

    async def set_fade_to_black(self, *, enabled: bool) -> None:
        """Fade the program to black, or back (``Feature.FADE_TO_BLACK``)."""

    async def set_overlay(
        self, number: int, *, source: str | None = None, enabled: bool | None = None
    ) -> None:
        """Show or hide an overlay; *enabled* None toggles (``Feature.OVERLAYS``)."""

    async def set_item_visible(self, scene: str, item_id: int, *, visible: bool) -> None:
        """Show or hide a source within a scene (``Feature.SCENE_ITEMS``)."""

    async def set_text(self, source: str, text: str, *, field: str | None = None) -> None:
        """Write a text source or a title's field (``Feature.TEXT``); 10,000 characters at most."""

    async def screenshot(
        self, source: str | None = None, *, width: int | None = None, quality: int = 80
    ) -> Picture:
        """Return a picture of the program or of a source (``Feature.SCREENSHOT``)."""

    # -- sound

    async def set_volume(self, channel: str, volume: float) -> None:
        """Set a volume in the channel's own unit."""

    async def set_muted(self, channel: str, *, muted: bool) -> None:
        """Mute or unmute a channel."""

    # -- the rest

    async def set_profile(self, name: str) -> None:
        """Switch to another profile (``Feature.PROFILES``)."""

    async def set_collection(self, name: str) -> None:
        """Switch to another scene collection (``Feature.COLLECTIONS``)."""

    async def open_preset(self, path: str) -> None:
        """Open another preset of vMix (``Feature.PRESETS``)."""

    async def trigger_hotkey(self, name: str) -> None:
        """Press a hotkey by its name (``Feature.HOTKEYS``)."""

    async def hotkeys(self) -> Sequence[str]:
        """Return the names of the hotkeys (``Feature.HOTKEYS``)."""

    async def raw(self, name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request (OBS) or function (vMix) as it is; the answer comes without secrets.

        Raises:
            InvalidError: The request carries or reveals a stream key or password.

        """
