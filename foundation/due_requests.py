"""How many requests about data a council must answer soon, or should have answered: for engineers' eyes, by number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, case, func, select

from foundation.database import Statements
from foundation.schema import councils, information_requests

# So long before its last day is over a request is urgent.
URGENT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DueRequests:
    """One council's open requests; what is overdue is not urgent besides."""

    council_code: str
    open: int
    urgent: int
    overdue: int


async def count_due(
    connection: Statements, now: datetime, council_ids: Collection[int] | None = None
) -> tuple[DueRequests, ...]:
    """Of each council, by its code; of some councils, or (None) of all. What waits for others is open, and not due."""
    request = information_requests.c
    is_overdue = request.due_at <= now
    is_urgent = and_(request.due_at > now, request.due_at <= now + URGENT)
    question = (
        select(
            councils.c.code,
            func.count(request.id),
            func.coalesce(func.sum(case((is_urgent, 1), else_=0)), 0),
            func.coalesce(func.sum(case((is_overdue, 1), else_=0)), 0),
        )
        .outerjoin_from(
            councils,
            information_requests,
            and_(request.council_id == councils.c.id, request.closed_at.is_(None)),
        )
        .group_by(councils.c.code)
        .order_by(councils.c.code)
    )
    if council_ids is not None:
        question = question.where(councils.c.id.in_(council_ids))
    rows = await connection.execute(question)
    return tuple(DueRequests(code, opened, int(urgent), int(overdue)) for code, opened, urgent, overdue in rows)
