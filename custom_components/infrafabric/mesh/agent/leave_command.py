"""``leave``: how a state directory ends, with a goodbye to the mesh."""

from argparse import Namespace
from pathlib import Path
import sys
from typing import Final

from ..errors import InvalidError, RefusedError, UnreachableError
from .output import note, print_json
from .owner import own
from .reach import PATIENCE, load_settings
from .settings import Settings
from .stdin import read_stdin
from .store import SETTINGS_FILE, STATE_FILE, StateLock
from .waiting import Waiter

_MAX_ANSWER: Final = 16
"""Characters that are read of an answer."""


async def leave(args: Namespace) -> None:
    """Say goodbye to the mesh and forget the membership and its key."""
    settings = load_settings(args.state)
    if not args.yes:
        await _confirm(args.state)
    mesh, told = await _say_goodbye(args.state, settings, args.wait, force=args.force)
    with StateLock(args.state):
        # Without its key nothing else of the node is good for anything.
        for name in (STATE_FILE, SETTINGS_FILE):
            (args.state / name).unlink(missing_ok=True)
    if args.json:
        print_json({"mesh": mesh, "told": told})
        return
    note(f"{settings.name} has left the mesh {mesh}; its key is deleted.")
    if not told:
        note("No other member heard it: to them it stays a member until an admin revokes it.")


async def _say_goodbye(
    directory: Path, settings: Settings, seconds: float, *, force: bool
) -> tuple[str, bool]:
    """Leave, and return the name of the mesh and whether anybody heard it."""
    async with own(directory, settings, patience=PATIENCE) as owner:
        node = owner.node
        mesh = node.mesh_name
        waiter = Waiter(node, started=True)

        def owes_nothing() -> bool:
            # Those who were removed, and those who are alone.
            return node.revoked or not node.peers

        await waiter.until(lambda: waiter.anybody() or owes_nothing(), seconds)
        if owes_nothing():
            return mesh, False
        told = waiter.anybody() and await node.leave()
        if not told and not force:
            raise UnreachableError(
                "nobody_connected",
                f"No other member heard within {seconds:g} s that this node leaves. "
                "See that one runs, or leave all the same with --force.",
            )
        return mesh, told


async def _confirm(directory: Path) -> None:
    if not sys.stdin.isatty():
        raise InvalidError(
            "usage", "Leaving deletes the key of this node for good; confirm it with --yes."
        )
    note(f"This deletes the key in {directory} for good. To come back takes a new invitation.")
    note("Type “yes” and press Enter to leave the mesh:")
    answer = await read_stdin(_MAX_ANSWER, one_line=True)
    if answer.strip() != "yes":
        raise RefusedError("not_confirmed", "Nothing was changed: the answer was not “yes”.")
