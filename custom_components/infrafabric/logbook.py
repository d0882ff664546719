"""Sentences for the logbook, from the integration's bus events."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from homeassistant.components.logbook.const import (
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback

from .const import DOMAIN
from .happenings import Happened, bus_event

type Data = Mapping[str, Any]

PATHS: Final = {
    "direct_lan": "runs directly, in the local network",
    "direct_wan": "runs directly, over the internet",
    "turn_udp": "runs through a relay (UDP)",
    "turn_tcp": "runs through a relay (TCP)",
    "turn_tls": "runs through a relay (TLS)",
    "routed": "runs through other peers",
}


def _figures(data: Data) -> str:
    """Return what makes a link as good or bad as it is: loss first, as people feel it most."""
    found = []
    if (loss := data.get("loss_percent")) is not None and round(loss) > 0:
        found.append(f"loss {loss:.0f} %")
    if (rtt := data.get("rtt_ms")) is not None:
        found.append(f"round trip {rtt:.0f} ms")
    return f": {', '.join(found)}" if found else ""


def _after(data: Data) -> str:
    duration = data.get("duration")
    return "" if duration is None else f" after {timedelta(seconds=round(duration))}"


def _stream(data: Data) -> str:
    """Return which stream, where a studio has several."""
    return "stream" if data.get("output") == "stream" else f"stream {data.get('channel')}"


def _file(data: Data) -> str:
    """Return the name of the recording; the studio may run Windows."""
    path = str(data.get("path") or "")
    name = (PureWindowsPath if "\\" in path else PurePosixPath)(path).name
    return f": {name}" if name else ""


def _topic(data: Data) -> str:
    return f" about {data['topic']}" if data.get("topic") else ""


SENTENCES: Final[Mapping[Happened, Callable[[Data], tuple[str, str, str]]]] = {
    Happened.MESSAGE_RECEIVED: lambda data: (
        data["peer_name"],
        f"sent a message: {data['performative']}{_topic(data)}",
        "mdi:message-arrow-left",
    ),
    Happened.PEER_CONNECTED: lambda data: (data["peer_name"], "is connected", "mdi:lan-connect"),
    Happened.PEER_DISCONNECTED: lambda data: (
        data["peer_name"],
        f"is disconnected: {data['reason']}",
        "mdi:lan-disconnect",
    ),
    Happened.LINK_QUALITY_CHANGED: lambda data: (
        f"{data['peer_name']}'s link",
        f"became {data['to']}{_figures(data)}",
        "mdi:signal",
    ),
    Happened.PATH_CHANGED: lambda data: (
        f"{data['peer_name']}'s link",
        PATHS.get(data["to"], f"runs {data['to']}"),
        "mdi:swap-horizontal",
    ),
    Happened.STREAM_STARTED: lambda data: (
        f"{data['studio_name']}'s {_stream(data)}",
        "is on air",
        "mdi:broadcast",
    ),
    Happened.STREAM_STOPPED: lambda data: (
        f"{data['studio_name']}'s {_stream(data)}",
        f"ended{_after(data)}",
        "mdi:broadcast-off",
    ),
    Happened.STREAM_FAILED: lambda data: (
        f"{data['studio_name']}'s {_stream(data)}",
        f"failed{_after(data)}",
        "mdi:alert-circle",
    ),
    Happened.RECORDING_FINISHED: lambda data: (
        data["studio_name"],
        f"finished a recording{_file(data)}",
        "mdi:record-rec",
    ),
    Happened.WEBHOOK_RECEIVED: lambda data: (
        data["webhook"],
        f"accepted {data['action']}",
        "mdi:webhook",
    ),
}
"""Name, sentence and icon by what happened."""


@callback
def async_describe_events(
    _hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event[Any]], dict[str, str]]], None],
) -> None:
    """Tell the logbook how to put each event into words."""

    def describe(what: Happened) -> Callable[[Event[Any]], dict[str, str]]:
        @callback
        def sentence(event: Event[Any]) -> dict[str, str]:
            name, message, icon = SENTENCES[what](event.data)
            return {
                LOGBOOK_ENTRY_NAME: name,
                LOGBOOK_ENTRY_MESSAGE: message,
                LOGBOOK_ENTRY_ICON: icon,
            }

        return sentence

    for what in SENTENCES:
        async_describe_event(DOMAIN, bus_event(what), describe(what))
