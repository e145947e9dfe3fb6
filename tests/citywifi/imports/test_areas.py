"""`import areas`: the profile, the lookup and Code-Point, in any order and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citywifi.imports.areas import import_areas
from citywifi.imports.errors import ImportFileError
from citywifi.imports.store import ImportJob
from foundation.schema import audit_events, postcodes, small_area_changes, small_areas, wards
from tests.citywifi.imports.conftest import LOOKUP, POSTCODES, PROFILE, WriteFile

Rows = Callable[..., Any]


async def test_the_profile_makes_wards_and_small_areas_of_2011(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    outcome = await import_areas(job, write("profile.csv", PROFILE))
    assert (outcome.rows_read, outcome.inserted, outcome.rejected) == (4, 4, ())
    assert [(ward["code"], ward["name"]) for ward in await rows(wards)] == [
        ("E05000001", "West"),
        ("E05000002", "East"),
    ]
    first = (await rows(small_areas, "code"))[0]
    assert (first["edition"], first["name"], first["imd_year"], first["imd_decile"]) == (2011, "City 001A", 2019, 4)
    assert first["domain_deciles"]["housing"] == 4
    assert first["digital_exclusion_risk"] == pytest.approx(3.31)


async def test_rows_of_the_profile_that_cannot_be_used_are_told_and_the_rest_goes_in(
    job: ImportJob, write: WriteFile
) -> None:
    broken = PROFILE.replace("E01000002", "1B").replace(",2.5\n", ",\n").replace("City 001D,52.42", "City 001D,152.42")
    outcome = await import_areas(job, write("profile.csv", broken))
    assert outcome.inserted == 1
    assert [str(problem) for problem in outcome.rejected] == [
        "line 3: lsoa11cd '1B': is not an area code such as E01009522",
        "line 4: deri_score_national (empty): is empty",
        "line 5: lat '152.42': is not between -90 and 90",
    ]


async def test_the_lookup_makes_small_areas_of_2021_and_leaves_other_councils_out(
    job: ImportJob, write: WriteFile, rows: Rows
) -> None:
    outcome = await import_areas(job, write("lookup.csv", LOOKUP))
    assert (outcome.rows_read, outcome.inserted, outcome.elsewhere) == (6, 5, 1)
    assert [area["code"] for area in await rows(small_areas, "code")] == [
        "E01000001", "E01000012", "E01000013", "E01000014",
    ]  # fmt: skip
    assert [change["change"] for change in await rows(small_area_changes)] == ["U", "S", "S", "M", "M"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_profile_and_lookup_come_in_any_order(
    job: ImportJob, write: WriteFile, rows: Rows, order: tuple[int, int]
) -> None:
    files = write("profile.csv", PROFILE), write("lookup.csv", LOOKUP)
    for number in order:
        await import_areas(job, files[number])
    ward_codes = {ward["id"]: ward["code"] for ward in await rows(wards)}
    of_2021 = {area["code"]: area for area in await rows(small_areas) if area["edition"] == 2021}
    assert {code: ward_codes[area["ward_id"]] for code, area in of_2021.items()} == {
        "E01000001": "E05000001",
        "E01000012": "E05000002",
        "E01000013": "E05000002",
        "E01000014": "E05000002",
    }
    assert of_2021["E01000001"]["digital_exclusion_risk"] == pytest.approx(3.31)
    assert of_2021["E01000012"]["digital_exclusion_risk"] is None
    assert of_2021["E01000014"]["latitude"] is None


async def test_a_second_import_changes_nothing(job: ImportJob, write: WriteFile) -> None:
    for name, text in (("profile.csv", PROFILE), ("lookup.csv", LOOKUP), ("postcodes.csv", POSTCODES)):
        first = await import_areas(job, write(name, text))
        again = await import_areas(job, write(name, text))
        assert (again.inserted, again.updated, again.unchanged) == (0, 0, first.inserted)


async def test_a_changed_row_is_reported_as_changed(job: ImportJob, write: WriteFile) -> None:
    await import_areas(job, write("profile.csv", PROFILE))
    outcome = await import_areas(job, write("profile.csv", PROFILE.replace("City 001B", "City 001Z")))
    assert (outcome.inserted, outcome.updated, outcome.unchanged) == (0, 1, 3)


async def test_postcodes_get_position_and_ward(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    await import_areas(job, write("profile.csv", PROFILE))
    outcome = await import_areas(job, write("postcodes.csv", POSTCODES))
    assert (outcome.inserted, outcome.notices) == (3, ())
    found = await rows(postcodes, "postcode")
    assert [row["postcode"] for row in found] == ["CV1 1AA", "CV1 2BB", "CV1 3DD"]
    assert (found[0]["latitude"], found[0]["longitude"]) == (
        pytest.approx(52.41, abs=1e-4),
        pytest.approx(-1.52, abs=1e-4),
    )
    assert found[0]["ward_id"] == (await rows(wards))[0]["id"]


async def test_postcodes_before_wards_say_what_to_import_first(job: ImportJob, write: WriteFile) -> None:
    outcome = await import_areas(job, write("postcodes.csv", POSTCODES))
    assert outcome.inserted == 3
    assert "import the small-area profile or the ward boundaries, then this file again" in outcome.notices[0]


async def test_postcodes_without_a_position_are_rejected_and_other_districts_left_out(
    job: ImportJob, write: WriteFile
) -> None:
    more = (
        "CV1 4DD,90,0,0,E92000001,E08000026,E05000001\n"
        "CV1 5EE,10,0,0,E92000001,E08000026,E05000001\n"
        "CV1,10,433000,279000,E92000001,E08000026,E05000001\n"
        "CV1 1AA,10,433000,279000,E92000001,E08000026,E05000001\n"
        "CV21 1AA,10,450000,275000,E92000001,E07000220,E05000009\n"
    )
    outcome = await import_areas(job, write("postcodes.csv", POSTCODES + more))
    assert (outcome.rows_read, outcome.inserted, outcome.elsewhere) == (8, 3, 1)
    assert [str(problem) for problem in outcome.rejected] == [
        "line 5: quality '90': says that the postcode has no position",
        "line 6: easting, northing '0, 0': is the grid's origin, which stands for no position",
        "line 7: postcode 'CV1': is not a UK postcode",
        "line 8: postcode 'CV1 1AA': line 2 says something else about the same",
    ]


async def test_a_row_that_is_there_twice_is_merged(job: ImportJob, write: WriteFile) -> None:
    outcome = await import_areas(job, write("postcodes.csv", POSTCODES + POSTCODES.splitlines()[1] + "\n"))
    assert (outcome.inserted, outcome.merged) == (3, 1)


async def test_a_file_with_another_heading_is_refused(job: ImportJob, write: WriteFile) -> None:
    with pytest.raises(ImportFileError, match="none of the headings known; expected a small-area profile"):
        await import_areas(job, write("other.csv", "Authority,Period,Count\nE08000026,2023-04-01/P1M,1\n"))


async def test_each_import_leaves_one_row_in_the_audit(job: ImportJob, write: WriteFile, rows: Rows) -> None:
    await import_areas(job, write("profile.csv", PROFILE))
    (event,) = await rows(audit_events)
    assert (event["actor"], event["action"], event["subject"]) == ("command line", "import areas", "profile.csv")
    assert event["detail"]["inserted"] == 4


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(
    job: ImportJob, write: WriteFile, rows: Rows
) -> None:
    dry = ImportJob(job.database, job.council, dry_run=True)
    outcome = await import_areas(dry, write("profile.csv", PROFILE))
    assert outcome.inserted == 4
    assert await rows(small_areas) == []
    assert await rows(audit_events) == []


@pytest.mark.shared_data
async def test_coventrys_real_files_go_in_completely(job: ImportJob, shared_data: Path | None) -> None:
    if shared_data is None:
        return
    for name, rows_read, in_it in (
        ("coventry_lsoa11_profile.csv", 195, 195),
        ("lookup_lsoa11_lsoa21_coventry_exact.csv", 203, 203),
        ("postcodes_coventry_codepoint_open_2025-10.csv", 6397, 6397),
    ):
        outcome = await import_areas(job, shared_data / "coventry" / name)
        assert (outcome.rows_read, outcome.inserted, outcome.rejected) == (rows_read, in_it, ())
        again = await import_areas(job, shared_data / "coventry" / name)
        assert again.unchanged == in_it
