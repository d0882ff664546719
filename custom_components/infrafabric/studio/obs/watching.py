"""Keeps the state of an OBS true: reads everything once, follows its events, polls the rest."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
import random
import ssl as ssl_module
import time
from typing import Any, Final

import aiohttp

from ..api import DEFAULT_POLL_INTERVAL, MAX_POLL_INTERVAL, MIN_POLL_INTERVAL
from ..base import SupervisedClient
from ..errors import DeadlineError, StudioError, UnreachableError
from ..events import ReplaySaved, StudioEvent
from ..model import AudioChannel, SceneItem, StudioKind, StudioState
from . import happened, protocol, reading
from .book import STATES, OutputBook
from .connection import Connection
from .happened import ALL_PARTS, Part
from .protocol import Answer, Event, Status
from .reading import OTHER_PREFIX, Input, OutputReading, Transition

LOADING_TIMEOUT: Final = 60.0
"""Seconds that OBS may be loading after it accepted the connection."""
LOADING_RETRY: Final = 0.3
"""Seconds until it is asked again whether it has loaded."""
COALESCE: Final = 0.05
"""Seconds to wait for more events before something is read again."""
COLLECTION_LIMIT: Final = 30.0
"""Seconds that a change of the scene collection may take until everything is read anyway."""
METER_INTERVAL: Final = 0.5
"""Seconds between two changes of the meters; OBS sends twenty a second."""
MISSED_POLLS: Final = 3
"""Readings without an answer, one after another, until the connection counts as broken."""
MAX_EARLY: Final = 1000
"""Events kept while everything is read for the first time."""

type Asked = tuple[str, Mapping[str, Any]]

_REQUESTS: Final[Mapping[Part, tuple[str, ...]]] = {
    Part.SCENES: ("GetSceneList",),
    Part.INPUTS: ("GetInputList",),
    Part.ITEMS: (),
    Part.TRANSITIONS: ("GetSceneTransitionList", "GetCurrentSceneTransition"),
    Part.STUDIO_MODE: ("GetStudioModeEnabled",),
    Part.PROFILES: ("GetProfileList",),
    Part.COLLECTIONS: ("GetSceneCollectionList",),
    Part.VIDEO: ("GetVideoSettings",),
    Part.DESTINATION: ("GetStreamServiceSettings",),
    Part.OUTPUTS: (
        *("GetStats", "GetStreamStatus", "GetRecordStatus", "GetVirtualCamStatus"),
        *("GetReplayBufferStatus", "GetOutputList"),
    ),
}
_STATUS_OF: Final[Mapping[str, str]] = {
    "stream": "GetStreamStatus",
    "record": "GetRecordStatus",
    "virtual_camera": "GetVirtualCamStatus",
    "replay_buffer": "GetReplayBufferStatus",
}
_OUTPUT_EVENTS: Final[Mapping[str, str]] = {
    "StreamStateChanged": "stream",
    "RecordStateChanged": "record",
    "VirtualcamStateChanged": "virtual_camera",
    "ReplayBufferStateChanged": "replay_buffer",
}
_MAX_OTHER_OUTPUTS: Final = 32


class Watching(SupervisedClient):
    """The half of the client that listens.

    Args:
        session: Who makes the WebSocket; stays open.
        host: Name or address.
        port: 1 to 65535.
        password: Of the WebSocket server; None if it asks for none.
        tls: Whether a proxy in front of OBS speaks TLS.
        ssl: How its certificate is checked; False not at all.
        poll_interval: Seconds, ``MIN_POLL_INTERVAL`` to ``MAX_POLL_INTERVAL``.
        scene_items: Whether the state has what is placed in the scenes.
        meters: Whether the state has how loud each input is.
        rng: Source of the jitter between attempts.

    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        host: str,
        port: int = 4455,
        password: str | None = None,
        *,
        tls: bool = False,
        ssl: ssl_module.SSLContext | bool = True,
        poll_interval: float = DEFAULT_POLL_INTERVAL,
        scene_items: bool = False,
        meters: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        """Begin without a connection."""
        super().__init__(f"{host}:{port}", rng=rng)
        self._open: Callable[[], Awaitable[Connection]] = lambda: Connection.open(
            session,
            host,
            port,
            password,
            wanted=protocol.intents(scene_items=scene_items, meters=meters),
            tls=tls,
            ssl=ssl,
        )
        self._password = password
        self.poll_interval = poll_interval
        self._with_items = scene_items
        self._waiting: set[asyncio.Future[None]] = set()
        self._link: Connection | None = None
        self._forget()

    def _forget(self) -> None:
        """Begin a session: nothing of the last one is true any more."""
        self._book = OutputBook()
        self._current: StudioState | None = None
        self._available: frozenset[str] = frozenset()
        self._inputs: dict[str, Input] = {}
        self._choices: tuple[Transition, ...] = ()
        self._target_fps: float | None = None
        self._stale: set[Part] = set()
        self._stale_now = asyncio.Event()
        self._early: list[Event] = []
        self._goodbye = False
        self._changing: float | None = None
        self._metered_at = 0.0
        self._meters: dict[str, float] = {}
        self._transitions_ended = 0
        self._replay: str | None = None

    @property
    def kind(self) -> StudioKind:
        """Which program runs the studio."""
        return StudioKind.OBS

    @property
    def _pace(self) -> float:
        """Seconds until the next reading, whatever was asked for."""
        return min(max(self.poll_interval, MIN_POLL_INTERVAL), MAX_POLL_INTERVAL)

    # -- one session --------------------------------------------------------------------------

    async def _session(self) -> None:
        link = await self._open()
        self._forget()
        reader = asyncio.create_task(link.run(self._on_event), name=f"OBS reader {self.address}")
        worker = asyncio.create_task(self._work(link), name=f"OBS worker {self.address}")
        try:
            await asyncio.wait({reader, worker}, return_when=asyncio.FIRST_COMPLETED)
            if self._goodbye:
                return
            if reader.done():
                raise reader.result()
            await worker
        finally:
            self._link = None
            reader.cancel()
            worker.cancel()
            await asyncio.gather(reader, worker, return_exceptions=True)
            await link.close()
            self._pulse()

    async def _work(self, link: Connection) -> None:
        state = await self._read_first(link)
        self._link, self._current = link, state
        self._became_ready(state)
        early, self._early = self._early, []
        for event in early:
            self._on_event(event)
        missed = 0
        next_poll = time.monotonic() + self._pace
        while True:
            parts = await self._wait_for_work(next_poll)
            if Part.OUTPUTS in parts:
                next_poll = time.monotonic() + self._pace
            try:
                await self._refresh(link, parts)
            except DeadlineError:
                missed += 1
                if missed >= MISSED_POLLS:
                    raise
                self._read_again(parts)
            else:
                missed = 0

    async def _wait_for_work(self, next_poll: float) -> frozenset[Part]:
        """Return what has to be read again, when it has to be."""
        wait = next_poll - time.monotonic()
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await self._stale_now.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(COALESCE)
        self._stale_now.clear()
        parts, self._stale = frozenset(self._stale), set()
        if time.monotonic() >= next_poll:
            parts |= {Part.OUTPUTS}
        if self._changing is not None:
            if time.monotonic() - self._changing < COLLECTION_LIMIT:
                return parts & {Part.OUTPUTS}
            self._changing = None
            return ALL_PARTS
        return parts

    def _read_again(self, parts: frozenset[Part]) -> None:
        if parts:
            self._stale |= parts
            self._stale_now.set()

    # -- reading ------------------------------------------------------------------------------

    async def _read_first(self, link: Connection) -> StudioState:
        """Read everything, however long OBS is still loading."""
        deadline = time.monotonic() + LOADING_TIMEOUT
        while True:
            answers = await self._ask(link, ("GetVersion",), ALL_PARTS)
            version = answers.get("GetVersion")
            if version is not None and version.ok and not _loading(answers):
                break
            if time.monotonic() > deadline:
                raise UnreachableError(
                    "studio_closed",
                    "OBS accepts connections but does not finish loading. Is a question open in "
                    "its window?",
                    reason="OBS does not finish loading",
                )
            await asyncio.sleep(LOADING_RETRY)
        found, self._available = reading.version(version.data)
        state = StudioState(
            kind=StudioKind.OBS,
            version=found,
            features=reading.features(found, self._available),
        )
        state, _events = await self._fold(link, state, ALL_PARTS, answers)
        return state

    async def _refresh(self, link: Connection, parts: frozenset[Part]) -> None:
        """Read these parts again and tell what changed."""
        if not parts:
            return
        answers = await self._ask(link, (), parts)
        if self._current is None:
            return
        if self._changing is not None and parts != {Part.OUTPUTS}:
            # What is there now is half of one collection; its last event has everything read.
            return
        if _loading(answers):
            await asyncio.sleep(LOADING_RETRY)
            self._read_again(parts)
            return
        # Events may have come while the second round was asked: only these parts are replaced.
        extra = await self._second_round(link, self._current, parts, answers)
        state, events = self._folded(self._current, parts, answers, extra)
        self._adopt(state, events)

    async def _ask(
        self, link: Connection, first: tuple[str, ...], parts: frozenset[Part]
    ) -> dict[str, Answer]:
        names = list(first)
        for part in Part:
            if part in parts:
                names += [
                    name
                    for name in _REQUESTS[part]
                    if not self._available or name in self._available
                ]
        answers = await link.batch([(name, {}) for name in names])
        return dict(zip(names, answers, strict=True))

    async def _fold(
        self,
        link: Connection,
        state: StudioState,
        parts: frozenset[Part],
        answers: Mapping[str, Answer],
    ) -> tuple[StudioState, list[StudioEvent]]:
        extra = await self._second_round(link, state, parts, answers)
        return self._folded(state, parts, answers, extra)

    async def _second_round(
        self,
        link: Connection,
        state: StudioState,
        parts: frozenset[Part],
        answers: Mapping[str, Answer],
    ) -> dict[tuple[str, str], Answer]:
        """Ask about each input, scene and output by itself, all in one go."""
        asked: list[tuple[str, str, Mapping[str, Any]]] = []
        if Part.INPUTS in parts and (inputs := _data(answers, "GetInputList")) is not None:
            for found in reading.inputs(inputs).values():
                asked += [(name, found.key, ref("input", found)) for name in _AUDIO_REQUESTS]
        if Part.ITEMS in parts and self._with_items:
            scenes = _data(answers, "GetSceneList")
            sources = state.sources if scenes is None else reading.scenes(scenes).sources
            asked += [
                ("GetSceneItemList", source.key, ref("scene", source))
                for source in sources.values()
            ]
        if Part.OUTPUTS in parts and (outputs := _data(answers, "GetOutputList")) is not None:
            running = [
                name for name, status in reading.other_outputs(outputs).items() if status.active
            ]
            asked += [
                ("GetOutputStatus", name, {"outputName": name})
                for name in running[:_MAX_OTHER_OUTPUTS]
            ]
        if not asked:
            return {}
        found_answers = await link.batch([(name, data) for name, _key, data in asked])
        return {
            (name, key): answer
            for (name, key, _data), answer in zip(asked, found_answers, strict=True)
        }

    def _folded(
        self,
        state: StudioState,
        parts: frozenset[Part],
        answers: Mapping[str, Answer],
        extra: Mapping[tuple[str, str], Answer],
    ) -> tuple[StudioState, list[StudioEvent]]:
        """Return the state with what was read, and what subscribers are told besides."""
        events: list[StudioEvent] = []
        # The state may be older than its outputs, which have their own book.
        now = time.monotonic()
        if (data := _data(answers, "GetVideoSettings")) is not None:
            self._target_fps = reading.target_fps(data)
        if (data := _data(answers, "GetSceneList")) is not None:
            scenes = reading.scenes(data)
            change = happened.with_program(replace(state, sources=scenes.sources), scenes.program)
            state = happened.with_preview(change.state, scenes.preview)
            events += change.events
        if (data := _data(answers, "GetInputList")) is not None:
            self._inputs = reading.inputs(data)
            state = replace(state, audio=_audio(self._inputs, state.audio, extra))
        if Part.ITEMS in parts and self._with_items:
            state = replace(state, scene_items=_items(state, extra))
        if (data := _data(answers, "GetSceneTransitionList")) is not None:
            self._choices, chosen = reading.transitions(data)
            names = tuple(choice.name for choice in self._choices)
            state = replace(state, transitions=names, transition=chosen)
        if (data := _data(answers, "GetCurrentSceneTransition")) is not None:
            state = replace(state, transition_ms=reading.transition_ms(data))
        if (data := _data(answers, "GetStudioModeEnabled")) is not None:
            state = replace(state, studio_mode=reading.flag(data, "studioModeEnabled"))
        if (data := _data(answers, "GetProfileList")) is not None:
            state = replace(
                state,
                profiles=reading.texts(data, "profiles"),
                profile=reading.text(data, "currentProfileName"),
            )
        if (data := _data(answers, "GetSceneCollectionList")) is not None:
            state = replace(
                state,
                collections=reading.texts(data, "sceneCollections"),
                collection=reading.text(data, "currentSceneCollectionName"),
            )
        if (data := _data(answers, "GetStreamServiceSettings")) is not None:
            shown = reading.destination(data)
            state = replace(state, destination={"stream": shown} if shown else {})
        if (data := _data(answers, "GetStats")) is not None:
            state = replace(state, statistics=reading.statistics(data, self._target_fps))
        if Part.OUTPUTS in parts:
            events += self._book.read(_readings(answers, extra, self._book), now)
        return replace(state, outputs=self._book.outputs), events

    # -- events -------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        if event.type == "ExitStarted":
            self._goodbye = True
            return
        if self._current is None:
            if len(self._early) < MAX_EARLY:
                self._early.append(event)
            return
        if event.type == "InputVolumeMeters":
            self._on_meters(event)
        elif (key := _OUTPUT_EVENTS.get(event.type)) is not None:
            self._on_output(key, event)
        elif event.type == "RecordFileChanged":
            if (path := reading.text(event.data, "newOutputPath", reading.MAX_PATH)) is not None:
                self._adopt(self._current, self._book.file_changed(path))
        elif event.type == "ReplayBufferSaved":
            if (path := reading.text(event.data, "savedReplayPath", reading.MAX_PATH)) is not None:
                self._replay = path
                self._adopt(self._current, [ReplaySaved(path)])
        elif event.type == "SceneTransitionEnded":
            self._transitions_ended += 1
            self._pulse()
        elif event.type == "CurrentSceneCollectionChanging":
            # Until it is complete, everything seems to vanish and come back.
            self._changing = time.monotonic()
        else:
            if event.type == "CurrentSceneCollectionChanged":
                self._changing = None
            if self._changing is None:
                change = happened.apply(self._current, event.type, event.data)
                self._read_again(change.again)
                self._adopt(change.state, change.events)

    def _on_output(self, key: str, event: Event) -> None:
        state = STATES.get(reading.text(event.data, "outputState") or "")
        if state is None:
            self._read_again(frozenset({Part.OUTPUTS}))
            return
        path = reading.text(event.data, "outputPath", reading.MAX_PATH)
        events = self._book.told(key, state, time.monotonic(), path=path)
        if self._current is not None:
            self._adopt(self._current, events)

    def _on_meters(self, event: Event) -> None:
        for key, level in happened.loudest(event.data).items():
            if len(self._meters) < reading.MAX_PARTS or key in self._meters:
                self._meters[key] = max(level, self._meters.get(key, 0.0))
        now = time.monotonic()
        if self._current is not None and now - self._metered_at >= METER_INTERVAL:
            self._metered_at = now
            levels, self._meters = self._meters, {}
            self._adopt(happened.metered(self._current, levels), ())

    def _adopt(self, state: StudioState, events: Sequence[StudioEvent]) -> None:
        """Make *state*, with the outputs as the book has them, the known one."""
        state = replace(state, outputs=self._book.outputs)
        self._current = state
        self._replace(state)
        for event in events:
            self._emit(event)
        self._pulse()

    # -- for those who wait -------------------------------------------------------------------

    def _pulse(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def _next_change(self, seconds: float) -> None:
        """Wait until something changes, at most so long."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._waiting.discard(future)

    def _linked(self) -> tuple[Connection, StudioState]:
        """Return the connection and the state.

        Raises:
            UnreachableError: There is no connection.

        """
        if self._link is None or self._current is None or not self._connected:
            raise not_connected(self.address)
        return self._link, self._current


def not_connected(address: str) -> StudioError:
    """Return the error of who wants something while there is no connection."""
    return UnreachableError(
        "studio_not_connected", f"OBS at {address} is not connected. Is it running?"
    )


_AUDIO_REQUESTS: Final = ("GetInputVolume", "GetInputMute", "GetInputAudioMonitorType")


def ref(what: str, part: Any) -> dict[str, str]:
    """Return how a request names a scene or an input: by UUID where OBS has one."""
    return {f"{what}Name": part.name} if part.key == part.name else {f"{what}Uuid": part.key}


def _loading(answers: Mapping[str, Answer]) -> bool:
    return any(answer.code == Status.NOT_READY for answer in answers.values())


def _data(answers: Mapping[str, Answer], name: str) -> Mapping[str, Any] | None:
    answer = answers.get(name)
    return answer.data if answer is not None and answer.ok else None


def _audio(
    inputs: Mapping[str, Input],
    before: Mapping[str, AudioChannel],
    extra: Mapping[tuple[str, str], Answer],
) -> dict[str, AudioChannel]:
    found: dict[str, AudioChannel] = {}
    for key, part in inputs.items():
        volume, mute, monitor = (
            answer.data if (answer := extra.get((name, key))) is not None and answer.ok else {}
            for name in _AUDIO_REQUESTS
        )
        # OBS refuses the question for an input without sound.
        if volume:
            channel = reading.audio(part, volume, mute, monitor)
            meter = before[key].meter if key in before else None
            found[key] = replace(channel, meter=meter)
    return found


def _items(
    state: StudioState, extra: Mapping[tuple[str, str], Answer]
) -> dict[tuple[str, int], SceneItem]:
    found: dict[tuple[str, int], SceneItem] = {}
    for (name, scene), answer in extra.items():
        if name == "GetSceneItemList" and answer.ok and scene in state.sources:
            found |= reading.scene_items(scene, answer.data)
    return found


def _readings(
    answers: Mapping[str, Answer], extra: Mapping[tuple[str, str], Answer], book: OutputBook
) -> dict[str, OutputReading | None]:
    """Return the status of every output that exists."""
    found: dict[str, OutputReading | None] = {}
    for key, name in _STATUS_OF.items():
        answer = answers.get(name)
        if answer is None or answer.code in {Status.UNKNOWN_REQUEST, Status.INVALID_STATE}:
            # Not part of this version, or nothing on this machine can do it.
            continue
        found[key] = reading.output(answer.data) if answer.ok else None
    outputs = _data(answers, "GetOutputList")
    if outputs is None:
        found |= {key: None for key in book.outputs if key.startswith(OTHER_PREFIX)}
        return found
    for name, status in reading.other_outputs(outputs).items():
        detail = extra.get(("GetOutputStatus", name))
        better = reading.output(detail.data) if detail is not None and detail.ok else None
        found[OTHER_PREFIX + name] = better or status
    return found
