"""Requests about data: rows in, rows out. Contacts and all that was written are encrypted."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from captive_portal.errors import PortalError
from captive_portal.information_rights.clock import Pause
from captive_portal.information_rights.my_data import AskedRequest
from captive_portal.information_rights.requests import Happened, InformationRequest, Kind, Outcome, Rules, Wait
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils, information_requests, request_codes, request_events, residents, venues

# Of letters and digits that are not mistaken for others when they are said or read.
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS: Final = 6
_MOST_EVENTS: Final = 200

_requests, _events, _codes = information_requests.c, request_events.c, request_codes.c
_REQUEST: Final = (
    select(information_requests, councils.c.time_zone, venues.c.name.label("venue_name"))
    .join(councils, councils.c.id == _requests.council_id)
    .outerjoin(venues, venues.c.id == _requests.venue_id)
)
_BY_NUMBER: Final = _REQUEST.where(_requests.number == bindparam("number"))
_PAUSES: Final = (
    select(_events.kind, _events.at)
    .where(
        _events.request_id == bindparam("request_id"),
        _events.kind.in_((Happened.CLARIFICATION_ASKED.value, Happened.CLARIFIED.value)),
    )
    .order_by(_events.id)
)
_EVENTS: Final = (
    select(_events.at, _events.actor, _events.kind, _events.text_encrypted)
    .where(_events.request_id == bindparam("request_id"))
    .order_by(_events.id)
    .limit(_MOST_EVENTS)
)
_RECEIVED_BY: Final = select(_events.actor).where(
    _events.request_id == bindparam("request_id"), _events.kind == Happened.RECEIVED.value
)
_RECENT: Final = select(func.count()).where(
    _requests.council_id == bindparam("council_id"), _requests.received_at >= bindparam("since")
)
_EVENTS_SINCE: Final = select(func.count()).where(
    _events.request_id == bindparam("request_id"), _events.at >= bindparam("since")
)
_LIVE_CODES: Final = (
    select(_codes.id, _codes.code_pseudonym, _codes.created_at)
    .where(
        _codes.request_id == bindparam("request_id"),
        _codes.expires_at > bindparam("now"),
        _codes.attempts_left > 0,
    )
    .order_by(_codes.id)
)
_RECENT_CODES: Final = select(func.count()).where(
    _codes.council_id == bindparam("council_id"),
    _codes.contact_pseudonym == bindparam("contact_pseudonym"),
    _codes.created_at >= bindparam("since"),
)
_RESIDENT: Final = select(residents.c.id).where(
    residents.c.council_id == bindparam("council_id"), residents.c.contact_pseudonym == bindparam("contact_pseudonym")
)
_UNDER: Final = (
    select(information_requests)
    .where(
        _requests.council_id == bindparam("council_id"), _requests.contact_pseudonym == bindparam("contact_pseudonym")
    )
    .order_by(_requests.received_at.desc())
)
_LISTED: Final = (
    select(
        _requests.number,
        _requests.kind,
        councils.c.name,
        councils.c.time_zone,
        _requests.received_at,
        _requests.waits_for,
        _requests.due_at,
        _requests.closed_at,
        _requests.outcome,
    )
    .join(councils, councils.c.id == _requests.council_id)
    .where(_requests.council_id.in_(bindparam("councils", expanding=True)))
    .limit(bindparam("most"))
)
# What the council owes first, then what waits for others.
_OPEN: Final = _LISTED.where(_requests.closed_at.is_(None)).order_by(
    _requests.due_at.is_(None), _requests.due_at, _requests.received_at
)
_CLOSED: Final = _LISTED.where(_requests.closed_at.is_not(None)).order_by(_requests.closed_at.desc())


class NoNumberLeftError(PortalError):
    """Every number that was drawn is taken; there are hundreds of millions."""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What somebody asks."""

    council_id: int
    kind: Kind
    language: str
    contact: str | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    venue_id: int | None = None
    # Which its form carried, so that it is taken once; where there is none, one is drawn.
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a request."""

    at: datetime
    # resident or council
    actor: str
    kind: Happened
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A request among others."""

    number: str
    kind: Kind
    council_name: str
    time_zone: str
    received_at: datetime
    waits_for: str | None
    due_at: datetime | None
    closed_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class LiveCode:
    """A code that may still be tried."""

    id: int
    code_pseudonym: bytes
    created_at: datetime


def new_number(now: datetime) -> str:
    """The year and six random letters, so that it does not tell how many came before."""
    return f"{now:%y}-" + "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))


async def insert(
    connection: Statements, runtime: Runtime, new: NewRequest, received_at: datetime, number: str
) -> InformationRequest | None:
    """A new request, without anything that has happened to it; None where the number is another's."""
    contact, keyring = new.contact, runtime.keyring
    values = {
        "number": number,
        "council_id": new.council_id,
        "venue_id": new.venue_id,
        "kind": new.kind.value,
        "language": new.language,
        "contact_encrypted": None if contact is None else keyring.encrypt("contact", contact.encode()),
        "contact_pseudonym": None if contact is None else keyring.contact_pseudonym(new.council_id, contact),
        "received_at": received_at,
        "touched_at": received_at,
        "waits_for": None if new.kind is Kind.COMPLAINT else Wait.IDENTITY.value,
        "gives_data": False,
    }
    statement = runtime.database.insert(information_requests).values(values)
    added = await connection.execute(statement.on_conflict_do_nothing().returning(_requests.id))
    return None if added.scalar_one_or_none() is None else await load(connection, runtime, number)


async def load(
    connection: Statements, runtime: Runtime, number: str, *, for_update: bool = False
) -> InformationRequest | None:
    """A request by its number; None where there is none."""
    statement = _BY_NUMBER.with_for_update(of=information_requests) if for_update else _BY_NUMBER
    row = (await connection.execute(statement, {"number": number})).one_or_none()
    if row is None:
        return None
    pauses: list[Pause] = []
    for kind, at in await connection.execute(_PAUSES, {"request_id": row.id}):
        if kind == Happened.CLARIFICATION_ASKED:
            pauses.append(Pause(at, None))
        elif pauses:
            pauses[-1] = Pause(pauses[-1].asked_at, at)
    return _request(runtime, row, tuple(pauses))


def _request(runtime: Runtime, row: Row[Any], pauses: tuple[Pause, ...]) -> InformationRequest:
    sealed = row.contact_encrypted
    return InformationRequest(
        id=row.id,
        council_id=row.council_id,
        number=row.number,
        kind=Kind(row.kind),
        language=row.language,
        rules=Rules(row.time_zone, runtime.settings.portal.complaint_answer_days),
        received_at=row.received_at,
        contact=None if sealed is None else runtime.keyring.decrypt("contact", sealed).decode(),
        venue_name=row.venue_name,
        acknowledged_at=row.acknowledged_at,
        contact_proved_at=row.contact_proved_at,
        identity_proved_at=row.identity_proved_at,
        waits_for=None if row.waits_for is None else Wait(row.waits_for),
        extended_at=row.extended_at,
        closed_at=row.closed_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        gives_data=row.gives_data,
        open_until=row.open_until,
        pauses=pauses,
    )


async def save(connection: Statements, request: InformationRequest, now: datetime) -> None:
    """Store a request that a step was made with."""
    values = {
        "touched_at": now,
        "acknowledged_at": request.acknowledged_at,
        "contact_proved_at": request.contact_proved_at,
        "identity_proved_at": request.identity_proved_at,
        "waits_for": request.waits_for,
        "due_at": request.due_at(),
        "extended_at": request.extended_at,
        "closed_at": request.closed_at,
        "outcome": request.outcome,
        "gives_data": request.gives_data,
        "open_until": request.open_until,
    }
    await connection.execute(information_requests.update().where(_requests.id == request.id).values(values))


async def add_event(
    connection: Statements, keyring: Keyring, request: InformationRequest, kind: Happened, actor: str, text: str,
    at: datetime,
) -> None:  # fmt: skip
    """Keep what happened, and what was written with it."""
    values = {
        "council_id": request.council_id,
        "request_id": request.id,
        "at": at,
        "actor": actor,
        "kind": kind.value,
        "text_encrypted": keyring.encrypt("request text", text.encode()) if text else None,
    }
    await connection.execute(request_events.insert().values(values))


async def events(connection: Statements, keyring: Keyring, request_id: int) -> list[Event]:
    """What happened, the earliest first."""
    return [
        Event(at, actor, Happened(kind), "" if sealed is None else keyring.decrypt("request text", sealed).decode())
        for at, actor, kind, sealed in await connection.execute(_EVENTS, {"request_id": request_id})
    ]


async def received_by(connection: Statements, request_id: int) -> str:
    """Who entered a request: resident, by the form, or council."""
    return str((await connection.execute(_RECEIVED_BY, {"request_id": request_id})).scalar_one())


async def count_since(connection: Statements, council_id: int, since: datetime) -> int:
    """How many requests a council got."""
    found = await connection.execute(_RECENT, {"council_id": council_id, "since": since})
    return int(found.scalar_one())


async def count_events_since(connection: Statements, request_id: int, since: datetime) -> int:
    """How much happened to one request."""
    found = await connection.execute(_EVENTS_SINCE, {"request_id": request_id, "since": since})
    return int(found.scalar_one())


async def listed(
    connection: Statements, council_ids: Sequence[int], most: int, *, closed: bool = False
) -> list[Listed]:
    """Open requests, what is due first at the top; or closed ones, the latest first."""
    asked = {"councils": list(council_ids), "most": most}
    rows = await connection.execute(_CLOSED if closed else _OPEN, asked)
    return [Listed(number, Kind(kind), *rest) for number, kind, *rest in rows]


async def resident_of(connection: Statements, runtime: Runtime, request: InformationRequest) -> int | None:
    """The resident whose contact it is; None where nobody is registered with it."""
    if request.contact is None:
        return None
    pseudonym = runtime.keyring.contact_pseudonym(request.council_id, request.contact)
    asked = {"council_id": request.council_id, "contact_pseudonym": pseudonym}
    resident_id: int | None = (await connection.execute(_RESIDENT, asked)).scalar_one_or_none()
    return resident_id


async def requests_under(
    connection: Statements, runtime: Runtime, council_id: int, contact_pseudonym: bytes | None
) -> tuple[AskedRequest, ...]:
    """All that were made under a contact, the latest first, as the resident sees and exports them."""
    if contact_pseudonym is None:
        return ()
    asked = {"council_id": council_id, "contact_pseudonym": contact_pseudonym}
    found = []
    for row in (await connection.execute(_UNDER, asked)).all():
        happened = await events(connection, runtime.keyring, row.id) if row.contact_proved_at else []
        written = "\n\n".join(f"{one.at:%Y-%m-%d}, {one.actor}: {one.text}" for one in happened if one.text)
        found.append(AskedRequest(row.number, row.kind, row.received_at, row.closed_at, row.outcome, written))
    return tuple(found)


async def move_contact(
    connection: Statements, council_id: int, old_pseudonym: bytes, sealed: bytes, new_pseudonym: bytes
) -> None:
    """A resident has another contact: their requests go with them. One whose contact nobody proved stays."""
    of_resident = (_requests.council_id == council_id, _requests.contact_pseudonym == old_pseudonym)
    await connection.execute(
        information_requests.update()
        .where(*of_resident, _requests.contact_proved_at.is_not(None))
        .values(contact_encrypted=sealed, contact_pseudonym=new_pseudonym)
    )


async def live_codes(connection: Statements, request_id: int, now: datetime) -> list[LiveCode]:
    """The codes that may still be tried."""
    return [LiveCode(*row) for row in await connection.execute(_LIVE_CODES, {"request_id": request_id, "now": now})]


async def count_codes_since(connection: Statements, council_id: int, contact_pseudonym: bytes, since: datetime) -> int:
    """How many codes went to a contact, for all of its requests."""
    asked = {"council_id": council_id, "contact_pseudonym": contact_pseudonym, "since": since}
    return int((await connection.execute(_RECENT_CODES, asked)).scalar_one())


async def insert_code(connection: Statements, values: dict[str, object]) -> int:
    """Keep a code's hash; gives its number."""
    added = await connection.execute(request_codes.insert().values(values).returning(_codes.id))
    return int(added.scalar_one())


async def count_attempt(connection: Statements, codes: Sequence[LiveCode]) -> None:
    """A wrong one was typed."""
    chosen = _codes.id.in_([code.id for code in codes])
    await connection.execute(request_codes.update().where(chosen).values(attempts_left=_codes.attempts_left - 1))


async def use_up_codes(connection: Statements, request_id: int) -> None:
    """No code of a request is good any more. Their rows go on counting for the limit until retention takes them."""
    await connection.execute(request_codes.update().where(_codes.request_id == request_id).values(attempts_left=0))
