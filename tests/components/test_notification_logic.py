"""What a notification rule decides, with the time passed in."""

from itertools import count
from typing import Any

import pytest

from custom_components.infrafabric.surfaces.notifications.rules import (
    BUTTON_LIFETIME,
    Button,
    Offer,
    Offers,
    Priority,
    Rule,
    Told,
    What,
    action_of,
)

DATA: dict[str, Any] = {
    "occasions": ["link_quality", "stream_started"],
    "targets": {"device_id": ["d1"]},
    "notify_entities": ["notify.crew"],
    "phones": ["p1"],
    "buttons": {
        "offered": ["view_dashboard", "mute", "stop_stream", "restart_peer"],
        "users": ["u1"],
        "dashboard": "/lovelace",
    },
    "look": {"tag": "if_stream", "priority": "high"},
    "limits": {"quiet_time": 2, "rtt": 200, "loss": 5},
}


def a_rule(**buttons: Any) -> Rule:
    return Rule.from_data({**DATA, "buttons": {**DATA["buttons"], **buttons}})


def test_a_rule_is_what_its_subentry_says() -> None:
    rule = a_rule()

    assert rule.what == {What.LINK_QUALITY, What.STREAM_STARTED}
    assert rule.targets == {"device_id": ["d1"]}
    assert (rule.entities, rule.phones, rule.users) == (("notify.crew",), ("p1",), {"u1"})
    assert (rule.tag, rule.group, rule.priority) == ("if_stream", None, Priority.HIGH)
    assert (rule.quiet, rule.rtt_ms, rule.loss_percent) == (120, 200, 5)


def test_a_rule_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="of_the_future"):
        Rule.from_data({**DATA, "occasions": ["of_the_future"]})
    with pytest.raises(KeyError):
        Rule.from_data({})


# -- links ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rtt", "loss", "was_bad", "bad"),
    [
        (200, 5, False, False),
        (200.1, 0, False, True),
        (10, 5.1, False, True),
        # Between four fifths of a limit and the limit, it stays what it was.
        (180, 0, False, False),
        (180, 0, True, True),
        (10, 4.5, True, True),
        (160, 4, True, False),
        # What is not known says nothing.
        (None, None, False, False),
        (None, None, True, True),
        (None, 7, False, True),
        (150, None, True, False),
    ],
)
def test_a_link_is_bad_above_a_limit_and_good_again_below_four_fifths_of_both(
    rtt: float | None, loss: float | None, was_bad: bool, bad: bool
) -> None:
    assert a_rule().bad_link(rtt, loss, was_bad=was_bad) is bad


# -- when to tell -----------------------------------------------------------------------------


def test_what_is_so_is_told_once() -> None:
    told = Told(at_first=False)

    assert told.follow(True, 0, 60)
    assert not told.follow(True, 1, 60)
    assert not told.follow(True, 1000, 60)
    assert told.due is None


def test_that_it_is_over_is_told_at_once_and_that_it_is_back_only_after_the_quiet_time() -> None:
    told = Told(at_first=False)
    assert told.follow(True, 0, 60)
    assert told.follow(False, 10, 60, urgent=True)

    assert not told.follow(True, 20, 60)
    assert told.due == 70
    assert told.follow(True, 70, 60)
    assert told.due is None


def test_what_was_over_before_the_quiet_time_ended_is_not_told() -> None:
    told = Told(at_first=False)
    told.follow(True, 0, 60)
    told.follow(False, 1, 60, urgent=True)
    told.follow(True, 2, 60)

    assert not told.follow(False, 3, 60, urgent=True)
    assert told.due is None


def test_nothing_is_told_while_a_rule_is_muted_and_what_is_still_so_afterwards() -> None:
    told = Told(at_first=False)
    told.follow(True, 0, 60)

    assert not told.follow(False, 10, 60, urgent=True, muted=3600)
    assert told.due == 3600
    assert told.follow(False, 3600, 60, urgent=True, muted=3600)


def test_what_nobody_needs_to_hear_counts_as_told() -> None:
    told = Told(at_first=False)
    told.follow(True, 0, 60)
    told.forget(False)

    assert not told.follow(False, 1, 60, urgent=True)


# -- buttons ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "buttons"),
    [
        ("stream_started", [Button.STOP_STREAM, Button.MUTE, Button.VIEW_DASHBOARD]),
        ("stream_stopped", [Button.MUTE, Button.VIEW_DASHBOARD]),
        ("stream_healthy", [Button.MUTE, Button.VIEW_DASHBOARD]),
        ("peer_lost", [Button.RESTART_PEER, Button.MUTE, Button.VIEW_DASHBOARD]),
        ("link_bad", [Button.RESTART_PEER, Button.MUTE, Button.VIEW_DASHBOARD]),
        ("link_good", [Button.MUTE, Button.VIEW_DASHBOARD]),
    ],
)
def test_a_notification_offers_what_makes_sense(text: str, buttons: list[Button]) -> None:
    assert list(a_rule().buttons_for(text)) == buttons


def test_what_nobody_may_press_is_not_offered() -> None:
    assert a_rule(users=[]).buttons_for("stream_started") == (Button.VIEW_DASHBOARD,)


def offers() -> Offers:
    tokens = count()
    return Offers(lambda: f"token{next(tokens)}")


def an_offer(tag: str = "t") -> Offer:
    return Offer(
        tag=tag,
        device_id="d1",
        name="Stage",
        details={},
        buttons=(Button.STOP_STREAM, Button.MUTE),
        expires=BUTTON_LIFETIME,
    )


def test_the_first_press_uses_up_every_button_of_its_notification() -> None:
    open_offers = offers()
    offer = an_offer()
    token = open_offers.make(offer)

    assert open_offers.take(action_of(Button.STOP_STREAM, token)) == (Button.STOP_STREAM, offer)
    assert open_offers.take(action_of(Button.STOP_STREAM, token)) is None
    assert open_offers.take(action_of(Button.MUTE, token)) is None
    assert len(open_offers) == 0


@pytest.mark.parametrize(
    "action",
    ["", "STOP_STREAM", "STOP_STREAM_", "token0", "RESTART_PEER_token0", "_token0", "None"],
)
def test_what_was_not_offered_does_nothing(action: str) -> None:
    open_offers = offers()
    open_offers.make(an_offer())

    assert open_offers.take(action) is None
    assert len(open_offers) == 1


def test_the_buttons_of_a_notification_that_is_replaced_are_void() -> None:
    open_offers = offers()
    old = open_offers.make(an_offer())
    other = open_offers.make(an_offer("other"))
    new = open_offers.make(an_offer())

    assert open_offers.take(action_of(Button.MUTE, old)) is None
    assert open_offers.take(action_of(Button.MUTE, new)) is not None
    open_offers.void("other")
    assert open_offers.take(action_of(Button.MUTE, other)) is None
