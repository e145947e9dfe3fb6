"""How a register's columns become a venue: the registers that are known, and mappings that a council writes itself."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from citywifi.imports.errors import MappingError
from citywifi.imports.opening_hours import DAYS
from citywifi.imports.readers import Table, shown

# What a column can be mapped to. Of several columns, texts are joined, hours are added, of the rest the first counts.
FIELDS = (
    "reference",
    "name",
    "kind",
    "status",
    "address",
    "postcode",
    "latitude",
    "longitude",
    "position",
    "easting",
    "northing",
    "opened_on",
    "closed_on",
    *DAYS,
)
STATUSES = ("open", "planned", "closed")
_REQUIRED = ("reference", "name")
_MONTH_FIRST = {"day first": False, "month first": True}


@dataclass(frozen=True, slots=True)
class RegisterMapping:
    """How one register is read."""

    # Stands with every venue as its source, at most 64 characters.
    source: str
    # Field to the publisher's columns.
    columns: Mapping[str, tuple[str, ...]]
    # The publisher's words, in lower case, to ours.
    statuses: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    # The kind where the register has no column for it.
    kind: str = "venue"
    # 04/05/2023 is 5 April.
    month_first: bool = False

    @property
    def has_coordinates(self) -> bool:
        """The register tells positions, so that its postcodes may be any country's."""
        return not {"latitude", "position", "easting"}.isdisjoint(self.columns)

    @property
    def publisher_columns(self) -> frozenset[str]:
        """Every column that the mapping reads."""
        return frozenset(column for columns in self.columns.values() for column in columns)


_WEEK_ENGLAND_SCHEMA = {
    day: (f"{day.capitalize()} staffed hours", f"{day.capitalize()} unstaffed hours") for day in DAYS
}

REGISTERS: Mapping[str, RegisterMapping] = {
    # Public library data schema of Libraries Hacked, as Coventry publishes it.
    "libraries": RegisterMapping(
        source="libraries",
        columns={
            "reference": ("Local authority", "Library name"),
            "name": ("Library name",),
            "kind": ("Type of library",),
            "address": ("Address 1", "Address 2", "Address 3"),
            "postcode": ("Postcode",),
            "opened_on": ("Year opened",),
            "closed_on": ("Year closed",),
            **_WEEK_ENGLAND_SCHEMA,
        },
        kinds={"lal": "library", "crl": "community library"},
    ),
    # Arts Council England's basic data set. It has no identifier of its own (the UPRN is often wrong or missing).
    "libraries-england": RegisterMapping(
        source="libraries-england",
        columns={
            "reference": ("reporting", "name", "postcode"),
            "name": ("name",),
            "kind": ("type",),
            "status": ("operation_23",),
            "address": ("address1", "address2", "address3"),
            "postcode": ("postcode",),
            "opened_on": ("opened",),
            "closed_on": ("closed",),
        },
        statuses={
            "la": "open",
            "lau": "open",
            "c": "open",
            "cr": "open",
            "icl": "open",
            "closed": "closed",
            "temporary closure": "closed",
            "facility not open": "planned",
        },
    ),
    "linknyc": RegisterMapping(
        source="linknyc",
        columns={
            "reference": ("Site ID",),
            "name": ("Street Address",),
            "kind": ("Planned Kiosk Type",),
            "status": ("Installation Status",),
            "address": ("Street Address", "Borough"),
            "postcode": ("Postcode",),
            "position": ("Location",),
            "opened_on": ("Activation Complete",),
        },
        statuses={"live": "open", "removed pending reinstall": "closed"},
        kinds={
            "link1.0": "kiosk",
            "link5g_ad": "5G kiosk",
            "link5g_nonad": "5G kiosk",
            "public payphones": "payphone",
        },
        month_first=True,
    ),
    "paris": RegisterMapping(
        source="paris",
        columns={
            "reference": ("idpw",),
            "name": ("nom_site",),
            "status": ("etat2",),
            "address": ("arc_adresse",),
            "postcode": ("cp",),
            "latitude": ("geo_point_2d.lat",),
            "longitude": ("geo_point_2d.lon",),
        },
        statuses={
            "opérationnel": "open",
            "fermé pour travaux": "closed",
            "en étude": "planned",
            "en déploiement": "planned",
        },
        kind="WiFi site",
    ),
    "barcelona": RegisterMapping(
        source="barcelona",
        columns={
            "reference": ("register_id",),
            "name": ("name",),
            "address": ("addresses_road_name", "addresses_start_street_number", "addresses_town"),
            "postcode": ("addresses_zip_code",),
            # The publisher's x is the latitude.
            "latitude": ("geo_epgs_4326_x",),
            "longitude": ("geo_epgs_4326_y",),
        },
        kind="WiFi site",
    ),
}


def choose_mapping(table: Table, wanted: str | None, columns: Sequence[str]) -> RegisterMapping:
    """The mapping that was asked for, or the one that the file's columns fit; then single columns on top.

    ``columns`` are texts such as ``name=Library name``. Raises MappingError.
    """
    overrides = _parse_overrides(columns)
    mapping = _base_mapping(table, wanted, bool(overrides))
    mapping = replace(mapping, columns={**mapping.columns, **overrides})
    missing = sorted(mapping.publisher_columns - set(table.columns))
    if missing:
        raise MappingError(
            f"{table.name} has no column {', '.join(missing)}, which the mapping {mapping.source} reads; "
            f"its columns are {shown(table.columns)}"
        )
    lacking = [name for name in _REQUIRED if not mapping.columns.get(name)]
    if lacking:
        raise MappingError(f"the mapping has no column for {' and '.join(lacking)}; name it with --column FIELD=COLUMN")
    return mapping


def detect(table: Table) -> RegisterMapping | None:
    """The known register whose columns the file has."""
    available = set(table.columns)
    return next((mapping for mapping in REGISTERS.values() if mapping.publisher_columns <= available), None)


def read_mapping(file: Path) -> RegisterMapping:
    """A mapping in TOML: source, kind, date_order, and tables columns, statuses and kinds. Raises MappingError."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"the mapping {file} cannot be read: {error}") from None
    unknown = sorted(set(document) - {"source", "kind", "date_order", "columns", "statuses", "kinds"})
    if unknown:
        raise MappingError(f"the mapping {file.name} has {', '.join(unknown)}, which means nothing here")
    tables = {name: document.get(name, {}) for name in ("columns", "statuses", "kinds")}
    if not all(isinstance(value, dict) for value in tables.values()):
        raise MappingError(
            f"columns, statuses and kinds of the mapping {file.name} have to be tables such as [columns]"
        )
    mapping = RegisterMapping(
        source=_source_name(str(document.get("source", file.stem))),
        columns={name: _column_names(name, value) for name, value in tables["columns"].items()},
        statuses={word.casefold(): _known_status(status) for word, status in tables["statuses"].items()},
        kinds={word.casefold(): str(kind) for word, kind in tables["kinds"].items()},
        kind=str(document.get("kind", "venue")),
        month_first=_date_order(document.get("date_order", "day first")),
    )
    for name in mapping.columns:
        _require_field(name)
    return mapping


def _base_mapping(table: Table, wanted: str | None, overridden: bool) -> RegisterMapping:
    if wanted is not None:
        if wanted in REGISTERS:
            return REGISTERS[wanted]
        if wanted.endswith(".toml"):
            return read_mapping(Path(wanted))
        raise MappingError(
            f"there is no mapping {wanted!r}; known are {', '.join(REGISTERS)}, or a file that ends in .toml"
        )
    if (found := detect(table)) is not None:
        return found
    if overridden:
        return RegisterMapping(source=_source_name(Path(table.name).stem), columns={})
    raise MappingError(
        f"{table.name} is none of the registers known ({', '.join(REGISTERS)}); name its columns "
        f'with --mapping FILE.toml or --column reference="…" --column name="…"; its columns are {shown(table.columns)}'
    )


def _parse_overrides(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    overrides: dict[str, tuple[str, ...]] = {}
    for text in columns:
        name, equals, column = text.partition("=")
        if not equals or not column.strip():
            raise MappingError(f'{text!r} is not understood; write --column name="Their Column"')
        _require_field(name.strip())
        overrides[name.strip()] = (*overrides.get(name.strip(), ()), column.strip().strip('"'))
    return overrides


def _require_field(name: str) -> None:
    if name not in FIELDS:
        raise MappingError(f"a venue has no field {name!r}; there are {', '.join(FIELDS)}")


def _column_names(name: str, value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    if not names or not all(isinstance(column, str) for column in names):
        raise MappingError(f"columns.{name} has to be a column's name or a list of names")
    return names


def _known_status(status: Any) -> str:
    if status not in STATUSES:
        raise MappingError(f"a venue cannot have the status {status!r}; there are {', '.join(STATUSES)}")
    return str(status)


def _date_order(value: Any) -> bool:
    if value not in _MONTH_FIRST:
        raise MappingError(f"date_order is {value!r}; it can be {' or '.join(_MONTH_FIRST)}")
    return _MONTH_FIRST[value]


def _source_name(text: str) -> str:
    name = text.strip()[:64]
    if not name:
        raise MappingError("the mapping's source is empty")
    return name
