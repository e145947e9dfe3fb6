"""A small city of its own: two wards, four small areas of 2011 that became four of 2021, three postcodes.

West (E05000001)   E01000001, unchanged
East (E05000002)   E01000002 in the south, split into E01000012 and E01000013;
                   E01000003 and E01000004 in the north, merged into E01000014
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from citywifi.imports.areas import import_areas
from citywifi.imports.boundaries import import_boundaries
from citywifi.imports.deprivation import import_deprivation
from citywifi.imports.population import import_population
from citywifi.imports.store import ImportJob, find_council
from foundation.database import Database

WriteFile = Callable[[str, str], Path]

DOMAINS = ["Income", "Employment", "Education", "Health", "Crime", "Housing_and_{}", "Environment"]
HEADING_2019 = ",".join(f"{name.format('Access')}_decile" for name in DOMAINS)
HEADING_2025 = ",".join(f"{name.format('Services')}_decile" for name in DOMAINS)

PROFILE = f"""lsoa11cd,lsoa11nm,lat,lon,wd13cd,wd13nm,IMD_decile,{HEADING_2019},IMD_rank,deri_score_national
E01000001,City 001A,52.41,-1.525,E05000001,West,4,4,4,4,4,4,4,4,11101,3.31
E01000002,City 001B,52.40,-1.495,E05000002,East,1,1,1,1,1,1,1,1,321,5.25
E01000003,City 001C,52.42,-1.503,E05000002,East,7,7,7,7,7,7,7,7,22222,2.5
E01000004,City 001D,52.42,-1.488,E05000002,East,8,8,8,8,8,8,8,8,25555,2
"""
LOOKUP = """LSOA11CD,LSOA11NM,LSOA21CD,LSOA21NM,CHGIND,LAD22CD,LAD22NM
E01000001,City 001A,E01000001,City 001A,U,E08000026,Coventry
E01000002,City 001B,E01000012,City 001E,S,E08000026,Coventry
E01000002,City 001B,E01000013,City 001F,S,E08000026,Coventry
E01000003,City 001C,E01000014,City 001G,M,E08000026,Coventry
E01000004,City 001D,E01000014,City 001G,M,E08000026,Coventry
E01999999,Elsewhere 001A,E01999999,Elsewhere 001A,U,E06000001,Hartlepool
"""
POSTCODES = """postcode,quality,easting,northing,country,district,ward
CV1 1AA,10,432748,279219,E92000001,E08000026,E05000001
CV1 2BB,10,434116,278116,E92000001,E08000026,E05000002
CV13DD,10,434101,280341,E92000001,E08000026,E05000002
"""
INDEX_2025 = f"""lsoa21_code,IMD_decile,{HEADING_2025},IMD_rank
E01000001,5,5,5,5,5,5,5,5,15194
E01000012,4,4,4,4,4,4,4,4,10506
E01000013,1,1,1,1,1,1,1,1,2219
E01000014,8,8,8,8,8,8,8,8,26000
E01888888,10,10,10,10,10,10,10,10,33000
"""
POPULATION = """LSOA21CD,LSOA21NM,population
E01000001,City 001A,1997
E01000012,City 001E,1424
E01000013,City 001F,1668
E01000014,City 001G,2500
"""


def square(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """A polygon in WGS 84."""
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def features(kind: str, *found: tuple[str, str, dict[str, Any]]) -> str:
    """A feature collection with properties such as WD13CD and WD13NM."""
    members = [
        {"type": "Feature", "properties": {f"{kind}CD": code, f"{kind}NM": name}, "geometry": geometry}
        for code, name, geometry in found
    ]
    return json.dumps({"type": "FeatureCollection", "features": members}, indent=1)


WARDS = features(
    "WD13",
    ("E05000001", "West", square(-1.54, 52.39, -1.51, 52.43)),
    ("E05000002", "East", square(-1.51, 52.39, -1.48, 52.43)),
)
AREAS_2011 = features(
    "LSOA11",
    ("E01000001", "City 001A", square(-1.54, 52.39, -1.51, 52.43)),
    ("E01000002", "City 001B", square(-1.51, 52.39, -1.48, 52.41)),
    ("E01000003", "City 001C", square(-1.51, 52.41, -1.495, 52.43)),
    ("E01000004", "City 001D", square(-1.495, 52.41, -1.48, 52.43)),
)


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write a file and give its path."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
async def job(database: Database, council_id: int) -> ImportJob:
    """Imports for Coventry into a fresh database."""
    assert council_id
    return ImportJob(database, await find_council(database, None))


@pytest.fixture
async def small_city(job: ImportJob, write: WriteFile) -> ImportJob:
    """The small city, imported."""
    await import_areas(job, write("profile.csv", PROFILE))
    await import_areas(job, write("lookup.csv", LOOKUP))
    await import_areas(job, write("postcodes.csv", POSTCODES))
    await import_boundaries(job, write("wards.geojson", WARDS))
    await import_boundaries(job, write("areas.geojson", AREAS_2011))
    await import_deprivation(job, write("index.csv", INDEX_2025))
    await import_population(job, write("population.csv", POPULATION))
    return job


@pytest.fixture
def rows(database: Database) -> Callable[..., Any]:
    """All rows of a table, as dictionaries."""

    async def read(table: Table, *order: str) -> list[dict[str, Any]]:
        async with database.read() as connection:
            found = await connection.execute(select(table).order_by(*(table.c[name] for name in order or ("id",))))
            return [dict(row) for row in found.mappings()]

    return read
