"""Every frame reads back as written, and no bytes of a hostile peer do anything but raise."""

import contextlib
import importlib.util
import os
import sys
import zlib

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.link import frames
from infrafabric.mesh.link.frames import (
    CHANNEL_OF,
    MAX_BODY,
    MAX_FRAME,
    MAX_MESSAGES,
    MAX_RECEIPTS,
    MAX_UNIT,
    OVERHEAD,
    Channel,
    FrameError,
    FrameType,
    Hello,
)
from infrafabric.mesh.model import ReceiptStatus

signatures = st.binary(min_size=64, max_size=64)
messages = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), signatures), min_size=1, max_size=MAX_MESSAGES
)
units = st.integers(0, 2**32 - 1)
receipts = st.lists(
    st.tuples(
        units,
        st.lists(st.sampled_from(list(ReceiptStatus)), min_size=1, max_size=MAX_MESSAGES).map(
            bytes
        ),
    ),
    max_size=MAX_RECEIPTS,
)
HELLO = {"v": [1, 1], "nonce": "A" * 43 + "=", "credit": MAX_BODY + OVERHEAD, "hello": {}}

DECODERS = [
    Hello.decode,
    frames.decode_batch,
    lambda data: frames.decode_bodies(data, 3),
    frames.decode_start,
    frames.decode_probe,
    frames.decode_close,
    frames.decode_control,
    lambda data: frames.unpack(data, 100),
]


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(decode, data) -> None:
    with contextlib.suppress(FrameError):
        decode(data)


@given(receipts, units, messages)
def test_a_batch_reads_back_as_written(given_receipts, unit, bundle) -> None:
    packed = frames.pack(frames.encode_bodies(body for body, _ in bundle))
    frame = frames.encode_batch(given_receipts, unit, [sig for _, sig in bundle], packed)
    assert frame[0] == FrameType.BATCH
    if sum(len(body) + 4 for body, _ in bundle) <= MAX_UNIT:
        batch = frames.decode_batch(frame[1:])
        assert (list(batch.receipts), batch.unit, batch.messages) == (given_receipts, unit, bundle)
    else:
        with pytest.raises(FrameError):
            frames.decode_batch(frame[1:])


@given(receipts.filter(bool))
def test_receipts_travel_alone_too(given_receipts) -> None:
    batch = frames.decode_batch(frames.encode_batch(given_receipts)[1:])
    assert (list(batch.receipts), batch.unit, list(batch.messages)) == (given_receipts, None, [])
    assert frames.statuses_of(given_receipts[0][1]) == [
        ReceiptStatus(status) for status in given_receipts[0][1]
    ]


@given(st.binary(max_size=MAX_UNIT), st.booleans())
def test_packed_bytes_unpack(data, compress) -> None:
    packed = frames.pack(data, compress=compress)
    assert frames.unpack(packed, len(data)) == data
    assert len(packed) <= len(data) + 1
    if data:
        with pytest.raises(FrameError):
            frames.unpack(packed, len(data) - 1)


def test_compression_is_used_where_it_saves_packets() -> None:
    assert frames.pack(b"x" * 1000)[0] == 0
    assert frames.pack(b"x" * 5000)[0] == 1
    assert frames.pack(os.urandom(5000))[0] == 0


def test_a_compression_bomb_is_stopped_early() -> None:
    bomb = b"\1" + zlib.compress(b"\0" * 50_000_000, 9)
    with pytest.raises(FrameError, match="too large"):
        frames.unpack(bomb, MAX_UNIT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\2abc",
        b"\1not zlib",
        b"\1" + zlib.compress(b"x" * 99)[:-3],
        b"\1" + zlib.compress(b"x") + b"!",
    ],
)
def test_damaged_packing_is_refused(data) -> None:
    with pytest.raises(FrameError):
        frames.unpack(data, 1000)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        bytes([MAX_RECEIPTS + 1]),
        b"\x01\0\0\0\1\x02\0",
        b"\x01\0\0\0\1\x00",
        b"\x01\0\0\0\1\x01\xff",
        b"\x01\0\0",
        b"\x00\0\0\0\1",
        b"\x00\0\0",
        b"\x00\0\0\0\1\0",
        b"\x00\0\0\0\1\1" + b"s" * 64,
        b"\x00\0\0\0\1\1" + b"s" * 64 + b"\0",
        b"\x00\0\0\0\1\1" + b"s" * 64 + b"\0" + b"\0\0\0\0",
        b"\x00\0\0\0\1\1" + b"s" * 64 + b"\0" + b"\0\0\0\2x",
        b"\x00\0\0\0\1\1" + b"s" * 64 + b"\0" + b"\0\0\0\1xx",
        b"\x00\0\0\0\1\x81" + b"s" * 64 * 129 + b"\0" + b"\0\0\0\1x" * 129,
    ],
)
def test_a_malformed_batch_is_refused(payload) -> None:
    with pytest.raises(FrameError):
        frames.decode_batch(payload)


def test_a_hello_reads_back_as_written() -> None:
    hello = Hello(nonce=b"\0" * 32, credit=MAX_BODY + OVERHEAD, hello={"name": "Küche"})
    frame = hello.encode()
    assert frame[0] == FrameType.HELLO
    assert Hello.decode(frame[1:]) == hello
    with pytest.raises(ValueError, match="too large"):
        Hello(nonce=b"\0" * 32, credit=MAX_BODY * 2, hello={"x": "y" * 9000}).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 1},
        {"v": [1]},
        {"v": [True, 1]},
        {"v": [2, 1]},
        {"v": [0, 1]},
        {"v": ["1", "1"]},
        {"nonce": "AAAA"},
        {"nonce": 5},
        {"credit": 5},
        {"credit": True},
        {"credit": 2**40},
        {"credit": 2_000_000.5},
        {"hello": []},
        {"extra": 1},
        {"hello": {"x": "y" * 9000}},
    ],
)
def test_a_malformed_hello_is_refused(change) -> None:
    assert Hello.decode(canonical_json(HELLO))
    with pytest.raises(FrameError):
        Hello.decode(canonical_json(HELLO | change))


def test_a_hello_that_is_not_canonical_is_refused() -> None:
    for payload in (b'{"v": 1}', b"[]", b"\xff", canonical_json(HELLO) + b" "):
        with pytest.raises(FrameError):
            Hello.decode(payload)


@given(units, st.integers(1, MAX_BODY), signatures)
def test_a_start_reads_back_as_written(unit, size, signature) -> None:
    frame = frames.encode_start(unit, size, signature)
    assert frames.decode_start(frame[1:]) == (unit, size, signature)


@pytest.mark.parametrize("size", [0, MAX_BODY + 1, 2**32 - 1])
def test_a_start_of_an_impossible_size_is_refused(size) -> None:
    with pytest.raises(FrameError):
        frames.decode_start(frames.encode_start(1, size, b"s" * 64)[1:])


@given(st.binary(max_size=70_000))
def test_control_payloads_are_cut_and_joined(payload) -> None:
    pieces = frames.encode_control(payload)
    assert all(len(piece) <= MAX_FRAME for piece in pieces)
    decoded = [frames.decode_control(piece[1:]) for piece in pieces]
    assert b"".join(data for _, data in decoded) == payload
    assert [more for more, _ in decoded] == [True] * (len(pieces) - 1) + [False]


@given(units)
def test_probes_and_reasons_read_back_as_written(sequence) -> None:
    assert frames.decode_probe(frames.encode_probe(FrameType.PING, sequence)[1:]) == sequence
    assert frames.decode_close(frames.encode_close("revoked")[1:]) == "revoked"


@pytest.mark.parametrize("reason", [b"", b"Revoked", b"x" * 65, b"a b", b"\xff"])
def test_a_reason_is_a_code(reason) -> None:
    with pytest.raises(FrameError):
        frames.decode_close(reason)


def test_every_frame_type_has_one_channel() -> None:
    assert set(CHANNEL_OF) == set(FrameType)
    assert set(CHANNEL_OF.values()) == set(Channel)


def test_packed_bytes_are_zlib_whichever_library_packs_them(monkeypatch) -> None:
    data = b"the same words, again and again, " * 400
    with_isal = frames.pack(data)
    assert zlib.decompress(with_isal[1:]) == data
    assert frames.unpack(b"\1" + zlib.compress(data, 9), len(data)) == data
    monkeypatch.setitem(sys.modules, "isal", None)
    spec = importlib.util.find_spec(frames.__name__)
    without = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, without)
    spec.loader.exec_module(without)
    assert without._deflate is zlib
    assert without.unpack(with_isal, len(data)) == data
    assert frames.unpack(without.pack(data), len(data)) == data
    with pytest.raises(without.FrameError, match="damaged"):
        without.unpack(b"\1nonsense", 9)
