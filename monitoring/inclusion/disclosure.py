"""Disclosure control: which figures are withheld so that no small count of people can be read or worked out.

One measure at a time, in two tables (by ward, by decile) that share a published total. Zero is shown: it is about
nobody. The rules, for whoever publishes and for whoever attacks:

1. A count above zero and below the threshold is withheld (primary).
2. What is withheld in a table must be at least two figures that are not all equal; else the smallest published figure
   that is not zero is withheld too, with all equal to it (secondary). Exchanging withheld figures of a table with each
   other gives another table that looks the same from outside, so no figure can be told from the total and the rest,
   not even by who knows these rules.
3. A place can be the only one of its ward and of its decile, so that both tables tell of it. No withheld figure may
   follow by adding and subtracting from both tables together; else the smallest published figure beside it goes too.
4. If there is nothing left to withhold in a table, the total is withheld, and with it everything but zeros.

The threshold must be 3 or more: with 2, a withheld count would always be 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SMALLEST_THRESHOLD: Final = 3

# A figure's place: 0 for wards and 1 for deciles, then the row's code.
Cell = tuple[int, str]
Tables = tuple[Mapping[str, int], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Which figures are not published."""

    cells: frozenset[Cell]
    total: bool


def withhold(
    tables: Tables,
    total: int,
    links: Collection[tuple[str, str]],
    threshold: int,
    *,
    besides: Collection[Cell] = (),
    total_besides: bool = False,
) -> Withheld:
    """Decide for one measure.

    ``tables`` gives the figures by row code, wards and then deciles; each adds up to the total (distinct people may
    add up to more). ``links`` names the pairs of ward and decile that have a place in common. ``besides`` are cells to
    withhold for another reason. Raises ValueError for a threshold below 3.
    """
    if threshold < SMALLEST_THRESHOLD:
        raise ValueError(f"the threshold is {threshold}; below {SMALLEST_THRESHOLD} it protects nobody")
    if total_besides or 0 < total < threshold:
        return _everything(tables)
    figures = {(number, code): value for number, table in enumerate(tables) for code, value in table.items()}
    hidden = {cell for cell, value in figures.items() if 0 < value < threshold}
    hidden |= {cell for cell in besides if figures[cell] > 0}
    # Sorted, because the same figures must always have the same ones withheld: two versions could be combined.
    living_links = [
        ((0, ward), (1, decile))
        for ward, decile in sorted(links)
        if figures.get((0, ward)) and figures.get((1, decile))
    ]
    groups = joined(living_links)
    while (candidates := _candidates(figures, hidden, groups)) is not None:
        more = _smallest(figures, candidates)
        if not more:
            return _everything(tables)
        hidden |= more
    return Withheld(frozenset(hidden), total=False)


def _everything(tables: Tables) -> Withheld:
    cells = {(number, code) for number, table in enumerate(tables) for code, value in table.items() if value}
    return Withheld(frozenset(cells), total=True)


def _candidates(
    figures: Mapping[Cell, int], hidden: Collection[Cell], groups: Sequence[Collection[Cell]]
) -> set[Cell] | None:
    """Published figures of which the smallest must be withheld too; None if all is well."""
    published = {cell for cell, value in figures.items() if value and cell not in hidden}
    for number in (0, 1):
        values = [figures[cell] for cell in hidden if cell[0] == number]
        if values and (len(values) == 1 or len(set(values)) == 1):
            return {cell for cell in published if cell[0] == number}
    for cell, group in determined_cells(hidden, groups):
        # Nothing outside its group can hide a figure that its group alone gives away.
        return published.intersection(group) or {other for other in published if other[0] == cell[0]}
    return None


def _smallest(figures: Mapping[Cell, int], candidates: Collection[Cell]) -> set[Cell]:
    smallest = min((figures[cell] for cell in candidates), default=0)
    return {cell for cell in candidates if figures[cell] == smallest}


def determined_cells(
    hidden: Collection[Cell], groups: Sequence[Collection[Cell]]
) -> Iterator[tuple[Cell, Collection[Cell]]]:
    """The withheld cells that are a sum and difference of published ones and the total, each with its group.

    A group holds wards and deciles that places join, so its wards' figures add up to its deciles'. A withheld ward
    follows if it is its group's only withheld figure, or if it is its group's only withheld ward and every other group
    can be taken off the total, because it has withheld figures in one table at most. For deciles the same.
    """
    tables = [{cell[0] for cell in group if cell in hidden} for group in groups]
    for index, group in enumerate(groups):
        withheld_here = [cell for cell in group if cell in hidden]
        others_can_be_taken_off = all(len(table) < 2 for other, table in enumerate(tables) if other != index)
        for cell in sorted(withheld_here):
            alone_in_its_table = sum(other[0] == cell[0] for other in withheld_here) == 1
            if alone_in_its_table and (len(withheld_here) == 1 or others_can_be_taken_off):
                yield cell, group


def joined(links: Sequence[tuple[Cell, Cell]]) -> list[set[Cell]]:
    """Groups of cells that are joined by links, directly or through others."""
    groups: list[set[Cell]] = []
    for link in links:
        touched = [group for group in groups if group & set(link)]
        groups = [group for group in groups if group not in touched]
        groups.append(set(link).union(*touched))
    return groups
