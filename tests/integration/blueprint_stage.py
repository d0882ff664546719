"""One real Home Assistant with a mesh, an OBS Studio, a phone, lights, a lock and a heater.

It gets its blueprints the way a user gets them: by an address, over HTTP.
"""

import asyncio
import base64
from collections.abc import Mapping
import contextlib
from dataclasses import dataclass
import hashlib
import hmac
import json
from pathlib import Path
import secrets
import signal
import time
from typing import Any, Final

import aiohttp
from aiohttp import web
import yaml

from demo.agents import LOOPBACK, Agent
from demo.api import Flow, Json
from demo.home_assistant import REPOSITORY, HomeAssistant
from demo.mesh import DOMAIN, WAIT, MeshEntry
from demo.processes import Child, DemoError, free_port, until
from demo.studios import DESTINATION, OBS_PASSWORD, STREAM_KEY, StudioEntry
from tests.obs_world import RealObs, Receiver, missing_programs, rtmp_receiver

BLUEPRINTS: Final = REPOSITORY / "blueprints"
SOURCE: Final = "https://github.com/infrafabric/infrafabric-homeassistant/blob/main/blueprints/"

FURNITURE: Final = """
climate:
  - platform: generic_thermostat
    name: Studio
    unique_id: studio_climate
    heater: input_boolean.heater
    target_sensor: sensor.room
    min_temp: 5
    max_temp: 35
    target_temp: 17
    initial_hvac_mode: "off"
input_boolean: !include input_booleans.yaml
input_button:
  panic:
input_text:
  mesh:
    name: Mesh
scene:
  - name: Show
    entities:
      input_boolean.show: "on"
  - name: Normal
    entities:
      input_boolean.show: "off"
  - name: Recording
    entities:
      input_boolean.quiet: "on"
  - name: Recorded
    entities:
      input_boolean.quiet: "off"
template:
  - light:
      - {name: On air, unique_id: on_air, turn_on: [], turn_off: []}
      - {name: Exit, unique_id: exit, turn_on: [], turn_off: [], set_level: []}
      - {name: Desk, unique_id: desk, turn_on: [], turn_off: []}
      - name: Work
        unique_id: work
        turn_on: []
        turn_off: []
        set_level: []
        set_temperature: []
  - lock:
      - name: Door
        unique_id: door
        state: "{{ 'locked' if is_state('input_boolean.door', 'on') else 'unlocked' }}"
        lock:
          - action: input_boolean.turn_on
            target: {entity_id: input_boolean.door}
        unlock:
          - action: input_boolean.turn_off
            target: {entity_id: input_boolean.door}
  - sensor:
      - {name: Room, unique_id: room, state: "20", unit_of_measurement: °C,
         device_class: temperature}
"""
"""What a studio at home has, made of helpers and templates."""
HELPERS: Final = ("door", "heater", "show", "quiet")

STALLED: Final = 1.6
"""Seconds for which a peer's machine stands still, again and again: slow, but not gone.

Out of step with the probes, which come every two seconds.
"""


def is_at_work(pid: int) -> bool:
    """Tell whether a process runs, or would if it were its turn."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    except OSError:
        return False


class StageHome(HomeAssistant):
    """A Home Assistant with furniture."""

    def write_configuration(self, http: Mapping[str, str]) -> None:
        """Add the furniture to the demo's configuration."""
        super().write_configuration(http)
        path = self.folder / "configuration.yaml"
        kept, skip = [], False
        for line in path.read_text().splitlines():
            if not line.startswith((" ", "#")):
                skip = line in {"input_boolean:", "input_text:"}
            if not skip:
                kept.append(line)
        path.write_text("\n".join(kept) + FURNITURE)
        (self.folder / "input_booleans.yaml").write_text(
            yaml.safe_dump({name: {"name": name.capitalize()} for name in HELPERS})
        )


@dataclass(frozen=True, slots=True)
class Webhook:
    """An inbound webhook: where it is, and the key that signs what is sent there."""

    url: str
    key: str

    async def post(self, action: str) -> int:
        """Ask for an action, signed by the Standard Webhooks specification; return the status."""
        body = json.dumps({"action": action, "source": "a test"}).encode()
        message_id, timestamp = f"msg_{secrets.token_hex(16)}", str(int(time.time()))
        signed = f"{message_id}.{timestamp}.".encode() + body
        secret = base64.b64decode(self.key.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url, data=body, headers=headers) as response,
        ):
            return response.status


class Site:
    """A web server of ours: it gives away the blueprints and takes what is pushed to the phone."""

    def __init__(self) -> None:
        """Prepare; nothing is served yet."""
        self.pushed: list[Json] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Serve at a free port."""
        app = web.Application()
        app.router.add_static("/blueprints", BLUEPRINTS)
        app.router.add_post("/push", self._push)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}"

    async def _push(self, request: web.Request) -> web.Response:
        self.pushed.append(await request.json())
        limits = {
            "successful": 1,
            "errors": 0,
            "maximum": 150,
            "resetsAt": "2036-01-01T00:00:00.000Z",
        }
        return web.json_response({"rateLimits": limits}, status=201)

    async def stop(self) -> None:
        """Serve no longer."""
        if self._runner is not None:
            await self._runner.cleanup()


class Stage:
    """Everything that runs.

    Attributes:
        barn: A peer whose machine begins to stand still again and again.
        garage: A peer that a power cut takes away.

    """

    mesh: MeshEntry
    obs: StudioEntry
    phone: Json
    """What Home Assistant answered to the phone's registration."""
    phone_device: str
    phone_notify: str
    person: str

    def __init__(self, folder: Path) -> None:
        """Prepare folders; nothing runs yet."""
        self.home = StageHome("Stage", folder / "home", free_port())
        self.site = Site()
        self.missing = missing_programs()
        self.real_obs = RealObs(folder / "obs", OBS_PASSWORD)
        self.receiver: Receiver = rtmp_receiver(folder, STREAM_KEY)
        self.barn = Agent("Barn", folder / "barn")
        self.garage = Agent("Garage", folder / "garage")
        self._stalling: asyncio.Task[None] | None = None

    @property
    def api(self):
        """The API of Home Assistant."""
        return self.home.api

    @property
    def children(self) -> list[Child]:
        """Every process."""
        return [
            self.home.process,
            self.barn.process,
            self.garage.process,
            self.receiver,
            *self.real_obs.children,
        ]

    # -- building -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the programs, all at once."""
        await self.site.start()
        self.real_obs.folder.mkdir()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.real_obs.start())
            group.create_task(self.receiver.start())
            await self.home.start()
            group.create_task(self.home.ready())

    async def link(self) -> None:
        """Make a mesh in Home Assistant, and let both agents join."""
        self.mesh = await MeshEntry.create(self.home)
        await self.mesh.settings()

        async def join(agent: Agent) -> None:
            await agent.join(await self.mesh.invitation(), *LOOPBACK)
            await agent.start()
            await self.mesh.wait_connected(agent.peer_id)

        async with asyncio.TaskGroup() as group:
            for agent in (self.barn, self.garage):
                group.create_task(join(agent))

    async def add_phone(self) -> None:
        """Register a phone as the companion app does."""
        self.phone = await self.api.rest(
            "POST",
            "/api/mobile_app/registrations",
            {
                "app_data": {"push_token": "token", "push_url": f"{self.site.url}/push"},
                "app_id": "io.homeassistant.mobile_app",
                "app_name": "Companion",
                "app_version": "1.0",
                "device_id": "4d5e6f",
                "device_name": "Phone",
                "manufacturer": "Home Assistant",
                "model": "mobile_app",
                "os_name": "Linux",
                "os_version": "5",
                "supports_encryption": False,
            },
        )

        async def device() -> str | None:
            for found in await self.api.call("config/device_registry/list"):
                if found["name"] == "Phone":
                    return str(found["id"])
            return None

        self.phone_device = await until("the phone's device", device, WAIT)

        async def notify() -> str | None:
            for found in await self.api.call("config/entity_registry/list"):
                if found["device_id"] == self.phone_device and found["entity_id"].startswith(
                    "notify."
                ):
                    return str(found["entity_id"])
            return None

        self.phone_notify = await until("the phone's notify entity", notify, WAIT)
        # Onboarding made it, of the user whose phone it is.
        [self.person] = [name for name in await self.api.states() if name.startswith("person.")]

    async def add_obs(self) -> None:
        """Add OBS Studio, and where its stream goes."""
        self.obs = await StudioEntry.add_obs(self.home, self.real_obs)
        await self.obs.add_destination(DESTINATION, self.receiver.server, STREAM_KEY)

    async def import_blueprint(self, path: Path) -> Json:
        """Import a blueprint as the user interface does, and return what it was shown."""
        relative = path.relative_to(BLUEPRINTS)
        url = f"{self.site.url}/blueprints/{relative}"
        found: Json = await self.api.call("blueprint/import", url=url)
        if found["validation_errors"]:
            raise DemoError(f"{relative}: {found['validation_errors']}")
        await self.api.call(
            "blueprint/save",
            domain=relative.parts[0],
            path=f"infrafabric/{path.stem}",
            yaml=found["raw_data"],
            source_url=f"{SOURCE}{relative}",
        )
        return found

    async def add_webhook(self, name: str) -> Webhook:
        """Add a webhook for productions, through the dialogs."""
        done = await (await self.api.config_flow(DOMAIN)).choose("surfaces")
        flow = await Flow.begin(
            self.api,
            "/api/config/config_entries/subentries/flow",
            [done["result"]["entry_id"], "webhook_in"],
        )
        await flow.choose("production_control")
        await flow.submit(name=name, reach="local")
        fields = (await flow.submit())["data_schema"]
        shown = {field["name"]: field["description"]["suggested_value"] for field in fields}
        await flow.submit()

        async def listens() -> bool:
            return any(hook["name"] == name for hook in await self.api.call("webhook/list"))

        await until(f"the webhook {name} to listen", listens, WAIT)
        return Webhook(shown["url"], shown["key"])

    async def stop(self) -> None:
        """End every process."""
        try:
            await self.leave_barn_alone()
        finally:
            await asyncio.gather(self.barn.stop(), self.garage.stop(), self.home.stop())
            await self.real_obs.stop()
            await self.receiver.stop()
            await self.site.stop()

    # -- using --------------------------------------------------------------------------------

    async def use(self, blueprint: str, **inputs: Any) -> None:
        """Make an automation of a blueprint in the editor, and wait until it runs."""
        await self.mesh.add_automation(
            {
                "alias": blueprint.replace("_", " ").capitalize(),
                "use_blueprint": {"path": f"infrafabric/{blueprint}.yaml", "input": inputs},
            }
        )

    async def studios(self) -> Json:
        """Return the target that the picker of studios makes."""
        return {"device_id": [await self.obs.device()]}

    async def state(self, entity_id: str) -> Json:
        """Return a state with its attributes."""
        found: Json = (await self.api.states())[entity_id]
        return found

    async def wait_state(self, entity_id: str, wanted: str, seconds: float = WAIT) -> Json:
        """Wait until an entity is in a state, and return it with its attributes."""

        async def look() -> Json | None:
            state = await self.state(entity_id)
            return state if state["state"] == wanted else None

        return await until(
            f"{entity_id} to be {wanted}", look, seconds, seen=lambda: self.state(entity_id)
        )

    async def press(self, name: str) -> None:
        """Press one of the helpers' buttons."""
        await self.api.action("input_button", "press", {"entity_id": f"input_button.{name}"})

    async def wait_pushed(self, text: str, seconds: float = WAIT) -> Json:
        """Wait for the newest notification on the phone whose message has this text."""

        async def look() -> Json | None:
            return next(
                (push for push in reversed(self.site.pushed) if text in push["message"]), None
            )

        async def shown() -> list[str]:
            return [push["message"] for push in self.site.pushed]

        return await until(f"the phone to show {text!r}", look, seconds, seen=shown)

    async def press_on_phone(self, action: str) -> None:
        """Press a notification's button, as the companion app tells of it."""
        await self.api.rest(
            "POST",
            f"/api/webhook/{self.phone['webhook_id']}",
            {
                "type": "fire_event",
                "data": {
                    "event_type": "mobile_app_notification_action",
                    "event_data": {"action": action},
                },
            },
            user=False,
        )

    async def start_stream(self) -> None:
        """Let OBS stream to the receiver, which takes one stream after the other."""
        # It ends with the stream that it took.
        if self.receiver.frames:
            await self.receiver.wait(60)
            await self.receiver.start()
        await self.obs.act("start_stream", destination=DESTINATION)
        await self.receiver.wait_frames(5)

    def stall_barn(self) -> None:
        """From now on its machine stands still again and again, once its link was measured."""
        self._stalling = asyncio.create_task(self._stall(), name="stall")

    async def leave_barn_alone(self) -> None:
        """Let its machine run from now on; raises what kept it from standing still."""
        if self._stalling is not None:
            stalling, self._stalling = self._stalling, None
            stalling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stalling

    async def _stall(self) -> None:
        async def sound() -> bool:
            band = await self.mesh.state(self.barn.peer_id, "quality_band")
            return band in ("excellent", "good", "fair")

        await until(
            "the first figures of the link",
            sound,
            300,
            seen=lambda: self.mesh.shown(self.barn.peer_id),
        )
        process = self.barn.process
        try:
            while process.running:
                process._process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(STALLED)
                process._process.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.1)
                # On a busy machine it needs longer for what waited; without that it would be gone.
                deadline = time.monotonic() + 2
                while is_at_work(process.pid) and time.monotonic() < deadline:
                    await asyncio.sleep(0.02)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process._process.send_signal(signal.SIGCONT)
