"""One real OBS Studio: its own home, screen, port and password."""

import asyncio
import json
import os
from pathlib import Path
import shutil
import signal
import time
from typing import Final

from demo.processes import DemoError, free_port

from .group import Group

PROGRAMS: Final = {
    "obs": "obs-studio",
    "Xvfb": "xvfb",
    "dbus-run-session": "dbus-x11",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
}
"""What has to be on the machine, with Debian's package of each."""
MISSING: Final = "needs a real OBS Studio: apt-get install --no-install-recommends"
READY_SECONDS: Final = 120.0

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Without it there is no Debian forky to take a newer OBS from."""

_GLOBAL: Final = """\
[General]
FirstRun=true
LastVersion=486539266
InfoIncrement=-1

[Basic]
Profile=Untitled
ProfileDir=Untitled
SceneCollection=Untitled
SceneCollectionFile=Untitled

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AuthRequired={auth}
ServerPassword={password}
AlertsEnabled=false
"""
_PROFILE: Final = """\
[General]
Name={name}

[Output]
Mode=Simple
Reconnect=true
RetryDelay=1
MaxRetries=25

[SimpleOutput]
FilePath={videos}
RecFormat=mkv
VBitrate=600
ABitrate=64
StreamEncoder=x264
RecQuality=Small
RecEncoder=x264_lowcpu
Preset=ultrafast
RecRB=true
RecRBTime=5
RecRBSize=64

[Video]
BaseCX=640
BaseCY=360
OutputCX=640
OutputCY=360
FPSType=0
FPSCommon=10
"""


def missing_programs() -> list[str]:
    """Return Debian's packages that have to be installed first; empty if OBS can be started."""
    return sorted({package for name, package in PROGRAMS.items() if shutil.which(name) is None})


def newer_obs() -> str | None:
    """Return the OBS Studio that script/obs-forky provides, if it has been run."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    program = Path(cache, "infrafabric", "obs-forky", "obs")
    return str(program) if program.exists() else None


class RealObs:
    """A headless OBS Studio with its WebSocket server.

    Args:
        folder: Its home is made here; recordings appear in ``videos``.
        password: Of its WebSocket server; None means that it asks for none.
        obs: The program to start.

    """

    def __init__(
        self, folder: Path, password: str | None = "open sesame", *, obs: str = "obs"
    ) -> None:
        """Prepare; nothing is started yet."""
        self.folder = folder
        self.password = password
        self.host = "127.0.0.1"
        self.port = free_port()
        self.videos = folder / "videos"
        self._obs = obs
        self._screen: Group | None = None
        self._program: Group | None = None

    @property
    def children(self) -> list[Group]:
        """The programs that were started, with their logs."""
        return [child for child in (self._screen, self._program) if child is not None]

    def _write_settings(self) -> None:
        settings = self.folder / "home/.config/obs-studio"
        if (settings / "global.ini").exists():
            return
        self.videos.mkdir(parents=True, exist_ok=True)
        settings.mkdir(parents=True)
        values = {
            "port": self.port,
            "auth": "false" if self.password is None else "true",
            "password": self.password or "",
        }
        (settings / "global.ini").write_text(_GLOBAL.format(**values))
        # OBS 31 and newer move the rest from there to where they keep it.
        websocket = settings / "plugin_config/obs-websocket"
        websocket.mkdir(parents=True)
        (websocket / "config.json").write_text(
            json.dumps(
                {
                    "first_load": False,
                    "server_enabled": True,
                    "server_port": self.port,
                    "alerts_enabled": False,
                    "auth_required": self.password is not None,
                    "server_password": self.password or "",
                }
            )
        )
        for name in ("Untitled", "Second"):
            profile = settings / "basic/profiles" / name
            profile.mkdir(parents=True)
            (profile / "basic.ini").write_text(_PROFILE.format(name=name, videos=self.videos))

    async def start(self) -> None:
        """Start it and wait until its WebSocket server answers.

        Raises:
            DemoError: It ended, or did not answer in time.

        """
        self._write_settings()
        if self._screen is None or not self._screen.running:
            await self._start_screen()
        self._program = Group(
            "OBS Studio",
            [
                *("dbus-run-session", "--", self._obs),
                *("--minimize-to-tray", "--multi", "--disable-updater"),
            ],
            self.folder / "obs.log",
            {
                "HOME": str(self.folder / "home"),
                "XDG_CONFIG_HOME": None,
                "XDG_RUNTIME_DIR": str(self._runtime()),
                "DISPLAY": self._display,
                "WAYLAND_DISPLAY": None,
                "LIBGL_ALWAYS_SOFTWARE": "1",
                "QT_QPA_PLATFORM": "xcb",
                "LC_ALL": "C.UTF-8",
                # Reading the machine's sound server would make a test depend on the machine.
                "PULSE_SERVER": "unix:/nonexistent",
            },
        )
        await self._program.start()
        deadline = time.monotonic() + READY_SECONDS
        while not await self._answers():
            if not self._program.running or time.monotonic() > deadline:
                raise DemoError(f"OBS Studio does not answer\n{self._program.tail()}")
            await asyncio.sleep(0.1)

    def _runtime(self) -> Path:
        folder = self.folder / "run"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def _start_screen(self) -> None:
        chosen = self.folder / "display"
        with chosen.open("wb") as answer:
            # Xvfb finds a free number itself and writes it; two of us can never take the same one.
            self._screen = Group(
                "Xvfb",
                [
                    *("sh", "-c", f'exec Xvfb -displayfd 3 "$@" 3>"{chosen}"', "sh"),
                    *("-screen", "0", "1280x720x24", "+extension", "GLX", "-nolisten", "tcp"),
                ],
                self.folder / "xvfb.log",
            )
            answer.flush()
        await self._screen.start()
        deadline = time.monotonic() + 60
        while not chosen.read_text().endswith("\n"):
            if not self._screen.running or time.monotonic() > deadline:
                raise DemoError(f"There is no screen\n{self._screen.tail()}")
            await asyncio.sleep(0.05)
        self._display = f":{chosen.read_text().strip()}"

    async def _answers(self) -> bool:
        try:
            _reader, writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def kill(self) -> None:
        """End it at once (SIGKILL), as a power cut would; the screen stays."""
        if self._program is not None:
            await self._program.kill()

    def freeze(self) -> None:
        """Make it stand still, as a machine that sleeps does."""
        if self._program is not None:
            os.kill(self._program.child("obs"), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._program is not None:
            os.kill(self._program.child("obs"), signal.SIGCONT)

    async def quit(self) -> None:
        """Ask it to end, as Ctrl-C in a terminal does; the screen stays."""
        if self._program is not None:
            os.kill(self._program.child("obs"), signal.SIGINT)
            await self._program.wait(60)

    async def stop(self) -> None:
        """End everything."""
        for child in reversed(self.children):
            await child.stop()
