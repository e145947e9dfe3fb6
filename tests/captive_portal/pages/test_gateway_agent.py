"""The agent of a plain Linux gateway at the portal: who may be on, and what its reports make of sessions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from captive_portal.gateway_sessions.gateway_agent import MOST_DEVICES, MalformedReportError, read_report
from captive_portal.gateways import our_redirector
from captive_portal.storage import agent_devices
from foundation.schema import accounting_sessions, devices, network_access_servers, policies
from tests.captive_portal.conftest import PHONE, PORTAL_SECRET, City, Client, Phone

KEY = "A" * 22
PATH = f"/gateways/nftables/{KEY}"
MAC = PHONE.replace("-", ":").lower()
BEARER = f"Bearer {PORTAL_SECRET.decode()}"


@pytest.fixture(autouse=True)
async def _linux(city: City) -> None:
    values = {"vendor": "other", "gateway_driver": "nftables", "arrival_key": KEY}
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(**values))


def device(*, on: bool = False, mac: str = MAC, **counts: int) -> dict[str, Any]:
    return {"mac": mac, "ip": "10.77.0.100", "on": on, **counts}


async def report(client: Client, *seen: dict[str, Any], authorization: str = BEARER) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"devices": seen})
    async with client.post(PATH, data=body, headers={"Authorization": authorization}) as response:
        return response.status, json.loads(await response.text())


async def allowed(client: Client, *seen: dict[str, Any]) -> dict[str, int]:
    status, answer = await report(client, *seen)
    assert status == 200
    on: dict[str, int] = answer["on"]
    return on


async def register(phone: Phone, **choices: str) -> None:
    query = f"mac={MAC}&ip=10.77.0.100"
    await phone.get(f"/arrive/nftables/{KEY}?{query}&seal={our_redirector.seal(query, PORTAL_SECRET)}")
    assert phone.page == "start"
    await phone.submit(way="click", accept_terms="yes", **choices)
    assert phone.page == "waiting"


async def session(city: City) -> Any:
    async with city.database.read() as connection:
        return (await connection.execute(select(accounting_sessions).order_by(accounting_sessions.c.id.desc()))).first()


async def test_nobody_who_did_not_register_may_be_on(client: Client, city: City) -> None:
    assert await allowed(client, device()) == {}
    assert await allowed(client, device(on=True)) == {}
    assert await session(city) is None


async def test_who_registered_may_be_on_and_is_when_the_agent_says_so(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    told = await allowed(client, device())
    assert 14_390 < told[MAC] <= 14_400
    assert await session(city) is None, "the right to be on proves nothing"
    await allowed(client, device(on=True))
    await phone.get(phone.path)
    assert phone.page == "online"
    made = await session(city)
    assert (made.source, made.framed_ip_address) == ("api", "10.77.0.100")


async def test_saying_it_again_changes_nothing(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    for _ in range(3):
        await allowed(client, device(on=True))
    async with city.database.read() as connection:
        assert len((await connection.execute(select(accounting_sessions.c.id))).all()) == 1


async def test_what_was_used_is_written_down_once_in_a_while(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    await allowed(client, device(on=True))
    await allowed(client, device(on=True, input=5, output=7))
    assert (await session(city)).output_octets == 0
    async with city.database.write() as connection:
        before = datetime.now(UTC) - timedelta(seconds=61)
        await connection.execute(update(accounting_sessions).values(started_at=before, updated_at=before))
    await allowed(client, device(on=True, input=1000, output=41_000))
    assert ((await session(city)).input_octets, (await session(city)).output_octets) == (1000, 41_000)


async def test_logging_out_takes_the_device_off_with_the_next_turn(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    await allowed(client, device(on=True))
    await phone.get(phone.path)
    await phone.get(phone.path.replace("online", "status"))
    await phone.submit()
    for _ in range(100):
        if not await allowed(client, device(on=True, input=11, output=22)):
            break
    assert await allowed(client, device(on=False)) == {}
    ended = await session(city)
    assert (ended.ended_by, ended.terminate_cause, ended.output_octets) == ("stop", 1, 22)
    await phone.get(phone.path.rpartition("/")[0] + "/")
    assert phone.page == "ended"


async def test_a_device_that_is_not_told_of_any_more_is_off(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    await allowed(client, device(on=True))
    await allowed(client)
    assert (await session(city)).ended_by == "lost"


async def test_a_remembered_device_is_let_on_as_soon_as_it_is_seen(client: Client, city: City, phone: Phone) -> None:
    await register(phone, remember_device="yes")
    await allowed(client, device(on=True))
    await allowed(client)
    assert MAC in await allowed(client, device())


async def test_a_used_up_day_takes_it_off(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    await allowed(client, device(on=True))
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(output_octets=1_000_000))
        await connection.execute(
            policies.insert().values(
                council_id=city.council_id,
                scope='[null, "", ""]',
                daily_octets=1_000_000,
                created_at=now,
                updated_at=now,
            )
        )
    assert await allowed(client, device(on=True)) == {}


async def test_the_end_of_a_right_takes_it_off(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    async with city.database.write() as connection:
        await connection.execute(update(devices).values(access_until=datetime.now(UTC) + timedelta(seconds=90)))
    assert 80 < (await allowed(client, device()))[MAC] <= 90
    async with city.database.write() as connection:
        await connection.execute(update(devices).values(access_until=datetime.now(UTC)))
    assert await allowed(client, device()) == {}


async def test_who_is_erased_while_on_is_taken_off(client: Client, city: City, phone: Phone) -> None:
    await register(phone)
    await allowed(client, device(on=True))
    async with city.database.write() as connection:
        await connection.execute(delete(devices))
    assert await allowed(client, device(on=True)) == {}


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", f"Basic {PORTAL_SECRET.decode()}"])
async def test_without_the_secret_nothing_is_told(client: Client, authorization: str) -> None:
    status, _ = await report(client, device(), authorization=authorization)
    assert status == 401


async def test_another_kind_of_gateway_has_no_agent(client: Client, city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(gateway_driver="coovachilli"))
    assert (await report(client, device()))[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"devices": 5}',
        b'{"devices": [5]}',
        b'{"devices": [{"mac": "x", "ip": "10.0.0.1", "on": true}]}',
        b'{"devices": [{"mac": "00:00:5e:00:53:01", "ip": "x", "on": true}]}',
        b'{"devices": [{"mac": "00:00:5e:00:53:01", "ip": "10.0.0.1", "on": true, "input": -1}]}',
        b'{"devices": [{"mac": "00:00:5e:00:53:01", "ip": "10.0.0.1", "on": true, "input": true}]}',
        b'{"devices": [{"mac": "00:00:5e:00:53:01", "ip": "10.0.0.1", "on": true, "output": 1e400}]}',
        b'{"devices": ' + b"[" * 100_000,
    ],
)
async def test_what_is_no_report_is_refused_in_words(client: Client, body: bytes) -> None:
    async with client.post(PATH, data=body, headers={"Authorization": BEARER}) as response:
        assert response.status == 400
        assert "00:00:5e" not in await response.text()


async def test_a_report_has_a_largest_size(client: Client) -> None:
    async with client.post(PATH, data=b" " * 300_000, headers={"Authorization": BEARER}) as response:
        assert response.status == 400
    with pytest.raises(MalformedReportError, match="more than"):
        read_report(json.dumps({"devices": [device()] * (MOST_DEVICES + 1)}).encode())


def test_a_device_that_is_told_twice_counts_once() -> None:
    assert len(read_report(json.dumps({"devices": [device(), device(on=True)]}).encode())) == 1


async def test_most_turns_write_nothing(
    client: Client, city: City, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(phone)
    await allowed(client, device(on=True))

    async def store(*_: object) -> None:
        raise AssertionError("written")

    monkeypatch.setattr(agent_devices, "store", store)
    assert MAC in await allowed(client, device(on=True, input=3))
