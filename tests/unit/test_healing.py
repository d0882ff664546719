"""When to dial whom: a pure policy, with time and chance passed in."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.overlay.healing import (
    FIRST_DELAY,
    JITTER,
    LAG_LIMIT_MS,
    LAST_DELAY,
    MAX_DIALS,
    DialPolicy,
    dials,
    wins_glare,
)

OWN = "b" * 32
HIGHER = [letter * 32 for letter in "cdefghijk"]
LOWER = "a" * 32


def a_policy(random: float = 0.5) -> DialPolicy:
    return DialPolicy(OWN, lambda: random)


def present(policy: DialPolicy, *peers: str, now: float = 0.0) -> None:
    policy.set_members(peers, now)
    for peer in peers:
        policy.present(peer, now, up=True)


def test_of_two_members_exactly_one_dials_and_wins_glare() -> None:
    assert dials(OWN, HIGHER[0])
    assert not dials(HIGHER[0], OWN)
    assert wins_glare(OWN, HIGHER[0]) != wins_glare(HIGHER[0], OWN)


def test_a_peer_that_nobody_can_reach_is_not_dialled() -> None:
    policy = a_policy()
    policy.set_members([HIGHER[0]], 0)
    assert policy.due(100) == []
    assert policy.next_at() is None
    policy.present(HIGHER[0], 100, up=True)
    assert policy.due(101) == [HIGHER[0]]


def test_the_peer_with_the_lower_id_is_left_to_dial_us() -> None:
    policy = a_policy()
    present(policy, LOWER)
    assert policy.due(100) == []


def test_only_so_many_dials_run_at_once_and_fewer_when_the_loop_lags() -> None:
    policy = a_policy()
    present(policy, *HIGHER)
    assert len(policy.due(10)) == MAX_DIALS
    assert len(policy.due(10, LAG_LIMIT_MS + 1)) == 1
    for peer in policy.due(10):
        policy.started(peer)
    assert policy.due(10) == []
    policy.linked(HIGHER[0])
    assert len(policy.due(10)) == 1


def test_a_failing_dial_is_tried_for_ever_with_growing_pauses() -> None:
    policy = a_policy()
    present(policy, HIGHER[0])
    now, delays = 10.0, []
    for _ in range(40):
        assert policy.due(now) == [HIGHER[0]]
        policy.started(HIGHER[0])
        assert policy.due(now) == []
        delay = policy.failed(HIGHER[0], now)
        assert delay is not None
        assert policy.due(now + delay - 0.01) == []
        assert policy.next_at() == now + delay
        delays.append(delay)
        now += delay
    assert delays[:4] == [FIRST_DELAY, 2, 4, 8]
    assert delays[-1] == LAST_DELAY
    assert delays == sorted(delays)


@given(st.floats(0, 1))
def test_pauses_vary_so_that_a_mesh_does_not_dial_in_step(random: float) -> None:
    policy = a_policy(random)
    present(policy, HIGHER[0])
    policy.started(HIGHER[0])
    delay = policy.failed(HIGHER[0], 0)
    assert delay is not None
    assert FIRST_DELAY * (1 - JITTER) <= delay <= FIRST_DELAY * (1 + JITTER)


def test_a_peer_that_shows_up_again_is_dialled_at_once() -> None:
    policy = a_policy()
    present(policy, HIGHER[0])
    for _ in range(10):
        policy.started(HIGHER[0])
        policy.failed(HIGHER[0], 0)
    policy.present(HIGHER[0], 5, up=False)
    assert policy.due(1000) == []
    policy.present(HIGHER[0], 5, up=True)
    assert policy.due(6) == [HIGHER[0]]
    assert policy.attempts(HIGHER[0]) == 0


def test_a_lost_link_is_dialled_soon_and_a_linked_peer_is_not() -> None:
    policy = a_policy()
    present(policy, HIGHER[0])
    policy.started(HIGHER[0])
    policy.linked(HIGHER[0])
    assert policy.due(1000) == []
    # A late failure of another attempt says nothing while there is a link.
    assert policy.failed(HIGHER[0], 1000) is None
    policy.lost(HIGHER[0], 1000)
    assert policy.due(1001) == [HIGHER[0]]


def test_a_link_lost_while_its_successor_is_dialled_waits_for_that() -> None:
    policy = a_policy()
    present(policy, HIGHER[0])
    policy.linked(HIGHER[0])
    policy.started(HIGHER[0])
    policy.lost(HIGHER[0], 10)
    assert policy.due(1000) == []
    policy.failed(HIGHER[0], 1000)
    assert policy.due(1010) == [HIGHER[0]]


def test_a_new_network_forgets_every_pause() -> None:
    policy = a_policy()
    present(policy, HIGHER[0])
    for _ in range(10):
        policy.started(HIGHER[0])
        policy.failed(HIGHER[0], 0)
    assert policy.due(1) == []
    policy.network_changed(1)
    assert policy.due(1) == [HIGHER[0]]


def test_former_members_are_forgotten() -> None:
    policy = a_policy()
    present(policy, HIGHER[0])
    policy.set_members([], 1)
    assert policy.due(10) == []
    assert policy.failed(HIGHER[0], 10) is None
    policy.lost(HIGHER[0], 10)
    policy.present(HIGHER[0], 10, up=True)
    policy.started(HIGHER[0])
    policy.linked(HIGHER[0])
    assert policy.attempts(HIGHER[0]) == 0


@given(st.lists(st.tuples(st.sampled_from(HIGHER), st.integers(0, 4)), max_size=60))
def test_no_order_of_events_dials_too_much_or_forgets_a_peer(
    events: list[tuple[str, int]],
) -> None:
    policy = a_policy()
    present(policy, *HIGHER)
    now, dialing, linked = 1.0, set[str](), set[str]()
    for peer, event in events:
        now += 1
        if event == 0:
            for due in policy.due(now):
                assert due not in dialing | linked
                policy.started(due)
                dialing.add(due)
        elif event == 1 and peer in dialing:
            policy.failed(peer, now)
            dialing.discard(peer)
        elif event == 2 and peer in dialing:
            policy.linked(peer)
            dialing.discard(peer)
            linked.add(peer)
        elif event == 3 and peer in linked:
            policy.lost(peer, now)
            linked.discard(peer)
        elif event == 4:
            policy.present(peer, now, up=True)
        assert len(dialing) <= MAX_DIALS
    for peer in dialing:
        policy.failed(peer, now)
    waiting = set(HIGHER) - linked
    seen = set[str]()
    for _ in range(len(HIGHER)):
        for peer in policy.due(now + 2 * LAST_DELAY):
            policy.started(peer)
            policy.linked(peer)
            seen.add(peer)
    assert seen == waiting


@pytest.mark.parametrize("random", [0.0, 1.0])
def test_the_longest_pause_is_bounded_whatever_chance_says(random: float) -> None:
    policy = a_policy(random)
    present(policy, HIGHER[0])
    for _ in range(30):
        policy.started(HIGHER[0])
        delay = policy.failed(HIGHER[0], 0)
        assert delay is not None
        assert delay <= LAST_DELAY * (1 + JITTER)
