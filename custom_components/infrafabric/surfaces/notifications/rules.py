"""What a notification rule says, and the decisions it leads to.

No clock, no randomness and no Home Assistant: seconds and tokens are passed in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
from typing import Any, Final, Self

CONF_OCCASIONS: Final = "occasions"
CONF_TARGETS: Final = "targets"
CONF_NOTIFY_ENTITIES: Final = "notify_entities"
CONF_PHONES: Final = "phones"
SECTION_BUTTONS: Final = "buttons"
CONF_BUTTONS: Final = "offered"
CONF_USERS: Final = "users"
CONF_DASHBOARD: Final = "dashboard"
SECTION_LOOK: Final = "look"
CONF_TAG: Final = "tag"
CONF_GROUP: Final = "group"
CONF_PRIORITY: Final = "priority"
SECTION_LIMITS: Final = "limits"
CONF_QUIET_TIME: Final = "quiet_time"
CONF_RTT: Final = "rtt"
CONF_LOSS: Final = "loss"

DEFAULT_QUIET_TIME: Final = 15
"""Minutes of silence about the same thing after a notification about it."""
DEFAULT_RTT: Final = 200
"""Milliseconds of round-trip time above which a link is bad."""
DEFAULT_LOSS: Final = 5
"""Percent of lost probes above which a link is bad."""

HYSTERESIS: Final = 0.8
"""A link is good again at this part of the limits, so that one at a limit does not flutter."""

BUTTON_LIFETIME: Final = 24 * 3600
"""Seconds for which the buttons of a notification work."""
MUTE_TIME: Final = 3600
"""Seconds for which the button MUTE silences a rule."""


class What(StrEnum):
    """What a rule can tell of."""

    STREAM_STARTED = "stream_started"
    STREAM_STOPPED = "stream_stopped"
    STREAM_FAILED = "stream_failed"
    STREAM_UNHEALTHY = "stream_unhealthy"
    RECORDING_FINISHED = "recording_finished"
    PEER_LOST = "peer_lost"
    PEER_BACK = "peer_back"
    LINK_QUALITY = "link_quality"
    RELAY_IN_USE = "relay_in_use"
    MESH_STATUS = "mesh_status"
    PEER_MESSAGE = "peer_message"


class Button(StrEnum):
    """What a notification on a phone can offer."""

    STOP_STREAM = "STOP_STREAM"
    RESTART_PEER = "RESTART_PEER"
    MUTE = "MUTE"
    VIEW_STATS = "VIEW_STATS"
    VIEW_DASHBOARD = "VIEW_DASHBOARD"

    @property
    def acts(self) -> bool:
        """Whether it does something here, and not only opens a page on the phone."""
        return self not in (Button.VIEW_STATS, Button.VIEW_DASHBOARD)

    @property
    def key(self) -> str:
        """Key of its texts, in lower case as translations want it."""
        return self.value.lower()


class Priority(StrEnum):
    """How much a notification wants to be noticed."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


_ALWAYS: Final = frozenset({Button.MUTE, Button.VIEW_STATS, Button.VIEW_DASHBOARD})
MAKES_SENSE: Final[Mapping[str, frozenset[Button]]] = {
    "stream_started": _ALWAYS | {Button.STOP_STREAM},
    "stream_unhealthy": _ALWAYS | {Button.STOP_STREAM},
    "peer_lost": _ALWAYS | {Button.RESTART_PEER},
    "link_bad": _ALWAYS | {Button.RESTART_PEER},
    "relay_in_use": _ALWAYS | {Button.RESTART_PEER},
}
"""The buttons for each text of a notification; for others, those without a thing to act on."""

TOPICS: Final[Mapping[What, str]] = {
    What.STREAM_STARTED: "stream",
    What.STREAM_STOPPED: "stream",
    What.STREAM_FAILED: "stream",
    What.STREAM_UNHEALTHY: "health",
    What.RECORDING_FINISHED: "recording",
    What.PEER_LOST: "peer",
    What.PEER_BACK: "peer",
    What.LINK_QUALITY: "link",
    What.RELAY_IN_USE: "path",
    What.MESH_STATUS: "mesh",
    What.PEER_MESSAGE: "message",
}
"""News of one topic about one device replaces what was told before, unless it is marked."""

WEIGHT_OF_RESULTS: Final = 3
"""How much an end counts that nobody may miss: of a stream, or of what a button began."""
WEIGHTS: Final[Mapping[What, int]] = {
    # They come and go by themselves, and many at once when a network breaks.
    What.PEER_LOST: 0,
    What.PEER_BACK: 0,
    What.LINK_QUALITY: 0,
    What.RELAY_IN_USE: 0,
    # Somebody else decides how many there are.
    What.PEER_MESSAGE: 1,
    What.STREAM_STARTED: 2,
    What.STREAM_UNHEALTHY: 2,
    What.RECORDING_FINISHED: 2,
    What.MESH_STATUS: 2,
    What.STREAM_STOPPED: WEIGHT_OF_RESULTS,
    What.STREAM_FAILED: WEIGHT_OF_RESULTS,
}
"""How much news counts when there is no room for all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What somebody wants to be told.

    Attributes:
        what: The occasions.
        targets: Devices, areas, labels and entities, as a target; empty means all.
        entities: Notify entities to tell.
        phones: Devices with the companion app to tell.
        buttons: What phones may offer.
        users: Ids of the users who may press what acts.
        dashboard: Path that VIEW_DASHBOARD opens.
        tag: One tag for all its notifications; None for one for each topic and device.
        group: Under which the phone gathers them; None for none.
        priority: Of its notifications.
        quiet: Seconds of silence about the same thing.
        rtt_ms: Above it, a link is bad.
        loss_percent: Above it, a link is bad.

    """

    what: frozenset[What]
    targets: Mapping[str, Any]
    entities: tuple[str, ...]
    phones: tuple[str, ...]
    buttons: tuple[Button, ...]
    users: frozenset[str]
    dashboard: str
    tag: str | None
    group: str | None
    priority: Priority
    quiet: float
    rtt_ms: float
    loss_percent: float

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Return the rule that a subentry holds.

        Raises:
            KeyError, ValueError: It holds none.

        """
        buttons, look, limits = (
            data[section] for section in (SECTION_BUTTONS, SECTION_LOOK, SECTION_LIMITS)
        )
        return cls(
            what=frozenset(What(what) for what in data[CONF_OCCASIONS]),
            targets=dict(data.get(CONF_TARGETS, {})),
            entities=tuple(data.get(CONF_NOTIFY_ENTITIES, ())),
            phones=tuple(data.get(CONF_PHONES, ())),
            buttons=tuple(button for button in Button if button.key in buttons[CONF_BUTTONS]),
            users=frozenset(buttons[CONF_USERS]),
            dashboard=buttons[CONF_DASHBOARD],
            tag=look.get(CONF_TAG),
            group=look.get(CONF_GROUP),
            priority=Priority(look[CONF_PRIORITY]),
            quiet=limits[CONF_QUIET_TIME] * 60,
            rtt_ms=limits[CONF_RTT],
            loss_percent=limits[CONF_LOSS],
        )

    def buttons_for(self, text: str) -> tuple[Button, ...]:
        """Return the buttons that a notification with the text of this key offers."""
        sensible = MAKES_SENSE.get(text, _ALWAYS)
        return tuple(
            button
            for button in self.buttons
            # What nobody may press is no button.
            if button in sensible and (self.users or not button.acts)
        )

    def bad_link(self, rtt_ms: float | None, loss_percent: float | None, *, was_bad: bool) -> bool:
        """Tell whether a link is bad, given its figures and whether it was.

        What is not known says nothing: a link stays what it was.
        """
        part = HYSTERESIS if was_bad else 1.0
        known = [
            value > limit * part
            for value, limit in ((rtt_ms, self.rtt_ms), (loss_percent, self.loss_percent))
            if value is not None
        ]
        return any(known) if known else was_bad


class Told[T]:
    """What people were told last about one thing, and when to tell them again.

    Attributes:
        value: What they were told.
        due: When to ask again, because something else is true but it is quiet time; or None.

    """

    __slots__ = ("_last", "due", "value")

    def __init__(self, at_first: T) -> None:
        """Begin with what nobody needs to be told."""
        self.value = at_first
        self.due: float | None = None
        self._last = -math.inf

    def follow(
        self, value: T, now: float, quiet: float, *, urgent: bool = False, muted: float = -math.inf
    ) -> bool:
        """Tell whether to tell that something is *value*; then it counts as told.

        Args:
            value: What is true now.
            now: Seconds.
            quiet: Seconds of silence after the last time.
            urgent: Whether the quiet time does not count: who was alarmed should know it is over.
            muted: Until when nothing at all is told.

        """
        self.due = None
        if value == self.value:
            return False
        free = muted if urgent else max(self._last + quiet, muted)
        if now < free:
            self.due = free
            return False
        self.value = value
        self._last = now
        return True

    def forget(self, value: T) -> None:
        """Take *value* for told: nobody needs to hear of it."""
        self.value = value
        self.due = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What the buttons of one notification are about.

    Attributes:
        tag: Of the notification; with it, it is replaced.
        device_id: Of the studio or peer.
        name: Of the same, for texts.
        details: What else an action needs, such as the channel.
        buttons: Those offered.
        expires: Seconds at which they stop working.

    """

    tag: str
    device_id: str
    name: str
    details: Mapping[str, Any]
    buttons: tuple[Button, ...]
    expires: float


class Offers:
    """The buttons that wait for somebody: each notification has one token, good for one press."""

    def __init__(self, make_token: Callable[[], str]) -> None:
        """Begin with none.

        Args:
            make_token: Returns a new token that nobody can guess, without an underscore.

        """
        self._make_token = make_token
        self._open: dict[str, Offer] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._open)

    def make(self, offer: Offer) -> str:
        """Return the token for the buttons of a notification; older ones with its tag are void."""
        self.void(offer.tag)
        token = self._make_token()
        self._open[token] = offer
        return token

    def void(self, tag: str) -> None:
        """Forget the buttons of a notification that is replaced."""
        self._open = {token: offer for token, offer in self._open.items() if offer.tag != tag}

    def take(self, action: str) -> tuple[Button, Offer] | None:
        """Return what a pressed action means, and void all buttons of its notification.

        Returns:
            None for what is no button of an open offer.

        """
        name, _, token = action.rpartition("_")
        offer = self._open.get(token)
        if offer is None or name not in offer.buttons:
            return None
        del self._open[token]
        return Button(name), offer


def action_of(button: Button, token: str) -> str:
    """Return what a phone sends when *button* is pressed."""
    return f"{button}_{token}"
