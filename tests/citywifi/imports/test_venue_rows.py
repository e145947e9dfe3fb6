"""One row of each register, with every oddity that the real ones taught; the rows are written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from citywifi.imports.readers import Row
from citywifi.imports.registers import REGISTERS, RegisterMapping
from citywifi.imports.report import Problems
from citywifi.imports.rows import RowNotUsable
from citywifi.imports.venue_rows import VenueRow, read_venue

TODAY = date(2026, 11, 22)
GRID = RegisterMapping("grid", {"reference": ("id",), "name": ("name",), "easting": ("x",), "northing": ("y",)})
PLAIN = RegisterMapping(
    "plain",
    {
        "reference": ("id",),
        "name": ("name",),
        "status": ("state",),
        "latitude": ("lat",),
        "longitude": ("lon",),
        "postcode": ("pc",),
        "opened_on": ("opened",),
        "closed_on": ("closed",),
    },
    statuses={"live": "open"},
)


def read(mapping: RegisterMapping, **values: str) -> tuple[VenueRow, list[str]]:
    """The venue of a row in which all other columns are empty, and what is said about it."""
    problems = Problems()
    row = Row(7, {**dict.fromkeys(mapping.publisher_columns, ""), **values})
    venue = read_venue(row, mapping, TODAY, problems)
    return venue, [str(problem) for problem in problems.remarks]


def plain(**values: str) -> tuple[VenueRow, list[str]]:
    return read(PLAIN, **{"id": "1", "name": "Here", "lat": "52.41", "lon": "-1.52", **values})


def test_a_kiosk_of_new_york_has_joined_coordinates_and_american_dates() -> None:
    values = {
        "Site ID": "qu-01-1",
        "Planned Kiosk Type": "LINK1.0",
        "Installation Status": "Live",
        "Street Address": "34-02  BROADWAY",
        "Borough": "Queens",
        "Postcode": "11106",
        "Location": "(40.76, -73.92)",
        "Activation Complete": "06/28/2017",
    }
    venue, said = read(REGISTERS["linknyc"], **values)
    assert said == []
    assert venue.position is not None
    assert (venue.position.latitude, venue.position.longitude) == (40.76, -73.92)
    assert (venue.name, venue.address, venue.postcode) == ("34-02 BROADWAY", "34-02 BROADWAY, Queens", "11106")
    assert (venue.kind, venue.status, venue.opened_on) == ("kiosk", "open", date(2017, 6, 28))


def test_a_kiosk_that_waits_to_be_put_up_again_is_closed() -> None:
    venue, _ = read(
        REGISTERS["linknyc"],
        **{
            "Site ID": "1",
            "Street Address": "A",
            "Installation Status": "Removed Pending Reinstall",
            "Location": "40.7, -73.9",
        },
    )
    assert (venue.status, venue.closed_on) == ("closed", None)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Opérationnel", "open"),
        ("Fermé pour travaux", "closed"),
        ("En étude", "planned"),
        ("En déploiement", "planned"),
    ],
)
def test_paris_says_its_statuses_in_french(state: str, status: str) -> None:
    values = {"idpw": "PW0159-1", "nom_site": "PARC", "cp": "75013", "etat2": state}
    venue, said = read(REGISTERS["paris"], **values, **{"geo_point_2d.lat": "48.86", "geo_point_2d.lon": "2.28"})
    assert (venue.status, venue.postcode, venue.kind, said) == (status, "75013", "WiFi site", [])


def test_a_site_without_an_identifier_cannot_be_used() -> None:
    with pytest.raises(RowNotUsable, match="a second import could not recognise the venue") as caught:
        read(REGISTERS["paris"], idpw="", nom_site="SQUARE")
    assert caught.value.column == "idpw"


def test_barcelonas_x_is_the_latitude() -> None:
    values = {"register_id": "1", "name": "Casal", "geo_epgs_4326_x": "41.403", "geo_epgs_4326_y": "2.131"}
    venue, said = read(REGISTERS["barcelona"], **values)
    assert venue.position is not None
    assert (venue.position.latitude, venue.position.longitude, said) == (41.403, 2.131, [])


def test_a_place_without_coordinates_goes_in_without_a_place_and_is_told() -> None:
    venue, said = read(REGISTERS["barcelona"], register_id="1", name="Punt", addresses_zip_code="08028")
    assert (venue.position, venue.postcode) == (None, "08028")
    assert said == [
        "line 7: geo_epgs_4326_x, geo_epgs_4326_y (empty): there is no position; the venue goes in without a place"
    ]


def test_a_library_of_england_has_years_for_dates_and_a_postcode_for_its_place() -> None:
    values = {
        "reporting": "Kent",
        "name": "Ash ",
        "postcode": "CT3  2AA",
        "type": "Static library",
        "operation_23": "c",
    }
    venue, said = read(
        REGISTERS["libraries-england"], **values, opened="1974", address1=" High Street, ", address2="Ash"
    )
    assert (venue.reference, venue.name, venue.kind) == ("Kent / Ash / CT3 2AA", "Ash", "static library")
    assert (venue.postcode, venue.address, venue.status) == ("CT3 2AA", "High Street, Ash", "open")
    assert (venue.opened_on, said) == (date(1974, 1, 1), [])


@pytest.mark.parametrize(
    ("operation", "closed", "status", "closed_on"),
    [
        ("Closed", "2013", "closed", date(2013, 12, 31)),
        ("closed", "", "closed", None),
        ("Temporary Closure", "", "closed", None),
        ("LA", "2024", "closed", date(2024, 12, 31)),
        ("LA", "2030", "open", date(2030, 12, 31)),
        ("C", " ", "open", None),
        ("[Unknown]", "", "open", None),
        ("Facility Not Open", "", "planned", None),
    ],
)
def test_a_library_is_closed_when_it_says_so_or_its_year_is_past(
    operation: str, closed: str, status: str, closed_on: date | None
) -> None:
    values = {"reporting": "Kent", "name": "Ash", "postcode": "CT3 2AA", "operation_23": operation, "closed": closed}
    venue, said = read(REGISTERS["libraries-england"], **values)
    assert (venue.status, venue.closed_on, said) == (status, closed_on, [])


@pytest.mark.parametrize("postcode", ["[No registered public address]", "[Unknown]", "n/a - mobile"])
def test_a_mobile_library_has_no_place_and_is_told(postcode: str) -> None:
    venue, said = read(REGISTERS["libraries-england"], reporting="Oxfordshire", name="East Mobile", postcode=postcode)
    assert (venue.postcode, venue.position) == (None, None)
    assert said == [f"line 7: postcode {postcode!r}: is not a UK postcode; the venue goes in without a place"]


@pytest.mark.parametrize("opened", ["1960s", "1985c"])
def test_a_vague_year_is_left_out_and_told(opened: str) -> None:
    venue, said = read(
        REGISTERS["libraries-england"], reporting="Manchester", name="N", postcode="M22 4DJ", opened=opened
    )
    assert venue.opened_on is None
    assert said == [f"line 7: opened {opened!r}: is not a date or a year; it is left out"]


def library(**hours: str) -> tuple[VenueRow, list[str]]:
    values = {"Local authority": "City", "Library name": "Stoke", "Postcode": "CV2 4EA", "Type of library": "CRL"}
    return read(REGISTERS["libraries"], **values, **{f"{name} hours": text for name, text in hours.items()})


def test_opening_hours_are_kept_by_day_staffed_and_unstaffed_together() -> None:
    venue, said = library(
        **{"Monday staffed": "13:00-17:00", "Monday unstaffed": "09:00-12:00", "Sunday staffed": "Closed"}
    )
    assert venue.opening_hours == {"monday": ["09:00-12:00", "13:00-17:00"]}
    assert (venue.kind, venue.reference, said) == ("community library", "City / Stoke", [])


def test_a_closing_time_of_midnight_is_kept_as_published_and_told() -> None:
    venue, said = library(**{"Monday staffed": "10:00-00:00"})
    assert venue.opening_hours == {"monday": ["10:00-00:00"]}
    assert said == [
        "line 7: Monday staffed hours, Monday unstaffed hours '10:00-00:00': "
        "closing at 00:00 is taken as midnight, as published"
    ]


def test_hours_in_words_are_left_out_and_told() -> None:
    venue, said = library(**{"Monday staffed": "AM & PM (continuous)", "Tuesday staffed": "09:00-17:00"})
    assert venue.opening_hours == {"tuesday": ["09:00-17:00"]}
    assert "is not opening hours such as 09:00-17:00; the day is left out" in said[0]


def test_a_register_without_hours_says_nothing_about_them() -> None:
    assert plain()[0].opening_hours is None


def test_a_sentinel_date_is_no_date() -> None:
    venue, said = plain(opened="09/09/9999", closed="09/09/9999")
    assert (venue.opened_on, venue.closed_on, venue.status, said) == (None, None, "open", [])


def test_swapped_coordinates_are_turned_round_and_told_where_only_that_is_inhabited() -> None:
    venue, said = plain(lat="-73.92", lon="40.76")
    assert venue.position is not None
    assert (venue.position.latitude, venue.position.longitude) == (40.76, -73.92)
    assert said == ["line 7: lat, lon '-73.92, 40.76': latitude and longitude are swapped; taken the other way round"]


@pytest.mark.parametrize(
    ("lat", "lon", "reason"),
    [
        ("0", "0", "stands for no position"),
        ("91", "-99", "is not a latitude and a longitude"),
        ("433000", "279000", "is not between -180 and 180"),
        ("north", "-1.5", "is not a number"),
        ("nan", "-1.5", "is not between -180 and 180"),
    ],
)
def test_a_position_that_cannot_be_is_left_out_and_told_once(lat: str, lon: str, reason: str) -> None:
    venue, said = plain(lat=lat, lon=lon)
    assert venue.position is None
    assert said == [f"line 7: lat, lon '{lat}, {lon}': {reason}; the position is left out"]


def test_a_postcode_places_a_venue_whose_coordinates_are_missing() -> None:
    venue, said = plain(lat="", lon="", pc="cv1 1fy")
    assert (venue.position, venue.postcode, said) == (None, "CV1 1FY", [])


def test_the_national_grid_is_understood() -> None:
    venue, said = read(GRID, id="1", name="Here", x="432748", y="279219")
    assert venue.position is not None
    assert (round(venue.position.latitude, 3), round(venue.position.longitude, 3), said) == (52.41, -1.52, [])
    assert read(GRID, id="1", name="Here", x="0", y="0")[1] == [
        "line 7: x, y '0, 0': is the grid's origin, which stands for no position; the position is left out"
    ]


def test_a_status_that_is_not_known_is_taken_as_open_and_told() -> None:
    venue, said = plain(state="Dreaming")
    assert (venue.status, said) == ("open", ["line 7: state 'Dreaming': is not a status known; taken as open"])


def test_a_row_without_a_name_cannot_be_used() -> None:
    with pytest.raises(RowNotUsable, match="there is no name"):
        plain(name=" ")


def test_texts_are_cut_to_what_the_database_holds_and_told() -> None:
    venue, said = plain(name="x" * 201)
    assert len(venue.name) == 200
    assert said[0].endswith("is cut after 200 characters")
    with pytest.raises(RowNotUsable, match="longer than the 200 characters of an identifier"):
        plain(id="x" * 201)


def test_two_rows_mean_one_venue_if_name_and_place_agree() -> None:
    venue, _ = plain()
    assert venue.same_venue_as(replace(venue, kind="other", line=9))
    assert not venue.same_venue_as(replace(venue, name="There"))
    assert not venue.same_venue_as(venue.at(None))
