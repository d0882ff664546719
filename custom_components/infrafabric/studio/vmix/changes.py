"""What happened between two states of a vMix."""

from ..events import OutputHappened, ProgramChanged, RecordingFinished, StudioEvent, happening
from ..model import OutputKind, OutputState, StudioState


def changes(old: StudioState, new: StudioState) -> list[StudioEvent]:
    """Return the events that lead from one state to the other.

    vMix says only that an output runs or does not; it does not say whether a person or an error
    ended it. So an output that ended is told as stopped, never as failed.
    """
    events: list[StudioEvent] = []
    for key, output in new.outputs.items():
        before = old.outputs.get(key)
        if before is None:
            continue
        what = happening(before.state, output.state, asked=True)
        if what is not None:
            events.append(OutputHappened(output, before.state, what))
        if (
            output.kind is OutputKind.RECORD
            and before.state is OutputState.ACTIVE
            and output.state is OutputState.STOPPED
        ):
            # The XML drops both with the end; these are of the last reading before it.
            events.append(RecordingFinished(before.path, before.duration_s))
    for number, mix in new.mixes.items():
        former = old.mixes.get(number)
        if former is not None and former.program != mix.program:
            source = new.sources.get(mix.program or "")
            previous = old.sources.get(former.program or "")
            events.append(
                ProgramChanged(
                    mix=number,
                    source=mix.program,
                    name=None if source is None else source.name,
                    previous=None if previous is None else previous.name,
                )
            )
    return events
