"""What a Disconnect-Request or CoA-Request says, vendor by vendor (RFC 5176 section 3; ``radius.vendors``).

Names of a session come from its row, because there they are as the equipment itself gave them in accounting: also
where Access-Accept replaced the User-Name. Nothing is sent that a vendor does not want, because some refuse what
they do not know (hostapd: Error-Cause 401).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any, Final

from sqlalchemy import select

from foundation.database import Database
from foundation.schema import accounting_sessions, network_access_servers
from radius import attributes
from radius.attribute_values import Value
from radius.dynamic_authorization.results import Action, Outcome, Result
from radius.errors import UnencodableError
from radius.packet import Attribute
from radius.vendors import Change, DynamicAuthorization, vendor_of

Session = Any
"""A row of ``read_session``: a session, and where its equipment takes requests."""


async def read_session(database: Database, session_id: int) -> Session | None:
    """What is known of a session. Raises DBAPIError."""
    async with database.read() as connection:
        return (await connection.execute(_SESSION.where(accounting_sessions.c.id == session_id))).one_or_none()


def impossible(session: Session | None, action: Action) -> Outcome | None:
    """Why the equipment need not even be asked; None where it is to be."""
    if session is None:
        return Outcome(Result.NO_SUCH_SESSION, "there is no such session")
    if session.stopped_at is not None:
        return Outcome(Result.ALREADY_ENDED, "the session has already ended")
    vendor = vendor_of(session.vendor)
    wanted = vendor.dynamic_authorization
    if wanted is None:
        return Outcome(
            Result.NOT_SUPPORTED,
            f"{vendor.title} takes no Disconnect-Request or CoA-Request; the session ends by its time limit, or by the"
            " equipment's own controller",
        )
    if session.radsec_name is None and not session.dynamic_authorization_host:
        return Outcome(
            Result.NOT_SUPPORTED,
            "no address for Disconnect-Requests is set for this equipment; the session ends by its time limit, or by"
            " the equipment's own controller",
        )
    if action is Action.CHANGE and wanted.change is Change.NONE:
        return Outcome(
            Result.NOT_SUPPORTED,
            f"{vendor.title} does not change a session that is open; end it, and the device comes back to new limits",
        )
    missing = [name for name in wanted.required if name not in _names(session)]
    if missing:
        return Outcome(
            Result.NOT_NAMEABLE, f"{vendor.title} finds a session only by {' and '.join(missing)}, which is not stored"
        )
    return None


def request_attributes(
    session: Session, action: Action, limits: tuple[Attribute, ...], now: datetime
) -> tuple[Attribute, ...]:
    """What goes into the packet, for a session that it is not ``impossible`` for. Raises UnencodableError.

    ``limits`` must be complete: CoovaChilli forgets each one that is not among them.
    """
    wanted = vendor_of(session.vendor).dynamic_authorization
    assert wanted is not None
    names = _names(session)
    pairs: list[tuple[str, Value]] = [(name, names[name]) for name in wanted.identifying if name in names]
    if wanted.audit_session_id and session.audit_session_id:
        pairs.append(("Cisco-AVPair", f"audit-session-id={session.audit_session_id}"))
    if not pairs:
        raise UnencodableError("nothing is stored by which the equipment would know the session")
    if wanted.event_timestamp:
        pairs.append(("Event-Timestamp", now.replace(microsecond=0)))
    return *attributes.encode_all(pairs), *(_change(wanted, limits) if action is Action.CHANGE else ())


def _change(wanted: DynamicAuthorization, limits: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
    if wanted.change is Change.REAUTHENTICATE:
        return attributes.encode_all(wanted.reauthenticate)
    return limits


def ports_of(session: Session) -> tuple[int, ...]:
    """Where UDP requests go: the port that is set, or else all that the vendor listens on, the likeliest first."""
    wanted = vendor_of(session.vendor).dynamic_authorization
    assert wanted is not None
    configured: int | None = session.dynamic_authorization_port
    return (configured,) if configured else (wanted.default_port, *wanted.other_ports)


def _names(session: Session) -> Mapping[str, Value]:
    """The attributes that name the session, as far as they are stored."""
    named = {
        "User-Name": session.user_name,
        "Acct-Session-Id": session.acct_session_id,
        "Calling-Station-Id": session.calling_station_id,
        "NAS-Identifier": session.nas_identifier,
        "Framed-IP-Address": _ipv4(session.framed_ip_address),
    }
    return {name: value for name, value in named.items() if value}


def _ipv4(address: str | None) -> IPv4Address | None:
    try:
        return IPv4Address(address or "")
    except ValueError:
        return None


_SESSION: Final = select(
    accounting_sessions.c.id,
    accounting_sessions.c.council_id,
    accounting_sessions.c.nas_id,
    accounting_sessions.c.stopped_at,
    accounting_sessions.c.user_name,
    accounting_sessions.c.acct_session_id,
    accounting_sessions.c.audit_session_id,
    accounting_sessions.c.calling_station_id,
    accounting_sessions.c.framed_ip_address,
    accounting_sessions.c.nas_identifier,
    network_access_servers.c.vendor,
    network_access_servers.c.secret_encrypted,
    network_access_servers.c.radsec_name,
    network_access_servers.c.dynamic_authorization_host,
    network_access_servers.c.dynamic_authorization_port,
).join(network_access_servers, network_access_servers.c.id == accounting_sessions.c.nas_id)
