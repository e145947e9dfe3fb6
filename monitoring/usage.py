"""Accounting sessions rolled up to usage by hour and venue: incremental, and repeatable at any time.

A session counts in the hour in which it began. Its seconds and octets are spread evenly over the time between its
first and its latest record, in whole numbers that add up to what the NAS counted. The hours that changed sessions
touch are computed anew from all sessions that touch them, so doing it twice, or all of it, gives the same rows.

Reading needs no lock. Two roll-ups at the same time are told apart by their progress: the second to finish changes
nothing. Hours whose sessions the retention job may have deleted already are never touched again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, delete, false, func, insert, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.retention_job import horizon, own_horizons
from foundation.schema import accounting_sessions, hourly_usage, job_progress

JOB: Final = "hourly usage"
# Longer than a transaction of the accounting writer is open, and than clocks of our machines differ.
USUAL_OVERLAP: Final = timedelta(minutes=5)

_HOUR: Final = timedelta(hours=1)
_MICROSECOND: Final = timedelta(microseconds=1)
# A session's latest event is at most minutes after our clock at its arrival; a day allows for clocks set back.
RECEIVED_MARGIN: Final = timedelta(days=1)
_READ_ROWS: Final = 2000
_WRITE_ROWS: Final = 1000

# Council and hour: what is deleted and inserted anew together.
CouncilHour = tuple[int, datetime]
# Council, hour, venue (None: not known).
UsageKey = tuple[int, datetime, int | None]


@dataclass(slots=True)
class Usage:
    """What one venue's sessions did in one hour."""

    sessions: int = 0
    session_seconds: int = 0
    input_octets: int = 0
    output_octets: int = 0


@dataclass(frozen=True, slots=True)
class RollUp:
    """What a roll-up did."""

    sessions_read: int
    rows_written: int
    # Another roll-up finished in the meantime, so this one left everything as it was.
    superseded: bool = False


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour that a moment is in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def hours_touched(started_at: datetime, updated_at: datetime) -> Iterator[datetime]:
    """Every hour from the first to the latest record's. It only ever grows while a session's records arrive."""
    hour = hour_of(started_at)
    while hour <= updated_at:
        yield hour
        hour += _HOUR


def shares(started_at: datetime, updated_at: datetime) -> tuple[tuple[datetime, int], ...]:
    """Each hour with the microseconds of the session that had passed when the hour ended, or the session did.

    A session without duration has one hour.
    """
    first = hour_of(started_at)
    if updated_at <= first + _HOUR:
        return ((first, max((updated_at - started_at) // _MICROSECOND, 1)),)
    return tuple(
        (hour, (min(hour + _HOUR, updated_at) - started_at) // _MICROSECOND)
        for hour in hours_touched(started_at, updated_at)
        if hour < updated_at
    )


def spread(total: int, passed: Sequence[int]) -> list[int]:
    """Divide a whole number in proportion to the growth of ``passed``; the parts add up to it exactly."""
    whole = passed[-1]
    marks = [total * mark // whole for mark in passed]
    return [mark - before for mark, before in zip(marks, [0, *marks], strict=False)]


def add_session(usage: dict[UsageKey, Usage], session: Row[Any], only: set[CouncilHour] | None = None) -> None:
    """Count one session, in the given hours only or in all."""
    hours = shares(session.started_at, session.updated_at)
    totals = (session.session_seconds, session.input_octets, session.output_octets)
    if len(hours) == 1:
        parts = [totals]
    else:
        passed = [mark for _, mark in hours]
        parts = list(zip(*(spread(total, passed) for total in totals), strict=True))
    for number, ((hour, _), (seconds, input_octets, output_octets)) in enumerate(zip(hours, parts, strict=True)):
        if only is not None and (session.council_id, hour) not in only:
            continue
        key = (session.council_id, hour, session.venue_id)
        entry = usage.get(key)
        if entry is None:
            entry = usage[key] = Usage()
        entry.sessions += number == 0
        entry.session_seconds += seconds
        entry.input_octets += input_octets
        entry.output_octets += output_octets


async def roll_up(database: Database, now: datetime, *, overlap: timedelta = USUAL_OVERLAP) -> RollUp:
    """Bring hourly usage up to date with what was received since the last time; the first time, with everything.

    ``overlap`` is how far it looks back before the last time, for records that were committed late.
    """
    async with database.read() as connection:
        done_until = await progress(connection)
        if done_until is None:
            affected = None
        else:
            affected = await _affected_hours(connection, done_until - overlap)
        usage, read = await _compute(connection, affected)
    return await _store(database, now, done_until, affected, usage, read)


async def rebuild(database: Database, now: datetime) -> RollUp:
    """Compute everything anew from the sessions that there are."""
    async with database.read() as connection:
        done_until = await progress(connection)
        usage, read = await _compute(connection, None)
    return await _store(database, now, done_until, None, usage, read)


async def progress(connection: AsyncConnection) -> datetime | None:
    """Our clock at the beginning of the last roll-up; None before the first."""
    question = select(job_progress.c.done_until).where(job_progress.c.name == JOB)
    moment: datetime | None = (await connection.execute(question)).scalar_one_or_none()
    return moment


async def _affected_hours(connection: AsyncConnection, received_since: datetime) -> set[CouncilHour]:
    table = accounting_sessions.c
    question = select(table.council_id, table.started_at, table.updated_at)
    affected: set[CouncilHour] = set()
    async for row in _rows(connection, question, table.received_at >= received_since):
        affected.update((row.council_id, hour) for hour in hours_touched(row.started_at, row.updated_at))
    return affected


async def _compute(connection: AsyncConnection, affected: set[CouncilHour] | None) -> tuple[dict[UsageKey, Usage], int]:
    """Usage of the affected hours (None: of all) and the number of sessions that were read for it."""
    usage: dict[UsageKey, Usage] = {}
    if affected is not None and not affected:
        return usage, 0
    table = accounting_sessions.c
    question = select(
        table.council_id, table.venue_id, table.started_at, table.updated_at, table.session_seconds,
        table.input_octets, table.output_octets,
    )  # fmt: skip
    read = 0
    async for session in _rows(connection, question, _touches(affected)):
        add_session(usage, session, affected)
        read += 1
    return usage, read


def _touches(affected: set[CouncilHour] | None) -> ColumnElement[bool] | None:
    """Sessions that may touch one of the hours; None for all sessions."""
    if affected is None:
        return None
    table = accounting_sessions.c
    first, last = min(hour for _, hour in affected), max(hour for _, hour in affected)
    # The condition on received_at follows from the one on updated_at, and has an index.
    return and_(
        table.received_at >= first - RECEIVED_MARGIN, table.updated_at >= first, table.started_at < last + _HOUR
    )


async def _rows(
    connection: AsyncConnection, question: Select[Any], condition: ColumnElement[bool] | None
) -> AsyncIterator[Row[Any]]:
    """Rows in batches, so that a million need no memory and others get their turn.

    A row that changes meanwhile is read once, before or after, because batches are made by its number, which stays.
    Its change is newer than this roll-up, so the next one sees it.
    """
    async for chosen in _batches(connection, condition):
        for row in await connection.execute(question.where(chosen)):
            yield row
        await asyncio.sleep(0)


async def _batches(
    connection: AsyncConnection, condition: ColumnElement[bool] | None
) -> AsyncIterator[ColumnElement[bool]]:
    number = accounting_sessions.c.id
    if condition is None:
        newest = (await connection.execute(select(func.max(number)))).scalar_one() or 0
        for start in range(0, newest, _READ_ROWS):
            yield number.between(start + 1, start + _READ_ROWS)
        return
    found = (await connection.execute(select(number).where(condition))).scalars().all()
    for start in range(0, len(found), _READ_ROWS):
        yield number.in_(found[start : start + _READ_ROWS])


@dataclass(frozen=True, slots=True)
class _Frozen:
    """Before these moments sessions may have been deleted, so what was counted stays as it is."""

    of_all: datetime
    # Of councils that have a limit of their own.
    of_councils: Mapping[int, datetime]

    def until(self, council_id: int) -> datetime:
        return max(self.of_all, self.of_councils.get(council_id, self.of_all))


async def _store(
    database: Database,
    now: datetime,
    done_until: datetime | None,
    affected: set[CouncilHour] | None,
    usage: dict[UsageKey, Usage],
    read: int,
) -> RollUp:
    async with database.write() as connection:
        if not await _advance(database, connection, done_until, now):
            return RollUp(read, 0, superseded=True)
        frozen = _Frozen(
            await horizon(connection, accounting_sessions) or datetime.min.replace(tzinfo=UTC),
            await own_horizons(connection, accounting_sessions),
        )
        await _delete_hours(connection, affected, frozen)
        rows = [
            {
                "council_id": council_id, "hour": hour, "venue_id": venue_id, "sessions": entry.sessions,
                "session_seconds": entry.session_seconds, "input_octets": entry.input_octets,
                "output_octets": entry.output_octets,
            }
            for (council_id, hour, venue_id), entry in usage.items()
            if hour >= frozen.until(council_id)
        ]  # fmt: skip
        for start in range(0, len(rows), _WRITE_ROWS):
            await connection.execute(insert(hourly_usage), rows[start : start + _WRITE_ROWS])
    return RollUp(read, len(rows))


async def _advance(database: Database, connection: AsyncConnection, before: datetime | None, now: datetime) -> bool:
    """Move the progress, if it is where it was when we began to read."""
    if before is None:
        first = database.insert(job_progress).values(name=JOB, done_until=now).on_conflict_do_nothing()
        return (await connection.execute(first)).rowcount == 1
    moved = update(job_progress).where(job_progress.c.name == JOB, job_progress.c.done_until == before)
    return (await connection.execute(moved.values(done_until=now))).rowcount == 1


async def _delete_hours(connection: AsyncConnection, affected: set[CouncilHour] | None, frozen: _Frozen) -> None:
    table = hourly_usage.c
    kept = (and_(table.council_id == number, table.hour < until) for number, until in frozen.of_councils.items())
    statement = delete(hourly_usage).where(table.hour >= frozen.of_all, not_(or_(false(), *kept)))
    if affected is None:
        await connection.execute(statement)
        return
    by_council: dict[int, list[datetime]] = {}
    for council_id, hour in sorted(affected):
        by_council.setdefault(council_id, []).append(hour)
    for council_id, hours in by_council.items():
        for start in range(0, len(hours), _WRITE_ROWS):
            chosen = hourly_usage.c.hour.in_(hours[start : start + _WRITE_ROWS])
            await connection.execute(statement.where(hourly_usage.c.council_id == council_id, chosen))
