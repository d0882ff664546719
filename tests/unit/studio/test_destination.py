"""A destination is checked before a studio hears of it, and shows nothing that opens a door.

That a real OBS takes what is built here is tested in tests/integration.
"""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given, strategies as st
import pytest

from infrafabric.studio.destination import (
    DEFAULT_SRT_LATENCY_MS,
    MAX_ADDRESS,
    MAX_KEY,
    MAX_NAME,
    MAX_PASSPHRASE,
    MAX_SRT_LATENCY_MS,
    MAX_STREAM_ID,
    MIN_PASSPHRASE,
    MIN_SRT_LATENCY_MS,
    PRESETS,
    Destination,
    Service,
    SrtMode,
)
from infrafabric.studio.errors import InvalidError, UnsupportedError

SRT = {"name": "Van", "service": "srt", "host": "ingest.example", "port": 9000}
RTMP = {"name": "Own", "service": "rtmp", "server": "rtmp://192.0.2.7:1935/live"}
WHIP = {"name": "Room", "service": "whip", "server": "https://whip.example/endpoint/7secret7"}
TWITCH = {"name": "Main", "service": "twitch", "key": "live_1"}
PLAIN_RTMP = {"use_auth": False, "username": "", "password": ""}

words = st.text(
    st.characters(min_codepoint=33, exclude_categories=("C", "Z")), min_size=1, max_size=40
)
typed = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=MIN_PASSPHRASE,
    max_size=MAX_PASSPHRASE // 4,
)


def destinations() -> st.SearchStrategy[dict[str, object]]:
    """Return what people may fill in."""
    name = st.just("Van")
    host = st.sampled_from(
        ["ingest.example", "192.0.2.7", "2001:db8::7", "localhost", "a_b.example"]
    )
    server = st.sampled_from(["rtmp://h/live", "rtmps://h.example:443/app", "rtmp://[::1]:1/a?b=c"])
    presets = st.fixed_dictionaries(
        {
            "name": name,
            "service": st.sampled_from([str(preset) for preset in PRESETS]),
            "key": words,
        },
        optional={"server": server},
    )
    rtmp = st.fixed_dictionaries(
        {"name": name, "service": st.just("rtmp"), "server": server}, optional={"key": words}
    )
    login = st.fixed_dictionaries(
        {
            "name": name,
            "service": st.just("rtmp"),
            "server": server,
            "username": words,
            "password": typed,
        }
    )
    srt = st.fixed_dictionaries(
        {
            "name": name,
            "service": st.just("srt"),
            "host": host,
            "port": st.integers(1, 65535),
            "passphrase": typed,
        },
        optional={
            "stream_id": words,
            "latency_ms": st.integers(MIN_SRT_LATENCY_MS, MAX_SRT_LATENCY_MS),
            "key_length": st.sampled_from([16, 24, 32]),
        },
    )
    whip = st.fixed_dictionaries(
        {"name": name, "service": st.just("whip"), "server": st.just("https://w.example/x")},
        optional={"token": st.from_regex(r"[!-~]{1,40}", fullmatch=True)},
    )
    return st.one_of(presets, rtmp, login, srt, whip)


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "change", "code", "field"),
    [
        (SRT, {"name": ""}, "destination_missing", "name"),
        (SRT, {"name": "x" * (MAX_NAME + 1)}, "destination_length", "name"),
        (SRT, {"name": "a\nb"}, "destination_text", "name"),
        (SRT, {"service": ""}, "destination_missing", "service"),
        (SRT, {"service": "rist"}, "destination_choice", "service"),
        (SRT, {"service": 7}, "destination_text", "service"),
        (SRT, {"colour": "red"}, "destination_unused", "colour"),
        (SRT, {"key": "k"}, "destination_unused", "key"),
        (SRT, {"server": "srt://h:1"}, "destination_unused", "server"),
        (SRT, {"host": None}, "destination_missing", "host"),
        (SRT, {"host": "a b"}, "destination_address", "host"),
        (SRT, {"host": "h/x?streamid=1"}, "destination_address", "host"),
        (SRT, {"host": "u@h"}, "destination_address", "host"),
        (SRT, {"host": "-h"}, "destination_address", "host"),
        (SRT, {"host": "x." * 127}, "destination_address", "host"),
        (SRT, {"port": None}, "destination_missing", "port"),
        (SRT, {"port": 0}, "destination_range", "port"),
        (SRT, {"port": 65536}, "destination_range", "port"),
        (SRT, {"port": 9000.5}, "destination_text", "port"),
        (SRT, {"port": True}, "destination_text", "port"),
        (SRT, {"port": "9000"}, "destination_text", "port"),
        (SRT, {"latency_ms": MIN_SRT_LATENCY_MS - 1}, "destination_range", "latency_ms"),
        (SRT, {"latency_ms": MAX_SRT_LATENCY_MS + 1}, "destination_range", "latency_ms"),
        (SRT, {"passphrase": "x" * (MIN_PASSPHRASE - 1)}, "destination_length", "passphrase"),
        (SRT, {"passphrase": "x" * (MAX_PASSPHRASE + 1)}, "destination_length", "passphrase"),
        # Forty characters, but eighty bytes: SRT counts bytes.
        (SRT, {"passphrase": "ä" * 40}, "destination_length", "passphrase"),
        (SRT, {"passphrase": "0123456789\x00"}, "destination_text", "passphrase"),
        (SRT, {"key_length": 16}, "destination_missing", "passphrase"),
        (SRT, {"key_length": 8, "passphrase": "x" * 12}, "destination_choice", "key_length"),
        (SRT, {"stream_id": "x" * (MAX_STREAM_ID + 1)}, "destination_length", "stream_id"),
        (SRT, {"mode": "rendezvous"}, "destination_choice", "mode"),
        (SRT, {"mode": "listener", "stream_id": "x"}, "destination_unused", "stream_id"),
        (RTMP, {"server": None}, "destination_missing", "server"),
        (RTMP, {"server": "http://h/live"}, "destination_scheme", "server"),
        # OBS does not know this one.
        (RTMP, {"server": "RTMP://h/live"}, "destination_scheme", "server"),
        (RTMP, {"server": "srt://h:9000"}, "destination_scheme", "server"),
        (RTMP, {"server": "h/live"}, "destination_scheme", "server"),
        (RTMP, {"server": "rtmp://user:word@h/live"}, "destination_credentials", "server"),
        (RTMP, {"server": "rtmp://user@h/live"}, "destination_credentials", "server"),
        (RTMP, {"server": "rtmp:///live"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h:0/live"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h:70000/live"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h:x/live"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://[::1/live"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h/a b"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h\\live"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h/live#k"}, "destination_address", "server"),
        (RTMP, {"server": "rtmp://h/li\r\nve"}, "destination_text", "server"),
        (RTMP, {"server": "rtmp://h/" + "x" * MAX_ADDRESS}, "destination_length", "server"),
        (RTMP, {"key": "x" * (MAX_KEY + 1)}, "destination_length", "key"),
        (RTMP, {"key": "k\r\nFUNCTION"}, "destination_text", "key"),
        (RTMP, {"key": "k\ud800"}, "destination_text", "key"),
        (RTMP, {"key": "k\x85k"}, "destination_text", "key"),
        (RTMP, {"key": "k\u2028k"}, "destination_text", "key"),
        (RTMP, {"username": "u"}, "destination_missing", "password"),
        (RTMP, {"password": "p"}, "destination_missing", "username"),
        (RTMP, {"passphrase": "x" * 12}, "destination_unused", "passphrase"),
        (RTMP, {"port": 1935}, "destination_unused", "port"),
        (RTMP, {"latency_ms": 500}, "destination_unused", "latency_ms"),
        (RTMP, {"token": "t"}, "destination_unused", "token"),
        (WHIP, {"server": None}, "destination_missing", "server"),
        (WHIP, {"server": "rtmp://h/live"}, "destination_scheme", "server"),
        (WHIP, {"server": "https://a:b@h/live"}, "destination_credentials", "server"),
        (WHIP, {"token": "a b"}, "destination_text", "token"),
        (WHIP, {"token": "ä"}, "destination_text", "token"),
        (WHIP, {"key": "k"}, "destination_unused", "key"),
        ({"name": "T", "service": "twitch"}, {}, "destination_missing", "key"),
        ({"name": "T", "service": "kick"}, {"key": "  "}, "destination_missing", "key"),
        (
            {"name": "T", "service": "youtube", "key": "k"},
            {"username": "u"},
            "destination_unused",
            "username",
        ),
        (
            {"name": "T", "service": "facebook", "key": "k"},
            {"server": "x"},
            "destination_scheme",
            "server",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_field_and_a_code(
    given: dict[str, object], change: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        Destination.from_mapping({**given, **change})

    assert caught.value.code == code
    assert caught.value.details["field"] == field
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        (RTMP, "server", "rtmp://user:hunter2hunter2@h/live"),
        (RTMP, "key", "hunter2hunter2\n"),
        (SRT, "passphrase", "hunter2hunter2" * 8),
        (SRT, "stream_id", "hunter2hunter2" * 80),
        (WHIP, "token", "hunter2hunter2 x"),
    ],
)
def test_an_error_never_repeats_a_value(given: dict[str, object], field: str, value: str) -> None:
    # Not by from_mapping, which would cut off a newline.
    made = {**given, "service": Service(str(given["service"])), field: value}
    with pytest.raises(InvalidError) as caught:
        Destination(**made).check()  # type: ignore[arg-type]

    assert "hunter2" not in f"{caught.value} {caught.value.details} {caught.value.args}"


def test_a_blank_around_a_key_is_not_part_of_it_but_one_around_a_passphrase_is() -> None:
    assert Destination.from_mapping({**RTMP, "key": " live_1\n"}).key == "live_1"
    assert (
        Destination.from_mapping({**SRT, "passphrase": " 0123456789 "}).passphrase == " 0123456789 "
    )


def test_a_destination_that_was_made_by_hand_is_checked_for_blanks() -> None:
    made = Destination(name="x", service=Service.TWITCH, key="live_1 ")

    with pytest.raises(InvalidError) as caught:
        made.check()
    assert (caught.value.code, caught.value.details["field"]) == ("destination_text", "key")


def test_numbers_of_forms_are_whole_numbers() -> None:
    destination = Destination.from_mapping({**SRT, "port": 9000.0, "latency_ms": 250.0})

    assert (destination.port, destination.latency_ms) == (9000, 250)
    assert isinstance(destination.port, int)


def test_the_bounds_themselves_are_allowed() -> None:
    for latency in (MIN_SRT_LATENCY_MS, MAX_SRT_LATENCY_MS):
        assert Destination.from_mapping({**SRT, "latency_ms": latency}).latency_ms == latency
    for size in (MIN_PASSPHRASE, MAX_PASSPHRASE):
        assert Destination.from_mapping({**SRT, "passphrase": "x" * size})
    assert Destination.from_mapping({**SRT, "stream_id": "x" * MAX_STREAM_ID})
    assert Destination.from_mapping({**RTMP, "key": "x" * MAX_KEY})


# -- what OBS is told -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "kind", "settings"),
    [
        ("twitch", "rtmp_common", {"service": "Twitch", "server": "auto", "key": "k"}),
        (
            "youtube",
            "rtmp_common",
            {
                "service": "YouTube - RTMPS",
                "server": "rtmps://a.rtmps.youtube.com:443/live2",
                "key": "k",
            },
        ),
        (
            "facebook",
            "rtmp_common",
            {
                "service": "Facebook Live",
                "server": "rtmps://rtmp-api.facebook.com:443/rtmp/",
                "key": "k",
            },
        ),
        (
            "kick",
            "rtmp_custom",
            {
                "server": "rtmps://fa723fc1b171.global-contribute.live-video.net:443/app",
                "key": "k",
                **PLAIN_RTMP,
            },
        ),
    ],
)
def test_obs_gets_its_own_names_of_services_and_an_address_for_those_it_does_not_know(
    service: str, kind: str, settings: dict[str, object]
) -> None:
    destination = Destination.from_mapping({"name": "x", "service": service, "key": "k"})

    assert destination.obs_settings() == (kind, settings)


def test_the_presets_are_in_the_list_of_an_installed_obs() -> None:
    path = Path("/usr/share/obs/obs-plugins/rtmp-services/services.json")
    if not path.exists():
        pytest.skip("OBS is not installed")
    listed = {
        service["name"]: [server["url"] for server in service["servers"]]
        for service in json.loads(path.read_text())["services"]
    }

    for preset in PRESETS.values():
        if preset.obs_service is not None:
            assert preset.obs_server == "auto" or preset.address in listed[preset.obs_service]
        else:
            assert preset.title not in listed


def test_a_preset_with_a_server_of_ones_own_gets_exactly_that_server() -> None:
    destination = Destination.from_mapping(
        {"name": "x", "service": "facebook", "key": "k", "server": "rtmps://edge.example/rtmp"}
    )

    assert destination.obs_settings() == (
        "rtmp_custom",
        {"server": "rtmps://edge.example/rtmp", "key": "k", **PLAIN_RTMP},
    )
    assert destination.public() == "Facebook (rtmps://edge.example/rtmp)"


def test_an_rtmp_server_that_asks_who_is_there_gets_user_and_password() -> None:
    destination = Destination.from_mapping({**RTMP, "username": "u", "password": " p&% "})

    assert destination.obs_settings()[1] == {
        "server": "rtmp://192.0.2.7:1935/live",
        "key": "",
        "use_auth": True,
        "username": "u",
        "password": " p&% ",
    }


def test_settings_of_one_type_name_every_field_so_that_nothing_stays_of_the_one_before() -> None:
    kinds: dict[str, set[frozenset[str]]] = {}
    for values in (
        RTMP,
        {**RTMP, "key": "k", "username": "u", "password": "p"},
        SRT,
        {**SRT, "passphrase": "0123456789", "stream_id": "s"},
        WHIP,
        {**WHIP, "token": "t"},
        {"name": "x", "service": "kick", "key": "k"},
        {"name": "x", "service": "twitch", "key": "k"},
        {"name": "x", "service": "youtube", "key": "k"},
    ):
        kind, settings = Destination.from_mapping(values).obs_settings()
        kinds.setdefault(kind, set()).add(frozenset(settings))

    assert {kind: len(fields) for kind, fields in kinds.items()} == {
        "rtmp_custom": 1,
        "rtmp_common": 1,
        "whip_custom": 1,
    }


@given(words, typed)
@example("#!::r=live/a&b+c %41", "pass phrase+&%41x")
def test_stream_id_and_passphrase_stay_out_of_the_srt_address_and_reach_obs_as_they_are(
    stream_id: str, passphrase: str
) -> None:
    destination = Destination.from_mapping(
        {**SRT, "stream_id": stream_id, "passphrase": passphrase}
    )
    kind, settings = destination.obs_settings()

    assert kind == "rtmp_custom"
    assert settings == {
        "server": "srt://ingest.example:9000?mode=caller&latency=120000",
        "key": stream_id,
        "use_auth": True,
        "username": "",
        "password": passphrase,
    }


@given(st.integers(MIN_SRT_LATENCY_MS, MAX_SRT_LATENCY_MS))
def test_the_latency_of_an_srt_address_is_in_microseconds(latency: int) -> None:
    address = Destination.from_mapping({**SRT, "latency_ms": latency}).srt_address()

    assert parse_qs(urlsplit(address).query)["latency"] == [f"{latency}000"]


def test_an_srt_listener_listens_everywhere_unless_it_is_told_where() -> None:
    listener = {**SRT, "mode": "listener", "host": None}

    assert (
        Destination.from_mapping(listener).srt_address()
        == f"srt://0.0.0.0:9000?mode=listener&latency={DEFAULT_SRT_LATENCY_MS}000"
    )
    assert (
        Destination.from_mapping({**listener, "host": "2001:db8::7"})
        .srt_address()
        .startswith("srt://[2001:db8::7]:9000?")
    )


def test_the_length_of_the_srt_key_is_in_the_address() -> None:
    destination = Destination.from_mapping({**SRT, "passphrase": "0123456789", "key_length": 32})

    assert destination.srt_address().endswith("&pbkeylen=32")


def test_whip_has_a_type_of_its_own() -> None:
    assert Destination.from_mapping({**WHIP, "token": "t"}).obs_settings() == (
        "whip_custom",
        {"server": "https://whip.example/endpoint/7secret7", "bearer_token": "t"},
    )


# -- what vMix is told ------------------------------------------------------------------------


@pytest.mark.parametrize("service", list(PRESETS))
def test_vmix_gets_the_plain_address_of_a_preset(service: Service) -> None:
    stream = Destination(name="x", service=service, key="k").vmix_settings()

    assert stream.server == PRESETS[service].address
    assert stream.server.startswith(("rtmp://", "rtmps://"))
    assert (stream.key, stream.username, stream.password) == ("k", "", "")
    assert "k" not in repr(stream).replace(stream.server, "").replace("VmixStream", "")


@pytest.mark.parametrize("values", [SRT, WHIP])
def test_vmix_streams_over_rtmp_only_and_the_error_says_so(values: dict[str, object]) -> None:
    with pytest.raises(UnsupportedError, match="RTMP only") as caught:
        Destination.from_mapping(values).vmix_settings()

    assert caught.value.code == "unsupported"
    assert caught.value.details == {"what": str(values["service"]).upper(), "version": "vMix"}


# -- what people see --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"name": "x", "service": "twitch", "key": "live_1"}, "Twitch"),
        ({"name": "x", "service": "youtube", "key": "k"}, "YouTube"),
        ({"name": "x", "service": "facebook", "key": "k"}, "Facebook"),
        ({"name": "x", "service": "kick", "key": "k"}, "Kick"),
        (RTMP, "rtmp://192.0.2.7:1935/live"),
        ({**RTMP, "server": "rtmp://h/live?token=abcdef"}, "rtmp://h/live"),
        ({**RTMP, "server": "rtmp://h/live/abcdef"}, "rtmp://h/live/…"),
        (SRT, "srt://ingest.example:9000 (caller, 120 ms)"),
        (
            {**SRT, "host": None, "mode": "listener", "latency_ms": 2000},
            "srt://0.0.0.0:9000 (listener, 2000 ms)",
        ),
        (WHIP, "https://whip.example"),
    ],
)
def test_what_is_shown_says_where_and_nothing_else(values: dict[str, object], shown: str) -> None:
    destination = Destination.from_mapping(values)

    assert destination.public() == shown
    assert repr(destination) == f"Destination(name={values['name']!r}, {shown!r})"


@given(destinations())
def test_no_secret_is_in_what_is_shown_and_none_is_forgotten(values: dict[str, object]) -> None:
    destination = Destination.from_mapping(values)
    secrets = {
        value
        for name in ("key", "password", "passphrase", "stream_id", "token")
        if (value := values.get(name)) is not None
    }

    assert secrets <= destination.secrets()
    shown = f"{destination!r} {destination.public()}"
    # A key such as "h" is in many words.
    assert not [secret for secret in secrets if len(str(secret)) > 8 and str(secret) in shown]


def test_a_key_in_the_path_of_a_whip_server_is_a_secret() -> None:
    assert "7secret7" in Destination.from_mapping(WHIP).secrets()


def test_a_token_in_the_query_of_a_server_is_a_secret_and_a_one_is_not() -> None:
    server = "rtmps://b.example/live2?backup=1&token=abcdefgh"

    assert Destination.from_mapping({**RTMP, "server": server}).secrets() == {"abcdefgh"}


def test_a_destination_that_was_never_checked_shows_nothing_either() -> None:
    broken = Destination(name="x", service=Service.RTMP, server="rtmp://u:hunter2@[bad/live")

    assert "hunter2" not in repr(broken)


# -- storage ----------------------------------------------------------------------------------


@given(destinations())
def test_storage_gives_back_what_went_in(values: dict[str, object]) -> None:
    destination = Destination.from_mapping(values)
    stored = json.loads(json.dumps(destination.as_mapping()))

    assert Destination.from_mapping(stored) == destination


def test_storage_holds_only_what_means_something() -> None:
    assert Destination.from_mapping({**RTMP, "key": ""}).as_mapping() == RTMP
    assert Destination.from_mapping(SRT).as_mapping() == {
        **SRT,
        "mode": str(SrtMode.CALLER),
        "latency_ms": DEFAULT_SRT_LATENCY_MS,
    }


@given(
    st.dictionaries(
        st.sampled_from(sorted(Destination.__dataclass_fields__)) | st.text(max_size=5),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=30)
        | st.binary()
        | st.sampled_from(["srt", "rtmp", "whip", "caller", "rtmp://h/x"]),
    )
)
def test_whatever_is_given_is_taken_or_refused_and_nothing_else_happens(
    values: dict[str, object],
) -> None:
    try:
        destination = Destination.from_mapping(values)
    except InvalidError:
        return
    destination.check()
    destination.obs_settings()
