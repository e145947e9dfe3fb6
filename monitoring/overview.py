"""What an engineer sees: venues, access points, sessions now, recent rejects and restarts. No person is in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, Table, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.due_requests import DueRequests, count_due
from foundation.schema import (
    access_points,
    accounting_restarts,
    accounting_sessions,
    authentications,
    is_in_service,
    network_access_servers,
    venues,
)
from foundation.schema import councils as council_table
from foundation.text_budgets import Budget, read_budgets
from foundation.venue_health import Condition, Opening, OpeningHours, condition_of, opening_at
from monitoring import usage
from monitoring.problem_reports import Reported, count_reports

RECENT: Final = timedelta(hours=24)
_SHOWN_REJECTS: Final = 50
_SHOWN_RESTARTS: Final = 20
_SHOWN_SESSIONS: Final = 200
_SHOWN_AUTHENTICATIONS: Final = 50
# Enough of a pseudonym to see that two lines are the same device.
_SHOWN_PSEUDONYM_OCTETS: Final = 4


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """An access point and how it is."""

    name: str
    nas_name: str
    last_heard_at: datetime | None
    condition: Condition


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue, or (id None) everything at none."""

    id: int | None
    council_code: str
    zone: ZoneInfo
    name: str
    address: str
    status: str
    opening: Opening
    opening_hours: OpeningHours | None
    access_points: tuple[AccessPoint, ...]
    open_sessions: int

    @property
    def last_heard_at(self) -> datetime | None:
        """When any of its access points was last heard."""
        return max((point.last_heard_at for point in self.access_points if point.last_heard_at), default=None)

    def number(self, condition: Condition) -> int:
        """How many access points are in a condition."""
        return sum(point.condition is condition for point in self.access_points)


@dataclass(frozen=True, slots=True)
class Authentication:
    """One line of the log of authentications."""

    at: datetime
    venue_id: int | None
    venue_name: str
    nas_name: str
    method: str
    accepted: bool
    reason: str
    # The first 8 hexadecimal digits of the pseudonym.
    mark: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Access equipment that said Accounting-On or Accounting-Off."""

    at: datetime
    nas_name: str
    venue_name: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not ended."""

    id: int
    venue_id: int | None
    venue_name: str
    access_point_name: str
    started_at: datetime
    updated_at: datetime
    octets: int
    can_be_ended: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """All of the console's first page."""

    at: datetime
    venues: tuple[Venue, ...]
    sessions_begun: int
    accepted: int
    # Why, and how often, most frequent first.
    reject_reasons: tuple[tuple[str, int], ...]
    rejects: tuple[Authentication, ...]
    restarts: tuple[Restart, ...]
    counted_until: datetime | None
    # Texts with codes, by council.
    texts: tuple[Budget, ...] = ()
    # Requests about people's data, by council.
    requests: tuple[DueRequests, ...] = ()
    # What residents reported, by place and kind.
    reported: tuple[Reported, ...] = ()

    @property
    def open_sessions(self) -> int:
        return sum(venue.open_sessions for venue in self.venues)

    @property
    def rejected(self) -> int:
        return sum(number for _, number in self.reject_reasons)

    @property
    def number_of_access_points(self) -> int:
        return sum(len(venue.access_points) for venue in self.venues)

    def number(self, condition: Condition) -> int:
        """How many access points are in a condition."""
        return sum(venue.number(condition) for venue in self.venues)


async def read_overview(
    database: Database,
    now: datetime,
    silent_after: timedelta,
    texts_per_month: int,
    councils: Collection[int] | None = None,
) -> Overview:
    """Everything as of one moment: of some councils, or (None) of all.

    ``texts_per_month`` is what a council pays for that has no limit of its own.
    """
    async with database.read() as connection:
        found = await read_venues(connection, now, silent_after, councils)
        accepted, reasons = await _results(connection, now - RECENT, councils)
        conditions = (authentications.c.accepted.is_(False), is_of(authentications, councils))
        rejects = await read_authentications(connection, now - RECENT, *conditions, limit=_SHOWN_REJECTS)
        return Overview(
            at=now,
            venues=found,
            sessions_begun=await _number_begun(connection, now - RECENT, councils),
            accepted=accepted,
            reject_reasons=reasons,
            rejects=rejects,
            restarts=await _read_restarts(connection, now - RECENT, councils),
            counted_until=await usage.progress(connection),
            texts=await read_budgets(connection, texts_per_month, now, councils),
            requests=await count_due(connection, now, councils),
            reported=await count_reports(connection, now - RECENT, councils),
        )


def is_of(table: Table, councils: Collection[int] | None) -> ColumnElement[bool]:
    """The condition that rows belong to some councils; None asks for no such thing."""
    return true() if councils is None else table.c.council_id.in_(councils)


async def read_venues(
    connection: AsyncConnection, now: datetime, silent_after: timedelta, councils: Collection[int] | None
) -> tuple[Venue, ...]:
    """Every venue of these councils by council and name, and last what is at none, if there is anything."""
    points = await _rows_by_venue(connection, _points_question().where(is_of(access_points, councils)))
    open_sessions = _open_sessions_question().where(is_of(accounting_sessions, councils))
    sessions = {row.venue_id: row.number for row in await connection.execute(open_sessions)}
    question = (
        select(venues, council_table.c.code.label("council_code"), council_table.c.time_zone)
        .join_from(venues, council_table, venues.c.council_id == council_table.c.id)
        .where(is_of(venues, councils))
        .order_by(council_table.c.code, venues.c.name)
    )
    found = []
    for row in await connection.execute(question):
        zone = ZoneInfo(row.time_zone)
        opening = opening_at(row.opening_hours, zone, now)
        found.append(
            Venue(
                row.id, row.council_code, zone, row.name, ", ".join(filter(None, (row.address, row.postcode))),
                row.status, opening, row.opening_hours,
                _access_points(points.get(row.id, ()), opening, silent_after, now), sessions.get(row.id, 0),
            )
        )  # fmt: skip
    if None in points or None in sessions:
        always = Opening(False, None)
        elsewhere = _access_points(points.get(None, ()), always, silent_after, now)
        found.append(Venue(None, "", ZoneInfo("UTC"), "", "", "", always, None, elsewhere, sessions.get(None, 0)))
    return tuple(found)


async def read_authentications(
    connection: AsyncConnection,
    since: datetime,
    *conditions: ColumnElement[bool],
    limit: int = _SHOWN_AUTHENTICATIONS,
) -> tuple[Authentication, ...]:
    """The latest lines of the log that meet the conditions, newest first."""
    table = authentications.c
    question = (
        select(authentications, venues.c.name.label("venue_name"), network_access_servers.c.name.label("nas_name"))
        .join_from(authentications, network_access_servers, table.nas_id == network_access_servers.c.id)
        .outerjoin(venues, table.venue_id == venues.c.id)
        .where(table.at >= since, *conditions)
        .order_by(table.at.desc(), table.id.desc())
        .limit(limit)
    )
    return tuple(
        Authentication(
            row.at, row.venue_id, row.venue_name or "", row.nas_name, row.method, row.accepted, row.reason,
            row.user_pseudonym[:_SHOWN_PSEUDONYM_OCTETS].hex(), row.milliseconds,
        )
        for row in await connection.execute(question)
    )  # fmt: skip


async def read_open_sessions(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> tuple[OpenSession, ...]:
    """The latest sessions that have not ended, newest first."""
    table = accounting_sessions.c
    nas = network_access_servers.c
    question = (
        select(
            table.id, table.venue_id, venues.c.name.label("venue_name"), access_points.c.name.label("point_name"),
            table.started_at, table.updated_at, (table.input_octets + table.output_octets).label("octets"),
            nas.dynamic_authorization_host,
        )
        .join_from(accounting_sessions, network_access_servers, table.nas_id == nas.id)
        .outerjoin(venues, table.venue_id == venues.c.id)
        .outerjoin(access_points, table.access_point_id == access_points.c.id)
        .where(table.stopped_at.is_(None), *conditions)
        .order_by(table.started_at.desc(), table.id.desc())
        .limit(_SHOWN_SESSIONS)
    )  # fmt: skip
    return tuple(
        OpenSession(
            row.id, row.venue_id, row.venue_name or "", row.point_name or "", row.started_at, row.updated_at,
            row.octets, row.dynamic_authorization_host is not None,
        )
        for row in await connection.execute(question)
    )  # fmt: skip


def _points_question() -> Select[Any]:
    venue_id = func.coalesce(access_points.c.venue_id, network_access_servers.c.venue_id).label("venue_id")
    return (
        select(
            venue_id, access_points.c.name, access_points.c.last_heard_at,
            network_access_servers.c.name.label("nas_name"),
        )
        .join_from(access_points, network_access_servers, access_points.c.nas_id == network_access_servers.c.id)
        .where(is_in_service())
        .order_by(access_points.c.name)
    )  # fmt: skip


def _open_sessions_question() -> Select[Any]:
    table = accounting_sessions.c
    return (
        select(table.venue_id, func.count().label("number")).where(table.stopped_at.is_(None)).group_by(table.venue_id)
    )


async def _rows_by_venue(connection: AsyncConnection, question: Select[Any]) -> Mapping[int | None, list[Row[Any]]]:
    by_venue: dict[int | None, list[Row[Any]]] = {}
    for row in await connection.execute(question):
        by_venue.setdefault(row.venue_id, []).append(row)
    return by_venue


def _access_points(
    rows: Iterable[Row[Any]], opening: Opening, silent_after: timedelta, now: datetime
) -> tuple[AccessPoint, ...]:
    return tuple(
        AccessPoint(
            row.name, row.nas_name, row.last_heard_at, condition_of(row.last_heard_at, opening, silent_after, now)
        )
        for row in rows
    )


async def _number_begun(connection: AsyncConnection, since: datetime, councils: Collection[int] | None) -> int:
    table = accounting_sessions.c
    question = select(func.count()).where(
        # It follows from the other condition, and has an index.
        table.received_at >= since - usage.RECEIVED_MARGIN,
        table.started_at >= since,
        is_of(accounting_sessions, councils),
    )
    return int((await connection.execute(question)).scalar_one())


async def _results(
    connection: AsyncConnection, since: datetime, councils: Collection[int] | None
) -> tuple[int, tuple[tuple[str, int], ...]]:
    table = authentications.c
    number = func.count()
    question = (
        select(table.accepted, table.reason, number)
        .where(table.at >= since, is_of(authentications, councils))
        .group_by(table.accepted, table.reason)
        .order_by(number.desc(), table.reason)
    )
    rows = (await connection.execute(question)).all()
    accepted = sum(row[2] for row in rows if row[0])
    return accepted, tuple((row[1], row[2]) for row in rows if not row[0])


async def _read_restarts(
    connection: AsyncConnection, since: datetime, councils: Collection[int] | None
) -> tuple[Restart, ...]:
    table = accounting_restarts.c
    question = (
        select(table.restarted_at, network_access_servers.c.name, venues.c.name.label("venue_name"))
        .join_from(accounting_restarts, network_access_servers, table.nas_id == network_access_servers.c.id)
        .outerjoin(venues, network_access_servers.c.venue_id == venues.c.id)
        .where(table.restarted_at >= since, is_of(accounting_restarts, councils))
        .order_by(table.restarted_at.desc())
        .limit(_SHOWN_RESTARTS)
    )
    return tuple(
        Restart(row.restarted_at, row.name, row.venue_name or "") for row in await connection.execute(question)
    )
