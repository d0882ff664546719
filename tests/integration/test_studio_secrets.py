"""No key and no password leaves its entry: a real run, and everything that it left behind.

A real Home Assistant that logs, records and traces everything, a real OBS Studio and two stand-ins
for vMix. Everything with a secret is done once, through dialogs, actions, entities, an automation
and over a restart. Then every secret is looked for everywhere, however it may be written.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
import hashlib
import json
import os
from pathlib import Path
import re
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio

from demo.api import Api, Flow, Json
from demo.home_assistant import HomeAssistant
from demo.mesh import DOMAIN
from demo.processes import DemoError, free_port, until
from demo.studios import StudioEntry
from infrafabric.studio.obs import ObsClient
from tests.obs_world import MISSING, RealObs, missing_programs, rtmp_receiver, srt_receiver
from tests.vmix_simulator import VmixSimulator

from .secret_search import files, loggers, search, spellings

pytestmark = pytest.mark.asyncio(loop_scope="module")

OBS_PASSWORD: Final = "Ob5/pass+w0rd&one%21=x"
OBS_LATER: Final = "Ob5/pass+w0rd&two%22=y"
WEB_USER: Final = "web-controller-user-61"
WEB_PASSWORD: Final = 'vM1x "web" pass/61+é'
WEB_LATER: Final = 'vM1x "web" pass/62+ü'
RTMP_KEY: Final = "live_7Kq+42&y=zR~rtmp"
RTMP_USER: Final = "publisher-of-rtmp-83"
RTMP_PASSWORD: Final = 'p4ss "of" rtmp/83+ö'
SRT_PASSPHRASE: Final = 'open "srt" door/88=x~é'
SRT_STREAM_ID: Final = "#!::r=live/secret-of-srt-88,m=publish"
NOWHERE_KEY: Final = "nobody_takes+this&key=19"
NOWHERE_PASSWORD: Final = "nobody/takes+this pass=19"
NOWHERE_QUERY: Final = "in-the-address-19-Zz8"
TWITCH_KEY: Final = "live_470011_TwItChKeyOfATest"
VMIX_KEY: Final = 'vmix "key" over/http+33&a=b'
VMIX_PASSWORD: Final = "vmix/pass over+http=33"
VMIX_TCP_KEY: Final = 'vmix "key" over/tcp+34&a=b'
VMIX_TCP_PASSWORD: Final = "vmix/pass over+tcp=34"
WHIP_TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.wh1p+tok/en=="
WHIP_PATH: Final = "whip-path-key-Qq55"

TYPED: Final[Mapping[str, str]] = {
    "password of OBS, the later one": OBS_LATER,
    "password of vMix's web controller, the later one": WEB_LATER,
    "RTMP key": RTMP_KEY,
    "RTMP password": RTMP_PASSWORD,
    "SRT passphrase": SRT_PASSPHRASE,
    "SRT stream id": SRT_STREAM_ID,
    "key of nowhere": NOWHERE_KEY,
    "password of nowhere": NOWHERE_PASSWORD,
    "key in the address of nowhere": NOWHERE_QUERY,
    "Twitch key": TWITCH_KEY,
    "vMix key over HTTP": VMIX_KEY,
    "vMix password over HTTP": VMIX_PASSWORD,
    "vMix key over TCP": VMIX_TCP_KEY,
    "vMix password over TCP": VMIX_TCP_PASSWORD,
    "WHIP token": WHIP_TOKEN,
    "WHIP key in the address": WHIP_PATH,
    "user of vMix's web controller": WEB_USER,
    "RTMP user": RTMP_USER,
}
"""What the entries hold at the end."""
REPLACED: Final[Mapping[str, str]] = {
    "password of OBS, the first one": OBS_PASSWORD,
    "password of vMix's web controller, the first one": WEB_PASSWORD,
}
"""What the entries held until another one was typed."""
WRONG: Final[Mapping[str, str]] = {
    "wrong password, adding OBS": "wr0ng/obs+add&71=q",
    "wrong password, mending OBS": "wr0ng/obs+mend&72=q",
    "wrong password, adding vMix": "wr0ng/vmix+add&73=q",
    "wrong password, mending vMix": "wr0ng/vmix+mend&74=q",
}
"""What was typed and refused; perhaps the password of something else."""

CANARY: Final = 'canary "bird" in/a+mine&é=99'
CANARIES: Final = {"canary": CANARY}

LOGGER: Final = """\
logger:
  default: debug
  # These have a level of their own, unless they get another one here.
  logs:
    aiohttp.access: debug
    httpx: debug
    requests: debug
    sqlalchemy: debug
    urllib3: debug
"""

ENTRIES: Final = ".storage/core.config_entries"
"""The only file that may hold what was typed."""

HELPER: Final = {
    "domain": "planted_canary",
    "name": "Planted canary",
    "version": "1",
    # Diagnostics list this of every custom integration.
    "documentation": f"https://example.org/{CANARY}",
    "dependencies": [],
    "codeowners": [],
    "requirements": [],
}

RECEIVER, OVER_SRT, NOWHERE, TWITCH = "Receiver", "Over SRT", "Nowhere", "My Twitch"
VMIX_HTTP, VMIX_TCP, WHIP = "Channel over HTTP", "Channel over TCP", "Over WHIP"

type Places = dict[str, bytes]


@dataclass
class Evidence:
    """What a run left behind.

    Attributes:
        places: Everything where no secret may be, by name.
        held: What the entries' file held at several times.
        log: What Home Assistant has logged.
        derived: What OBS makes of its password, which opens it as well.

    """

    places: Places = field(default_factory=dict)
    held: bytes = b""
    log: str = ""
    derived: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> dict[str, str]:
        """Everything that may be nowhere."""
        return {**TYPED, **REPLACED, **WRONG, **self.derived}

    def add(self, place: str, data: Any) -> None:
        """Add something to a place."""
        if not isinstance(data, bytes):
            data = json.dumps(data, ensure_ascii=False, default=str).encode()
        self.places[place] = self.places.get(place, b"") + data + b"\n"

    def add_files(self, home: HomeAssistant, when: str) -> None:
        """Add every file of the configuration folder as it is now."""
        for name, data in files(home.folder):
            if name == ENTRIES:
                self.held += data
            else:
                self.places[f"{name}, {when}"] = data


def talkative_home(folder: Path) -> HomeAssistant:
    """Return a Home Assistant that logs everything."""
    home = HomeAssistant("Everything", folder / "home", free_port())
    configuration = home.folder / "configuration.yaml"
    text, replaced = re.subn(
        r"^logger:\n(?:  .*\n)+",
        LOGGER,
        configuration.read_text(),
        flags=re.MULTILINE,
    )
    assert replaced == 1
    configuration.write_text(text)
    helper = home.folder / "custom_components" / HELPER["domain"]
    helper.mkdir()
    (helper / "__init__.py").write_text("")
    (helper / "manifest.json").write_text(json.dumps(HELPER))
    return home


# -- steps --------------------------------------------------------------------------------------


async def add_destinations(entry: StudioEntry, *destinations: tuple[str, Json]) -> None:
    for service, values in destinations:
        flow = await entry.api.options_flow(entry.entry_id)
        await flow.choose("destinations")
        await flow.choose("destination_add")
        await flow.submit(service=service)
        done = await flow.submit(**values)
        assert done["type"] == "create_entry", done


async def refused(act: Any, *secrets: str) -> None:
    """Expect an error, and no secret in its text."""
    with pytest.raises(DemoError) as caught:
        await act
    assert search(str(caught.value).encode(), {secret: secret for secret in secrets}) == {}


async def reauthentication(entry: StudioEntry) -> Flow:
    """Wait for the dialog that asks for another password, and open it."""

    async def asked() -> str | None:
        for flow in await entry.api.call("config_entries/flow/progress"):
            context = flow["context"]
            if (context["source"], context.get("entry_id")) == ("reauth", entry.entry_id):
                return str(flow["flow_id"])
        return None

    flow_id = await until(f"{entry.title} to ask for another password", asked, 60)
    return await Flow.resume(entry.api, "/api/config/config_entries/flow", flow_id)


async def mend(entry: StudioEntry, flow: Flow, wrong: Json, right: Json) -> None:
    with pytest.raises(DemoError, match="auth_failed"):
        await flow.submit(**wrong)
    assert (await flow.submit(**right))["reason"] == "reauth_successful"
    await entry.wait_connected()


async def plant(home: HomeAssistant) -> None:
    """Put a canary where the search has to find one."""
    await home.api.action(
        "input_text", "set_value", {"entity_id": "input_text.answer", "value": CANARY}
    )
    await home.api.action(
        "system_log",
        "write",
        {
            "logger": "planted.canary",
            "level": "debug",
            "message": " ".join(spellings(CANARY).values()),
        },
    )
    await home.api.action("persistent_notification", "create", {"message": CANARY})
    (home.folder / ".storage" / "planted").write_text(json.dumps({"value": CANARY}))
    (home.folder / "planted.txt").write_text(base64.b64encode(f"x{CANARY}".encode()).decode())


AUTOMATION: Final = {
    "alias": "Everything with a studio",
    "triggers": [{"trigger": "event", "event_type": "planted_go"}],
    "variables": {"canary": CANARY},
}


async def run_automation(api: Api, obs: StudioEntry, vmix: StudioEntry) -> None:
    """Let an automation use the studios, so that there is a trace of it."""
    on_obs, on_vmix = [{"device_id": await entry.device()} for entry in (obs, vmix)]

    def act(action: str, target: Json, **data: Any) -> Json:
        return {
            "action": f"{DOMAIN}.{action}",
            "target": target,
            "data": data,
            "response_variable": action,
            "continue_on_error": True,
        }

    actions = [
        act("set_stream_destination", on_obs, destination=TWITCH),
        act("start_stream", on_obs, destination=NOWHERE, timeout=10),
        act("obs_request", on_obs, request="GetStreamServiceSettings"),
        act("obs_request", on_obs, request="GetInputSettings", data={"inputName": "Note"}),
        act("get_studio", on_obs),
        act("set_stream_destination", on_vmix, destination=VMIX_HTTP, channel=1),
        act("vmix_function", on_vmix, function="Cut"),
        act("get_studio", on_vmix),
        {"variables": {"report": "{{ [canary, obs_request, get_studio] }}"}},
    ]
    await api.rest(
        "POST", "/api/config/automation/config/planted", {**AUTOMATION, "actions": actions}
    )

    async def there() -> bool:
        return any(state["attributes"].get("id") == "planted" for state in (await states(api)))

    await until("the automation", there, 60)
    await api.call("fire_event", event_type="planted_go")

    async def traced() -> bool:
        traces = await api.call("trace/list", domain="automation", item_id="planted")
        return [trace["state"] for trace in traces] == ["stopped"]

    await until("the trace of the automation", traced, 120)


async def states(api: Api) -> list[Json]:
    return list(await api.rest("GET", "/api/states"))


async def traces(api: Api) -> list[Json]:
    listed = await api.call("trace/list", domain="automation", item_id="planted")
    return [
        await api.call("trace/get", domain="automation", item_id="planted", run_id=trace["run_id"])
        for trace in listed
    ]


async def ask(evidence: Evidence, api: Api, *entries: StudioEntry) -> None:
    """Take what Home Assistant tells when it is asked."""
    evidence.add("states", await states(api))
    evidence.add("traces", await traces(api))
    for entry in entries:
        path = f"/api/diagnostics/config_entry/{entry.entry_id}"
        evidence.add(f"diagnostics of {entry.title}", await api.rest("GET", path))
    for command in ("repairs/list_issues", "persistent_notification/get", "system_log/list"):
        evidence.add("answers", await api.call(command))
    for command in ("config_entries/get", "config_entries/flow/progress"):
        evidence.add("answers", await api.call(command))


async def derived(obs: RealObs, password: str) -> str:
    """Return what OBS keeps of a password: who knows it and the salt can log in without it."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://{obs.host}:{obs.port}") as socket,
    ):
        salt = (await socket.receive_json())["d"]["authentication"]["salt"]
    return base64.b64encode(hashlib.sha256(f"{password}{salt}".encode()).digest()).decode()


async def write_note(obs: RealObs) -> None:
    """Let OBS have an input whose settings hold a key, which a raw request may read."""
    async with aiohttp.ClientSession() as session:
        client = ObsClient(session, obs.host, obs.port, obs.password)
        await client.start()
        try:
            await until("OBS to answer", lambda: _connected(client), 60)
            scene = (await client.raw("GetSceneList", {}))["currentProgramSceneName"]
            await client.raw(
                "CreateInput",
                {
                    "sceneName": scene,
                    "inputName": "Note",
                    "inputKind": "color_source_v3",
                    "inputSettings": {"note": f"the one of the stream is {RTMP_KEY}"},
                },
            )
        finally:
            await client.stop()


async def _connected(client: ObsClient) -> bool:
    return client.state is not None


def change_password(obs: RealObs, later: str) -> None:
    """Give an OBS that does not run another password."""
    changed = 0
    for file in (obs.folder / "home/.config/obs-studio").rglob("*"):
        if file.name in ("global.ini", "user.ini", "config.json"):
            text = file.read_text()
            changed += text.count(str(obs.password))
            file.write_text(text.replace(str(obs.password), later))
    assert changed
    obs.password = later


# -- the run ------------------------------------------------------------------------------------


def obs_form(obs: RealObs, password: str) -> Json:
    tls = {"ssl": False, "verify_ssl": True}
    return {"host": obs.host, "port": obs.port, "password": password, "tls": tls}


def vmix_form(vmix: VmixSimulator, password: str | None = None) -> Json:
    http: Json = {"use_http": password is not None, "http_port": vmix.http_port}
    if password is not None:
        http |= {"http_username": WEB_USER, "http_password": password}
    return {"host": "127.0.0.1", "port": vmix.port, "http": http}


async def add(
    home: HomeAssistant, kind: str, right: Json, wrong: Json | None = None
) -> StudioEntry:
    """Add a studio, after a wrong password if there is one."""
    flow = await home.api.config_flow(DOMAIN)
    await flow.choose(kind)
    if wrong is not None:
        with pytest.raises(DemoError, match="auth_failed"):
            await flow.submit(**wrong)
    return await StudioEntry._made(home, await flow.submit(**right))


class Run:
    """What runs, and what is done with it in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = talkative_home(folder)
        self.obs = RealObs(folder / "obs", OBS_PASSWORD)
        self.web = VmixSimulator(username=WEB_USER, password=WEB_PASSWORD)
        self.vmix = VmixSimulator()
        self.rtmp = rtmp_receiver(folder, RTMP_KEY)
        self.srt = srt_receiver(folder, passphrase=SRT_PASSPHRASE)
        self.evidence = Evidence()

    async def start(self) -> None:
        self.obs.folder.mkdir()
        await self.home.start()
        await self.rtmp.start()
        await self.srt.start()
        await self.web.start()
        await self.vmix.start()
        await self.obs.start()
        await write_note(self.obs)
        self.evidence.derived["first password of OBS, hashed"] = await derived(
            self.obs, OBS_PASSWORD
        )
        await self.home.ready()

    async def stop(self) -> None:
        await self.home.stop()
        await self.obs.stop()
        for receiver in (self.rtmp, self.srt):
            await receiver.stop()
        await self.web.stop()
        await self.vmix.stop()

    async def add_everything(self) -> None:
        home, obs = self.home, self.obs
        self.entry = await add(
            home,
            "obs",
            obs_form(obs, OBS_PASSWORD),
            obs_form(obs, WRONG["wrong password, adding OBS"]),
        )
        self.web_entry = await add(
            home,
            "vmix",
            vmix_form(self.web, WEB_PASSWORD),
            vmix_form(self.web, WRONG["wrong password, adding vMix"]),
        )
        self.vmix_entry = await add(home, "vmix", vmix_form(self.vmix))
        nowhere = {
            "name": NOWHERE,
            "server": f"rtmp://127.0.0.1:9/live?auth={NOWHERE_QUERY}",
            "key": NOWHERE_KEY,
            "username": RTMP_USER,
            "password": NOWHERE_PASSWORD,
        }
        await add_destinations(
            self.entry,
            (
                "rtmp",
                {
                    "name": RECEIVER,
                    "server": self.rtmp.server,
                    "key": RTMP_KEY,
                    "username": RTMP_USER,
                    "password": RTMP_PASSWORD,
                },
            ),
            (
                "srt",
                {
                    "name": OVER_SRT,
                    "mode": "caller",
                    "host": "127.0.0.1",
                    "port": self.srt.port,
                    "latency_ms": 120,
                    "passphrase": SRT_PASSPHRASE,
                    "stream_id": SRT_STREAM_ID,
                },
            ),
            ("rtmp", nowhere),
            ("twitch", {"name": TWITCH, "key": TWITCH_KEY}),
        )
        for entry, name, key, password in (
            (self.web_entry, VMIX_HTTP, VMIX_KEY, VMIX_PASSWORD),
            (self.vmix_entry, VMIX_TCP, VMIX_TCP_KEY, VMIX_TCP_PASSWORD),
        ):
            values = {"name": name, "server": "rtmp://127.0.0.1:9/live", "key": key}
            values |= {"username": RTMP_USER, "password": password}
            await add_destinations(entry, ("rtmp", values))

    async def stream(self) -> None:
        """Use every destination, by actions and by entities."""
        obs = self.entry
        await obs.act("start_stream", destination=RECEIVER)
        await self.rtmp.wait_frames(5)
        await obs.api.action("switch", "turn_off", {"entity_id": await obs.entity("output_stream")})
        await obs.wait_state("state_stream", "stopped")

        await obs.act("start_stream", destination=OVER_SRT)
        await self.srt.wait_frames(5)
        await obs.act("emergency_stop")
        await obs.wait_state("state_stream", "stopped")

        await refused(
            obs.act("start_stream", destination=NOWHERE, timeout=15),
            *(NOWHERE_KEY, NOWHERE_PASSWORD, NOWHERE_QUERY, RTMP_USER),
        )
        await obs.wait_state("output_stream", "off")
        await obs.act("set_stream_destination", destination=TWITCH)
        await obs.api.action(
            "select",
            "select_option",
            {"entity_id": await obs.entity("profile", "select."), "option": "Second"},
        )

        for entry, vmix, name, key, password in (
            (self.web_entry, self.web, VMIX_HTTP, VMIX_KEY, VMIX_PASSWORD),
            (self.vmix_entry, self.vmix, VMIX_TCP, VMIX_TCP_KEY, VMIX_TCP_PASSWORD),
        ):
            await entry.act("start_stream", destination=name, channel=1)
            await entry.act("stop_stream", channel=1)
            sent = "\n".join(vmix.requests).encode()
            assert set(search(sent, {"key": key, "password": password})) == {"key", "password"}

    async def send_raw(self) -> None:
        """Send requests as they are: those that would reveal something, and others."""
        obs, vmix = self.entry, self.web_entry
        for request, data in (
            ("GetStreamServiceSettings", {}),
            ("GetOutputSettings", {"outputName": "simple_stream"}),
            ("GetPersistentData", {"realm": "OBS_WEBSOCKET_DATA_REALM_GLOBAL", "slotName": "x"}),
            (
                "GetProfileParameter",
                {"parameterCategory": "OBSWebSocket", "parameterName": "ServerPassword"},
            ),
        ):
            await refused(obs.act("obs_request", request=request, data=data), *TYPED.values())
        note = await obs.act("obs_request", request="GetInputSettings", data={"inputName": "Note"})
        assert note["answer"]["inputSettings"]["note"] == "the one of the stream is **REDACTED**"
        for request in ("GetVersion", "GetStreamStatus", "GetOutputList", "GetInputList"):
            assert (await obs.act("obs_request", request=request))["answer"]
        await refused(vmix.act("vmix_function", function="StreamingSetKey"), *TYPED.values())
        await vmix.act("vmix_function", function="Cut")

    async def open_options(self) -> None:
        """Open the dialog with the destinations again, and change one without typing its keys."""
        flow = await self.entry.api.options_flow(self.entry.entry_id)
        self.evidence.add("dialog of destinations", await flow.choose("destinations"))
        self.evidence.add("dialog of destinations", await flow.choose("destination_edit"))
        form = await flow.submit(destination=OVER_SRT)
        self.evidence.add("dialog of destinations", form)
        values = {"name": OVER_SRT, "mode": "caller", "host": "127.0.0.1"}
        await flow.submit(**values, port=self.srt.port, latency_ms=200)

    async def change_passwords(self) -> None:
        """Kill OBS and start it with another password, change that of vMix, and mend both."""
        await self.obs.kill()
        await self.entry.wait_state("connectivity", "off")
        change_password(self.obs, OBS_LATER)
        await self.obs.start()
        self.evidence.derived["later password of OBS, hashed"] = await derived(self.obs, OBS_LATER)
        await mend(
            self.entry,
            await reauthentication(self.entry),
            {"password": WRONG["wrong password, mending OBS"]},
            {"password": OBS_LATER},
        )
        self.web._credentials = (WEB_USER, WEB_LATER)
        wrong = WRONG["wrong password, mending vMix"]
        await mend(
            self.web_entry,
            await reauthentication(self.web_entry),
            {"http_username": WEB_USER, "http_password": wrong},
            {"http_username": WEB_USER, "http_password": WEB_LATER},
        )

    async def first_life(self) -> None:
        home, evidence = self.home, self.evidence
        async with home.api.events() as events:
            await plant(home)
            await self.add_everything()
            await self.stream()
            await self.send_raw()
            await run_automation(home.api, self.entry, self.web_entry)
            await self.open_options()
            await home.wait_saved("core.config_entries", TWITCH_KEY)
            evidence.held += (home.folder / ENTRIES).read_bytes()
            await self.change_passwords()
            await ask(evidence, home.api, self.entry, self.web_entry, self.vmix_entry)
            evidence.add_files(home, "before the restart")
            # It is gone when Home Assistant starts, which offers everything then.
            await self.obs.kill()
            assert await home.stop() == 0
            while not events.empty():
                evidence.add("events", events.get_nowait())
        evidence.add_files(home, "after the first end")

    async def second_life(self) -> None:
        home, evidence = self.home, self.evidence
        await home.start()
        await home.ready()
        async with home.api.events() as events:
            server = f"https://127.0.0.1:9/{WHIP_PATH}"
            whip = {"name": WHIP, "server": server, "token": WHIP_TOKEN}
            await add_destinations(self.entry, ("whip", whip))
            await self.obs.start()
            await self.entry.wait_connected()
            await refused(
                self.entry.act("start_stream", destination=WHIP, timeout=10), WHIP_TOKEN, WHIP_PATH
            )
            await self.web_entry.wait_connected()
            await self.web_entry.act("set_stream_destination", destination=VMIX_HTTP, channel=2)
            await ask(evidence, home.api, self.entry, self.web_entry, self.vmix_entry)
            assert await home.stop() == 0
            while not events.empty():
                evidence.add("events", events.get_nowait())
        evidence.add_files(home, "at the end")
        evidence.log = home.log()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def evidence(tmp_path_factory: pytest.TempPathFactory, watch) -> AsyncIterator[Evidence]:
    """Return what everything that can be done with a secret left behind."""
    if missing := missing_programs():
        reason = f"{MISSING} {' '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    run = Run(tmp_path_factory.mktemp("secrets"))
    watch([run.home.process, run.rtmp, run.srt])
    try:
        await run.start()
        watch(run.obs.children)
        await run.first_life()
        await run.second_life()
    finally:
        await run.stop()
    yield run.evidence


# -- what is found ------------------------------------------------------------------------------


async def test_the_entries_hold_what_was_typed(evidence: Evidence) -> None:
    wanted = {**TYPED, **REPLACED}
    assert wanted.keys() - search(evidence.held, wanted).keys() == set()


async def test_what_was_typed_wrong_is_not_even_in_the_entries(evidence: Evidence) -> None:
    assert search(evidence.held, {**WRONG, **evidence.derived}) == {}


async def test_a_planted_canary_is_found_in_every_place(evidence: Evidence) -> None:
    with_canary = {place for place, data in evidence.places.items() if search(data, CANARIES)}
    database = "home-assistant_v2.db"
    wanted = {
        "states",
        "events",
        "traces",
        "answers",
        *(place for place in evidence.places if place.startswith("diagnostics of ")),
        f"{database}, after the first end",
        f"{database}, at the end",
        f"{database} (rows), before the restart",
        f"{database} (rows), after the first end",
        f"{database} (rows), at the end",
        ".storage/trace.saved_traces, after the first end",
        ".storage/trace.saved_traces, at the end",
        ".storage/planted, at the end",
        "planted.txt, at the end",
        "automations.yaml, at the end",
        "output.log, at the end",
        "home-assistant.log, after the first end",
        "home-assistant.log.1, at the end",
    }
    assert wanted - with_canary == set()
    # In which of the two it is depends on when SQLite wrote it over.
    running = {f"{database}, before the restart", f"{database}-wal, before the restart"}
    assert running <= evidence.places.keys()
    assert running & with_canary


async def test_everything_was_logged(evidence: Evidence) -> None:
    talked = set(re.findall(r" (?:DEBUG|INFO) \([^)]*\) \[([^]]+)\]", evidence.log))
    assert talked >= {
        "aiohttp.access",
        "homeassistant.core",
        "homeassistant.components.automation.everything_with_a_studio",
        "homeassistant.components.recorder.core",
        "homeassistant.components.websocket_api.http.connection",
        "sqlalchemy.engine.Engine",
    }
    assert any(name.startswith("custom_components.infrafabric") for name in talked)


async def test_every_spelling_of_a_canary_is_found_in_the_log(evidence: Evidence) -> None:
    written = loggers(evidence.log, CANARIES)
    assert "planted.canary" in written
    record = next(line for line in evidence.log.splitlines() if "[planted.canary]" in line)
    assert search(record.encode(), CANARIES) == {"canary": list(spellings(CANARY))}


async def test_no_secret_is_anywhere_else(evidence: Evidence) -> None:
    leaks = {
        place: found
        for place, data in evidence.places.items()
        if (found := search(data, evidence.secrets))
    }
    assert leaks == {}, loggers(evidence.log, evidence.secrets)
