from __future__ import annotations

import csv
import io
from datetime import date

from monitoring.inclusion.indicators import Area, Period
from monitoring.inclusion.publication import COLUMNS, as_csv, shown
from monitoring.inclusion.report import CouncilReport, Missing, Row

CONFIDENTIAL = Missing.CONFIDENTIAL


def report_with(*wards: Row) -> CouncilReport:
    total = Row(Area("E08000026", "Coventry"), 1234, Missing.NOT_AVAILABLE, 5000, 1250.5, 99.25)
    period = Period(date(2026, 11, 1), date(2026, 12, 1))
    return CouncilReport("E08000026", "Coventry", "Europe/London", period, 5, None, wards, (), total)


def lines_of(report: CouncilReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report))))


def test_there_is_one_header_line_and_one_line_for_each_row() -> None:
    lines = lines_of(report_with(Row(Area("E05000001", "Foleshill"), 10, 9, 8, 7.5, 6.25)))
    assert tuple(lines[0]) == COLUMNS
    assert [line["area_kind"] for line in lines] == ["ward", "council"]
    assert [lines[0][name] for name in COLUMNS[7:]] == ["10", "9", "8", "7.5", "6.25", ""]


def test_figures_are_plain_numbers_and_missing_ones_are_the_symbols_of_government_statistics() -> None:
    lines = lines_of(report_with(Row(Area("E05000001", "Foleshill"), 0, *[CONFIDENTIAL] * 4)))
    assert [lines[0][name] for name in ("registrations", "active_users", "sessions")] == ["0", "[c]", "[c]"]
    assert "fewer than 5 people" in lines[0]["notes"]
    assert (lines[1]["registrations"], lines[1]["active_users"]) == ("1234", "[x]")
    assert "no longer kept" in lines[1]["notes"]


def test_a_name_cannot_become_a_formula_in_a_spreadsheet() -> None:
    for name in ('=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", "\t=1"):
        lines = lines_of(report_with(Row(Area("E05000001", name), 0, 0, 0, 0.0, 0.0)))
        assert lines[0]["area_name"] == f"'{name}"


def test_for_people_thousands_are_separated() -> None:
    assert [shown(1234567), shown(1250.55, 1), shown(CONFIDENTIAL)] == ["1,234,567", "1,250.5", "[c]"]
