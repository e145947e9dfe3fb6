"""Grants that wait for a gateway to come for them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, select

from captive_portal.gateways.base import AccessLimits
from captive_portal.journey import Journey
from foundation.database import Database, Statements
from foundation.schema import polled_grants

_GRANTS = polled_grants.c


class GrantState(StrEnum):
    """polled_grants.state"""

    PENDING = "pending"
    # Told to a gateway that does not want to hear it again.
    GIVEN_OUT = "given-out"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class PendingGrant:
    """What a gateway is told."""

    reference: str
    limits: AccessLimits


_OF_GATEWAY: Final = (
    select(
        _GRANTS.reference,
        _GRANTS.session_seconds,
        _GRANTS.octets,
        _GRANTS.download_kilobits_per_second,
        _GRANTS.upload_kilobits_per_second,
    )
    .where(
        _GRANTS.nas_id == bindparam("nas_id"),
        _GRANTS.state == GrantState.PENDING,
        _GRANTS.expires_at > bindparam("now"),
    )
    .order_by(_GRANTS.created_at, _GRANTS.id)
    .limit(bindparam("number"))
)
_JOURNEY: Final = select(_GRANTS.journey_id).where(
    _GRANTS.nas_id == bindparam("nas_id"), _GRANTS.reference == bindparam("reference")
)


async def put(
    connection: Statements,
    database: Database,
    journey: Journey,
    grant: PendingGrant,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Leave a grant ready; one that is there for the same device and visit is made anew."""
    values = {
        "journey_id": journey.id,
        "session_seconds": grant.limits.seconds,
        "octets": grant.limits.octets,
        "download_kilobits_per_second": grant.limits.download_kilobits_per_second,
        "upload_kilobits_per_second": grant.limits.upload_kilobits_per_second,
        "state": GrantState.PENDING,
        "created_at": now,
        "expires_at": expires_at,
    }
    new = {"council_id": journey.council_id, "nas_id": journey.nas_id, "reference": grant.reference}
    statement = database.insert(polled_grants).values({**new, **values})
    await connection.execute(statement.on_conflict_do_update(index_elements=["nas_id", "reference"], set_=values))


async def pending(connection: Statements, nas_id: int, now: datetime, number: int) -> list[PendingGrant]:
    """What a gateway is to be told now, the oldest first."""
    rows = await connection.execute(_OF_GATEWAY, {"nas_id": nas_id, "now": now, "number": number})
    return [PendingGrant(reference, AccessLimits(*limits)) for reference, *limits in rows]


async def give_out(connection: Statements, nas_id: int, references: Collection[str]) -> None:
    """The gateway was told of these and is not told again; it may still say that they are on."""
    await connection.execute(
        polled_grants.update()
        .where(_GRANTS.nas_id == nas_id, _GRANTS.reference.in_(references), _GRANTS.state == GrantState.PENDING)
        .values(state=GrantState.GIVEN_OUT)
    )


async def acknowledge(connection: Statements, nas_id: int, references: Collection[str]) -> list[int]:
    """The gateway has let these devices on: the numbers of their journeys; of those alone that were waited for."""
    statement = (
        polled_grants.update()
        .where(_GRANTS.nas_id == nas_id, _GRANTS.reference.in_(references), _GRANTS.state != GrantState.ACKNOWLEDGED)
        .values(state=GrantState.ACKNOWLEDGED)
        .returning(_GRANTS.journey_id)
    )
    return sorted((await connection.execute(statement)).scalars())


async def journey_of(connection: Statements, nas_id: int, reference: str) -> int | None:
    """The number of the journey that a grant was for."""
    found = await connection.execute(_JOURNEY, {"nas_id": nas_id, "reference": reference})
    number: int | None = found.scalar_one_or_none()
    return number


async def forget(connection: Statements, nas_id: int, before: datetime) -> None:
    """What was left ready before then is not given out any more."""
    await connection.execute(
        polled_grants.delete().where(
            _GRANTS.nas_id == nas_id, _GRANTS.state == GrantState.PENDING, _GRANTS.created_at < before
        )
    )
