"""The table in the documentation is the one that was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench import report
from bench.chart import specification
from bench.comparison import A_SECOND, MICROSECONDS_A_LOGIN, Row, Sample, Wanted


def row(name: str, unit: str = A_SECOND, ours: float = 3_000, other: float = 1_000, wrong: int = 0) -> Row:
    samples = [Sample(ours, 100.0, 50.0, 120.0, 4.0)], [Sample(other, 250.0, 500.0, 80.0, 40.0, wrong)]
    return Row.of(name, unit, *samples, Wanted(4))


def test_a_line_of_the_table_shows_both_sides_and_whether_it_is_enough() -> None:
    line = report.markdown([row("PAP")]).splitlines()[-1]
    assert line == "| PAP | a second | 3,000 | 1,000 | 3 | ≥ 4 times: no | 4 / 40 | 100 / 250 | 50 / 500 | 120 / 80 |"


def test_wrong_answers_are_not_hidden() -> None:
    assert "1,000 (65 wrong)" in report.markdown([row("SQLite: PAP", wrong=65)])


def test_returning_power_is_computed_from_the_rows() -> None:
    rows = [
        row("MAC authentication"),
        row("accounting, 256 outstanding, two workers", ours=6_000, other=2_000),
        row("EAP-TTLS/PAP, full handshake", MICROSECONDS_A_LOGIN, ours=1_000, other=1_000),
    ]
    (said,) = report.recovery(rows)
    assert "for 15 seconds with CityWiFi and for 45 seconds with FreeRADIUS" in said
    assert report.recovery(rows[:2]) == []


def test_saved_rows_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "results" / "radius.json"
    report.save([row("PAP")], file)
    assert report.markdown(report.load(file)) == report.markdown([row("PAP")])


def test_the_picture_shows_requests_a_second_beside_freeradius_only() -> None:
    beside_us = replace(row("MAC authentication"), other_is="ours with 10,000")
    drawn = specification([row("PAP"), row("PEAP", MICROSECONDS_A_LOGIN), beside_us])
    assert [bar["what"] for bar in drawn["data"]["values"]] == ["PAP", "PAP"]


def test_the_table_in_the_documentation_is_the_saved_one() -> None:
    assert report.markdown(report.load(report.RESULTS)) in report.PAGE.read_text()
