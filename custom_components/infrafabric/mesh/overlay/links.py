"""The links of one node: dials, answers, settles glare, replaces and closes them.

There is at most one open link per peer. A newer one replaces it only once it is open itself, so
a peer that restarted, and a path that is being changed, never cost more than the old link did.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
import logging
import time
from typing import Any, Final, Protocol

from ..errors import DeadlineError, InvalidError, MeshError, RefusedError, UnreachableError
from ..link.link import Link, LinkHandler, LinkSettings
from ..link.sdp import Envelope
from ..link.traffic import Statuses
from ..rate import TokenBucket
from ..trust.identity import Identity, PublicIdentity
from ..trust.signed import Signed
from .healing import wins_glare

_LOGGER: Final = logging.getLogger(__name__)

DEADLINE: Final = 10.0
"""Seconds for one attempt, from the offer to both proofs."""
ANSWER_PAUSES: Final = (0.25, 0.5, 1.0, 2.0)
"""Seconds after which an answer that no server took is sent again."""
MAX_ANSWERS: Final = 8
"""Offers answered at once; those of other members wait their turn, one of each member."""
OFFER_RATE: Final = 1.0
OFFER_BURST: Final = 6
"""Offers one peer may make: a second apart for long, six at once."""
MAX_OFFERS: Final = 300
"""Offers of one peer that are remembered: more than it can make while the first is valid."""


class Signal(Protocol):
    """Sends an SDP envelope to a member; raises UnreachableError when nobody carries it."""

    async def __call__(self, peer: PublicIdentity, kind: str, body: Signed, attempt: int) -> None:
        """Send it."""


class _Superseded(Exception):  # noqa: N818 - a turn of events, not an error
    """Our offer gave way to the peer's."""


class _Offer:
    """An offer of ours that waits for its answer."""

    def __init__(self, digest: str, send: Callable[[], Awaitable[None]]) -> None:
        self.digest = digest
        self.send = send
        self.answered: asyncio.Future[Signed] = asyncio.get_running_loop().create_future()
        self._again: asyncio.Task[None] | None = None

    def send_again(self) -> None:
        """Send it once more in the background; a peer that has it already drops it."""
        if not self.answered.done() and (self._again is None or self._again.done()):
            self._again = asyncio.create_task(self._send_again())

    async def _send_again(self) -> None:
        try:
            await self.send()
        except MeshError as err:
            _LOGGER.debug("An offer could not be sent again: %s", err)

    def end(self) -> None:
        """Nobody waits for the answer any more."""
        self.answered.cancel()
        if self._again is not None:
            self._again.cancel()


class LinkManager(LinkHandler):
    """Owns every ``Link`` and every task that makes one.

    Args:
        identity: This node.
        mesh_id: The mesh.
        key_of: Returns a member's key, or None.
        signal: Sends SDP envelopes.
        settings: Returns the settings of one attempt (its number chooses the ICE servers).
        handler: Told about links that are open; never about attempts.

    """

    def __init__(
        self,
        *,
        identity: Identity,
        mesh_id: str,
        key_of: Callable[[str], PublicIdentity | None],
        signal: Signal,
        settings: Callable[[int], Awaitable[LinkSettings]],
        handler: LinkHandler,
    ) -> None:
        """Have no link yet."""
        self._identity = identity
        self._mesh_id = mesh_id
        self._key_of = key_of
        self._signal = signal
        self._settings = settings
        self._handler = handler
        self._links: dict[str, Link] = {}
        self._dials: dict[str, asyncio.Task[Link]] = {}
        self._offers: dict[str, _Offer] = {}
        self._answers: dict[str, asyncio.Task[None]] = {}
        self._answering = asyncio.Semaphore(MAX_ANSWERS)
        self._offer_rates: dict[str, TokenBucket] = {}
        self._offered: dict[str, deque[str]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._opened: dict[str, list[asyncio.Future[Link]]] = {}

    @property
    def links(self) -> Mapping[str, Link]:
        """Open links by peer id."""
        return self._links

    def is_dialing(self, peer_id: str) -> bool:
        """Tell whether an attempt to the peer runs, ours or its own."""
        return peer_id in self._dials or peer_id in self._answers

    async def dial(self, peer_id: str, attempt: int) -> Link:
        """Return a new open link to the peer; joins an attempt that runs already.

        Raises:
            MeshError: The attempt failed; the code says why.

        """
        task = self._dials.get(peer_id)
        if task is None:
            task = asyncio.create_task(self._dial(peer_id, attempt), name=f"dial {peer_id}")
            self._dials[peer_id] = task
            task.add_done_callback(lambda done: self._dial_done(peer_id, done))
        # Waited for, not awaited: a caller that gives up does not end what others wait for.
        await asyncio.wait([task])
        if task.cancelled():
            raise UnreachableError("link_closed", "The attempt was given up for another.")
        return task.result()

    def _dial_done(self, peer_id: str, task: asyncio.Task[Link]) -> None:
        if self._dials.get(peer_id) is task:
            del self._dials[peer_id]
        if not task.cancelled():
            # Looked at even when every caller gave up, or asyncio would call it forgotten.
            task.exception()

    async def _dial(self, peer_id: str, attempt: int) -> Link:
        key = self._key_of(peer_id)
        if key is None:
            raise InvalidError("unknown_peer", "The mesh has no member with this id.")
        try:
            async with asyncio.timeout(DEADLINE):
                try:
                    return await self._offer(key, attempt)
                except _Superseded:
                    return await self._next_opened(peer_id)
        except TimeoutError as err:
            raise DeadlineError(
                "link_timeout", f"No link to the peer came up within {DEADLINE:g} s."
            ) from err

    async def _offer(self, key: PublicIdentity, attempt: int) -> Link:
        peer_id = key.peer_id
        link = await self._new_link(key, attempt)
        try:
            offer = await link.create_offer()
            waiting = self._offers[peer_id] = _Offer(
                offer.digest, lambda: self._signal(key, "offer", offer, attempt)
            )
            try:
                await waiting.send()
                await self._accept(link, waiting)
            finally:
                self._offers.pop(peer_id, None)
                waiting.end()
            await link.wait_open()
        except BaseException:
            self._close_later(link, "attempt_failed")
            raise
        return link

    async def _accept(self, link: Link, offer: _Offer) -> None:
        while True:
            answer = await offer.answered
            try:
                await link.accept_answer(answer)
            except RefusedError as err:
                # A forged answer must not end the attempt: the true one may still come.
                _LOGGER.debug("Dropped an answer of %s: %s", link.peer_id, err)
                offer.answered = asyncio.get_running_loop().create_future()
            else:
                return

    def shown_up(self, peer_id: str) -> None:
        """Send an offer again whose peer was away: nobody may be there who has heard it."""
        if offer := self._offers.get(peer_id):
            offer.send_again()

    async def _new_link(self, key: PublicIdentity, attempt: int) -> Link:
        return Link(
            identity=self._identity,
            mesh_id=self._mesh_id,
            peer=key,
            settings=await self._settings(attempt),
            handler=self,
        )

    async def _next_opened(self, peer_id: str) -> Link:
        future: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self._opened.setdefault(peer_id, []).append(future)
        try:
            return await future
        finally:
            waiting = self._opened.get(peer_id)
            if waiting and future in waiting:
                waiting.remove(future)
                if not waiting:
                    del self._opened[peer_id]

    def offered(self, peer_id: str, offer: Signed, attempt: int) -> None:
        """Answer a member's offer in the background."""
        if not self._is_genuine(peer_id, offer):
            return
        now = time.monotonic()
        bucket = self._offer_rates.setdefault(peer_id, TokenBucket(OFFER_RATE, OFFER_BURST, now))
        if not bucket.take_up_to(1, now):
            _LOGGER.debug("Dropped an offer of %s: too many", peer_id)
            return
        self._offered.setdefault(peer_id, deque(maxlen=MAX_OFFERS)).append(offer.digest)
        if own := self._offers.get(peer_id):
            if wins_glare(self._identity.peer_id, peer_id):
                return
            if not own.answered.done():
                own.answered.set_exception(_Superseded())
        if previous := self._answers.pop(peer_id, None):
            # The peer gave up that attempt, or it would not make another.
            previous.cancel()
        task = asyncio.create_task(self._answer(peer_id, offer, attempt), name=f"answer {peer_id}")
        self._answers[peer_id] = task
        task.add_done_callback(lambda done: self._answer_done(peer_id, done))

    def _is_genuine(self, peer_id: str, offer: Signed) -> bool:
        """Tell whether the member made this offer for us and it is new.

        Whoever brings it could forge it or bring it again; that must neither use up what the
        member may send nor end an attempt.
        """
        key = self._key_of(peer_id)
        if key is None or offer.digest in self._offered.get(peer_id, ()):
            return False
        try:
            Envelope.open(
                offer,
                kind="offer",
                mesh_id=self._mesh_id,
                own_id=self._identity.peer_id,
                peer=key,
                now=time.time(),
            )
        except RefusedError as err:
            _LOGGER.debug("Dropped an offer of %s: %s", peer_id, err)
            return False
        return True

    def _answer_done(self, peer_id: str, task: asyncio.Task[None]) -> None:
        if self._answers.get(peer_id) is task:
            del self._answers[peer_id]
        if not task.cancelled() and (error := task.exception()):
            _LOGGER.debug("Could not answer the offer of %s: %s", peer_id, error)

    async def _answer(self, peer_id: str, offer: Signed, attempt: int) -> None:
        key = self._key_of(peer_id)
        if key is None:
            return
        link: Link | None = None
        async with self._answering:
            try:
                async with asyncio.timeout(DEADLINE):
                    link = await self._new_link(key, attempt)
                    answer = await link.create_answer(offer)
                    await self._send_answer(key, answer, attempt)
                    await link.wait_open()
            except BaseException as err:
                if link is not None:
                    self._close_later(link, "attempt_failed")
                if isinstance(err, TimeoutError | MeshError):
                    _LOGGER.debug("Answering %s failed: %s", peer_id, err)
                    return
                raise

    async def _send_answer(self, key: PublicIdentity, answer: Signed, attempt: int) -> None:
        # The peer waits for it: a server that is away for a moment must not cost the attempt.
        for pause in ANSWER_PAUSES:
            try:
                await self._signal(key, "answer", answer, attempt)
            except UnreachableError:
                await asyncio.sleep(pause)
            else:
                return
        await self._signal(key, "answer", answer, attempt)

    def answered(self, peer_id: str, answer: Signed) -> None:
        """Give an answer to the dial that waits for it; anything else is dropped."""
        offer = self._offers.get(peer_id)
        if offer is None or offer.answered.done():
            return
        try:
            answers = answer.value().get("offer")
        except ValueError:
            return
        # An answer to an earlier offer must not end the present attempt.
        if answers == offer.digest:
            offer.answered.set_result(answer)

    def link_opened(self, link: Link) -> None:
        """Make a link the peer's one; the former one closes."""
        peer_id = link.peer_id
        former = self._links.get(peer_id)
        self._links[peer_id] = link
        for future in self._opened.pop(peer_id, ()):
            if not future.done():
                future.set_result(link)
        if former is not None:
            self._close_later(former, "replaced")
        self._handler.link_opened(link)

    def link_closed(self, link: Link, reason: str) -> None:
        """Forget a link and tell the handler, unless another replaced it."""
        if self._links.get(link.peer_id) is link:
            del self._links[link.peer_id]
            self._handler.link_closed(link, reason)

    async def close(self, peer_id: str, reason: str) -> None:
        """Close whatever there is to the peer and stop every attempt."""
        tasks: list[asyncio.Task[Any]] = []
        for jobs in (self._dials, self._answers):
            job: asyncio.Task[Any] | None = jobs.pop(peer_id, None)
            if job is not None:
                job.cancel()
                tasks.append(job)
        await asyncio.gather(*tasks, return_exceptions=True)
        if link := self._links.get(peer_id):
            await link.close(reason)

    async def close_all(self, reason: str) -> None:
        """Close every link and attempt; no task is left."""
        tasks = [*self._dials.values(), *self._answers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(
            *(link.close(reason) for link in list(self._links.values())), return_exceptions=True
        )
        await asyncio.gather(*self._closing, return_exceptions=True)

    def forget(self, peer_id: str) -> None:
        """Drop what is kept about a former member."""
        self._offer_rates.pop(peer_id, None)
        self._offered.pop(peer_id, None)

    def _close_later(self, link: Link, reason: str) -> None:
        """Close in a task of its own: the caller may be cancelled or in a callback."""
        self._run(link.close(reason))

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def link_messages(self, link: Link, messages: Sequence[tuple[bytes, bytes]]) -> Statuses:
        """Pass messages on."""
        return self._handler.link_messages(link, messages)

    def link_control(self, link: Link, payload: bytes) -> None:
        """Pass a control payload on."""
        self._handler.link_control(link, payload)

    def link_gossip(self, link: Link, payload: bytes) -> None:
        """Pass gossip on."""
        self._handler.link_gossip(link, payload)

    def link_quality(self, link: Link) -> None:
        """Pass a fresh measurement on, if the link is the peer's one."""
        if self._links.get(link.peer_id) is link:
            self._handler.link_quality(link)
