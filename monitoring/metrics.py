"""What monitoring measures of itself, and what the database alone can tell, as metrics for engineers.

Gauges that are read from the database are set by one process every few seconds and vanish with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from foundation import retention, retention_job
from foundation.database import Database
from foundation.venue_health import Condition
from monitoring import usage
from monitoring.overview import read_overview

_AT_NO_VENUE: Final = "not known"

access_points = Gauge(
    "citywifi_monitoring_access_points",
    "Access points by venue and condition: heard, silent, quiet (venue closed) or never_heard.",
    ["council", "venue", "condition"],
    multiprocess_mode="livemostrecent",
)
open_sessions = Gauge(
    "citywifi_monitoring_open_sessions",
    "Accounting sessions that have not ended, by venue.",
    ["council", "venue"],
    multiprocess_mode="livemostrecent",
)
usage_lag_seconds = Gauge(
    "citywifi_monitoring_usage_lag_seconds",
    "Since when sessions are not yet counted in the hourly usage.",
    multiprocess_mode="livemostrecent",
)
oldest_record_age_seconds = Gauge(
    "citywifi_monitoring_oldest_record_age_seconds",
    "Age of the oldest record that a retention rule is about.",
    ["rule"],
    multiprocess_mode="livemostrecent",
)
task_runs = Counter(
    "citywifi_monitoring_task_runs_total", "Runs of the background tasks, by task and result.", ["task", "result"]
)
task_seconds = Histogram(
    "citywifi_monitoring_task_seconds",
    "How long a run of a background task took.",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300),
)
texts_sent = Gauge(
    "citywifi_monitoring_texts_sent",
    "Texts with codes that a council paid for in this month, in segments.",
    ["council"],
    multiprocess_mode="livemostrecent",
)
texts_limit = Gauge(
    "citywifi_monitoring_texts_limit",
    "How many texts a council pays for in a month, in segments.",
    ["council"],
    multiprocess_mode="livemostrecent",
)
information_requests = Gauge(
    "citywifi_monitoring_information_requests",
    "Open complaints and requests about people's data, by council: overdue, urgent (due within a week), or other.",
    ["council", "state"],
    multiprocess_mode="livemostrecent",
)
requests = Counter(
    "citywifi_monitoring_http_requests_total", "HTTP requests to console and reports, by route and status.",
    ["route", "status"],
)  # fmt: skip


async def refresh(database: Database, now: datetime, silent_after: timedelta, texts_per_month: int) -> None:
    """Read the gauges' values from the database."""
    overview = await read_overview(database, now, silent_after, texts_per_month)
    for budget in overview.texts:
        texts_sent.labels(budget.council_code).set(budget.sent)
        texts_limit.labels(budget.council_code).set(budget.limit)
    for due in overview.requests:
        information_requests.labels(due.council_code, "overdue").set(due.overdue)
        information_requests.labels(due.council_code, "urgent").set(due.urgent)
        information_requests.labels(due.council_code, "other").set(due.open - due.overdue - due.urgent)
    for venue in overview.venues:
        name = venue.name or _AT_NO_VENUE
        open_sessions.labels(venue.council_code, name).set(venue.open_sessions)
        for condition in Condition:
            number = sum(point.condition is condition for point in venue.access_points)
            access_points.labels(venue.council_code, name, condition.value).set(number)
    async with database.read() as connection:
        done_until = await usage.progress(connection)
    if done_until is not None:
        usage_lag_seconds.set((now - done_until).total_seconds())
    ages = await retention_job.oldest(database)
    for rule in retention.RULES:
        if rule.clock is not None:
            age = (now - ages.get(rule.name, now)).total_seconds()
            oldest_record_age_seconds.labels(rule.name).set(max(age, 0))
