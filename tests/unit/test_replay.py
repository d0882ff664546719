"""A message counts once: not when it is old, and not again, also after a restart."""

import json

from hypothesis import given, settings, strategies as st
import pytest

from infrafabric.mesh.messages import replay
from infrafabric.mesh.messages.message import BROADCAST, IFMessage
from infrafabric.mesh.messages.replay import MAX_REMEMBERED, WINDOW, ReplayGuard, SequenceSource
from infrafabric.mesh.model import ReceiptStatus
from infrafabric.mesh.trust.identity import Identity

NOW = 1_800_000_000.0
HOME, STUDIO, CARL = (Identity(bytes([n]) * 32) for n in (1, 2, 3))
ACCEPTED, STALE, REPLAYED, BUSY = (
    ReceiptStatus.ACCEPTED,
    ReceiptStatus.STALE,
    ReceiptStatus.REPLAYED,
    ReceiptStatus.BUSY,
)


def message(sequence, *, at=NOW, who=HOME, ttl=300, nonce=None):
    """Return a message; its nonce follows from its number unless given."""
    filling = (sequence if nonce is None else nonce).to_bytes(16)
    return IFMessage.create(
        who,
        [BROADCAST],
        {},
        sequence=sequence,
        now=at,
        ttl=ttl,
        random=lambda size: filling[-size:],
    )


def test_a_message_counts_once():
    guard = ReplayGuard()
    assert guard.check(message(5), NOW) is ACCEPTED
    assert guard.check(message(5), NOW) is REPLAYED
    assert guard.check(message(6), NOW) is ACCEPTED
    assert guard.check(message(5), NOW) is REPLAYED
    assert guard.clones == set()


def test_order_does_not_matter_within_the_window():
    guard = ReplayGuard()
    for number in (5000, 5000 - WINDOW + 1, 4000, 4999):
        assert guard.check(message(number), NOW) is ACCEPTED
        assert guard.check(message(number), NOW) is REPLAYED
    assert guard.check(message(5000 - WINDOW), NOW) is STALE
    assert guard.check(message(5001), NOW) is ACCEPTED
    # The window moved on, over one that was seen.
    assert guard.check(message(5000 - WINDOW + 1), NOW) is STALE


def test_senders_do_not_disturb_each_other():
    guard = ReplayGuard()
    assert guard.check(message(10**6, who=STUDIO), NOW) is ACCEPTED
    assert guard.check(message(1), NOW) is ACCEPTED


@pytest.mark.parametrize(
    ("age", "ttl", "status"),
    [
        (-120, 300, ACCEPTED),
        (-121, 300, STALE),
        (420, 300, ACCEPTED),
        (421, 300, STALE),
        (121, 1, ACCEPTED),
        (122, 1, STALE),
        (3720, 3600, ACCEPTED),
        (3721, 3600, STALE),
    ],
)
def test_a_message_is_fresh_for_its_time_to_live_and_two_minutes(age, ttl, status):
    assert ReplayGuard().check(message(1, at=NOW - age, ttl=ttl), NOW) is status


def test_a_stale_message_uses_up_nothing():
    guard = ReplayGuard()
    assert guard.check(message(9, at=NOW - 1000), NOW) is STALE
    assert guard.check(message(9), NOW) is ACCEPTED
    assert guard.check(message(1), NOW) is ACCEPTED


def test_a_nonce_counts_once_whatever_its_number():
    guard = ReplayGuard()
    assert guard.check(message(5, nonce=1), NOW) is ACCEPTED
    assert guard.check(message(6, nonce=1), NOW) is REPLAYED
    assert guard.clones == set()


def test_two_messages_of_one_number_raise_the_suspicion_of_a_clone():
    guard = ReplayGuard()
    assert guard.check(message(5, nonce=1), NOW) is ACCEPTED
    assert guard.check(message(5, nonce=2), NOW) is REPLAYED
    assert guard.clones == {HOME.peer_id}


def test_what_was_seen_before_a_clean_restart_is_not_accepted_after_it():
    guard = ReplayGuard()
    for number in (3, 9, 7):
        guard.check(message(number), NOW)
    again = ReplayGuard.from_json(json.loads(json.dumps(guard.to_json())))
    assert not again.unclean
    for number in (3, 7, 9, 8):
        assert again.check(message(number), NOW) is STALE
    assert again.check(message(10), NOW) is ACCEPTED
    assert again.to_json()["senders"][HOME.peer_id] == [11, NOW]


def test_a_state_saved_twice_loses_nothing():
    guard = ReplayGuard()
    guard.check(message(9), NOW)
    again = ReplayGuard.from_json(ReplayGuard.from_json(guard.to_json()).to_json())
    assert again.check(message(9), NOW) is STALE


def test_after_an_unclean_stop_messages_from_before_the_start_are_refused():
    guard = ReplayGuard(unclean_since=NOW)
    assert guard.unclean
    assert guard.check(message(5, at=NOW - 1), NOW + 1) is STALE
    assert guard.check(message(6, at=NOW), NOW + 1) is ACCEPTED


def test_after_an_unclean_stop_the_peer_s_next_number_is_the_floor():
    guard = ReplayGuard(unclean_since=NOW)
    guard.set_floor(HOME.peer_id, 100)
    # Stamped ahead, received before the crash, and played again.
    assert guard.check(message(99, at=NOW + 60), NOW + 1) is STALE
    assert guard.check(message(100, at=NOW + 60), NOW + 1) is ACCEPTED
    # A link opened later does not shut out what is on its way.
    guard.set_floor(HOME.peer_id, 200)
    assert guard.check(message(150, at=NOW + 60), NOW + 1) is ACCEPTED


def test_after_a_clean_stop_the_peer_s_word_is_not_needed():
    guard = ReplayGuard()
    guard.set_floor(HOME.peer_id, 100)
    assert guard.check(message(99), NOW) is ACCEPTED


@pytest.mark.parametrize("floor", [0, -5, 2**53])
def test_an_impossible_floor_is_not_heeded(floor):
    guard = ReplayGuard(unclean_since=NOW)
    guard.set_floor(HOME.peer_id, floor)
    assert guard.check(message(1), NOW) is ACCEPTED


def test_a_lower_floor_than_the_saved_one_is_not_heeded():
    saved = ReplayGuard()
    saved.check(message(500), NOW - 10)
    guard = ReplayGuard.from_json(saved.to_json(), unclean_since=NOW)
    guard.set_floor(HOME.peer_id, 10)
    assert guard.check(message(400), NOW) is STALE


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"v": 1},
        {"v": 2, "senders": {}},
        {"v": 1, "senders": []},
        {"v": 1, "senders": {"x": [1, 2.0]}},
        {"v": 1, "senders": {HOME.peer_id: [1]}},
        {"v": 1, "senders": {HOME.peer_id: ["1", 2.0]}},
    ],
)
def test_a_damaged_state_is_not_loaded(value):
    with pytest.raises(ValueError):
        ReplayGuard.from_json(value)


def test_memory_is_bounded_and_shrinking_lets_no_replay_through(monkeypatch):
    monkeypatch.setattr(replay, "MAX_REMEMBERED", 20)
    guard = ReplayGuard()
    seen = []
    for number in range(1, 31):
        for who in (HOME, STUDIO):
            sent = message(number, who=who)
            assert guard.check(sent, NOW) is ACCEPTED
            seen.append(sent)
            assert guard._remembered <= 20
    assert guard._remembered == sum(len(s.seen) for s in guard._senders.values())
    assert all(guard.check(sent, NOW) in (STALE, REPLAYED) for sent in seen)
    assert guard.check(message(31), NOW) is ACCEPTED


def test_the_number_of_senders_is_bounded_and_silent_ones_make_room(monkeypatch):
    monkeypatch.setattr(replay, "MAX_SENDERS", 2)
    guard = ReplayGuard()
    guard.check(message(1, who=HOME), NOW)
    guard.check(message(1, who=STUDIO, at=NOW + 3800), NOW + 3800)
    assert guard.check(message(1, who=CARL, at=NOW + 3830), NOW + 3830) is BUSY
    # By now nothing that Home sent then can be fresh, so it may be forgotten.
    assert guard.check(message(1, who=CARL, at=NOW + 3850), NOW + 3850) is ACCEPTED
    assert guard.check(message(1, who=HOME, ttl=3600), NOW + 3850) is STALE
    assert guard._remembered == 2


def test_the_window_of_one_sender_is_a_fraction_of_the_memory():
    assert WINDOW * 8 <= MAX_REMEMBERED


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(-200, 500), st.booleans()),
        max_size=60,
    )
)
def test_nothing_is_accepted_twice_in_any_history(events):
    """Play any numbers and ages, with restarts of both kinds in between."""
    cache = {}
    guard = ReplayGuard()
    accepted = set()
    now = NOW
    for number, age, restart in events:
        now += 1
        key = (number, age)
        if key not in cache:
            cache[key] = message(number, at=now - age)
        if guard.check(cache[key], now) is ACCEPTED:
            assert number not in accepted
            accepted.add(number)
        if restart:
            guard = ReplayGuard.from_json(guard.to_json())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-119, 400), min_size=1, max_size=20), st.integers(0, 19))
def test_nothing_from_before_a_crash_is_accepted_after_it(ages, kept):
    """Crash with an old state, or none, and play everything again."""
    guard = ReplayGuard()
    saved = guard.to_json()
    sent = [message(number, at=NOW - age) for number, age in enumerate(ages, 1)]
    seen = []
    for position, one in enumerate(sent):
        if guard.check(one, NOW) is ACCEPTED:
            seen.append(one)
        if position == kept:
            saved = guard.to_json()
    after = ReplayGuard.from_json(saved, unclean_since=NOW + 5)
    after.set_floor(HOME.peer_id, len(sent) + 1)
    assert all(after.check(one, NOW + 6) is STALE for one in seen)
    assert after.check(message(len(sent) + 1, at=NOW + 6), NOW + 6) is ACCEPTED


# Own numbers


def test_numbers_rise_and_a_new_run_begins_higher():
    source = SequenceSource(0, NOW)
    assert [source.take(), source.take()] == [source.upcoming - 2, source.upcoming - 1]
    hours = int(NOW - 1_577_836_800) // 3600
    assert source.epoch == hours
    assert source.upcoming == hours * 2**32 + 3
    assert SequenceSource(source.epoch, NOW).upcoming > source.upcoming


def test_a_restored_backup_moves_forward():
    source = SequenceSource(5, NOW)
    assert SequenceSource(5, NOW + 3600).upcoming > source.upcoming + 10**9


@pytest.mark.parametrize("clock", [0.0, -5.0, 1e11])
def test_a_clock_that_was_never_set_does_no_harm(clock):
    source = SequenceSource(70_000, clock)
    assert source.epoch == 70_001
    assert source.upcoming < 2**53
