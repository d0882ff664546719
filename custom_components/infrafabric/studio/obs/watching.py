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
from ..model import StudioKind, StudioState
from . import happened, protocol, reading
from .book import STATES, OutputBook
from .changing import Transitions
from .connection import Connection
from .fold import Answers, Extra, Known, fold, is_loading, items, more, readings
from .happened import ALL_PARTS, Part
from .probe import recognise
from .protocol import Answer, Event

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
MAX_EVENTS: Final = 200
"""Events taken one by one within a second. A fader in motion causes some 50; what is more than all
of that, one reading answers."""
MAX_EARLY: Final = 1000
"""Events kept while everything is read for the first time."""

type Asked = tuple[str, Mapping[str, Any]]

_REQUESTS: Final[Mapping[Part, tuple[str, ...]]] = {
    Part.SCENES: ("GetSceneList",),
    Part.INPUTS: ("GetInputList",),
    Part.ITEMS: (),
    Part.TRANSITIONS: ("GetSceneTransitionList", "GetCurrentSceneTransition"),
    Part.PROGRAM: ("GetStudioModeEnabled", "GetCurrentProgramScene", "GetCurrentPreviewScene"),
    Part.PROFILES: ("GetProfileList",),
    Part.COLLECTIONS: ("GetSceneCollectionList",),
    Part.VIDEO: ("GetVideoSettings",),
    Part.DESTINATION: ("GetStreamServiceSettings",),
    Part.OUTPUTS: (
        *("GetStats", "GetStreamStatus", "GetRecordStatus", "GetVirtualCamStatus"),
        *("GetReplayBufferStatus", "GetOutputList"),
    ),
}
_OUTPUT_EVENTS: Final[Mapping[str, str]] = {
    "StreamStateChanged": "stream",
    "RecordStateChanged": "record",
    "VirtualcamStateChanged": "virtual_camera",
    "ReplayBufferStateChanged": "replay_buffer",
}
_NEVER_SKIPPED: Final = frozenset(
    {"CurrentSceneCollectionChanging", "CurrentSceneCollectionChanged"}
    | {"SceneTransitionStarted", "SceneTransitionEnded"}
)
"""Events whose other half would be waited for."""


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
        identity: Id that ``probe_obs`` found; another OBS at this address is refused. None takes
            any.
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
        identity: str | None = None,
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
        self._identity = identity
        self._waiting: set[asyncio.Future[None]] = set()
        self._link: Connection | None = None
        self._forget()

    def _forget(self) -> None:
        """Begin a session: nothing of the last one is true any more."""
        self._book = OutputBook()
        self._current: StudioState | None = None
        self._available: frozenset[str] = frozenset()
        self._known = Known()
        self._stale: set[Part] = set()
        self._stale_now = asyncio.Event()
        self._early: list[Event] = []
        self._goodbye = False
        self._changing: float | None = None
        self._metered_at = 0.0
        self._meters: dict[str, float] = {}
        self._events_seen = 0
        self._second = float("-inf")
        self._counted = 0
        self._transitions = Transitions()
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
        if self._identity is not None:
            await recognise(link, self._identity)
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
        if self._is_changing:
            await asyncio.sleep(COALESCE)
            return frozenset()
        if self._changing is not None:
            self._changing = None
            return ALL_PARTS
        return parts

    @property
    def _is_changing(self) -> bool:
        """Whether OBS is replacing its scene collection.

        Not even its figures are polled then: OBS 32 was seen to crash when asked at that moment.
        """
        began = self._changing
        return began is not None and time.monotonic() - began < COLLECTION_LIMIT

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
            if version is not None and version.ok and not is_loading(answers):
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
        extra = await self._more(link, state, ALL_PARTS, answers)
        return self._folded(state, ALL_PARTS, answers, extra)[0]

    async def _refresh(self, link: Connection, parts: frozenset[Part]) -> None:
        """Read these parts again and tell what changed."""
        # Who starts or stops an output has to know how it is, even then.
        if not parts or (self._is_changing and parts != {Part.OUTPUTS}):
            return
        seen = self._events_seen
        answers = await self._ask(link, (), parts)
        if self._current is None:
            return
        if self._changing is not None and parts != {Part.OUTPUTS}:
            # What is there now is half of one collection; its last event has everything read.
            return
        if is_loading(answers):
            await asyncio.sleep(LOADING_RETRY)
            self._read_again(parts)
            return
        extra = await self._more(link, self._current, parts, answers)
        state, events = self._folded(self._current, parts, answers, extra)
        self._adopt(state, events)
        if self._events_seen != seen:
            # An event came while this was asked, and may be newer than the answer.
            self._read_again(parts - {Part.OUTPUTS})

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

    async def _more(
        self, link: Connection, state: StudioState, parts: frozenset[Part], answers: Answers
    ) -> dict[tuple[str, str], Answer]:
        """Ask about each input, scene and output by itself, all in one go."""
        asked = more(state, answers, scene_items=self._with_items and Part.ITEMS in parts)
        if not asked:
            return {}
        found = await link.batch([(name, data) for name, _about, data in asked])
        return {
            (name, about): answer for (name, about, _data), answer in zip(asked, found, strict=True)
        }

    def _folded(
        self, state: StudioState, parts: frozenset[Part], answers: Answers, extra: Extra
    ) -> tuple[StudioState, list[StudioEvent]]:
        """Return the state with what was read, and what subscribers are told besides."""
        state, events = fold(state, self._known, answers, extra)
        if Part.ITEMS in parts and self._with_items:
            state = replace(state, scene_items=items(state, extra))
        if Part.OUTPUTS in parts:
            events += self._book.read(readings(answers, extra, self._book), time.monotonic())
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
        elif event.type not in _NEVER_SKIPPED and self._is_flood():
            self._read_again(ALL_PARTS)
        elif (key := _OUTPUT_EVENTS.get(event.type)) is not None:
            self._on_output(key, event)
        elif event.type == "RecordFileChanged":
            if (path := reading.text(event.data, "newOutputPath", reading.MAX_PATH)) is not None:
                self._adopt(self._current, self._book.file_changed(path))
        elif event.type == "ReplayBufferSaved":
            if (path := reading.text(event.data, "savedReplayPath", reading.MAX_PATH)) is not None:
                self._replay = path
                self._adopt(self._current, [ReplaySaved(path)])
        elif event.type in {"SceneTransitionStarted", "SceneTransitionEnded"}:
            self._transitions.told(event.type == "SceneTransitionStarted", time.monotonic())
            self._pulse()
        elif event.type == "CurrentSceneCollectionChanging":
            # Until it is complete, everything seems to vanish and come back.
            self._changing = time.monotonic()
        else:
            if event.type == "CurrentSceneCollectionChanged":
                self._changing = None
            if self._changing is None:
                self._events_seen += 1
                change = happened.apply(self._current, event.type, event.data)
                self._read_again(change.again)
                self._adopt(change.state, change.events)

    def _is_flood(self) -> bool:
        """Count an event, and return whether there are more than anybody could look at."""
        now = time.monotonic()
        if self._changing is not None:
            return False  # many come then, and all of them are passed over
        if now - self._second >= 1:
            self._second, self._counted = now, 0
        self._counted += 1
        return self._counted > MAX_EVENTS

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
