"""The indicators of a council in a period, as they are: not yet fit to publish.

Sessions, time and volume come from hourly usage. Active users are distinct residents of whom a session was going on
in the period; a session of nobody we know counts as a session and not as a user. Everything is told by the venue's
ward and by the deprivation decile of its small area; what is at no known place stands in a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.retention_job import horizon
from foundation.schema import accounting_sessions, councils, hourly_usage, residents, small_areas, venues, wards
from monitoring.errors import MonitoringError

# The code of the row for what is at no known place.
UNKNOWN: Final = "unknown"
_RECEIVED_MARGIN: Final = timedelta(days=1)


class PeriodError(MonitoringError):
    """The period asked for is none; the message says how to write one."""


class NoCouncilError(MonitoringError):
    """There is no such council, or more than one and none was named."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in the council's time zone, from the first up to and without the second."""

    first: date
    end: date

    def __post_init__(self) -> None:
        if self.first >= self.end:
            raise PeriodError(
                f"the period from {self.first} to {self.end} has no day in it; `to` is the day after the last one"
            )

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """When it begins and when it is over."""
        return datetime.combine(self.first, time(), zone), datetime.combine(self.end, time(), zone)


@dataclass(frozen=True, slots=True)
class Council:
    """Whose report it is."""

    id: int
    code: str
    name: str
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Measures:
    """What is counted; None where the records that it is counted from are no longer kept."""

    registrations: int | None = 0
    active_users: int | None = 0
    sessions: int = 0
    session_seconds: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Area:
    """What a row is about: a ward by its code, or a decile, 1 being the most deprived tenth of England."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class CouncilIndicators:
    """All figures of a period. Each table's rows cover everything that the total covers."""

    wards: Mapping[Area, Measures]
    deciles: Mapping[Area, Measures]
    total: Measures
    # Which ward and decile have a place in common, by code: what can be concluded from one table to the other.
    links: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Place:
    ward: Area
    decile: Area


_UNKNOWN_PLACE: Final = _Place(Area(UNKNOWN, "At no known ward"), Area(UNKNOWN, "Not known"))


async def find_council(connection: AsyncConnection, code: str | None = None) -> Council:
    """The council with this code, or the only one. Raises NoCouncilError."""
    table = councils.c
    question = select(table.id, table.code, table.name, table.time_zone).order_by(table.code)
    found = [Council(*row) for row in await connection.execute(question)]
    if code is not None:
        for council in found:
            if council.code == code:
                return council
        raise NoCouncilError(f"there is no council {code!r}; there are: {', '.join(c.code for c in found) or 'none'}")
    if not found:
        raise NoCouncilError("there is no council yet; `citywifi council add` makes one")
    if len(found) > 1:
        raise NoCouncilError(f"name one of the councils: {', '.join(council.code for council in found)}")
    return found[0]


async def read_indicators(connection: AsyncConnection, council: Council, period: Period) -> CouncilIndicators:
    """Count everything in the period."""
    begin, end = period.moments(council.zone)
    places, ward_areas = await _places(connection, council)
    registrations = await _registrations(connection, council, begin, end)
    users = await _users(connection, council, begin, end)
    usage = await _usage(connection, council, begin, end)

    def gather(area_of: Callable[[_Place], Area]) -> dict[Area, Measures]:
        return _gather(lambda venue: area_of(places.get(venue, _UNKNOWN_PLACE)), registrations, users, usage)

    known_wards = {area: Measures(*_nothing(registrations, users)) for area in ward_areas}
    known_deciles = {area: Measures(*_nothing(registrations, users)) for area in (decile(n) for n in range(1, 11))}
    totals = _gather(lambda _: _UNKNOWN_PLACE.ward, registrations, users, usage)
    return CouncilIndicators(
        wards={**known_wards, **gather(lambda place: place.ward)},
        deciles={**known_deciles, **gather(lambda place: place.decile)},
        total=totals.get(_UNKNOWN_PLACE.ward, Measures(*_nothing(registrations, users))),
        links=frozenset((place.ward.code, place.decile.code) for place in [*places.values(), _UNKNOWN_PLACE]),
    )


def decile(number: int) -> Area:
    """The area of a deprivation decile."""
    names = {1: "1 (most deprived)", 10: "10 (least deprived)"}
    return Area(str(number), names.get(number, str(number)))


# By venue; None instead of all of it where it can no longer be known.
_ByVenue = dict[int | None, int]
_UsersByVenue = dict[int | None, set[int]]
_UsageByVenue = dict[int | None, tuple[int, int, int]]


def _nothing(registrations: _ByVenue | None, users: _UsersByVenue | None) -> tuple[int | None, int | None]:
    return (None if registrations is None else 0), (None if users is None else 0)


def _gather(
    area_of: Callable[[int | None], Area],
    registrations: _ByVenue | None,
    users: _UsersByVenue | None,
    usage: _UsageByVenue,
) -> dict[Area, Measures]:
    """Add up the venues of each area; a resident counts once in it."""
    registered: dict[Area, int] = {}
    active: dict[Area, set[int]] = {}
    used: dict[Area, tuple[int, int, int]] = {}
    for venue, count in (registrations or {}).items():
        registered[area_of(venue)] = registered.get(area_of(venue), 0) + count
    for venue, residents_there in (users or {}).items():
        active.setdefault(area_of(venue), set()).update(residents_there)
    for venue, (sessions, seconds, octets) in usage.items():
        before = used.get(area_of(venue), (0, 0, 0))
        used[area_of(venue)] = (before[0] + sessions, before[1] + seconds, before[2] + octets)
    return {
        area: Measures(
            None if registrations is None else registered.get(area, 0),
            None if users is None else len(active.get(area, ())),
            *used.get(area, (0, 0, 0)),
        )
        for area in sorted({*registered, *active, *used}, key=lambda area: area.code)
    }


async def _places(connection: AsyncConnection, council: Council) -> tuple[dict[int | None, _Place], list[Area]]:
    question = select(wards.c.id, wards.c.code, wards.c.name).where(wards.c.council_id == council.id)
    ward_areas = {row.id: Area(row.code, row.name) for row in await connection.execute(question)}
    located = (
        select(venues.c.id, venues.c.ward_id, small_areas.c.imd_decile)
        .outerjoin_from(venues, small_areas, venues.c.small_area_id == small_areas.c.id)
        .where(venues.c.council_id == council.id)
    )
    places: dict[int | None, _Place] = {
        row.id: _Place(
            ward_areas.get(row.ward_id, _UNKNOWN_PLACE.ward),
            _UNKNOWN_PLACE.decile if row.imd_decile is None else decile(row.imd_decile),
        )
        for row in await connection.execute(located)
    }
    return places, sorted(ward_areas.values(), key=lambda area: area.name)


async def _registrations(
    connection: AsyncConnection, council: Council, begin: datetime, end: datetime
) -> _ByVenue | None:
    if await _is_gone(connection, begin, residents, council):
        return None
    table = residents.c
    question = (
        select(table.registered_venue_id, func.count())
        .where(table.council_id == council.id, table.registered_at >= begin, table.registered_at < end)
        .group_by(table.registered_venue_id)
    )
    return {row[0]: row[1] for row in await connection.execute(question)}


async def _users(connection: AsyncConnection, council: Council, begin: datetime, end: datetime) -> _UsersByVenue | None:
    if await _is_gone(connection, begin, accounting_sessions, council):
        return None
    table = accounting_sessions.c
    question = (
        select(table.venue_id, table.resident_id)
        .distinct()
        .where(
            table.council_id == council.id,
            table.resident_id.is_not(None),
            table.started_at < end,
            table.updated_at >= begin,
            # Follows from the one before, and has an index.
            table.received_at >= begin - _RECEIVED_MARGIN,
        )
    )
    users: _UsersByVenue = {}
    for venue, resident in await connection.execute(question):
        users.setdefault(venue, set()).add(resident)
    return users


async def _usage(connection: AsyncConnection, council: Council, begin: datetime, end: datetime) -> _UsageByVenue:
    table = hourly_usage.c
    question = (
        select(
            table.venue_id,
            func.sum(table.sessions),
            func.sum(table.session_seconds),
            func.sum(table.input_octets) + func.sum(table.output_octets),
        )
        .where(table.council_id == council.id, table.hour >= begin, table.hour < end)
        .group_by(table.venue_id)
    )
    # PostgreSQL adds big integers up to numeric.
    return {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in await connection.execute(question)}


async def _is_gone(connection: AsyncConnection, begin: datetime, table: Table, council: Council) -> bool:
    gone_until = await horizon(connection, table, council.id)
    return gone_until is not None and begin < gone_until
