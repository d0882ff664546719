"""``init`` and ``join``: how a state directory comes into being."""

from argparse import Namespace
import dataclasses
from pathlib import Path
import sys
from typing import Any, Final

import aiohttp

from ..engine.founding import PENDING
from ..errors import InvalidError
from ..node import MeshNode
from .events import node_json
from .output import note, print_json
from .owner import own, software
from .settings import Settings, read_ice_file, split_address
from .stdin import read_stdin
from .store import FileStore, StateLock, make_private_directory

MAX_INVITATION: Final = 16 * 1024
"""Characters that are read of what may be an invitation."""


def settings_from(args: Namespace, former: Settings) -> Settings:
    """Return *former* with the network options that were given.

    Raises:
        InvalidError: ``address_invalid``, ``ice_file_invalid``.

    """
    changes: dict[str, Any] = {
        key: tuple(given)
        for key, given in (
            ("signal", args.signal),
            ("local_addresses", args.local_address),
            ("ice_urls", args.ice_server),
        )
        if given is not None
    }
    if args.host_signal is not None:
        host, port = split_address(args.host_signal)
        changes["host_signal"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if args.ice_file is not None:
        path = args.ice_file.absolute()
        read_ice_file(path)
        changes["ice_file"] = str(path)
    if args.relay_only is not None:
        changes["relay_only"] = args.relay_only
    return dataclasses.replace(former, **changes)


async def init(args: Namespace) -> None:
    """Make a new mesh."""
    settings = settings_from(args, Settings(name=args.name))
    if not settings.announced():
        raise InvalidError(
            "signaling_needed",
            "Members find each other through a signaling server: give the address of one with "
            "--signal (start it with “infrafabric signal”), or host one with --host-signal.",
        )
    make_private_directory(args.state)
    with StateLock(args.state):
        store = FileStore(args.state)
        former = await store.load()
        if former is not None and PENDING not in former:
            raise InvalidError(
                "state_exists",
                f"{args.state} holds a node already; choose another directory with --state, or "
                "move it away.",
                path=str(args.state),
            )
        settings.save(args.state)
        await MeshNode.create_mesh(store, mesh_name=args.mesh, node_name=args.name)
    about = await _describe(args.state, settings)
    if args.json:
        print_json({**about, "signaling": list(settings.announced())})
        return
    print(f"Mesh         {about['mesh']['name']}")
    print(f"Fingerprint  {about['mesh']['fingerprint']}")
    print(f"Node         {args.name} (admin)")
    print(f"Peer id      {about['node']['check_groups']}")
    print(f"Signaling    {', '.join(settings.announced())}")
    note("Next: “infrafabric agent run” to be online, “infrafabric agent invite” to let others in.")


async def join(args: Namespace) -> None:
    """Join a mesh with an invitation."""
    text = await _invitation(args.invitation, args.file)
    make_private_directory(args.state)
    former = Settings.load(args.state) or Settings(name=args.name)
    settings = settings_from(args, dataclasses.replace(former, name=args.name))
    with StateLock(args.state):
        async with aiohttp.ClientSession() as http:
            await MeshNode.join(
                FileStore(args.state),
                text,
                node_name=args.name,
                http=http,
                software=software(),
                timeout=args.timeout,
            )
        settings.save(args.state)
    about = await _describe(args.state, settings)
    if args.json:
        print_json(about)
        return
    print(f"Mesh         {about['mesh']['name']}")
    print(f"Fingerprint  {about['mesh']['fingerprint']}")
    print(f"Node         {args.name} ({about['node']['role']})")
    print(f"Peer id      {about['node']['check_groups']}")
    note("Joined. Next: “infrafabric agent run” to be online.")


async def _invitation(given: str, file: Path | None) -> str:
    if file is not None and given != "-":
        raise InvalidError("usage", "Give the invitation or --file, not both.")
    if file is not None:
        try:
            with file.open(encoding="utf-8", errors="replace") as source:
                return source.read(MAX_INVITATION)
        except OSError as err:
            raise InvalidError(
                "invitation_unreadable", f"{file} cannot be read: {err.strerror}."
            ) from err
    if given != "-":
        return given
    if sys.stdin.isatty():
        note("Paste the invitation and press Enter:")
    return await read_stdin(MAX_INVITATION, one_line=sys.stdin.isatty())


async def _describe(directory: Path, settings: Settings) -> dict[str, Any]:
    """Return mesh and node as JSON, from the saved state."""
    async with own(directory, settings, start=False) as owner:
        about = node_json(owner.node)
    about["node"]["name"] = settings.name
    return about
