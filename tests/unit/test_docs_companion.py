"""The comparison with Companion names everything that Companion has, and only what is here.

``companion_names.json`` holds the names of its modules for OBS Studio and vMix.
"""

import json
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from infrafabric.studio.obs import guard as obs_guard
from infrafabric.studio.vmix import guard as vmix_guard

from .docs_pages import ENGLISH, SERVICES, codes, page, rows, section
from .repository import INTEGRATION

NAMES: dict[str, Any] = json.loads((Path(__file__).parent / "companion_names.json").read_text())
STUDIOS = {"obs": "OBS Studio", "vmix": "vMix"}
PARTS = ("Actions", "Feedbacks", "Variables")
RAW = ("obs_request", "vmix_function")

CALLABLE = {
    *SERVICES,
    *(
        name
        for name in yaml.safe_load((INTEGRATION / "triggers.yaml").read_text())
        if name[0] != "."
    ),
    *(
        name
        for name in yaml.safe_load((INTEGRATION / "conditions.yaml").read_text())
        if name[0] != "."
    ),
}
ENTITIES = {
    f"{platform}.{key}" for platform, entities in ENGLISH["entity"].items() for key in entities
} | {"binary_sensor.connectivity"}  # named by its device class
ACTIVITY = ENGLISH["entity"]["event"]["activity"]["state_attributes"]
WORDS = {*ACTIVITY, *ACTIVITY["event_type"]["state"]} | {
    field for action in SERVICES.values() for field in action.get("fields") or {}
}
"""What else may be named: kinds and attributes of the event, fields of actions."""
OF_HOME_ASSISTANT = {"select.select_next", "select.select_previous"}


def table(studio: str, part: str) -> list[list[str]]:
    return rows(section(page("reference/companion.md"), f"{part} of {STUDIOS[studio]}"))


def names_in(cell: str, names: list[str], named: set[str]) -> list[str]:
    """Return which names a first cell stands for."""
    if found := re.fullmatch(r"(.+) - (?:all|the other) (\d+)", cell):
        meant = [name for name in names if name.startswith(f"{found[1]} - ") and name not in named]
        assert len(meant) == int(found[2]), cell
        return meant
    return cell.split(" · ")


def problems_of(status: str, text: str) -> list[str]:
    """Return what is wrong with how a row answers."""
    called = [code.removeprefix("infrafabric.") for code in codes(text) if "infrafabric." in code]
    wrong = [f"there is no {name}" for name in called if name not in CALLABLE]
    if status == "not":
        return wrong if text == "as above" or len(text) > 25 else [*wrong, "no reason"]
    if status == "raw":
        if len(called) != 1 or called[0] not in RAW:
            return [*wrong, "not one raw action"]
        if not (sent := codes(text)[1:]):
            return [*wrong, "nothing that is sent"]
        for name in sent:
            try:
                if called[0] == "obs_request":
                    obs_guard.check(name, {})
                else:
                    vmix_guard.raw_call(name, {})
            except Exception as err:  # noqa: BLE001  # whatever a guard says is the problem
                wrong.append(f"{name} is refused: {err}")
        return wrong
    if status != "done":
        return [f"{status} is no answer"]
    own = [code for code in codes(text) if "infrafabric." not in code]
    before, _, sent_raw = text.partition("`infrafabric.vmix_function`")
    wrong += [
        f"there is no {code}"
        for code in own
        if code not in ENTITIES | OF_HOME_ASSISTANT | WORDS and code not in codes(sent_raw)
    ]
    if not (set(own) & ENTITIES or called or "**" in before):
        wrong.append("nothing is named")
    return wrong


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("studio", STUDIOS)
def test_everything_that_companion_has_is_in_the_table_once(studio: str, part: str) -> None:
    names = NAMES[studio][part]
    cells = [row[0] for row in table(studio, part)]
    named = {name for cell in cells for name in cell.split(" · ")}
    covered = [name for cell in cells for name in names_in(cell, names, named)]

    assert len(covered) == len(set(covered))
    assert set(covered) == set(names)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param(*row[1:], id=f"{studio}-{part}-{row[0]}")
        for studio in STUDIOS
        for part in PARTS
        for row in table(studio, part)
    ],
)
def test_what_a_row_names_exists_and_what_is_missing_has_a_reason(status: str, text: str) -> None:
    assert problems_of(status, text) == []


def test_the_versions_compared_with_are_named() -> None:
    text = page("reference/companion.md")

    assert all(f"({module['version']})" in text for module in NAMES.values())


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("done", "`switch.teapot`"),
        ("done", "`infrafabric.brew`"),
        ("done", "somehow"),
        ("done", "`event.activity`: `tea_ready`"),
        ("raw", "`infrafabric.obs_request`"),
        ("raw", "`infrafabric.obs_request`: `SetStreamServiceSettings`"),
        ("raw", "`infrafabric.vmix_function`: `StreamingSetKey`"),
        ("raw", "`infrafabric.start_stream`: `StartStream`"),
        ("not", "no"),
        ("maybe", "`switch.stream`"),
    ],
)
def test_a_row_that_promises_what_is_not_there_is_found(status: str, text: str) -> None:
    assert problems_of(status, text)
