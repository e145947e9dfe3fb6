"""Small areas exist in two editions, census 2011 and 2021; what one knows, the other is given where that is exact.

An area that did not change has one code in both: its 2021 row takes the 2011 row's centre, ward and digital exclusion
risk. The parts of one that was split take its ward only. The other way round, a 2011 area that was split takes its
parts' deprivation, as their mean weighted by population: a venue in it cannot be said to be in either part, and so has
one honest estimate on the newest index. Its population stays empty, because its people are counted in the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.schema import small_area_changes, small_areas

# ONS change indicators: the 2011 area is the whole of, or lies wholly in, the 2021 area.
WHOLE = frozenset({"U", "M"})

_FROM_UNCHANGED = ("ward_id", "latitude", "longitude", "digital_exclusion_risk")
_FROM_SPLIT = ("ward_id",)
_FROM_PARTS = ("imd_year", "imd_decile", "imd_rank", "domain_deciles")


async def carry_over(connection: AsyncConnection, council_id: int) -> int:
    """Bring both editions in step; gives how many small areas were completed by the other edition."""
    areas = (
        (await connection.execute(select(small_areas).where(small_areas.c.council_id == council_id))).mappings().all()
    )
    changes = (
        await connection.execute(select(small_area_changes).where(small_area_changes.c.council_id == council_id))
    ).all()
    by_code = {(area["edition"], area["code"]): area for area in areas}
    parts: dict[str, list[RowMapping]] = {}
    updates = []
    for change in changes:
        old, new = by_code.get((2011, change.code_2011)), by_code.get((2021, change.code_2021))
        if old is None or new is None:
            continue
        if change.change not in WHOLE:
            parts.setdefault(change.code_2011, []).append(new)
        # A merged area has several predecessors, of which none is the whole of it.
        names = _FROM_UNCHANGED if change.change == "U" else _FROM_SPLIT
        updates.append(_completion(new, {name: old[name] for name in names if old[name] is not None}))
    updates += [_completion(by_code[2011, code], _mean(areas_2021)) for code, areas_2021 in parts.items()]
    needed = [row for row in updates if row is not None]
    for columns in {tuple(row) for row in needed}:
        statement = update(small_areas).where(small_areas.c.id == bindparam("row_id"))
        await connection.execute(statement, [row for row in needed if tuple(row) == columns])
    return len(needed)


def _completion(area: RowMapping, values: dict[str, Any]) -> dict[str, Any] | None:
    """The update that the row needs, or None if it has the values."""
    if all(area[name] == value for name, value in values.items()):
        return None
    return {"row_id": area["id"], **values}


def _mean(parts: Sequence[RowMapping]) -> dict[str, Any]:
    """Mean deprivation of the parts, or nothing while one of them has no figures."""
    if any(part["imd_decile"] is None or part["imd_rank"] is None for part in parts):
        return {}
    # Until the population is imported, every part counts the same.
    counted = all(part["population"] for part in parts)
    weights = [part["population"] if counted else 1 for part in parts]
    domains = [part["domain_deciles"] or {} for part in parts]
    shared = [name for name in domains[0] if all(name in domain for domain in domains)]
    return {
        "imd_year": parts[0]["imd_year"],
        "imd_decile": weighted_mean([part["imd_decile"] for part in parts], weights),
        "imd_rank": weighted_mean([part["imd_rank"] for part in parts], weights),
        "domain_deciles": {name: weighted_mean([domain[name] for domain in domains], weights) for name in shared},
    }


def weighted_mean(values: Sequence[int], weights: Sequence[int]) -> int:
    """The mean, rounded half up as people do, in whole numbers so that it is the same everywhere."""
    total = sum(weights)
    return (2 * sum(value * weight for value, weight in zip(values, weights, strict=True)) + total) // (2 * total)
