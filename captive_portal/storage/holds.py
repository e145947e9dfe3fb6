"""Holds: placed for a case, ended, and what they keep of a resident who has everything deleted.

Nobody may learn from how their own deletion goes that something of them is held. So it goes as everybody's does: what
is held is put aside first, sealed, where only the hold leads to it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, func, insert, or_, select, update

from captive_portal.information_rights.holds import HeldDevice, HeldResident, HeldVenue, HoldError, Order, Subject
from captive_portal.storage.admissions import spellings
from captive_portal.storage.names import names_of
from foundation.database import Statements
from foundation.holds import HELD_TABLES, Hold, active_holds, held
from foundation.runtime import Runtime
from foundation.schema import (
    accounting_sessions,
    audit_events,
    authentications,
    councils,
    devices,
    dynamic_authorizations,
    held_names,
    held_records,
    holds,
    journeys,
    residents,
    venues,
)

_SEAL: Final = "held record"
# What is kept encrypted and can be read, with what it was encrypted as.
_OPENED: Final = {"contact_encrypted": "contact", "details_encrypted": "journey"}
# No password proves who somebody was.
_SECRETS: Final = frozenset({"nt_hash_encrypted", "password_encrypted"})
_MOST_LISTED: Final = 500

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class ListedHold:
    """A hold as those see it who answer for people's data: what it is about, never who."""

    id: int
    council_id: int
    council_name: str
    time_zone: str
    case_number: str
    authoriser: str
    reason: str
    # resident, device or venue
    kind: str
    venue: str | None
    held_from: datetime | None
    held_until: datetime | None
    placed_at: datetime
    expires_at: datetime
    # Deletions that it outlived.
    records: int

    def is_active(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return self.expires_at > now


_RECORDS = select(func.count()).where(held_records.c.hold_id == holds.c.id).scalar_subquery()
_LISTED: Final = (
    select(holds, councils.c.name, councils.c.time_zone, venues.c.name.label("venue"), _RECORDS.label("records"))
    .join(councils, councils.c.id == holds.c.council_id)
    .outerjoin(venues, venues.c.id == holds.c.venue_id)
    .order_by(holds.c.expires_at.desc(), holds.c.id.desc())
)


async def place(
    connection: Statements, runtime: Runtime, council_id: int, order: Order, subject: Subject, now: datetime
) -> int:
    """Place a hold; gives its number. Raises HoldError where there is nobody, or no venue, to hold."""
    columns, names = await _find(connection, runtime, council_id, subject)
    values = {
        "council_id": council_id,
        "case_number": order.case_number,
        "authoriser": order.authoriser,
        "reason": order.reason,
        "placed_at": now,
        "expires_at": order.expires_at,
        **columns,
    }
    hold_id = int((await connection.execute(insert(holds).values(values).returning(holds.c.id))).scalar_one())
    await _keep_names(connection, runtime, council_id, hold_id, names)
    return hold_id


async def _find(
    connection: Statements, runtime: Runtime, council_id: int, subject: Subject
) -> tuple[dict[str, Any], set[str]]:
    """What the hold's row says of its subject, and the names by which the log knows it."""
    match subject:
        case HeldResident(contact):
            pseudonym = runtime.keyring.contact_pseudonym(council_id, contact)
            wanted = and_(residents.c.council_id == council_id, residents.c.contact_pseudonym == pseudonym)
            found = (await connection.execute(select(residents.c.id).where(wanted))).scalar_one_or_none()
            if found is None:
                raise HoldError("nobody is registered with this contact; hold a device, or a venue and time, instead")
            owned = select(devices.c.mac_pseudonym).where(devices.c.resident_id == found)
            addresses = (await connection.execute(owned)).scalars().all()
            return {"resident_id": found}, await names_of(connection, runtime, council_id, found, addresses)
        case HeldDevice(address):
            return {"mac_pseudonym": runtime.keyring.device_pseudonym(council_id, address)}, spellings(address)
        case HeldVenue(venue_id, begin, end):
            own = select(venues.c.id).where(venues.c.id == venue_id, venues.c.council_id == council_id)
            if (await connection.execute(own)).first() is None:
                raise HoldError("there is no such venue of this council")
            return {"venue_id": venue_id, "held_from": begin, "held_until": end}, set()


async def _keep_names(
    connection: Statements, runtime: Runtime, council_id: int, hold_id: int, names: Iterable[str]
) -> None:
    of_hold = select(held_names.c.user_pseudonym).where(held_names.c.hold_id == hold_id)
    known = {bytes(one) for one in (await connection.execute(of_hold)).scalars()}
    new = {runtime.keyring.pseudonym("user", council_id, name.encode()) for name in names} - known
    if new:
        common = {"council_id": council_id, "hold_id": hold_id}
        await connection.execute(insert(held_names), [{**common, "user_pseudonym": one} for one in sorted(new)])


async def list_holds(connection: Statements, council_ids: Collection[int]) -> list[ListedHold]:
    """Of these councils, those that last longest first; ended ones at the end."""
    rows = await connection.execute(_LISTED.where(holds.c.council_id.in_(council_ids)).limit(_MOST_LISTED))
    return [
        ListedHold(
            row.id, row.council_id, row.name, row.time_zone, row.case_number, row.authoriser, row.reason, _kind(row),
            row.venue, row.held_from, row.held_until, row.placed_at, row.expires_at, row.records,
        )
        for row in rows
    ]  # fmt: skip


def _kind(row: Any) -> str:
    if row.venue_id is not None:
        return "venue"
    # Who was held and had everything deleted is no resident any more.
    return "device" if row.mac_pseudonym is not None else "resident"


async def find_hold(connection: Statements, council_ids: Collection[int], hold_id: int) -> ListedHold | None:
    """One of these councils' holds."""
    return next((one for one in await list_holds(connection, council_ids) if one.id == hold_id), None)


async def move_end(connection: Statements, hold_id: int, expires_at: datetime) -> None:
    """Let a hold end at another moment, such as now; what it put aside is deleted by the job after that."""
    await connection.execute(update(holds).where(holds.c.id == hold_id).values(expires_at=expires_at))
    records = update(held_records).where(held_records.c.hold_id == hold_id)
    await connection.execute(records.values(expires_at=expires_at))


async def preserve(
    connection: Statements, runtime: Runtime, council_id: int, resident_id: int, names: Set[str], now: datetime
) -> None:
    """Put aside what is held of a resident, who is about to be deleted or to change their contact.

    ``names`` are those by which the log knows them. Nothing happens where nothing is held.
    """
    for hold in await active_holds(connection, now, council_id):
        is_held = select(residents.c.id).where(residents.c.id == resident_id, held(residents, [hold]))
        if (await connection.execute(is_held)).first() is None:
            continue
        if hold.resident_id is not None:
            await _keep_names(connection, runtime, council_id, hold.id, names)
        pseudonyms = [runtime.keyring.pseudonym("user", council_id, name.encode()) for name in names]
        rows = await _collect(connection, runtime, hold, _belongings(council_id, resident_id, pseudonyms))
        expires_at = select(holds.c.expires_at).where(holds.c.id == hold.id)
        values = {
            "council_id": council_id,
            "hold_id": hold.id,
            "rows_encrypted": runtime.keyring.encrypt(_SEAL, json.dumps(rows).encode()),
            "kept_at": now,
            "expires_at": (await connection.execute(expires_at)).scalar_one(),
        }
        await connection.execute(insert(held_records).values(values))
        await connection.execute(
            insert(audit_events).values(
                council_id=council_id, at=now, actor="hold", action="put aside", subject=f"hold {hold.id}",
                detail={table: len(found) for table, found in rows.items()},
            )
        )  # fmt: skip


def _belongings(
    council_id: int, resident_id: int, pseudonyms: Collection[bytes]
) -> Mapping[Table, ColumnElement[bool]]:
    """Which rows are a resident's, where their number does not say it."""
    owned = select(devices.c.id).where(devices.c.resident_id == resident_id)
    addresses = select(devices.c.mac_pseudonym).where(devices.c.resident_id == resident_id)
    of_sessions = or_(accounting_sessions.c.resident_id == resident_id, accounting_sessions.c.device_id.in_(owned))
    return {
        residents: residents.c.id == resident_id,
        accounting_sessions: of_sessions,
        dynamic_authorizations: dynamic_authorizations.c.session_id.in_(
            select(accounting_sessions.c.id).where(of_sessions)
        ),
        authentications: authentications.c.user_pseudonym.in_(pseudonyms),
        journeys: and_(
            journeys.c.council_id == council_id,
            or_(journeys.c.resident_id == resident_id, journeys.c.mac_pseudonym.in_(addresses)),
        ),
        **{
            table: table.c.resident_id == resident_id
            for table in HELD_TABLES
            if table not in (residents, accounting_sessions, journeys) and "resident_id" in table.c
        },
    }


async def contents(connection: Statements, runtime: Runtime, hold_id: int, now: datetime) -> tuple[Rows, list[Rows]]:
    """Everything that a hold keeps: rows that are still where they were, and what was put aside of each resident.

    It is for the case alone: with contacts and addresses in the clear. Of a hold that has ended, nothing.
    """
    found = [hold for hold in await active_holds(connection, now) if hold.id == hold_id]
    if not found:
        return {}, []
    rows = await _collect(connection, runtime, found[0], {})
    sealed = select(held_records.c.rows_encrypted).where(held_records.c.hold_id == hold_id).order_by(held_records.c.id)
    records = (await connection.execute(sealed)).scalars().all()
    return rows, [json.loads(runtime.keyring.decrypt(_SEAL, each)) for each in records]


async def _collect(
    connection: Statements, runtime: Runtime, hold: Hold, belongings: Mapping[Table, ColumnElement[bool]]
) -> Rows:
    collected: Rows = {}
    for table in HELD_TABLES:
        question = select(table).where(held(table, [hold]))
        if table in belongings:
            question = question.where(belongings[table])
        rows = (await connection.execute(question.order_by(table.c.id))).all()
        if rows:
            collected[table.name] = [_plain(runtime, row._mapping) for row in rows]
    return collected


def _plain(runtime: Runtime, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Of texts and numbers only; what is encrypted opened, but for secrets."""
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if name in _SECRETS:
            continue
        if name in _OPENED and value is not None:
            plain[name.removesuffix("_encrypted")] = runtime.keyring.decrypt(_OPENED[name], value).decode()
        elif isinstance(value, datetime):
            plain[name] = value.isoformat()
        else:
            plain[name] = value.hex() if isinstance(value, bytes) else value
    return plain


async def venue_names(connection: Statements, council_ids: Collection[int]) -> list[str]:
    """For choosing one."""
    question = select(venues.c.name).where(venues.c.council_id.in_(council_ids)).order_by(venues.c.name)
    return list((await connection.execute(question)).scalars())


async def find_venue(connection: Statements, council_id: int, text: str) -> int | None:
    """The one venue of a council with this name or reference; None where none or several have it."""
    is_meant = or_(venues.c.name == text, venues.c.reference == text)
    question = select(venues.c.id).where(venues.c.council_id == council_id, is_meant).limit(2)
    found = (await connection.execute(question)).scalars().all()
    return found[0] if len(found) == 1 else None
