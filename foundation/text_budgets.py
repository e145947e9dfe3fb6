"""Texts that a council has paid for this month, and how many it pays for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from foundation.database import Database, Statements
from foundation.schema import councils, texts_sent

_SENT: Final = select(texts_sent.c.segments).where(
    texts_sent.c.council_id == bindparam("council_id"), texts_sent.c.month == bindparam("month")
)
# Two texts of one moment are counted one after the other; nobody who only refers to the council waits.
_LIMIT_FOR_UPDATE: Final = (
    select(councils.c.code, councils.c.time_zone, councils.c.texts_per_month)
    .where(councils.c.id == bindparam("council_id"))
    .with_for_update(key_share=True)
)


@dataclass(frozen=True, slots=True)
class Budget:
    """A council's texts in one month; a long text counts as several."""

    council_id: int
    council_code: str
    month: str
    sent: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.sent)


def month_of(moment: datetime, time_zone: str) -> str:
    """The month in the council's time zone, such as 2026-11."""
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m}"


async def segments_sent(connection: Statements, council_id: int, month: str) -> int:
    """What was paid for in a month."""
    found = await connection.execute(_SENT, {"council_id": council_id, "month": month})
    return int(found.scalar_one_or_none() or 0)


async def read_budget(connection: Statements, council_id: int, default_limit: int, now: datetime) -> Budget:
    """How the council's month stands, for update."""
    row = (await connection.execute(_LIMIT_FOR_UPDATE, {"council_id": council_id})).one()
    month = month_of(now, row.time_zone)
    limit = default_limit if row.texts_per_month is None else row.texts_per_month
    return Budget(council_id, row.code, month, await segments_sent(connection, council_id, month), limit)


async def add_segments(connection: Statements, database: Database, budget: Budget, segments: int) -> None:
    """So many more (or, given back, fewer) are paid for."""
    statement = database.insert(texts_sent).values(council_id=budget.council_id, month=budget.month, segments=segments)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["council_id", "month"],
            set_={"segments": texts_sent.c.segments + statement.excluded.segments},
        )
    )


async def read_budgets(
    connection: Statements, default_limit: int, now: datetime, of: Collection[int] | None = None
) -> tuple[Budget, ...]:
    """How the month of these councils, or (None) of all, stands, by their code."""
    question = select(
        councils.c.id, councils.c.code, councils.c.time_zone, func.coalesce(councils.c.texts_per_month, default_limit)
    )
    if of is not None:
        question = question.where(councils.c.id.in_(of))
    found = []
    for council_id, code, time_zone, limit in (await connection.execute(question.order_by(councils.c.code))).all():
        month = month_of(now, time_zone)
        found.append(Budget(council_id, code, month, await segments_sent(connection, council_id, month), limit))
    return tuple(found)
