from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from foundation.venue_health import Condition, Opening, condition_of, opening_at

LONDON = ZoneInfo("Europe/London")
HALF_AN_HOUR = timedelta(minutes=30)
HOURS = {"monday": ["09:00-13:00", "14:00-17:00"], "friday": ["20:00-02:00"], "sunday": ["00:00-00:00"]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("moment", "since"),
    [
        ("2026-11-23 09:00", "2026-11-23 09:00"),
        ("2026-11-23 16:59", "2026-11-23 14:00"),
        # Open past midnight, and open all day.
        ("2026-11-21 01:30", "2026-11-20 20:00"),
        ("2026-11-22 23:59", "2026-11-22 00:00"),
        # Summer time: 09:10 in London is 08:10 UTC.
        ("2026-07-06 09:10", "2026-07-06 09:00"),
    ],
)
def test_a_venue_is_open_from_its_opening_time(moment: str, since: str) -> None:
    assert opening_at(HOURS, LONDON, at(moment).astimezone(UTC)) == Opening(True, at(since))


@pytest.mark.parametrize("moment", ["2026-11-23 13:30", "2026-11-23 17:00", "2026-11-24 10:00", "2026-11-21 02:00"])
def test_a_venue_is_closed_outside_its_hours(moment: str) -> None:
    assert opening_at(HOURS, LONDON, at(moment)) == Opening(False, None)


def test_a_venue_whose_hours_are_not_known_counts_as_open() -> None:
    assert opening_at(None, LONDON, at("2026-11-23 03:00")) == Opening(True, None)


def test_hours_that_make_no_sense_never_open_and_never_raise() -> None:
    assert not opening_at({"monday": ["nine to five", "25:00-26:00"]}, LONDON, at("2026-11-23 12:00")).is_open


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPEN = Opening(True, NOW - timedelta(hours=3))


def test_an_access_point_of_which_no_packet_ever_came_was_never_heard() -> None:
    assert condition_of(None, OPEN, HALF_AN_HOUR, NOW) is Condition.NEVER_HEARD


def test_one_that_was_heard_a_short_while_ago_is_heard_even_when_closed() -> None:
    assert condition_of(NOW - timedelta(minutes=29), Opening(False, None), HALF_AN_HOUR, NOW) is Condition.HEARD


def test_silence_while_open_is_an_alarm() -> None:
    assert condition_of(NOW - timedelta(hours=1), OPEN, HALF_AN_HOUR, NOW) is Condition.SILENT


def test_silence_while_closed_is_not() -> None:
    assert condition_of(NOW - timedelta(hours=9), Opening(False, None), HALF_AN_HOUR, NOW) is Condition.QUIET


def test_a_night_of_silence_is_not_an_alarm_the_minute_the_doors_open() -> None:
    just_opened = Opening(True, NOW - timedelta(minutes=1))
    assert condition_of(NOW - timedelta(hours=15), just_opened, HALF_AN_HOUR, NOW) is Condition.QUIET
