"""What the recorder keeps of an hour of a busy mesh, and of a show, counted in its database."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_recorder_block_till_done,
    async_wait_recording_done,
    do_adhoc_statistics,
)
from sqlalchemy import text

from custom_components.infrafabric.const import PLATFORMS, STUDIO_PLATFORMS
from custom_components.infrafabric.mesh.model import Band, Quality
from custom_components.infrafabric.mesh.node import STATS_INTERVAL
from custom_components.infrafabric.sensor import NODE_SENSORS, PEER_SENSORS
from custom_components.infrafabric.studio.api import DEFAULT_POLL_INTERVAL
from custom_components.infrafabric.studio.model import OutputState, Statistics
from custom_components.infrafabric.studio_sensor import SLOW_SECONDS, STUDIO_SENSORS
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .conftest import STUDIO, FakeMeshNode
from .studio_entities import everything_enabled
from .studio_fake import FakeStudioClient

__all__ = ["everything_enabled"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/long-term-statistics.md").read_text()

MACHINE = (
    "fps",
    "cpu",
    "memory",
    "free_disk",
    "frame_time",
    "render_skipped_frames",
    "encoder_skipped_frames",
)
"""The sensors that a studio has whether anything runs or not."""

BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEARTBEAT = timedelta(seconds=2)
POLL = timedelta(seconds=DEFAULT_POLL_INTERVAL)
FIRST_STATES = 3
"""Unavailable, unknown, and the first value, before the hour is counted from."""

DISABLED = set(re.findall(r"^\| .+, disabled at first \| `(\w+)` \|", PAGE, re.MULTILINE))
DOCUMENTED = {
    key: (kind, int(most.replace(",", "")))
    for key, kind, most in re.findall(
        r"^\| .+? \| `(\w+)` \| (mean|sum) \| ([\d,]+) \|$", PAGE, re.MULTILINE
    )
}
"""What the page says of each sensor: the kind of its statistics, and how many states an hour."""


@pytest.fixture
def mock_recorder_before_hass(async_test_recorder: object) -> None:
    """Have the database ready before Home Assistant, as the harness wants it."""


@pytest.fixture
def platforms(request: pytest.FixtureRequest) -> list[Platform]:
    return STUDIO_PLATFORMS if "show" in request.node.name else PLATFORMS


@pytest.fixture(autouse=True)
def _on_the_hour(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(BEGIN)


def ask(recorder: Recorder, sql: str) -> list[tuple[Any, ...]]:
    with recorder.get_session() as session:
        return [tuple(row) for row in session.execute(text(sql))]


def states(recorder: Recorder) -> dict[str, int]:
    """Return how many states of each entity are in the database."""
    return dict(
        ask(
            recorder,
            "SELECT m.entity_id, COUNT(*) FROM states JOIN states_meta m USING (metadata_id)"
            " GROUP BY m.entity_id",
        )
    )


def attributes(recorder: Recorder) -> dict[str, int]:
    """Return how many sets of attributes of each entity are in the database."""
    return dict(
        ask(
            recorder,
            "SELECT m.entity_id, COUNT(DISTINCT attributes_id) FROM states"
            " JOIN states_meta m USING (metadata_id) GROUP BY m.entity_id",
        )
    )


def sensors(hass: HomeAssistant) -> dict[str, str]:
    """Return the ids of the sensors that the page is about, by the keys that it has for them."""
    return {
        entity.translation_key: entity.entity_id
        for entity in er.async_get(hass).entities.values()
        if entity.domain == "sensor" and entity.translation_key in DOCUMENTED
    }


async def compile_statistics(hass: HomeAssistant) -> None:
    """Do what Home Assistant does every five minutes."""
    for number in range(12):
        do_adhoc_statistics(hass, start=BEGIN + number * timedelta(minutes=5))
    await async_recorder_block_till_done(hass)


def size(recorder: Recorder) -> int:
    """Return the bytes of the database."""
    [[pages]] = ask(recorder, "PRAGMA page_count")
    [[bytes_each]] = ask(recorder, "PRAGMA page_size")
    return int(pages * bytes_each)


def total(hass: HomeAssistant, recorder: Recorder, device: str, *keys: str) -> int:
    """Return how many states there are of a device's entities that are not disabled at first.

    Args:
        hass: Home Assistant.
        recorder: What keeps them.
        device: What their ids have behind the platform.
        keys: Only those of these keys, if there are any.

    """
    there = sensors(hass)
    left_out = {there[key] for key in DISABLED & there.keys()}
    wanted = {there[key] for key in keys}
    return sum(
        number
        for name, number in states(recorder).items()
        if name.partition(".")[2].startswith(f"{device}_")
        and name not in left_out
        and (not wanted or name in wanted)
    )


def check_total(of: str, found: int) -> None:
    """Compare with what the page says of all entities of something together."""
    said = re.search(rf"^\| {of}.* \| ([\d,]+) \|$", PAGE, re.MULTILINE)
    assert said, of
    most = int(said[1].replace(",", ""))
    assert most * 0.9 <= found <= most, of


async def check(hass: HomeAssistant, recorder: Recorder, empty: int) -> None:
    """Compare the hour in the database, which had *empty* bytes before, with the page."""
    await async_wait_recording_done(hass)
    said = re.search(r"about (\d+) bytes a state", PAGE)
    assert said
    each = (size(recorder) - empty) / sum(states(recorder).values())
    assert int(said[1]) * 0.8 <= each <= int(said[1]) * 1.2
    kept = states(recorder)
    there = sensors(hass)
    for key, entity_id in there.items():
        assert kept[entity_id] <= DOCUMENTED[key][1] + FIRST_STATES, key
        # Busy all the time: the bound is one that is reached, nearly.
        assert kept[entity_id] >= DOCUMENTED[key][1] * 0.8, key
    await compile_statistics(hass)
    for period, length in (("5minute", 12), ("hour", 1)):
        found = statistics_during_period(
            hass, BEGIN, BEGIN + HOUR, set(there.values()), period, None, {"mean", "sum"}
        )
        for key, entity_id in there.items():
            rows = found[entity_id]
            assert len(rows) == length, (key, period)
            assert all(row[DOCUMENTED[key][0]] is not None for row in rows), (key, period)


@pytest.mark.slow
async def test_an_hour_with_a_busy_peer_is_as_many_states_as_the_page_says(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    everything_enabled: None,
    node: FakeMeshNode,
    freezer: FrozenDateTimeFactory,
) -> None:
    random = Random(1)
    await async_wait_recording_done(hass)
    empty = size(recorder_mock)
    node.connect_peer(STUDIO.peer_id)
    for step in range(HOUR // HEARTBEAT):
        freezer.tick(HEARTBEAT)
        async_fire_time_changed(hass)
        node.change_peer(
            STUDIO.peer_id,
            last_seen=BEGIN + step * HEARTBEAT,
            quality=Quality(
                rtt_ms=random.uniform(10, 300),
                jitter_ms=random.uniform(1, 50),
                loss_percent=random.uniform(0, 20),
                score=random.uniform(0, 100),
                band=Band.GOOD,
            ),
        )
        if step * HEARTBEAT % timedelta(seconds=5) < HEARTBEAT:
            node.set_stats(
                messages_in_per_minute=random.randrange(10_000),
                messages_out_per_minute=random.randrange(10_000),
                refused={"stale": step},
                loop_lag_p99_ms=random.uniform(0, 9),
            )
        await hass.async_block_till_done()
    await check(hass, recorder_mock, empty)

    check_total("this node", total(hass, recorder_mock, "home"))
    check_total("a peer", total(hass, recorder_mock, "studio"))
    kept = states(recorder_mock)
    assert kept["sensor.studio_last_seen"] <= 4 + FIRST_STATES
    assert kept["sensor.studio_link_quality"] <= FIRST_STATES
    # No attribute comes and goes: each entity has the ones of "unavailable" and its own.
    assert {name: number for name, number in attributes(recorder_mock).items() if number > 2} == {}


@pytest.mark.slow
async def test_an_hour_of_a_show_is_as_many_states_as_the_page_says(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    everything_enabled: None,
    init_studio: FakeStudioClient,
    freezer: FrozenDateTimeFactory,
) -> None:
    await async_wait_recording_done(hass)
    empty = size(recorder_mock)
    random = Random(1)
    for step in range(HOUR // POLL):
        freezer.tick(POLL)
        async_fire_time_changed(hass)
        init_studio.replace_state(
            statistics=Statistics(
                fps=random.uniform(20, 60),
                target_fps=60,
                cpu_percent=random.uniform(1, 99),
                memory_mb=random.uniform(300, 900),
                free_disk_mb=900_000 - step * 200,
                frame_time_ms=random.uniform(1, 9),
                render_skipped_frames=step,
                output_skipped_frames=step,
                render_total_frames=step * 300,
            )
        )
        for key in ("stream", "record", "output:NDI Main"):
            init_studio.output(
                key,
                OutputState.ACTIVE,
                duration_s=step * 5.0,
                bitrate_kbps=random.uniform(3000, 6000),
                congestion=random.random(),
                skipped_frames=step,
                total_frames=step * 300,
                skipped_percent=random.uniform(0, 9),
                sent_bytes=step * 3_000_000,
            )
        await hass.async_block_till_done()
    await check(hass, recorder_mock, empty)

    check_total("an OBS Studio", total(hass, recorder_mock, "stage"))
    check_total("its machine", total(hass, recorder_mock, "stage", *MACHINE))
    # Another band is written at once, other reasons for the same one are not.
    bands = ask(
        recorder_mock,
        "SELECT state FROM states JOIN states_meta m USING (metadata_id)"
        " WHERE m.entity_id = 'sensor.stage_stream_health' ORDER BY state_id",
    )
    repeated = sum(former == later for former, later in pairwise(bands))
    assert 0 < repeated <= HOUR // timedelta(seconds=SLOW_SECONDS)
    several = {name for name, number in attributes(recorder_mock).items() if number > 1}
    assert several == {"event.stage_activity", "sensor.stage_stream_health"}


@pytest.mark.slow
async def test_a_message_is_kept_as_a_state_without_content_and_as_an_event_with_it(
    recorder_mock: Recorder, hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    for number in range(5):
        node.receive(STUDIO, {"door": f"content-{number}"})
        await hass.async_block_till_done()
    await async_wait_recording_done(hass)

    assert states(recorder_mock)["event.studio_message"] == 5 + 1
    kept = ask(recorder_mock, "SELECT shared_attrs FROM state_attributes")
    assert "content-" not in str(kept)
    events = ask(recorder_mock, "SELECT shared_data FROM event_data")
    assert [f"content-{number}" in str(events) for number in range(5)] == [True] * 5


def test_the_page_has_every_sensor_with_statistics_and_its_pace() -> None:
    said = {}
    for sensor in (*NODE_SENSORS, *PEER_SENSORS, *STUDIO_SENSORS):
        if sensor.state_class is not None:
            kind = "sum" if sensor.state_class is SensorStateClass.TOTAL_INCREASING else "mean"
            # What is written at once comes with the node's statistics.
            pace = sensor.calm_seconds or STATS_INTERVAL
            said[sensor.translation_key] = (kind, HOUR // timedelta(seconds=pace))
    assert {key: said.get(key) for key in DOCUMENTED} == DOCUMENTED
    paced = {"peers_online", "links_direct", "links_relayed"}
    assert said.keys() - DOCUMENTED.keys() == paced
    assert all(f"`{key}` | mean | as peers come and go |" in PAGE for key in paced)
    assert {
        sensor.translation_key
        for sensor in (*NODE_SENSORS, *PEER_SENSORS, *STUDIO_SENSORS)
        if sensor.translation_key in said and not sensor.entity_registry_enabled_default
    } == DISABLED
