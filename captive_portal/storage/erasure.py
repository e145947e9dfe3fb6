"""Deleting everything that is kept of a resident, while their session goes on and names nobody.

What only limits others' guessing (how many devices a code let on, how many wrong ones were typed) stays as a number:
its device becomes a random one.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import secrets
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, delete, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.journey import Details, Journey, State
from captive_portal.storage import holds
from captive_portal.storage.journeys import details_of, save
from captive_portal.storage.names import named, names_of
from foundation.runtime import Runtime
from foundation.schema import (
    accounting_sessions,
    audit_events,
    authentications,
    carry_on_addresses,
    devices,
    help_requests,
    information_requests,
    journeys,
    polled_grants,
    residents,
    verification_codes,
    voucher_uses,
    way_attempts,
)

_PSEUDONYM_OCTETS: Final = 16
# A login is logged a moment before the device is registered, where it was let into quarantine first.
_BEFORE_REGISTRATION: Final = timedelta(days=1)
_ERASED: Final = "erased"
_SESSIONS = accounting_sessions.c


@dataclass(frozen=True, slots=True)
class _Person:
    """By what a resident is found."""

    council_id: int
    resident_id: int
    contact_pseudonym: bytes | None = field(repr=False)
    # Of each device's address.
    pseudonyms: Mapping[bytes, int] = field(repr=False)
    # Everything that equipment may have named them by, addresses included.
    names: Set[str] = field(repr=False)
    since: datetime

    def owns(self, table: Table) -> ColumnElement[bool]:
        """The rows of one of their devices."""
        return and_(table.c.council_id == self.council_id, table.c.mac_pseudonym.in_(self.pseudonyms))


async def erase(connection: AsyncConnection, runtime: Runtime, journey: Journey, now: datetime) -> Journey | None:
    """Delete everything of a journey's resident; the journey goes on without one. None where they are deleted already.

    In the transaction of the caller, who holds the journey's row.
    """
    person = await _find(connection, runtime, journey.resident_id)
    if person is None:
        return None
    counts = await _clear(connection, runtime, person, now)
    erased = await _leave(connection, runtime, journey, now)
    await _delete(connection, person, counts, now, actor="my data", kept_journey=journey.id)
    return erased


async def erase_resident(
    connection: AsyncConnection, runtime: Runtime, resident_id: int, now: datetime, *, actor: str, kept_request: int
) -> bool:
    """Delete everything of a resident who asked for it without a journey; False where they are deleted already.

    What stays is the request that asked for it, because it is still to be answered. In the transaction of the caller.
    """
    person = await _find(connection, runtime, resident_id)
    if person is None:
        return False
    counts = await _clear(connection, runtime, person, now)
    await _delete(connection, person, counts, now, actor=actor, kept_request=kept_request)
    return True


async def _clear(connection: AsyncConnection, runtime: Runtime, person: _Person, now: datetime) -> dict[str, int]:
    # The same happens to everybody: what is held of somebody is put aside first, and nobody can tell.
    await holds.preserve(connection, runtime, person.council_id, person.resident_id, person.names, now)
    counts = {"sessions": await _clear_sessions(connection, person)}
    counts["log lines"] = await _delete_log(connection, runtime, person)
    counts["devices"] = len(person.pseudonyms)
    return counts


async def _delete(
    connection: AsyncConnection,
    person: _Person,
    counts: dict[str, int],
    now: datetime,
    *,
    actor: str,
    kept_journey: int | None = None,
    kept_request: int | None = None,
) -> None:
    await _forget_devices(connection, person)
    await _forget_codes(connection, person)
    counts["requests"] = await _delete_requests(connection, person, kept_request)
    of_person = or_(journeys.c.resident_id == person.resident_id, person.owns(journeys))
    others = true() if kept_journey is None else journeys.c.id != kept_journey
    await connection.execute(delete(journeys).where(of_person, others))
    # Devices, tokens, credentials, acceptances and what belongs to those go with it.
    await connection.execute(delete(residents).where(residents.c.id == person.resident_id))
    await connection.execute(
        insert(audit_events).values(
            council_id=person.council_id, at=now, actor=actor, action="erase", subject="a resident", detail=counts
        )
    )


async def _find(connection: AsyncConnection, runtime: Runtime, resident_id: int | None) -> _Person | None:
    of_resident = select(residents).where(residents.c.id == resident_id).with_for_update()
    resident = (await connection.execute(of_resident)).one_or_none()
    if resident is None:
        return None
    owned = select(devices).where(devices.c.resident_id == resident.id)
    pseudonyms = {row.mac_pseudonym: row.id for row in await connection.execute(owned)}
    moments = [
        resident.registered_at,
        *(await connection.execute(owned.with_only_columns(devices.c.created_at))).scalars(),
    ]
    told = await _told_by_gateways(connection, runtime, resident.council_id, resident.id, list(pseudonyms))
    names = await names_of(connection, runtime, resident.council_id, resident.id, pseudonyms, told)
    return _Person(
        council_id=resident.council_id,
        resident_id=resident.id,
        contact_pseudonym=resident.contact_pseudonym,
        pseudonyms=pseudonyms,
        names=names,
        since=min(moments) - _BEFORE_REGISTRATION,
    )


async def _told_by_gateways(
    connection: AsyncConnection, runtime: Runtime, council_id: int, resident_id: int, pseudonyms: list[bytes]
) -> set[str]:
    """The devices' addresses, as journeys of the last day still have them."""
    of_person = or_(
        journeys.c.resident_id == resident_id,
        and_(journeys.c.council_id == council_id, journeys.c.mac_pseudonym.in_(pseudonyms)),
    )
    sealed = await connection.execute(select(journeys.c.details_encrypted).where(of_person))
    found = [details_of(runtime.keyring, row.details_encrypted) for row in sealed]
    return {text for details in found for text in (details.address, details.hand_over.get("mac")) if text}


async def _clear_sessions(connection: AsyncConnection, person: _Person) -> int:
    """All of theirs, also where the equipment does not tell whose they are. What is left of them is counts."""
    owned = or_(_SESSIONS.resident_id == person.resident_id, _SESSIONS.device_id.in_(person.pseudonyms.values()))
    numbers: set[int] = set()
    for condition in (owned, named(person.council_id, person.names)):
        numbers |= {*(await connection.execute(select(_SESSIONS.id).where(condition))).scalars()}
    chosen = _SESSIONS.id.in_(numbers)
    # In the order in which RADIUS takes its locks (radius.accounting.merging), so that neither waits in a circle.
    ordered = select(_SESSIONS.id, _SESSIONS.acct_session_id).where(chosen)
    ordered = ordered.order_by(_SESSIONS.session_key, _SESSIONS.anchored_at).with_for_update()
    rows = (await connection.execute(ordered)).all()
    if telling := [row.id for row in rows if _tells(row.acct_session_id, person.names)]:
        of_those = update(accounting_sessions).where(_SESSIONS.id.in_(telling))
        await connection.execute(of_those.values(acct_session_id=_ERASED))
    cleared = dict.fromkeys(("resident_id", "device_id", "user_name", "calling_station_id", "framed_ip_address"))
    await connection.execute(update(accounting_sessions).where(chosen).values(is_erased=True, **cleared))
    return len(rows)


def _tells(session_id: str, names: Iterable[str]) -> bool:
    """Some equipment puts the device's address or the user name into its session's number."""
    return any(name.casefold() in session_id.casefold() for name in names)


async def _delete_log(connection: AsyncConnection, runtime: Runtime, person: _Person) -> int:
    pseudonyms = [runtime.keyring.pseudonym("user", person.council_id, name.encode()) for name in person.names]
    table = authentications.c
    deleted = await connection.execute(
        delete(authentications).where(
            table.at >= person.since, table.council_id == person.council_id, table.user_pseudonym.in_(pseudonyms)
        )
    )
    return deleted.rowcount


async def _leave(connection: AsyncConnection, runtime: Runtime, journey: Journey, now: datetime) -> Journey:
    """The journey goes on as nobody's, so that its page can say what happened; the device's next one begins anew.

    Where the device is not on, this one is over.
    """
    kept = Details(path_id=journey.details.path_id, driver=journey.details.driver, randomised=False, is_erased=True)
    erased = replace(journey, resident_id=None, details=kept, mac_pseudonym=_random())
    if journey.state is not State.ONLINE:
        erased = replace(erased, expires_at=now)
    await connection.execute(
        update(journeys).where(journeys.c.id == journey.id).values(mac_pseudonym=erased.mac_pseudonym)
    )
    await save(connection, runtime.keyring, erased, now)
    await connection.execute(delete(polled_grants).where(polled_grants.c.journey_id == journey.id))
    await connection.execute(delete(help_requests).where(help_requests.c.journey_id == journey.id))
    await connection.execute(delete(carry_on_addresses).where(carry_on_addresses.c.journey_id == journey.id))
    return erased if erased.expires_at > now else replace(erased, state=State.EXPIRED)


async def _forget_devices(connection: AsyncConnection, person: _Person) -> None:
    for table in (voucher_uses, way_attempts, verification_codes):
        numbers = (await connection.execute(select(table.c.id).where(person.owns(table)))).scalars().all()
        for number in numbers:
            await connection.execute(update(table).where(table.c.id == number).values(mac_pseudonym=_random()))


async def _forget_codes(connection: AsyncConnection, person: _Person) -> None:
    if person.contact_pseudonym is not None:
        table = verification_codes.c
        of_person = and_(table.council_id == person.council_id, table.contact_pseudonym == person.contact_pseudonym)
        await connection.execute(delete(verification_codes).where(of_person))


async def _delete_requests(connection: AsyncConnection, person: _Person, kept: int | None) -> int:
    """Complaints and requests about data under their contact, with what was written; open ones are taken back so."""
    if person.contact_pseudonym is None:
        return 0
    table = information_requests.c
    of_person = and_(table.council_id == person.council_id, table.contact_pseudonym == person.contact_pseudonym)
    others = true() if kept is None else table.id != kept
    return (await connection.execute(delete(information_requests).where(of_person, others))).rowcount


def _random() -> bytes:
    return secrets.token_bytes(_PSEUDONYM_OCTETS)


async def erase_files(runtime: Runtime, contact: str | None) -> None:
    """What a committed erasure leaves outside of the database's tables: the demo's mails, and SQLite's log of changes.

    On PostgreSQL the old versions of rows go with its own vacuum.
    """
    if contact is not None and runtime.settings.demo:
        await asyncio.to_thread(_delete_mails, runtime.settings.outbox_directory, contact)
    await runtime.database.truncate_log()


def _delete_mails(folder: Path, contact: str) -> None:
    for file in folder.glob("*.eml"):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        recipient = str(message["To"]).casefold()
        if recipient in (contact.casefold(), f"{contact.removeprefix('+')}@sms.invalid"):
            file.unlink(missing_ok=True)
