"""A signed value travels as its exact bytes; whoever reads it checks who signed it and for what."""

import hashlib

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import b64encode
from infrafabric.mesh.trust.identity import Identity, Purpose
from infrafabric.mesh.trust.signed import Signed

HOME, STUDIO = (Identity(bytes([n]) * 32) for n in (1, 2))
VALUE = {"b": 1, "a": ["é", None]}
SIGNED = Signed.make(HOME, Purpose.BEACON, VALUE)
TRAVELLING = SIGNED.to_json()


def test_a_signed_value_travels_and_comes_back():
    assert Signed.from_json(TRAVELLING, 100) == SIGNED
    assert SIGNED.value() == VALUE
    assert SIGNED.body == '{"a":["é",null],"b":1}'.encode()
    assert SIGNED.digest == hashlib.sha256(SIGNED.body).hexdigest()


def test_signer_and_purpose_must_be_the_expected_ones():
    assert SIGNED.verified(HOME.public, Purpose.BEACON)
    assert not SIGNED.verified(STUDIO.public, Purpose.BEACON)
    assert not SIGNED.verified(HOME.public, Purpose.SDP)
    assert not Signed(SIGNED.body + b" ", SIGNED.signature).verified(HOME.public, Purpose.BEACON)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"body": TRAVELLING["body"]},
        TRAVELLING | {"more": 1},
        TRAVELLING | {"body": None},
        TRAVELLING | {"body": b"{}"},
        TRAVELLING | {"body": "x" * 101},
        # Short enough in characters, too long in bytes.
        TRAVELLING | {"body": "é" * 60},
        TRAVELLING | {"body": "\ud800"},
        TRAVELLING | {"sig": None},
        TRAVELLING | {"sig": "AA=="},
        TRAVELLING | {"sig": b64encode(b"\0" * 65)},
    ],
)
def test_what_has_another_form_is_refused(value):
    with pytest.raises(ValueError):
        Signed.from_json(value, 100)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"b":1,"a":2}', b'{"a": 1}', b"\xff"])
def test_a_body_that_is_no_canonical_object_has_no_value(body):
    with pytest.raises(ValueError):
        Signed(body, SIGNED.signature).value()


@given(st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=9)))
def test_any_object_comes_back(value):
    signed = Signed.make(HOME, Purpose.RECORD, value)
    again = Signed.from_json(signed.to_json(), 4096)
    assert again.value() == value
    assert again.verified(HOME.public, Purpose.RECORD)
