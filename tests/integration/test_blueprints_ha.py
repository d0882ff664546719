"""Every blueprint in a real Home Assistant: imported, filled in, triggered, its effect read back.

``tests/components/test_blueprints.py`` has the corners of each, with studio and mesh in memory.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
import re

import pytest
import pytest_asyncio
import yaml

from demo.api import Json
from demo.home_assistant import REPOSITORY
from demo.mesh import WAIT
from demo.processes import DemoError, until

from .blueprint_stage import BLUEPRINTS, SOURCE, Stage
from .log_check import findings

pytestmark = pytest.mark.asyncio(loop_scope="session")

FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ALL = sorted(path.relative_to(BLUEPRINTS) for path in BLUEPRINTS.rglob("*.yaml"))
EXPECTED = (
    # Of how this Home Assistant is started, of every integration that does not come with it, and
    # of a thermostat that is new.
    "Skipping pip installation of required modules",
    "custom integration infrafabric which has not been tested",
    "No previously saved temperature",
    # What the blueprints are to say: "alert when a link gets bad" writes to the log, and a peer
    # that is switched off cannot be dialled.
    "[infrafabric.blueprints] The link to Barn is",
    "[infrafabric.blueprints] The link to Garage is",
    "Error for call_service at pos 1: The peer is not online",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, watch) -> AsyncIterator[Stage]:
    """Return a Home Assistant that has every blueprint, and peers that are in trouble soon."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    assert not stage.missing, f"needs a real OBS Studio: {stage.missing}"
    watch([stage.home.process])
    try:
        await stage.start()
        for path in ALL:
            await stage.import_blueprint(BLUEPRINTS / path)
        await stage.link()
        watch([stage.barn.process, stage.garage.process])
        await stage.add_phone()
        await begin(stage)
        watch([*stage.real_obs.children, stage.receiver])
        await stage.add_obs()
        await look_at_the_next_minute(stage)
        yield stage
    finally:
        await stage.stop()
    assert stage.home.process.returncode == 0


async def connections(stage: Stage) -> list[str]:
    peers = (stage.barn.peer_id, stage.garage.peer_id)
    return [await stage.mesh.entity(peer_id, "connectivity") for peer_id in peers]


async def begin(stage: Stage) -> None:
    """Make the automations that watch the mesh, then let time and trouble begin."""
    sensors = await connections(stage)
    devices = [await stage.mesh.device(agent.peer_id) for agent in (stage.barn, stage.garage)]
    await stage.use("log_peers", peers={"device_id": devices})
    await stage.use("mesh_status", connections=sensors, text="input_text.mesh")
    await stage.use(
        "quality_alert",
        peers={"device_id": devices},
        phone=stage.phone_device,
        persons=[stage.person],
        lights={"entity_id": ["light.desk"]},
    )
    await stage.garage.process.kill()
    stage.stall_barn()


async def look_at_the_next_minute(stage: Stage) -> None:
    """Make the automation that runs every hour, with the minute that comes next."""
    await stage.mesh.wait_disconnected(stage.garage.peer_id)
    # That minute is not to begin before Home Assistant has taken the automation.
    soon = datetime.now(UTC) + timedelta(seconds=75)
    await stage.use(
        "health_check",
        connections=await connections(stage),
        patience=0,
        minute=soon.minute,
        again=5,
        people=[stage.phone_notify],
    )


async def logbook(stage: Stage) -> list[tuple[str, str]]:
    entries = await stage.api.call(
        "logbook/get_events",
        start_time=(datetime.now(UTC) - timedelta(minutes=10)).isoformat(),
        end_time=(datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
    )
    return [(entry.get("name", ""), entry.get("message", "")) for entry in entries]


async def wait_logged(stage: Stage, name: str, message: str) -> None:
    async def logged() -> bool:
        return (name, message) in await logbook(stage)

    await until(f"the logbook to say {name} {message}", logged, WAIT, seen=lambda: logbook(stage))


# -- import -----------------------------------------------------------------------------------


async def test_every_blueprint_is_imported_by_its_address(stage: Stage) -> None:
    for domain in ("automation", "script"):
        listed = await stage.api.call("blueprint/list", domain=domain)
        ours = {path: entry for path, entry in listed.items() if path.startswith("infrafabric/")}
        assert {Path(domain, path) for path in ours} == {
            path for path in ALL if path.parts[0] == domain
        }
        for path, entry in ours.items():
            assert entry["metadata"]["source_url"] == f"{SOURCE}{domain}/{path}"


# -- on air -----------------------------------------------------------------------------------


async def test_the_light_is_on_and_the_director_knows_as_long_as_obs_streams(stage: Stage) -> None:
    studios = await stage.studios()
    light = {"entity_id": ["light.on_air"]}
    people = [stage.phone_notify]
    await stage.use("on_air_on", studios=studios, on_air=light, people=people)
    await stage.use("on_air_off", studios=studios, on_air=light, people=people)
    await stage.use("streaming_scene", studios=studios, scene="scene.show", after=["scene.normal"])

    await stage.start_stream()
    await stage.wait_state("light.on_air", "on")
    await stage.wait_state("input_boolean.show", "on")
    assert (await stage.wait_pushed("is on air."))["title"] == "On air"

    # As somebody would at the desk of the studio.
    await stage.obs.act("obs_request", request="StopStream", data={})
    await stage.wait_state("light.on_air", "off")
    await stage.wait_state("input_boolean.show", "off")
    told = await stage.wait_pushed("The stream of")
    assert re.fullmatch(r"The stream of .+ ended after 0:00:\d\d\.", told["message"])


async def test_a_button_on_the_phone_stops_obs_and_the_confirmation_comes_back(
    stage: Stage,
) -> None:
    await stage.use(
        "notification_actions",
        studios=await stage.studios(),
        phone=stage.phone_device,
        persons=[stage.person],
    )
    await stage.start_stream()

    async def offered() -> str | None:
        for push in stage.site.pushed:
            for action in push.get("data", {}).get("actions", []):
                if action["action"].startswith("STOP_STREAM_"):
                    return str(action["action"])
        return None

    button = await until("the button on the phone", offered, WAIT)
    await stage.press_on_phone("STOP_STREAM_")
    await stage.press_on_phone(button)
    await stage.obs.wait_state("state_stream", "stopped")
    assert "confirmed: the stream is stopped." in (await stage.wait_pushed("confirmed"))["message"]


# -- recording and emergency ------------------------------------------------------------------


async def test_a_scene_lasts_as_long_as_obs_records(stage: Stage) -> None:
    await stage.use(
        "recording_scene",
        recording=await stage.obs.entity("state_record"),
        scene="scene.recording",
        after=["scene.recorded"],
    )
    await stage.obs.act("start_recording")
    await stage.wait_state("input_boolean.quiet", "on")
    await stage.obs.act("stop_recording")
    await stage.wait_state("input_boolean.quiet", "off")


async def test_the_emergency_button_ends_what_obs_sends_and_writes(stage: Stage) -> None:
    await stage.use(
        "emergency_stop",
        start=[{"trigger": "state", "entity_id": ["input_button.panic"]}],
        studios=await stage.studios(),
        lights={"entity_id": ["light.exit"]},
        people=[stage.phone_notify],
    )
    await stage.start_stream()
    await stage.obs.act("start_recording")

    await stage.press("panic")

    told = await stage.wait_pushed("everything is stopped")
    assert "stream stopped" in told["message"]
    assert "record stopped" in told["message"]
    for output in ("stream", "record"):
        await stage.obs.wait_state(f"state_{output}", "stopped")
    assert (await stage.wait_state("light.exit", "on"))["attributes"]["brightness"] == 255


# -- productions ------------------------------------------------------------------------------


async def furniture(stage: Stage) -> tuple[str, str, str, float]:
    """Return the states of work light, door and on-air light, and the climate's temperature."""
    names = ("light.work", "lock.door", "light.on_air", "climate.studio")
    work, door, on_air, climate = [await stage.state(name) for name in names]
    return work["state"], door["state"], on_air["state"], climate["attributes"]["temperature"]


async def wait_furniture(stage: Stage, *wanted: str | float) -> None:
    async def look() -> bool:
        return await furniture(stage) == wanted

    try:
        await until("the furniture", look, WAIT)
    except DemoError:
        assert await furniture(stage) == wanted
        raise


FURNITURE = {
    "lights": {"entity_id": ["light.work"]},
    "on_air": {"entity_id": ["light.on_air"]},
    "climate": {"entity_id": ["climate.studio"]},
}
DOORS = {"doors": {"entity_id": ["lock.door"]}}


async def test_the_script_sets_up_and_tears_down_and_unlocks_nothing(stage: Stage) -> None:
    await stage.api.rest(
        "POST",
        "/api/config/script/config/production",
        {
            "alias": "Production",
            "use_blueprint": {
                "path": "infrafabric/production.yaml",
                "input": {
                    **FURNITURE,
                    **DOORS,
                    "start_scenes": ["scene.show"],
                    "stop_scenes": ["scene.normal"],
                },
            },
        },
    )

    async def there() -> bool:
        return await stage.api.state("script.production") is not None

    await until("the script", there, WAIT)
    await stage.api.action("script", "production", {"phase": "start"})
    await wait_furniture(stage, "on", "locked", "on", 22)
    await stage.wait_state("input_boolean.show", "on")
    await stage.api.action("script", "production", {"phase": "stop"})
    await wait_furniture(stage, "off", "locked", "off", 19)
    await stage.wait_state("input_boolean.show", "off")


async def test_a_signed_webhook_sets_up_and_tears_down_but_not_while_on_air(stage: Stage) -> None:
    def asks_for(action: str) -> list[Json]:
        options = {"webhook": "Director", "action": action}
        return [{"trigger": "infrafabric.webhook_received", "options": options}]

    await stage.use("production_start", start=asks_for("start_production"), **FURNITURE, **DOORS)
    await stage.use(
        "production_stop",
        start=asks_for("stop_production"),
        studios=await stage.studios(),
        **FURNITURE,
    )
    director = await stage.add_webhook("Director")
    await stage.api.action("lock", "unlock", {"entity_id": "lock.door"})
    await stage.wait_state("lock.door", "unlocked")

    assert await director.post("start_production") == 202
    await wait_furniture(stage, "on", "locked", "on", 22)
    work = (await stage.state("light.work"))["attributes"]
    assert (work["brightness"], work["color_temp_kelvin"]) == (255, 5500)

    await stage.start_stream()
    assert await director.post("stop_production") == 202

    async def runs() -> list[str]:
        listed = await stage.api.call("trace/list", domain="automation", item_id="production_stop")
        return [run["script_execution"] for run in listed]

    async def refused() -> bool:
        return await runs() == ["failed_conditions"]

    await until("the automation to look whether a studio is on air", refused, WAIT, seen=runs)
    assert await furniture(stage) == ("on", "locked", "on", 22)

    await stage.obs.act("stop_stream")
    assert await director.post("stop_production") == 202
    await wait_furniture(stage, "off", "locked", "off", 19)


# -- peers ------------------------------------------------------------------------------------


async def test_a_daily_report_says_at_its_time_what_it_found(stage: Stage) -> None:
    await stage.mesh.wait_disconnected(stage.garage.peer_id)
    # It is not to come before Home Assistant has taken the automation.
    at = datetime.now() + timedelta(seconds=12)  # noqa: DTZ005 - as the time picker has it
    await stage.use(
        "daily_report",
        at=at.strftime("%H:%M:%S"),
        connections=[*await connections(stage), await stage.obs.entity("connectivity")],
        problems=[await stage.obs.entity("stream_problem")],
        disks=[await stage.obs.entity("free_disk")],
        people=[stage.phone_notify],
    )
    told = await stage.wait_pushed("Away: Garage.")
    assert told["title"] == "InfraFabric today"
    text = r"Away: Garage\. Free disk: [\d.]+ GB\."
    assert re.fullmatch(text, told["message"].strip()), told["message"]


async def test_a_power_cut_is_in_the_text_and_in_the_logbook(stage: Stage) -> None:
    await stage.wait_state("input_text.mesh", "1 of 2 online; away: Garage")
    await wait_logged(stage, "Garage", "is disconnected: peer_silent")


async def test_the_health_check_dials_and_tells_who_stays_away(stage: Stage) -> None:
    await stage.wait_pushed("Garage could not be reached.", 120)


async def test_a_slow_peer_alerts_the_phone_and_its_button_dials_again(stage: Stage) -> None:
    # While Garage is away: one that is slow as well would have the only run of the automation.
    try:
        alert = await stage.wait_pushed("The link to Barn is", 120)
    except DemoError as err:
        err.add_note(f"The link: {await stage.mesh.shown(stage.barn.peer_id)}")
        raise
    assert re.match(
        r"The link to Barn is (poor|critical) \(\d+ ms, \d+ % lost\)\.", alert["message"]
    )
    await stage.wait_state("light.desk", "on")
    restart = next(
        action["action"]
        for action in alert["data"]["actions"]
        if action["action"].startswith("RESTART_PEER_")
    )
    await stage.leave_barn_alone()
    await stage.press_on_phone(restart)
    await wait_logged(stage, "Barn", "is disconnected: reconnect")


async def test_a_peer_that_is_back_is_in_the_text_and_in_the_logbook(stage: Stage) -> None:
    await stage.garage.start()
    await stage.wait_state("input_text.mesh", "2 of 2 online")
    await wait_logged(stage, "Garage", "is connected")


# -- all of them ------------------------------------------------------------------------------


async def test_the_automations_and_scripts_in_the_docs_are_taken_by_the_editors(
    stage: Stage,
) -> None:
    wanted = set()
    for page in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))):
        for number, text in enumerate(FENCE.findall(page.read_text())):
            example = yaml.safe_load(text)
            for domain, mark in (("automation", "triggers"), ("script", "sequence")):
                if mark in example:
                    key = f"docs_{page.stem.replace('-', '_').lower()}_{number}"
                    url = f"/api/config/{domain}/config/{key}"
                    await stage.api.rest("POST", url, {**example, "alias": key})
                    wanted.add((f"{domain}.{key}", "on" if domain == "automation" else "off"))

    async def loaded() -> bool:
        states = await stage.api.states()
        return wanted <= {(name, state["state"]) for name, state in states.items()}

    await until("the examples to be loaded", loaded, WAIT)
    assert {name.partition(".")[0] for name, _ in wanted} == {"automation", "script"}


async def test_every_blueprint_is_in_use_and_home_assistant_has_nothing_to_say_of_it(
    stage: Stage,
) -> None:
    used = set()
    for name, state in (await stage.api.states()).items():
        domain = name.partition(".")[0]
        if domain in ("automation", "script"):
            assert state["state"] != "unavailable", name
            related = await stage.api.call("search/related", item_type=domain, item_id=name)
            used |= {Path(domain, path) for path in related.get(f"{domain}_blueprint", ())}
    assert used == set(ALL)

    issues = (await stage.api.call("repairs/list_issues"))["issues"]
    assert [issue for issue in issues if not issue["ignored"]] == []
    log = stage.home.log()
    warnings = [
        line for line in log.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) \(", line)
    ]
    assert [line for line in warnings if not any(said in line for said in EXPECTED)] == []
    assert [found for found in findings(log) if not any(said in found for said in EXPECTED)] == []
