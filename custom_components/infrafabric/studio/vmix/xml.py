"""vMix's XML: from bytes that nobody trusts to one ``StudioState``.

An element that is absent has said nothing: its value is None, its output is not there or is
UNKNOWN. The elements are those of vMix's help ("HTTP WEB API") and of what versions 17 to 29 were
seen to send.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import math
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]

from ..errors import ProtocolError
from ..model import (
    MAIN_MIX,
    MAX_STREAMS,
    AudioChannel,
    Feature,
    Mix,
    Output,
    OutputKind,
    OutputState,
    Overlay,
    Source,
    StudioKind,
    StudioState,
    Version,
    VolumeUnit,
)
from .functions import EFFECTS
from .wire import broken

MAX_INPUTS: Final = 2000
"""vMix's help speaks of up to 1000."""
_MAX_ELEMENTS: Final = 200_000
"""Elements of one document: 2000 inputs with a hundred parts each."""
_MAX_DEPTH: Final = 16
"""Nesting of elements; vMix's own is 5."""
_MAX_FIELDS: Final = 200
"""Text fields of one title."""
_MAX_TEXT: Final = 1024
"""Characters kept of a name or a path; what is longer is cut."""
_MAX_OVERLAYS: Final = 8
"""Overlays that functions reach; vMix 29 lists 16."""
_MAX_MIXES: Final = 16
"""Mixes that vMix can have, the main one counted."""
_MAX_DURATION: Final = 10**8
"""Seconds of one recording: three years."""
_MAX_OUTPUTS: Final = 8
"""Numbered outputs that can send SRT; vMix has 4."""

STREAMS: Final = ((28, MAX_STREAMS), (21, 3), (0, 1))
"""Streams that a version has: (first major version, streams). vMix's XML lists a stream only
while it runs, so the number cannot be read; it stands in the help of each version."""

BUSES: Final = "ABCDEFG"


@dataclass(frozen=True, slots=True)
class TextField:
    """One text of a title, as the studio has it now."""

    index: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one XML says.

    Attributes:
        state: In the common model, without tally.
        numbers: Keys of sources by vMix's input number.
        texts: Fields of titles by key of the source.

    """

    state: StudioState
    numbers: Mapping[int, str]
    texts: Mapping[str, tuple[TextField, ...]]


class _BoundedBuilder(TreeBuilder):
    """Builds a tree that cannot eat the memory."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._count += 1
        self._depth += 1
        if self._count > _MAX_ELEMENTS or self._depth > _MAX_DEPTH:
            raise broken("its XML has too many elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _tree(data: bytes) -> Element:
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except ProtocolError:
        raise
    # An unknown encoding is a LookupError, and a wrong one may be a ValueError.
    except (ParseError, DefusedXmlException, LookupError, ValueError) as err:
        raise broken(f"its XML cannot be read ({type(err).__name__})") from None
    if root.tag != "vmix":
        raise broken("its XML is of another program")
    return root


# -- values ---------------------------------------------------------------------------------------


def boolean(text: str | None) -> bool | None:
    """Return what "True" and "False" mean; None for anything else."""
    return {"true": True, "false": False}.get((text or "").strip().lower())


def number(text: str | None) -> float | None:
    """Return a finite number; some Windows languages write a comma."""
    try:
        value = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text: str | None, low: int, high: int) -> int | None:
    """Return a whole number from *low* to *high*."""
    value = number(text)
    return int(value) if value is not None and low <= value <= high else None


def fader(amplitude: float | None) -> float | None:
    """Return the fader's position in percent for an amplitude of 0 … 100.

    vMix takes positions and reports amplitudes: the fourth power lies between them
    (its knowledge base, "vMix API Audio Levels").
    """
    if amplitude is None or not 0 <= amplitude <= 100:  # noqa: PLR2004  # percent
        return None
    position: float = (amplitude / 100) ** 0.25 * 100
    return round(position, 1)


def _text(element: Element | None) -> str | None:
    if element is None:
        return None
    return (element.text or "").strip()[:_MAX_TEXT] or None


def output_state(value: bool | None) -> OutputState:  # noqa: FBT001  # three values, no switch
    """Return the state for what vMix says: it knows only on and off."""
    if value is None:
        return OutputState.UNKNOWN
    return OutputState.ACTIVE if value else OutputState.STOPPED


# -- parts ----------------------------------------------------------------------------------------


def _inputs(root: Element) -> list[tuple[str, Element]]:
    """Return inputs with their keys; the first of two equal keys keeps it."""
    elements = root.findall("inputs/input")
    if len(elements) > MAX_INPUTS:
        raise broken("it has too many inputs")
    found: dict[str, Element] = {}
    for element in elements:
        key = (element.get("key") or element.get("title") or "")[:_MAX_TEXT]
        if key and whole(element.get("number"), 1, MAX_INPUTS) is not None:
            found.setdefault(key, element)
    return list(found.items())


def _fields(element: Element) -> tuple[TextField, ...]:
    fields = []
    for place, field in enumerate(element.findall("text")[:_MAX_FIELDS]):
        index = whole(field.get("index"), 0, _MAX_FIELDS)
        name = (field.get("name") or "")[:_MAX_TEXT]
        fields.append(TextField(place if index is None else index, name, field.text or ""))
    return tuple(fields)


def _source(key: str, element: Element, fields: Iterable[TextField]) -> Source:
    return Source(
        key=key,
        name=(element.get("title") or element.get("shortTitle") or key)[:_MAX_TEXT],
        number=whole(element.get("number"), 1, MAX_INPUTS) or 0,
        kind=(element.get("type") or "")[:_MAX_TEXT],
        fields=tuple(field.name or str(field.index) for field in fields),
    )


def _meter(element: Element) -> float | None:
    """Return how loud the louder channel is, as an amplitude."""
    said = [number(element.get(name)) for name in ("meterF1", "meterF2")]
    levels = [level for level in said if level is not None]
    return min(1.0, max(0.0, *levels)) if levels else None


def _channel(key: str, name: str, element: Element, buses: tuple[str, ...] = ()) -> AudioChannel:
    return AudioChannel(
        key=key,
        name=name,
        unit=VolumeUnit.PERCENT,
        muted=boolean(element.get("muted")),
        volume=fader(number(element.get("volume"))),
        buses=buses,
        meter=_meter(element),
    )


def _audio(root: Element, inputs: list[tuple[str, Element]]) -> dict[str, AudioChannel]:
    channels: dict[str, AudioChannel] = {}
    audio = root.find("audio")
    for tag, key, name in (
        ("master", "master", "Master"),
        *((f"bus{letter}", f"bus_{letter.lower()}", f"Bus {letter}") for letter in BUSES),
    ):
        element = None if audio is None else audio.find(tag)
        if element is not None:
            channels[key] = _channel(key, (element.get("name") or name)[:_MAX_TEXT], element)
    for key, element in inputs:
        # Only inputs with sound have these; a colour has none of them.
        if key not in channels and {"volume", "muted"} & set(element.keys()):
            letters = (element.get("audiobusses") or "").split(",")
            buses = tuple(letter for letter in letters if letter and letter in f"M{BUSES}")
            name = (element.get("title") or key)[:_MAX_TEXT]
            channels[key] = _channel(key, name, element, buses)
    return channels


def _streams(element: Element, major: int | None) -> list[Output]:
    """Return the streams. An element that names channels names every one that runs."""
    running = boolean(element.text)
    channels = {n: boolean(element.get(f"channel{n}")) for n in range(1, MAX_STREAMS + 1)}
    named = {n for n, value in channels.items() if value is not None}
    count = next(count for first, count in STREAMS if (major or 0) >= first)
    outputs = []
    for n in range(1, max(count, *named, 1) + 1):
        if n in named:
            value = channels[n]
        elif named or running is False:
            value = False
        else:
            value = running if count == 1 else None
        outputs.append(
            Output(
                key=f"stream_{n}",
                kind=OutputKind.STREAM,
                number=n if count > 1 or named else None,
                state=output_state(value),
            )
        )
    return outputs


_SINGLE: Final = (
    ("external", "external", OutputKind.EXTERNAL),
    ("multiCorder", "multicorder", OutputKind.MULTICORDER),
    ("fullscreen", "fullscreen", OutputKind.FULLSCREEN),
)


def _outputs(root: Element, major: int | None) -> dict[str, Output]:
    outputs: list[Output] = []
    streaming = root.find("streaming")
    if streaming is not None:
        outputs += _streams(streaming, major)
    recording = root.find("recording")
    if recording is not None:
        state = output_state(boolean(recording.text))
        active = state is OutputState.ACTIVE
        path = recording.get("filename1") or recording.get("filename2")
        outputs.append(
            Output(
                key="record",
                kind=OutputKind.RECORD,
                state=state,
                duration_s=whole(recording.get("duration"), 0, _MAX_DURATION) if active else None,
                path=path[:_MAX_TEXT] if active and path else None,
            )
        )
    for tag, key, kind in _SINGLE:
        element = root.find(tag)
        if element is not None:
            outputs.append(Output(key=key, kind=kind, state=output_state(boolean(element.text))))
    for element in root.findall("outputs/output"):
        place = whole(element.get("number"), 1, _MAX_OUTPUTS)
        if place is not None and element.get("type") == "Output" and element.get("srt"):
            outputs.append(
                Output(
                    key=f"srt_{place}",
                    kind=OutputKind.SRT,
                    number=place,
                    state=output_state(boolean(element.get("srt"))),
                )
            )
    return {output.key: output for output in outputs}


def _mixes(root: Element, numbers: Mapping[int, str]) -> dict[int, Mix]:
    def mix(place: int, element: Element) -> Mix:
        def key(tag: str) -> str | None:
            return numbers.get(whole(element.findtext(tag), 0, MAX_INPUTS) or 0)

        return Mix(number=place, program=key("active"), preview=key("preview"))

    mixes = {MAIN_MIX: mix(MAIN_MIX, root)}
    for element in root.findall("mix"):
        place = whole(element.get("number"), MAIN_MIX + 1, _MAX_MIXES)
        if place is not None:
            mixes[place] = mix(place, element)
    return mixes


def _overlays(root: Element, numbers: Mapping[int, str]) -> dict[int, Overlay]:
    overlays = {}
    for element in root.findall("overlays/overlay"):
        place = whole(element.get("number"), 1, _MAX_OVERLAYS)
        if place is not None:
            source = numbers.get(whole(element.text, 0, MAX_INPUTS) or 0)
            # Without an input there is nothing that could be in preview.
            preview = None if source is None else boolean(element.get("preview"))
            overlays[place] = Overlay(number=place, source=source, preview=preview)
    return overlays


def _features(root: Element, outputs: Mapping[str, Output], major: int | None) -> set[Feature]:
    features = {
        Feature.CUT,
        Feature.FADE,
        Feature.HOTKEYS,
        Feature.PRESETS,
        Feature.TEXT,
        Feature.TRANSITION,
    }
    if root.find("fadeToBlack") is not None:
        features.add(Feature.FADE_TO_BLACK)
    if root.find("overlays/overlay") is not None:
        features.add(Feature.OVERLAYS)
    if root.find("transitions/transition") is not None:
        features |= {Feature.TRANSITION_CHOICE, Feature.TRANSITION_DURATION}
    first = 23  # the version in which StreamingSetURL and its sisters came
    if "stream_1" in outputs and (major is None or major >= first):
        features.add(Feature.STREAM_DESTINATION)
    return features


def parse(data: bytes) -> Reading:
    """Return what vMix's XML says.

    Raises:
        ProtocolError: It is malformed, has a document type, is too large in some way, or is not
            of vMix.

    """
    root = _tree(data)
    version = _text(root.find("version"))
    major = whole((version or "").split(".")[0], 1, 999)
    inputs = _inputs(root)
    texts = {key: _fields(element) for key, element in inputs}
    sources = {key: _source(key, element, texts[key]) for key, element in inputs}
    numbers = {source.number: key for key, source in sources.items()}
    outputs = _outputs(root, major)
    # The first of the four buttons stands for "the chosen transition".
    buttons = root.findall("transitions/transition")[:4]
    effects = [(button.get("effect") or "")[:_MAX_TEXT] for button in buttons]
    chosen = next((button for button in buttons if button.get("number") == "1"), None)
    state = StudioState(
        kind=StudioKind.VMIX,
        version=Version(software=version or "", edition=_text(root.find("edition"))),
        features=frozenset(_features(root, outputs, major)),
        outputs=outputs,
        sources=sources,
        mixes=_mixes(root, numbers),
        overlays=_overlays(root, numbers),
        audio=_audio(root, inputs),
        transitions=tuple(dict.fromkeys((*EFFECTS, *filter(None, effects)))) if buttons else (),
        transition=None if chosen is None else (chosen.get("effect") or "")[:_MAX_TEXT] or None,
        transition_ms=None if chosen is None else whole(chosen.get("duration"), 0, 600_000),
        fade_to_black=boolean(root.findtext("fadeToBlack")),
        preset=_text(root.find("preset")),
    )
    return Reading(state, numbers, {key: fields for key, fields in texts.items() if fields})
