"""vMix's functions: how they are written, and which one does what.

Names and parameters are those of vMix's "Shortcut Function Reference". vMix answers OK even to a
name that it does not know, so the tables below are all that keeps a misspelled function out, and
the client reads back what each one should have done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Final
from urllib.parse import quote

from ..model import MAIN_MIX, OutputKind
from ..secrets import scrub_text

MIN_TRANSITION_MS: Final = 50
MAX_TRANSITION_MS: Final = 9999
"""Milliseconds; vMix goes no further."""

EFFECTS: Final = (
    "Cut",
    "Fade",
    "Zoom",
    "Wipe",
    "Slide",
    "Fly",
    "CrossZoom",
    "FlyRotate",
    "Cube",
    "CubeZoom",
    "VerticalWipe",
    "VerticalSlide",
    "Merge",
    "WipeReverse",
    "SlideReverse",
    "VerticalWipeReverse",
    "VerticalSlideReverse",
)
"""Effects of a transition that every supported version has. Each is a function of its own too."""
NEWER_EFFECTS: Final = ("BarnDoor", "RollerDoor", "AlphaFade")
"""Effects that came later: known, but offered only where the studio shows them itself."""
STINGERS: Final = tuple(f"Stinger{number}" for number in range(1, 9))
"""Stingers, by their number."""

# Lone surrogates are no text at all; JSON can carry them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_BREAK: Final = re.compile(r"[\r\n\x85\u2028\u2029]+")


def clean(value: str) -> str:
    """Return *value* in one line: breaks become a space, and what is no text goes.

    vMix reads requests by lines; what is URL-encoded is safe, and this makes it so twice.
    """
    return _CONTROL.sub("", _BREAK.sub(" ", value))


def is_name(text: str) -> bool:
    """Return whether *text* can be the name of a function or a parameter."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function.

    Attributes:
        name: Of the function.
        parameters: Values as people mean them, by parameter. They may hold secrets.
        secrets: What must not come back in an error's text.

    """

    name: str
    parameters: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that is none: it stands in the request as it is."""
        if not is_name(self.name):
            raise ValueError("a function's name has letters and digits only")

    def query(self) -> str:
        """Return the parameters as both APIs take them: ``Key=Value&…``, URL-encoded."""
        return "&".join(
            f"{key}={quote(clean(str(value)), safe='')}" for key, value in self.parameters.items()
        )

    def line(self) -> str:
        """Return the request of the TCP API."""
        return f"FUNCTION {self.name} {self.query()}".rstrip()

    def hide(self, text: str) -> str:
        """Return *text* without this call's secrets, however they are written."""
        return scrub_text(text, self.secrets)


@dataclass(frozen=True, slots=True)
class Switch:
    """The two functions of an output."""

    start: str
    stop: str
    numbered: bool = False
    """Whether ``Value`` is the output's number, counted from 0."""


SWITCHES: Final = {
    OutputKind.STREAM: Switch("StartStreaming", "StopStreaming", numbered=True),
    OutputKind.RECORD: Switch("StartRecording", "StopRecording"),
    OutputKind.EXTERNAL: Switch("StartExternal", "StopExternal"),
    OutputKind.MULTICORDER: Switch("StartMultiCorder", "StopMultiCorder"),
    OutputKind.FULLSCREEN: Switch("FullscreenOn", "FullscreenOff"),
    OutputKind.SRT: Switch("StartSRTOutput", "StopSRTOutput", numbered=True),
}


def switch(kind: OutputKind, number: int | None, *, on: bool) -> Call:
    """Return what starts or stops an output; *number* counts from 1, None means the only one."""
    functions = SWITCHES[kind]
    parameters: dict[str, str | int] = {}
    if functions.numbered and number is not None:
        parameters["Value"] = number - 1
    return Call(functions.start if on else functions.stop, parameters)


def _at(mix: int) -> dict[str, str | int]:
    """Return what names a mix: vMix counts from 0, and the main one may be left out."""
    return {} if mix == MAIN_MIX else {"Mix": mix - 1}


def preview(source: str, mix: int) -> Call:
    """Return what puts a source into preview."""
    return Call("PreviewInput", {"Input": source, **_at(mix)})


def program(source: str, mix: int) -> Call:
    """Return what puts a source on air at once and leaves the preview alone."""
    # CutDirect takes no Mix, says the module that studios use most; ActiveInput does.
    name = "CutDirect" if mix == MAIN_MIX else "ActiveInput"
    return Call(name, {"Input": source, **_at(mix)})


def transition(name: str, mix: int, duration_ms: int | None) -> Call:
    """Return what brings preview to program by an effect."""
    duration: dict[str, str | int] = {} if duration_ms is None else {"Duration": duration_ms}
    return Call(name, {**duration, **_at(mix)})


def overlay(number: int, source: str | None, *, on: bool) -> Call:
    """Return what shows a source on an overlay (None: the one it had last), or hides it."""
    if not on:
        return Call(f"OverlayInput{number}Out")
    if source is None:
        return Call(f"OverlayInput{number}Last")
    return Call(f"OverlayInput{number}In", {"Input": source})


def text(source: str, index: int, name: str, value: str) -> Call:
    """Return what writes a title's field, by its name if it has one."""
    selected: dict[str, str | int] = {"SelectedName": name} if name else {"SelectedIndex": index}
    return Call("SetText", {"Input": source, **selected, "Value": value})


def volume(channel: str, percent: int) -> Call:
    """Return what moves a fader. Whole percents: a decimal mark depends on Windows' language."""
    if channel == "master":
        return Call("SetMasterVolume", {"Value": percent})
    if channel.startswith("bus_"):
        return Call(f"SetBus{channel[-1].upper()}Volume", {"Value": percent})
    return Call("SetVolume", {"Input": channel, "Value": percent})


def mute(channel: str, *, muted: bool) -> Call:
    """Return what mutes a channel or makes it heard."""
    state = "Off" if muted else "On"
    if channel == "master":
        return Call(f"MasterAudio{state}")
    if channel.startswith("bus_"):
        return Call(f"BusXAudio{state}", {"Value": channel[-1].upper()})
    return Call(f"Audio{state}", {"Input": channel})


def destination(
    number: int | None, server: str, key: str, username: str, password: str
) -> list[Call]:
    """Return what sets where a stream goes, the address first.

    *number* counts from 1; None is for versions that know the first stream only, and would take
    the number for a part of the key.
    """
    place = "" if number is None else f"{number - 1},"
    values = {"URL": server, "Username": username, "Password": password, "Key": key}
    secrets = frozenset(value for value in values.values() if value)
    return [
        Call(f"StreamingSet{what}", {"Value": f"{place}{value}"}, secrets)
        for what, value in values.items()
    ]
