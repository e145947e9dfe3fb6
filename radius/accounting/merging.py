"""The statement that merges records into session rows.

Merging is commutative and idempotent: the row depends on which records there were, never on their order or number. So
a retransmission, a second server or a replay changes nothing. Of numbers the larger one counts, of starts the earlier.
Of descriptions that differ within one session (a device that roams) the larger text or number is kept: arbitrary, but
the same in every order.

Counters of octets only ever grow, unless equipment begins to count anew within a session: counters of 32 bits without
Gigawords, a radio that was restarted. That is seen when, as the session goes on, a count is less than half of what it
was; then the old total is carried and the new count added to it. A count of 0 tells nothing: Interim-Updates that only
tell of a new address have none. Where nothing fell, carrying never happens in whatever order records arrive; around a
fall, a record that comes late counts where it can be told which side it belongs to, and otherwise not.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, literal_column, null, or_, select
from sqlalchemy.dialects import postgresql

from foundation.database import Database, greatest, greatest_known, least
from foundation.direct import BulkInsert
from foundation.schema import accounting_sessions, devices, residents
from radius.accounting.anchors import JITTER_SECONDS
from radius.accounting.records import SessionRecord

SessionRow = tuple[Any, ...]
"""The anchor, and then a SessionRecord's values up to the device."""

# The row's column for each value of SessionRecord; the last two are parameters.
_COLUMNS: Final = tuple({"event_at": "updated_at"}.get(name, name) for name in SessionRecord._fields[:-3])
_PARAMETERS: Final = SessionRecord._fields[-3:-1]
_VALUES: Final = len(_COLUMNS) + len(_PARAMETERS)
# By key and anchor every process takes the rows' locks in the same order; by event counters are seen to fall.
_order = itemgetter(2, 0, 14)

_OCTETS: Final = ("input_octets", "output_octets")
_DESCRIPTIONS: Final = (
    "access_point_id",
    "venue_id",
    "network_name",
    "audit_session_id",
)
# Of a session that its resident had erased they are and stay null, in every order of records.
_PERSONAL: Final = ("resident_id", "device_id", "user_name", "calling_station_id", "framed_ip_address")
_LARGEST: Final[ColumnElement[Any]] = literal_column(str(2**63 - 1))
_ZERO: Final[ColumnElement[Any]] = literal_column("0")
_STOP: Final[ColumnElement[Any]] = literal_column("'stop'")


def row_of(record: SessionRecord, anchored_at: Any) -> SessionRow:
    """The values of ``session_upsert`` for a record of the session with that anchor."""
    return (anchored_at, *record[:_VALUES])


def in_rounds(rows: list[SessionRow]) -> Sequence[list[SessionRow]]:
    """The rows in order, so divided that no statement meets a session twice, which PostgreSQL refuses."""
    rows.sort(key=_order)
    rounds: list[list[SessionRow]] = [[]]
    key, anchor, number = None, None, 0
    for row in rows:
        number = number + 1 if row[2] == key and row[0] == anchor else 0
        key, anchor = row[2], row[0]
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(row)
    return rounds


def session_upsert(database: Database) -> BulkInsert[Any]:
    """INSERT … ON CONFLICT DO UPDATE of rows that ``row_of`` makes."""
    return database.direct.bulk_insert(
        accounting_sessions,
        ("anchored_at", *_COLUMNS),
        # Who was deleted meanwhile must not make the record unstorable.
        computed={
            "resident_id": _if_it_exists(residents, "resident_id"),
            "device_id": _if_it_exists(devices, "device_id"),
        },
        parameters=_PARAMETERS,
        on_conflict=_merge,
    )


def _merge(insert: postgresql.Insert) -> postgresql.Insert:
    """``excluded`` is the new record, the table is what is known."""
    new, old = insert.excluded, accounting_sessions.c
    both_stopped = and_(new.ended_by == _STOP, old.ended_by == _STOP)
    disproved = and_(old.ended_by != _STOP, new.updated_at > old.updated_at)
    merged: dict[str, Any] = {
        "start_is_known": or_(old.start_is_known, new.start_is_known),
        "started_at": least(old.started_at, new.started_at),
        "updated_at": greatest(old.updated_at, new.updated_at),
        "received_at": greatest(old.received_at, new.received_at),
        "session_seconds": greatest(old.session_seconds, new.session_seconds),
        "ended_by": case(
            (or_(new.ended_by == _STOP, old.ended_by == _STOP), _STOP),
            (disproved, null()),
            else_=old.ended_by,
        ),
        "stopped_at": case(
            (both_stopped, greatest(old.stopped_at, new.stopped_at)),
            (new.ended_by == _STOP, new.stopped_at),
            (old.ended_by == _STOP, old.stopped_at),
            (disproved, null()),
            else_=old.stopped_at,
        ),
        "terminate_cause": case(
            (
                and_(both_stopped, new.stopped_at == old.stopped_at),
                greatest_known(old.terminate_cause, new.terminate_cause),
            ),
            (and_(both_stopped, new.stopped_at < old.stopped_at), old.terminate_cause),
            (new.ended_by == _STOP, new.terminate_cause),
            else_=old.terminate_cause,
        ),
        **{name: greatest_known(old[name], new[name]) for name in _DESCRIPTIONS},
        **{name: case((old.is_erased, null()), else_=greatest_known(old[name], new[name])) for name in _PERSONAL},
    }
    for name in _OCTETS:
        merged |= _merge_octets(name, new)
    return insert.on_conflict_do_update(index_elements=["session_key", "anchored_at"], set_=merged)


def _merge_octets(name: str, new: Any) -> dict[str, ColumnElement[Any]]:
    """Total, and what of it was counted before the last fall."""
    old = accounting_sessions.c
    total, carried, counted, seconds = old[name], old[f"{name}_carried"], new[name], old.session_seconds
    present = total - carried
    fell = and_(
        new.session_seconds > seconds + literal_column(str(JITTER_SECONDS)),
        seconds > _ZERO,
        new.updated_at > old.updated_at,
        counted > _ZERO,
        # Less than half: the double of it may be more than a column can hold.
        counted < present - counted,
    )
    # Counts only grow, so an earlier record that has more than what is counted now is from before the fall.
    is_from_before = and_(
        carried > _ZERO,
        new.session_seconds < seconds,
        new.session_seconds > _ZERO,
        counted > carried,
        counted > present,
    )
    return {
        name: case(
            (fell, _sum(total, counted)),
            (carried == _ZERO, greatest(total, counted)),
            (new.session_seconds >= seconds, greatest(total, _sum(carried, counted))),
            (is_from_before, _sum(present, counted)),
            (new.session_seconds == _ZERO, greatest(total, counted)),
            else_=total,
        ),
        f"{name}_carried": case((fell, total), (is_from_before, counted), else_=carried),
    }


def _sum(known: ColumnElement[Any], more: ColumnElement[Any]) -> ColumnElement[Any]:
    """At most what the column can hold; neither database may compute a larger one on the way."""
    return known + least(more, _LARGEST - known)


def _if_it_exists(table: Table, parameter: str) -> Any:
    return select(table.c.id).where(table.c.id == bindparam(parameter)).scalar_subquery()
