"""What residents used today and which of their devices are on, from their accounting sessions.

A session that began before midnight counts with the part of its time, and the same part of its data, that is today's:
equipment tells only sums. Data is known up to the latest accounting record, time of an open session up to now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import bindparam, or_, select

from foundation.database import Database, UtcDateTime
from foundation.database_errors import DatabaseUnavailableError
from foundation.direct import among
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.schema import accounting_sessions
from radius import metrics
from radius.batching import Batcher
from radius.storage.absence import absence_of

_QUEUE_LIMIT: Final = 20_000
# Equipment asks again after three to five seconds; who is known is let on without.
_PATIENCE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a resident used today: seconds and octets, all devices together, and the devices that are on."""

    seconds: int = 0
    octets: int = 0
    devices: frozenset[str] = frozenset()


NO_USAGE: Final = Usage()


class Session(NamedTuple):
    """A session that was on since then; ``octets`` in both directions."""

    id: int
    resident_id: int
    device_id: int | None
    calling_station_id: str | None
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    octets: int


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage, since when (the beginning of the council's day)."""

    resident_id: int
    since: datetime
    now: datetime


class UsageDirectory:
    """Look-ups in one database; all questions that wait are one query."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._absence = absence_of(database)
        self._statement = database.direct.statement(_SESSIONS)
        self.queue: Batcher[Question, Usage] = Batcher(self._find, limit=_QUEUE_LIMIT)

    async def usage(self, resident_id: int, since: datetime, now: datetime) -> Usage:
        """What a resident used since then. Raises QueueFullError or DatabaseUnavailableError."""
        return await self.queue.submit(Question(resident_id, since, now))

    async def _find(self, questions: list[Question]) -> list[Usage]:
        metrics.batch_rows.labels("usage").observe(len(questions))
        if self._absence.is_recent:
            raise DatabaseUnavailableError("the database did not answer a moment ago")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                rows = await self._database.direct.fetch(
                    self._statement,
                    residents=sorted({question.resident_id for question in questions}),
                    since=min(question.since for question in questions),
                )
        except TimeoutError:
            self._absence.note()
            raise DatabaseUnavailableError("the database did not answer in time") from None
        sessions: dict[int, list[Session]] = {}
        for session in map(Session._make, rows):
            sessions.setdefault(session.resident_id, []).append(session)
        return [sum_up(sessions.get(each.resident_id, ()), each.since, each.now) for each in questions]


def sum_up(sessions: Iterable[Session], since: datetime, now: datetime) -> Usage:
    """What sessions come to since then."""
    seconds, octets, devices = 0.0, 0.0, set()
    for session in sessions:
        ended = session.stopped_at or now
        seconds += _overlap_seconds(session.started_at, ended, since)
        octets += session.octets * _share(session.started_at, session.stopped_at or session.updated_at, since)
        if session.stopped_at is None:
            devices.add(device_key(session.calling_station_id, session.device_id) or f"session {session.id}")
    return Usage(int(seconds), int(octets), frozenset(devices))


def device_key(calling_station_id: str | None, device_id: int | None) -> str:
    """What tells devices apart: the address in whatever spelling, else the device's number; empty for neither."""
    try:
        if calling_station_id:
            return MacAddress.parse_station_id(calling_station_id)[0].octets.hex()
    except NotAMacAddressError:
        pass
    return f"device {device_id}" if device_id else ""


def _overlap_seconds(started_at: datetime, ended_at: datetime, since: datetime) -> float:
    return max(0.0, (ended_at - max(started_at, since)).total_seconds())


def _share(started_at: datetime, known_until: datetime, since: datetime) -> float:
    """Which part of what was counted from ``started_at`` to ``known_until`` fell after ``since``."""
    if started_at >= since:
        return 1.0
    length = (known_until - started_at).total_seconds()
    return _overlap_seconds(started_at, known_until, since) / length if length > 0 else 0.0


_SESSIONS = select(
    accounting_sessions.c.id,
    accounting_sessions.c.resident_id,
    accounting_sessions.c.device_id,
    accounting_sessions.c.calling_station_id,
    accounting_sessions.c.started_at,
    accounting_sessions.c.updated_at,
    accounting_sessions.c.stopped_at,
    (accounting_sessions.c.input_octets + accounting_sessions.c.output_octets).label("octets"),
).where(
    among(accounting_sessions.c.resident_id, "residents"),
    or_(
        accounting_sessions.c.stopped_at.is_(None),
        accounting_sessions.c.stopped_at > bindparam("since", type_=UtcDateTime),
    ),
)
