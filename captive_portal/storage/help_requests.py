"""Residents who wait for a member of staff, each known by a number that they can say."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select

from foundation.database import Database, Statements
from foundation.schema import councils, help_requests, venues

LIFETIME: Final = timedelta(minutes=15)
_SMALLEST, _NUMBERS = 1000, 9000
# A number that somebody else has is not given; of so many tries one finds a free one unless thousands wait.
_TRIES: Final = 20

_requests = help_requests.c
_OF_JOURNEY: Final = select(_requests.number).where(
    _requests.journey_id == bindparam("journey_id"), _requests.expires_at > bindparam("now")
)
_OF_COUNCILS: Final = (
    select(_requests.number, _requests.asked_at, venues.c.name, councils.c.name)
    .join(councils, councils.c.id == _requests.council_id)
    .outerjoin(venues, venues.c.id == _requests.venue_id)
    .where(_requests.council_id.in_(bindparam("councils", expanding=True)), _requests.expires_at > bindparam("now"))
    .order_by(_requests.asked_at)
    .limit(bindparam("most"))
)
_TAKE: Final = (
    help_requests.delete()
    .where(
        _requests.council_id.in_(bindparam("councils", expanding=True)),
        _requests.number == bindparam("number"),
        _requests.expires_at > bindparam("now"),
    )
    .returning(_requests.journey_id)
)
_FORGET: Final = help_requests.delete().where(
    (_requests.journey_id == bindparam("of_journey"))
    | ((_requests.council_id == bindparam("of_council")) & (_requests.expires_at <= bindparam("before")))
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits, as staff see it."""

    number: str
    asked_at: datetime
    venue_name: str | None
    council_name: str


async def number_of(connection: Statements, journey_id: int, now: datetime) -> str | None:
    """The number that a journey shows, while it is good."""
    number: str | None = (
        await connection.execute(_OF_JOURNEY, {"journey_id": journey_id, "now": now})
    ).scalar_one_or_none()
    return number


async def ask(
    connection: Statements, database: Database, *, council_id: int, journey_id: int, venue_id: int | None, now: datetime
) -> str | None:
    """A new number for a journey; an old one of its is good no longer. None where too many wait."""
    await connection.execute(_FORGET, {"of_journey": journey_id, "of_council": council_id, "before": now})
    for _ in range(_TRIES):
        number = str(_SMALLEST + secrets.randbelow(_NUMBERS))
        values = {
            "council_id": council_id,
            "journey_id": journey_id,
            "venue_id": venue_id,
            "number": number,
            "asked_at": now,
            "expires_at": now + LIFETIME,
        }
        insert = database.insert(help_requests).values(values).on_conflict_do_nothing().returning(_requests.id)
        if (await connection.execute(insert)).scalar_one_or_none() is not None:
            return number
    return None


async def waiting(connection: Statements, council_ids: Sequence[int], now: datetime, most: int) -> list[Waiting]:
    """Those who wait, longest first."""
    values = {"councils": list(council_ids), "now": now, "most": most}
    return [Waiting(*row) for row in await connection.execute(_OF_COUNCILS, values)]


async def take(connection: Statements, council_ids: Sequence[int], number: str, now: datetime) -> list[int]:
    """The journeys that show a number, one for each council at most; the number is used up."""
    values = {"councils": list(council_ids), "number": number, "now": now}
    return list((await connection.execute(_TAKE, values)).scalars())
