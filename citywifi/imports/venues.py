"""`import venues`: a register of places with WiFi, each put into its ward and small area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from citywifi.imports.errors import MappingError
from citywifi.imports.placing import Gazetteer, load_gazetteer
from citywifi.imports.positions import middle_of, near
from citywifi.imports.readers import Table, read_table
from citywifi.imports.registers import RegisterMapping, choose_mapping
from citywifi.imports.report import Outcome, Problems, Progress, watched
from citywifi.imports.rows import Reading, RowNotUsable, rows_read
from citywifi.imports.store import ImportJob, record_import, store, transaction
from citywifi.imports.venue_rows import VenueRow, read_venue
from foundation.schema import venues

EXPECTED = "a register of venues as CSV, JSON or GeoJSON points"


@dataclass(frozen=True, slots=True)
class VenueMapping:
    """What was asked for on the command line."""

    # Name of a known register or a TOML file; None to recognise the register by its columns.
    wanted: str | None = None
    # Texts such as name=Library name.
    columns: tuple[str, ...] = ()


async def import_venues(
    job: ImportJob, file: Path, mapping: VenueMapping | None = None, *, today: date | None = None
) -> Outcome:
    """Import a register. Raises ImportFileError, MappingError."""
    asked = mapping or VenueMapping()
    table = read_table(file, EXPECTED)
    register = choose_mapping(table, asked.wanted, asked.columns)
    reading = Reading()
    found = read_venues(table, register, today or datetime.now(UTC).date(), reading, job.progress)
    async with job.database.read() as connection:
        gazetteer = await load_gazetteer(connection, job.council.id)
    located = put_right(found, reading.problems)
    refuse_swapped_columns(located, gazetteer)
    reading.records = [_record(venue, register, gazetteer) for venue in watched(located, job.progress, "placing")]
    now = datetime.now(UTC)
    async with transaction(job) as connection:
        stored = await store(
            connection,
            venues,
            ("source", "reference"),
            reading.records,
            among=(venues.c.council_id == job.council.id) & (venues.c.source == register.source),
            on_insert={"council_id": job.council.id, "created_at": now, "updated_at": now},
            on_update={"updated_at": now},
            progress=job.progress,
        )
        outcome = reading.outcome(f"venues ({register.source})", rows_read(table), stored)
        outcome = outcome.with_notices(*_notices(reading.records, gazetteer))
        await record_import(connection, job, "venues", file.name, outcome)
    return outcome


def read_venues(
    table: Table, register: RegisterMapping, today: date, reading: Reading, progress: Progress
) -> list[VenueRow]:
    """Every venue once: rows that name the same place again are merged into the first."""
    reading.problems.rejected.extend(table.broken)
    first: dict[str, VenueRow] = {}
    for row in watched(table.rows, progress, "reading"):
        problems = Problems()
        try:
            venue = read_venue(row, register, today, problems)
        except RowNotUsable as problem:
            reading.problems.reject(row.line, problem.column, problem.value, problem.reason)
            continue
        known = first.setdefault(venue.reference, venue)
        if known is venue:
            reading.problems.remarks.extend(problems.remarks)
        elif known.same_venue_as(venue):
            reading.merged += 1
        else:
            columns = ", ".join(register.columns["reference"])
            reason = f"line {known.line} has the same identifier with another name or place"
            reading.problems.reject(row.line, columns, venue.reference, reason)
    return list(first.values())


def put_right(found: Sequence[VenueRow], problems: Problems) -> list[VenueRow]:
    """Positions far from the rest of the register: swapped ones are turned round, others left out, all told."""
    middle = middle_of([venue.position for venue in found if venue.position is not None])
    if middle is None:
        return list(found)
    located = []
    for venue in found:
        position = venue.position
        if position is not None:
            position, told = near(position, middle)
            if told is not None:
                assert venue.position is not None
                problems.remark(venue.line, venue.position.columns, str(venue.position), told)
        located.append(venue.at(position))
    return located


def refuse_swapped_columns(located: Sequence[VenueRow], gazetteer: Gazetteer) -> None:
    """If no venue is in the city, and most would be the other way round, the columns are named the wrong way.

    Raises MappingError.
    """
    positions = [venue.position for venue in located if venue.position is not None]
    inside = sum(gazetteer.covers(position) for position in positions)
    turned = sum(gazetteer.covers(position.turned()) for position in positions)
    if inside == 0 and turned > len(positions) / 2:
        raise MappingError(
            f"latitude and longitude are swapped in the columns {positions[0].columns}; "
            "name them the other way round with --column latitude=… --column longitude=…"
        )


def _record(venue: VenueRow, register: RegisterMapping, gazetteer: Gazetteer) -> dict[str, Any]:
    place = gazetteer.place(venue.position, venue.postcode)
    return {
        "source": register.source,
        "reference": venue.reference,
        "name": venue.name,
        "kind": venue.kind,
        "status": venue.status,
        "address": venue.address,
        "postcode": venue.postcode,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "ward_id": place.ward_id,
        "small_area_id": place.small_area_id,
        "opening_hours": venue.opening_hours,
        "opened_on": venue.opened_on,
        "closed_on": venue.closed_on,
    }


def _notices(records: Sequence[dict[str, Any]], gazetteer: Gazetteer) -> list[str]:
    missing = gazetteer.missing()
    if missing:
        return [*missing, "then import the venues again, so that they are placed"]
    outside = sum(record["ward_id"] is None for record in records)
    if not outside:
        return []
    return [f"{outside} of {len(records)} venues are outside the council's wards or have no place that is known"]
