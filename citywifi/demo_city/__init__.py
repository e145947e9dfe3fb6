"""The demo city: facts and figures of Coventry, in the project's own compact format.

``coventry.json`` is made by ``python -m tools.make_demo_city`` from the publishers' files; it names its sources and
their licences. It stands in the package, so that the demo runs where no other data is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

FORMAT = "citywifi demo city"
FORMAT_VERSION = 1
SMALL_AREA_COLUMNS = (
    "code",
    "edition",
    "name",
    "ward_code",
    "imd_decile",
    "imd_rank",
    "population",
    "digital_exclusion_risk",
    "latitude",
    "longitude",
)

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class DemoCityError(Exception):
    """The demo city's file is not what the loader understands; the message says where."""


@dataclass(frozen=True, slots=True)
class DemoSource:
    """Where figures come from, as their licences ask to be said."""

    title: str
    publisher: str
    licence: str


@dataclass(frozen=True, slots=True)
class DemoWard:
    """An electoral ward."""

    code: str
    name: str
    # GeoJSON geometry in WGS 84, simplified for a small map; neighbours share their borders.
    outline: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoSmallArea:
    """A Lower-layer Super Output Area.

    Those of edition 2021 cover the city. Of edition 2011 there are only those that were split since and hold a
    library: which part the library is in is not known, so decile and rank are the parts' mean weighted by
    population, and population is None because the people are counted in the parts.
    """

    code: str
    edition: int
    name: str
    ward_code: str
    # Index of Multiple Deprivation 2025; 1 is the most deprived tenth of England.
    imd_decile: int
    imd_rank: int
    population: int | None
    # Digital Exclusion Risk Index, 0 to 10; None where the area is newer than the index.
    digital_exclusion_risk: float | None
    # The area's centre, where the publisher names one.
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class DemoLibrary:
    """A public library that is open."""

    reference: str
    name: str
    address: str
    postcode: str
    latitude: float
    longitude: float
    ward_code: str
    # Names a small area of the same city; see DemoSmallArea for its edition.
    small_area_code: str
    # {"monday": ["09:00-17:00"], …} in the city's time zone; a closing time of 00:00 is midnight.
    opening_hours: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class DemoCity:
    """What the demo is built from."""

    council_code: str
    council_name: str
    sources: tuple[DemoSource, ...]
    wards: tuple[DemoWard, ...]
    small_areas: tuple[DemoSmallArea, ...]
    libraries: tuple[DemoLibrary, ...]
    # WiFi sessions in all libraries together, by month ("2023-04"), as published.
    monthly_sessions: dict[str, int]


def load_demo_city() -> DemoCity:
    """Read Coventry from the package. Raises DemoCityError."""
    text = files(__name__).joinpath("coventry.json").read_text(encoding="utf-8")
    return parse_demo_city(json.loads(text))


def parse_demo_city(document: Mapping[str, Any]) -> DemoCity:
    """Turn the file's content into values and check that they fit together. Raises DemoCityError."""
    if (document.get("format"), document.get("version")) != (FORMAT, FORMAT_VERSION):
        raise DemoCityError(f"the file is not a {FORMAT}, version {FORMAT_VERSION}")
    try:
        areas = document["small_areas"]
        city = DemoCity(
            council_code=document["council"]["code"],
            council_name=document["council"]["name"],
            sources=tuple(DemoSource(**source) for source in document["sources"]),
            wards=tuple(DemoWard(**ward) for ward in document["wards"]),
            small_areas=tuple(DemoSmallArea(**dict(zip(areas["columns"], row, strict=True))) for row in areas["rows"]),
            libraries=tuple(DemoLibrary(**library) for library in document["libraries"]),
            monthly_sessions=dict(document["monthly_sessions"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DemoCityError(f"the demo city's file lacks something or has too much: {error}") from None
    for complaint in _complaints(city):
        raise DemoCityError(complaint)
    return city


def _complaints(city: DemoCity) -> list[str]:
    """Whatever does not fit together."""
    wards = {ward.code for ward in city.wards}
    areas = {area.code for area in city.small_areas}
    found = [f"small area {area.code} is in no ward" for area in city.small_areas if area.ward_code not in wards]
    found += [f"small area {area.code} has no decile" for area in city.small_areas if not 1 <= area.imd_decile <= 10]
    found += [f"library {library.name} is in no ward" for library in city.libraries if library.ward_code not in wards]
    found += [
        f"library {library.name} is in no small area"
        for library in city.libraries
        if library.small_area_code not in areas
    ]
    found += [f"{month} is not a month" for month in city.monthly_sessions if not _MONTH.fullmatch(month)]
    if len(areas) != len(city.small_areas) or len(wards) != len(city.wards):
        found.append("a ward or small area is there twice")
    return found
