"""By which names equipment and the log know a resident: one-time names, user names, addresses of their devices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set

from sqlalchemy import ColumnElement, and_, or_, select

from captive_portal.storage.admissions import spellings
from foundation.database import Statements
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, credentials, one_time_tokens

_SESSIONS = accounting_sessions.c


async def names_of(
    connection: Statements,
    runtime: Runtime,
    council_id: int,
    resident_id: int,
    pseudonyms: Collection[bytes],
    told: Iterable[str] = (),
) -> set[str]:
    """Everything that equipment may have named a resident by, addresses in every spelling included.

    ``pseudonyms`` are of their devices' addresses, which is how an address in what was ``told`` (by gateways), or is
    still in sessions, is known to be theirs.
    """
    names = await _names(connection, runtime, resident_id)
    texts = {*told} | await _told_by_sessions(connection, council_id, resident_id, names)
    # What else a session says may be everybody's, such as the outer identity of EAP.
    own = {text for text in texts if text.partition("@")[0] in names}
    for address in {address for text in texts if (address := _address(text)) is not None}:
        if runtime.keyring.device_pseudonym(council_id, address) in pseudonyms:
            own |= spellings(address)
    return names | own


def named(council_id: int, names: Set[str]) -> ColumnElement[bool]:
    """Sessions that say one of the names."""
    is_theirs = or_(_SESSIONS.user_name.in_(names), _SESSIONS.calling_station_id.in_(names))
    return and_(_still_named(), _SESSIONS.council_id == council_id, is_theirs)


async def _names(connection: Statements, runtime: Runtime, resident_id: int) -> set[str]:
    """One-time names, and user names with and without a realm of ours."""
    tokens = select(one_time_tokens.c.user_name).where(one_time_tokens.c.resident_id == resident_id)
    lasting = select(credentials.c.user_name).where(credentials.c.resident_id == resident_id)
    names = {*(await connection.execute(tokens)).scalars()}
    for name in (await connection.execute(lasting)).scalars():
        names |= {name, *(f"{name}@{realm}" for realm in runtime.settings.roaming.own_realms)}
    return names


async def _told_by_sessions(connection: Statements, council_id: int, resident_id: int, names: Set[str]) -> set[str]:
    """Names and addresses that equipment gave, while they are kept."""
    told = select(_SESSIONS.user_name, _SESSIONS.calling_station_id)
    owned = told.where(_SESSIONS.resident_id == resident_id, _still_named())
    by_name = told.where(named(council_id, names))
    return {text for each in (owned, by_name) for row in await connection.execute(each) for text in row if text}


def _address(text: str) -> MacAddress | None:
    try:
        return MacAddress.parse(text)
    except NotAMacAddressError:
        return None


def _still_named() -> ColumnElement[bool]:
    """In the words of the index on the sessions that still name anybody."""
    return or_(
        _SESSIONS.user_name.is_not(None),
        _SESSIONS.calling_station_id.is_not(None),
        _SESSIONS.framed_ip_address.is_not(None),
    )
