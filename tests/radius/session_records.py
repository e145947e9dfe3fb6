"""Records of accounting sessions, and stores that merge them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from foundation.database import Database
from foundation.schema import accounting_sessions
from radius.accounting.records import Record, Restart, SessionRecord
from radius.accounting.sessions import SessionStore
from tests.radius.support import City, rows

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def record(city: City, event: float, *, kind: str = "interim_update", lasted: int = 0, **more: Any) -> SessionRecord:
    """A record of an event so many seconds after noon, received at once; only a Stop has a cause."""
    is_stop = kind == "stop"
    if not is_stop:
        more["terminate_cause"] = None
    values: dict[str, Any] = {
        "council_id": city.council_id,
        "session_key": b"k" * 16,
        "nas_id": city.nas_id,
        "nas_identifier": "gateway",
        "access_point_id": None,
        "venue_id": None,
        "acct_session_id": "0001",
        "audit_session_id": None,
        "user_name": None,
        "calling_station_id": None,
        "framed_ip_address": None,
        "network_name": None,
        "started_at": at(event if kind == "start" else event - lasted),
        "event_at": at(event),
        "received_at": at(event),
        "stopped_at": at(event) if is_stop else None,
        "ended_by": "stop" if is_stop else None,
        "terminate_cause": None,
        "session_seconds": lasted,
        "input_octets": 0,
        "output_octets": 0,
        "start_is_known": kind == "start" or lasted > 0,
        "resident_id": None,
        "device_id": None,
        "status": kind,
    }
    return SessionRecord(**values | more)


def restart(city: City, event: float, nas_identifier: str = "gateway") -> Restart:
    """An Accounting-On."""
    return Restart(city.council_id, city.nas_id, nas_identifier, None, at(event), at(event), "on")


async def merge(database: Database, *batches: Sequence[Record], store: SessionStore | None = None) -> None:
    """Each batch in a transaction of its own, by a server that remembers nothing unless it is given."""
    store = store or SessionStore(database)
    for batch in batches:
        await store.prepare(batch)
        async with database.direct.writing() as transaction:
            learned = await store.merge(transaction, batch)
        store.remember(learned)


async def the_session(database: Database) -> Any:
    """The only row."""
    (row,) = await rows(database, accounting_sessions)
    return row
