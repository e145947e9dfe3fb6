"""Access equipment as the command line enters and changes it: which values are possible, and what a change writes.

A network access server that is removed keeps its row while anything refers to it, because sessions and log lines tell
where they were by it; without network and RadSec name nothing can be sent in its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final

from sqlalchemy import Row, RowMapping, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.errors import CommandError
from foundation.schema import (
    access_points,
    accounting_sessions,
    authentications,
    councils,
    is_in_service,
    metadata,
    network_access_servers,
    venues,
)

# What a server that was removed no longer has; of its secret only the owner of the key could make anything.
_FORGOTTEN: Final = (
    "network", "radsec_name", "nas_identifier", "arrival_key", "gateway_options",
    "portal_secret_encrypted", "login_url", "portal_url",
    "previous_secret_encrypted", "previous_secret_until", "dynamic_authorization_host", "dynamic_authorization_port",
    "quarantine_vlan", "quarantine_role", "quarantine_url",
)  # fmt: skip

Nas = Row[Any]


async def find_nas(connection: AsyncConnection, text: str, council_code: str | None) -> Nas:
    """By network, name or RadSec name. Raises CommandError where there is none, or several."""
    nas = network_access_servers.c
    names = [text, text.lower()]
    networks = [text]
    with suppress(ValueError):
        networks.append(str(ip_network(text.strip(), strict=False)))
    question = (
        select(network_access_servers, councils.c.code.label("council_code"))
        .join(councils, councils.c.id == nas.council_id)
        .where(nas.network.in_(networks) | nas.name.in_(names) | nas.radsec_name.in_(names))
    )
    if council_code is not None:
        question = question.where(councils.c.code == council_code)
    rows = (await connection.execute(question)).all()
    if not rows:
        raise CommandError(f"there is no network access server {text!r}; see: citywifi nas list")
    if len(rows) > 1:
        raise CommandError(f"several network access servers are called {text!r}; name its network, or its --council")
    return rows[0]


async def find_venue(connection: AsyncConnection, council_id: int, reference: str) -> int:
    """A venue by its reference, or ``SOURCE:REFERENCE``. Raises CommandError."""
    source, _, rest = reference.partition(":")
    whole = venues.c.reference == reference
    question = select(venues.c.id, venues.c.source).where(
        venues.c.council_id == council_id, whole | ((venues.c.source == source) & (venues.c.reference == rest))
    )
    rows = (await connection.execute(question)).all()
    if not rows:
        raise CommandError(f"there is no venue {reference!r}; give the reference that it has in its register")
    if len(rows) > 1:
        registers = ", ".join(sorted(row.source for row in rows))
        raise CommandError(f"several registers have a venue {reference!r}; write REGISTER:{reference}, of {registers}")
    return int(rows[0].id)


async def refuse_taken(connection: AsyncConnection, row: Mapping[str, Any], besides: int | None = None) -> None:
    """Network and RadSec name are one server's alone, a name is within its council. Raises CommandError."""
    nas = network_access_servers.c
    same = {
        "network": nas.network == row["network"],
        "RadSec name": nas.radsec_name == row["radsec_name"],
        "name": (nas.council_id == row["council_id"]) & (nas.name == row["name"]),
    }
    values = {"network": row["network"], "RadSec name": row["radsec_name"], "name": row["name"]}
    for what, condition in same.items():
        if values[what] is None:
            continue
        question = select(nas.name).where(condition, nas.id != (besides or 0))
        holder = (await connection.execute(question)).scalars().first()
        if holder is not None:
            raise CommandError(
                f"the {what} {values[what]!r} is that of {holder!r} already; change or remove it first, or give another"
            )


async def moment_of_change(connection: AsyncConnection) -> datetime:
    """Now, but later than every change before: a server sees a change by the latest of these, whoever's clock it is."""
    latest = (await connection.execute(select(func.max(network_access_servers.c.updated_at)))).scalar_one()
    now = datetime.now(UTC)
    return now if latest is None else max(now, latest + timedelta(microseconds=1))


async def retire_nas(connection: AsyncConnection, nas: Nas) -> bool:
    """Take a network access server out of service; True when its row was deleted, because nothing refers to it."""
    if not await _is_referred_to(connection, nas.id):
        await connection.execute(access_points.delete().where(access_points.c.nas_id == nas.id))
        await connection.execute(network_access_servers.delete().where(network_access_servers.c.id == nas.id))
        return True
    now = await moment_of_change(connection)
    nothing = dict.fromkeys(_FORGOTTEN)
    name = f"{nas.name[:160]} (removed {now:%Y-%m-%d %H:%M:%S})"
    await connection.execute(
        update(network_access_servers)
        .where(network_access_servers.c.id == nas.id)
        .values(**nothing, name=name, unknown_devices="reject", updated_at=now)
    )
    return False


async def add_access_point(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Add one, or take over one whose network access server was removed; True for the latter. Raises CommandError."""
    table = access_points.c
    question = (
        select(table.id, network_access_servers.c.name, is_in_service().label("in_service"))
        .join_from(access_points, network_access_servers, table.nas_id == network_access_servers.c.id)
        .where(table.council_id == values["council_id"], table.mac_address == values["mac_address"])
    )
    known = (await connection.execute(question)).one_or_none()
    if known is None:
        await connection.execute(insert(access_points).values(**values))
        return False
    if known.in_service:
        raise CommandError(f"this access point is one of {known.name!r} already; remove it there first")
    changed = {key: value for key, value in values.items() if key != "created_at"}
    await connection.execute(update(access_points).where(table.id == known.id).values(**changed))
    return True


async def remove_access_point(connection: AsyncConnection, access_point_id: int) -> None:
    """Its sessions stay, with the venue that they were at."""
    sessions = accounting_sessions.c
    await connection.execute(
        update(accounting_sessions).where(sessions.access_point_id == access_point_id).values(access_point_id=None)
    )
    await connection.execute(access_points.delete().where(access_points.c.id == access_point_id))


async def _is_referred_to(connection: AsyncConnection, nas_id: int) -> bool:
    for column in _columns_that_refer():
        if (await connection.execute(select(exists().where(column == nas_id)))).scalar_one():
            return True
    return False


def _columns_that_refer() -> Iterator[Any]:
    """Of every table that tells something of a network access server; its own access points do not count."""
    for table in metadata.sorted_tables:
        if table is access_points:
            continue
        for key in table.foreign_keys:
            if key.column is network_access_servers.c.id:
                yield key.parent


async def list_nas(connection: AsyncConnection, council_id: int | None, now: datetime) -> list[dict[str, Any]]:
    """Each network access server as ``citywifi nas list`` shows it; ``last_heard_at`` is None when that is long ago."""
    nas = network_access_servers.c
    question = (
        select(network_access_servers, councils.c.code.label("council"), venues.c.name.label("venue"))
        .join(councils, councils.c.id == nas.council_id)
        .outerjoin(venues, venues.c.id == nas.venue_id)
        .order_by(is_in_service().desc(), councils.c.code, nas.name)
    )
    if council_id is not None:
        question = question.where(nas.council_id == council_id)
    rows = (await connection.execute(question)).mappings().all()
    heard = await _last_heard(connection, now)
    return [_described(row, heard.get(row["id"]), now) for row in rows]


async def _last_heard(connection: AsyncConnection, now: datetime) -> dict[int, datetime]:
    """When each was last heard: by its access points, or within the last day by its log lines and sessions."""
    yesterday = now - timedelta(days=1)
    points, log, sessions = access_points.c, authentications.c, accounting_sessions.c
    questions = (
        select(points.nas_id, func.max(points.last_heard_at)).group_by(points.nas_id),
        select(log.nas_id, func.max(log.at)).where(log.at >= yesterday).group_by(log.nas_id),
        select(sessions.nas_id, func.max(sessions.received_at))
        .where(sessions.received_at >= yesterday)
        .group_by(sessions.nas_id),
    )
    heard: dict[int, datetime] = {}
    for question in questions:
        for nas_id, moment in await connection.execute(question):
            if moment is not None:
                heard[nas_id] = max(moment, heard.get(nas_id, moment))
    return heard


def _transport(row: RowMapping) -> str:
    """How it speaks to us; of one without RADIUS, browsers come to the portal's address for it."""
    if row["radsec_name"]:
        return "RadSec"
    return "UDP" if row["network"] else "portal" if row["arrival_key"] else "none"


def _described(row: RowMapping, last_heard_at: datetime | None, now: datetime) -> dict[str, Any]:
    until = row["previous_secret_until"]
    state = "required"
    if row["message_authenticator"] == "auto":
        seen_at = row["message_authenticator_seen_at"]
        state = f"required since {seen_at:%Y-%m-%d}" if seen_at else "not yet seen (auto)"
    shown = ("council", "network", "radsec_name", "name", "vendor", "venue", "nas_identifier", "unknown_devices",
             "login_url", "dynamic_authorization_host", "dynamic_authorization_port", "gateway_driver",
             "arrival_key")  # fmt: skip
    return {
        **{column: row[column] for column in shown},
        "transport": _transport(row),
        "gateway_options": json.loads(row["gateway_options"]) if row["gateway_options"] else {},
        "message_authenticator_state": "by TLS" if row["radsec_name"] else state if row["network"] else "–",
        "last_heard_at": last_heard_at,
        "previous_secret_until": until if until is not None and until > now else None,
    }
