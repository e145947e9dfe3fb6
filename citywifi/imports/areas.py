"""`import areas`: the small-area profile of 2011, the lookup 2011 to 2021, or Code-Point postcodes, by heading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.imports.deprivation import DOMAINS_2019, deprivation_figures, imd_columns
from citywifi.imports.editions import carry_over
from citywifi.imports.errors import ImportFileError
from citywifi.imports.postcodes import CODE_POINT_COLUMNS, import_postcodes
from citywifi.imports.readers import Row, Table, read_table, require_columns, shown
from citywifi.imports.report import Outcome
from citywifi.imports.rows import RowElsewhere, RowNotUsable, cell, read_rows, rows_read
from citywifi.imports.store import ImportJob, Stored, record_import, store, transaction
from citywifi.imports.values import area_code, decimal_number, text_or_none
from foundation.schema import small_area_changes, small_areas, wards

EXPECTED = (
    "a small-area profile (lsoa11cd, wd13cd, IMD_decile …), the ONS lookup (LSOA11CD, LSOA21CD, CHGIND) "
    "or Code-Point postcodes (postcode, easting, northing, ward)"
)
_PROFILE_COLUMNS = ("lsoa11cd", "lsoa11nm", "lat", "lon", "wd13cd", "wd13nm", "deri_score_national")
_LOOKUP_COLUMNS = ("LSOA11CD", "LSOA11NM", "LSOA21CD", "LSOA21NM", "CHGIND", "LAD22CD")
_IMD_YEAR_OF_PROFILE = 2019
_CHANGES = ("U", "S", "M", "X")


async def import_areas(job: ImportJob, file: Path) -> Outcome:
    """Import whichever of the three files it is. Raises ImportFileError."""
    table = read_table(file, EXPECTED)
    if "lsoa11cd" in table.columns:
        return await _import_profile(job, table)
    if "CHGIND" in table.columns:
        return await _import_lookup(job, table)
    if "easting" in table.columns and "postcode" in table.columns:
        require_columns(table, CODE_POINT_COLUMNS, EXPECTED)
        return await import_postcodes(job, table)
    raise ImportFileError(
        f"{file.name} has none of the headings known; expected {EXPECTED}, found {shown(table.columns)}"
    )


async def _import_profile(job: ImportJob, table: Table) -> Outcome:
    require_columns(table, (*_PROFILE_COLUMNS, *imd_columns(DOMAINS_2019)), EXPECTED)
    reading = read_rows(table, ("code",), _profile_record, job.progress)
    async with transaction(job) as connection:
        ward_ids = await _store_wards(connection, job, reading.records)
        newer = await _codes_with_newer_index(connection, job)
        kept, left = [], []
        for record in reading.records:
            area = {name: value for name, value in record.items() if name not in ("ward_code", "ward_name")}
            area["ward_id"] = ward_ids[record["ward_code"]]
            if area["code"] in newer:
                left.append({name: value for name, value in area.items() if name not in _INDEX_COLUMNS})
            else:
                kept.append(area)
        stored = await _store_areas(connection, job, kept) + await _store_areas(connection, job, left)
        await carry_over(connection, job.council.id)
        outcome = reading.outcome("small areas of 2011", rows_read(table), stored)
        if newer:
            outcome = outcome.with_notices(
                f"{len(newer)} of the areas were split since and keep the newer deprivation of their parts."
            )
        await record_import(connection, job, "areas", table.name, outcome)
    return outcome


_INDEX_COLUMNS = frozenset({"imd_year", "imd_decile", "imd_rank", "domain_deciles"})


def _profile_record(row: Row) -> dict[str, Any]:
    return {
        "code": cell(row, "lsoa11cd", area_code),
        "edition": 2011,
        "name": _name(row, "lsoa11nm"),
        "latitude": cell(row, "lat", lambda value: decimal_number(value, lowest=-90, highest=90)),
        "longitude": cell(row, "lon", lambda value: decimal_number(value, lowest=-180, highest=180)),
        "digital_exclusion_risk": cell(
            row, "deri_score_national", lambda value: round(decimal_number(value, lowest=0, highest=10), 6)
        ),
        **deprivation_figures(row, _IMD_YEAR_OF_PROFILE, DOMAINS_2019),
        "ward_code": cell(row, "wd13cd", area_code),
        "ward_name": _name(row, "wd13nm"),
    }


async def _import_lookup(job: ImportJob, table: Table) -> Outcome:
    require_columns(table, _LOOKUP_COLUMNS, EXPECTED)
    reading = read_rows(
        table, ("code_2011", "code_2021"), lambda row: _lookup_record(row, job.council.code), job.progress
    )
    changes = [{name: record[name] for name in ("code_2011", "code_2021", "change")} for record in reading.records]
    names = {record["code_2021"]: record["name"] for record in reading.records}
    areas = [{"code": code, "edition": 2021, "name": name} for code, name in names.items()]
    async with transaction(job) as connection:
        await _store_areas(connection, job, areas)
        stored = await store(
            connection,
            small_area_changes,
            ("code_2011", "code_2021"),
            changes,
            among=small_area_changes.c.council_id == job.council.id,
            on_insert={"council_id": job.council.id},
            progress=job.progress,
        )
        await carry_over(connection, job.council.id)
        outcome = reading.outcome("small areas from 2011 to 2021", rows_read(table), stored)
        await record_import(connection, job, "areas", table.name, outcome)
    return outcome


def _lookup_record(row: Row, council_code: str) -> dict[str, Any]:
    if cell(row, "LAD22CD", area_code) != council_code:
        raise RowElsewhere
    change = row.values["CHGIND"].strip().upper()
    if change not in _CHANGES:
        raise RowNotUsable("CHGIND", row.values["CHGIND"], "is not one of U, S, M and X")
    return {
        "code_2011": cell(row, "LSOA11CD", area_code),
        "code_2021": cell(row, "LSOA21CD", area_code),
        "change": change,
        "name": _name(row, "LSOA21NM"),
    }


def _name(row: Row, column: str) -> str:
    name = text_or_none(row.values[column])
    if name is None:
        raise RowNotUsable(column, row.values[column], "is empty")
    return name[:200]


async def _store_areas(connection: AsyncConnection, job: ImportJob, records: list[dict[str, Any]]) -> Stored:
    return await store(
        connection,
        small_areas,
        ("edition", "code"),
        records,
        among=small_areas.c.council_id == job.council.id,
        on_insert={"council_id": job.council.id},
        progress=job.progress,
    )


async def _store_wards(connection: AsyncConnection, job: ImportJob, records: list[dict[str, Any]]) -> dict[str, int]:
    """The wards that the areas name, and their row numbers by code."""
    names = {record["ward_code"]: record["ward_name"] for record in records}
    await store(
        connection,
        wards,
        ("code",),
        [{"code": code, "name": name} for code, name in names.items()],
        among=wards.c.council_id == job.council.id,
        on_insert={"council_id": job.council.id},
    )
    rows = await connection.execute(select(wards.c.code, wards.c.id).where(wards.c.council_id == job.council.id))
    return {row.code: row.id for row in rows}


async def _codes_with_newer_index(connection: AsyncConnection, job: ImportJob) -> frozenset[str]:
    """Areas of 2011 that already carry a newer index (see editions)."""
    newer = select(small_areas.c.code).where(
        small_areas.c.council_id == job.council.id,
        small_areas.c.edition == 2011,
        small_areas.c.imd_year > _IMD_YEAR_OF_PROFILE,
    )
    return frozenset((await connection.execute(newer)).scalars())
