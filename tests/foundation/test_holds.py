"""What is held stays where it is on both databases, also where whole months are dropped; all else goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table, insert, select

from foundation.database import Database
from foundation.holds import HELD_TABLES, Hold, held, not_held
from foundation.partitions import ensure_months
from foundation.retention import RULES, Action
from foundation.retention_job import keep
from foundation.schema import (
    accounting_sessions,
    audit_events,
    authentications,
    councils,
    holds,
    network_access_servers,
    venues,
)
from foundation.settings import RetentionSettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
THEN = NOW - timedelta(days=400)


class Places:
    """A council with a gateway and two venues, at each of which somebody was on long ago."""

    def __init__(self, database: Database, council: int, nas: int, numbers: list[int]) -> None:
        self.database, self.council, self.nas, self.venues = database, council, nas, numbers

    async def was_on(self, venue: int, at: datetime) -> None:
        await ensure_months(self.database, [at])
        common = {"council_id": self.council, "nas_id": self.nas, "venue_id": venue}
        async with self.database.write() as connection:
            await connection.execute(
                insert(accounting_sessions).values(
                    **common, session_key=f"{venue} {at.timestamp()}".encode()[:16], acct_session_id="1",
                    user_name="somebody", calling_station_id="02-11-22-33-44-55", started_at=at, updated_at=at,
                    received_at=at, stopped_at=at,
                )
            )  # fmt: skip
            await connection.execute(
                insert(authentications).values(
                    **common, at=at, method="pap", accepted=True, reason="", user_pseudonym=bytes(16), milliseconds=1.0
                )
            )

    async def hold(self, venue: int, expires_at: datetime) -> None:
        values = {"case_number": "C-17", "authoriser": "Legal", "reason": "threats", "placed_at": THEN}
        span = {"held_from": THEN - timedelta(hours=1), "held_until": THEN + timedelta(hours=1)}
        async with self.database.write() as connection:
            await connection.execute(
                insert(holds).values(council_id=self.council, venue_id=venue, expires_at=expires_at, **values, **span)
            )

    async def venues_in(self, table: Table) -> list[int]:
        async with self.database.read() as connection:
            return list((await connection.execute(select(table.c.venue_id).order_by(table.c.venue_id))).scalars())


@pytest.fixture
async def places(any_database: Database) -> Places:
    common = {"created_at": NOW, "updated_at": NOW}
    async with any_database.write() as connection:
        row = councils.insert().values(code="E08000026", name="Coventry", created_at=NOW).returning(councils.c.id)
        council = (await connection.execute(row)).scalar_one()
        nas = await connection.execute(
            network_access_servers.insert()
            .values(
                council_id=council, name="Gateway", network="127.10.0.1/32", secret_encrypted=b"", vendor="generic",
                **common,
            )
            .returning(network_access_servers.c.id)
        )  # fmt: skip
        numbers = [
            (
                await connection.execute(
                    venues.insert()
                    .values(council_id=council, source="test", reference=name, name=name, **common)
                    .returning(venues.c.id)
                )
            ).scalar_one()
            for name in ("library", "pool")
        ]
        return Places(any_database, council, nas.scalar_one(), numbers)


async def test_what_is_held_stays_with_what_names_a_device_and_its_month_with_it(places: Places) -> None:
    library, pool = places.venues
    for venue in places.venues:
        await places.was_on(venue, THEN)
    await places.was_on(library, THEN - timedelta(days=3))
    await places.hold(library, NOW + timedelta(days=1))
    for _time in range(2):
        await keep(places.database, RetentionSettings(), NOW)
        assert await places.venues_in(accounting_sessions) == [library]
        assert await places.venues_in(authentications) == [library]
    async with places.database.read() as connection:
        assert (await connection.execute(select(accounting_sessions.c.user_name))).scalar_one() == "somebody"
    assert pool not in await places.venues_in(accounting_sessions)


async def test_after_the_hold_everything_goes_and_the_audit_says_that_it_ended(places: Places) -> None:
    library = places.venues[0]
    await places.was_on(library, THEN)
    await places.hold(library, NOW + timedelta(hours=1))
    await keep(places.database, RetentionSettings(), NOW)
    for _time in range(2):
        await keep(places.database, RetentionSettings(), NOW + timedelta(hours=1))
        assert await places.venues_in(accounting_sessions) == []
        assert await places.venues_in(authentications) == []
    async with places.database.read() as connection:
        ended = select(audit_events.c.subject).where(audit_events.c.action == "a hold has ended")
        assert len((await connection.execute(ended)).all()) == 1


def test_where_nothing_is_held_nothing_is_asked() -> None:
    assert str(not_held(accounting_sessions, ())) == "true"
    assert str(not_held(audit_events, (Hold(1, 1, resident_id=1),))) == "true"
    assert str(held(audit_events, (Hold(1, 1, resident_id=1),))) == "false"


def test_a_hold_whose_resident_is_gone_holds_no_row() -> None:
    gone = Hold(1, 1)
    assert str(held(accounting_sessions, (gone,))) == "false"
    for table in HELD_TABLES:
        assert "IS NULL" not in str(held(table, (gone,)))


def test_every_table_that_is_held_is_one_that_a_rule_takes_from() -> None:
    taken = {rule.table for rule in RULES if rule.action is not Action.KEEP}
    assert set(HELD_TABLES) <= taken
