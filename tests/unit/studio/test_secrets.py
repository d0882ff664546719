"""A secret is masked however it is written and wherever it stands; the rest stays readable."""

import base64
from html import escape
import json
from urllib.parse import quote, quote_plus

from hypothesis import assume, example, given, strategies as st
import pytest

from infrafabric.studio.secrets import (
    MASK,
    MAX_DEPTH,
    Json,
    hidden_in_address,
    public_address,
    redact,
    scrub_text,
)

KEY = "live_9+ä/secret&=?"

secrets = st.text(st.characters(exclude_categories=("Cs",)), min_size=4, max_size=40)
words = st.text(max_size=20)
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


SPELLINGS = {
    "as it is": KEY,
    "percent-encoded": quote(KEY, safe=""),
    "percent-encoded with slashes": quote(KEY),
    "form-encoded": quote_plus(KEY),
    "percent-encoded in lower case": "live_9%2b%c3%a4%2fsecret%26%3d%3f",
    "JSON": json.dumps(KEY),
    "XML": escape(KEY),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "base64 of user and password": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "base64 of a line": base64.b64encode(f"{{'key': '{KEY}'}}".encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_masked_in_every_spelling(spelling: str) -> None:
    written = SPELLINGS[spelling]
    masked = scrub_text(f"before {written} after", [KEY])

    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert written.strip('"=') not in masked


@given(
    st.from_regex(r"[0-9äß%&=+/<>\"'\\ ]{4,40}", fullmatch=True),
    st.text("xyz ", max_size=9),
    st.text("xyz ", max_size=9),
)
def test_no_secret_is_left_in_a_text(secret: str, before: str, after: str) -> None:
    for written in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], escape(secret)):
        masked = scrub_text(f"{before}{written}{after}", [secret])
        assert MASK in masked
        assert written.strip() not in masked or not written.strip()


@given(secrets, st.binary(max_size=7), st.binary(max_size=7))
@example("AAAAAAA", b"\0", b"")
def test_a_secret_within_base64_is_masked_wherever_it_begins(
    secret: str, before: bytes, after: bytes
) -> None:
    # What may be a word is looked for within other text only in pieces that are long enough.
    may_be_a_word = secret.isascii() and secret.isalpha()
    assume(len(secret.encode()) >= (7 if may_be_a_word else 6))
    written = base64.b64encode(before + secret.encode() + after).decode()

    assert MASK in scrub_text(written, [secret])


@given(st.text(max_size=60))
def test_a_text_without_addresses_and_secrets_stays_as_it_is(text: str) -> None:
    assume("://" not in text)

    assert scrub_text(text) == text
    assert scrub_text(text, []) == text
    assert scrub_text(text, [""]) == text


def test_a_short_secret_is_masked_only_where_it_stands_alone() -> None:
    assert scrub_text("on: once on, then abandon", ["on"]) == f"{MASK}: once {MASK}, then abandon"


def test_a_secret_that_is_a_word_leaves_other_words_and_names_of_fields_alone() -> None:
    state: Json = {
        "stream": "streams on stream",
        "stream_bitrate": 6000,
        "note": "rtmp://h/live/stream, key=stream",
    }

    assert redact(state, ["stream"]) == {
        "stream": f"streams on {MASK}",
        "stream_bitrate": 6000,
        "note": f"rtmp://h/live/{MASK} key={MASK}",
    }


def test_a_secret_that_is_a_word_is_masked_within_base64() -> None:
    written = base64.b64encode(b"operator:streaming").decode()

    assert scrub_text(f"Basic {written}", ["streaming"]) == f"Basic b3BlcmF0b3I6{MASK}"


def test_of_two_secrets_the_longer_one_is_masked_as_a_whole() -> None:
    assert scrub_text("x abcdefgh y", ["abcd", "abcdefgh"]) == f"x {MASK} y"


def test_one_text_given_as_the_secrets_is_one_secret_and_not_its_letters() -> None:
    assert scrub_text("a house", "house") == f"a {MASK}"


# -- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("to rtmp://h:1935/live failed", "to rtmp://h:1935/live failed"),
        ("to rtmp://h:1935 failed", "to rtmp://h:1935 failed"),
        ("rtmp://h/live/abc", f"rtmp://h/live/{MASK}"),
        ("rtmps://u:p@h:443/live?key=abc", f"rtmps://{MASK}@h:443/live?key={MASK}"),
        ("'rtmp://u@h/live'", f"'rtmp://{MASK}@h/live'"),
        (
            "srt://h:9000?mode=caller&latency=120000&passphrase=0123456789&streamid=s&pbkeylen=16",
            f"srt://h:9000?mode=caller&latency=120000&passphrase={MASK}&streamid={MASK}&pbkeylen=16",
        ),
        ("https://w.example/x?token=abc#part", f"https://w.example/x?token={MASK}#{MASK}"),
        ("https://w.example/x?abcdefgh", f"https://w.example/x?{MASK}"),
        ("WSS://u:p@h/", f"wss://{MASK}@h/"),
        ("rtmp://u:p@[bad/live", MASK),
        ("rtmp://h/live?a=&b", "rtmp://h/live?a=&b"),
    ],
)
def test_what_an_address_may_hide_is_masked(text: str, masked: str) -> None:
    assert scrub_text(text) == masked


@pytest.mark.parametrize("piece", ["rtmp", "rtmp:/", "http", "a@", "%25", "&a", "?", "/"])
def test_a_text_made_to_take_long_does_not(piece: str) -> None:
    # With steps that grow as the square of the length, this would run into the test's timeout.
    assert scrub_text("://" + piece * 100_000, ["live_1234"])
    assert scrub_text("rtmp://" + piece * 100_000, ["live_1234"])
    public_address("rtmp://" + piece * 100_000)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtmp://h:1935/live", "rtmp://h:1935/live"),
        ("rtmp://u:p@h/live/key?x=y", "rtmp://h/live/…"),
        ("rtmps://h:443/rtmp/", "rtmps://h:443/rtmp"),
        ("rtmp://[2001:db8::7]:1/a", "rtmp://[2001:db8::7]:1/a"),
        ("rtmp://h", "rtmp://h"),
        ("srt://h:9?mode=listener&latency=20000&passphrase=p", "srt://h:9 (listener, 20 ms)"),
        ("srt://h:9", "srt://h:9 (caller)"),
        ("srt://h:9?mode=secret&latency=key", "srt://h:9"),
        ("https://w.example/whip/key", "https://w.example"),
        ("auto", "…"),
        ("", "…"),
        ("rtmp://[bad", "…"),
        ("rtmp://h:key/live", "…"),
    ],
)
def test_of_an_address_only_harmless_parts_are_shown(address: str, shown: str) -> None:
    assert public_address(address) == shown


def test_what_is_shown_of_an_address_stays_as_it_is_when_it_is_masked_again() -> None:
    for address in ("rtmp://h/live/key", "srt://h:9?mode=listener&passphrase=p", "https://h/key"):
        shown = public_address(address)
        assert scrub_text(shown) == shown


@given(st.text(max_size=60), st.sampled_from(["rtmp", "rtmps", "srt", "https", "x"]))
def test_showing_an_address_never_fails(text: str, scheme: str) -> None:
    public_address(text)
    hidden_in_address(text)
    scrub_text(f"{scheme}://{text}")
    public_address(f"{scheme}://{text}")


def test_a_word_in_the_path_of_an_address_is_no_secret() -> None:
    assert hidden_in_address("https://h/endpoint/Publish/WHIP") == frozenset()
    assert hidden_in_address("https://h/a1b2c3d4/abcdefghijkl") == {"a1b2c3d4", "abcdefghijkl"}


def test_an_address_that_cannot_be_read_is_hidden_as_a_whole() -> None:
    assert hidden_in_address("rtmp://u:p@[bad/live") == {"rtmp://u:p@[bad/live"}


@given(st.from_regex(r"[a-z0-9]{12,20}", fullmatch=True))
def test_what_is_hidden_in_an_address_is_not_shown(key: str) -> None:
    for address in (
        f"rtmp://h/live/{key}",
        f"rtmp://{key}@h/live",
        f"rtmp://u:{key}@h/live",
        f"rtmp://h/live?token={key}",
        f"https://h/{key}/publish",
        f"srt://h:9?passphrase={key}",
    ):
        assert key in hidden_in_address(address)
        assert key not in public_address(address)


# -- JSON -------------------------------------------------------------------------------------


def test_fields_with_secret_names_are_masked_however_they_are_written() -> None:
    answer: Json = {
        "key": "a",
        "streamKey": "a",
        "stream_key": "a",
        "BEARER-TOKEN": "a",
        "Password": 12345,
        "passphrase": ["a"],
        "authentication": {"b": "a"},
    }

    assert redact(answer) == dict.fromkeys(answer, MASK)


def test_that_nothing_is_set_stays_visible() -> None:
    answer: Json = {"key": "", "password": None, "auth": True}

    assert redact(answer) == answer


def test_the_names_of_fields_can_be_chosen() -> None:
    inputs: Json = {"key": "26cae087-b7b6-4d45-98e4-de03ab4feb6b", "pin": "1234"}

    assert redact(inputs, keys=frozenset({"PIN"})) == {**inputs, "pin": MASK}


def test_the_settings_of_a_stream_of_obs_keep_only_what_may_be_shown() -> None:
    answer: Json = {
        "streamServiceType": "rtmp_custom",
        "streamServiceSettings": {
            "server": "srt://h:9000?mode=caller&latency=120000&streamid=abc",
            "key": "abc",
            "use_auth": True,
            "username": "u",
            "password": "p",
        },
    }

    assert redact(answer) == {
        "streamServiceType": "rtmp_custom",
        "streamServiceSettings": {
            "server": "srt://h:9000 (caller, 120 ms)",
            "key": MASK,
            "use_auth": True,
            "username": MASK,
            "password": MASK,
        },
    }


def test_a_secret_is_masked_in_values_in_lists_and_in_names() -> None:
    answer: Json = {"a": [{"b": f"x{KEY}"}, KEY], KEY: 1}

    assert redact(answer, [KEY]) == {"a": [{"b": f"x{MASK}"}, MASK], MASK: 1}


def test_what_lies_too_deep_is_masked_as_a_whole() -> None:
    deep: Json = KEY
    for _ in range(MAX_DEPTH * 20):
        deep = [deep]
    text = json.dumps(redact(deep))

    assert text == "[" * MAX_DEPTH + f'"{MASK}"' + "]" * MAX_DEPTH


@given(json_values)
def test_json_without_secrets_stays_as_it_is_and_is_copied(value: Json) -> None:
    assume("://" not in json.dumps(value))
    copy = redact(value, keys=frozenset())

    assert copy == value
    assert copy is not value or not isinstance(value, dict | list)


@given(json_values, secrets.filter(lambda secret: not secret.isalpha()))
def test_no_secret_is_left_in_json(value: Json, secret: str) -> None:
    assume(secret not in MASK)
    planted: Json = [value, {"note": f"a {secret} b", secret: secret}]
    masked = redact(planted, [secret])

    assert isinstance(masked, list)
    assert isinstance(masked[1], dict)
    assert masked[1]["note"] == f"a {MASK} b"
    assert secret not in masked[1]
