"""Councils, and the places that statistics are told by: wards, small areas, postcodes, venues."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Date, Float, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

councils = Table(
    "councils",
    metadata,
    primary_key(),
    # Government Statistical Service code, such as E08000026.
    Column("code", String(9), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("time_zone", String(64), nullable=False, server_default="Europe/London"),
    # The ways in that its venues offer, in this order, such as "click,email"; null: as ways_in/ways.py has it.
    Column("ways_in", String(64)),
    # How many texts it pays for in a month; null: the setting sms.texts_per_month.
    Column("texts_per_month", Integer),
    # How its pages look, as JSON: name, colour, logo (captive_portal/appearance/branding.py).
    Column("branding", Text),
    Column("created_at", UtcDateTime, nullable=False),
)

wards = Table(
    "wards",
    metadata,
    primary_key(),
    council_id(),
    Column("code", String(9), nullable=False),
    Column("name", String(200), nullable=False),
    # GeoJSON geometry in WGS 84 (RFC 7946).
    Column("outline", Text),
    UniqueConstraint("council_id", "code"),
)

small_areas = Table(
    "small_areas",
    metadata,
    primary_key(),
    council_id(),
    # Lower-layer Super Output Area code; one that did not change has the same code in both editions.
    Column("code", String(9), nullable=False),
    # Census year of the boundary: 2011 or 2021.
    Column("edition", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    reference("ward_id", "wards", nullable=True),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("population", Integer),
    # Year of the Indices of Multiple Deprivation that the next two come from.
    Column("imd_year", Integer),
    # 1 is the most deprived tenth of England.
    Column("imd_decile", Integer),
    Column("imd_rank", Integer),
    # Deciles of the domains (income, employment, education, …) by name.
    Column("domain_deciles", JSON(none_as_null=True)),
    # Digital Exclusion Risk Index, 0 to 10; higher means more at risk.
    Column("digital_exclusion_risk", Float),
    Column("outline", Text),
    UniqueConstraint("council_id", "edition", "code"),
)

small_area_changes = Table(
    "small_area_changes",
    metadata,
    primary_key(),
    council_id(),
    Column("code_2011", String(9), nullable=False),
    Column("code_2021", String(9), nullable=False),
    # U unchanged, S split, M merged, X irregular (ONS).
    Column("change", String(1), nullable=False),
    UniqueConstraint("council_id", "code_2011", "code_2021"),
)

postcodes = Table(
    "postcodes",
    metadata,
    primary_key(),
    council_id(),
    # Upper case with one space, such as CV1 1FY.
    Column("postcode", String(8), nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    reference("ward_id", "wards", nullable=True),
    UniqueConstraint("council_id", "postcode"),
)

venues = Table(
    "venues",
    metadata,
    primary_key(),
    council_id(),
    # The register that it came from and its identifier there.
    Column("source", String(64), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(64), nullable=False, server_default="venue"),
    # open, planned or closed.
    Column("status", String(16), nullable=False, server_default="open"),
    Column("address", String(400)),
    Column("postcode", String(16)),
    Column("latitude", Float),
    Column("longitude", Float),
    reference("ward_id", "wards", nullable=True),
    reference("small_area_id", "small_areas", nullable=True),
    # {"monday": ["09:00-17:00"], …} in the council's time zone.
    Column("opening_hours", JSON(none_as_null=True)),
    # As councils.ways_in; null: as the council.
    Column("ways_in", String(64)),
    Column("opened_on", Date),
    Column("closed_on", Date),
    # Where it differs from its council's.
    Column("branding", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "source", "reference"),
)

logos = Table(
    "logos",
    metadata,
    primary_key(),
    council_id(),
    # Of the octets; a part of its address.
    Column("digest", String(32), nullable=False, index=True),
    # A PNG that was written anew from what was uploaded.
    Column("octets", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "digest"),
)
