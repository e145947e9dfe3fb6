"""Background work: rolling up usage, keeping retention, refreshing gauges. A hiccup is logged, counted and survived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from foundation import retention_job
from foundation.database import Database
from foundation.partitions import make_months_ahead
from foundation.settings import Settings
from monitoring import metrics, usage

log = structlog.get_logger()

_RETENTION_SECONDS: Final = 3600
_MONTHS_SECONDS: Final = 3600
_GAUGES_SECONDS: Final = 15
# Once an hour the roll-up looks back so far, for records that were delivered to the database very late.
_DEEP_OVERLAP: Final = timedelta(days=1)
_DEEP_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is done again and again."""

    name: str
    interval_seconds: float
    run: Callable[[], Awaitable[None]]


def tasks_of(settings: Settings, database: Database) -> tuple[Task, ...]:
    """The service's background work."""
    silent_after = timedelta(seconds=settings.monitoring.silent_after_seconds)
    deep_since = datetime.min.replace(tzinfo=UTC)

    async def roll_up() -> None:
        nonlocal deep_since
        now = datetime.now(UTC)
        deep = now - deep_since >= _DEEP_EVERY
        done = await usage.roll_up(database, now, overlap=_DEEP_OVERLAP if deep else usage.USUAL_OVERLAP)
        if deep and not done.superseded:
            deep_since = now

    async def make_months() -> None:
        await make_months_ahead(database, datetime.now(UTC))

    async def keep() -> None:
        await retention_job.keep(database, settings.retention, datetime.now(UTC))

    async def refresh() -> None:
        await metrics.refresh(database, datetime.now(UTC), silent_after, settings.sms.texts_per_month)

    return (
        Task("usage", settings.monitoring.usage_interval_seconds, roll_up),
        Task("months", _MONTHS_SECONDS, make_months),
        Task("retention", _RETENTION_SECONDS, keep),
        Task("gauges", _GAUGES_SECONDS, refresh),
    )


async def run_forever(tasks: Sequence[Task]) -> None:
    """Run all of them side by side until cancelled."""
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(_repeat(task), name=task.name)


async def _repeat(task: Task) -> None:
    while True:
        await run_once(task)
        await asyncio.sleep(task.interval_seconds)


async def run_once(task: Task) -> bool:
    """Do it; whether it went well."""
    started = time.perf_counter()
    try:
        await task.run()
    except Exception as error:
        # Not the exception's text: the database's quotes values.
        log.error("a background task failed and is tried again", task=task.name, problem=type(error).__name__)
        metrics.task_runs.labels(task.name, "failed").inc()
        return False
    finally:
        metrics.task_seconds.labels(task.name).observe(time.perf_counter() - started)
    metrics.task_runs.labels(task.name, "done").inc()
    return True
