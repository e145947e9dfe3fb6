"""A resident's program: it sees what My data shows, and can delete it, for as long as the resident lets it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update

from captive_portal.journey import State
from foundation.schema import audit_events, devices, resident_tokens, residents
from foundation.schema import journeys as journeys_table
from foundation.settings import PortalSettings
from tests.captive_portal.api.conftest import Program, make_key, make_token
from tests.captive_portal.conftest import City, Client, Phone, get_online, start_session


async def count(city: City, table: object) -> int:
    async with city.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]  # a table


async def test_a_program_reads_all_that_my_data_shows(client: Client, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    journey = phone.path.rpartition("/")[0]
    exported = await (await client.get(f"{journey}/data/export.json")).json(content_type=None)
    program = Program(client, await make_token(city))
    answer = await program.ask("GET", "/me")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert set(answer.body) == set(exported)
    assert answer.body["devices"][0]["is_this_one"] is True
    assert [session["venue"] for session in answer.body["sessions"]] == ["Central Library"]
    table = await program.ask("GET", "/me/export.csv")
    assert table.content_type == "text/csv"
    assert next(csv.reader(io.StringIO(table.body))) == ["part", "number", "name", "value"]


async def test_a_program_sees_whether_the_device_is_online_and_for_how_long(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    program = Program(client, await make_token(city))
    answer = (await program.ask("GET", "/me/connection")).body
    assert answer["online"] is True
    assert 0 < answer["seconds_left"] <= city.runtime.settings.radius.session_timeout_seconds
    assert answer["octets_left"] is None


async def test_of_a_device_that_is_not_on_nothing_else_is_told(client: Client, phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    now = datetime.now(UTC)
    await start_session(city, started_at=now - timedelta(hours=1), stopped_at=now)
    answer = await Program(client, await make_token(city)).ask("GET", "/me/connection")
    assert answer.body == {
        "online": False, "since": None, "seconds_left": None, "octets_left": None, "can_extend": False,
    }  # fmt: skip


async def test_a_program_deletes_everything_where_the_resident_lets_it_and_the_device_stays_on(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    other = Program(client, await make_token(city))
    program = Program(client, await make_token(city, may_delete=True))
    assert (await program.ask("DELETE", "/me")).status == 204
    assert [await count(city, table) for table in (residents, devices, resident_tokens)] == [0, 0, 0]
    for each in (program, other):
        assert (await each.ask("GET", "/me")).problem == "not-authenticated"
    await phone.get(phone.path)
    assert phone.page == "online"
    async with city.database.read() as connection:
        event = (await connection.execute(select(audit_events).where(audit_events.c.action == "erase"))).one()
    assert event.subject == "a resident"


async def test_a_token_outlives_the_hour_of_the_visit_that_it_was_made_on(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    program = Program(client, await make_token(city, may_delete=True))
    async with city.database.write() as connection:
        await connection.execute(update(journeys_table).values(expires_at=datetime.now(UTC)))
    assert (await program.ask("GET", "/me")).status == 200
    assert (await program.ask("DELETE", "/me")).status == 204
    assert await count(city, residents) == 0


async def test_a_token_for_reading_deletes_nothing(client: Client, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    answer = await Program(client, await make_token(city)).ask("DELETE", "/me")
    assert (answer.status, answer.problem) == (403, "not-allowed")
    assert await count(city, residents) == 1


async def test_nothing_is_deleted_while_the_device_is_being_let_on(client: Client, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    async with city.database.write() as connection:
        await connection.execute(update(journeys_table).values(state=State.WAITING))
    answer = await Program(client, await make_token(city, may_delete=True)).ask("DELETE", "/me")
    assert (answer.status, answer.problem, answer.headers["Retry-After"]) == (409, "not-yet", "30")
    assert await count(city, residents) == 1


async def test_a_token_is_good_no_longer_than_the_resident_chose(client: Client, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    token = await make_token(city, lifetime=timedelta(seconds=-1))
    answer = await Program(client, token).ask("GET", "/me")
    assert (answer.status, answer.problem) == (401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_a_token_is_of_no_use_when_the_device_has_become_somebody_elses(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    program = Program(client, await make_token(city))
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        other = {"council_id": city.council_id, "contact_kind": "none", "registered_at": now, "last_seen_at": now}
        added = await connection.execute(residents.insert().values(other).returning(residents.c.id))
        await connection.execute(update(journeys_table).values(resident_id=added.scalar_one()))
    assert (await program.ask("GET", "/me")).problem == "not-authenticated"


async def test_neither_a_councils_key_nor_nothing_opens_a_residents_data(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    for credential in (None, await make_key(city), "cwr_" + "A" * 32, "nonsense"):
        assert (await Program(client, credential).ask("GET", "/me")).status == 401


async def test_of_a_token_only_a_keyed_hash_is_kept_and_when_it_was_used(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    token = await make_token(city)
    await Program(client, token).ask("GET", "/me")
    async with city.database.read() as connection:
        row = (await connection.execute(select(resident_tokens))).one()
    assert token.encode() not in row.token_pseudonym
    assert len(row.token_pseudonym) == 16
    assert row.used_at is not None


async def test_a_residents_program_asks_no_more_often_than_is_good(client: Client, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    program = Program(client, await make_token(city))
    statuses = [
        (await program.ask("GET", "/me/connection")).status
        for _ in range(PortalSettings().api_requests_per_resident_per_minute + 1)
    ]
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {200}
