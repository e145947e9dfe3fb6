"""Which devices MAC authentication lets on, and whether their equipment has asked about them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, or_, select

from foundation.database import Statements, UtcDateTime
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, authentications, devices

_UNTIL: Final = bindparam("until", type_=UtcDateTime)
_LET_ON: Final = (
    devices.update()
    .where(
        devices.c.id == bindparam("of_device"),
        or_(devices.c.remembered_until.is_(None), devices.c.remembered_until < _UNTIL),
    )
    .values(remembered_until=_UNTIL)
)
_PUT_OFF: Final = devices.update().where(devices.c.id == bindparam("of_device")).values(remembered_until=None)
_ASKED: Final = select(authentications.c.id).where(
    authentications.c.nas_id == bindparam("nas_id"),
    authentications.c.user_pseudonym.in_(bindparam("names", expanding=True)),
    authentications.c.at >= bindparam("since"),
    authentications.c.accepted,
    # One that was let into quarantine has a word of that there.
    authentications.c.detail == "",
)
_OPEN_SESSION: Final = (
    select(accounting_sessions.c.id)
    .where(
        accounting_sessions.c.nas_id == bindparam("nas_id"),
        accounting_sessions.c.device_id == bindparam("device_id"),
        accounting_sessions.c.stopped_at.is_(None),
    )
    .order_by(accounting_sessions.c.started_at.desc())
    .limit(1)
)
# How equipment may spell an address in User-Name: separator, and digits between two.
_SPELLINGS: Final = (("-", 2), (":", 2), ("", 12), (".", 4), ("-", 4), ("-", 6))


async def let_on(connection: Statements, device_id: int, until: datetime) -> None:
    """RADIUS lets the device on by its address at least until then."""
    await connection.execute(_LET_ON, {"of_device": device_id, "until": until})


async def put_off(connection: Statements, device_id: int) -> None:
    """RADIUS lets the device on no more."""
    await connection.execute(_PUT_OFF, {"of_device": device_id})


async def was_let_on(
    connection: Statements, keyring: Keyring, council_id: int, nas_id: int, device: MacAddress, since: datetime
) -> bool:
    """Whether RADIUS's log has an Access-Accept for the device at this equipment, other than into quarantine."""
    pseudonyms = [keyring.pseudonym("user", council_id, name.encode()) for name in sorted(spellings(device))]
    found = await connection.execute(_ASKED, {"nas_id": nas_id, "names": pseudonyms, "since": since})
    return found.first() is not None


def spellings(device: MacAddress) -> set[str]:
    """How equipment may write a device's address."""
    return {
        device.format(separator, group_size=size, upper=upper)
        for separator, size in _SPELLINGS
        for upper in (True, False)
    }


async def open_session_id(connection: Statements, nas_id: int, device_id: int) -> int | None:
    """The number of the accounting session that a registered device is on by."""
    found = (await connection.execute(_OPEN_SESSION, {"nas_id": nas_id, "device_id": device_id})).first()
    return None if found is None else int(found.id)
