"""The policies in memory, kept up to date from the database: a change is in force within about a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database, Statements
from foundation.schema import councils
from foundation.schema import policies as policies_table
from foundation.settings import RadiusSettings
from radius import metrics
from radius.policies.effective import (
    ALWAYS_LIMITED,
    LIMIT_NAMES,
    EffectivePolicy,
    Limits,
    Place,
    Policy,
    default_limits,
    effective_policy,
)
from radius.policies.opening import Opening
from radius.polled import Polled

logger = structlog.get_logger(__name__)


class PolicyTable:
    """All policies as they were at one moment."""

    def __init__(
        self, defaults: Limits, policies: Iterable[Policy] = (), time_zones: Mapping[int, tzinfo] | None = None
    ) -> None:
        self.policies: tuple[Policy, ...] = tuple(policies)
        self.time_zones = dict(time_zones or {})
        self._defaults = defaults
        self._by_council: dict[int, list[Policy]] = {}
        for policy in self.policies:
            self._by_council.setdefault(policy.place.council_id, []).append(policy)
        self._named = {council_id: _Named(found) for council_id, found in self._by_council.items()}
        self._known: dict[Place, EffectivePolicy] = {}

    @property
    def ending_councils(self) -> list[int]:
        """The councils with some limit by which an open session may have to end."""
        return [
            council_id
            for council_id, own in self._by_council.items()
            if any(each.limits.opening or each.limits.daily_seconds or each.limits.daily_octets for each in own)
        ]

    def effective(self, place: Place) -> EffectivePolicy:
        """The limits in force at a place; the same object for the same limits of a table."""
        named = self._named.get(place.council_id)
        # What no policy names makes no difference, so there are no more answers than policies have names.
        asked = named.reduce(place) if named else Place(place.council_id)
        try:
            return self._known[asked]
        except KeyError:
            found = effective_policy(self._by_council.get(place.council_id, ()), asked, self._defaults)
            self._known[asked] = found
            return found

    def time_zone(self, council_id: int) -> tzinfo:
        """The zone of a council's clocks."""
        return self.time_zones.get(council_id, UTC)


class _Named:
    """The venues, networks and groups that policies of a council name."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._venues = {policy.place.venue_id for policy in policies}
        self._networks = {policy.place.network_name for policy in policies}
        self._groups = {policy.place.group_name for policy in policies}

    def reduce(self, place: Place) -> Place:
        return Place(
            place.council_id,
            place.venue_id if place.venue_id in self._venues else None,
            place.network_name if place.network_name in self._networks else "",
            place.group_name if place.group_name in self._groups else "",
        )


class PolicyDirectory(Polled):
    """The current table."""

    def __init__(self, database: Database, settings: RadiusSettings) -> None:
        super().__init__(database, _CHANGES, "policies")
        self._defaults = default_limits(settings)
        self.table = PolicyTable(self._defaults)

    async def read(self, connection: AsyncConnection) -> None:
        """Raises DBAPIError or OSError."""
        table = await read_table(connection, self._defaults)
        # What is the same stays the same object: answers that were worked out with it stay good.
        if (table.policies, table.time_zones) != (self.table.policies, self.table.time_zones):
            self.table = table
        metrics.policies.set(len(table.policies))


async def read_table(connection: Statements, defaults: Limits, council_id: int | None = None) -> PolicyTable:
    """All policies of a database, or those of one council. Raises DBAPIError or OSError."""
    own, place = select(policies_table), select(councils.c.id, councils.c.time_zone)
    if council_id is not None:
        own, place = own.where(policies_table.c.council_id == council_id), place.where(councils.c.id == council_id)
    rows = (await connection.execute(own)).mappings().all()
    zones = await connection.execute(place)
    policies = [policy for policy in map(read_policy, rows) if policy is not None]
    return PolicyTable(defaults, policies, {row.id: _zone(row.id, row.time_zone) for row in zones})


def read_policy(row: RowMapping) -> Policy | None:
    """One row; one that cannot be understood is passed over, so that the others stay in force."""
    values = {name: row[name] for name in LIMIT_NAMES if name != "opening"}
    # These there always are, so nothing would be no answer.
    values |= {name: row[name] or None for name in ALWAYS_LIMITED}
    try:
        opening = _opening(row["opens_at"], row["closes_at"])
    except ValueError as error:
        logger.error("a policy cannot be used", policy_id=row["id"], problem=str(error))
        return None
    place = Place(row["council_id"], row["venue_id"], row["network_name"], row["group_name"])
    return Policy(place, Limits(opening=opening, **values))


def _opening(opens_at: str | None, closes_at: str | None) -> Opening | None:
    if opens_at is None and closes_at is None:
        return None
    return Opening.parse(opens_at or "00:00", closes_at or "24:00")


def _zone(council_id: int, name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        logger.error("a council's time zone is unknown; UTC is taken", council_id=council_id, time_zone=name)
        return UTC


# What a change would change, in one row.
_CHANGES = select(
    select(func.count()).select_from(policies_table).scalar_subquery(),
    select(func.max(policies_table.c.id)).scalar_subquery(),
    select(func.max(policies_table.c.updated_at)).scalar_subquery(),
)
