"""The outbox of a webhook: what it took in is there, whatever happens to the process."""

from collections.abc import Iterator
from contextlib import closing
import itertools
from pathlib import Path
import random
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from custom_components.infrafabric.surfaces.webhooks.database import DatabaseError, remove
from custom_components.infrafabric.surfaces.webhooks.outbound.outbox import (
    Failed,
    New,
    Outbox,
)
from custom_components.infrafabric.surfaces.webhooks.outbound.retry import (
    AFTER_START,
    DELAYS,
    GIVE_UP_AFTER,
    JITTER,
    MAX_RETRY_AFTER,
    MIN_ATTEMPTS,
    next_attempt,
)

NOW = 1_800_000_000.0

WRITER = """
import itertools, sys
import itertools
from pathlib import Path
from custom_components.infrafabric.surfaces.webhooks.outbound.outbox import New, Outbox

outbox = Outbox(Path(sys.argv[1]))
outbox.open()
for number in itertools.count():
    outbox.add([New(f"msg_{number}", b"body %d" % number)], 1.0)
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    outbox = Outbox(path)
    outbox.open()
    yield outbox
    outbox.close()


def ids(outbox: Outbox, now: float = NOW) -> list[str]:
    return [message.message_id for message in outbox.due(now, 100)]


def test_what_was_added_is_due_at_once_in_its_order(outbox: Outbox) -> None:
    assert outbox.add([New("msg_b", b"1"), New("msg_a", b"22")], NOW) == 0

    assert ids(outbox) == ["msg_b", "msg_a"]
    assert [message.message_id for message in outbox.due(NOW, 1)] == ["msg_b"]
    assert outbox.due(NOW, 2)[1].body == b"22"
    assert outbox.next_due() == NOW
    assert (outbox.count().waiting, outbox.count().size) == (2, 3)


def test_nothing_is_due_before_its_time(outbox: Outbox) -> None:
    outbox.add([New("msg_a", b"")], NOW)
    outbox.failed([Failed("msg_a", "timeout", NOW + 30)])

    assert ids(outbox, NOW + 29) == []
    assert outbox.next_due() == NOW + 30
    (message,) = outbox.due(NOW + 30, 10)
    assert (message.failures, message.since) == (1, NOW)


def test_a_clock_that_was_set_back_holds_nothing(outbox: Outbox) -> None:
    outbox.add([New("msg_a", b"")], NOW)

    assert ids(outbox, NOW - 10) == []
    assert ids(outbox, NOW - 10 * GIVE_UP_AFTER) == ["msg_a"]


def test_what_was_delivered_is_forgotten(outbox: Outbox) -> None:
    outbox.add([New("msg_a", b"123"), New("msg_b", b"4")], NOW)
    outbox.delivered(["msg_a", "msg_unknown"])

    assert ids(outbox) == ["msg_b"]
    assert (outbox.count().waiting, outbox.count().size) == (1, 1)


def test_dead_letters_are_listed_newest_first_and_can_be_sent_again(outbox: Outbox) -> None:
    outbox.add([New("msg_a", b"1"), New("msg_b", b"2"), New("msg_c", b"3")], NOW)
    outbox.failed([Failed("msg_a", "timeout", None), Failed("msg_b", "http_500", None)])

    assert ids(outbox) == ["msg_c"]
    letters = outbox.dead_letters(10)
    assert [(letter.message_id, letter.reason, letter.failures) for letter in letters] == [
        ("msg_b", "http_500", 1),
        ("msg_a", "timeout", 1),
    ]
    assert len(outbox.dead_letters(1)) == 1
    assert outbox.count().dead == 2

    assert outbox.resend(NOW + 100) == 2
    assert outbox.count().dead == 0
    again = {message.message_id: message for message in outbox.due(NOW + 100, 10)}
    assert again.keys() == {"msg_a", "msg_b", "msg_c"}
    assert (again["msg_a"].failures, again["msg_a"].since, again["msg_a"].created) == (
        0,
        NOW + 100,
        NOW,
    )


def test_the_oldest_dead_letters_make_room_and_what_waits_stays(path: Path) -> None:
    outbox = Outbox(path, max_messages=3, max_bytes=100)
    outbox.open()
    outbox.add([New("msg_a", b"1"), New("msg_b", b"2"), New("msg_c", b"3")], NOW)
    outbox.failed([Failed("msg_a", "timeout", None), Failed("msg_b", "timeout", None)])

    assert outbox.add([New("msg_d", b"4")], NOW) == 0
    assert [letter.message_id for letter in outbox.dead_letters(9)] == ["msg_b"]
    assert outbox.add([New("msg_e", b"5"), New("msg_f", b"6")], NOW) == 1
    assert ids(outbox) == ["msg_c", "msg_d", "msg_e"]
    assert outbox.count().refused == 1
    outbox.close()

    again = Outbox(path)
    again.open()
    assert again.count().refused == 1
    again.close()


def test_bytes_are_bounded_too(path: Path) -> None:
    outbox = Outbox(path, max_messages=100, max_bytes=10)
    outbox.open()
    assert outbox.add([New("msg_a", b"123456")], NOW) == 0
    outbox.failed([Failed("msg_a", "timeout", None)])

    assert outbox.add([New("msg_b", b"x" * 11)], NOW) == 1, "never fits"
    assert outbox.count().dead == 1, "and drops nothing in vain"
    assert outbox.add([New("msg_c", b"1234567")], NOW) == 0
    assert outbox.add([New("msg_d", b"1234")], NOW) == 1
    assert outbox.count().size == 7
    outbox.close()


@pytest.mark.parametrize(("many", "size"), [(10, 1), (5, 10)])
def test_what_peers_send_takes_half_of_the_room_at_most(path: Path, many: int, size: int) -> None:
    outbox = Outbox(path, max_messages=10, max_bytes=40)
    outbox.open()
    taken = many // 2
    body = b"x" * size
    told = [New(f"msg_{number}", body, of_peer=True) for number in range(many)]
    assert outbox.add(told, NOW) == many - taken
    assert not outbox.has_room()
    assert outbox.add([New("msg_failed", body)], NOW) == 0
    assert outbox.count().waiting == taken + 1
    outbox.close()

    again = Outbox(path, max_messages=10, max_bytes=40)
    again.open()
    assert again.add([New("msg_again", body, of_peer=True)], NOW) == 1, "also after a restart"
    again.failed([Failed("msg_0", "timeout", None)])
    assert again.add([New("msg_again", body, of_peer=True)], NOW) == 0
    assert again.count().dead == 0, "its own dead letters make room"
    again.delivered(["msg_1", "msg_again"])
    assert again.has_room()
    assert again.add([New("msg_more", body, of_peer=True)], NOW) == 0
    again.close()


def test_a_file_of_the_version_before_is_brought_up_to_date(path: Path) -> None:
    outbox = Outbox(path)
    outbox.open()
    outbox.add([New("msg_a", b"1")], NOW)
    outbox.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE message DROP COLUMN of_peer")
        db.execute("PRAGMA user_version = 1")
    db.close()

    for _ in range(2):
        again = Outbox(path)
        again.open()
        assert ids(again)[0] == "msg_a"
        again.add([New(f"msg_{_}", b"2", of_peer=True)], NOW)
        again.close()


def test_a_failed_transaction_changes_nothing(outbox: Outbox) -> None:
    outbox.add([New("msg_a", b"1")], NOW)

    with pytest.raises(DatabaseError):
        outbox.add([New("msg_b", b"2"), New("msg_a", b"3")], NOW)

    assert ids(outbox) == ["msg_a"]
    assert (outbox.count().waiting, outbox.count().size) == (1, 1)


def test_it_is_found_again_as_it_was(path: Path) -> None:
    first = Outbox(path)
    first.open()
    first.add([New("msg_a", b"12")], NOW)
    first.remember("gone", "here")
    first.close()
    first.close()

    second = Outbox(path)
    second.open()
    assert ids(second) == ["msg_a"]
    assert (second.count().waiting, second.count().size) == (1, 2)
    assert second.fact("gone") == "here"
    second.remember("gone", None)
    assert second.fact("gone") is None
    second.close()
    with pytest.raises(DatabaseError, match="is closed"):
        second.add([], NOW)


def test_only_its_owner_may_read_it(outbox: Outbox, path: Path) -> None:
    outbox.add([New("msg_a", b"1")], NOW)

    files = list(path.parent.iterdir())
    assert len(files) > 1, "the write-ahead log is there, too"
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_it_can_be_removed(path: Path) -> None:
    outbox = Outbox(path)
    outbox.open()
    outbox.close()
    remove(path)
    assert list(path.parent.iterdir()) == []
    remove(path)


def test_a_later_version_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 9")
    db.close()

    with pytest.raises(DatabaseError, match="later version"):
        Outbox(path).open()


def test_a_damaged_file_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)

    with pytest.raises(DatabaseError, match="cannot be read"):
        Outbox(path).open()
    assert path.read_bytes().startswith(b"no database")


def test_a_folder_in_the_way_is_an_error(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(DatabaseError, match="cannot be opened"):
        Outbox(path).open()


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 50, 200])
def test_what_was_taken_in_is_there_after_the_process_was_killed(path: Path, after: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        promised = -1
        while promised < after:
            promised = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    finally:
        process.kill()
        process.wait()
    whole = [int(line) for line in rest.split("\n")[:-1]]
    promised = max([promised, *whole])

    outbox = Outbox(path)
    outbox.open()
    found = [(message.message_id, message.body) for message in outbox.due(NOW, 10**6)]
    outbox.close()

    # The process may have been killed between writing a message and promising it.
    assert len(found) - 1 in (promised, promised + 1)
    assert found == [(f"msg_{n}", b"body %d" % n) for n in range(len(found))]


def test_threads_take_turns(outbox: Outbox) -> None:
    def write(name: str) -> None:
        for number in range(50):
            outbox.add([New(f"{name}{number}", b"1")], NOW)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outbox.count().waiting == 200
    assert outbox.count().size == 200


# -- when to try again ------------------------------------------------------------------------


def test_the_pauses_grow_to_the_end_of_a_day_and_then_it_is_enough() -> None:
    now, attempts = NOW, [NOW]
    while True:
        due = next_attempt(len(attempts), NOW, now, None, started=NOW, random=lambda: 0.5)
        if due is None:
            break
        now = due
        attempts.append(due)

    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert pauses[: len(DELAYS)] == list(DELAYS)
    assert attempts[-1] == NOW + GIVE_UP_AFTER
    assert len(attempts) < 20


@pytest.mark.parametrize(("failures", "up"), [(1, 10**6), (MIN_ATTEMPTS - 1, 10**6), (99, 60.0)])
def test_a_day_that_nothing_ran_is_no_attempt(failures: int, up: float) -> None:
    now, since = NOW, NOW - 2 * GIVE_UP_AFTER
    due = next_attempt(failures, since, now, None, started=now - up, random=lambda: 0.5)

    assert due is not None
    assert now < due <= now + max(DELAYS[failures - 1 : failures] or (AFTER_START,))


def test_it_is_enough_after_the_attempts_and_the_time() -> None:
    old = {"since": NOW - GIVE_UP_AFTER, "now": NOW, "retry_after": None}

    def asked(failures: int, up: float) -> float | None:
        return next_attempt(failures, **old, started=NOW - up, random=lambda: 0.5)

    assert asked(MIN_ATTEMPTS, AFTER_START) is None
    assert asked(MIN_ATTEMPTS, AFTER_START - 1) == NOW + 1


def test_what_failed_together_is_not_tried_together() -> None:
    luck = random.Random(7)
    dues = {next_attempt(1, NOW, NOW, None, started=NOW, random=luck.random) for _ in range(100)}

    assert len(dues) > 90
    pauses = [due - NOW for due in dues if due is not None]
    assert DELAYS[0] * (1 - JITTER) <= min(pauses) < DELAYS[0] * (1 - JITTER / 2)
    assert DELAYS[0] * (1 + JITTER / 2) < max(pauses) <= DELAYS[0] * (1 + JITTER)


@pytest.mark.parametrize(
    ("asked", "pause"),
    [(None, 5), (1.0, 5), (60.0, 60), (10.0**9, MAX_RETRY_AFTER)],
)
def test_a_receiver_may_ask_for_time_within_bounds(asked: float | None, pause: float) -> None:
    assert next_attempt(1, NOW, NOW, asked, started=NOW, random=lambda: 0.5) == NOW + pause
