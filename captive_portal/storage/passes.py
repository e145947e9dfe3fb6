"""One-time tokens, verification codes, and the accounting sessions that prove a release."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select

from foundation.database import Statements
from foundation.schema import accounting_sessions, devices, journeys, one_time_tokens, verification_codes

_INSERT_TOKEN: Final = one_time_tokens.insert()
_REUSABLE_TOKEN: Final = select(one_time_tokens.c.id).where(
    one_time_tokens.c.user_name == bindparam("user_name"),
    one_time_tokens.c.device_id == bindparam("device_id"),
    one_time_tokens.c.uses == 0,
    one_time_tokens.c.expires_at >= bindparam("good_until"),
)
_TOKEN_PLACE: Final = (
    select(one_time_tokens.c.nas_id, devices.c.mac_pseudonym)
    .join(devices, devices.c.id == one_time_tokens.c.device_id)
    .where(one_time_tokens.c.user_name == bindparam("user_name"))
)
_CODES = verification_codes.c
_COUNT_RECENT_CODES: Final = (
    select(
        func.count().filter(_CODES.contact_pseudonym == bindparam("contact_pseudonym")),
        func.count().filter(_CODES.mac_pseudonym == bindparam("mac_pseudonym")),
        func.count().filter(_CODES.nas_id == bindparam("nas_id")),
        func.count().filter(journeys.c.venue_id == bindparam("venue_id")),
        func.count(),
    )
    .join_from(verification_codes, journeys, journeys.c.id == _CODES.journey_id)
    .where(_CODES.council_id == bindparam("council_id"), _CODES.created_at > bindparam("since"))
)
_INSERT_CODE: Final = verification_codes.insert().returning(_CODES.id)
_LIVE_CODES: Final = select(_CODES.id, _CODES.code_pseudonym, _CODES.created_at).where(
    _CODES.journey_id == bindparam("journey_id"),
    _CODES.contact_pseudonym == bindparam("contact_pseudonym"),
    _CODES.attempts_left > 0,
    _CODES.expires_at > bindparam("now"),
)
_USE_UP_CODES: Final = (
    verification_codes.update().where(_CODES.journey_id == bindparam("of_journey")).values(attempts_left=0)
)
_SESSIONS = accounting_sessions.c
_SESSION: Final = (
    select(
        _SESSIONS.started_at,
        _SESSIONS.updated_at,
        _SESSIONS.stopped_at,
        _SESSIONS.input_octets + _SESSIONS.output_octets,
        _SESSIONS.received_at,
        _SESSIONS.id,
        _SESSIONS.source,
    )
    .where(_SESSIONS.nas_id == bindparam("nas_id"), _SESSIONS.device_id == bindparam("device_id"))
    # An open session tells more than one that has ended.
    .order_by(_SESSIONS.stopped_at.is_not(None), _SESSIONS.started_at.desc())
    .limit(1)
)
_OPEN_SESSION: Final = _SESSION.where(_SESSIONS.stopped_at.is_(None))
_proves = or_(_SESSIONS.user_name == bindparam("user_name"), _SESSIONS.started_at >= bindparam("since"))
_PROVING_SESSION: Final = _SESSION.where(_proves)
_HEARD_SESSION: Final = _SESSION.where(
    or_(_proves, and_(_SESSIONS.stopped_at.is_(None), _SESSIONS.received_at >= bindparam("heard_since")))
)


@dataclass(frozen=True, slots=True)
class Code:
    """A verification code that may still be tried."""

    id: int
    code_pseudonym: bytes = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewCode:
    """What is written of a verification code: never the code or the contact themselves."""

    council_id: int
    journey_id: int
    nas_id: int
    contact_pseudonym: bytes = field(repr=False)
    mac_pseudonym: bytes = field(repr=False)
    code_pseudonym: bytes = field(repr=False)
    attempts_left: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RecentCodes:
    """How many codes were asked for since a moment."""

    by_contact: int
    by_device: int
    by_gateway: int
    by_venue: int = 0
    by_council: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """An accounting session, as the status page shows it."""

    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    octets: int
    # When its latest record came, by our clock.
    received_at: datetime
    id: int
    # accounting_sessions.source
    source: str


async def reusable_token(connection: Statements, user_name: str, device_id: int, good_until: datetime) -> bool:
    """Whether a token has let nobody on yet and is good for long enough."""
    values = {"user_name": user_name, "device_id": device_id, "good_until": good_until}
    return (await connection.execute(_REUSABLE_TOKEN, values)).first() is not None


async def insert_token(
    connection: Statements,
    *,
    council_id: int,
    user_name: str,
    resident_id: int,
    device_id: int,
    nas_id: int,
    created_at: datetime,
    expires_at: datetime,
    access_until: datetime | None,
) -> None:
    """Store a token; its password is derived from its name and stands nowhere."""
    values = {
        "council_id": council_id,
        "user_name": user_name,
        "resident_id": resident_id,
        "device_id": device_id,
        "nas_id": nas_id,
        "created_at": created_at,
        "expires_at": expires_at,
        "access_until": access_until,
    }
    await connection.execute(_INSERT_TOKEN, values)


async def token_place(connection: Statements, user_name: str) -> tuple[int, bytes] | None:
    """The gateway of a token, and the pseudonym of its device's address."""
    row = (await connection.execute(_TOKEN_PLACE, {"user_name": user_name})).one_or_none()
    return None if row is None else (row.nas_id, row.mac_pseudonym)


async def count_recent_codes(
    connection: Statements,
    *,
    council_id: int,
    contact_pseudonym: bytes,
    mac_pseudonym: bytes,
    nas_id: int,
    venue_id: int | None,
    since: datetime,
) -> RecentCodes:
    """Codes asked for by contact, device, gateway, venue and in all of the council."""
    values = {
        "council_id": council_id,
        "contact_pseudonym": contact_pseudonym,
        "mac_pseudonym": mac_pseudonym,
        "nas_id": nas_id,
        "venue_id": venue_id,
        "since": since,
    }
    return RecentCodes(*(await connection.execute(_COUNT_RECENT_CODES, values)).one())


async def insert_code(connection: Statements, code: NewCode) -> int:
    """Store a code and return its number."""
    values = {
        "council_id": code.council_id,
        "journey_id": code.journey_id,
        "nas_id": code.nas_id,
        "contact_pseudonym": code.contact_pseudonym,
        "mac_pseudonym": code.mac_pseudonym,
        "code_pseudonym": code.code_pseudonym,
        "attempts_left": code.attempts_left,
        "created_at": code.created_at,
        "expires_at": code.expires_at,
    }
    return int((await connection.execute(_INSERT_CODE, values)).scalar_one())


async def live_codes(connection: Statements, journey_id: int, contact_pseudonym: bytes, now: datetime) -> list[Code]:
    """The codes of a journey and contact that may still be tried; there are several after "send again"."""
    values = {"journey_id": journey_id, "contact_pseudonym": contact_pseudonym, "now": now}
    return [Code(*row) for row in await connection.execute(_LIVE_CODES, values)]


async def count_attempt(connection: Statements, codes: list[Code]) -> None:
    """A wrong code was typed: each that it could have been loses an attempt."""
    table = verification_codes
    await connection.execute(
        table.update()
        .where(table.c.id.in_([code.id for code in codes]))
        .values(attempts_left=table.c.attempts_left - 1)
    )


async def use_up_codes(connection: Statements, journey_id: int) -> None:
    """None of a journey's codes is good any more; the rows stay a while, because limits count them."""
    await connection.execute(_USE_UP_CODES, {"of_journey": journey_id})


async def use_up_code(connection: Statements, code_id: int) -> None:
    """This code was not delivered."""
    table = verification_codes
    await connection.execute(table.update().where(table.c.id == code_id).values(attempts_left=0))


async def find_session(
    connection: Statements,
    *,
    nas_id: int,
    device_id: int,
    user_name: str | None,
    since: datetime | None,
    heard_since: datetime | None = None,
) -> Session | None:
    """The latest session of a device at a gateway that proves a release.

    Proof is a session under the release's one-time user name, which no clock can blur, or one that began ``since``.
    Where ``since`` is None, any session that is still open. With ``heard_since``, which is of our own clock, also one
    that is still open and was heard of since then: it may have begun while the device was in quarantine.
    """
    values: dict[str, object] = {"nas_id": nas_id, "device_id": device_id}
    if since is None:
        row = (await connection.execute(_OPEN_SESSION, values)).one_or_none()
    elif heard_since is not None:
        values |= {"user_name": user_name, "since": since, "heard_since": heard_since}
        row = (await connection.execute(_HEARD_SESSION, values)).one_or_none()
    else:
        values |= {"user_name": user_name, "since": since}
        row = (await connection.execute(_PROVING_SESSION, values)).one_or_none()
    return None if row is None else Session(*row)
