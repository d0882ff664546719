"""Members of a mesh without Home Assistant: the agent's command line, run as people run it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
import json
import os
from pathlib import Path
from typing import Any, Final

from .home_assistant import REPOSITORY
from .processes import WAIT, Child, DemoError, until

LOOPBACK: Final = ("--local-address", "127.0.0.1")


def agent_program() -> str:
    """Return the path of the infrafabric program."""
    default = REPOSITORY / ".venv-agent" / "bin" / "infrafabric"
    return os.environ.get("INFRAFABRIC_AGENT", str(default))


class Agent:
    """One agent: its state folder and, once started, its process.

    Args:
        name: Its name in the mesh.
        folder: For its state and log; made here.
        prefix: What to start it with, such as ``ip netns exec NAME``.

    """

    def __init__(self, name: str, folder: Path, prefix: Sequence[str] = ()) -> None:
        """Prepare the folder; nothing runs yet."""
        folder.mkdir(parents=True)
        self.name = name
        self._folder = folder
        self._prefix = list(prefix)
        self.process = Child(name, [], folder / "output.log")
        self.peer_id = ""

    @property
    def _state(self) -> list[str]:
        return ["--state", str(self._folder / "state"), "--json"]

    async def command(self, *words: str, stdin: str | None = None, seconds: float = 90.0) -> Any:
        """Run one command to its end and return the JSON it printed.

        Raises:
            DemoError: It failed.

        """
        argv = [*self._prefix, agent_program(), "agent", words[0], *self._state, *words[1:]]
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(seconds):
                out, err = await process.communicate((stdin or "").encode())
        except BaseException:
            if process.returncode is None:
                process.kill()
                await process.wait()
            raise
        with self.process.log.open("ab") as log:
            log.write(err)
        if process.returncode:
            raise DemoError(
                f"{self.name}: infrafabric agent {words[0]} ended with {process.returncode}: "
                f"{err.decode(errors='replace').strip()[-600:]}"
            )
        return json.loads(out.splitlines()[-1])

    async def found(self, mesh_name: str, *options: str) -> None:
        """Make a new mesh."""
        about = await self.command("init", "--mesh", mesh_name, "--name", self.name, *options)
        self.peer_id = about["node"]["peer_id"]

    async def join(self, invitation: str, *options: str) -> None:
        """Join a mesh."""
        about = await self.command("join", "--name", self.name, *options, stdin=invitation)
        self.peer_id = about["node"]["peer_id"]

    async def start(self, *options: str) -> None:
        """Be online from now on."""
        argv = [*self._prefix, agent_program(), "agent", "run", *self._state, *options]
        self.process = Child(self.name, argv, self.process.log)
        ready = self._count("ready")
        await self.process.start()
        await self.until("to be online", lambda: self._count("ready") > ready)

    async def invite(self, role: str = "observe") -> str:
        """Return an invitation, made by the agent that runs."""
        made = await self.command("invite", "--role", role, "--no-wait")
        return str(made["invitation"])

    async def peers(self) -> dict[str, dict[str, Any]]:
        """Return what the running agent says about the other members, by peer id."""
        found = await self.command("peers")
        return {peer["peer_id"]: peer for peer in found["peers"]}

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return what it has printed of one kind, or everything."""
        lines = (line for line in self.process.output().splitlines() if line.startswith("{"))
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in events if kind in (None, event.get("event"))]

    def _count(self, kind: str) -> int:
        return len(self.events(kind))

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages it has received."""
        return [event["message"] for event in self.events("message")]

    async def until(self, what: str, true: Callable[[], bool], seconds: float = WAIT) -> None:
        """Wait until something about its output is true."""

        async def look() -> bool:
            return true()

        await until(f"{self.name} {what}", look, seconds, while_running=self.process)

    async def wait_linked(
        self, peer_id: str, seconds: float = WAIT, *, path: str | None = None
    ) -> Mapping[str, Any]:
        """Wait until it is linked to a peer (on a certain path), and return what it says of it."""

        async def look() -> Mapping[str, Any] | None:
            view = (await self.peers()).get(peer_id)
            if view and view["connected"] and path in (None, view["path"]):
                return view
            return None

        return await until(
            f"{self.name} to be linked to {peer_id}",
            look,
            seconds,
            while_running=self.process,
            seen=self.peers,
        )

    async def stop(self) -> int | None:
        """End it as Ctrl-C would."""
        return await self.process.stop(30)
