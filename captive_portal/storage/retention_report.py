"""What a council keeps for how long, the oldest that it has, and when the job looked last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from foundation.retention import RULES
from foundation.retention_job import last_run, oldest
from foundation.retention_limits import OwnLimit, limits_of, list_limits
from foundation.runtime import Runtime

# The job runs once an hour, and has a few minutes for it.
_GRACE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class KeptRule:
    """One rule, as it is for one council."""

    name: str
    reason: str
    age: timedelta
    # The clock of the oldest record that the rule is about; None where there is none.
    oldest: datetime | None
    # It is older than the limit: the job does not run, or a hold keeps it.
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """Of one council."""

    rules: tuple[KeptRule, ...]
    # What it decided by itself.
    own: tuple[OwnLimit, ...]
    # The limits by setting, whoever decided them.
    limits: dict[str, int]
    last_run: datetime | None


async def read_report(runtime: Runtime, council_id: int, now: datetime) -> RetentionReport:
    """All rules with a limit, in the order of the list of rules."""
    async with runtime.database.read() as connection:
        limits = await limits_of(connection, runtime.settings.retention, council_id)
        own = await list_limits(connection, council_id)
        ran_at = await last_run(connection)
    found = await oldest(runtime.database, council_id)
    rules = []
    for rule in RULES:
        if rule.age is None or "council_id" not in rule.table.c:
            continue
        age, moment = rule.age(limits), found.get(rule.name)
        is_overdue = moment is not None and moment < now - age - _GRACE
        rules.append(KeptRule(rule.name, rule.reason, age, moment, is_overdue))
    return RetentionReport(tuple(rules), tuple(own), limits.model_dump(), ran_at)
