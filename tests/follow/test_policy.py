"""The one error policy: which errors waiting mends, and that no turn is without a pause."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.follow.policy import Policy, Settings, Step, Turn
from airflow_ack_sagemaker.kube.errors import (
    ConfigError,
    CredentialsError,
    Forbidden,
    Gone,
    KindNotInstalled,
    KubeError,
    Moved,
    ServerError,
    Silent,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)

STEADY = Settings(jitter=lambda: 1.0)
MINUTES = 600.0


def watching(now: float = 0.0, settings: Settings = STEADY) -> Policy:
    """One that has listed and now watches."""
    policy = Policy(settings)
    assert policy.begin() == Turn(Step.LIST)
    assert policy.listed(now) == Turn(Step.WATCH)
    return policy


PASSING = [
    (Unreachable("x"), Step.WATCH),
    (ServerError("x", status=500), Step.WATCH),
    (TooManyRequests("x"), Step.WATCH),
    (Gone("x"), Step.LIST),
    (Silent("x"), Step.LIST),
    (Unauthorized("x"), Step.LIST),
]


@pytest.mark.parametrize(("error", "step"), PASSING, ids=lambda value: type(value).__name__)
def test_each_failed_watch_costs_a_longer_pause_though_each_list_succeeds(error: KubeError, step: Step) -> None:
    policy, now, pauses = watching(), 0.0, []
    for _ in range(12):
        turn = policy.failed(error, now)
        assert turn.step is step
        pauses.append(turn.pause)
        now += turn.pause
        if step is Step.LIST:
            assert policy.listed(now).step is Step.WATCH
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30]


def test_a_watch_that_lasted_begins_again_with_a_short_pause() -> None:
    policy = watching()
    for _ in range(8):
        policy.failed(Unreachable("x"), 0.0)
    policy.opened(100.0)
    assert policy.failed(Unreachable("x"), 200.0).pause == 0.25


def test_watches_that_end_at_once_with_news_are_opened_every_two_seconds_at_most() -> None:
    policy, pauses = watching(), []
    for _ in range(6):
        policy.opened(0.0)
        policy.heard()
        pauses.append(policy.ended(0.1).pause)
    assert pauses == [0.25, 0.5, 1, 2, 2, 2]


def test_what_the_server_asks_for_is_the_least_pause() -> None:
    assert watching().failed(TooManyRequests("x", retry_after=7.0), 0.0).pause == 7.0


@pytest.mark.parametrize("error", [Unauthorized("x"), Forbidden("x"), CredentialsError("x"), KindNotInstalled("x")])
def test_a_refusal_of_one_who_was_let_in_is_borne_for_minutes(error: KubeError) -> None:
    policy, now = watching(), 0.0
    policy.opened(now)
    while now < 299:
        turn = policy.failed(error, now)
        assert turn.pause
        assert turn.reconnect, "the connection may have been changed"
        now += min(turn.pause, 299.5 - now)
    with pytest.raises(type(error)):
        policy.failed(error, 300.0)


def test_a_refusal_that_ends_is_forgotten() -> None:
    policy = watching()
    policy.failed(Unauthorized("x"), 0.0)
    policy.failed(Unauthorized("x"), 290.0)
    policy.listed(295.0)
    policy.failed(Unauthorized("x"), 310.0)


def test_one_who_was_never_let_in_is_told_sooner() -> None:
    # kube-apiserver refuses everybody in the seconds after its start.
    policy = Policy(STEADY)
    policy.failed(Forbidden("x"), 0.0)
    with pytest.raises(Forbidden):
        policy.failed(Forbidden("x"), 20.0)


@pytest.mark.parametrize("error", [KindNotInstalled("x"), ConfigError("x"), KubeError("x"), Moved("x")])
def test_what_was_never_right_is_an_error_at_once(error: KubeError) -> None:
    with pytest.raises(type(error)):
        Policy(STEADY).failed(error, 0.0)


def test_a_move_is_told_at_once() -> None:
    with pytest.raises(Moved):
        watching().failed(Moved("x"), 0.0)


def test_without_the_permission_to_watch_it_polls_and_tries_the_watch_again_now_and_then() -> None:
    policy = watching()
    assert policy.failed(Forbidden("x"), 0.0) == Turn(Step.POLL, 30.0)
    now, polls = 0.0, 0
    while (turn := policy.listed(now)).step is Step.POLL:
        assert turn.pause == 30.0
        now, polls = now + 30.0, polls + 1
    assert turn.step is Step.WATCH
    assert polls == 60
    assert policy.failed(Forbidden("x"), now).step is Step.POLL


def test_a_watch_that_was_allowed_is_not_given_up_for_one_refusal() -> None:
    policy = watching()
    policy.opened(0.0)
    assert policy.failed(Forbidden("x"), 5.0).step is Step.LIST
    assert policy.listed(6.0).step is Step.WATCH
    assert policy.failed(Forbidden("x"), 7.0).step is Step.POLL


def test_what_may_not_be_listed_may_be_looked_at() -> None:
    turn = Policy(STEADY, by_name=True).failed(Forbidden("x"), 0.0)
    assert turn.step is Step.POLL
    assert 0 < turn.pause < 1


@pytest.mark.parametrize(("share", "seconds"), [(0.0, 600.0), (1.0, 1800.0)])
def test_all_is_listed_anew_every_ten_to_thirty_minutes(share: float, seconds: float) -> None:
    """A server that was restored from a backup may bring bookmarks for ever, and never what has changed."""
    policy, now = watching(0.0, Settings(jitter=lambda: share)), 0.0
    while True:
        lasted = policy.watch_seconds(now)
        assert 1 <= lasted <= 600
        policy.opened(now)
        now += lasted
        if policy.ended(now).step is Step.LIST:
            break
    assert now == pytest.approx(seconds, abs=2)


def test_in_long_trouble_the_connection_is_read_again() -> None:
    policy, now, read = watching(), 0.0, []
    while now < 300:
        turn = policy.failed(Unreachable("x"), now)
        if turn.reconnect:
            read.append(now)
        now += turn.pause
    assert len(read) == pytest.approx(4, abs=1)
