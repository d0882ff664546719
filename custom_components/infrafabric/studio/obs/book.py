"""The life of every output of OBS, from two sources: what it tells, and what its status says.

What OBS tells (an event) counts at once. The status is a cross check every few seconds: it
corrects what was missed and brings the counters, but it knows neither starting nor stopping, and
it may have been taken just before an event that arrived first. Time is passed in.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ..events import OutputHappened, RecordingFinished, StudioEvent, happening
from ..model import Output, OutputKind, OutputState
from ..rates import Bitrate, SkippedShare
from .reading import OTHER_PREFIX, STANDARD_OUTPUTS, OutputReading

SETTLE: Final = 3.0
"""Seconds after an event in which a status that says otherwise is taken for an older one."""
STARTING_LIMIT: Final = 90.0
"""Seconds that an output may be starting; OBS itself gives up a server long before."""

STATES: Final[Mapping[str, OutputState]] = {
    "OBS_WEBSOCKET_OUTPUT_STARTING": OutputState.STARTING,
    "OBS_WEBSOCKET_OUTPUT_STARTED": OutputState.ACTIVE,
    "OBS_WEBSOCKET_OUTPUT_STOPPING": OutputState.STOPPING,
    "OBS_WEBSOCKET_OUTPUT_STOPPED": OutputState.STOPPED,
    "OBS_WEBSOCKET_OUTPUT_RECONNECTING": OutputState.RECONNECTING,
    "OBS_WEBSOCKET_OUTPUT_RECONNECTED": OutputState.ACTIVE,
    "OBS_WEBSOCKET_OUTPUT_PAUSED": OutputState.PAUSED,
    "OBS_WEBSOCKET_OUTPUT_RESUMED": OutputState.ACTIVE,
}
"""ObsOutputState of the protocol."""


class _Stopwatch:
    """Seconds of a recording, without its pauses."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._since: float | None = None

    def follow(self, before: OutputState, state: OutputState, now: float) -> None:
        """Go on or stand still."""
        if state is OutputState.ACTIVE:
            if before in {OutputState.STOPPED, OutputState.STARTING}:
                self._seconds = 0.0
            if self._since is None:
                self._since = now
        else:
            self._seconds, self._since = self.read(now), None

    def set(self, seconds: float | None, *, runs: bool, now: float) -> None:
        """Take over what OBS says."""
        if seconds is not None:
            self._seconds, self._since = seconds, now if runs else None

    def read(self, now: float) -> float | None:
        """Return the seconds; None if the beginning was missed."""
        if self._seconds is None or self._since is None:
            return self._seconds
        return self._seconds + now - self._since


class _Page:
    """What is known of one output besides its values."""

    def __init__(self) -> None:
        self.bitrate = Bitrate()
        self.skipped = SkippedShare()
        self.asked = False
        self.told_at = float("-inf")
        self.failures = 0


class OutputBook:
    """All outputs, by key."""

    def __init__(self) -> None:
        """Begin with no output."""
        self.outputs: Mapping[str, Output] = {}
        self._pages: dict[str, _Page] = {}
        self._recording = _Stopwatch()

    def failures(self, key: str) -> int:
        """Return how often the output ended, or never began, without being asked to."""
        page = self._pages.get(key)
        return page.failures if page is not None else 0

    def asked_to_stop(self, key: str) -> None:
        """Note that somebody asks the output to stop."""
        self._page(key).asked = True

    def told(
        self, key: str, state: OutputState, now: float, *, path: str | None = None
    ) -> list[StudioEvent]:
        """Take in an event of OBS and return what subscribers are told."""
        output = self.outputs.get(key)
        if output is None:
            if key not in STANDARD_OUTPUTS:
                return []
            output = Output(key=key, kind=STANDARD_OUTPUTS[key])
        self._page(key).told_at = now
        return self._become(replace(output, path=path or output.path), state, now)

    def file_changed(self, path: str) -> list[StudioEvent]:
        """Take in that the recording goes on in another file."""
        output = self.outputs.get("record")
        if output is None or output.path == path:
            return []
        self._set(replace(output, path=path))
        return [RecordingFinished(output.path)] if output.path else []

    def read(self, readings: Mapping[str, OutputReading | None], now: float) -> list[StudioEvent]:
        """Take in the status of every output and return what subscribers are told.

        Args:
            readings: By key; None for an output that exists and did not answer. An output that is
                missing here does not exist.
            now: Seconds of a clock that never goes back.

        """
        events: list[StudioEvent] = []
        self.outputs = {key: output for key, output in self.outputs.items() if key in readings}
        for key in self._pages.keys() - readings.keys():
            del self._pages[key]
        for key, status in readings.items():
            output = self.outputs.get(key) or _new(key)
            if status is None:
                self._set(output)
                continue
            output = self._counted(output, status, now)
            state = self._settled(key, output.state, status.state, now)
            events += self._become(output, state, now)
            if key == "record":
                runs = state is OutputState.ACTIVE
                self._recording.set(status.duration_s, runs=runs, now=now)
        return events

    def _settled(
        self, key: str, known: OutputState, status: OutputState, now: float
    ) -> OutputState:
        """Return which of both is right."""
        since = now - self._page(key).told_at
        if since < SETTLE:
            return known
        if known is OutputState.STARTING and status is OutputState.STOPPED:
            return known if since < STARTING_LIMIT else status
        if known is OutputState.STOPPING and status is not OutputState.STOPPED:
            return known
        return status

    def _counted(self, output: Output, status: OutputReading, now: float) -> Output:
        page = self._page(output.key)
        return replace(
            output,
            duration_s=status.duration_s,
            sent_bytes=status.sent_bytes,
            bitrate_kbps=page.bitrate.update(now, status.sent_bytes),
            congestion=status.congestion,
            skipped_frames=status.skipped_frames,
            total_frames=status.total_frames,
            skipped_percent=page.skipped.update(status.skipped_frames, status.total_frames),
        )

    def _become(self, output: Output, state: OutputState, now: float) -> list[StudioEvent]:
        before, page = output.state, self._page(output.key)
        output = replace(output, state=state)
        events: list[StudioEvent] = []
        seconds = None
        if output.kind is OutputKind.RECORD and before is not state:
            self._recording.follow(before, state, now)
            seconds = self._recording.read(now)
        if state is OutputState.STOPPING:
            page.asked = True
        what = happening(before, state, asked=page.asked)
        path = output.path
        if state is OutputState.STOPPED:
            output = _at_rest(output)
            if before in {OutputState.STARTING, OutputState.ACTIVE, OutputState.RECONNECTING}:
                page.failures += not page.asked
        if state is not OutputState.STOPPING and before is not state:
            page.asked = False
        self._set(output)
        if what is not None:
            events.append(OutputHappened(output, before, what))
        # An attempt that never became a recording leaves no file.
        began = {OutputState.ACTIVE, OutputState.PAUSED, OutputState.STOPPING}
        if output.kind is OutputKind.RECORD and state is OutputState.STOPPED and before in began:
            events.append(RecordingFinished(path, seconds))
        return events

    def _set(self, output: Output) -> None:
        if self.outputs.get(output.key) != output:
            self.outputs = {**self.outputs, output.key: output}

    def _page(self, key: str) -> _Page:
        return self._pages.setdefault(key, _Page())


def _new(key: str) -> Output:
    kind = STANDARD_OUTPUTS.get(key)
    if kind is not None:
        return Output(key=key, kind=kind)
    return Output(key=key, kind=OutputKind.OTHER, name=key.removeprefix(OTHER_PREFIX))


def _at_rest(output: Output) -> Output:
    return Output(key=output.key, kind=output.kind, name=output.name, state=output.state)
