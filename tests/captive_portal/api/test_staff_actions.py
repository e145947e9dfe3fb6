"""What a council's programs do: each by its scope, for its own council only, and in the audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from captive_portal.storage.api_keys import KeyNotMadeError, Scope
from foundation.schema import api_keys, audit_events, councils, devices, network_access_servers
from radius.packet import Code
from tests.captive_portal.api.conftest import Program, make_key
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import LOGIN_URL, City, Client, Phone, get_online
from tests.captive_portal.pages.staff.test_desk import ask
from tests.radius.equipment import Equipment, acknowledge
from tests.radius.support import SECRET


@pytest.fixture
async def program(client: Client, city: City) -> Program:
    await offer(city, "click,staff")
    return Program(client, await make_key(city))


async def events(city: City) -> list[tuple[str, str, str]]:
    async with city.database.read() as connection:
        rows = await connection.execute(select(audit_events).order_by(audit_events.c.id))
        return [(row.actor, row.action, row.subject) for row in rows]


async def another_council(city: City) -> int:
    async with city.database.write() as connection:
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        added = await connection.execute(councils.insert().values(other).returning(councils.c.id))
        return int(added.scalar_one())


async def test_a_program_lets_the_device_on_whose_number_it_is_told(program: Program, phone: Phone, city: City) -> None:
    number = await ask(phone)
    (waiting,) = (await program.ask("GET", "/waiting")).body["waiting"]
    assert (waiting["number"], waiting["venue"]) == (number, "Central Library")
    answer = await program.ask("POST", "/admissions", json={"number": number})
    assert (answer.status, answer.body) == (200, {"venue": city.venue_id})
    assert (await program.ask("GET", "/waiting")).body == {"waiting": []}
    await phone.get(phone.path)
    await phone.submit()
    assert phone.path.startswith(f"{LOGIN_URL}/logon")
    async with city.database.read() as connection:
        assert (await connection.execute(select(devices.c.way_in))).scalar_one() == "staff"
    assert ("api key 1", "let a device on", "help at a desk") in await events(city)


async def test_a_number_that_nobody_shows_or_that_was_used_lets_nobody_on(program: Program, phone: Phone) -> None:
    number = await ask(phone)
    other = "1000" if number != "1000" else "1001"
    assert (await program.ask("POST", "/admissions", json={"number": other})).problem == "no-device-waits"
    assert (await program.ask("POST", "/admissions", json={"number": number})).status == 200
    assert (await program.ask("POST", "/admissions", json={"number": number})).problem == "no-device-waits"


async def test_a_program_of_another_council_sees_and_lets_on_nobody_here(
    client: Client, program: Program, phone: Phone, city: City
) -> None:
    number = await ask(phone)
    elsewhere = Program(client, await make_key(city, council_id=await another_council(city)))
    assert (await elsewhere.ask("GET", "/waiting")).body == {"waiting": []}
    assert (await elsewhere.ask("POST", "/admissions", json={"number": number})).status == 404
    assert number in str((await program.ask("GET", "/waiting")).body)


async def test_a_program_of_another_council_sees_and_ends_no_session_here(
    client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    elsewhere = Program(client, await make_key(city, council_id=await another_council(city)))
    assert (await elsewhere.ask("GET", "/sessions")).body == {"sessions": [], "next": None}
    assert (await elsewhere.ask("DELETE", "/sessions/1")).problem == "not-found"


async def test_open_sessions_are_told_without_whose_they_are(program: Program, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    answer = await program.ask("GET", "/sessions", params={"venue": city.venue_id})
    (session,) = answer.body["sessions"]
    assert session["equipment"] == "Central Library"
    assert (session["octets_sent"], session["octets_received"]) == (1_000_000, 41_300_000)
    assert set(session) == {"id", "started_at", "venue", "equipment", "octets_sent", "octets_received", "source"}
    assert (await program.ask("GET", "/sessions", params={"venue": 999})).body["sessions"] == []


async def test_a_session_whose_equipment_cannot_be_told_is_not_said_to_have_ended(
    program: Program, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    answer = await program.ask("DELETE", "/sessions/1")
    assert (answer.status, answer.problem) == (409, "cannot-be-ended")
    assert ("api key 1", "end session", "session 1") in await events(city)


async def ask_at(city: City, host: str, port: int) -> None:
    """The gateway takes orders there."""
    values = {"dynamic_authorization_host": host, "dynamic_authorization_port": port}
    sealed = city.runtime.keyring.encrypt("nas secret", SECRET)
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(**values, secret_encrypted=sealed))


async def test_a_session_is_ended_by_its_equipment(program: Program, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    with Equipment(acknowledge) as gateway:
        await ask_at(city, "127.0.0.1", gateway.port)
        answer = await program.ask("DELETE", "/sessions/1")
        assert (answer.status, answer.body) == (204, "")
        assert [request.code for request in gateway.requests] == [Code.DISCONNECT_REQUEST]


async def test_equipment_that_cannot_be_reached_is_told_as_such(program: Program, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await ask_at(city, "nowhere.invalid", 3799)
    answer = await program.ask("DELETE", "/sessions/1")
    assert (answer.status, answer.problem) == (504, "no-answer")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/waiting", Scope.READ_WAITING),
        ("POST", "/admissions", Scope.LET_ON),
        ("GET", "/sessions", Scope.READ_SESSIONS),
        ("DELETE", "/sessions/1", Scope.END_SESSIONS),
    ],
    ids=list(Scope),
)
async def test_an_operation_needs_its_own_scope(
    client: Client, city: City, method: str, path: str, scope: Scope
) -> None:
    others = Program(client, await make_key(city, *(set(Scope) - {scope}), name="others"))
    answer = await others.ask(method, path, json={"number": "1234"})
    assert (answer.status, answer.problem) == (403, "not-allowed")
    assert answer.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
    own = Program(client, await make_key(city, scope, name="own"))
    assert (await own.ask(method, path, json={"number": "1234"})).status in (200, 404)


async def test_a_key_that_was_revoked_or_is_past_its_time_opens_nothing(
    client: Client, program: Program, city: City
) -> None:
    now = datetime.now(UTC)
    late = Program(client, await make_key(city, name="late", expires_at=now - timedelta(seconds=1)))
    assert (await late.ask("GET", "/waiting")).problem == "not-authenticated"
    assert (await program.ask("GET", "/waiting")).status == 200
    async with city.database.write() as connection:
        await connection.execute(update(api_keys).values(revoked_at=now))
    assert (await program.ask("GET", "/waiting")).problem == "not-authenticated"


async def test_a_key_asks_no_more_often_than_its_rate_and_is_told_when_to_come_again(
    client: Client, city: City
) -> None:
    slow = Program(client, await make_key(city, name="slow", per_minute=2))
    quick = Program(client, await make_key(city, name="quick"))
    answers = [await slow.ask("GET", "/waiting") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert (answers[-1].problem, answers[-1].headers["Retry-After"]) == ("too-many-requests", "30")
    assert (await quick.ask("GET", "/waiting")).status == 200


async def test_of_a_key_only_a_keyed_hash_is_kept_and_its_name_is_given_once(city: City) -> None:
    text = await make_key(city)
    async with city.database.read() as connection:
        row = (await connection.execute(select(api_keys))).one()
    assert text.startswith("cwk_")
    assert len(row.key_pseudonym) == 16
    with pytest.raises(KeyNotMadeError, match="library desk"):
        await make_key(city)
