"""Months of published session counts, and what is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citywifi.imports.errors import ImportFileError
from citywifi.imports.usage_counts import MonthlyCounts, read_monthly_counts
from tests.citywifi.imports.conftest import WriteFile

CITY = "E08000026"

Read = Callable[..., MonthlyCounts]


@pytest.fixture
def read(write: WriteFile) -> Read:
    def read_periods(*periods: tuple[str, object], heading: str = "Authority,Period,Count") -> MonthlyCounts:
        lines = [heading, "E08000001,2023-04-01/P1M,18282", *(f"{CITY},{period},{count}" for period, count in periods)]
        return read_monthly_counts(write("usage.csv", "\r\n".join(lines)), CITY)

    return read_periods


def months(*counts: int, first: int = 4) -> list[tuple[str, object]]:
    return [
        (f"{2023 + (first + n - 1) // 12}-{(first + n - 1) % 12 + 1:02}-01/P1M", count)
        for n, count in enumerate(counts)
    ]


def test_months_are_taken_as_they_are(read: Read) -> None:
    assert read(*months(32075, 38246)) == MonthlyCounts({"2023-04": 32075, "2023-05": 38246}, (), ())


def test_the_column_may_have_its_earlier_name(read: Read) -> None:
    assert read(*months(5, 7), heading="Authority,Period,Sessions").by_month == {"2023-04": 5, "2023-05": 7}


def test_a_month_that_is_missing_is_missing_and_not_zero(read: Read) -> None:
    found = read(*months(5, 7), *months(0, first=8))
    assert found.by_month == {"2023-04": 5, "2023-05": 7, "2023-08": 0}
    assert found.missing == ("2023-06", "2023-07")


@pytest.mark.parametrize(("period", "length"), [("2023-04-01/P3M", 3), ("2023-04-01/P1Y", 12)])
def test_quarters_and_years_are_refused(read: Read, period: str, length: int) -> None:
    found = read((period, 6739))
    assert found.by_month == {}
    assert [problem.reason for problem in found.refused] == [
        f"is a figure of {length} months, which is no month's count"
    ]


def test_a_year_spread_evenly_is_refused(read: Read) -> None:
    for counts in ([9034] * 12, [9034, 9035] * 6):
        found = read(*months(*counts))
        assert (found.by_month, len(found.refused)) == ({}, 12)
        assert "a year's, spread evenly" in found.refused[0].reason


def test_quarters_spread_evenly_are_refused(read: Read) -> None:
    found = read(*months(100, 100, 100, 250, 250, 250))
    assert found.by_month == {}
    assert "a quarter's, spread evenly" in found.refused[0].reason


def test_three_equal_months_in_a_year_that_moves_are_a_coincidence(read: Read) -> None:
    assert len(read(*months(100, 100, 100, 250, 251, 260)).by_month) == 6


def test_quarters_filed_under_their_last_month_are_refused(read: Read) -> None:
    quarters = [(f"2023-{month:02}-01/P1M", 6000 + month) for month in (6, 9, 12)]
    for periods in (quarters, quarters[:1]):
        found = read(*periods)
        assert found.by_month == {}
        assert "no neighbouring month is filed" in found.refused[0].reason


def test_what_cannot_be_read_is_told(read: Read) -> None:
    found = read(*months(5, 7), ("2023-06", 1), ("2023-13-01/P1M", 1), ("2023-07-01/P1M", "-3"), *months(6))
    assert len(found.by_month) == 2
    assert [problem.reason for problem in found.refused] == [
        "is not a period such as 2023-04-01/P1M",
        "is not a period such as 2023-04-01/P1M",
        "is not 0 or more",
        "line 3 has the same month",
    ]


def test_an_authority_that_filed_nothing_has_nothing(read: Read) -> None:
    assert read() == MonthlyCounts({}, (), ())


def test_another_file_is_refused(write: WriteFile) -> None:
    with pytest.raises(ImportFileError, match="expected session counts by authority and period"):
        read_monthly_counts(write("usage.csv", "Authority,Period\nE08000026,2023\n"), CITY)


@pytest.mark.shared_data
@pytest.mark.parametrize("edition", ["library_wifi_sessions.csv", "library_wifi_sessions_earlier_edition.csv"])
def test_coventrys_real_year_is_read_and_the_tricky_authorities_are_refused(
    shared_data: Path | None, edition: str
) -> None:
    if shared_data is None:
        return
    file = shared_data / "usage" / edition
    city = read_monthly_counts(file, CITY)
    assert (len(city.by_month), city.missing, city.refused) == (12, (), ())
    assert sum(city.by_month.values()) == 454_245
    for authority in ("E08000023", "E09000024", "E10000029", "E08000031"):
        assert read_monthly_counts(file, authority).by_month == {}
