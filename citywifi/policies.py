"""Policies in the database, for the command line: set, removed, listed and explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.commands.workplace import record
from citywifi.errors import CommandError
from citywifi.imports.store import Council, find_council
from citywifi.policy_values import Limit
from foundation.database import Database
from foundation.runtime import Runtime
from foundation.schema import policies, residents, venues
from radius.policies.directory import PolicyTable, read_table
from radius.policies.effective import LIMIT_NAMES, Place, Policy, default_limits
from radius.policies.opening import format_minutes

_LONGEST_NETWORK_OCTETS = 32
_LONGEST_GROUP = 64
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Where:
    """Where and for whom, as a person writes it; what is None counts for all."""

    council: str | None = None
    venue: str | None = None
    network: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Where that is, and what is shown for it."""

    council: Council
    place: Place
    words: str


async def set_policy(runtime: Runtime, where: Where, limits: Mapping[str, Any]) -> tuple[Found, bool, bool]:
    """Make or change the policy of a place; limits that are not given stay as they are.

    Whether it is new, and whether anybody is in the group that it names. Raises CommandError.
    """
    now = datetime.now(UTC)
    found = await find_place(runtime.database, where)
    values = _columns(limits)
    async with runtime.database.write() as connection:
        known = await _policy_id(connection, found.place)
        if known is None:
            place = {
                "council_id": found.place.council_id,
                "venue_id": found.place.venue_id,
                "network_name": found.place.network_name,
                "group_name": found.place.group_name,
            }
            made = {"scope": found.place.scope, "created_at": now, "updated_at": now}
            await connection.execute(policies.insert().values(**place, **made, **values))
        else:
            await connection.execute(policies.update().where(policies.c.id == known).values(**values, updated_at=now))
        await record(connection, "set policy", found.words, council_id=found.council.id, detail=values)
        has_members = await _has_members(connection, found.place)
    return found, known is None, has_members


async def remove_policy(runtime: Runtime, where: Where) -> Found:
    """Remove the policy of exactly this place. Raises CommandError where there is none."""
    found = await find_place(runtime.database, where)
    async with runtime.database.write() as connection:
        known = await _policy_id(connection, found.place)
        if known is None:
            raise CommandError(f"there is no policy for {found.words}; see: citywifi policy list")
        await connection.execute(delete(policies).where(policies.c.id == known))
        await record(connection, "remove policy", found.words, council_id=found.council.id)
    return found


async def read_policies(runtime: Runtime) -> tuple[PolicyTable, dict[int, str]]:
    """All policies as the RADIUS server would read them, and the names of the venues that they name."""
    async with runtime.database.read() as connection:
        table = await read_table(connection, default_limits(runtime.settings.radius))
        named = select(venues.c.id, venues.c.name).where(venues.c.id.in_(select(policies.c.venue_id)))
        names = {row.id: row.name for row in await connection.execute(named)}
    return table, names


async def find_place(database: Database, where: Where) -> Found:
    """Raises CommandError for a venue that is not known or not clear, and for names that are too long."""
    council = await find_council(database, where.council)
    network, group = where.network or "", where.group or ""
    if len(network.encode()) > _LONGEST_NETWORK_OCTETS or not network.isprintable():
        raise CommandError(f"a network's name has at most {_LONGEST_NETWORK_OCTETS} octets")
    if len(group) > _LONGEST_GROUP or not group.isprintable():
        raise CommandError(f"a group's name has at most {_LONGEST_GROUP} characters")
    venue_id, venue_name = None, ""
    if where.venue:
        venue_id, venue_name = await _find_venue(database, council, where.venue)
    place = Place(council.id, venue_id, network, group)
    return Found(council, place, describe(place, venue_name, council.name))


def describe(place: Place, venue_name: str, council_name: str) -> str:
    """Where and for whom, in words."""
    group = f"group {place.group_name}" if place.group_name else ""
    network = f"network {place.network_name}" if place.network_name else ""
    parts = [part for part in (group, network, venue_name) if part]
    return ", ".join(parts) or f"all of {council_name}"


def origin_of(
    source: Policy | None, limit: Limit, venue_names: Mapping[int, str], council_name: str = "the council"
) -> str:
    """Where a limit that is in force comes from, in words."""
    if source is not None:
        place = source.place
        return f"from the policy for {describe(place, venue_names.get(place.venue_id or 0, ''), council_name)}"
    return f"from the setting radius.{limit.setting}" if limit.setting else "no policy says anything"


async def _find_venue(database: Database, council: Council, text: str) -> tuple[int, str]:
    """By its reference in its register, also written SOURCE:REFERENCE, or by its name."""
    question = select(venues.c.id, venues.c.source, venues.c.reference, venues.c.name).where(
        venues.c.council_id == council.id,
        (venues.c.reference == text)
        | (venues.c.source + ":" + venues.c.reference == text)
        | (func.lower(venues.c.name) == text.lower()),
    )
    async with database.read() as connection:
        rows = (await connection.execute(question.order_by(venues.c.id))).all()
    if not rows:
        raise CommandError(f"there is no venue {text!r}; give its reference in its register, or its whole name")
    if len(rows) > 1:
        shown = ", ".join(f"{row.source}:{row.reference} ({row.name})" for row in rows[:_MOST_NAMED])
        raise CommandError(f"{len(rows)} venues are called {text!r}; say which one is meant: {shown}")
    return rows[0].id, rows[0].name


async def _policy_id(connection: AsyncConnection, place: Place) -> int | None:
    same = (policies.c.council_id == place.council_id) & (policies.c.scope == place.scope)
    known: int | None = (await connection.execute(select(policies.c.id).where(same))).scalar_one_or_none()
    return known


async def _has_members(connection: AsyncConnection, place: Place) -> bool:
    members = select(residents.c.id).where(
        residents.c.council_id == place.council_id, residents.c.group_name == place.group_name
    )
    return (await connection.execute(members.limit(1))).first() is not None


def _columns(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Limits as the table's columns have them."""
    values = {name: limits[name] for name in LIMIT_NAMES if name in limits and name != "opening"}
    if "opening" in limits:
        opening = limits["opening"]
        values["opens_at"] = None if opening is None else format_minutes(opening.opens_at)
        values["closes_at"] = None if opening is None else format_minutes(opening.closes_at)
    return values
