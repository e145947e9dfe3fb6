"""What a hold keeps from being deleted: the rows of each table that it is about, as conditions.

A hold is for one case and is about a resident, a device, or a venue from one moment to another. It keeps what tells
who was on, with which device, at which address, when and where: accounts, devices, sessions with what names a device,
the log of authentications, orders to end a session, journeys, one-time names and user names. What only limits guessing
or counts, and what was agreed to about marketing, is not held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, false, func, or_, select, true

from foundation.database import Statements
from foundation.schema import (
    accounting_sessions,
    authentications,
    credentials,
    devices,
    dynamic_authorizations,
    held_names,
    holds,
    journeys,
    one_time_tokens,
    residents,
    terms_acceptances,
)

_SESSIONS = accounting_sessions.c


@dataclass(frozen=True, slots=True)
class Hold:
    """What one hold is about: one of resident, device and venue; none of them once its resident is gone."""

    id: int
    council_id: int
    resident_id: int | None = None
    mac_pseudonym: bytes | None = field(default=None, repr=False)
    venue_id: int | None = None
    held_from: datetime | None = None
    held_until: datetime | None = None


_ACTIVE: Final = select(
    holds.c.id,
    holds.c.council_id,
    holds.c.resident_id,
    holds.c.mac_pseudonym,
    holds.c.venue_id,
    holds.c.held_from,
    holds.c.held_until,
)


async def active_holds(connection: Statements, now: datetime, council_id: int | None = None) -> tuple[Hold, ...]:
    """Those that have not ended; of one council, or of all."""
    question = _ACTIVE.where(holds.c.expires_at > now)
    if council_id is not None:
        question = question.where(holds.c.council_id == council_id)
    return tuple(Hold(*row) for row in await connection.execute(question))


def held(table: Table, found: Sequence[Hold]) -> ColumnElement[bool]:
    """The rows of a table that any of the holds is about."""
    condition = _HELD.get(table)
    return false() if condition is None else or_(false(), *(condition(hold) for hold in found))


def not_held(table: Table, found: Sequence[Hold]) -> ColumnElement[bool]:
    """All others. A session without a resident is one of them, though comparing it gives neither yes nor no."""
    return held(table, found).is_not(true()) if found and table in _HELD else true()


def _at_venue(hold: Hold) -> ColumnElement[bool]:
    """Sessions that touch a venue's time. Of a resident's hold none, once they are gone."""
    if hold.venue_id is None:
        return false()
    return and_(
        _SESSIONS.venue_id == hold.venue_id,
        _SESSIONS.started_at <= hold.held_until,
        func.coalesce(_SESSIONS.stopped_at, _SESSIONS.updated_at) >= hold.held_from,
    )


def _device(hold: Hold) -> ColumnElement[bool]:
    return and_(devices.c.council_id == hold.council_id, devices.c.mac_pseudonym == hold.mac_pseudonym)


def _held_sessions(hold: Hold) -> ColumnElement[bool]:
    if hold.resident_id is not None:
        return _SESSIONS.resident_id == hold.resident_id
    if hold.mac_pseudonym is not None:
        return _SESSIONS.device_id.in_(select(devices.c.id).where(_device(hold)))
    return _at_venue(hold)


def _held_residents(hold: Hold) -> ColumnElement[bool]:
    if hold.resident_id is not None:
        return residents.c.id == hold.resident_id
    if hold.mac_pseudonym is not None:
        return residents.c.id.in_(select(devices.c.resident_id).where(_device(hold)))
    return residents.c.id.in_(select(_SESSIONS.resident_id).where(_at_venue(hold)))


def _held_devices(hold: Hold) -> ColumnElement[bool]:
    if hold.resident_id is not None:
        return devices.c.resident_id == hold.resident_id
    if hold.mac_pseudonym is not None:
        return _device(hold)
    return devices.c.id.in_(select(_SESSIONS.device_id).where(_at_venue(hold)))


def _held_authentications(hold: Hold) -> ColumnElement[bool]:
    table = authentications.c
    if hold.venue_id is not None:
        return and_(table.venue_id == hold.venue_id, table.at >= hold.held_from, table.at <= hold.held_until)
    names = select(held_names.c.user_pseudonym).where(held_names.c.hold_id == hold.id)
    return and_(table.council_id == hold.council_id, table.user_pseudonym.in_(names))


def _held_journeys(hold: Hold) -> ColumnElement[bool]:
    if hold.resident_id is not None:
        return journeys.c.resident_id == hold.resident_id
    if hold.mac_pseudonym is not None:
        return and_(journeys.c.council_id == hold.council_id, journeys.c.mac_pseudonym == hold.mac_pseudonym)
    if hold.venue_id is None:
        return false()
    return and_(
        journeys.c.venue_id == hold.venue_id,
        journeys.c.created_at <= hold.held_until,
        journeys.c.updated_at >= hold.held_from,
    )


def _of_held_residents(table: Table) -> Callable[[Hold], ColumnElement[bool]]:
    return lambda hold: table.c.resident_id.in_(select(residents.c.id).where(_held_residents(hold)))


def _held_orders(hold: Hold) -> ColumnElement[bool]:
    return dynamic_authorizations.c.session_id.in_(select(_SESSIONS.id).where(_held_sessions(hold)))


_HELD: Final[Mapping[Table, Callable[[Hold], ColumnElement[bool]]]] = {
    residents: _held_residents,
    devices: _held_devices,
    accounting_sessions: _held_sessions,
    authentications: _held_authentications,
    dynamic_authorizations: _held_orders,
    journeys: _held_journeys,
    one_time_tokens: _of_held_residents(one_time_tokens),
    credentials: _of_held_residents(credentials),
    terms_acceptances: _of_held_residents(terms_acceptances),
}
HELD_TABLES: Final = tuple(_HELD)
