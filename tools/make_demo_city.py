"""Write the demo city from the publishers' files: ``python -m tools.make_demo_city DATA_FOLDER``.

The files go through the same imports as a council's own, into a temporary database; what the database then holds is
written in the project's compact format. The same files give the same bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping, shape
from sqlalchemy import RowMapping, select

from citywifi.demo_city import FORMAT, FORMAT_VERSION, SMALL_AREA_COLUMNS, parse_demo_city
from citywifi.imports.areas import import_areas
from citywifi.imports.boundaries import import_boundaries
from citywifi.imports.deprivation import import_deprivation
from citywifi.imports.errors import ImportStopped
from citywifi.imports.population import import_population
from citywifi.imports.store import ImportJob, find_council
from citywifi.imports.usage_counts import read_monthly_counts
from citywifi.imports.venues import import_venues
from foundation import migrations
from foundation.database import Database
from foundation.schema import councils, small_areas, venues, wards

OUTPUT = Path(__file__).resolve().parent.parent / "citywifi" / "demo_city" / "coventry.json"
COUNCIL_CODE, COUNCIL_NAME = "E08000026", "Coventry"
# A library that closed before the day on which the facts were gathered is not in the demo.
TODAY = date(2025, 10, 31)
# About a metre; and corners that turn less than the area of a football pitch are not seen on a small map.
_DECIMALS = 5
_SIMPLIFICATION_DEGREES = 0.0005
_RISK_DECIMALS = 2

_OPEN_GOVERNMENT = "Open Government Licence v3.0"
SOURCES = (
    {
        "title": "Ward boundaries (2013 codes) and small-area boundaries (LSOA 2011), by martinjc/UK-GeoJSON",
        "publisher": "Office for National Statistics and Ordnance Survey. Contains National Statistics data "
        "© Crown copyright and database right 2013. Contains OS data © Crown copyright and database right 2013",
        "licence": f"{_OPEN_GOVERNMENT}; OS OpenData",
    },
    {
        "title": "Postcode positions: Code-Point Open, October 2025",
        "publisher": "Ordnance Survey. Contains OS data © Crown copyright and database right 2025. "
        "Contains Royal Mail data © Royal Mail copyright and database right 2025. "
        "Contains National Statistics data © Crown copyright and database right 2025",
        "licence": f"{_OPEN_GOVERNMENT} (OS OpenData)",
    },
    {
        "title": "Indices of Multiple Deprivation 2025",
        "publisher": "Ministry of Housing, Communities and Local Government",
        "licence": _OPEN_GOVERNMENT,
    },
    {
        "title": "Digital Exclusion Risk Index and small-area profile (LSOA 2011)",
        "publisher": "Greater Manchester Combined Authority; Ministry of Housing, Communities and Local Government",
        "licence": _OPEN_GOVERNMENT,
    },
    {
        "title": "Population by LSOA 2021, and lookup from LSOA 2011 to LSOA 2021",
        "publisher": "Office for National Statistics",
        "licence": _OPEN_GOVERNMENT,
    },
    {
        "title": "Public libraries of Coventry: address and opening hours",
        "publisher": "Coventry City Council, in the library schema of Libraries Hacked",
        "licence": _OPEN_GOVERNMENT,
    },
    {
        "title": "Public WiFi sessions in English libraries, April 2023 to March 2024",
        "publisher": "Arts Council England, through Libraries Hacked",
        "licence": "the publisher's open data",
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the file and say how large it is."""
    parser = argparse.ArgumentParser(description="Write the demo city from the publishers' files.")
    parser.add_argument("data", type=Path, help="folder with coventry/, deprivation/ and usage/")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    try:
        document = asyncio.run(make_demo_city(options.data))
    except ImportStopped as problem:
        print(f"make_demo_city: {problem}", file=sys.stderr)
        return 2
    text = compact(document)
    parse_demo_city(json.loads(text))
    options.output.write_text(text, encoding="utf-8")
    print(f"{options.output}: {len(text.encode()):,} octets")
    return 0


async def make_demo_city(data: Path) -> dict[str, Any]:
    """Run the imports into a temporary database and read the demo city from it. Raises ImportStopped."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/demo-city.sqlite3")
        try:
            await migrations.upgrade(database)
            await _import_everything(database, data)
            facts = await _facts(database)
        finally:
            await database.close()
    counts = read_monthly_counts(data / "usage" / "library_wifi_sessions.csv", COUNCIL_CODE)
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "sources": list(SOURCES),
        "council": {"code": COUNCIL_CODE, "name": COUNCIL_NAME},
        **facts,
        "monthly_sessions": counts.by_month,
    }


def compact(document: dict[str, Any]) -> str:
    """JSON with one ward, small area or library a line, so that a change of one shows as a change of one line."""
    parts = [f"{_json(name)}: {_member(name, value)}" for name, value in document.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


async def _import_everything(database: Database, data: Path) -> None:
    city = data / "coventry"
    async with database.write() as connection:
        row = {"code": COUNCIL_CODE, "name": COUNCIL_NAME, "created_at": datetime.now(UTC)}
        await connection.execute(councils.insert().values(**row))
    job = ImportJob(database, await find_council(database, COUNCIL_CODE))
    await import_areas(job, city / "coventry_lsoa11_profile.csv")
    await import_areas(job, city / "lookup_lsoa11_lsoa21_coventry_exact.csv")
    await import_areas(job, city / "postcodes_coventry_codepoint_open_2025-10.csv")
    await import_boundaries(job, city / "wards.geojson")
    await import_boundaries(job, city / "lsoa11.geojson")
    await import_deprivation(job, data / "deprivation" / "imd2025_england_lsoa21.csv")
    await import_population(job, city / "coventry_lsoa21_imd2025_population.csv")
    await import_venues(job, city / "libraries.csv", today=TODAY)


async def _facts(database: Database) -> dict[str, Any]:
    async with database.read() as connection:
        ward_rows = (await connection.execute(select(wards).order_by(wards.c.code))).mappings().all()
        areas = (
            (await connection.execute(select(small_areas).order_by(small_areas.c.edition.desc(), small_areas.c.code)))
            .mappings()
            .all()
        )
        libraries = (
            (await connection.execute(select(venues).where(venues.c.status == "open").order_by(venues.c.reference)))
            .mappings()
            .all()
        )
    ward_codes = {ward["id"]: ward["code"] for ward in ward_rows}
    area_codes = {area["id"]: area["code"] for area in areas}
    with_library = {library["small_area_id"] for library in libraries}
    shown = [area for area in areas if area["edition"] == 2021 or area["id"] in with_library]
    return {
        "wards": _wards(ward_rows),
        "small_areas": {
            "columns": list(SMALL_AREA_COLUMNS),
            "rows": [_area(area, ward_codes) for area in shown],
        },
        "libraries": [_library(library, ward_codes, area_codes) for library in libraries],
    }


def _wards(rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """Wards with outlines that are simplified together, so that neighbours still share their borders."""
    outlines = shapely.coverage_simplify([shape(json.loads(row["outline"])) for row in rows], _SIMPLIFICATION_DEGREES)
    return [
        {"code": row["code"], "name": row["name"], "outline": _geometry(outline)}
        for row, outline in zip(rows, outlines, strict=True)
    ]


def _geometry(outline: Any) -> dict[str, Any]:
    rounded = shapely.transform(outline, lambda coordinates: coordinates.round(_DECIMALS))
    return dict(mapping(rounded))


def _area(area: RowMapping, ward_codes: dict[int, str]) -> list[Any]:
    risk = area["digital_exclusion_risk"]
    values = {
        **area,
        "ward_code": ward_codes[area["ward_id"]],
        "digital_exclusion_risk": None if risk is None else round(risk, _RISK_DECIMALS),
    }
    return [values[name] for name in SMALL_AREA_COLUMNS]


def _library(library: RowMapping, ward_codes: dict[int, str], area_codes: dict[int, str]) -> dict[str, Any]:
    names = ("reference", "name", "address", "postcode", "latitude", "longitude")
    return {
        **{name: library[name] for name in names},
        "ward_code": ward_codes[library["ward_id"]],
        "small_area_code": area_codes[library["small_area_id"]],
        "opening_hours": library["opening_hours"],
    }


def _member(name: str, value: Any) -> str:
    if name == "small_areas":
        return f'{{"columns": {_json(value["columns"])}, "rows": {_lines(value["rows"])}}}'
    return _lines(value) if isinstance(value, list) else _json(value)


def _lines(values: Sequence[Any]) -> str:
    return "[\n" + ",\n".join(_json(value) for value in values) + "\n]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main())
