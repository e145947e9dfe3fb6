"""The demo city: what is in it, that it fits together, and that the real files still give it."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import Point, shape

from citywifi.demo_city import DemoCityError, load_demo_city, parse_demo_city
from citywifi.imports.opening_hours import span_minutes
from tools import make_demo_city

DOCUMENT: dict[str, Any] = {
    "format": "citywifi demo city",
    "version": 1,
    "sources": [{"title": "Wards", "publisher": "ONS", "licence": "OGL"}],
    "council": {"code": "E08000026", "name": "Coventry"},
    "wards": [{"code": "E05000001", "name": "West", "outline": {"type": "Polygon", "coordinates": []}}],
    "small_areas": {
        "columns": [
            "code", "edition", "name", "ward_code", "imd_decile", "imd_rank", "population",
            "digital_exclusion_risk", "latitude", "longitude",
        ],
        "rows": [["E01000001", 2021, "City 001A", "E05000001", 4, 11101, 1997, 3.31, 52.41, -1.52]],
    },
    "libraries": [
        {
            "reference": "1", "name": "Stoke", "address": "Kingsway", "postcode": "CV2 4EA", "latitude": 52.4,
            "longitude": -1.5, "ward_code": "E05000001", "small_area_code": "E01000001", "opening_hours": {},
        }
    ],
    "monthly_sessions": {"2023-04": 32075},
}  # fmt: skip


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The document with one value changed."""
    document = copy.deepcopy(DOCUMENT)
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = to
    return document


def test_coventry_has_its_wards_small_areas_libraries_and_months() -> None:
    city = load_demo_city()
    assert (city.council_code, city.council_name) == ("E08000026", "Coventry")
    assert (len(city.wards), len(city.libraries), len(city.monthly_sessions)) == (18, 17, 12)
    areas = [area for area in city.small_areas if area.edition == 2021]
    assert len(areas) == 203
    # The census of 2021 counted 345,300; the figures are mid-year estimates of a later year.
    assert 340_000 < sum(area.population or 0 for area in areas) < 380_000
    assert sum(city.monthly_sessions.values()) == 454_245


def test_sources_and_licences_are_named() -> None:
    sources = load_demo_city().sources
    assert len(sources) == 7
    assert all(source.publisher and source.licence for source in sources)


def test_the_file_is_compact() -> None:
    assert len(files("citywifi.demo_city").joinpath("coventry.json").read_bytes()) < 60_000


def test_libraries_in_areas_that_were_split_have_the_mean_of_the_parts() -> None:
    city = load_demo_city()
    areas = {area.code: area for area in city.small_areas}
    of_2011 = {library.name: areas[library.small_area_code] for library in city.libraries}
    split = {name: area for name, area in of_2011.items() if area.edition == 2011}
    assert set(split) == {"Aldermoor", "Coventry Central Library"}
    assert (split["Aldermoor"].imd_decile, split["Aldermoor"].population) == (2, None)


def test_every_library_stands_within_its_ward_on_the_map_and_opens() -> None:
    city = load_demo_city()
    outlines = {ward.code: shape(ward.outline) for ward in city.wards}
    for library in city.libraries:
        assert outlines[library.ward_code].contains(Point(library.longitude, library.latitude)), library.name
        spans = [span for day in library.opening_hours.values() for span in day]
        assert spans, library.name
        assert all(opens < closes for opens, closes in map(span_minutes, spans)), library.name


def test_neighbouring_wards_share_their_borders() -> None:
    outlines = [shape(ward.outline) for ward in load_demo_city().wards]
    assert all(outline.is_valid for outline in outlines)
    overlap = sum(outline.area for outline in outlines) - shapely.union_all(outlines).area
    assert abs(overlap) < 1e-9


def test_a_small_document_is_read() -> None:
    city = parse_demo_city(DOCUMENT)
    assert city.small_areas[0].imd_decile == 4
    assert city.libraries[0].name == "Stoke"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (changed("version", to=2), "is not a citywifi demo city, version 1"),
        (changed("council", to={}), "lacks something"),
        (changed("small_areas", "rows", 0, to=[1, 2]), "lacks something"),
        (changed("wards", 0, "colour", to="red"), "has too much"),
        (changed("libraries", 0, "ward_code", to="E05999999"), "library Stoke is in no ward"),
        (changed("libraries", 0, "small_area_code", to="E01999999"), "library Stoke is in no small area"),
        (changed("small_areas", "rows", 0, 3, to="E05999999"), "small area E01000001 is in no ward"),
        (changed("small_areas", "rows", 0, 4, to=11), "small area E01000001 has no decile"),
        (changed("monthly_sessions", to={"2023-13": 1}), "2023-13 is not a month"),
        (changed("wards", to=DOCUMENT["wards"] * 2), "a ward or small area is there twice"),
    ],
)
def test_a_document_that_does_not_fit_together_is_refused(document: dict[str, Any], said: str) -> None:
    with pytest.raises(DemoCityError, match=said):
        parse_demo_city(document)


def test_the_tool_says_which_file_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_demo_city.main([str(tmp_path), "--output", str(tmp_path / "city.json")]) == 2
    assert "coventry_lsoa11_profile.csv does not exist" in capsys.readouterr().err


@pytest.mark.shared_data
def test_the_real_files_still_give_this_demo_city(shared_data: Path | None, tmp_path: Path) -> None:
    if shared_data is None:
        return
    output = tmp_path / "city.json"
    assert make_demo_city.main([str(shared_data), "--output", str(output)]) == 0
    packed = json.loads(files("citywifi.demo_city").joinpath("coventry.json").read_text(encoding="utf-8"))
    assert json.loads(output.read_text(encoding="utf-8")) == packed
