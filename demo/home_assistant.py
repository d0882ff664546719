"""A real Home Assistant with the integration in a configuration folder of its own."""

import asyncio
from collections.abc import Mapping
import contextlib
import json
import os
from pathlib import Path
import ssl
from typing import Final

from .api import Api
from .processes import Child, DemoError, until

REPOSITORY: Final = Path(__file__).resolve().parent.parent
INTEGRATION: Final = REPOSITORY / "custom_components" / "infrafabric"

BOOT_SECONDS: Final = 180.0
"""A first start compiles all of Home Assistant's modules, and two may start at once."""

CONFIGURATION: Final = """\
# Written by the demo. Not default_config: nothing here needs the internet, discovery or a cloud.
automation: !include automations.yaml
config:
energy:
ffmpeg:
  # Cameras would want it; without it Home Assistant logs an error with a traceback.
  ffmpeg_bin: /bin/true
frontend:
history:
http:
  server_host: 127.0.0.1
  server_port: {port}
{http}
input_boolean:
  on_air:
    name: On air
    icon: mdi:microphone
  recording_light:
    name: Recording light
    icon: mdi:alarm-light
input_text:
  answer:
    name: Answer
    icon: mdi:reply
logbook:
logger:
  default: warning
  logs:
    custom_components.infrafabric: debug
    homeassistant.core: info
mobile_app:
recorder:
  commit_interval: 1
script: !include scripts.yaml
"""


def hass_program() -> str:
    """Return the path of the hass program."""
    return os.environ.get("INFRAFABRIC_HASS", str(REPOSITORY / ".venv" / "bin" / "hass"))


class HomeAssistant:
    """One Home Assistant: its folder, its process, and its API once it runs."""

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        *,
        argv: list[str] | None = None,
        env: Mapping[str, str | None] | None = None,
        http: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare *folder*; nothing runs yet.

        Args:
            name: What it is called, in its own settings too.
            folder: For its configuration and log; must not exist yet.
            port: TCP port of 127.0.0.1.
            argv: How to start Home Assistant, without ``--config``; tests add options of Python.
            env: More of its environment, or less: None takes away.
            http: More settings of its web server.
            tls: How to check its certificate, when it serves HTTPS.

        """
        self.name = name
        self.folder = folder
        self.port = port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.api = Api(self.url, tls)
        self._tls = tls
        self.write_configuration(http or {})
        # What it needs was installed beforehand, and installing more would change the environment.
        command = [*(argv or [hass_program()]), "--skip-pip", "--config", str(folder)]
        self.process = Child(name, command, folder / "output.log", env)

    def write_configuration(self, http: Mapping[str, str]) -> None:
        """Make the configuration folder with the integration in it."""
        (self.folder / "custom_components").mkdir(parents=True)
        (self.folder / "custom_components" / "infrafabric").symlink_to(INTEGRATION)
        extra = "\n".join(f"  {key}: {value}" for key, value in http.items())
        text = CONFIGURATION.format(port=self.port, http=extra)
        (self.folder / "configuration.yaml").write_text(text)
        (self.folder / "automations.yaml").write_text("[]\n")
        (self.folder / "scripts.yaml").write_text("{}\n")
        storage = self.folder / ".storage"
        storage.mkdir(mode=0o700)
        # This step would add a weather service, a radio and a speech service from the internet.
        done = {
            "version": 4,
            "minor_version": 1,
            "key": "onboarding",
            "data": {"done": ["core_config"]},
        }
        (storage / "onboarding").write_text(json.dumps(done))

    async def start(self) -> None:
        """Start the process; ``ready`` waits for it."""
        await self.process.start()

    async def ready(self, seconds: float = BOOT_SECONDS) -> None:
        """Wait until it serves HTTP, log in (after onboarding, the first time) and connect."""
        await self.api.close()
        self.api = await Api(self.url, self._tls).__aenter__()
        await until(f"{self.name} to start", self.api.answers, seconds, while_running=self.process)
        steps = await self._onboarding_steps()
        if "user" in steps:
            await self.api.onboard()
        else:
            await self.api.log_in()
        await self.api.connect()
        await until(f"{self.name} to be up", self._is_up, seconds, while_running=self.process)
        if "user" in steps:
            await self.api.call(
                "config/core/update",
                location_name=self.name,
                internal_url=self.url,
                country="NL",
            )
            # Unconfirmed, Home Assistant takes its port back after five minutes, with a restart.
            await self.api.call("http/config/promote")
        for issue in ("deprecated_yaml", "yaml_still_present_after_migration"):
            # The demo's settings are in YAML on purpose; only one of the two is there at a time.
            with contextlib.suppress(DemoError):
                await self.api.call(
                    "repairs/ignore_issue", domain="http", issue_id=issue, ignore=True
                )

    async def _onboarding_steps(self) -> set[str]:
        """Return the steps that are still to be done."""
        with contextlib.suppress(DemoError):
            return {
                step["step"]
                for step in await self.api.rest("GET", "/api/onboarding", user=False)
                if not step["done"]
            }
        # The view is gone once everything is done.
        return set()

    async def _is_up(self) -> bool:
        return (await self.api.call("get_config"))["state"] == "RUNNING"

    async def wait_saved(self, store: str, text: str, seconds: float = 40.0) -> None:
        """Wait until one of its stores is on disk with something in it.

        Home Assistant writes its registries ten seconds after the last change.
        """
        path = self.folder / ".storage" / store

        async def saved() -> bool:
            return path.exists() and text in path.read_text()

        await until(f"{self.name} to save {store}", saved, seconds)

    async def stop(self) -> int | None:
        """End it as a person would, and return its exit status."""
        await self.api.close()
        return await self.process.stop()

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self.process.kill()
        await self.api.close()

    async def restart(self) -> None:
        """Stop and start it again, and wait until it is up."""
        await self.stop()
        await self.start()
        await self.ready()

    def log(self) -> str:
        """Return everything it has logged."""
        return self.process.output()


async def start_all(homes: list[HomeAssistant]) -> None:
    """Start several at once and wait until all are up; they use both cores then."""
    for home in homes:
        await home.start()
    async with asyncio.TaskGroup() as group:
        for home in homes:
            group.create_task(home.ready())
