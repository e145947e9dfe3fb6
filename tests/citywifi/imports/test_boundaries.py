"""`import boundaries`: outlines of wards and small areas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citywifi.imports.areas import import_areas
from citywifi.imports.boundaries import import_boundaries
from citywifi.imports.errors import ImportFileError, ImportNotReadyError
from citywifi.imports.store import ImportJob
from foundation.schema import small_areas, wards
from tests.citywifi.imports.conftest import AREAS_2011, LOOKUP, PROFILE, WARDS, WriteFile, features, square

Rows = Callable[..., Any]


async def test_wards_may_come_before_everything_else(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    outcome = await import_boundaries(job, write("wards.geojson", WARDS))
    assert (outcome.inserted, outcome.rejected) == (2, ())
    found = await rows(wards)
    assert [ward["name"] for ward in found] == ["West", "East"]
    assert json.loads(found[0]["outline"])["type"] == "Polygon"
    again = await import_boundaries(job, write("wards.geojson", WARDS))
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)


async def test_wards_that_are_known_are_completed_and_others_are_elsewhere(job: ImportJob, write: WriteFile) -> None:
    await import_areas(job, write("profile.csv", PROFILE))
    more = features("WD13", ("E05000001", "West", square(0, 50, 1, 51)), ("E05999999", "Far", square(5, 50, 6, 51)))
    outcome = await import_boundaries(job, write("wards.geojson", more))
    assert (outcome.updated, outcome.elsewhere) == (1, 1)


async def test_small_areas_of_either_edition_are_told_apart(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    await import_areas(job, write("profile.csv", PROFILE))
    await import_areas(job, write("lookup.csv", LOOKUP))
    assert (await import_boundaries(job, write("a.geojson", AREAS_2011))).updated == 4
    newer = features("LSOA21", ("E01000014", "City 001G", square(-1.51, 52.41, -1.48, 52.43)))
    assert (await import_boundaries(job, write("b.geojson", newer))).updated == 1
    with_outline = {(area["edition"], area["code"]) for area in await rows(small_areas) if area["outline"]}
    assert with_outline == {(2011, f"E0100000{number}") for number in range(1, 5)} | {(2021, "E01000014")}


async def test_small_areas_that_are_not_known_yet_say_what_comes_first(job: ImportJob, write: WriteFile) -> None:
    with pytest.raises(ImportNotReadyError, match="first import the small-area profile"):
        await import_boundaries(job, write("areas.geojson", AREAS_2011))


async def test_a_file_of_the_whole_country_needs_known_wards(job: ImportJob, write: WriteFile) -> None:
    country = features("WD13", *((f"E05{n:06}", f"Ward {n}", square(0, 50, 1, 51)) for n in range(251)))
    with pytest.raises(ImportNotReadyError, match="not known yet which ward outlines are the council's"):
        await import_boundaries(job, write("wards.geojson", country))


async def test_outlines_that_cannot_be_used_are_told(job: ImportJob, write: WriteFile) -> None:
    text = features(
        "WD13",
        ("E05000001", "West", square(-1.54, 52.39, -1.51, 52.43)),
        ("E05000001", "West", square(-1.54, 52.39, -1.51, 52.43)),
        ("00CQFU", "Old code", square(-1.54, 52.39, -1.51, 52.43)),
        ("E05000002", "East", {"type": "Point", "coordinates": [0, 51]}),
        ("E05000003", "Grid", square(433000, 279000, 434000, 280000)),
    )
    outcome = await import_boundaries(job, write("wards.geojson", text))
    assert outcome.inserted == 1
    assert [(problem.column, problem.value, problem.reason) for problem in outcome.rejected] == [
        ("WD13CD", "E05000001", "was already in line 4"),
        ("WD13CD", "00CQFU", "is not an area code such as E01009522"),
        ("geometry", "Point", "is not a polygon"),
        ("geometry", "Polygon", "is not in degrees of WGS 84 (it may be in metres of the national grid)"),
    ]


async def test_outlines_of_something_else_are_refused(job: ImportJob, write: WriteFile) -> None:
    with pytest.raises(ImportFileError, match="has the properties CTRYCD, CTRYNM; expected ward boundaries"):
        await import_boundaries(
            job, write("x.geojson", features("CTRY", ("E92000001", "England", square(0, 50, 1, 51))))
        )


@pytest.mark.shared_data
async def test_coventrys_real_outlines_go_in_completely(job: ImportJob, shared_data: Path | None) -> None:
    if shared_data is None:
        return
    city = shared_data / "coventry"
    await import_areas(job, city / "coventry_lsoa11_profile.csv")
    for name, number in (("wards.geojson", 18), ("lsoa11.geojson", 195)):
        outcome = await import_boundaries(job, city / name)
        assert (outcome.updated, outcome.elsewhere, outcome.rejected) == (number, 0, ())
        assert (await import_boundaries(job, city / name)).unchanged == number
