"""What residents reported, for engineers: how often at each place, and in their own words. No person is in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.problem_reports import ProblemKind, open_text
from foundation.schema import network_access_servers, problem_reports, venues
from foundation.staff import Member, Role, record

_SHOWN: Final = 50
_reports: Final = problem_reports.c
_PLACE = func.coalesce(venues.c.name, network_access_servers.c.name)


@dataclass(frozen=True, slots=True)
class Reported:
    """How often a kind of problem was reported at a place."""

    venue_id: int | None
    # The venue's name, or the gateway's where there is none.
    place: str
    kind: ProblemKind
    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """One report: when, what, where on their way the resident was, and what the portal told them."""

    id: int
    at: datetime
    kind: ProblemKind
    state: str
    finding: str
    text: str = field(repr=False)


async def delete_report(database: Database, member: Member, report_id: int, now: datetime) -> int | None:
    """Delete one, such as one with a name in it, and record who did.

    The number of its venue; None if there is no such report of a venue of their councils.
    """
    gone = (
        delete(problem_reports)
        .where(
            _reports.id == report_id,
            _reports.venue_id.is_not(None),
            _reports.council_id.in_(member.councils(Role.ENGINEER)),
        )
        .returning(_reports.council_id, _reports.venue_id)
    )
    async with database.write() as connection:
        found = (await connection.execute(gone)).one_or_none()
        if found is None:
            return None
        await record(
            connection, member, "delete report", f"problem report {report_id}", council_id=found.council_id, now=now
        )
        return int(found.venue_id)


async def count_reports(
    connection: AsyncConnection, since: datetime, councils: Collection[int] | None
) -> tuple[Reported, ...]:
    """By place and kind, most first: of some councils, or (None) of all."""
    number = func.count()
    question = (
        select(_reports.venue_id, _PLACE.label("place"), _reports.kind, number.label("number"))
        .join_from(problem_reports, network_access_servers, _reports.nas_id == network_access_servers.c.id)
        .outerjoin(venues, _reports.venue_id == venues.c.id)
        .where(_reports.reported_at >= since)
        .group_by(_reports.venue_id, _PLACE, _reports.kind)
        .order_by(number.desc(), _PLACE, _reports.kind)
    )
    if councils is not None:
        question = question.where(_reports.council_id.in_(councils))
    return tuple(
        Reported(row.venue_id, row.place, ProblemKind(row.kind), row.number)
        for row in await connection.execute(question)
    )


async def read_reports(
    connection: AsyncConnection, keyring: Keyring, venue_id: int, since: datetime
) -> tuple[Report, ...]:
    """The latest of a venue, newest first."""
    question = (
        select(problem_reports)
        .where(_reports.venue_id == venue_id, _reports.reported_at >= since)
        .order_by(_reports.reported_at.desc(), _reports.id.desc())
        .limit(_SHOWN)
    )
    return tuple(
        Report(
            row.id, row.reported_at, ProblemKind(row.kind), row.state, row.finding.replace("-", " "),
            open_text(keyring, row.text_encrypted),
        )
        for row in await connection.execute(question)
    )  # fmt: skip
