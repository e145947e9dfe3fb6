"""The council's report: a period's indicators after disclosure control. From here on nothing is secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Literal, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from monitoring import usage
from monitoring.inclusion.disclosure import Cell, Tables, Withheld, withhold
from monitoring.inclusion.indicators import (
    Area,
    Council,
    CouncilIndicators,
    Measures,
    Period,
    find_council,
    read_indicators,
)

MeasureName = Literal["registrations", "active_users", "sessions", "hours_online", "gigabytes"]
MEASURES: Final[tuple[MeasureName, ...]] = get_args(MeasureName)

_SECONDS_PER_HOUR: Final = 3600
_OCTETS_PER_GIGABYTE: Final = 10**9


class Missing(Enum):
    """Why a figure is not shown, by the symbols of the Government Statistical Service."""

    CONFIDENTIAL = "[c]"
    NOT_AVAILABLE = "[x]"


Figure = int | float | Missing


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    area: Area
    registrations: Figure
    active_users: Figure
    # Begun in the period.
    sessions: Figure
    # Hours of all sessions together, to a tenth.
    hours_online: Figure
    # 10^9 octets in both directions, to a hundredth.
    gigabytes: Figure

    def figure(self, name: MeasureName) -> Figure:
        """The figure of a measure by its name."""
        value: Figure = getattr(self, name)
        return value

    @property
    def is_withheld(self) -> bool:
        """Whether any figure is confidential."""
        return any(self.figure(name) is Missing.CONFIDENTIAL for name in MEASURES)


@dataclass(frozen=True, slots=True)
class CouncilReport:
    """What is published."""

    council_code: str
    council_name: str
    time_zone: str
    period: Period
    smallest_published_count: int
    # Our clock at the roll-up that the figures come from; None if there was none yet.
    counted_until: datetime | None
    wards: tuple[Row, ...]
    deciles: tuple[Row, ...]
    total: Row

    @property
    def has_confidential_figures(self) -> bool:
        return any(row.is_withheld for row in (*self.wards, *self.deciles, self.total))

    @property
    def has_unavailable_figures(self) -> bool:
        rows = (*self.wards, *self.deciles, self.total)
        return any(row.figure(name) is Missing.NOT_AVAILABLE for row in rows for name in MEASURES)


async def make_report(
    database: Database, council_code: str | None, period: Period, smallest_published_count: int
) -> CouncilReport:
    """Read, protect and assemble. Raises NoCouncilError."""
    async with database.read() as connection:
        council = await find_council(connection, council_code)
        return await read_report(connection, council, period, smallest_published_count)


async def read_report(
    connection: AsyncConnection, council: Council, period: Period, smallest_published_count: int
) -> CouncilReport:
    """The same for a council that was found already."""
    indicators = await read_indicators(connection, council, period)
    return assemble(council, period, indicators, smallest_published_count, await usage.progress(connection))


def assemble(
    council: Council,
    period: Period,
    indicators: CouncilIndicators,
    threshold: int,
    counted_until: datetime | None = None,
) -> CouncilReport:
    """Apply disclosure control to the indicators and write them in the units of the report."""
    registrations, activity = _protect(indicators, threshold)

    def rows(number: int, table: Mapping[Area, Measures]) -> tuple[Row, ...]:
        return tuple(
            _row(area, measures, (number, area.code) in registrations.cells, (number, area.code) in activity.cells)
            for area, measures in table.items()
        )

    total = _row(Area(council.code, council.name), indicators.total, registrations.total, activity.total, whole=True)
    return CouncilReport(
        council_code=council.code,
        council_name=council.name,
        time_zone=council.time_zone,
        period=period,
        smallest_published_count=threshold,
        counted_until=counted_until,
        wards=rows(0, indicators.wards),
        deciles=rows(1, indicators.deciles),
        total=total,
    )


def _protect(indicators: CouncilIndicators, threshold: int) -> tuple[Withheld, Withheld]:
    """What is withheld of the registrations, and of all measures of use together.

    Sessions, time and volume of a few people are as confidential as their number, so one decision holds for them all;
    it is made by users and by sessions, and either is enough.
    """
    rows = {
        (number, area.code): measures
        for number, table in enumerate((indicators.wards, indicators.deciles))
        for area, measures in table.items()
    }
    few = {cell for cell, measures in rows.items() if _is_about_few(measures, threshold)}
    total_is_about_few = _is_about_few(indicators.total, threshold)

    def decide(name: Literal["registrations", "active_users", "sessions"], besides: set[Cell]) -> Withheld:
        tables: Tables = (
            {area.code: getattr(measures, name) or 0 for area, measures in indicators.wards.items()},
            {area.code: getattr(measures, name) or 0 for area, measures in indicators.deciles.items()},
        )
        total = getattr(indicators.total, name) or 0
        return withhold(
            tables,
            total,
            indicators.links,
            threshold,
            besides=besides,
            total_besides=bool(total) and total_is_about_few,
        )

    by_users = decide("active_users", few)
    by_sessions = decide("sessions", few | by_users.cells)
    whole = by_users.total or by_sessions.total or total_is_about_few
    everything = {cell for cell, measures in rows.items() if _is_active(measures)} if whole else set()
    return decide("registrations", few), Withheld(by_users.cells | by_sessions.cells | few | everything, whole)


def _is_active(measures: Measures) -> bool:
    return bool(measures.active_users or measures.sessions or measures.session_seconds or measures.octets)


def _is_about_few(measures: Measures, threshold: int) -> bool:
    """Whether use is by fewer people than may be told, or by an unknown number in fewer sessions than that."""
    users = measures.active_users or 0
    return _is_active(measures) and (
        0 < users < threshold or 0 < measures.sessions < threshold or (users == 0 and measures.sessions == 0)
    )


def _row(
    area: Area, measures: Measures, registrations_withheld: bool, activity_withheld: bool, *, whole: bool = False
) -> Row:
    # How many people a row's use is by can no longer be checked, so it may be told for the whole council only.
    unchecked = measures.active_users is None and not whole

    def use(value: float) -> Figure:
        if unchecked:
            return Missing.NOT_AVAILABLE
        return Missing.CONFIDENTIAL if activity_withheld else value

    return Row(
        area=area,
        registrations=_count(measures.registrations, registrations_withheld),
        active_users=_count(measures.active_users, activity_withheld),
        sessions=use(measures.sessions),
        hours_online=use(round(measures.session_seconds / _SECONDS_PER_HOUR, 1)),
        gigabytes=use(round(measures.octets / _OCTETS_PER_GIGABYTE, 2)),
    )


def _count(value: int | None, withheld: bool) -> Figure:
    if value is None:
        return Missing.NOT_AVAILABLE
    return Missing.CONFIDENTIAL if withheld and value else value
