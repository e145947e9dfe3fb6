"""At what time of day the WiFi is used: sessions of the last seven days by the local hour in which they began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.schema import hourly_usage
from monitoring.inclusion.disclosure import withhold
from monitoring.inclusion.indicators import Council
from monitoring.inclusion.report import Missing

DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class DailyProfile:
    """Sessions begun in each local hour of the day, 24 of them, over all days together."""

    sessions: tuple[int | Missing, ...]

    @property
    def has_confidential_figures(self) -> bool:
        return any(isinstance(figure, Missing) for figure in self.sessions)


async def read_profile(
    connection: AsyncConnection, council: Council, now: datetime, smallest_published_count: int
) -> DailyProfile:
    """The last seven days up to now, after disclosure control."""
    table = hourly_usage.c
    question = (
        select(table.hour, func.sum(table.sessions).label("sessions"))
        .where(table.council_id == council.id, table.hour >= now - timedelta(days=DAYS), table.hour <= now)
        .group_by(table.hour)
    )
    by_hour: dict[int, int] = {}
    for row in await connection.execute(question):
        local_hour = row.hour.astimezone(council.zone).hour
        by_hour[local_hour] = by_hour.get(local_hour, 0) + int(row.sessions)
    return protect_profile(by_hour, smallest_published_count)


def protect_profile(by_hour: Mapping[int, int], smallest_published_count: int) -> DailyProfile:
    """Withhold small counts, as in any other table: the week's total can be learnt from a report of that week."""
    figures = {str(hour): by_hour.get(hour, 0) for hour in range(24)}
    withheld = withhold((figures, {}), sum(figures.values()), (), smallest_published_count)
    return DailyProfile(
        tuple(Missing.CONFIDENTIAL if (0, code) in withheld.cells else value for code, value in figures.items())
    )
