"""The session rows: merging records into them, and closing sessions that a restart or silence has ended.

Merging is commutative and idempotent: the row depends on which records there were, never on their order or number. So
a retransmission, a second server or a replay changes nothing. Of numbers the larger one counts, of starts the earlier.
Of descriptions that differ within one session (a device that roams) the larger text or number is kept: arbitrary, but
the same in every order.

How a session ends, strongest first:

* ``stop``: the NAS said so; never undone. Of two Stops the later counts.
* ``restart``: it began before the NAS's latest Accounting-On or -Off, and no record shows it alive afterwards.
* ``lost``: nothing was heard for three interim intervals. A later record disproves it.

An inferred end is at the session's latest known event, because nothing vouches for usage after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Connection,
    CursorResult,
    Table,
    Update,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    update,
)

from foundation.database import Database, greatest, least
from foundation.schema import (
    access_points,
    accounting_restarts,
    accounting_sessions,
    devices,
    residents,
)
from radius.accounting.records import Restart, SessionRecord
from radius.batching import padded

# Acct-Delay-Time counts whole seconds and packets overtake one another: a record so shortly after a restart may well
# have been made before it.
RESTART_TOLERANCE_SECONDS: Final = 5

NasName = tuple[int, str]
"""NAS and NAS-Identifier: what restarts as one."""


class SessionStore:
    """The statements, made once for a database's dialect. All run in a transaction of the caller's."""

    def __init__(self, database: Database) -> None:
        self._upsert_session = _session_upsert(database)
        self._upsert_restart = _restart_upsert(database)

    def merge(self, connection: Connection, sessions: Sequence[SessionRecord], restarts: Sequence[Restart]) -> None:
        """Merge records into rows and close what a restart ended. Raises DBAPIError."""
        if restarts:
            connection.execute(self._upsert_restart, [_restart_values(restart) for restart in restarts])
        if sessions:
            # Every process takes the rows' locks in the same order.
            in_order = sorted(sessions, key=_session_key)
            anchors = _anchors(connection, in_order)
            values = [_session_values(record, anchors[record.session_key]) for record in in_order]
            connection.execute(self._upsert_session, values)
        nas_ids = {record.nas_id for record in sessions} | {restart.nas_id for restart in restarts}
        latest = _latest_restarts(connection, nas_ids)
        if not latest:
            return
        for name in sorted({(restart.nas_id, restart.nas_identifier) for restart in restarts}):
            connection.execute(_CLOSE_NAS, _limits(latest[name]) | {"nas": name[0], "identifier": name[1]})
        late = [
            _limits(latest[record.nas_id, record.nas_identifier]) | {"key": record.session_key}
            for record in sorted(sessions, key=_session_key)
            if _may_be_ended(record, latest)
        ]
        if late:
            connection.execute(_CLOSE_SESSION, late)


async def close_lost_sessions(database: Database, silent_since: datetime) -> int:
    """End the open sessions of which nothing was received since then (our clock); how many there were."""

    def close(connection: Connection) -> int:
        result: CursorResult[Any] = connection.execute(_CLOSE_LOST, {"silent_since": silent_since})
        return result.rowcount

    return await database.run(close, writes=True)


def note_heard(connection: Connection, heard_at: dict[int, datetime]) -> None:
    """Set ``last_heard_at`` of access points, by their id."""
    if heard_at:
        rows = [{"access_point": key, "heard_at": heard_at[key]} for key in sorted(heard_at)]
        connection.execute(_HEARD, rows)


def _session_upsert(database: Database) -> Any:
    """INSERT … ON CONFLICT DO UPDATE; ``excluded`` is the new record, the table is what is known."""
    insert = database.insert(accounting_sessions).values(
        # Who was deleted meanwhile must not make the record unstorable.
        resident_id=_if_it_exists(residents, "known_resident"),
        device_id=_if_it_exists(devices, "known_device"),
    )
    new, old = insert.excluded, accounting_sessions.c
    both_stopped = and_(new.ended_by == "stop", old.ended_by == "stop")
    disproved = and_(old.ended_by != "stop", new.updated_at > old.updated_at)
    return insert.on_conflict_do_update(
        index_elements=["session_key", "anchored_at"],
        set_={
            "started_at": least(old.started_at, new.started_at),
            "updated_at": greatest(old.updated_at, new.updated_at),
            "received_at": greatest(old.received_at, new.received_at),
            "ended_by": case(
                (or_(new.ended_by == "stop", old.ended_by == "stop"), "stop"),
                (disproved, null()),
                else_=old.ended_by,
            ),
            "stopped_at": case(
                (both_stopped, greatest(old.stopped_at, new.stopped_at)),
                (new.ended_by == "stop", new.stopped_at),
                (old.ended_by == "stop", old.stopped_at),
                (disproved, null()),
                else_=old.stopped_at,
            ),
            "terminate_cause": case(
                (and_(both_stopped, new.stopped_at == old.stopped_at), _larger("terminate_cause", new)),
                (and_(both_stopped, new.stopped_at < old.stopped_at), old.terminate_cause),
                (new.ended_by == "stop", new.terminate_cause),
                else_=old.terminate_cause,
            ),
            **{name: greatest(old[name], new[name]) for name in _COUNTERS},
            **{name: _larger(name, new) for name in _DESCRIPTIONS},
        },
    )


def _restart_upsert(database: Database) -> Any:
    insert = database.insert(accounting_restarts)
    latest = greatest(accounting_restarts.c.restarted_at, insert.excluded.restarted_at)
    return insert.on_conflict_do_update(index_elements=["nas_id", "nas_identifier"], set_={"restarted_at": latest})


_COUNTERS: Final = ("session_seconds", "input_octets", "output_octets")
_DESCRIPTIONS: Final = (
    "access_point_id",
    "venue_id",
    "resident_id",
    "device_id",
    "user_name",
    "calling_station_id",
    "framed_ip_address",
    "network_name",
    "audit_session_id",
)


def _larger(name: str, new: Any) -> Any:
    """The larger of two values of which either may be null (which SQLite's max would return)."""
    old = accounting_sessions.c
    return greatest(func.coalesce(old[name], new[name]), func.coalesce(new[name], old[name]))


def _if_it_exists(table: Table, parameter: str) -> Any:
    return select(table.c.id).where(table.c.id == bindparam(parameter)).scalar_subquery()


def _close(*conditions: Any, ended_by: str) -> Update:
    return (
        update(accounting_sessions)
        .where(accounting_sessions.c.stopped_at.is_(None), *conditions)
        .values(stopped_at=accounting_sessions.c.updated_at, ended_by=ended_by)
        .execution_options(synchronize_session=False)
    )


_BEFORE_RESTART = (
    accounting_sessions.c.started_at < bindparam("restarted_at"),
    accounting_sessions.c.updated_at <= bindparam("alive_until"),
)
_CLOSE_NAS = _close(
    accounting_sessions.c.nas_id == bindparam("nas"),
    accounting_sessions.c.nas_identifier == bindparam("identifier"),
    *_BEFORE_RESTART,
    ended_by="restart",
)
_CLOSE_SESSION = _close(accounting_sessions.c.session_key == bindparam("key"), *_BEFORE_RESTART, ended_by="restart")
_CLOSE_LOST = _close(accounting_sessions.c.received_at < bindparam("silent_since"), ended_by="lost")
_RESTARTS = select(
    accounting_restarts.c.nas_id, accounting_restarts.c.nas_identifier, accounting_restarts.c.restarted_at
).where(accounting_restarts.c.nas_id.in_(bindparam("ids", expanding=True)))
_ANCHORS = select(accounting_sessions.c.session_key, accounting_sessions.c.anchored_at).where(
    accounting_sessions.c.session_key.in_(bindparam("keys", expanding=True))
)
_HEARD = (
    update(access_points)
    .where(
        access_points.c.id == bindparam("access_point"),
        or_(access_points.c.last_heard_at.is_(None), access_points.c.last_heard_at < bindparam("heard_at")),
    )
    # It is no change of the equipment.
    .values(last_heard_at=bindparam("heard_at"), updated_at=access_points.c.updated_at)
)


def _anchors(connection: Connection, records: Sequence[SessionRecord]) -> dict[bytes, datetime]:
    """What tells the sessions of one key apart: the implied start of the first record that arrived."""
    keys = padded(sorted({record.session_key for record in records}))
    anchors: dict[bytes, datetime] = {
        row.session_key: row.anchored_at for row in connection.execute(_ANCHORS, {"keys": keys})
    }
    for record in records:
        anchors.setdefault(record.session_key, record.started_at)
    return anchors


def _latest_restarts(connection: Connection, nas_ids: Iterable[int]) -> dict[NasName, datetime]:
    rows = connection.execute(_RESTARTS, {"ids": padded(sorted(nas_ids))})
    return {(row.nas_id, row.nas_identifier): row.restarted_at for row in rows}


def _limits(restarted_at: datetime) -> dict[str, Any]:
    alive_until = restarted_at + timedelta(seconds=RESTART_TOLERANCE_SECONDS)
    return {"restarted_at": restarted_at, "alive_until": alive_until}


def _may_be_ended(record: SessionRecord, latest: dict[NasName, datetime]) -> bool:
    restarted_at = latest.get((record.nas_id, record.nas_identifier))
    return restarted_at is not None and record.event_at <= restarted_at + timedelta(seconds=RESTART_TOLERANCE_SECONDS)


def _session_key(record: SessionRecord) -> bytes:
    return record.session_key


def _restart_values(restart: Restart) -> dict[str, Any]:
    return {
        "council_id": restart.council_id,
        "nas_id": restart.nas_id,
        "nas_identifier": restart.nas_identifier,
        "restarted_at": restart.restarted_at,
    }


def _session_values(record: SessionRecord, anchored_at: datetime) -> dict[str, Any]:
    return {
        "anchored_at": anchored_at,
        "council_id": record.council_id,
        "session_key": record.session_key,
        "nas_id": record.nas_id,
        "nas_identifier": record.nas_identifier,
        "access_point_id": record.access_point_id,
        "venue_id": record.venue_id,
        "known_resident": record.resident_id,
        "known_device": record.device_id,
        "acct_session_id": record.acct_session_id,
        "user_name": record.user_name,
        "calling_station_id": record.calling_station_id,
        "framed_ip_address": record.framed_ip_address,
        "network_name": record.network_name,
        "audit_session_id": record.audit_session_id,
        "started_at": record.started_at,
        "updated_at": record.event_at,
        "received_at": record.received_at,
        "stopped_at": record.event_at if record.is_stop else None,
        "ended_by": "stop" if record.is_stop else None,
        "terminate_cause": record.terminate_cause,
        "session_seconds": record.session_seconds,
        "input_octets": record.input_octets,
        "output_octets": record.output_octets,
    }
