"""Encodings have one spelling each, and canonical JSON is RFC 8785."""

import base64
import json
import struct

from hypothesis import given, strategies as st
import pytest
import rfc8785

from infrafabric.mesh.encoding import (
    MAX_DEPTH,
    MAX_SAFE_INTEGER,
    b64decode,
    b64encode,
    base32,
    canonical_json,
    hexdecode,
    parse_canonical_json,
    parse_json,
)

# RFC 8785 appendix B: the bits of a double and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_a_number_is_written_as_rfc_8785_appendix_b_says(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number) == text.encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_what_is_no_json_number_is_refused(bits):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(ValueError):
        canonical_json([number])


def test_the_sample_of_rfc_8785_section_3_2_2_is_written_as_published():
    sample = r"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"""
    published = bytes.fromhex(
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a"
        "5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d3237"
        "5d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )
    assert canonical_json(json.loads(sample)) == published


def test_keys_are_sorted_by_utf_16_as_in_rfc_8785_section_3_2_3():
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical_json(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@given(JSON_VALUES)
def test_the_fast_way_writes_what_the_reference_implementation_writes(value):
    assert canonical_json(value) == rfc8785.dumps(value)


@given(JSON_VALUES)
def test_canonical_text_is_accepted_unless_a_number_in_it_is_beyond_2_53(value):
    text = canonical_json(value)
    try:
        again = parse_canonical_json(text)
    except ValueError:
        assert any(abs(number) > MAX_SAFE_INTEGER for number in _numbers(value))
    else:
        assert again == value


def _numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":1}\n',
        b'{"a":9007199254740993}',
        b'{"a":"\\ud800"}',
        b'"\xff"',
        b"",
        b"nul",
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(ValueError):
        parse_canonical_json(text)


def test_nesting_is_bounded_when_written_and_when_read():
    def nested(depth):
        value = 0
        for _ in range(depth):
            value = [value]
        return value

    assert canonical_json(nested(MAX_DEPTH)) == b"[" * MAX_DEPTH + b"0" + b"]" * MAX_DEPTH
    with pytest.raises(ValueError, match="deep"):
        canonical_json(nested(MAX_DEPTH + 1))
    with pytest.raises(ValueError):
        parse_canonical_json(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize("value", [{1: 2}, {"a": {1, 2}}, object(), 2**53, "\ud800", {"\ud800": 1}])
def test_what_is_not_json_cannot_be_written(value):
    with pytest.raises(ValueError):
        canonical_json(value)


@given(st.binary(max_size=100))
def test_base64_comes_back_and_has_one_spelling(data):
    text = b64encode(data)
    assert b64decode(text) == data
    assert b64decode(text, len(data)) == data
    assert text == base64.b64encode(data).decode()
    with pytest.raises(ValueError, match="bytes"):
        b64decode(text, len(data) + 1)


@pytest.mark.parametrize(
    "text", ["QQ", "QR==", "QQ==\n", "Q-==", "QQ ==", "é===", None, b"QQ==", 5]
)
def test_base64_of_another_spelling_is_refused(text):
    with pytest.raises(ValueError):
        b64decode(text)


@given(st.binary(max_size=100))
def test_hexadecimal_comes_back(data):
    assert hexdecode(data.hex(), len(data)) == data


@pytest.mark.parametrize("text", ["A0", "a", "0x", "a0 ", "a0\n", "٠٠", None, b"a0"])
def test_hexadecimal_of_another_spelling_is_refused(text):
    with pytest.raises(ValueError):
        hexdecode(text)


def test_hexadecimal_of_another_size_is_refused():
    with pytest.raises(ValueError, match="expected 3 bytes"):
        hexdecode("a0", 3)


def test_base32_has_no_padding_and_is_lower_case():
    assert base32(b"foobar") == "mzxw6ytboi"


def test_json_is_read_with_one_kind_of_error():
    assert parse_json('{"a":[1]}') == {"a": [1]}
    with pytest.raises(ValueError, match="not JSON"):
        parse_json(b"{")
