"""Until when a council must have answered: the law's periods in days, in the council's own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from captive_portal.information_rights.clock import (
    Pause,
    day_of,
    end_of,
    last_day_of_a_complaint,
    last_day_of_a_right,
    last_day_to_acknowledge,
    months_after,
    uncounted_days,
)

LONDON = "Europe/London"


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-09-03", "2026-10-03"),
        ("2026-03-31", "2026-04-30"),
        ("2027-01-30", "2027-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-12-15", "2027-01-15"),
    ],
)
def test_a_month_ends_on_the_same_day_of_the_next_or_on_its_last(received: str, last: str) -> None:
    assert last_day_of_a_right(at(received), (), LONDON) == date.fromisoformat(last)


def test_an_extension_gives_three_months_from_the_beginning() -> None:
    assert last_day_of_a_right(at("2026-11-30"), (), LONDON, is_extended=True) == date(2027, 2, 28)
    assert months_after(date(2026, 11, 30), 3) == date(2027, 2, 28)


def test_the_days_on_which_clarification_was_waited_for_do_not_count_first_and_last_included() -> None:
    pauses = (Pause(at("2026-11-10"), at("2026-11-15")),)
    assert uncounted_days(pauses, LONDON) == 6
    assert last_day_of_a_right(at("2026-11-03"), pauses, LONDON) == date(2026, 12, 9)


def test_a_day_of_two_pauses_is_left_out_once() -> None:
    pauses = (Pause(at("2026-11-10"), at("2026-11-12")), Pause(at("2026-11-12", 15), at("2026-11-13")))
    assert uncounted_days(pauses, LONDON) == 4


def test_a_pause_that_goes_on_gives_no_day_yet() -> None:
    assert uncounted_days((Pause(at("2026-11-10"), None),), LONDON) == 0


def test_thirty_days_begin_with_the_day_on_which_a_complaint_comes() -> None:
    assert last_day_to_acknowledge(at("2026-11-01"), LONDON) == date(2026, 11, 30)


def test_a_council_sets_itself_days_to_answer_a_complaint() -> None:
    assert last_day_of_a_complaint(at("2026-11-01"), 20, LONDON) == date(2026, 11, 21)


def test_days_are_those_of_the_council_in_summer_too() -> None:
    just_after_midnight = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert day_of(just_after_midnight, LONDON) == date(2026, 7, 2)
    assert last_day_of_a_right(just_after_midnight, (), LONDON) == date(2026, 8, 2)


def test_a_day_ends_at_midnight_of_the_council() -> None:
    assert end_of(date(2026, 7, 2), LONDON) == datetime(2026, 7, 2, 23, tzinfo=UTC)
    assert end_of(date(2026, 12, 2), LONDON) == datetime(2026, 12, 3, tzinfo=UTC)
