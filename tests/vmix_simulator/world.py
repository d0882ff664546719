"""What happens inside the simulated vMix: inputs, mixes, outputs, sound, and functions on them."""

from collections.abc import Callable
from dataclasses import dataclass, field
import time
from urllib.parse import unquote_plus
import uuid
from xml.etree import ElementTree as ET

from .releases import RELEASES, Release

EFFECTS = {
    *("Cut", "Fade", "Zoom", "Wipe", "Slide", "Fly", "CrossZoom", "FlyRotate", "Cube", "CubeZoom"),
    *("VerticalWipe", "VerticalSlide", "Merge", "WipeReverse", "SlideReverse"),
    *("VerticalWipeReverse", "VerticalSlideReverse"),
}
BUSES = "ABCDEFG"


@dataclass
class Sound:
    """A fader: its position in percent, and what the XML and the activators make of it."""

    position: float = 100.0
    muted: bool = False
    buses: str = "M"

    @property
    def amplitude(self) -> float:
        """0 … 100, as in the XML."""
        return round((self.position / 100) ** 4 * 100, 5)


@dataclass
class Input:
    """One input."""

    title: str
    type: str = "Capture"
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    sound: Sound | None = None
    texts: list[list[str]] = field(default_factory=list)


def default_inputs() -> list[Input]:
    """Return a small production; the colour has no sound at all."""
    return [
        Input("Camera 1", key="11111111-aaaa-4aaa-8aaa-000000000001", sound=Sound()),
        Input("Camera 2", key="11111111-aaaa-4aaa-8aaa-000000000002", sound=Sound()),
        Input("Black", "Colour", key="11111111-aaaa-4aaa-8aaa-000000000003"),
        Input(
            "Lower Third.gtzip",
            "GT",
            key="11111111-aaaa-4aaa-8aaa-000000000004",
            texts=[["Headline.Text", "Welcome"], ["Description.Text", "Room 101"]],
        ),
    ]


class RefusedError(Exception):
    """vMix's ER, with its words."""


class World:
    """The simulated vMix.

    Args:
        release: A key of ``RELEASES``, or a release.
        clock: For the recording's duration.

    """

    def __init__(
        self, release: str | Release = "28", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.release = RELEASES[release] if isinstance(release, str) else release
        self.clock = clock
        self.inputs = default_inputs()
        # program and preview by mix, as input numbers; 0 is nothing
        self.mixes = {1: [1, 2], **{n: [0, 0] for n in range(2, min(self.release.mixes, 4) + 1)}}
        self.overlays: dict[int, list[int | bool]] = {n: [0, False] for n in range(1, 9)}
        self.last_overlay = dict.fromkeys(range(1, 9), 1)
        self.fade_to_black = False
        self.transitions = [["Fade", 500], ["Merge", 1000], ["Wipe", 1000], ["CubeZoom", 1000]]
        self.streams = [False] * self.release.streams
        self.switches = dict.fromkeys(("External", "MultiCorder", "Fullscreen"), False)
        self.srt = dict.fromkeys(range(1, 5), False)
        self.recording_since: float | None = None
        self.recordings = 0
        self.master = Sound()
        self.buses = {letter: Sound() for letter in BUSES[:2]}
        self.preset = r"C:\Users\Studio\Documents\Sunday Show.vmix"
        self.destinations: dict[int, dict[str, str]] = {}
        self.keys: list[str] = []
        self.padding = 0
        self.on_act: Callable[[str], None] = lambda _line: None
        self.on_tally: Callable[[str], None] = lambda _line: None

    # -- what it says -------------------------------------------------------------------------

    def tally(self) -> str:
        """Return one digit for each input; overlays are on air too."""
        program, preview = self.mixes[1]
        live = {program, *(n for n, only_preview in self.overlays.values() if not only_preview)}
        return "".join(
            "1" if n in live else "2" if n == preview else "0"
            for n in range(1, len(self.inputs) + 1)
        )

    def xml(self) -> bytes:
        """Return the XML of this release."""
        release = self.release
        root = ET.Element("vmix")

        def add(tag: str, text: object = None, **attributes: object) -> ET.Element:
            element = ET.SubElement(root, tag, {k: str(v) for k, v in attributes.items()})
            element.text = None if text is None else str(text)
            return element

        add("version", release.version)
        if release.edition:
            add("edition", release.edition)
            add("preset", self.preset)
        self._xml_inputs(add("inputs"))
        overlays = add("overlays")
        for n in range(1, release.overlays + 1):
            number, only_preview = self.overlays.get(n, [0, False])
            element = ET.SubElement(overlays, "overlay", number=str(n))
            if number:
                element.text = str(number)
                if only_preview:
                    element.set("preview", "True")
        add("preview", self.mixes[1][1])
        add("active", self.mixes[1][0])
        add("fadeToBlack", self.fade_to_black)
        transitions = add("transitions")
        for n, (effect, duration) in enumerate(self.transitions, start=1):
            ET.SubElement(
                transitions, "transition", number=str(n), effect=str(effect), duration=str(duration)
            )
        if self.recording_since is None:
            add("recording", "False")
        else:
            duration = int(self.clock() - self.recording_since)
            add("recording", "True", duration=duration, filename1=self.recording_path())
        add("external", self.switches["External"])
        running = {f"channel{n}": True for n, on in enumerate(self.streams, start=1) if on}
        add("streaming", any(self.streams), **(running if release.streams > 1 else {}))
        add("playList", "False")
        add("multiCorder", self.switches["MultiCorder"])
        if release.fullscreen:
            add("fullscreen", self.switches["Fullscreen"])
        for n, (program, preview) in self.mixes.items():
            if n > 1:
                mix = add("mix", number=n)
                ET.SubElement(mix, "preview").text = str(preview)
                ET.SubElement(mix, "active").text = str(program)
        if release.audio:
            audio = add("audio")
            self._xml_sound(ET.SubElement(audio, "master", headphonesVolume="74"), self.master)
            for letter, sound in self.buses.items():
                self._xml_sound(ET.SubElement(audio, f"bus{letter}", solo="False"), sound)
        if release.outputs:
            outputs = add("outputs")
            for n, on in self.srt.items():
                ET.SubElement(
                    outputs,
                    "output",
                    type="Output",
                    number=str(n),
                    source="Output",
                    ndi="False",
                    srt=str(on),
                )
            ET.SubElement(outputs, "output", type="Fullscreen", number="1", source="Output")
        return ET.tostring(root) + b" " * self.padding

    def _xml_inputs(self, inputs: ET.Element) -> None:
        for n, found in enumerate(self.inputs, start=1):
            element = ET.SubElement(
                inputs, "input", key=found.key, number=str(n), type=found.type, title=found.title
            )
            if self.release.short_titles:
                element.set("shortTitle", found.title)
            element.attrib |= {"state": "Paused", "position": "0", "duration": "0", "loop": "False"}
            if found.sound is not None:
                self._xml_sound(element, found.sound)
                element.attrib |= {
                    "balance": "0",
                    "solo": "False",
                    "audiobusses": found.sound.buses,
                }
            element.text = found.title
            for index, (name, text) in enumerate(found.texts):
                ET.SubElement(element, "text", index=str(index), name=name).text = text

    @staticmethod
    def _xml_sound(element: ET.Element, sound: Sound) -> None:
        element.attrib |= {
            "volume": f"{sound.amplitude:g}",
            "muted": str(sound.muted),
            "meterF1": "0.0844",
            "meterF2": "0.0799",
        }

    def recording_path(self) -> str:
        """Return the file that is being written."""
        return rf"D:\Recordings\capture - {self.recordings:05}.mp4"

    # -- what it is told ----------------------------------------------------------------------

    def function(self, name: str, query: str) -> None:
        """Do what a function does; an unknown one does nothing, and that is a success."""
        pairs = (pair.partition("=") for pair in query.split("&") if "=" in pair)
        parameters = {key.lower(): unquote_plus(value) for key, _, value in pairs}
        self._run(name, parameters)

    def _run(self, name: str, at: dict[str, str]) -> None:
        if name in EFFECTS or (name.startswith("Transition") and name[10:].isdigit()):
            self._transition(at)
        elif name.startswith("OverlayInput"):
            self._overlay(name, at)
        elif name.startswith(("Start", "Stop", "Fullscreen")):
            self._switch(name, at)
        elif name.startswith("StreamingSet"):
            number, comma, text = at.get("value", "").partition(",")
            if self.release.stream_numbers and comma and number.isdecimal():
                self.destinations.setdefault(int(number), {})[name[12:]] = text
            else:
                self.destinations.setdefault(0, {})[name[12:]] = at.get("value", "")
        elif name.startswith(("SetVolume", "SetMasterVolume", "SetBus")):
            self._volume(name, at)
        elif "Audio" in name:
            self._mute(name, at)
        elif name.startswith("SetTransition"):
            self._set_transition(name, at)
        else:
            handler = {
                "CutDirect": lambda: self._show(1, 0, self._number(at)),
                "ActiveInput": lambda: self._show(self._mix(at), 0, self._number(at)),
                "PreviewInput": lambda: self._show(self._mix(at), 1, self._number(at)),
                "FadeToBlack": self.toggle_black,
                "SetText": lambda: self._set_text(at),
                "OpenPreset": lambda: self._open_preset(at),
                "KeyPress": lambda: self.keys.append(at.get("value", "")),
            }.get(name)
            if handler is not None:
                handler()

    def _number(self, at: dict[str, str]) -> int:
        wanted = at.get("input", "")
        for n, found in enumerate(self.inputs, start=1):
            if wanted in {str(n), found.key, found.title}:
                return n
        raise RefusedError("Input not found")

    def _mix(self, at: dict[str, str]) -> int:
        mix = int(at.get("mix") or 0) + 1
        if mix not in self.mixes:
            raise RefusedError("Mix not found")
        return mix

    def _show(self, mix: int, place: int, number: int) -> None:
        before = self.mixes[mix][place]
        if before == number:
            return
        self.mixes[mix][place] = number
        name = ("Input", "InputPreview")[place] + (f"Mix{mix}" if mix > 1 else "")
        if before:
            self.on_act(f"{name} {before} 0")
        self.on_act(f"{name} {number} 1")
        self.on_tally(self.tally())

    def _transition(self, at: dict[str, str]) -> None:
        mix = self._mix(at)
        program, preview = self.mixes[mix]
        target = self._number(at) if at.get("input") else preview
        if target:
            self._show(mix, 0, target)
            if program:
                self._show(mix, 1, program)

    def toggle_black(self) -> None:
        """Fade to black, or back."""
        self.fade_to_black = not self.fade_to_black
        self.on_act(f"FadeToBlack {int(self.fade_to_black)}")

    def _overlay(self, name: str, at: dict[str, str]) -> None:
        number, what = int(name[12:13] or 0), name[13:]
        if number not in self.overlays:
            return
        shown = int(self.overlays[number][0])
        if what in {"Out", "Off"}:
            target = 0
        elif what == "Last":
            target = 0 if shown else self.last_overlay[number]
        else:
            target = self._number(at)
            target = 0 if what == "" and target == shown else target
        if target:
            self.last_overlay[number] = target
        self.overlays[number] = [target, False]
        self.on_act(f"Overlay{number} {target or shown or 1} {int(bool(target))}")
        self.on_tally(self.tally())

    def _switch(self, name: str, at: dict[str, str]) -> None:
        if name.startswith("Fullscreen"):
            on, what = {"On": True, "Off": False}.get(name[10:]), "Fullscreen"
        else:
            on = name.startswith("Start") and not name.startswith("StartStop")
            what = name.removeprefix("Start").removeprefix("Stop")
        value = at.get("value", "")
        if what == "Recording":
            self.record(on=bool(on))
        elif what == "Streaming":
            for n in [int(value)] if value else range(len(self.streams)):
                if n < len(self.streams):
                    self.stream(n + 1, on=bool(on))
        elif what == "SRTOutput":
            self.srt[int(value or 0) + 1] = bool(on)
        elif what in self.switches:
            self.switches[what] = (not self.switches[what]) if on is None else on
            self.on_act(f"{what} {int(self.switches[what])}")

    def stream(self, number: int, *, on: bool) -> None:
        """Start or stop a stream, counted from 1; the activator does not say which."""
        self.streams[number - 1] = on
        self.on_act(f"Streaming {int(any(self.streams))}")

    def record(self, *, on: bool) -> None:
        """Start or stop the recording."""
        if on and self.recording_since is None:
            self.recording_since = self.clock()
            self.recordings += 1
        elif not on:
            self.recording_since = None
        self.on_act(f"Recording {int(on)}")

    def _sound(self, name: str, at: dict[str, str]) -> tuple[str, Sound]:
        """Return what an activator calls the channel, and the channel."""
        if "Master" in name:
            return "Master", self.master
        letter = at.get("value", "") if name.startswith("BusX") else name[6:7]
        if "Bus" in name:
            if letter not in self.buses:
                raise RefusedError("Bus not found")
            return f"Bus{letter}", self.buses[letter]
        number = self._number(at)
        sound = self.inputs[number - 1].sound
        if sound is None:
            raise RefusedError("Input has no audio")
        return f"Input {number}", sound

    def _say_sound(self, who: str, what: str, value: str) -> None:
        kind, _, number = who.partition(" ")
        self.on_act(f"{kind}{what} {number} {value}" if number else f"{kind}{what} {value}")

    def _volume(self, name: str, at: dict[str, str]) -> None:
        who, sound = self._sound(name, at)
        sound.position = min(max(float(at.get("value", "0")), 0), 100)
        self._say_sound(who, "Volume", f"{sound.amplitude / 100:g}")

    def _mute(self, name: str, at: dict[str, str]) -> None:
        who, sound = self._sound(name, at)
        sound.muted = name.endswith("Off")
        self._say_sound(who, "Audio", str(int(not sound.muted)))

    def _set_transition(self, name: str, at: dict[str, str]) -> None:
        place, value = int(name[-1]) - 1, at.get("value", "")
        if name.startswith("SetTransitionEffect"):
            self.transitions[place][0] = value
        else:
            self.transitions[place][1] = min(int(value), 9999)

    def _set_text(self, at: dict[str, str]) -> None:
        found = self.inputs[self._number(at) - 1]
        for index, text in enumerate(found.texts):
            if at.get("selectedname") == text[0] or at.get("selectedindex") == str(index):
                text[1] = at.get("value", "")
                return
        raise RefusedError("Text field not found")

    def _open_preset(self, at: dict[str, str]) -> None:
        self.preset = at.get("value", "")
