"""Venues as everybody may know them: where they are, when they are open, and whether their WiFi was heard of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, func, select

from captive_portal.ways_in.ways import Way, ways_of
from foundation.database import Statements
from foundation.schema import access_points, councils, venues


@dataclass(frozen=True, slots=True)
class KnownVenue:
    """A row of the register with what its council and its access points add."""

    id: int
    council_code: str
    name: str
    kind: str
    status: str
    address: str | None
    postcode: str | None
    latitude: float | None
    longitude: float | None
    opening_hours: Mapping[str, Sequence[str]] | None
    time_zone: str
    ways: tuple[Way, ...]
    # When the latest of its access points was heard of; None where none was, or it has none.
    last_heard_at: datetime | None


_heard = (
    select(func.max(access_points.c.last_heard_at)).where(access_points.c.venue_id == venues.c.id).scalar_subquery()
)
_VENUES: Final = (
    select(
        venues.c.id,
        councils.c.code,
        venues.c.name,
        venues.c.kind,
        venues.c.status,
        venues.c.address,
        venues.c.postcode,
        venues.c.latitude,
        venues.c.longitude,
        venues.c.opening_hours,
        councils.c.time_zone,
        venues.c.ways_in.label("venue_ways"),
        councils.c.ways_in.label("council_ways"),
        _heard.label("last_heard_at"),
    )
    .join(councils, councils.c.id == venues.c.council_id)
    .order_by(venues.c.id)
)
_ONE: Final = _VENUES.where(venues.c.id == bindparam("venue_id"))
_AFTER: Final = _VENUES.where(venues.c.id > bindparam("after")).limit(bindparam("most"))


async def find(connection: Statements, venue_id: int) -> KnownVenue | None:
    """The venue of a number."""
    row = (await connection.execute(_ONE, {"venue_id": venue_id})).one_or_none()
    return None if row is None else _from_row(row)


async def after(
    connection: Statements, *, after_id: int, most: int, council_code: str | None, status: str | None
) -> list[KnownVenue]:
    """The next so many venues in the order of their numbers, of one council and one status where those are given."""
    statement: Select[Any] = _AFTER
    asked: dict[str, object] = {"after": after_id, "most": most}
    if council_code is not None:
        statement = statement.where(councils.c.code == bindparam("code"))
        asked["code"] = council_code
    if status is not None:
        statement = statement.where(venues.c.status == bindparam("status"))
        asked["status"] = status
    return [_from_row(row) for row in await connection.execute(statement, asked)]


def _from_row(row: Row[*tuple[Any, ...]]) -> KnownVenue:
    return KnownVenue(
        id=row.id,
        council_code=row.code,
        name=row.name,
        kind=row.kind,
        status=row.status,
        address=row.address,
        postcode=row.postcode,
        latitude=row.latitude,
        longitude=row.longitude,
        opening_hours=row.opening_hours,
        time_zone=row.time_zone,
        ways=ways_of(row.venue_ways, row.council_ways),
        last_heard_at=row.last_heard_at,
    )
