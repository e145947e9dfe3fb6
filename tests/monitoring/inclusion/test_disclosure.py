"""Disclosure control is attacked here as a curious reader would: by arithmetic, and by knowing the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.inclusion.disclosure import Cell, Withheld, determined_cells, joined, withhold

THRESHOLD = 5

# Places, each with its ward, its decile and a count of people.
places = st.lists(
    st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("123456"), st.integers(0, 12)), min_size=1, max_size=12
)
Places = list[tuple[str, str, int]]


def tables_of(found: Places) -> tuple[dict[str, int], dict[str, int]]:
    by_ward: dict[str, int] = {}
    by_decile: dict[str, int] = {}
    for ward, decile, count in found:
        by_ward[ward] = by_ward.get(ward, 0) + count
        by_decile[decile] = by_decile.get(decile, 0) + count
    return by_ward, by_decile


def links_of(found: Places) -> set[tuple[str, str]]:
    return {(ward, decile) for ward, decile, _ in found}


def decide(found: Places) -> tuple[dict[Cell, int], int, Withheld]:
    tables = tables_of(found)
    total = sum(tables[0].values())
    figures = {(number, code): value for number, table in enumerate(tables) for code, value in table.items()}
    return figures, total, withhold(tables, total, links_of(found), THRESHOLD)


@given(places)
def test_no_count_below_the_threshold_is_published_and_zero_is_never_withheld(found: Places) -> None:
    figures, total, withheld = decide(found)
    published = [value for cell, value in figures.items() if cell not in withheld.cells]
    assert not any(0 < value < THRESHOLD for value in published)
    assert all(figures[cell] > 0 for cell in withheld.cells)
    assert withheld.total or total == 0 or total >= THRESHOLD


@given(places)
def test_no_withheld_figure_stands_alone_in_its_table_beside_the_total(found: Places) -> None:
    _, _, withheld = decide(found)
    for number in (0, 1):
        alone = sum(cell[0] == number for cell in withheld.cells) == 1
        assert not alone or withheld.total


@given(places)
def test_no_withheld_figure_is_a_sum_or_difference_of_published_ones_in_both_tables(found: Places) -> None:
    figures, _, withheld = decide(found)
    if withheld.total:
        assert all(cell in withheld.cells or value == 0 for cell, value in figures.items())
        return
    # What is zero is known to be zero everywhere in it.
    living = [link for link in sorted(links_of(found)) if figures[0, link[0]] and figures[1, link[1]]]
    published = [row_of(cell, living) for cell, value in figures.items() if value and cell not in withheld.cells]
    published.append([Fraction(1)] * len(living))
    for cell in withheld.cells:
        assert not is_combination(row_of(cell, living), published)


@given(places)
def test_the_shortcut_finds_exactly_what_linear_algebra_finds(found: Places) -> None:
    links = [((0, ward), (1, decile)) for ward, decile in sorted(links_of(found))]
    cells = sorted({cell for link in links for cell in link})
    hidden = {cell for cell, (_, _, count) in zip(cells, found, strict=False) if count % 2}
    plain = [(link[0][1], link[1][1]) for link in links]
    published = [row_of(cell, plain) for cell in cells if cell not in hidden] + [[Fraction(1)] * len(plain)]
    expected = {cell for cell in hidden if is_combination(row_of(cell, plain), published)}
    assert {cell for cell, _ in determined_cells(hidden, joined(links))} == expected


@pytest.mark.parametrize(("rows", "largest"), [(2, 14), (3, 11), (4, 8)])
def test_who_knows_the_rules_and_tries_every_table_still_finds_two_values_for_each_withheld_figure(
    rows: int, largest: int
) -> None:
    candidates = defaultdict(list)
    for table in product(range(largest + 1), repeat=rows):
        candidates[published_table(table)].append(table)
    for seen, tables in candidates.items():
        for place, figure in enumerate(seen[1]):
            if figure is None:
                assert len({table[place] for table in tables}) > 1, (seen, tables)


def published_table(counts: Sequence[int]) -> tuple[int | None, tuple[int | None, ...]]:
    table = {str(number): count for number, count in enumerate(counts)}
    withheld = withhold((table, {}), sum(counts), (), THRESHOLD)
    figures = tuple(None if (0, code) in withheld.cells else value for code, value in table.items())
    return None if withheld.total else sum(counts), figures


@given(places)
def test_the_decision_does_not_depend_on_the_order_of_anything(found: Places) -> None:
    tables = tables_of(found)
    backwards = (dict(reversed(tables[0].items())), dict(reversed(tables[1].items())))
    total = sum(tables[0].values())
    links = sorted(links_of(found))
    assert withhold(tables, total, links, THRESHOLD) == withhold(backwards, total, links[::-1], THRESHOLD)


def test_one_small_count_takes_the_next_smallest_with_it() -> None:
    withheld = withhold(({"A": 3, "B": 40, "C": 25, "D": 0}, {}), 68, (), THRESHOLD)
    assert withheld == Withheld(frozenset({(0, "A"), (0, "C")}), total=False)


def test_all_that_equal_the_next_smallest_go_because_choosing_one_would_tell() -> None:
    withheld = withhold(({"A": 3, "B": 25, "C": 25, "D": 90}, {}), 143, (), THRESHOLD)
    assert withheld.cells == {(0, "A"), (0, "B"), (0, "C")}


def test_equal_small_counts_take_another_with_them_because_their_sum_would_tell() -> None:
    withheld = withhold(({"A": 4, "B": 4, "C": 30}, {}), 38, (), THRESHOLD)
    assert withheld.cells == {(0, "A"), (0, "B"), (0, "C")}


def test_the_only_library_of_a_ward_and_a_decile_is_not_given_away_by_the_other_table() -> None:
    by_ward, by_decile = {"A": 3, "B": 20, "C": 50}, {"1": 3, "2": 20, "3": 50}
    withheld = withhold((by_ward, by_decile), 73, {("A", "1"), ("B", "2"), ("C", "3")}, THRESHOLD)
    assert withheld.cells == {(0, "A"), (0, "B"), (1, "1"), (1, "2")}


def test_a_small_total_takes_everything_with_it() -> None:
    withheld = withhold(({"A": 1, "B": 2, "C": 0}, {"1": 3, "2": 0}), 3, (), THRESHOLD)
    assert withheld == Withheld(frozenset({(0, "A"), (0, "B"), (1, "1")}), total=True)


def test_a_threshold_that_would_protect_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="protects nobody"):
        withhold(({}, {}), 0, (), 2)


def row_of(cell: Cell, links: Collection[tuple[str, str]]) -> list[Fraction]:
    """Which places a figure is the sum of."""
    return [Fraction(link[cell[0]] == cell[1]) for link in links]


def is_combination(row: list[Fraction], others: list[list[Fraction]]) -> bool:
    return rank([*others, row]) == rank(others)


def rank(rows: list[list[Fraction]]) -> int:
    rows, found = [row[:] for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((row for row in rows[found:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(found, pivot)
        for index in range(found + 1, len(rows)):
            factor = rows[index][column] / pivot[column]
            rows[index] = [value - factor * other for value, other in zip(rows[index], pivot, strict=True)]
        found += 1
    return found
