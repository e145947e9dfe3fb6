"""Restarts of equipment (Accounting-On and -Off, RFC 2866 section 5.1), and the sessions that they end.

A session that began before the latest restart of its NAS, and of which no later record shows it alive, is over. A
restart ends the sessions that there are; a record that arrives after the restart that ended its session is looked at
again. Of two servers one may merge a record while the other merges the restart, and neither sees the other's: what
that leaves open is ended by ``close_lost_sessions``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Update, bindparam, literal_column, select, update

from foundation.database import Database, greatest
from foundation.direct import Transaction, among
from foundation.schema import accounting_restarts, accounting_sessions
from radius.accounting.merging import SessionRow
from radius.accounting.records import Restart

# Acct-Delay-Time counts whole seconds and packets overtake one another: a record so shortly after a restart may well
# have been made before it.
RESTART_TOLERANCE_SECONDS: Final = 5
_TOLERANCE: Final = timedelta(seconds=RESTART_TOLERANCE_SECONDS)
# Of SessionRow
_ANCHOR, _KEY, _NAS, _IDENTIFIER, _EVENT = 0, 2, 3, 4, 14

NasName = tuple[int, str]
"""NAS and NAS-Identifier: what restarts as one."""


class RestartStore:
    """The statements, made once for a database, and what this process knows of restarts."""

    def __init__(self, database: Database) -> None:
        direct = database.direct
        self._upsert = direct.bulk_insert(
            accounting_restarts,
            ("council_id", "nas_id", "nas_identifier", "restarted_at"),
            on_conflict=lambda insert: insert.on_conflict_do_update(
                index_elements=["nas_id", "nas_identifier"],
                set_={"restarted_at": greatest(accounting_restarts.c.restarted_at, insert.excluded.restarted_at)},
            ),
        )
        self._latest = direct.statement(_LATEST)
        self._close_nas = direct.statement(_CLOSE_NAS)
        self._close_session = direct.statement(_CLOSE_SESSION)
        # No record after this is ended by a restart that this process merged.
        self._concerned_until = datetime.min.replace(tzinfo=UTC)

    async def merge(self, transaction: Transaction, restarts: Sequence[Restart], rows: Iterable[SessionRow]) -> None:
        """Merge restarts, and end what they ended and what the sessions' rows, merged already, were late for."""
        latest_here = _latest_by_name(restarts)
        if latest_here:
            await transaction.insert(self._upsert, sorted(latest_here.values()))
            newest = max(row[3] for row in latest_here.values())
            self._concerned_until = max(self._concerned_until, newest + _TOLERANCE)
        late = self._possibly_late(rows, datetime.now(UTC))
        if not (late or latest_here):
            return
        nas_ids = {row[_NAS] for row in late} | {nas_id for nas_id, _ in latest_here}
        latest: dict[NasName, datetime] = {
            (nas_id, identifier): restarted_at
            for nas_id, identifier, restarted_at in await transaction.fetch(self._latest, nas_ids=sorted(nas_ids))
        }
        await transaction.execute_many(self._close_session, _ended(late, latest))
        await transaction.execute_many(
            self._close_nas, [{"nas": n, "identifier": i, **_limits(latest[n, i])} for n, i in sorted(latest_here)]
        )

    def _possibly_late(self, rows: Iterable[SessionRow], now: datetime) -> list[SessionRow]:
        """The rows of events that a restart may have followed.

        What happens just now is no later than any restart; so most batches need not ask for restarts at all.
        """
        begin, end = max(now - _TOLERANCE, self._concerned_until), now + _TOLERANCE
        return [row for row in rows if not begin < row[_EVENT] < end]


def _latest_by_name(restarts: Sequence[Restart]) -> dict[NasName, tuple[int, int, str, datetime]]:
    """Rows of ``accounting_restarts``."""
    found: dict[NasName, tuple[int, int, str, datetime]] = {}
    for restart in sorted(restarts, key=lambda restart: restart.restarted_at):
        name = restart.nas_id, restart.nas_identifier
        found[name] = (restart.council_id, *name, restart.restarted_at)
    return found


def _ended(late: Sequence[SessionRow], latest: dict[NasName, datetime]) -> list[dict[str, Any]]:
    """Parameters of ``_CLOSE_SESSION`` for the sessions that a restart may have ended."""
    return [
        {"key": row[_KEY], "anchor": row[_ANCHOR], **_limits(restarted_at)}
        for row in late
        if (restarted_at := latest.get((row[_NAS], row[_IDENTIFIER]))) and row[_EVENT] <= restarted_at + _TOLERANCE
    ]


def _limits(restarted_at: datetime) -> dict[str, Any]:
    return {"restarted_at": restarted_at, "alive_until": restarted_at + _TOLERANCE}


def closing(ended_by: str, *conditions: ColumnElement[bool]) -> Update:
    """End the open sessions to which the conditions apply, at their latest known event."""
    return (
        update(accounting_sessions)
        .where(accounting_sessions.c.stopped_at.is_(None), *conditions)
        .values(stopped_at=accounting_sessions.c.updated_at, ended_by=literal_column(f"'{ended_by}'"))
    )


def unless_busy(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The open sessions to which the conditions apply, but those that another transaction is just changing.

    To wait for them in this order, while others wait in theirs, could be a deadlock. What has just been heard of is
    not lost, and what a restart ended will be found by the next check.
    """
    number = accounting_sessions.c.id
    open_ones = select(number).where(accounting_sessions.c.stopped_at.is_(None), *conditions).correlate(None)
    return number.in_(open_ones.with_for_update(skip_locked=True, of=accounting_sessions))


_BEFORE_RESTART: Final = (
    accounting_sessions.c.started_at < bindparam("restarted_at"),
    accounting_sessions.c.updated_at <= bindparam("alive_until"),
)
_CLOSE_NAS: Final = closing(
    "restart",
    unless_busy(
        accounting_sessions.c.nas_id == bindparam("nas"),
        accounting_sessions.c.nas_identifier == bindparam("identifier"),
        *_BEFORE_RESTART,
    ),
)
_CLOSE_SESSION: Final = closing(
    "restart",
    accounting_sessions.c.session_key == bindparam("key"),
    accounting_sessions.c.anchored_at == bindparam("anchor"),
    *_BEFORE_RESTART,
)
_LATEST: Final = select(
    accounting_restarts.c.nas_id, accounting_restarts.c.nas_identifier, accounting_restarts.c.restarted_at
).where(among(accounting_restarts.c.nas_id, "nas_ids"))
