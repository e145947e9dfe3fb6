"""`import venues`: identity, merging, placing, and the four real registers as they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from citywifi.imports.areas import import_areas
from citywifi.imports.boundaries import import_boundaries
from citywifi.imports.deprivation import import_deprivation
from citywifi.imports.errors import MappingError
from citywifi.imports.population import import_population
from citywifi.imports.store import ImportJob, find_council
from citywifi.imports.venues import VenueMapping, import_venues
from foundation.database import Database
from foundation.schema import audit_events, small_areas, venues, wards
from tests.citywifi.imports.conftest import WARDS, WriteFile, features, square
from tests.conftest import insert_council

Rows = Callable[..., Any]

TODAY = date(2026, 11, 22)
COLUMNS = ("reference=id", "name=name", "postcode=postcode", "latitude=lat", "longitude=lon")
HEADING = "id,name,postcode,lat,lon\n"


async def run(job: ImportJob, file: Path, *columns: str) -> Any:
    return await import_venues(job, file, VenueMapping(columns=columns), today=TODAY)


async def placed(rows: Rows) -> dict[str, tuple[str | None, tuple[int, str] | None]]:
    """Ward, and edition and code of the small area, by venue."""
    ward_codes = {row["id"]: row["code"] for row in await rows(wards)}
    areas = {row["id"]: (row["edition"], row["code"]) for row in await rows(small_areas)}
    return {
        row["reference"]: (ward_codes.get(row["ward_id"]), areas.get(row["small_area_id"]))
        for row in await rows(venues)
    }


async def test_a_venue_is_placed_by_its_coordinates(small_city: ImportJob, write: WriteFile, rows: Rows) -> None:
    text = HEADING + "unchanged,A,,52.40,-1.52\nsplit,B,,52.40,-1.50\nmerged,C,,52.42,-1.49\naway,D,,52.60,-1.50\n"
    outcome = await run(small_city, write("places.csv", text), *COLUMNS)
    assert await placed(rows) == {
        "unchanged": ("E05000001", (2021, "E01000001")),
        # In which part of the split area it is cannot be told.
        "split": ("E05000002", (2011, "E01000002")),
        "merged": ("E05000002", (2021, "E01000014")),
        "away": (None, None),
    }
    assert outcome.notices == ("1 of 4 venues are outside the council's wards or have no place that is known",)


async def test_a_venue_without_coordinates_is_placed_by_its_postcode(
    small_city: ImportJob, write: WriteFile, rows: Rows
) -> None:
    text = "id,name,postcode\n1,A,cv11aa\n2,B,CV1 2BB\n3,C,CV1 3DD\n4,D,CV9 9AA\n"
    await run(small_city, write("places.csv", text), "reference=id", "name=name", "postcode=postcode")
    assert await placed(rows) == {
        "1": ("E05000001", (2021, "E01000001")),
        "2": ("E05000002", (2011, "E01000002")),
        "3": ("E05000002", (2021, "E01000014")),
        "4": (None, None),
    }
    first, *_, last = await rows(venues)
    assert (first["postcode"], first["latitude"]) == ("CV1 1AA", pytest.approx(52.41, abs=1e-4))
    assert (last["postcode"], last["latitude"]) == ("CV9 9AA", None)


async def test_outlines_of_2021_are_preferred(small_city: ImportJob, write: WriteFile, rows: Rows) -> None:
    newer = features("LSOA21", ("E01000012", "City 001E", square(-1.51, 52.39, -1.495, 52.41)))
    await import_boundaries(small_city, write("newer.geojson", newer))
    await run(small_city, write("places.csv", HEADING + "1,A,,52.40,-1.50\n2,B,,52.40,-1.49\n"), *COLUMNS)
    assert await placed(rows) == {"1": ("E05000002", (2021, "E01000012")), "2": ("E05000002", (2011, "E01000002"))}


async def test_without_outlines_venues_go_in_and_it_is_said_what_to_import(job: ImportJob, write: WriteFile) -> None:
    outcome = await run(job, write("places.csv", HEADING + "1,A,CV1 1AA,52.40,-1.52\n"), *COLUMNS)
    assert outcome.inserted == 1
    assert [notice.split(":")[0] for notice in outcome.notices] == [
        "there are no postcodes yet",
        "there are no ward outlines yet",
        "there are no small-area outlines yet",
        "then import the venues again, so that they are placed",
    ]


async def test_a_second_import_changes_nothing_and_a_changed_row_only_itself(
    small_city: ImportJob, write: WriteFile, rows: Rows
) -> None:
    text = HEADING + "1,A,,52.40,-1.52\n2,B,,52.42,-1.49\n"
    await run(small_city, write("places.csv", text), *COLUMNS)
    before = await rows(venues)
    again = await run(small_city, write("places.csv", text), *COLUMNS)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)
    assert await rows(venues) == before
    changed = await run(small_city, write("places.csv", text.replace("2,B", "2,Bee")), *COLUMNS)
    assert (changed.inserted, changed.updated, changed.unchanged) == (0, 1, 1)
    after = await rows(venues)
    assert after[1]["updated_at"] > before[1]["updated_at"]
    assert after[1]["created_at"] == before[1]["created_at"]
    assert after[0] == before[0]


async def test_the_same_identifier_in_another_register_is_another_venue(job: ImportJob, write: WriteFile) -> None:
    text = HEADING + "1,A,,52.40,-1.52\n"
    await run(job, write("one.csv", text), *COLUMNS)
    assert (await run(job, write("two.csv", text), *COLUMNS)).inserted == 1


async def test_rows_that_repeat_a_place_once_per_telephone_number_are_merged(
    job: ImportJob, write: WriteFile, rows: Rows
) -> None:
    heading = "id,name,postcode,lat,lon,phone\n"
    text = heading + "".join(f"7,Claror,,41.4,2.17,93{number}\n" for number in range(3)) + "8,Nova,,41.39,2.2,\n"
    outcome = await run(job, write("bcn.csv", text), *COLUMNS)
    assert (outcome.rows_read, outcome.inserted, outcome.merged) == (4, 2, 2)
    assert [row["name"] for row in await rows(venues)] == ["Claror", "Nova"]


async def test_an_identifier_that_means_two_places_is_told(job: ImportJob, write: WriteFile) -> None:
    outcome = await run(job, write("x.csv", HEADING + "7,Here,,41.4,2.17\n7,There,,41.4,2.17\n"), *COLUMNS)
    assert [str(problem) for problem in outcome.rejected] == [
        "line 3: id '7': line 2 has the same identifier with another name or place"
    ]


async def test_one_venue_with_swapped_coordinates_is_turned_round(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    near = "".join(f"{number},Near,,41.40,2.17\n" for number in range(4))
    text = f"{HEADING}{near}swapped,C,,2.19,41.42\naway,D,,-35,149\n"
    outcome = await run(job, write("x.csv", text), *COLUMNS)
    assert [(row["latitude"], row["longitude"]) for row in await rows(venues)][4:] == [(41.42, 2.19), (None, None)]
    assert [(problem.line, problem.value, problem.reason.split(";")[0]) for problem in outcome.remarks] == [
        (6, "2.19, 41.42", "latitude and longitude are swapped"),
        (7, "-35.0, 149.0", "is 18350 km from the middle of the register"),
    ]


async def test_columns_named_the_wrong_way_round_are_refused_where_the_city_is_known(
    small_city: ImportJob, write: WriteFile, rows: Rows
) -> None:
    wrong = ("reference=id", "name=name", "latitude=lon", "longitude=lat")
    with pytest.raises(MappingError, match="latitude and longitude are swapped in the columns lon, lat"):
        await run(small_city, write("x.csv", HEADING + "1,A,,52.40,-1.52\n"), *wrong)
    assert await rows(venues) == []


async def test_every_row_is_counted_once(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    text = HEADING + "1,A,,52.40,-1.52\n1,A,,52.40,-1.52\n,B,,52.40,-1.52\n3,C\n4,,,52.40,-1.52\n5,E,,,\n"
    outcome = await run(job, write("x.csv", text), *COLUMNS)
    assert (outcome.rows_read, outcome.inserted, outcome.merged, len(outcome.rejected)) == (6, 2, 1, 3)
    assert [problem.line for problem in outcome.rejected] == [4, 5, 6]
    assert [problem.line for problem in outcome.remarks] == [7]
    (event,) = await rows(audit_events)
    assert event["action"] == "import venues"
    assert event["detail"] == {
        "rows": "venues (x)", "rows_read": 6, "inserted": 2, "updated": 0, "unchanged": 0, "merged": 1,
        "elsewhere": 0, "rejected": 3, "remarks": 1,
    }  # fmt: skip


async def test_it_is_the_same_on_postgresql(any_database: Database, write: WriteFile) -> None:
    await insert_council(any_database)
    job = ImportJob(any_database, await find_council(any_database, "E08000026"))
    await import_boundaries(job, write("wards.geojson", WARDS))
    text = HEADING + "".join(f"{number},A,,52.40,-1.52\n" for number in range(2500))
    assert (await run(job, write("x.csv", text), *COLUMNS)).inserted == 2500
    again = await run(job, write("x.csv", text.replace("52.40", "52.41", 3)), *COLUMNS)
    assert (again.updated, again.unchanged) == (3, 2497)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "rows_read", "inserted", "merged", "rejected", "remarks"),
    [
        ("linknyc_kiosks.csv", 2250, 2250, 0, [], []),
        ("paris_wifi_sites_2023.json", 277, 275, 0, [1290, 5476], []),
        ("barcelona_wifi.csv", 1074, 629, 445, [], [729]),
        (
            "libraries_england_2023.csv", 3487, 3485, 2, [],
            # Seven without a registered address, two vague years, six unknown, two "n/a", one "1985c".
            [
                *range(1160, 1163), 1175, *range(1198, 1201), 1242, 1247,
                1559, 1560, 1566, 1579, 1584, 1591, 2044, 2045, 2600,
            ],
        ),
    ],
)  # fmt: skip
async def test_the_real_registers_go_in_as_they_are(
    job: ImportJob,
    shared_data: Path | None,
    name: str,
    rows_read: int,
    inserted: int,
    merged: int,
    rejected: list[int],
    remarks: list[int],
) -> None:
    if shared_data is None:
        return
    file = shared_data / "registers" / name
    outcome = await import_venues(job, file, today=TODAY)
    assert (outcome.rows_read, outcome.inserted, outcome.merged) == (rows_read, inserted, merged)
    assert [problem.line for problem in outcome.rejected] == rejected
    assert [problem.line for problem in outcome.remarks] == remarks
    again = await import_venues(job, file, today=TODAY)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, inserted)


@pytest.mark.shared_data
async def test_coventrys_real_libraries_find_their_wards_and_small_areas(
    job: ImportJob, shared_data: Path | None, rows: Rows
) -> None:
    if shared_data is None:
        return
    city = shared_data / "coventry"
    for name in (
        "coventry_lsoa11_profile.csv",
        "lookup_lsoa11_lsoa21_coventry_exact.csv",
        "postcodes_coventry_codepoint_open_2025-10.csv",
    ):
        await import_areas(job, city / name)
    for name in ("wards.geojson", "lsoa11.geojson"):
        await import_boundaries(job, city / name)
    figures = city / "coventry_lsoa21_imd2025_population.csv"
    await import_deprivation(job, figures)
    await import_population(job, figures)
    outcome = await import_venues(job, city / "libraries.csv", today=TODAY)
    assert (outcome.rows_read, outcome.inserted, outcome.rejected, outcome.notices) == (18, 18, (), ())
    assert [problem.value for problem in outcome.remarks] == ["10:00-00:00"]
    found = {row["name"]: row for row in await rows(venues)}
    assert (found["Arena Park"]["status"], found["Arena Park"]["closed_on"]) == ("closed", date(2016, 12, 31))
    assert found["Willenhall"]["opening_hours"]["monday"] == ["10:00-00:00"]
    places = await placed(rows)
    assert all(ward and area for ward, area in places.values())
    # Both are in areas that were split.
    assert {reference for reference, (_, area) in places.items() if area and area[0] == 2011} == {
        "Coventry City Council / Aldermoor",
        "Coventry City Council / Coventry Central Library",
    }
