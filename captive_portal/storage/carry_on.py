"""Short addresses that lead to a journey for some minutes: one a journey, looked up by a keyed hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from foundation.database import Database, Statements
from foundation.privacy import Keyring
from foundation.schema import carry_on_addresses

# Whose council it is is not known yet when an address is opened.
_NO_COUNCIL: Final = 0
_PURPOSE: Final = "carry on"
_addresses = carry_on_addresses.c
_OF_JOURNEY: Final = select(_addresses.path_encrypted, _addresses.expires_at).where(
    _addresses.journey_id == bindparam("journey_id"),
    _addresses.expires_at > bindparam("good_until"),
    _addresses.openings_left > 0,
)
_OPEN: Final = (
    carry_on_addresses.update()
    .where(
        _addresses.path_pseudonym == bindparam("of_path"),
        _addresses.expires_at > bindparam("now"),
        _addresses.openings_left > 0,
    )
    .values(openings_left=_addresses.openings_left - 1)
    .returning(_addresses.journey_id)
)


@dataclass(frozen=True, slots=True)
class Address:
    """The part that is typed, and until when it is good."""

    path: str = field(repr=False)
    expires_at: datetime


async def find(connection: Statements, keyring: Keyring, journey_id: int, good_until: datetime) -> Address | None:
    """A journey's address, if it is good beyond that moment."""
    asked = {"journey_id": journey_id, "good_until": good_until}
    row = (await connection.execute(_OF_JOURNEY, asked)).one_or_none()
    return None if row is None else Address(keyring.decrypt(_PURPOSE, row.path_encrypted).decode(), row.expires_at)


async def put(
    connection: Statements,
    database: Database,
    keyring: Keyring,
    *,
    council_id: int,
    journey_id: int,
    address: Address,
    openings: int,
) -> None:
    """Give a journey this address; an earlier one of its is good no longer."""
    changing = {
        "path_pseudonym": _pseudonym(keyring, address.path),
        "path_encrypted": keyring.encrypt(_PURPOSE, address.path.encode()),
        "openings_left": openings,
        "expires_at": address.expires_at,
    }
    statement = database.insert(carry_on_addresses).values(council_id=council_id, journey_id=journey_id, **changing)
    await connection.execute(statement.on_conflict_do_update(index_elements=["journey_id"], set_=changing))


async def open_address(connection: Statements, keyring: Keyring, path: str, now: datetime) -> int | None:
    """The journey that an address leads to, which uses one of its openings up; None where it leads nowhere."""
    asked = {"of_path": _pseudonym(keyring, path), "now": now}
    found: int | None = (await connection.execute(_OPEN, asked)).scalar_one_or_none()
    return found


def _pseudonym(keyring: Keyring, path: str) -> bytes:
    return keyring.pseudonym(_PURPOSE, _NO_COUNCIL, path.encode())
