"""The outputs of a vMix: start, stop, and where a stream goes."""

import asyncio
from typing import Final

from ..api import CONFIRM_TIMEOUT, StopReport
from ..destination import Destination, VmixStream
from ..errors import DeadlineError, RefusedError, StudioError
from ..model import Feature, Output, OutputKind, OutputState
from . import functions
from .functions import Call
from .steps import VmixSteps, invalid, unknown
from .xml import Reading

_FIRST_WITH_NUMBERS: Final = 25
"""The version from which on StreamingSetKey and its sisters take a stream's number. In 2021 (vMix
24) they reached the first stream only, says issue 113 of Companion's module for vMix."""


class VmixOutputs(VmixSteps):
    """Everything that can be started and stopped."""

    def _output(self, key: str) -> Output:
        output = self._known().outputs.get(key)
        if output is None:
            raise unknown("unknown_output", "output", key)
        return output

    async def start_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        """Start an output and return it as confirmed.

        A stream counts as started when vMix has begun it. Whether the server takes it, vMix's
        API does not say.
        """
        return await self._switch(key, timeout, on=True)

    async def stop_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        """Stop an output and return it as confirmed."""
        return await self._switch(key, timeout, on=False)

    async def _switch(self, key: str, timeout: float, *, on: bool) -> Output:
        output = self._output(key)
        wanted = OutputState.ACTIVE if on else OutputState.STOPPED
        # What is known may be a few seconds old. To stop what stands still does no harm, so a
        # stop waits for no reading; a start does, because it might begin a second file.
        if on or output.state is wanted:
            output = (await self._fresh()).state.outputs.get(key, output)
        if output.state is wanted:
            return output
        await self._call(functions.switch(output.kind, output.number, on=on))

        def done(reading: Reading) -> bool:
            found = reading.state.outputs.get(key)
            return found is not None and found.state is wanted

        try:
            reading = await self._until(key, done, timeout)
        except DeadlineError:
            found = self._known().outputs.get(key)
            state = (OutputState.UNKNOWN if found is None else found.state).value
            raise DeadlineError(
                "not_confirmed",
                f"vMix took the request, but {key} is still {state} after {timeout:g} s. "
                "Look at vMix itself.",
                output=key,
                state=state,
            ) from None
        return reading.state.outputs[key]

    async def pause_recording(self) -> Output:
        """Raise: vMix cannot."""
        self._lacks(Feature.PAUSE)

    async def resume_recording(self) -> Output:
        """Raise: vMix cannot."""
        self._lacks(Feature.PAUSE)

    async def split_recording(self) -> None:
        """Raise: vMix cannot."""
        self._lacks(Feature.SPLIT)

    async def add_chapter(self, name: str | None = None) -> None:
        """Raise: vMix cannot."""
        self._lacks(Feature.CHAPTER)

    async def save_replay(self) -> str:
        """Raise: vMix has no replay buffer; its instant replay is another thing."""
        self._lacks(Feature.SAVE_REPLAY)

    async def stop_everything(self, *, timeout: float = CONFIRM_TIMEOUT) -> list[StopReport]:
        """Stop every output at once and report on each."""
        outputs = list(self._known().outputs.values())
        return list(await asyncio.gather(*(self._report(output, timeout) for output in outputs)))

    async def _report(self, output: Output, timeout: float) -> StopReport:
        error: StudioError | None = None
        try:
            await self.stop_output(output.key, timeout=timeout)
        except StudioError as err:
            error = err
        return StopReport(
            output=output.key, stopped=error is None, was_on=output.state.is_on, error=error
        )

    async def set_destination(self, destination: Destination, *, output: str | None = None) -> str:
        """Set where a stream goes; return it keyless.

        vMix's API does not report a destination, so this is what vMix was told and took, not
        what was read back; ``state.destination`` stays empty. vMix uses it for streams whose
        destination is "Custom RTMP Server".

        While the stream runs it is a success only if this client told vMix the same since it is
        connected, and the stream was not stopped since then.
        """
        self._need(Feature.STREAM_DESTINATION)
        destination.check()
        stream = self._output(output or "stream_1")
        if stream.kind is not OutputKind.STREAM:
            raise unknown("unknown_output", "stream", stream.key)
        number = stream.number or 1
        settings = destination.vmix_settings()
        knows_numbers = _major(self._known().version.software) >= _FIRST_WITH_NUMBERS
        if number > 1 and not knows_numbers:
            self._lacks(Feature.STREAM_DESTINATION)
        calls = _destination_calls(number if knows_numbers else None, settings)
        # Two at a time would send the key of one to the server of the other.
        async with self._telling:
            for call in calls:
                now = (await self._fresh()).state.outputs.get(stream.key, stream)
                if now.state.is_on is not False:
                    if self._told.is_same(stream.key, settings):
                        break
                    raise RefusedError(
                        "stream_running",
                        f"{stream.key} runs, or may run, and perhaps to somewhere else. Stop it "
                        "before its destination changes.",
                        output=stream.key,
                    )
                self._told.forget(stream.key)
                await self._call(call)
            self._told.remember(stream.key, settings)
        return destination.public()


def _major(version: str) -> int:
    """Return the major version; one that cannot be read counts as new."""
    first = version.partition(".")[0]
    return int(first) if first.isdecimal() else _FIRST_WITH_NUMBERS


def _destination_calls(number: int | None, settings: VmixStream) -> list[Call]:
    values = (settings.server, settings.key, settings.username, settings.password)
    if any(functions.clean(value) != value for value in values):
        raise invalid("destination", "A destination's parts are one line of text each.")
    return functions.destination(number, *values)
