"""How long personal data is kept, as a table of rules, and the job that keeps them.

Every table that holds anything about a person has a rule here; a test walks the schema and fails for one without.
Limits are settings (section ``retention``), because the council as controller decides them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from prometheus_client import Counter
from sqlalchemy import Column, ColumnElement, Table, and_, delete, exists, false, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database, greatest
from foundation.partitions import drop_past_months
from foundation.schema import (
    accounting_restarts,
    accounting_sessions,
    api_keys,
    audit_events,
    authentications,
    carry_on_addresses,
    credential_pages,
    credentials,
    devices,
    disclosures,
    dynamic_authorizations,
    help_requests,
    information_requests,
    job_progress,
    journal_deliveries,
    journeys,
    one_time_tokens,
    polled_grants,
    problem_reports,
    request_codes,
    request_events,
    resident_tokens,
    residents,
    sponsored_devices,
    sponsors,
    staff_accounts,
    staff_roles,
    staff_sessions,
    terms_acceptances,
    terms_versions,
    texts_sent,
    verification_codes,
    voucher_batches,
    voucher_uses,
    vouchers,
    way_attempts,
)
from foundation.settings import RetentionSettings

_BATCH_ROWS: Final = 1000
_FIRST_ROWS: Final = 1000
# A record's event time may be ahead of our clock at its arrival by minutes; an hour is more than that.
_CLOCK_MARGIN: Final = timedelta(hours=1)

retention_rows = Counter("citywifi_retention_rows_total", "Rows that the retention job deleted or cleared.", ["rule"])


class Action(StrEnum):
    """What happens to a row when its time is over."""

    DELETE = "delete"
    # Its personal columns become null.
    CLEAR = "clear"
    # It goes when the row goes that it belongs to (ON DELETE CASCADE).
    WITH_OWNER = "with owner"
    # It says nothing about a person.
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with the rows of one table, and when."""

    name: str
    table: Table
    action: Action
    reason: str
    # The row's clock: its time is over when this is before now minus the age.
    clock: Column[datetime] | None = None
    age: Callable[[RetentionSettings], timedelta] | None = None
    # Which rows it is about, given the moment before which they are too old; None means all.
    also: Callable[[datetime], ColumnElement[bool]] | None = None
    cleared: tuple[Column[str], ...] = ()

    def moment(self) -> ColumnElement[datetime]:
        """The clock as it stands in questions.

        What is cleared is found by an index on the rows that still hold something. SQLite would rather read its index
        on the clock, which has all that was ever cleared; for an expression it cannot.
        """
        assert self.clock is not None
        return func.coalesce(self.clock, self.clock) if self.cleared else self.clock

    def too_old(self, cutoff: datetime) -> ColumnElement[bool]:
        """The rows whose time is over, if everything before the cutoff is too old."""
        if self.clock is None:
            return false()
        condition = self.moment() < cutoff
        return and_(condition, self.also(cutoff)) if self.also is not None else condition

    def holds_data(self) -> ColumnElement[bool]:
        """The rows that still hold what the rule takes away."""
        return or_(*(column.is_not(None) for column in self.cleared)) if self.cleared else ~false()


def _no_session_since(cutoff: datetime) -> ColumnElement[bool]:
    return ~exists().where(
        accounting_sessions.c.resident_id == residents.c.id, accounting_sessions.c.received_at >= cutoff
    )


def _no_session_of_device_since(cutoff: datetime) -> ColumnElement[bool]:
    return ~exists().where(accounting_sessions.c.device_id == devices.c.id, accounting_sessions.c.received_at >= cutoff)


def _request_is_over(_cutoff: datetime) -> ColumnElement[bool]:
    """Answered, or left by who asked; never one that the council still owes an answer."""
    return or_(information_requests.c.closed_at.is_not(None), information_requests.c.waits_for.is_not(None))


def _unused(settings: RetentionSettings) -> timedelta:
    return timedelta(days=settings.unused_resident_days)


def _journey(settings: RetentionSettings) -> timedelta:
    return timedelta(hours=settings.journey_hours)


RULES: Final = (
    Rule(
        "raw identifiers", accounting_sessions, Action.CLEAR, "names a device while its session is looked after",
        accounting_sessions.c.received_at, lambda settings: timedelta(hours=settings.raw_identifier_hours),
        cleared=(
            accounting_sessions.c.user_name,
            accounting_sessions.c.calling_station_id,
            accounting_sessions.c.framed_ip_address,
        ),
    ),
    Rule(
        "sessions", accounting_sessions, Action.DELETE, "abuse handling and counting; hourly usage stays",
        accounting_sessions.c.received_at, lambda settings: timedelta(days=settings.session_days),
    ),
    Rule("restarts", accounting_restarts, Action.KEEP, "about equipment: one row for each"),
    Rule(
        "authentications", authentications, Action.DELETE, "fault finding",
        authentications.c.at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule(
        "orders to end a session", dynamic_authorizations, Action.DELETE, "as long as the session that they name",
        dynamic_authorizations.c.requested_at, lambda settings: timedelta(days=settings.session_days),
    ),
    Rule("deliveries of journals", journal_deliveries, Action.KEEP, "a number for each journal"),
    Rule(
        "verification codes", verification_codes, Action.DELETE, "a sign-up that was not finished",
        verification_codes.c.expires_at, _journey,
    ),
    Rule("journeys", journeys, Action.DELETE, "a sign-up in progress", journeys.c.updated_at, _journey),
    Rule(
        "grants that a gateway comes for", polled_grants, Action.DELETE, "a sign-up in progress",
        polled_grants.c.expires_at, _journey,
    ),
    Rule("one-time tokens", one_time_tokens, Action.DELETE, "used or expired", one_time_tokens.c.expires_at, _journey),
    Rule(
        "expired credentials", credentials, Action.DELETE, "they let nobody in any more",
        credentials.c.expires_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule(
        "revoked credentials", credentials, Action.DELETE, "they let nobody in any more",
        credentials.c.revoked_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule(
        "pages with a new password", credential_pages, Action.DELETE, "nobody can open them any more",
        credential_pages.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "devices", devices, Action.DELETE, "not seen for long, so probably replaced",
        devices.c.last_seen_at, _unused, _no_session_of_device_since,
    ),
    Rule(
        "residents", residents, Action.DELETE, "an account that nobody uses; what belongs to it goes with it",
        residents.c.last_seen_at, _unused, _no_session_since,
    ),
    Rule(
        "tokens of residents' programs", resident_tokens, Action.DELETE, "they open nothing any more",
        resident_tokens.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule("keys of the open API", api_keys, Action.KEEP, "a council's programs; it takes them away itself"),
    Rule("staff", staff_accounts, Action.KEEP, "those who work for a council; it takes them away itself"),
    Rule("roles of staff", staff_roles, Action.WITH_OWNER, "what an account may do"),
    Rule(
        "log-ins of staff", staff_sessions, Action.DELETE, "they are over",
        staff_sessions.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "asking staff for help", help_requests, Action.DELETE, "nobody waits any more",
        help_requests.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "problems that residents reported", problem_reports, Action.DELETE, "mended, or reported anew",
        problem_reports.c.reported_at, lambda settings: timedelta(days=settings.problem_report_days),
    ),
    Rule(
        "addresses to carry on at", carry_on_addresses, Action.DELETE, "nobody can open them any more",
        carry_on_addresses.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule("acceptances", terms_acceptances, Action.WITH_OWNER, "shows what a resident agreed to"),
    Rule(
        "codes on paper", voucher_batches, Action.DELETE, "expired; who used them goes with them",
        voucher_batches.c.expires_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule("single codes on paper", vouchers, Action.WITH_OWNER, "as long as their batch"),
    Rule("uses of codes on paper", voucher_uses, Action.WITH_OWNER, "how many devices a code let on"),
    Rule(
        "sponsors", sponsors, Action.DELETE, "their time is over",
        sponsors.c.expires_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule("devices in a sponsor's group", sponsored_devices, Action.WITH_OWNER, "how many devices a sponsor let on"),
    Rule(
        "wrong codes and minutes of grace", way_attempts, Action.DELETE,
        "limits guessing and reports, and grace to one a day",
        way_attempts.c.at, lambda settings: timedelta(hours=max(settings.journey_hours, 24)),
    ),
    Rule(
        "requests about data", information_requests, Action.DELETE, "answered long ago, or never carried on",
        information_requests.c.touched_at, lambda settings: timedelta(days=settings.request_days), _request_is_over,
    ),
    Rule("what was written in requests", request_events, Action.WITH_OWNER, "as long as the request"),
    Rule(
        "codes for requests", request_codes, Action.DELETE, "proof of a contact that was not finished",
        request_codes.c.expires_at, _journey,
    ),
    Rule(
        "disclosures", disclosures, Action.DELETE, "to answer for what was given to whom",
        disclosures.c.asked_at, lambda settings: timedelta(days=settings.disclosure_days),
    ),
    Rule("texts by month", texts_sent, Action.KEEP, "a number for each council and month"),
    Rule("terms", terms_versions, Action.KEEP, "a published text"),
    Rule(
        "audit", audit_events, Action.DELETE, "who did what to the installation",
        audit_events.c.at, lambda settings: timedelta(days=settings.audit_days),
    ),
)  # fmt: skip


async def keep(
    database: Database, settings: RetentionSettings, now: datetime, *, batch_rows: int = _BATCH_ROWS
) -> dict[str, int]:
    """Delete or clear what is too old, in short transactions; gives the number of rows by the rule's name.

    Doing it again at the same moment changes nothing.
    """
    counts = {}
    for rule in RULES:
        if rule.age is not None:
            counts[rule.name] = await _keep_rule(database, rule, now - rule.age(settings), batch_rows)
            retention_rows.labels(rule.name).inc(counts[rule.name])
    if any(counts.values()):
        async with database.write() as connection:
            await connection.execute(
                insert(audit_events).values(
                    at=now, actor="retention", action="remove", subject="personal data past its time",
                    detail={name: count for name, count in counts.items() if count},
                )
            )  # fmt: skip
    return counts


async def _keep_rule(database: Database, rule: Rule, cutoff: datetime, batch_rows: int) -> int:
    """The rows are looked for without the write lock, which on SQLite everybody else waits for."""
    condition = and_(rule.too_old(cutoff), rule.holds_data())
    total = await _drop_months(database, rule, cutoff)
    while True:
        async with database.read() as connection:
            found = (
                (await connection.execute(select(rule.table.c.id).where(condition).limit(batch_rows))).scalars().all()
            )
        if not found:
            return total
        chosen = and_(rule.table.c.id.in_(found), condition)
        async with database.write() as connection:
            if rule.action is Action.CLEAR:
                values = {column.name: None for column in rule.cleared}
                result = await connection.execute(update(rule.table).where(chosen).values(values))
            else:
                result = await connection.execute(delete(rule.table).where(chosen))
                await _remember_horizon(database, connection, rule, cutoff)
        total += result.rowcount


async def _drop_months(database: Database, rule: Rule, cutoff: datetime) -> int:
    """Where each month is a table of its own, those that are past go whole; their last rows are all that is left."""
    if rule.action is not Action.DELETE or rule.clock is None or rule.also is not None:
        return 0

    async def remember() -> None:
        async with database.write() as connection:
            await _remember_horizon(database, connection, rule, cutoff)

    return await drop_past_months(database, rule.clock, cutoff, remember)


def horizon_name(table: Table) -> str:
    """The row of job_progress that says up to when rows of a table may be missing."""
    return f"deleted from {table.name}"


async def _remember_horizon(database: Database, connection: AsyncConnection, rule: Rule, cutoff: datetime) -> None:
    """In the transaction that deletes, so that whoever misses a row also finds out why.

    Statistics of a time before the horizon can no longer be computed from the table.
    """
    statement = database.insert(job_progress).values(name=horizon_name(rule.table), done_until=cutoff + _CLOCK_MARGIN)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[job_progress.c.name],
            set_={"done_until": greatest(job_progress.c.done_until, statement.excluded.done_until)},
        )
    )


async def horizon(connection: AsyncConnection, table: Table) -> datetime | None:
    """Rows of the table from before this moment may be missing; None while nothing was deleted."""
    question = select(job_progress.c.done_until).where(job_progress.c.name == horizon_name(table))
    moment: datetime | None = (await connection.execute(question)).scalar_one_or_none()
    return moment


async def oldest(database: Database) -> dict[str, datetime]:
    """For each rule with a limit, the clock of the oldest row that it is about; left out where there is none."""
    moments = {}
    async with database.read() as connection:
        for rule in RULES:
            if rule.clock is not None:
                moment = await _oldest_of(connection, rule)
                if moment is not None:
                    moments[rule.name] = moment
    return moments


async def _oldest_of(connection: AsyncConnection, rule: Rule) -> datetime | None:
    """The smallest clock. Where only a BRIN index has it, that is asked for what is older than the first rows."""
    rows = select(rule.moment()).where(rule.holds_data())
    first = rows.order_by(rule.table.c.id).limit(_FIRST_ROWS).subquery()
    bound: datetime | None = (await connection.execute(select(func.min(first.c[0])))).scalar_one()
    if bound is None:
        return None
    question = select(func.min(rule.moment())).where(rule.holds_data(), rule.moment() <= bound)
    moment: datetime = (await connection.execute(question)).scalar_one()
    return moment
