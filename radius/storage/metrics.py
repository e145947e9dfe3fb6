"""What is counted when the database is away and records wait in the journal."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

storage_away = Gauge(
    "citywifi_radius_storage_away",
    "1 while the database does not take what RADIUS writes, by queue.",
    ["queue"],
    multiprocess_mode="livemax",
)
journal_octets = Gauge(
    "citywifi_radius_journal_octets",
    "What the records that wait take on the disk, by queue: the most of any worker.",
    ["queue"],
    multiprocess_mode="livemax",
)
journal_limit_octets = Gauge(
    "citywifi_radius_journal_limit_octets",
    "What they may take in each worker, by queue.",
    ["queue"],
    multiprocess_mode="livemax",
)
journal_records_waiting = Gauge(
    "citywifi_radius_journal_records_waiting",
    "Records that were answered and wait in the journal for the database, by queue.",
    ["queue"],
    multiprocess_mode="livesum",
)
journal_oldest_record_seconds = Gauge(
    "citywifi_radius_journal_oldest_record_seconds",
    "For how long the oldest of them waits, by queue.",
    ["queue"],
    multiprocess_mode="livemax",
)
journal_records = Counter(
    "citywifi_radius_journal_records_total",
    "Records by what became of them: written, not_taken (and so not answered), delivered, refused (by the database for"
    " what they say) or damaged (answered, and lost).",
    ["queue", "event"],
)
journal_deliveries = Counter(
    "citywifi_radius_journal_deliveries_total",
    "Attempts to deliver records of the journal, by result.",
    ["queue", "result"],
)
journals_damaged = Counter(
    "citywifi_radius_journals_damaged_total",
    "Journals that were put aside because they could not be read whole, by queue.",
    ["queue"],
)


def declare(queue: str) -> None:
    """Show all of them as 0 from the start: an alarm looks at what they grow by."""
    storage_away.labels(queue).set(0)
    for event in ("written", "not_taken", "delivered", "refused", "damaged"):
        journal_records.labels(queue, event)
    for result in ("delivered", "failed"):
        journal_deliveries.labels(queue, result)
    journals_damaged.labels(queue)
