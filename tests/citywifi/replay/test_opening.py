"""Opening hours as published become moments in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from citywifi.replay.errors import ReplayError
from citywifi.replay.opening import open_periods, open_seconds

LONDON = ZoneInfo("Europe/London")
SUNDAY_HOURS = {"sunday": ["00:30-12:00"]}


def test_summer_hours_are_an_hour_earlier_in_utc() -> None:
    (winter,) = open_periods({"monday": ["09:00-17:00"]}, date(2026, 1, 5), LONDON)
    (summer,) = open_periods({"monday": ["09:00-17:00"]}, date(2026, 7, 6), LONDON)
    assert winter.opens_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert summer.opens_at == datetime(2026, 7, 6, 8, tzinfo=UTC)


def test_a_closing_time_of_midnight_is_the_end_of_the_day() -> None:
    # Seen in the publisher's file for Willenhall.
    (period,) = open_periods({"monday": ["10:00-00:00"]}, date(2026, 1, 5), LONDON)
    assert period.closes_at == datetime(2026, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 10.5), (date(2026, 10, 25), 12.5)])
def test_a_clock_change_takes_an_hour_or_gives_one(day: date, hours: float) -> None:
    assert open_seconds(SUNDAY_HOURS, day, LONDON) == hours * 3600


def test_a_day_without_hours_is_closed_and_one_with_two_periods_has_both() -> None:
    hours = {"tuesday": ["09:00-12:00", "13:00-17:00"]}
    assert open_periods(hours, date(2026, 1, 5), LONDON) == ()
    assert open_seconds(hours, date(2026, 1, 6), LONDON) == 7 * 3600


@pytest.mark.parametrize("text", ["9-17", "25:00-26:00", "17:00-09:00", "09:00-09:00", ""])
def test_hours_that_make_no_sense_are_an_error_that_shows_them(text: str) -> None:
    with pytest.raises(ReplayError, match="opening hours"):
        open_periods({"monday": [text]}, date(2026, 1, 5), LONDON)
