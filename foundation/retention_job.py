"""The job that keeps the rules of ``foundation.retention``, once an hour: each council's limits, and nothing held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter
from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database, greatest
from foundation.holds import HELD_TABLES, active_holds, held, not_held
from foundation.partitions import drop_past_months
from foundation.retention import RULES, Action, Rule
from foundation.retention_limits import own_limits
from foundation.schema import audit_events, holds, job_progress
from foundation.settings import RetentionSettings

# Its row of job_progress: when it ran to its end last.
JOB: Final = "retention"
_BATCH_ROWS: Final = 1000
_FIRST_ROWS: Final = 1000
# A record's event time may be ahead of our clock at its arrival by minutes; an hour is more than that.
_CLOCK_MARGIN: Final = timedelta(hours=1)

retention_rows = Counter("citywifi_retention_rows_total", "Rows that the retention job deleted or cleared.", ["rule"])


@dataclass(frozen=True, slots=True)
class _Share:
    """Rows of one council, or (None) of all that have no limit of their own, and before when they are too old."""

    council_id: int | None
    cutoff: datetime
    owned: ColumnElement[bool]


async def keep(
    database: Database, settings: RetentionSettings, now: datetime, *, batch_rows: int = _BATCH_ROWS
) -> dict[str, int]:
    """Delete or clear what is too old, in short transactions; gives the number of rows by the rule's name.

    Doing it again at the same moment changes nothing.
    """
    async with database.read() as connection:
        own = await own_limits(connection, settings)
    counts = {}
    for rule in RULES:
        if rule.age is not None:
            shares = _shares(rule, settings, own, now)
            counts[rule.name] = await _keep_rule(database, rule, shares, now, batch_rows)
            retention_rows.labels(rule.name).inc(counts[rule.name])
    async with database.write() as connection:
        await _tell_of_ended_holds(connection, now)
        if any(counts.values()):
            await connection.execute(
                insert(audit_events).values(
                    at=now, actor="retention", action="remove", subject="personal data past its time",
                    detail={name: count for name, count in counts.items() if count},
                )
            )  # fmt: skip
        await _advance(database, connection, JOB, now)
    return counts


async def _tell_of_ended_holds(connection: AsyncConnection, now: datetime) -> None:
    """A hold that ended since the last run is in the audit, also where nobody ended it."""
    question = select(holds.c.id, holds.c.council_id, holds.c.expires_at).where(holds.c.expires_at <= now)
    before = await last_run(connection)
    if before is not None:
        question = question.where(holds.c.expires_at > before)
    for row in (await connection.execute(question)).all():
        await connection.execute(
            insert(audit_events).values(
                council_id=row.council_id, at=now, actor="retention", action="a hold has ended",
                subject=f"hold {row.id}", detail={"ended": row.expires_at.isoformat()},
            )
        )  # fmt: skip


def _shares(
    rule: Rule, settings: RetentionSettings, own: Mapping[int, RetentionSettings], now: datetime
) -> tuple[_Share, ...]:
    assert rule.age is not None
    usual = rule.age(settings)
    ages = {council_id: age for council_id, limits in own.items() if (age := rule.age(limits)) != usual}
    if not ages:
        return (_Share(None, now - usual, true()),)
    council = rule.table.c.council_id
    # What concerns the whole installation has no council.
    others = _Share(None, now - usual, or_(council.is_(None), council.not_in(ages)))
    return (others, *(_Share(number, now - age, council == number) for number, age in ages.items()))


async def _keep_rule(database: Database, rule: Rule, shares: tuple[_Share, ...], now: datetime, batch_rows: int) -> int:
    total = await _drop_months(database, rule, shares, now)
    for share in shares:
        total += await _keep_share(database, rule, share, now, batch_rows)
    return total


async def _keep_share(database: Database, rule: Rule, share: _Share, now: datetime, batch_rows: int) -> int:
    """The rows are looked for without the write lock, which on SQLite everybody else waits for."""
    overdue = and_(share.owned, rule.too_old(share.cutoff), rule.holds_data())
    total = 0
    while True:
        async with database.read() as connection:
            condition = and_(overdue, await _is_free(connection, rule.table, now))
            found = (
                (await connection.execute(select(rule.table.c.id).where(condition).limit(batch_rows))).scalars().all()
            )
        if not found:
            return total
        async with database.write() as connection:
            # A hold may have been placed meanwhile.
            chosen = and_(rule.table.c.id.in_(found), overdue, await _is_free(connection, rule.table, now))
            if rule.action is Action.CLEAR:
                values = {column.name: None for column in rule.cleared}
                result = await connection.execute(update(rule.table).where(chosen).values(values))
            else:
                result = await connection.execute(delete(rule.table).where(chosen))
                await _remember_horizon(database, connection, rule.table, share)
        total += result.rowcount


async def _is_free(connection: AsyncConnection, table: Table, now: datetime) -> ColumnElement[bool]:
    """The rows that nothing holds."""
    return not_held(table, await active_holds(connection, now)) if table in HELD_TABLES else true()


async def _drop_months(database: Database, rule: Rule, shares: tuple[_Share, ...], now: datetime) -> int:
    """Where each month is a table of its own, those that are past go whole; their last rows are all that is left.

    A month with something that is held, or that one council keeps for longer, goes row by row.
    """
    if rule.action is not Action.DELETE or rule.clock is None or rule.also is not None:
        return 0
    cutoff = min(share.cutoff for share in shares)
    async with database.read() as connection:
        if found := await active_holds(connection, now):
            first = select(func.min(rule.clock)).where(held(rule.table, found))
            held_since: datetime | None = (await connection.execute(first)).scalar_one()
            cutoff = cutoff if held_since is None else min(cutoff, held_since)

    async def remember() -> None:
        async with database.write() as connection:
            for share in shares:
                await _remember_horizon(database, connection, rule.table, share)

    return await drop_past_months(database, rule.clock, cutoff, remember)


def horizon_name(table: Table, council_id: int | None = None) -> str:
    """The row of job_progress that says up to when rows of a table may be missing: any council's, or this one's."""
    return f"deleted from {table.name}" + ("" if council_id is None else f" of {council_id}")


async def _remember_horizon(database: Database, connection: AsyncConnection, table: Table, share: _Share) -> None:
    """In the transaction that deletes, so that whoever misses a row also finds out why.

    Statistics of a time before the horizon can no longer be computed from the table.
    """
    await _advance(database, connection, horizon_name(table, share.council_id), share.cutoff + _CLOCK_MARGIN)


async def _advance(database: Database, connection: AsyncConnection, name: str, moment: datetime) -> None:
    statement = database.insert(job_progress).values(name=name, done_until=moment)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[job_progress.c.name],
            set_={"done_until": greatest(job_progress.c.done_until, statement.excluded.done_until)},
        )
    )


async def horizon(connection: AsyncConnection, table: Table, council_id: int | None = None) -> datetime | None:
    """Rows of the table from before this moment may be missing; None while nothing was deleted.

    Given a council: rows of this council.
    """
    names = {horizon_name(table), horizon_name(table, council_id)}
    question = select(func.max(job_progress.c.done_until)).where(job_progress.c.name.in_(names))
    moment: datetime | None = (await connection.execute(question)).scalar_one()
    return moment


async def own_horizons(connection: AsyncConnection, table: Table) -> dict[int, datetime]:
    """The same for each council that had a limit of its own when its rows were deleted, by the council's number."""
    prefix = horizon_name(table) + " of "
    rows = await connection.execute(select(job_progress).where(job_progress.c.name.startswith(prefix, autoescape=True)))
    return {int(row.name.removeprefix(prefix)): row.done_until for row in rows}


async def last_run(connection: AsyncConnection) -> datetime | None:
    """When the job ran to its end last."""
    question = select(job_progress.c.done_until).where(job_progress.c.name == JOB)
    moment: datetime | None = (await connection.execute(question)).scalar_one_or_none()
    return moment


async def oldest(database: Database, council_id: int | None = None) -> dict[str, datetime]:
    """For each rule with a limit, the clock of the oldest row that it is about; left out where there is none.

    Given a council: of its rows, and without the rules whose tables know no council.
    """
    moments = {}
    async with database.read() as connection:
        for rule in RULES:
            owned = true() if council_id is None else _is_of(rule, council_id)
            if rule.clock is not None and owned is not None:
                moment = await _oldest_of(connection, rule, owned)
                if moment is not None:
                    moments[rule.name] = moment
    return moments


def _is_of(rule: Rule, council_id: int) -> ColumnElement[bool] | None:
    column = rule.table.c.get("council_id")
    return None if column is None else column == council_id


async def _oldest_of(connection: AsyncConnection, rule: Rule, owned: ColumnElement[bool]) -> datetime | None:
    """The smallest clock. Where only a BRIN index has it, that is asked for what is older than the first rows."""
    rows = select(rule.moment()).where(rule.holds_data(), owned)
    first = rows.order_by(rule.table.c.id).limit(_FIRST_ROWS).subquery()
    bound: datetime | None = (await connection.execute(select(func.min(first.c[0])))).scalar_one()
    if bound is None:
        return None
    question = select(func.min(rule.moment())).where(rule.holds_data(), owned, rule.moment() <= bound)
    moment: datetime = (await connection.execute(question)).scalar_one()
    return moment
