"""vMix's activators: what each says by itself, and which only mean "read the XML again".

The names are those of vMix's help ("Activators"). In these lines a boolean is 1 or 0 and a volume
an amplitude of 0 … 1, other than in the XML. Audio says 1 when it is heard, the XML says "muted".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
import re
from typing import Final

from ..model import MAIN_MIX, AudioChannel, Mix, OutputState, StudioState
from .xml import fader, number, output_state

type _Change = Callable[[StudioState, "_Words"], StudioState | None]


class _Words:
    """One activator: its name, what matched in it, and its values."""

    def __init__(self, match: re.Match[str], values: list[str], numbers: Mapping[int, str]) -> None:
        self.match = match
        self.values = values
        self.numbers = numbers

    @property
    def source(self) -> str | None:
        """Key of the source whose number stands first."""
        return self.numbers.get(int(number(self.values[0]) or 0)) if self.values else None

    @property
    def value(self) -> float | None:
        """The last value."""
        return number(self.values[-1]) if self.values else None

    @property
    def on(self) -> bool | None:
        """The last value as a boolean."""
        return {0.0: False, 1.0: True}.get(-1.0 if self.value is None else self.value)


def _picture(state: StudioState, words: _Words) -> StudioState | None:
    source = words.source
    if source is None or words.on is not True:
        return None  # "no longer" says nothing about what is there now
    main = state.main
    if words.match[1]:
        main = replace(main, preview=source)
    else:
        main = replace(main, program=source)
    mixes: dict[int, Mix] = {**state.mixes, MAIN_MIX: main}
    return replace(state, mixes=mixes)


def _black(state: StudioState, words: _Words) -> StudioState | None:
    return None if words.on is None else replace(state, fade_to_black=words.on)


def _output(state: StudioState, words: _Words) -> StudioState | None:
    key = words.match[0].lower()
    output = state.outputs.get({"recording": "record"}.get(key, key))
    if output is None or words.on is None:
        return None
    changed = output_state(words.on)
    if changed is OutputState.STOPPED:
        output = replace(output, state=changed, path=None, duration_s=None)
    else:
        output = replace(output, state=changed)
    return replace(state, outputs={**state.outputs, output.key: output})


def _sound(state: StudioState, key: str | None, **changes: object) -> StudioState | None:
    channel = state.audio.get(key) if key else None
    if channel is None or None in changes.values():
        return None
    changed: AudioChannel = replace(channel, **changes)  # type: ignore[arg-type]
    return replace(state, audio={**state.audio, channel.key: changed})


def _strip(words: _Words) -> str:
    """Return the key of the master or a bus."""
    letter = words.match[1]
    return f"bus_{letter.lower()}" if letter else "master"


def _fader(words: _Words) -> float | None:
    return None if words.value is None else fader(words.value * 100)


def _muted(words: _Words) -> bool | None:
    return None if words.on is None else not words.on


TABLE: Final[tuple[tuple[re.Pattern[str], _Change, bool], ...]] = (
    # The XML follows at once, should a transition still have been under way.
    (re.compile(r"Input(Preview)?"), _picture, True),
    (re.compile(r"FadeToBlack"), _black, False),
    # The file's name and the time are in the XML only.
    (re.compile(r"Recording"), _output, True),
    (re.compile(r"External|MultiCorder|Fullscreen"), _output, False),
    (
        re.compile(r"(?:Master|Bus([A-G]))Volume"),
        lambda state, words: _sound(state, _strip(words), volume=_fader(words)),
        False,
    ),
    (
        re.compile(r"(?:Master|Bus([A-G]))Audio"),
        lambda state, words: _sound(state, _strip(words), muted=_muted(words)),
        False,
    ),
    (
        re.compile(r"InputVolume"),
        lambda state, words: _sound(state, words.source, volume=_fader(words)),
        False,
    ),
    (
        re.compile(r"InputAudio"),
        lambda state, words: _sound(state, words.source, muted=_muted(words)),
        False,
    ),
)
"""Activators that say all: (name, what changes, whether the XML has more to say)."""

IGNORED: Final = re.compile(
    r"InputPlaying|InputHeadphones|MasterHeadphones|InputAudioAuto|InputSolo|Bus[A-G]Solo"
    r"|InputVolumeChannelMixer\d+|Replay\w*|VideoCall\w*|InputDynamic\d|ButtonPress"
)
"""Activators of what the model does not have."""

# Everything else means "read the XML again". Among it, on purpose: Streaming, which does not say
# which stream; Overlay1 … 8, which do not tell program from preview; InputMix2 … 16, which were
# seen to be wrong; and names that newer versions bring.


def apply(state: StudioState, line: str, numbers: Mapping[int, str]) -> tuple[StudioState, bool]:
    """Return the state after an activator, and whether the XML must be read for the rest.

    Args:
        state: As it is known.
        line: What stands behind ``ACTS OK``: "InputVolume 1 0.5".
        numbers: Keys of sources by input number.

    """
    name, *values = line.split()[:4] or [""]
    for pattern, change, more in TABLE:
        match = pattern.fullmatch(name)
        if match is not None:
            changed = change(state, _Words(match, values, numbers))
            return (state, True) if changed is None else (changed, more)
    return state, IGNORED.fullmatch(name) is None


def tally(line: str, numbers: Mapping[int, str]) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return keys of the sources on air and in preview, and whether inputs came or went.

    Args:
        line: What stands behind ``TALLY OK``: one digit for each input, 1 program, 2 preview.
        numbers: Keys of sources by input number.

    """
    digits = line.strip()
    seen = {
        digit: frozenset(
            numbers[place]
            for place, found in enumerate(digits, start=1)
            if found == digit and place in numbers
        )
        for digit in "12"
    }
    return seen["1"], seen["2"], len(digits) != max(numbers, default=0)
