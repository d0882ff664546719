"""Background tasks with one owner, who ends them all."""

import asyncio
from collections.abc import Coroutine, Iterator
import contextlib
import logging
from typing import Any, Final

from .errors import MeshError

_LOGGER: Final = logging.getLogger(__name__)


@contextlib.contextmanager
def going_on(what: str) -> Iterator[None]:
    """Log what the block raises and go on: a loop that runs for ever must outlive any failure."""
    try:
        yield
    except MeshError as err:
        _LOGGER.warning("%s failed and will be tried again: %s", what, err)
    except Exception:
        _LOGGER.exception("%s failed and will be tried again", what)


class TaskOwner:
    """Runs coroutines, logs what they raise, and cancels what is left on ``close``."""

    def __init__(self) -> None:
        """Own nothing yet."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def run(
        self, coroutine: Coroutine[Any, Any, Any], name: str, *, refusable: bool = False
    ) -> None:
        """Run *coroutine* as a task; does nothing once closed.

        If it is *refusable*, a ``MeshError`` is no failure.
        """
        if self._closed:
            coroutine.close()
            return
        task = asyncio.get_running_loop().create_task(coroutine, name=f"infrafabric {name}")
        self._tasks.add(task)
        task.add_done_callback(self._refusable_done if refusable else self._done)

    def _refusable_done(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), MeshError):
            self._tasks.discard(task)
            _LOGGER.debug("Nothing came of %s: %s", task.get_name(), error)
        else:
            self._done(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("Task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        self._closed = True
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
