"""The session rows: finding the session of each record, merging records into them, ending them.

A session is known by its key and its anchor (``radius.accounting.anchors``). A worker remembers anchors, which never
change; where it remembers none, it locks the key against every other server and asks, so that two servers that receive
the first records of a session at the same moment make one row.

How a session ends, strongest first:

* ``stop``: the NAS said so; never undone. Of two Stops the later counts.
* ``restart``: it began before the NAS's latest Accounting-On or -Off, and no record shows it alive afterwards.
* ``lost``: nothing was heard for three interim intervals. A later record disproves it.

An inferred end is at the session's latest known event, because nothing vouches for usage after that.

Locks are taken in one order by everybody (keys, session rows by key and anchor, access points that nobody else has),
so that transactions wait for each other, but never in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, bindparam, func, or_, select, update

from foundation.database import Database
from foundation.direct import Transaction, among
from foundation.partitions import Month, ensure_months, forget_months
from foundation.schema import access_points, accounting_restarts, accounting_sessions
from radius.accounting import metrics
from radius.accounting.anchors import (
    ANCHOR_TOLERANCE_SECONDS,
    AnchorMemory,
    Question,
    SessionsOfKey,
    place,
)
from radius.accounting.merging import SessionRow, in_rounds, row_of, session_upsert
from radius.accounting.records import Record, Restart, SessionRecord
from radius.accounting.restarts import RestartStore, closing, unless_busy

# Sessions that are on in a city, and more; each takes some 250 octets.
MOST_REMEMBERED: Final = 100_000
_TOLERANCE: Final = timedelta(seconds=ANCHOR_TOLERANCE_SECONDS)
# Further than clocks are ahead: nothing began later.
_AHEAD: Final = timedelta(hours=1)
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

Learned = Sequence[tuple[bytes, datetime]]
"""Keys and anchors of sessions that will be in the database when the transaction is committed."""


class SessionStore:
    """Statements and memory of one process. ``merge`` and ``note_heard`` work in a transaction of the caller's."""

    def __init__(self, database: Database) -> None:
        direct = database.direct
        self._database = database
        self._upsert = session_upsert(database)
        self._restarts = RestartStore(database)
        self._anchors = direct.statement(_ANCHORS)
        self._begin = direct.statement(_BEGIN)
        self._heard = direct.statement(_HEARD)
        self._memory = AnchorMemory(MOST_REMEMBERED)
        metrics.session_anchors_limit.set(MOST_REMEMBERED)
        # The month that is known to have its partition.
        self._month_begin = self._month_end = _EVER

    async def prepare(self, records: Sequence[Record]) -> None:
        """See to it that the months of sessions that begin are there; call it before the transaction.

        Raises DatabaseUnavailableError.
        """
        begin, end = self._month_begin, self._month_end
        strays = [
            record.started_at
            for record in records
            if isinstance(record, SessionRecord) and not begin <= record.started_at < end
        ]
        if not strays:
            return
        await ensure_months(self._database, strays)
        if (latest := max(strays)) >= end:
            month = Month.of(latest)
            self._month_begin, self._month_end = month.begin, month.later(1).begin

    def forget_prepared(self) -> None:
        """See to every month again: retention may have dropped one."""
        forget_months(self._database)
        self._month_begin = self._month_end = _EVER

    async def merge(self, transaction: Transaction, records: Sequence[Record]) -> Learned:
        """Merge records into rows and close what a restart ended; the first thing to do in a transaction.

        What it returns is for ``remember``. Raises DatabaseUnavailableError, RowsRefusedError.
        """
        rows: list[SessionRow] = []
        unplaced: list[SessionRecord] = []
        restarts: list[Restart] = []
        find = self._memory.find
        for record in records:
            if isinstance(record, Restart):
                restarts.append(record)
            elif record.start_is_known and (anchor := find(record.session_key, record.started_at)):
                rows.append(row_of(record, anchor))
            else:
                unplaced.append(record)
        learned = await self._place(transaction, unplaced, rows) if unplaced else ()
        if rows:
            for some in in_rounds(rows):
                await transaction.insert(self._upsert, some)
        await self._restarts.merge(transaction, restarts, rows)
        return learned

    def remember(self, learned: Learned) -> None:
        """Remember what a transaction learned. Only after its commit: other servers know nothing of it before."""
        for session_key, anchored_at in learned:
            self._memory.remember(session_key, anchored_at)
        metrics.session_anchors.set(len(self._memory))

    async def note_heard(self, transaction: Transaction, heard_at: Mapping[int, datetime]) -> None:
        """Set ``last_heard_at`` of access points, by their id."""
        await transaction.execute_many(
            self._heard, [{"access_point": number, "heard_at": heard_at[number]} for number in sorted(heard_at)]
        )

    async def _place(
        self, transaction: Transaction, records: Sequence[SessionRecord], rows: list[SessionRow]
    ) -> Learned:
        """Add the records' rows, whose anchors the database tells or which begin a session."""
        keys = {record.session_key for record in records}
        await transaction.lock([int.from_bytes(key[:8], "big", signed=True) for key in keys])
        known = await self._known(transaction, records)
        questions = [
            Question(record.session_key, record.started_at, record.event_at, record.start_is_known)
            for record in records
        ]
        placed = place(questions, known)
        for move in placed.moves:
            await transaction.fetch(self._begin, key=move.session_key, was=move.anchored_at, begun_at=move.begun_at)
        rows += [row_of(record, anchor) for record, anchor in zip(records, placed.anchors, strict=True)]
        return [
            (record.session_key, anchor)
            for record, anchor in zip(records, placed.anchors, strict=True)
            if record.start_is_known
        ]

    async def _known(self, transaction: Transaction, records: Sequence[SessionRecord]) -> dict[bytes, SessionsOfKey]:
        """The sessions that there are of the keys, as far back as the records can belong to them."""
        known: dict[bytes, SessionsOfKey] = {}
        begun = [record for record in records if record.start_is_known]
        others = {record.session_key for record in records if not record.start_is_known}
        asked = [(others, _EVER)]
        # PostgreSQL looks only into the months that lie between.
        until = max(datetime.now(UTC), *[record.event_at for record in records]) + _AHEAD
        if begun:
            since = min(record.started_at for record in begun) - _TOLERANCE
            asked.append(({record.session_key for record in begun} - others, since))
        for keys, since in asked:
            if not keys:
                continue
            for key, anchored_at, is_known in await transaction.fetch(
                self._anchors, keys=[*keys], since=since, until=until
            ):
                known.setdefault(key, SessionsOfKey()).add(anchored_at, start_is_known=is_known)
        return known


async def close_lost_sessions(database: Database, silent_since: datetime) -> int:
    """End the open sessions of which nothing was received since then (our clock); how many there were.

    First those that a restart ended, and that another server merged a record of at the same moment.
    """

    def close(connection: Connection) -> int:
        connection.execute(_CLOSE_RESTARTED)
        result: CursorResult[Any] = connection.execute(_CLOSE_LOST, {"silent_since": silent_since})
        return result.rowcount

    return await database.run(close, writes=True)


_ANCHORS: Final = select(
    accounting_sessions.c.session_key, accounting_sessions.c.anchored_at, accounting_sessions.c.start_is_known
).where(
    among(accounting_sessions.c.session_key, "keys"),
    accounting_sessions.c.anchored_at >= bindparam("since"),
    accounting_sessions.c.anchored_at <= bindparam("until"),
)
_BEGIN: Final = (
    update(accounting_sessions)
    .where(accounting_sessions.c.session_key == bindparam("key"), accounting_sessions.c.anchored_at == bindparam("was"))
    .values(anchored_at=bindparam("begun_at"), start_is_known=True)
)
_CLOSE_RESTARTED: Final = closing(
    "restart",
    unless_busy(
        accounting_restarts.c.nas_id == accounting_sessions.c.nas_id,
        accounting_restarts.c.nas_identifier == accounting_sessions.c.nas_identifier,
        accounting_sessions.c.started_at < accounting_restarts.c.restarted_at,
        accounting_sessions.c.updated_at <= accounting_restarts.c.restarted_at,
    ),
)
# An expression: SQLite would rather read its index on received_at, with all history, than that of open sessions.
_received_at = func.coalesce(accounting_sessions.c.received_at, accounting_sessions.c.received_at)
# Those that the portal makes, of equipment without accounting, are the portal's to end.
_CLOSE_LOST: Final = closing(
    "lost", unless_busy(_received_at < bindparam("silent_since"), accounting_sessions.c.source == "radius")
)
_HEARD: Final = (
    update(access_points)
    .where(
        access_points.c.id.in_(
            select(access_points.c.id)
            .where(
                access_points.c.id == bindparam("access_point"),
                or_(access_points.c.last_heard_at.is_(None), access_points.c.last_heard_at < bindparam("heard_at")),
            )
            .correlate(None)
            # Who just does the same need not be waited for.
            .with_for_update(key_share=True, skip_locked=True)
        )
    )
    # It is no change of the equipment.
    .values(last_heard_at=bindparam("heard_at"), updated_at=access_points.c.updated_at)
)
