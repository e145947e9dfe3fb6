"""How repeated samples become a row."""

from __future__ import annotations

import pytest

from bench.comparison import A_SECOND, MILLISECONDS_P99, Row, Sample, Wanted


def sample(value: float, *, p99: float | None = None, wrong: int = 0) -> Sample:
    return Sample(value, 100.0, 50.0, 120.0, p99, wrong)


def row(unit: str, ours: list[Sample], other: list[Sample], wanted: Wanted | None = None) -> Row:
    return Row.of("PAP", unit, ours, other, wanted or Wanted())


def test_a_row_has_medians_and_the_range_of_what_was_seen() -> None:
    found = row(A_SECOND, [sample(9_000), sample(8_000), sample(8_500)], [sample(2_000), sample(1_000), sample(1_700)])
    assert (found.ours, found.other, found.ratio) == (8_500, 1_700, 5)
    assert found.spread.ours == (8_000.0, 9_000.0)
    assert found.spread.other == (1_000.0, 2_000.0)


def test_of_times_less_is_better() -> None:
    assert row(MILLISECONDS_P99, [sample(10)], [sample(40)]).ratio == 4


def test_wrong_answers_of_all_repetitions_are_added() -> None:
    found = row(A_SECOND, [sample(1), sample(1)], [sample(1, wrong=2), sample(1, wrong=3)])
    assert (found.wrong.ours, found.wrong.other) == (0, 5)


def test_what_was_not_measured_is_none() -> None:
    found = row(A_SECOND, [sample(1, p99=3)], [sample(1)])
    assert (found.p99_milliseconds.ours, found.p99_milliseconds.other) == (3, None)


@pytest.mark.parametrize(
    ("wanted", "is_met"),
    [
        (Wanted(lowest_ratio=4), True),
        (Wanted(lowest_ratio=5), False),
        (Wanted(highest_ours=7_999), False),
        (Wanted(), True),
    ],
    ids=str,
)
def test_a_row_says_whether_it_reaches_what_is_wanted(wanted: Wanted, is_met: bool) -> None:
    assert row(A_SECOND, [sample(8_000)], [sample(2_000)], wanted).is_met is is_met


def test_a_saved_row_has_the_figures_by_name_and_can_be_read_again() -> None:
    found = row(A_SECOND, [sample(8_000, p99=4)], [sample(2_000, p99=40)])
    saved = found.as_json()
    assert saved["p99_milliseconds"] == {"ours": 4, "other": 40}
    assert {"name", "ours", "other", "ratio", "spread", "cpu_microseconds", "memory_megabytes"} < saved.keys()
    assert Row.from_json(saved) == found
