"""`import deprivation` and `import population`, and how both editions of small areas are kept in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citywifi.imports.areas import import_areas
from citywifi.imports.deprivation import import_deprivation
from citywifi.imports.editions import weighted_mean
from citywifi.imports.errors import ImportFileError, ImportNotReadyError
from citywifi.imports.population import import_population
from citywifi.imports.store import ImportJob
from foundation.schema import small_areas
from tests.citywifi.imports.conftest import INDEX_2025, LOOKUP, POPULATION, PROFILE, WriteFile

Rows = Callable[..., Any]


async def areas_by_code(rows: Rows, edition: int) -> dict[str, dict[str, Any]]:
    return {area["code"]: area for area in await rows(small_areas) if area["edition"] == edition}


@pytest.fixture
async def with_areas(job: ImportJob, write: WriteFile) -> ImportJob:
    await import_areas(job, write("profile.csv", PROFILE))
    await import_areas(job, write("lookup.csv", LOOKUP))
    return job


async def test_the_index_of_england_is_taken_for_the_councils_areas_only(
    with_areas: ImportJob, write: WriteFile, rows: Rows
) -> None:
    outcome = await import_deprivation(with_areas, write("index.csv", INDEX_2025))
    assert (outcome.rows_read, outcome.updated, outcome.elsewhere, outcome.rejected) == (5, 4, 1, ())
    found = await areas_by_code(rows, 2021)
    assert (found["E01000012"]["imd_year"], found["E01000012"]["imd_decile"]) == (2025, 4)
    assert found["E01000012"]["imd_rank"] == 10506
    assert found["E01000012"]["domain_deciles"]["income"] == 4


async def test_the_citys_own_file_has_the_same_columns_under_another_code(
    with_areas: ImportJob, write: WriteFile
) -> None:
    await import_deprivation(with_areas, write("index.csv", INDEX_2025))
    city = INDEX_2025.replace("lsoa21_code", "LSOA21CD")
    outcome = await import_deprivation(with_areas, write("city.csv", city))
    assert (outcome.updated, outcome.unchanged) == (0, 4)


async def test_a_2011_area_that_was_split_gets_the_mean_of_its_parts_weighted_by_population(
    with_areas: ImportJob, write: WriteFile, rows: Rows
) -> None:
    await import_deprivation(with_areas, write("index.csv", INDEX_2025))
    await import_population(with_areas, write("population.csv", POPULATION))
    of_2011 = await areas_by_code(rows, 2011)
    # (4 * 1424 + 1 * 1668) / 3092 = 2.38 and (10506 * 1424 + 2219 * 1668) / 3092 = 6035.5
    assert (of_2011["E01000002"]["imd_decile"], of_2011["E01000002"]["imd_rank"]) == (2, 6036)
    assert of_2011["E01000002"]["imd_year"] == 2025
    assert of_2011["E01000002"]["domain_deciles"]["crime"] == 2
    assert of_2011["E01000002"]["population"] is None
    assert of_2011["E01000001"]["imd_year"] == 2019


async def test_population_may_come_before_deprivation(with_areas: ImportJob, write: WriteFile, rows: Rows) -> None:
    await import_population(with_areas, write("population.csv", POPULATION))
    await import_deprivation(with_areas, write("index.csv", INDEX_2025))
    assert (await areas_by_code(rows, 2011))["E01000002"]["imd_rank"] == 6036


async def test_the_older_index_does_not_overwrite_the_newer_one(
    small_city: ImportJob, write: WriteFile, rows: Rows
) -> None:
    outcome = await import_areas(small_city, write("profile.csv", PROFILE))
    assert (outcome.updated, outcome.unchanged) == (0, 4)
    assert outcome.notices == ("1 of the areas were split since and keep the newer deprivation of their parts.",)
    assert (await areas_by_code(rows, 2011))["E01000002"]["imd_year"] == 2025


async def test_population_is_taken_and_a_second_import_changes_nothing(
    with_areas: ImportJob, write: WriteFile, rows: Rows
) -> None:
    outcome = await import_population(with_areas, write("population.csv", POPULATION))
    assert (outcome.updated, outcome.notices) == (4, ())
    assert sum(area["population"] for area in (await areas_by_code(rows, 2021)).values()) == 7589
    again = await import_population(with_areas, write("population.csv", POPULATION))
    assert (again.updated, again.unchanged) == (0, 4)


async def test_figures_that_are_none_are_told(with_areas: ImportJob, write: WriteFile) -> None:
    text = POPULATION.replace("1997", "many").replace("E01000013,City 001F,1668\n", "")
    outcome = await import_population(with_areas, write("population.csv", text))
    assert [str(problem) for problem in outcome.rejected] == ["line 2: population 'many': is not a whole number"]
    assert outcome.notices == (
        "2 of the council's 4 small areas have no population in this file: E01000001, E01000013",
    )
    broken = INDEX_2025.replace("E01000001,5", "E01000001,11")
    outcome = await import_deprivation(with_areas, write("index.csv", broken))
    assert [str(problem) for problem in outcome.rejected] == ["line 2: IMD_decile '11': is not between 1 and 10"]


async def test_without_small_areas_it_says_which_import_comes_first(job: ImportJob, write: WriteFile) -> None:
    for importer, text in ((import_deprivation, INDEX_2025), (import_population, POPULATION)):
        with pytest.raises(ImportNotReadyError, match="first import the ONS lookup from 2011 to 2021"):
            await importer(job, write("file.csv", text))


async def test_a_file_with_other_columns_is_refused(job: ImportJob, write: WriteFile) -> None:
    with pytest.raises(ImportFileError, match="no column lsoa21_code or LSOA21CD; expected the Indices"):
        await import_deprivation(job, write("index.csv", "code,decile\nE01000001,5\n"))
    with pytest.raises(ImportFileError, match="no column population; expected population by small area"):
        await import_population(job, write("index.csv", INDEX_2025))


def test_means_are_rounded_half_up() -> None:
    assert weighted_mean([1, 2], [1, 1]) == 2
    assert weighted_mean([2, 3], [1, 1]) == 3
    assert weighted_mean([10, 1], [1, 9]) == 2


@pytest.mark.shared_data
async def test_the_real_index_of_england_is_taken_for_coventry(
    job: ImportJob, shared_data: Path | None, rows: Rows
) -> None:
    if shared_data is None:
        return
    city = shared_data / "coventry"
    await import_areas(job, city / "lookup_lsoa11_lsoa21_coventry_exact.csv")
    england = await import_deprivation(job, shared_data / "deprivation" / "imd2025_england_lsoa21.csv")
    assert (england.rows_read, england.updated, england.elsewhere, england.rejected) == (33755, 203, 33552, ())
    same = await import_deprivation(job, city / "coventry_lsoa21_imd2025_population.csv")
    assert (same.updated, same.unchanged) == (0, 203)
    people = await import_population(job, city / "coventry_lsoa21_imd2025_population.csv")
    assert people.updated == 203
    areas = await areas_by_code(rows, 2021)
    assert sum(area["imd_decile"] == 1 for area in areas.values()) == 36
