"""Requests and disclosures in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.information_rights import correspondence, handling, requests
from captive_portal.information_rights.handling import Actor
from captive_portal.information_rights.requests import Happened, InformationRequest, Kind, Outcome
from captive_portal.information_rights.steps import Step, take
from captive_portal.storage import disclosures
from captive_portal.storage import information_requests as storage
from captive_portal.storage.disclosures import DisclosureError, NewDisclosure
from captive_portal.storage.information_requests import NewRequest
from captive_portal.ways_in.verification import CodeCheck
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils
from foundation.settings import Settings

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture
async def council_id(any_database: Database) -> int:
    async with any_database.write() as connection:
        values = {"code": "E08000026", "name": "Coventry", "created_at": NOW}
        return int((await connection.execute(councils.insert().values(values).returning(councils.c.id))).scalar_one())


@pytest.fixture
def runtime(any_database: Database, keyring: Keyring) -> Runtime:
    return Runtime(Settings(demo=True), any_database, keyring)


async def test_a_request_comes_back_as_it_was_after_every_step(runtime: Runtime, council_id: int) -> None:
    new = NewRequest(council_id, Kind.ACCESS, "cy", "ann@example.org", "Popeth.")
    async with runtime.database.write() as connection:
        asked = await handling.receive(connection, runtime, new, NOW, NOW, Actor.RESIDENT)
        assert isinstance(asked, InformationRequest)
        asked = requests.contact_proved(asked, NOW)
        await handling.store(connection, runtime, asked, Happened.CONTACT_PROVED, Actor.RESIDENT, NOW)
    steps = (
        (Step(Happened.CLARIFICATION_ASKED, "Pa un?"), 2),
        (Step(Happened.CLARIFIED, "Y ffôn."), 4),
        (Step(Happened.EXTENDED, "Llawer."), 5),
        (Step(Happened.ANSWERED, "Dyma nhw.", Outcome.PARTLY, gives_data=True), 6),
    )
    for step, days in steps:
        moment = NOW + timedelta(days=days)
        async with runtime.database.write() as connection:
            before = await storage.load(connection, runtime, asked.number, for_update=True)
            assert before is not None
            taken = await take(connection, runtime, before, step, moment)
        async with runtime.database.read() as connection:
            assert await storage.load(connection, runtime, asked.number) == taken.after
            [row] = await storage.listed(connection, [council_id], 10, closed=taken.after.closed_at is not None)
            assert row.due_at == taken.after.due_at()
    async with runtime.database.read() as connection:
        events = await storage.events(connection, runtime.keyring, asked.id)
        [told] = await storage.requests_under(
            connection, runtime, council_id, runtime.keyring.contact_pseudonym(council_id, "ann@example.org")
        )
    assert [one.text for one in events] == ["Popeth.", "", "Pa un?", "Y ffôn.", "Llawer.", "Dyma nhw."]
    assert "council: Dyma nhw." in told.written


async def test_a_code_is_good_once_and_a_second_press_sends_no_second_one(runtime: Runtime, council_id: int) -> None:
    new = NewRequest(council_id, Kind.COMPLAINT, "en", "ann@example.org", "Slow.")
    async with runtime.database.write() as connection:
        asked = await handling.receive(connection, runtime, new, NOW, NOW, Actor.RESIDENT)
        assert isinstance(asked, InformationRequest)
        letter = await correspondence.issue_code(connection, runtime, asked, "Coventry", NOW)
        assert isinstance(letter, correspondence.Letter)
        assert await correspondence.issue_code(connection, runtime, asked, "Coventry", NOW) is None
        digits = letter.subject[:6]
        assert await correspondence.check_code(connection, runtime, asked, digits, NOW) is CodeCheck.RIGHT
        assert await correspondence.check_code(connection, runtime, asked, digits, NOW) is CodeCheck.NONE_LEFT


async def test_requests_go_with_a_resident_to_their_new_contact(runtime: Runtime, council_id: int) -> None:
    keyring = runtime.keyring
    old, new = (keyring.contact_pseudonym(council_id, contact) for contact in ("ann@example.org", "ann@example.com"))
    asked: list[InformationRequest] = []
    async with runtime.database.write() as connection:
        for _ in range(2):
            one = await handling.receive(
                connection,
                runtime,
                NewRequest(council_id, Kind.ACCESS, "en", "ann@example.org"),
                NOW,
                NOW,
                Actor.RESIDENT,
            )
            assert isinstance(one, InformationRequest)
            asked.append(one)
        await storage.save(connection, requests.contact_proved(asked[0], NOW), NOW)
        await storage.move_contact(connection, council_id, old, keyring.encrypt("contact", b"ann@example.com"), new)
        moved = await storage.load(connection, runtime, asked[0].number)
        stayed = await storage.load(connection, runtime, asked[1].number)
    assert moved is not None
    assert moved.contact == "ann@example.com"
    # Nobody knows whether it was they who gave it.
    assert stayed is not None
    assert stayed.contact == "ann@example.org"


async def test_the_register_counts_by_the_councils_own_year(runtime: Runtime, council_id: int) -> None:
    new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    async with runtime.database.write() as connection:
        for moment in (new_year, new_year + timedelta(hours=1)):
            new = NewDisclosure(council_id, moment, "Police", "DPA 2018", "Inspector", "Sessions")
            number = await disclosures.add(connection, runtime, new)
        with pytest.raises(DisclosureError, match="no line"):
            await disclosures.decide(connection, [council_id + 1], number, disclosures.Outcome.REFUSED, NOW)
        await disclosures.decide(connection, [council_id], number, disclosures.Outcome.DISCLOSED, NOW)
        assert await disclosures.count_by_year(connection, council_id, "Pacific/Auckland") == [
            disclosures.Year(2027, 2, 1, 0)
        ]
        years = await disclosures.count_by_year(connection, council_id, "Europe/London")
    assert years == [disclosures.Year(2027, 1, 1, 0), disclosures.Year(2026, 1, 0, 0)]
