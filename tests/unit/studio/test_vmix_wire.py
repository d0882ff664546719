"""Bytes of vMix's TCP API, in any pieces and with anything wrong in them."""

import itertools

from hypothesis import given, settings, strategies as st
import pytest

from infrafabric.studio.errors import ProtocolError
from infrafabric.studio.vmix.wire import MAX_BODY, MAX_LINE, Answer, Parser, Status, request

DOCUMENT = b"<vmix>\r\n<version>28.0.0</version></vmix>"
CONVERSATION = (
    b"VERSION OK 28.0.0.39\r\n"
    b"SUBSCRIBE OK ACTS Subscribed\r\n"
    b"ACTS OK InputPlaying 1 1\r\n"
    b"XML 42\r\n" + DOCUMENT + b"\r\n"
    b"TALLY OK 0121\r\n"
    b"FUNCTION ER Input not found\r\n"
    b"XML 2\r\n\r\n"
    b"FUNCTION OK Completed\r\n"
)
ANSWERS = [
    Answer("VERSION", Status.OK, "28.0.0.39"),
    Answer("SUBSCRIBE", Status.OK, "ACTS Subscribed"),
    Answer("ACTS", Status.OK, "InputPlaying 1 1"),
    Answer("XML", Status.DATA, "", DOCUMENT),
    Answer("TALLY", Status.OK, "0121"),
    Answer("FUNCTION", Status.ER, "Input not found"),
    Answer("XML", Status.DATA, "", b""),
    Answer("FUNCTION", Status.OK, "Completed"),
]


def feed(pieces: list[bytes]) -> list[Answer]:
    parser = Parser()
    return [answer for piece in pieces for answer in parser.feed(piece)]


def fed(pieces: list[bytes]) -> bool:
    """Feed it; anything but answers and a protocol error is raised here."""
    try:
        return all(answer.command for answer in feed(pieces))
    except ProtocolError as err:
        return err.code in {"studio_protocol", "studio_wrong_port"}


def test_the_length_counts_the_end_of_the_body() -> None:
    document = b"<vmix><version>29.0.0.49</version></vmix>"
    data = b"XML %d\r\n%s\r\nTALLY OK 12\r\n" % (len(document) + 2, document)

    assert feed([data]) == [
        Answer("XML", Status.DATA, "", document),
        Answer("TALLY", Status.OK, "12"),
    ]


def test_a_length_that_leaves_out_the_end_is_borne() -> None:
    assert [a.command for a in feed([b"XML 7\r\n<vmix/>\r\nTALLY OK 1\r\n"])] == ["XML", "TALLY"]


def test_a_line_may_come_with_its_body_and_words_of_its_own() -> None:
    assert feed([b"MYCOMMAND 4 and a message\r\nabcd"]) == [
        Answer("MYCOMMAND", Status.DATA, "and a message", b"abcd")
    ]


CUTS = st.lists(st.integers(0, len(CONVERSATION)), max_size=30).map(sorted)


@given(CUTS)
def test_any_split_of_the_bytes_gives_the_same_answers(cuts: list[int]) -> None:
    edges = [0, *cuts, len(CONVERSATION)]
    pieces = [CONVERSATION[a:b] for a, b in itertools.pairwise(edges)]

    assert feed(pieces) == ANSWERS


def test_byte_by_byte_gives_the_same_answers() -> None:
    assert feed([bytes([byte]) for byte in CONVERSATION]) == feed([CONVERSATION])


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_give_answers_or_a_protocol_error_and_nothing_else(
    data: st.DataObject,
) -> None:
    broken = bytearray(CONVERSATION)
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    assert fed([bytes(broken[begin : begin + 16]) for begin in range(0, len(broken), 16)])


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_garbage_never_does_anything_but_wait_or_end(pieces: list[bytes]) -> None:
    assert fed(pieces)


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (MAX_LINE + 2),
        b"TALLY OK " + b"0" * MAX_LINE + b"\r\n",
        b"XML %d\r\n" % (MAX_BODY + 1),
        b"XML 9999999999\r\n",
        b"XML -1\r\n",
        b"XML\r\n",
        b"FUNCTION WELL done\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_what_no_vmix_sends_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError) as error:
        feed([data])

    assert error.value.code == "studio_protocol"


def test_the_longest_line_and_a_line_without_words_are_taken() -> None:
    long = b"TALLY OK " + b"0" * (MAX_LINE - 9)

    assert [a.text for a in feed([long + b"\r\nQUIT OK\r\n"])] == ["0" * (MAX_LINE - 9), ""]


def test_a_web_server_is_told_from_a_broken_vmix() -> None:
    with pytest.raises(ProtocolError) as error:
        feed([b"HTTP/1.0 400 Bad Request\r\n"])

    assert (error.value.code, error.value.details["hint"]) == ("studio_wrong_port", "8099")


def test_an_announced_body_takes_no_memory_until_it_comes() -> None:
    parser = Parser()

    assert parser.feed(b"XML %d\r\n" % MAX_BODY) == []
    assert len(parser._buffer) == 0


def test_answers_show_nothing_of_their_texts() -> None:
    assert "live_key" not in repr(Answer("FUNCTION", Status.ER, "bad live_key", b"live_key"))


@pytest.mark.parametrize("command", ["XML\r\nFUNCTION Cut", "XML\n", "A\0", "F " + "x" * 200_000])
def test_a_request_is_one_line_of_bounded_length(command: str) -> None:
    with pytest.raises(ValueError):
        request(command)
