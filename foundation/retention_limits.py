"""How long each council keeps data: as the settings say, or a limit of its own, with a reason and an upper bound.

Bounds are on purpose lower than what is possible. Nobody has to keep twelve months of communications data without a
notice of the Secretary of State (Investigatory Powers Act 2016 section 87), and longer even a notice cannot ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import bindparam, delete, select

from foundation.database import Database, Statements
from foundation.schema import retention_limits
from foundation.settings import RetentionSettings

# The unit stands in the name. Below the first, the roll-up of usage or the audit would miss what it needs.
BOUNDS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "raw_identifier_hours": (1, 30 * 24),
        "journey_hours": (1, 7 * 24),
        "authentication_days": (1, 366),
        "session_days": (2, 366),
        "unused_resident_days": (2, 730),
        "problem_report_days": (1, 366),
        "audit_days": (90, 2557),
        "request_days": (90, 2557),
        "disclosure_days": (366, 3653),
    }
)
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 400
_OWN: Final = select(retention_limits.c.council_id, retention_limits.c.setting, retention_limits.c.value)
_OF_COUNCIL: Final = _OWN.where(retention_limits.c.council_id == bindparam("council_id"))


class RetentionLimitError(Exception):
    """A council cannot have this limit; the message says why, and what it can have."""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A limit of a council's own."""

    setting: str
    value: int
    reason: str
    set_at: datetime


def check_limit(settings: RetentionSettings, setting: str, value: int, reason: str) -> None:
    """Whether a council may have this limit. Raises RetentionLimitError."""
    if setting not in BOUNDS:
        raise RetentionLimitError(f"there is no limit {setting!r}; there is {', '.join(BOUNDS)}")
    shortest, longest = BOUNDS[setting]
    # What the whole installation keeps may be more than we would let a single council ask for.
    longest = max(longest, getattr(settings, setting))
    if not shortest <= value <= longest:
        raise RetentionLimitError(f"{setting} cannot be {value}; write a number from {shortest} to {longest}")
    if not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        raise RetentionLimitError(f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} characters; it is published")


async def own_limits(connection: Statements, settings: RetentionSettings) -> dict[int, RetentionSettings]:
    """The limits of each council that has any of its own, by the council's number."""
    found: dict[int, dict[str, int]] = {}
    for council_id, setting, value in await connection.execute(_OWN):
        found.setdefault(council_id, {})[setting] = value
    return {council_id: settings.model_copy(update=values) for council_id, values in found.items()}


async def limits_of(connection: Statements, settings: RetentionSettings, council_id: int) -> RetentionSettings:
    """What holds for a council's residents."""
    rows = await connection.execute(_OF_COUNCIL, {"council_id": council_id})
    return settings.model_copy(update={row.setting: row.value for row in rows})


async def list_limits(connection: Statements, council_id: int) -> list[OwnLimit]:
    """What a council has of its own."""
    question = select(retention_limits).where(retention_limits.c.council_id == council_id)
    rows = await connection.execute(question.order_by(retention_limits.c.setting))
    return [OwnLimit(row.setting, row.value, row.reason, row.set_at) for row in rows]


async def set_limit(
    connection: Statements, database: Database, council_id: int, setting: str, value: int, reason: str, now: datetime
) -> None:
    """Give a council a limit that was checked; in force at the job's next run."""
    changed = {"value": value, "reason": reason.strip(), "set_at": now}
    statement = database.insert(retention_limits).values(council_id=council_id, setting=setting, **changed)
    await connection.execute(statement.on_conflict_do_update(index_elements=["council_id", "setting"], set_=changed))


async def inherit_limit(connection: Statements, council_id: int, setting: str) -> bool:
    """Go back to what the settings say; False where there was nothing of its own."""
    of_council = delete(retention_limits).where(
        retention_limits.c.council_id == council_id, retention_limits.c.setting == setting
    )
    return (await connection.execute(of_council)).rowcount == 1
