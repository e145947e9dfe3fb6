"""Holds on the staff's pages: placed for a case, prolonged, ended, taken out; and how long data are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select, update

from captive_portal.pages.staff.holds import read_moment
from foundation.retention_job import keep
from foundation.schema import accounting_sessions, audit_events, councils, held_records, residents, retention_limits
from foundation.schema import holds as holds_table
from foundation.settings import RetentionSettings
from foundation.staff import Role
from tests.captive_portal.conftest import City, Client, Phone, get_online, newest_code
from tests.captive_portal.pages.staff.test_desk import PASSWORD, Desk, account
from tests.captive_portal.pages.test_news import online_by_email

NOW = datetime.now(UTC)
CASE = {
    "case_number": "C-17",
    "authoriser": "Head of Legal Services",
    "reason": "threats that were sent from the library",
    "expires": f"{NOW + timedelta(days=60):%Y-%m-%d}",
}
ANN = {"subject": "resident", "contact": "Ann@example.org"}


@pytest.fixture
async def officer(client: Client, city: City) -> Desk:
    desk = Desk(client, await account(city, "desk", city.council_id, Role.INFORMATION_OFFICER))
    await desk.log_in()
    return desk


async def place(officer: Desk, **fields: str) -> None:
    await officer.get("/staff/holds")
    await officer.post("/staff/holds/place", **{**CASE, **fields})


async def recorded(city: City) -> list[str]:
    async with city.database.read() as connection:
        of_staff = select(audit_events.c.action).where(audit_events.c.actor.startswith("staff"))
        return list((await connection.execute(of_staff.order_by(audit_events.c.id))).scalars())


async def test_a_resident_is_held_by_their_contact_which_is_written_nowhere(
    phone: Phone, city: City, officer: Desk
) -> None:
    await online_by_email(phone, city)
    await place(officer, **ANN)
    assert officer.path == "/staff/holds?kept=yes"
    assert "C-17" in officer.page
    assert "Head of Legal Services" in officer.page
    assert "ann@example.org" not in officer.page.lower()
    async with city.database.read() as connection:
        assert (await connection.execute(select(holds_table.c.resident_id))).scalar_one() is not None
        [event] = (await connection.execute(select(audit_events).where(audit_events.c.action == "place a hold"))).all()
    assert "ann" not in json.dumps(event.detail)
    assert event.council_id == city.council_id


async def test_the_resident_sees_what_everybody_sees_and_the_hold_keeps_it(
    phone: Phone, city: City, officer: Desk
) -> None:
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/data")
    await phone.submit()
    await phone.submit(code=newest_code(city))
    before = [(await phone.get(f"{journey}/{page}")).text for page in ("data", "data/delete")]
    await place(officer, **ANN)
    assert before == [(await phone.get(f"{journey}/{page}")).text for page in ("data", "data/delete")]
    await phone.submit(confirm="yes")
    assert "was deleted" in phone.text
    assert "law" in phone.text
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents))).all() == []
    [hold_id] = await numbers(city)
    answer = await officer.client.post(
        f"/staff/holds/{hold_id}/contents", data={"form_token": token(officer)}, headers={"Cookie": officer.cookie}
    )
    saved = json.loads(await answer.text())
    assert saved["case"] == "C-17"
    assert saved["deleted meanwhile"][0]["residents"][0]["contact"] == "ann@example.org"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (await recorded(city))[-1] == "take out what is held"


async def numbers(city: City) -> list[int]:
    async with city.database.read() as connection:
        return list((await connection.execute(select(holds_table.c.id))).scalars())


def token(officer: Desk) -> str:
    return officer.page.split('name="form_token" value="')[1].partition('"')[0]


async def test_a_device_and_everybody_at_a_venue_are_held(phone: Phone, city: City, officer: Desk) -> None:
    await get_online(phone, city)
    local = datetime.now(ZoneInfo("Europe/London"))
    span = {"begin": f"{local - timedelta(hours=1):%Y-%m-%d %H:%M}", "end": f"{local:%Y-%m-%d %H:%M}"}
    async with city.database.write() as connection:
        at = datetime.now(UTC) - timedelta(minutes=30)
        await connection.execute(update(accounting_sessions).values(started_at=at, updated_at=at, stopped_at=at))
    await place(officer, subject="device", device="00:00:5e:00:53:01")
    assert officer.status == 200
    await place(officer, subject="venue", venue="Central Library", **span)
    assert officer.status == 200
    assert "Everybody at Central Library" in officer.page
    for _hold in range(2):
        await keep(city.database, RetentionSettings(), datetime.now(UTC) + timedelta(days=50))
        async with city.database.write() as connection:
            session = (await connection.execute(select(accounting_sessions))).one()
            assert session.calling_station_id is None or session.user_name is not None
            first = select(holds_table.c.id).order_by(holds_table.c.id).limit(1).scalar_subquery()
            await connection.execute(holds_table.delete().where(holds_table.c.id == first))
    assert session.user_name is not None
    await keep(city.database, RetentionSettings(), datetime.now(UTC) + timedelta(days=50))
    async with city.database.read() as connection:
        assert (await connection.execute(select(accounting_sessions.c.user_name))).scalar_one() is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"case_number": ""}, "Enter the number of the case"),
        ({"authoriser": ""}, "Enter who authorised it"),
        ({"expires": "soon"}, "Enter a day to come"),
        ({"subject": ""}, "Choose what is held"),
        ({"contact": "nobody"}, "Enter an email address"),
        ({"contact": "bob@example.org"}, "Nobody is registered with this contact"),
        ({"subject": "device", "device": "x"}, "Enter the device"),
        ({"subject": "venue", "venue": "Nowhere"}, "Enter the name of one of your venues"),
        ({"subject": "venue", "venue": "1", "begin": "yesterday"}, "Enter from when to when"),
        ({"subject": "venue", "venue": "1", "begin": "2026-01-02", "end": "2026-01-01"}, "Enter a time that is past"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_wrong_is_said(city: City, officer: Desk, changed: dict[str, str], told: str) -> None:
    await place(officer, **{**ANN, **changed})
    assert officer.status == 422
    assert told in officer.page
    assert await numbers(city) == []


async def test_a_hold_is_prolonged_and_ended_and_stays_to_be_seen(phone: Phone, city: City, officer: Desk) -> None:
    await online_by_email(phone, city)
    await place(officer, **ANN)
    [hold_id] = await numbers(city)
    await officer.post(f"/staff/holds/{hold_id}", expires="2020-01-01")
    assert officer.status == 422
    await officer.post(f"/staff/holds/{hold_id}", expires=f"{NOW + timedelta(days=300):%Y-%m-%d}")
    assert officer.status == 200
    await officer.post(f"/staff/holds/{hold_id}", now="yes")
    assert "Nothing is held." in officer.page
    assert "C-17" in officer.page
    assert (await recorded(city))[-3:] == ["place a hold", "prolong a hold", "end a hold"]
    await officer.post(f"/staff/holds/{hold_id}/contents")
    assert officer.status == 404


async def test_another_councils_officer_sees_and_touches_nothing(
    phone: Phone, city: City, client: Client, officer: Desk
) -> None:
    await online_by_email(phone, city)
    await place(officer, **ANN)
    [hold_id] = await numbers(city)
    async with city.database.write() as connection:
        row = councils.insert().values(code="E08000025", name="Birmingham", created_at=NOW).returning(councils.c.id)
        other = (await connection.execute(row)).scalar_one()
    stranger = Desk(client, await account(city, "other", other, Role.INFORMATION_OFFICER))
    code = TOTP(stranger.key, 6, SHA1(), 30).generate(int(datetime.now(UTC).timestamp())).decode()
    await stranger.post("/staff/log-in", user_name="other", password=PASSWORD, code=code)
    await stranger.get("/staff/holds")
    assert "C-17" not in stranger.page
    for path in (f"/staff/holds/{hold_id}", f"/staff/holds/{hold_id}/contents"):
        await stranger.post(path, now="yes")
        assert stranger.status == 404
        await stranger.get("/staff/holds")
    await stranger.post("/staff/holds/place", council=str(city.council_id), **CASE, **ANN)
    assert stranger.status == 403
    await stranger.get(f"/staff/retention?council={city.council_id}")
    assert stranger.status == 403


async def test_the_page_says_what_is_kept_for_how_long_and_the_oldest_that_is_held(
    phone: Phone, city: City, officer: Desk
) -> None:
    await get_online(phone, city)
    await officer.get("/staff/retention")
    assert "has not run yet" in officer.page
    assert "180 days" in officer.page
    assert "The time of none has begun" in officer.page
    await keep(city.database, RetentionSettings(), datetime.now(UTC))
    await officer.get("/staff/retention")
    assert "ran last on" in officer.page
    async with city.database.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(days=190)
        await connection.execute(update(accounting_sessions).values(received_at=long_ago))
    await officer.get("/staff/retention")
    assert "which is beyond its time or held for a case" in officer.page


async def test_a_council_decides_a_limit_with_a_reason_and_takes_it_back(
    phone: Phone, city: City, officer: Desk
) -> None:
    await officer.get("/staff/retention")
    decided = {"setting": "session_days", "value": "30", "reason": "as the committee decided in May"}
    for wrong in ({"setting": "x"}, {"value": "x"}, {"value": "4000"}, {"reason": "so"}):
        await officer.post("/staff/retention", **{**decided, **wrong})
        assert officer.status == 422
        assert "There is a problem" in officer.page
    await officer.post("/staff/retention", **decided)
    assert "as the committee decided in May" in officer.page
    await phone.get("/councils/E08000026/privacy")
    assert "30 days" in phone.text
    assert "180 days" not in phone.text
    await officer.post("/staff/retention", setting="session_days", inherit="yes")
    assert "the installation’s limits hold" in officer.page
    async with city.database.read() as connection:
        assert (await connection.execute(select(retention_limits))).all() == []
        assert (await connection.execute(select(held_records))).all() == []
    assert (await recorded(city))[-2:] == ["set a retention limit", "inherit a retention limit"]


def test_a_moment_is_by_the_councils_clock() -> None:
    london = ZoneInfo("Europe/London")
    assert read_moment("2026-07-01 14:30", london) == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    assert read_moment("2026-12-01", london) == datetime(2026, 12, 1, tzinfo=UTC)
    for text in ("", "x", "2026-07-01T14:30+02:00"):
        assert read_moment(text, london) is None
