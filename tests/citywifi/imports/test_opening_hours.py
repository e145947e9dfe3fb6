"""Opening hours of a day."""

from __future__ import annotations

import pytest

from citywifi.imports.opening_hours import span_minutes, spans_of_day
from citywifi.imports.values import ValueNotUsable


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("09:00-19:00", ["09:00-19:00"]),
        ("9.00 - 12.30 and 13:30–17:00", ["09:00-12:30", "13:30-17:00"]),
        ("09:00-12:00, 13:00-17:00", ["09:00-12:00", "13:00-17:00"]),
        ("10:00-00:00", ["10:00-00:00"]),
        ("10:00-24:00", ["10:00-00:00"]),
        ("00:00-00:00", ["00:00-00:00"]),
    ],
)
def test_spans_are_kept_in_one_form(text: str, spans: list[str]) -> None:
    assert spans_of_day(text) == spans


def test_closing_at_midnight_is_the_end_of_the_day() -> None:
    assert span_minutes("10:00-00:00") == (600, 1440)
    assert span_minutes("09:00-17:30") == (540, 1050)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("AM & PM (continuous)", "is not opening hours"),
        ("17:00-09:00", "closes before it opens"),
        ("09:00-25:00", "not on the clock"),
        ("09:60-10:00", "not on the clock"),
        ("09:00-13:00, 12:00-17:00", "overlap"),
    ],
)
def test_what_is_no_opening_hours_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueNotUsable, match=reason):
        spans_of_day(text)
