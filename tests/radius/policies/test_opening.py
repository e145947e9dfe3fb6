"""When a place is open, by its council's clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.policies.opening import Opening, day_start, open_until

LONDON = ZoneInfo("Europe/London")
DAYTIME = Opening.parse("08:00", "22:00")
EVENING = Opening.parse("18:00", "02:00")
TIMES = st.integers(0, 1439)


def utc(month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("opening", "now", "closes"),
    [
        # Winter: the clocks show UTC.
        (DAYTIME, utc(11, 22, 7, 59, 59), None),
        (DAYTIME, utc(11, 22, 8), utc(11, 22, 22)),
        (DAYTIME, utc(11, 22, 21, 59, 59), utc(11, 22, 22)),
        (DAYTIME, utc(11, 22, 22), None),
        # Summer: they are an hour ahead.
        (DAYTIME, utc(7, 1, 7), utc(7, 1, 21)),
        (DAYTIME, utc(7, 1, 6, 59), None),
        (DAYTIME, utc(7, 1, 21), None),
        # Over midnight: before and after it, and closed in between.
        (EVENING, utc(11, 22, 18), utc(11, 23, 2)),
        (EVENING, utc(11, 23, 1, 59), utc(11, 23, 2)),
        (EVENING, utc(11, 23, 2), None),
        (EVENING, utc(11, 23, 12), None),
        # To midnight.
        (Opening.parse("08:00", "24:00"), utc(11, 22, 23, 59), utc(11, 23, 0)),
    ],
)
def test_it_is_open_from_the_first_to_before_the_last_minute(
    opening: Opening, now: datetime, closes: datetime | None
) -> None:
    assert open_until(opening, now, LONDON) == closes


def test_a_night_in_which_the_clocks_go_forward_is_an_hour_shorter() -> None:
    """29 March 2026: 00:59 GMT is followed by 02:00 BST."""
    night = Opening.parse("22:00", "06:00")
    assert open_until(night, utc(3, 28, 22), LONDON) == utc(3, 29, 5)


def test_a_night_in_which_the_clocks_go_back_is_an_hour_longer() -> None:
    """25 October 2026: 01:59 BST is followed by 01:00 GMT."""
    night = Opening.parse("22:00", "06:00")
    assert open_until(night, utc(10, 24, 21), LONDON) == utc(10, 25, 6)


def test_a_closing_time_that_comes_twice_is_the_first_and_one_that_never_comes_is_later() -> None:
    late = Opening.parse("18:00", "01:30")
    assert open_until(late, utc(10, 24, 20), LONDON) == utc(10, 25, 0, 30)
    # 01:30 GMT, which the clocks then call 02:30.
    assert open_until(late, utc(3, 28, 20), LONDON) == utc(3, 29, 1, 30)
    assert open_until(late, utc(10, 25, 1, 15), LONDON) is None


def test_the_day_begins_at_midnight_of_the_councils_clocks() -> None:
    assert day_start(utc(7, 1, 22, 59), LONDON) == utc(6, 30, 23)
    assert day_start(utc(7, 1, 23), LONDON) == utc(7, 1, 23)
    assert day_start(utc(11, 22, 12), LONDON) == utc(11, 22, 0)


@given(TIMES, TIMES, st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  hypothesis adds the zone
def test_while_it_is_open_it_stays_open_until_it_closes(opens_at: int, closes_at: int, now: datetime) -> None:
    opening = Opening(opens_at, closes_at)
    closes = open_until(opening, now, LONDON)
    if closes is None:
        return
    assert now < closes <= now + timedelta(hours=26)
    assert open_until(opening, now + (closes - now) / 2, LONDON) == closes


@given(TIMES, TIMES, st.integers(0, 86_399))
def test_where_clocks_do_not_change_it_is_open_exactly_when_the_clock_is_in_the_window(
    opens_at: int, closes_at: int, second: int
) -> None:
    now = utc(1, 1, 0) + timedelta(seconds=second)
    minute = second / 60
    same_day, over_midnight = opens_at <= minute < closes_at, minute >= opens_at or minute < closes_at
    expected = same_day if opens_at < closes_at else over_midnight
    assert (open_until(Opening(opens_at, closes_at), now, UTC) is not None) == expected


@pytest.mark.parametrize("text", ["8", "8:0", "25:00", "12:60", "24:01", "noon", "", "-1:00", "²:00", "08:00 "])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a time of day"):
        Opening.parse(text, "22:00")


def test_a_window_is_written_as_it_is_read() -> None:
    assert str(DAYTIME) == "08:00-22:00"
    assert Opening.parse("00:00", "24:00").is_always
    assert not DAYTIME.is_always
