"""Whether a device may go on, for how long, and with how much data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authentication.outcome import RejectReason
from radius.policies.decision import Grant, decide, is_closed, used_up
from radius.policies.effective import EffectivePolicy
from radius.policies.opening import Opening
from radius.policies.usage import Usage
from tests.radius.support import NOW

LONDON = ZoneInfo("Europe/London")
DAYTIME = Opening.parse("08:00", "22:00")


def policy(**more: Any) -> EffectivePolicy:
    usual = {
        "session_seconds": 14_400,
        "idle_seconds": 900,
        "download_kilobits_per_second": 10_000,
        "upload_kilobits_per_second": 5_000,
    }
    return EffectivePolicy(**usual | more)


def test_without_other_limits_a_session_lasts_as_long_as_the_policy_says() -> None:
    assert decide(policy(), NOW, LONDON) == Grant(14_400)


@pytest.mark.parametrize(("left", "seconds"), [(90 * 86_400, 14_400), (1000, 1000), (5, 60), (-5, 60)])
def test_a_session_ends_when_the_right_ends_but_is_never_uselessly_short(left: int, seconds: int) -> None:
    assert decide(policy(), NOW, LONDON, good_until=NOW + timedelta(seconds=left)) == Grant(seconds)


def test_a_session_ends_when_the_place_closes() -> None:
    before_closing = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    assert decide(policy(opening=DAYTIME), before_closing, LONDON) == Grant(1800)


@pytest.mark.parametrize("second", [0, 1, 3600])
def test_outside_its_opening_times_nobody_gets_on(second: int) -> None:
    closed = datetime(2026, 11, 22, 22, tzinfo=UTC) + timedelta(seconds=second)
    assert decide(policy(opening=DAYTIME), closed, LONDON) is RejectReason.OUTSIDE_OPENING_TIMES


def test_the_last_fraction_of_a_second_is_not_granted_because_zero_would_be_no_limit() -> None:
    almost_closed = datetime(2026, 11, 22, 21, 59, 59, 500_000, tzinfo=UTC)
    assert decide(policy(opening=DAYTIME), almost_closed, LONDON) is RejectReason.OUTSIDE_OPENING_TIMES


def test_what_is_left_of_the_days_time_and_data_is_granted() -> None:
    limited = policy(daily_seconds=3600, daily_octets=2_000_000_000)
    granted = decide(limited, NOW, LONDON, usage=Usage(seconds=3000, octets=500_000_000))
    assert granted == Grant(600, 1_500_000_000)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (Usage(seconds=3600), RejectReason.DAILY_TIME_USED_UP),
        (Usage(seconds=9999), RejectReason.DAILY_TIME_USED_UP),
        (Usage(octets=1000), RejectReason.DAILY_DATA_USED_UP),
    ],
)
def test_whose_day_is_used_up_does_not_get_on(usage: Usage, reason: RejectReason) -> None:
    assert decide(policy(daily_seconds=3600, daily_octets=1000), NOW, LONDON, usage=usage) is reason


def test_one_device_more_than_may_be_does_not_get_on_but_one_that_is_on_does_again() -> None:
    usage = Usage(devices=frozenset({"a", "b"}))
    limited = policy(simultaneous_devices=2)
    assert decide(limited, NOW, LONDON, usage=usage, device="c") is RejectReason.TOO_MANY_DEVICES
    assert decide(limited, NOW, LONDON, usage=usage, device="a") == Grant(14_400)
    assert decide(policy(simultaneous_devices=3), NOW, LONDON, usage=usage, device="c") == Grant(14_400)


@given(
    st.integers(1, 86_400),
    st.none() | st.integers(1, 86_400),
    st.none() | st.integers(-1000, 86_400),
    st.none() | st.builds(Opening, st.integers(0, 1439), st.integers(0, 1439)),
    st.integers(0, 86_400),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis adds the zone
)
def test_a_grant_is_never_longer_than_any_limit_and_never_zero(
    session: int, daily: int | None, left: int | None, opening: Opening | None, used: int, now: datetime
) -> None:
    limited = policy(session_seconds=session, daily_seconds=daily, opening=opening)
    good_until = None if left is None else now + timedelta(seconds=left)
    granted = decide(limited, now, LONDON, good_until=good_until, usage=Usage(seconds=used))
    if isinstance(granted, RejectReason):
        assert opening is not None or (daily is not None and used >= daily)
        return
    assert 1 <= granted.session_seconds <= session
    assert daily is None or granted.session_seconds <= daily - used
    assert left is None or granted.session_seconds <= max(left, 60)
    if opening is not None:
        last_second = now + timedelta(seconds=granted.session_seconds - 1)
        assert not is_closed(limited, last_second, LONDON)


def test_a_place_is_closed_outside_its_opening_times_and_one_without_never() -> None:
    closed = datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert is_closed(policy(opening=DAYTIME), closed, LONDON)
    assert not is_closed(policy(opening=DAYTIME), closed - timedelta(seconds=1), LONDON)
    assert not is_closed(policy(), closed, LONDON)


def test_a_day_is_used_up_when_nothing_is_left_of_time_or_data() -> None:
    limited = policy(daily_seconds=3600, daily_octets=1000, simultaneous_devices=1)
    assert used_up(limited, Usage(seconds=3600)) is RejectReason.DAILY_TIME_USED_UP
    assert used_up(limited, Usage(octets=1000)) is RejectReason.DAILY_DATA_USED_UP
    assert used_up(limited, Usage(3599, 999, frozenset({"a", "b", "c"}))) is None
    assert used_up(policy(), Usage(10**6, 10**15)) is None
