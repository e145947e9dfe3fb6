"""Journeys in the database: found by the pseudonym of their path, or by device and gateway.

Statements are built once: building one costs about as much as running it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from captive_portal.gateways.gateway import Gateway
from captive_portal.journey import Details, Journey, State
from captive_portal.storage.equipment import GATEWAY_COLUMNS, Place, gateway_of, place_of
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.schema import councils, journeys, network_access_servers, venues

# The council is not known yet when a path is looked up.
_NO_COUNCIL: Final = 0
_SEAL: Final = "journey"
_TIMES: Final = (
    "handed_over_at",
    "access_until",
    "session_until",
    "released_at",
    "waiting_since",
    "data_open_until",
    "contact_proved_until",
)
_DETAILS: Final = tuple(field.name for field in fields(Details))

VISIT: Final = (
    select(
        journeys,
        *GATEWAY_COLUMNS,
        councils.c.code.label("council_code"),
        councils.c.name.label("council_name"),
        councils.c.time_zone,
        venues.c.name.label("venue_name"),
        venues.c.ways_in.label("venue_ways"),
        councils.c.ways_in.label("council_ways"),
        venues.c.branding.label("venue_branding"),
        councils.c.branding.label("council_branding"),
    )
    .join(network_access_servers, network_access_servers.c.id == journeys.c.nas_id)
    .join(councils, councils.c.id == journeys.c.council_id)
    .outerjoin(venues, venues.c.id == journeys.c.venue_id)
    .where(journeys.c.path_pseudonym == bindparam("path_pseudonym"))
)
"""What `visit_of` reads, by the path's pseudonym."""
# Without meaning on SQLite, where a writing transaction already is the only one.
_VISIT_FOR_UPDATE: Final = VISIT.with_for_update(of=journeys)
_OPEN: Final = (
    select(journeys)
    .where(
        journeys.c.nas_id == bindparam("nas_id"),
        journeys.c.mac_pseudonym == bindparam("mac_pseudonym"),
        journeys.c.expires_at > bindparam("now"),
    )
    .order_by(journeys.c.id.desc())
    .limit(1)
    .with_for_update()
)
_BY_NUMBER: Final = select(journeys).where(journeys.c.id == bindparam("journey_id"))
_BY_NUMBER_FOR_UPDATE: Final = _BY_NUMBER.with_for_update()
_INSERT: Final = journeys.insert().returning(journeys.c.id)
_SAVE: Final = journeys.update().where(journeys.c.id == bindparam("journey_id"))
_COUNT_OPEN: Final = select(func.count()).where(
    journeys.c.expires_at > bindparam("now"), journeys.c.state.not_in((State.ONLINE, State.ENDED))
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A journey with what its pages need to know: the gateway and the place."""

    journey: Journey
    gateway: Gateway
    place: Place


def path_pseudonym(keyring: Keyring, path_id: str) -> bytes:
    """What a path is looked up by; the path itself is only kept encrypted."""
    return keyring.pseudonym("journey", _NO_COUNCIL, path_id.encode())


async def load_visit(
    connection: Statements, keyring: Keyring, path_id: str, portal_url: str, *, now: datetime, for_update: bool
) -> Visit | None:
    """The journey of a path, in state EXPIRED when its time is over; None where there is none.

    ``portal_url`` is the portal's own address, for gateways that have no other one configured.
    """
    statement = _VISIT_FOR_UPDATE if for_update else VISIT
    found = await connection.execute(statement, {"path_pseudonym": path_pseudonym(keyring, path_id)})
    row = found.one_or_none()
    return None if row is None else visit_of(keyring, row, portal_url, now)


def visit_of(keyring: Keyring, row: Any, portal_url: str, now: datetime) -> Visit:
    """Of a row of `VISIT`, whose columns are its attributes."""
    journey = _from_row(keyring, row, now)
    gateway = gateway_of(keyring, row, journey.details.driver, portal_url)
    place = place_of(
        row.council_id,
        row.council_code,
        row.council_name,
        row.time_zone,
        row.venue_name,
        row.venue_ways,
        row.council_ways,
        row.venue_branding,
        row.council_branding,
    )
    return Visit(journey, gateway, place)


async def load_open(
    connection: Statements, keyring: Keyring, nas_id: int, mac_pseudonym: bytes, *, now: datetime
) -> Journey | None:
    """The latest journey of a device at a gateway that is not over, for update."""
    found = await connection.execute(_OPEN, {"nas_id": nas_id, "mac_pseudonym": mac_pseudonym, "now": now})
    row = found.one_or_none()
    return None if row is None else _from_row(keyring, row, now)


async def load(
    connection: Statements, keyring: Keyring, journey_id: int, *, now: datetime, for_update: bool = True
) -> Journey | None:
    """The journey with this number; in state EXPIRED when its time is over."""
    statement = _BY_NUMBER_FOR_UPDATE if for_update else _BY_NUMBER
    row = (await connection.execute(statement, {"journey_id": journey_id})).one_or_none()
    return None if row is None else _from_row(keyring, row, now)


async def insert(connection: Statements, keyring: Keyring, journey: Journey, now: datetime) -> int:
    """Store a new journey (its own `id` is ignored) and return its number."""
    values = {
        "council_id": journey.council_id,
        "path_pseudonym": path_pseudonym(keyring, journey.details.path_id),
        "nas_id": journey.nas_id,
        "venue_id": journey.venue_id,
        "mac_pseudonym": journey.mac_pseudonym,
        "created_at": now,
        **_changing(keyring, journey, now),
    }
    return int((await connection.execute(_INSERT, values)).scalar_one())


async def save(connection: Statements, keyring: Keyring, journey: Journey, now: datetime) -> None:
    """Store what changed."""
    await connection.execute(_SAVE, {"journey_id": journey.id, **_changing(keyring, journey, now)})


async def count_open(connection: Statements, now: datetime) -> int:
    """How many residents are on their way now."""
    return int((await connection.execute(_COUNT_OPEN, {"now": now})).scalar_one())


def details_of(keyring: Keyring, sealed: bytes) -> Details:
    """Open a row's ``details_encrypted``."""
    return _from_json(keyring.decrypt(_SEAL, sealed))


def _changing(keyring: Keyring, journey: Journey, now: datetime) -> dict[str, object]:
    return {
        "resident_id": journey.resident_id,
        "state": journey.state,
        "language": journey.language,
        "details_encrypted": keyring.encrypt(_SEAL, _to_json(journey.details)),
        "updated_at": now,
        "expires_at": journey.expires_at,
    }


def _from_row(keyring: Keyring, row: Any, now: datetime) -> Journey:
    expired = row.expires_at <= now
    return Journey(
        id=row.id,
        council_id=row.council_id,
        nas_id=row.nas_id,
        venue_id=row.venue_id,
        mac_pseudonym=row.mac_pseudonym,
        resident_id=row.resident_id,
        state=State.EXPIRED if expired else State(row.state),
        language=row.language,
        details=details_of(keyring, row.details_encrypted),
        expires_at=row.expires_at,
    )


def _to_json(details: Details) -> bytes:
    values = {name: value for name in _DETAILS if (value := getattr(details, name)) is not None}
    for name in _TIMES:
        if name in values:
            values[name] = values[name].isoformat()
    return json.dumps(values, ensure_ascii=False).encode()


def _from_json(text: bytes) -> Details:
    values = json.loads(text)
    for name in _TIMES:
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    return Details(**values)


def lifetime(seconds: int, now: datetime) -> datetime:
    """When a journey that is touched now is over."""
    return now + timedelta(seconds=seconds)
