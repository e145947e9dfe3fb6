"""Disclosure control: which figures are withheld so that no small count of people can be read or worked out.

One measure at a time, in two tables (by ward, by decile) that share a published total. Zero is shown: it is about
nobody. The rules, for whoever publishes and for whoever attacks:

1. A count above zero and below the threshold is withheld (primary).
2. What is withheld in a table must be at least two figures that are not all equal; else the smallest published figure
   that is not zero is withheld too, with all equal to it (secondary). Exchanging withheld figures of a table with each
   other gives another table that looks the same from outside, so no figure can be told from the total and the rest,
   not even by who knows these rules.
3. A place can be the only one of its ward and of its decile. No withheld figure may follow from both tables together;
   else rule 2's remedy is applied once more.
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
    living_links = [
        ((0, ward), (1, decile)) for ward, decile in links if figures.get((0, ward)) and figures.get((1, decile))
    ]
    while (number := _unsafe_table(figures, hidden, living_links)) is not None:
        more = _smallest_published(figures, hidden, number)
        if not more:
            return _everything(tables)
        hidden |= more
    return Withheld(frozenset(hidden), total=False)


def _everything(tables: Tables) -> Withheld:
    cells = {(number, code) for number, table in enumerate(tables) for code, value in table.items() if value}
    return Withheld(frozenset(cells), total=True)


def _unsafe_table(
    figures: Mapping[Cell, int], hidden: Collection[Cell], links: Sequence[tuple[Cell, Cell]]
) -> int | None:
    """A table in which more must be withheld, if there is one."""
    for number in (0, 1):
        values = [figures[cell] for cell in hidden if cell[0] == number]
        if values and (len(values) == 1 or len(set(values)) == 1):
            return number
    determined = next(iter(determined_cells(hidden, links)), None)
    return None if determined is None else determined[0]


def _smallest_published(figures: Mapping[Cell, int], hidden: Collection[Cell], number: int) -> set[Cell]:
    published = {cell: value for cell, value in figures.items() if cell[0] == number and value and cell not in hidden}
    smallest = min(published.values(), default=0)
    return {cell for cell, value in published.items() if value == smallest}


def determined_cells(hidden: Collection[Cell], links: Sequence[tuple[Cell, Cell]]) -> Iterator[Cell]:
    """The withheld cells that are a sum and difference of published ones and the total.

    Wards and deciles that have a place in common are joined; in each group of joined ones the wards' figures add up
    to the deciles'. A withheld ward follows if it is its group's only withheld figure, or if it is its group's only
    withheld ward and every other group, whose figures can then be taken off the total, has no more than one kind of
    figure withheld. For deciles the same.
    """
    groups = _groups(links)
    kinds = [{cell[0] for cell in group if cell in hidden} for group in groups]
    for index, group in enumerate(groups):
        withheld_here = [cell for cell in group if cell in hidden]
        others_can_be_taken_off = all(len(kind) < 2 for other, kind in enumerate(kinds) if other != index)
        for cell in withheld_here:
            alone_of_its_kind = sum(other[0] == cell[0] for other in withheld_here) == 1
            if alone_of_its_kind and (len(withheld_here) == 1 or others_can_be_taken_off):
                yield cell


def _groups(links: Sequence[tuple[Cell, Cell]]) -> list[set[Cell]]:
    """Cells that are joined by links, directly or through others."""
    groups: list[set[Cell]] = []
    for link in links:
        joined = [group for group in groups if group & set(link)]
        groups = [group for group in groups if group not in joined]
        groups.append(set(link).union(*joined))
    return groups
