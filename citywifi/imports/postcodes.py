"""Code-Point Open: where each postcode is, and in which ward (Ordnance Survey, easting and northing in OSGB36)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.imports.geography import grid_to_wgs84
from citywifi.imports.readers import Row, Table
from citywifi.imports.report import Outcome
from citywifi.imports.rows import RowElsewhere, RowNotUsable, cell, read_rows, rows_read
from citywifi.imports.store import ImportJob, record_import, store, transaction
from citywifi.imports.values import area_code, decimal_number, uk_postcode, whole_number
from foundation.schema import postcodes, wards

CODE_POINT_COLUMNS = ("postcode", "quality", "easting", "northing", "district", "ward")
# Positional quality indicators of Code-Point Open: 10 is best, 60 is a postcode sector's mean, 90 is none at all.
_NO_POSITION = 90
# The British National Grid's extent in metres.
_EAST = 700_000
_NORTH = 1_300_000


async def import_postcodes(job: ImportJob, table: Table) -> Outcome:
    """Take the council's postcodes; wards are named by code and have to be there to be linked."""
    reading = read_rows(table, ("postcode",), lambda row: _record(row, job.council.code), job.progress)
    async with transaction(job) as connection:
        ward_ids = await _wards_by_code(connection, job.council.id)
        unknown = sorted({record["ward_code"] for record in reading.records} - set(ward_ids))
        records = [
            {
                "postcode": record["postcode"],
                "latitude": record["latitude"],
                "longitude": record["longitude"],
                "ward_id": ward_ids.get(record["ward_code"]),
            }
            for record in reading.records
        ]
        stored = await store(
            connection,
            postcodes,
            ("postcode",),
            records,
            among=postcodes.c.council_id == job.council.id,
            on_insert={"council_id": job.council.id},
            progress=job.progress,
        )
        outcome = reading.outcome("postcodes", rows_read(table), stored)
        if unknown:
            outcome = outcome.with_notices(
                f"{len(unknown)} wards are not known yet ({', '.join(unknown[:3])} …): import the small-area profile "
                "or the ward boundaries, then this file again, so that postcodes have their ward"
            )
        await record_import(connection, job, "areas", table.name, outcome)
    return outcome


def _record(row: Row, council_code: str) -> dict[str, Any]:
    if cell(row, "district", area_code) != council_code:
        raise RowElsewhere
    postcode = cell(row, "postcode", uk_postcode)
    quality = cell(row, "quality", whole_number)
    easting = cell(row, "easting", lambda value: decimal_number(value, lowest=0, highest=_EAST))
    northing = cell(row, "northing", lambda value: decimal_number(value, lowest=0, highest=_NORTH))
    if quality >= _NO_POSITION:
        raise RowNotUsable("quality", row.values["quality"], "says that the postcode has no position")
    if easting == 0 and northing == 0:
        raise RowNotUsable("easting, northing", "0, 0", "is the grid's origin, which stands for no position")
    latitude, longitude = grid_to_wgs84(easting, northing)
    return {
        "postcode": postcode,
        "latitude": latitude,
        "longitude": longitude,
        "ward_code": cell(row, "ward", area_code),
    }


async def _wards_by_code(connection: AsyncConnection, council_id: int) -> dict[str, int]:
    rows = await connection.execute(select(wards.c.code, wards.c.id).where(wards.c.council_id == council_id))
    return {row.code: row.id for row in rows}
