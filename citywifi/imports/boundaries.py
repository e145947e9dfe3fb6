"""`import boundaries`: outlines of wards or small areas from GeoJSON, told apart by the names of their properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.imports.errors import ImportFileError, ImportNotReadyError
from citywifi.imports.geography import outline_text, read_outline
from citywifi.imports.readers import Feature, read_features
from citywifi.imports.report import Outcome, shorten, watched
from citywifi.imports.rows import Reading
from citywifi.imports.store import ImportJob, Record, record_import, store, transaction
from citywifi.imports.values import ValueNotUsable, area_code, text_or_none
from foundation.schema import small_areas, wards

EXPECTED = (
    "ward boundaries (properties such as WD13CD, WD13NM) or small-area boundaries (LSOA11CD or LSOA21CD) as GeoJSON"
)
# No council has so many wards; without known wards, a file of the whole country is not taken.
_MOST_WARDS = 250
_WARD_CODE = re.compile(r"WD\d\dCD")
_SMALL_AREA_CODE = re.compile(r"LSOA(11|21)CD")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a file has outlines of."""

    subject: str
    code_property: str
    name_property: str
    # None for wards.
    edition: int | None


async def import_boundaries(job: ImportJob, file: Path) -> Outcome:
    """Take the outlines of the council's wards or small areas. Raises ImportFileError, ImportNotReadyError."""
    features = read_features(file, EXPECTED)
    kind = _kind_of(file.name, features[0].properties)
    async with job.database.read() as connection:
        known = await _known_codes(connection, job, kind, len(features))
    reading = _read(features, kind, known, job)
    async with transaction(job) as connection:
        table = wards if kind.edition is None else small_areas
        stored = await store(
            connection,
            table,
            ("code",),
            reading.records,
            among=_among(job.council.id, kind),
            on_insert={"council_id": job.council.id},
            progress=job.progress,
        )
        outcome = reading.outcome(kind.subject, len(features), stored)
        await record_import(connection, job, "boundaries", file.name, outcome)
    return outcome


def _kind_of(file_name: str, properties: Mapping[str, Any]) -> _Kind:
    for name in properties:
        if _WARD_CODE.fullmatch(name):
            return _Kind("ward outlines", name, name.replace("CD", "NM"), None)
        if match := _SMALL_AREA_CODE.fullmatch(name):
            return _Kind("small-area outlines", name, name.replace("CD", "NM"), 2000 + int(match[1]))
    names = ", ".join(shorten(name) for name in properties) or "none"
    raise ImportFileError(f"{file_name} has the properties {names}; expected {EXPECTED}")


async def _known_codes(
    connection: AsyncConnection, job: ImportJob, kind: _Kind, features: int
) -> frozenset[str] | None:
    """Codes of the council's own, or None if every feature of the file may be taken as the council's."""
    table = wards if kind.edition is None else small_areas
    rows = await connection.execute(select(table.c.code).where(_among(job.council.id, kind)))
    codes = frozenset(rows.scalars())
    if codes:
        return codes
    if kind.edition is None and features <= _MOST_WARDS:
        return None
    needed = {None: "the small-area profile", 2011: "the small-area profile", 2021: "the ONS lookup from 2011 to 2021"}
    raise ImportNotReadyError(
        f"it is not known yet which {kind.subject} are the council's; first import {needed[kind.edition]} "
        "with `citywifi import areas FILE`"
    )


def _among(council_id: int, kind: _Kind) -> ColumnElement[bool]:
    if kind.edition is None:
        return wards.c.council_id == council_id
    return (small_areas.c.council_id == council_id) & (small_areas.c.edition == kind.edition)


def _read(features: Iterable[Feature], kind: _Kind, known: frozenset[str] | None, job: ImportJob) -> Reading:
    reading = Reading()
    seen: dict[str, int] = {}
    for feature in watched(tuple(features), job.progress, "reading"):
        code_text = str(feature.properties.get(kind.code_property) or "")
        column, value = kind.code_property, code_text
        try:
            code = area_code(code_text)
            if known is not None and code not in known:
                reading.elsewhere += 1
                continue
            if code in seen:
                raise ValueNotUsable(f"was already in line {seen[code]}")
            column, value = "geometry", str(feature.geometry.get("type", ""))
            record: dict[str, Any] = {"code": code, "outline": outline_text(read_outline(feature.geometry))}
        except ValueNotUsable as error:
            reading.problems.reject(feature.line, column, value, str(error))
            continue
        seen[code] = feature.line
        reading.records.append({**record, **_identity(feature, kind, code)})
    return reading


def _identity(feature: Feature, kind: _Kind, code: str) -> Record:
    name = text_or_none(str(feature.properties.get(kind.name_property) or "")) or code
    return {"name": name[:200]} if kind.edition is None else {"name": name[:200], "edition": kind.edition}
