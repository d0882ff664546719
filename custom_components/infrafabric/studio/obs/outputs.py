"""Starts and stops the outputs of an OBS, and returns when OBS itself says that it is so."""

import asyncio
from collections.abc import Callable, Mapping
import time
from typing import Any, Final

from ..api import CONFIRM_TIMEOUT, StopReport
from ..errors import (
    DeadlineError,
    InvalidError,
    RefusedError,
    StudioError,
    UnsupportedError,
)
from ..model import Feature, Output, OutputState, StudioState
from ..secrets import scrub_text
from .happened import Part
from .protocol import Answer, Status
from .reading import OTHER_PREFIX, STANDARD_OUTPUTS
from .watching import Watching

LOOK_AGAIN: Final = 1.0
"""Seconds without an event until the studio is asked how things are."""
PAUSE_TIMEOUT: Final = 5.0
"""Seconds until OBS must have paused a recording."""
PAUSE_GAP: Final = 1.0
"""Seconds between two changes of a pause."""
REPLAY_TIMEOUT: Final = 15.0
"""Seconds until the replay buffer must be written."""

_START: Final[Mapping[str, str]] = {
    "stream": "StartStream",
    "record": "StartRecord",
    "virtual_camera": "StartVirtualCam",
    "replay_buffer": "StartReplayBuffer",
}
_STOP: Final[Mapping[str, str]] = {
    "stream": "StopStream",
    "record": "StopRecord",
    "virtual_camera": "StopVirtualCam",
    "replay_buffer": "StopReplayBuffer",
}
_ADVICE: Final[Mapping[str, str]] = {
    "stream": "The server did not take it: check the destination, the stream key and the network.",
    "record": "Check the folder for recordings, the free disk space and the encoder.",
    "replay_buffer": "Check that the replay buffer is enabled in OBS's settings.",
}


class Outputs(Watching):
    """The part of the client that starts and stops."""

    _paused_at = float("-inf")

    # -- asking -------------------------------------------------------------------------------

    async def _do(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        secrets: frozenset[str] = frozenset(),
        well: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask OBS for something and return its answer.

        Args:
            name: Of the request.
            data: Of the request.
            secrets: What OBS's comment may repeat and nobody may see.
            well: Refusals that are fine.

        Raises:
            UnsupportedError: This version has no such request.
            RefusedError: OBS said no.

        """
        link, _state = self._linked()
        self._need(name)
        answer = await link.request(name, data)
        if answer.ok or answer.code in well:
            return answer
        raise self._refused(name, answer, secrets)

    def _need(self, name: str) -> None:
        _link, state = self._linked()
        if name not in self._available:
            raise unsupported(name, state.version.software)

    def _need_feature(self, feature: Feature) -> None:
        _link, state = self._linked()
        if feature not in state.features:
            raise unsupported(feature.value, state.version.software)

    def _refused(
        self, name: str, answer: Answer, secrets: frozenset[str] = frozenset()
    ) -> StudioError:
        if answer.code == Status.UNKNOWN_REQUEST:
            version = self._state.version.software if self._state else "?"
            return unsupported(name, version)
        hidden = secrets | ({self._password} if self._password else set())
        reason = scrub_text(answer.reason, hidden)
        return RefusedError(
            "request_refused",
            f"OBS refused {name}: {reason.rstrip('.')}.",
            request=name,
            reason=reason,
        )

    async def _until(
        self,
        met: Callable[[StudioState], bool],
        part: Part,
        what: str,
        timeout: float,
    ) -> StudioState:
        """Wait until the state is as wanted, by events and by reading again.

        Raises:
            DeadlineError: It did not come to that.
            UnreachableError: The connection ended.

        """
        deadline = time.monotonic() + timeout
        looked = time.monotonic()
        while True:
            link, state = self._linked()
            if met(state):
                return state
            now = time.monotonic()
            if now >= deadline:
                raise not_confirmed(what, "unchanged", timeout)
            if now - looked >= LOOK_AGAIN:
                looked = now
                await self._refresh(link, frozenset({part}))
            else:
                await self._next_change(min(deadline - now, LOOK_AGAIN))

    # -- outputs ------------------------------------------------------------------------------

    async def start_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        """Start an output and return it as confirmed (``ACTIVE``, or ``PAUSED`` if it was).

        Raises:
            RefusedError: OBS said no (``request_refused``), or tried and gave up
                (``output_failed``).

        """
        deadline = time.monotonic() + timeout
        name, data = self._request_for(key, _START, "StartOutput")
        await self._look(key, deadline, timeout)
        failures = self._book.failures(key)
        asked = False
        while True:
            output = self._output(key)
            state = output.state if output is not None else OutputState.UNKNOWN
            if output is not None and state in {OutputState.ACTIVE, OutputState.PAUSED}:
                return output
            if asked and self._book.failures(key) > failures:
                raise failed(key, state)
            if not asked and state in {OutputState.STOPPED, OutputState.UNKNOWN}:
                failures = self._book.failures(key)
                # OBS may tell the end of the last run just before it has let go of it.
                answer = await self._do(name, data, well=frozenset({Status.OUTPUT_RUNNING}))
                asked = answer.ok
            elif state is OutputState.STARTING:
                asked = True
            await self._wait(key, state, deadline, timeout)

    async def stop_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        """Stop an output and return it as confirmed (``STOPPED``)."""
        deadline = time.monotonic() + timeout
        name, data = self._request_for(key, _STOP, "StopOutput")
        output = self._output(key)
        if output is None or output.state in {OutputState.STOPPED, OutputState.UNKNOWN}:
            # What is known to run is stopped without a look, which may hang with OBS's disk.
            await self._look(key, deadline, timeout)
        if self._output(key) is None:
            # OBS has its own words for an output that this machine cannot have.
            await self._do(name, data)
        while True:
            output = self._output(key)
            if output is None:
                raise unknown_output(key)
            if output.state is OutputState.STOPPED:
                return output
            if output.state is not OutputState.STOPPING:
                self._book.asked_to_stop(key)
                # OBS cannot stop what is still connecting: it is asked again until it can.
                await self._do(name, data, well=frozenset({Status.OUTPUT_NOT_RUNNING}))
            await self._wait(key, output.state, deadline, timeout)

    def _request_for(
        self, key: str, requests: Mapping[str, str], other: str
    ) -> tuple[str, Mapping[str, Any] | None]:
        """Return the request that is meant for this output.

        Raises:
            InvalidError: There is no such output.

        """
        _link, state = self._linked()
        if key in STANDARD_OUTPUTS:
            self._need(requests[key])
            return requests[key], None
        if key not in state.outputs or not key.startswith(OTHER_PREFIX):
            raise unknown_output(key)
        return other, {"outputName": key.removeprefix(OTHER_PREFIX)}

    def _output(self, key: str) -> Output | None:
        _link, state = self._linked()
        return state.outputs.get(key)

    async def _look(self, key: str, deadline: float, timeout: float) -> None:
        """Read how the outputs are now.

        Raises:
            DeadlineError: OBS did not answer until then.

        """
        link, _state = self._linked()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._refresh(link, frozenset({Part.OUTPUTS}))
        except TimeoutError:
            output = self._output(key)
            state = output.state if output is not None else OutputState.UNKNOWN
            raise not_confirmed(key, state.value, timeout) from None

    async def _wait(self, key: str, before: OutputState, deadline: float, timeout: float) -> None:
        """Wait for a change of an output, and look for one if none is told."""
        now = time.monotonic()
        if now >= deadline:
            raise not_confirmed(key, before.value, timeout)
        await self._next_change(min(LOOK_AGAIN, deadline - now))
        output = self._output(key)
        if output is not None and output.state is before:
            await self._look(key, deadline, timeout)

    async def stop_everything(self, *, timeout: float = CONFIRM_TIMEOUT) -> list[StopReport]:
        """Stop every output at once and report on each; never raises for a single output."""
        _link, state = self._linked()
        return list(
            await asyncio.gather(
                *(self._report(output, timeout) for output in state.outputs.values())
            )
        )

    async def _report(self, output: Output, timeout: float) -> StopReport:
        error: StudioError | None = None
        try:
            await self.stop_output(output.key, timeout=timeout)
        except StudioError as err:
            error = err
        return StopReport(
            output=output.key,
            stopped=error is None,
            was_on=output.state.is_on,
            error=error,
        )

    # -- recording and replay -----------------------------------------------------------------

    async def pause_recording(self) -> Output:
        """Pause the recording (``Feature.PAUSE``)."""
        return await self._set_paused("PauseRecord", OutputState.PAUSED, Status.OUTPUT_PAUSED)

    async def resume_recording(self) -> Output:
        """Resume the recording (``Feature.PAUSE``)."""
        return await self._set_paused("ResumeRecord", OutputState.ACTIVE, Status.OUTPUT_NOT_PAUSED)

    async def _set_paused(self, name: str, wanted: OutputState, already: Status) -> Output:
        self._need_feature(Feature.PAUSE)
        # Two changes within a frame leave OBS 29 with a recording that never ends.
        await asyncio.sleep(max(0.0, self._paused_at + PAUSE_GAP - time.monotonic()))
        deadline = time.monotonic() + PAUSE_TIMEOUT
        await self._look("record", deadline, PAUSE_TIMEOUT)
        output = self._output("record")
        if output is not None and output.state is OutputState.STOPPED:
            # OBS answers that it did it.
            raise RefusedError(
                "request_refused",
                "There is no recording: start one first.",
                request=name,
                reason="the output does not run",
            )
        if output is None or output.state is not wanted:
            await self._do(name, well=frozenset({already}))
            self._paused_at = time.monotonic()
        while True:
            output = self._output("record")
            if output is not None and output.state is wanted:
                return output
            state = output.state if output is not None else OutputState.UNKNOWN
            if state is OutputState.STOPPED:
                raise failed("record", state)
            try:
                await self._wait("record", state, deadline, PAUSE_TIMEOUT)
            except DeadlineError as err:
                raise DeadlineError(
                    "not_confirmed",
                    f"OBS answered {name} but the recording is still {state}. A recording that "
                    "shares the stream's encoder cannot be paused: choose another recording "
                    "quality in OBS's settings.",
                    output="record",
                    state=state.value,
                ) from err

    async def split_recording(self) -> None:
        """Begin a new file (``Feature.SPLIT``)."""
        self._need_feature(Feature.SPLIT)
        await self._do("SplitRecordFile")

    async def add_chapter(self, name: str | None = None) -> None:
        """Set a chapter mark in the recording (``Feature.CHAPTER``)."""
        self._need_feature(Feature.CHAPTER)
        await self._do("CreateRecordChapter", {"chapterName": name} if name else None)

    async def save_replay(self) -> str:
        """Write the replay buffer and return the file's path (``Feature.SAVE_REPLAY``)."""
        self._need_feature(Feature.SAVE_REPLAY)
        self._replay = None
        await self._do("SaveReplayBuffer")
        deadline = time.monotonic() + REPLAY_TIMEOUT
        while (path := self._replay_path()) is None:
            now = time.monotonic()
            if now >= deadline:
                raise not_confirmed("replay_buffer", "unsaved", REPLAY_TIMEOUT)
            await self._next_change(deadline - now)
        return path

    def _replay_path(self) -> str | None:
        self._linked()
        return self._replay


# -- errors ---------------------------------------------------------------------------------------


def unsupported(what: str, version: str) -> UnsupportedError:
    """Return the error of who wants what this OBS does not have."""
    return UnsupportedError(
        "unsupported",
        f"OBS {version} cannot do this ({what}). A newer version may.",
        what=what,
        version=version,
    )


def unknown_output(key: str) -> InvalidError:
    """Return the error for an output that does not exist."""
    return InvalidError("unknown_output", f"This OBS has no output {key}.", name=key)


def not_confirmed(what: str, state: str, timeout: float) -> DeadlineError:
    """Return the error for what OBS did not confirm in time."""
    return DeadlineError(
        "not_confirmed",
        f"OBS did not confirm {what} within {timeout:g} seconds (it is {state}). Is a question "
        "open in its window?",
        output=what,
        state=state,
    )


def failed(key: str, state: OutputState) -> RefusedError:
    """Return the error for an output that OBS began and gave up."""
    advice = _ADVICE.get(key, "OBS's log file says more.")
    return RefusedError(
        "output_failed",
        f"OBS began the output {key} and gave up. {advice}",
        output=key,
        state=state.value,
        reason=advice,
    )
