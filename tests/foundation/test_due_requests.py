"""What a council must answer soon is counted, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from foundation.database import Database
from foundation.due_requests import DueRequests, count_due
from foundation.schema import councils, information_requests

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_open_requests_are_urgent_within_a_week_and_overdue_after_their_last_day(any_database: Database) -> None:
    dues = (-1, 0, 7, 8, None)
    async with any_database.write() as connection:
        added = await connection.execute(
            councils.insert().values(code="E08000026", name="Coventry", created_at=NOW).returning(councils.c.id)
        )
        council_id = added.scalar_one()
        await connection.execute(councils.insert().values(code="E08000025", name="Birmingham", created_at=NOW))
        for number, days in enumerate((*dues, -1)):
            values = {
                "council_id": council_id,
                "number": f"26-{number}",
                "kind": "access",
                "language": "en",
                "received_at": NOW,
                "touched_at": NOW,
                "due_at": None if days is None else NOW + timedelta(days=days),
                "closed_at": NOW if number == len(dues) else None,
                "gives_data": False,
            }
            await connection.execute(information_requests.insert().values(values))
    async with any_database.read() as connection:
        birmingham, coventry = await count_due(connection, NOW)
        assert await count_due(connection, NOW, [council_id]) == (coventry,)
    assert birmingham == DueRequests("E08000025", open=0, urgent=0, overdue=0)
    assert coventry == DueRequests("E08000026", open=5, urgent=1, overdue=2)
