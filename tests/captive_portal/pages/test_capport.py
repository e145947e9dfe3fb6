"""The captive portal API by HTTP: who is asked about, what is said, and how soon it is right."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from yarl import URL

from foundation.arrival_tokens import ArrivalToken, seal, unseal
from foundation.mac_address import MacAddress
from foundation.schema import accounting_sessions, devices, network_access_servers, policies
from tests.captive_portal.conftest import LOGIN_URL, PHONE, PORTAL_SECRET, PORTAL_URL, City, Client, Phone, get_online

KEY = "A" * 22
DEVICE = MacAddress.parse(PHONE)


@pytest.fixture
async def api(city: City) -> str:
    """The API's address for the phone, as its gateway fills it in."""
    # The phones of these tests arrive at the address that all gateways share.
    await change_gateway(city, arrival_key=KEY, portal_url=f"{PORTAL_URL}/arrive/coovachilli")
    return f"/api/capport/{KEY}/{PHONE}"


async def change_gateway(city: City, **values: Any) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(**values))


def own_address(city: City, *, is_claimed: bool = False, **changed: Any) -> str:
    values = {"nas_id": city.nas_id, "device": DEVICE, "expires_at": datetime.now(UTC) + timedelta(hours=1)}
    return seal(city.runtime.keyring, ArrivalToken(**{**values, **changed}, is_claimed=is_claimed))


async def ask(client: Client, path: str, **headers: str) -> dict[str, Any]:
    async with client.get(URL(path, encoded=True), headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/captive+json"
        assert response.headers["Cache-Control"] == "no-store"
        told: dict[str, Any] = json.loads(await response.text())
        return told


async def test_a_device_that_nobody_knows_is_captive_and_told_its_own_way_in(
    client: Client, api: str, city: City
) -> None:
    told = await ask(client, api)
    assert told["captive"] is True
    assert sorted(told) == ["captive", "user-portal-url", "venue-info-url"]
    token = unseal(city.runtime.keyring, told["user-portal-url"].rpartition("/r/")[2], datetime.now(UTC))
    assert token is not None
    assert (token.nas_id, token.device) == (city.nas_id, DEVICE)
    assert told["venue-info-url"] == f"{told['user-portal-url']}/venue"
    assert await ask(client, api) == told, "the addresses are the same each time"


@pytest.mark.parametrize("spelling", ["00-00-5e-00-53-01", "00:00:5E:00:53:01", "00005e005301", "0000.5e00.5301"])
async def test_the_gateway_may_spell_the_address_as_it_likes(client: Client, api: str, spelling: str) -> None:
    told = await ask(client, f"/api/capport/{KEY}/{spelling}")
    assert told == await ask(client, api)


async def test_it_is_right_at_once_after_every_change(client: Client, api: str, city: City, phone: Phone) -> None:
    assert (await ask(client, api))["captive"] is True
    await get_online(phone, city)
    told = await ask(client, api)
    assert told["captive"] is False
    assert 14_300 < told["seconds-remaining"] <= 14_400
    assert told["can-extend-session"] is True
    assert "bytes-remaining" not in told
    # A Disconnect or a log-out ends with the gateway's Accounting-Stop.
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(stopped_at=datetime.now(UTC), ended_by="stop"))
    assert (await ask(client, api))["captive"] is True


async def test_a_days_share_is_told_and_its_end_is_seen_before_the_gateway_is_told(
    client: Client, api: str, city: City, phone: Phone
) -> None:
    await get_online(phone, city)
    await set_daily_octets(city, 100_000_000)
    told = await ask(client, api)
    assert (told["captive"], told["bytes-remaining"]) == (False, 57_700_000)
    await set_daily_octets(city, 42_000_000)
    assert (await ask(client, api))["captive"] is True


async def set_daily_octets(city: City, octets: int) -> None:
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        await connection.execute(delete(policies))
        values = {"council_id": city.council_id, "scope": '[null, "", ""]', "daily_octets": octets}
        await connection.execute(policies.insert().values(**values, created_at=now, updated_at=now))


async def test_a_session_at_another_gateway_is_none_here(client: Client, api: str, city: City, phone: Phone) -> None:
    await get_online(phone, city)
    async with city.database.write() as connection:
        made = {"created_at": datetime.now(UTC), "updated_at": datetime.now(UTC)}
        other = await connection.execute(
            network_access_servers.insert().values(
                council_id=city.council_id,
                name="Other",
                network="10.2.0.1/32",
                secret_encrypted=b"",
                vendor="coovachilli",
                arrival_key="B" * 22,
                **made,
            )
        )
        assert other.rowcount == 1
    assert (await ask(client, f"/api/capport/{'B' * 22}/{PHONE}"))["captive"] is True
    assert (await ask(client, api))["captive"] is False


async def test_a_token_is_as_good_as_gateway_and_address(client: Client, api: str, city: City, phone: Phone) -> None:
    path = f"/api/capport/{own_address(city)}"
    assert (await ask(client, path))["captive"] is True
    await get_online(phone, city)
    assert (await ask(client, path))["captive"] is False


@pytest.mark.parametrize(
    "path",
    [
        f"/api/capport/{'C' * 22}/{PHONE}",
        f"/api/capport/{KEY}/00-00-5E-00-53",
        f"/api/capport/{KEY}/%00%0a",
        f"/api/capport/{'A' * 90}",
    ],
    ids=["no such gateway", "no address", "control characters", "no token of ours"],
)
async def test_an_unknown_address_is_a_problem_in_words(client: Client, api: str, path: str) -> None:
    assert api
    async with client.get(URL(path, encoded=True)) as response:
        assert response.status == 404
        assert response.headers["Content-Type"] == "application/problem+json"
        assert json.loads(await response.text())["status"] == 404


async def test_a_token_ends_and_names_a_gateway_that_is_there(client: Client, city: City) -> None:
    for token in (
        own_address(city, expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        own_address(city, nas_id=city.nas_id + 1),
    ):
        async with client.get(f"/api/capport/{token}") as response:
            assert response.status == 404


async def test_a_claimed_device_fetches_the_gateways_own_redirect_first(
    client: Client, api: str, city: City, phone: Phone
) -> None:
    told = await ask(client, api)
    await phone.get(URL(told["user-portal-url"]).path)
    assert phone.path == f"{LOGIN_URL}/prelogin"


async def test_claiming_anothers_address_leads_to_nothing_of_theirs(
    client: Client, api: str, city: City, phone: Phone
) -> None:
    await get_online(phone, city)
    journey = phone.path.split("/")[2]
    told = await ask(client, api)
    stranger = Phone(client, city)
    await stranger.get(URL(told["venue-info-url"]).path)
    assert stranger.status == 200
    assert "Time left" in stranger.text
    assert journey not in stranger.text
    await stranger.get(URL(told["user-portal-url"]).path)
    assert journey not in stranger.path


async def test_only_the_gateways_secret_makes_what_it_says_certain(client: Client, api: str, city: City) -> None:
    async def is_claimed(**headers: str) -> bool:
        told = await ask(client, api, **headers)
        token = unseal(city.runtime.keyring, told["user-portal-url"].rpartition("/r/")[2], datetime.now(UTC))
        assert token is not None
        return token.is_claimed

    assert await is_claimed()
    assert await is_claimed(Authorization="Bearer ")
    assert await is_claimed(Authorization="Bearer é")
    assert not await is_claimed(Authorization=f"Bearer {PORTAL_SECRET.decode()}")
    await change_gateway(city, portal_secret_encrypted=None)
    assert await is_claimed(Authorization="Bearer ")


async def test_the_venues_page_of_a_captive_device_leads_to_its_way_in(phone: Phone, city: City) -> None:
    token = own_address(city)
    await phone.get(f"/r/{token}/venue")
    assert f'href="/r/{token}"' in phone.text
    assert "Time left" not in phone.text


@pytest.mark.parametrize("path", [f"/r/{'A' * 90}", f"/r/{'A' * 90}/venue"])
async def test_a_persons_old_address_says_how_to_begin_again(phone: Phone, path: str) -> None:
    await phone.get(path)
    assert phone.status == 404
    assert "<h1>" in phone.text


async def test_a_device_that_is_erased_is_captive(client: Client, api: str, city: City, phone: Phone) -> None:
    await get_online(phone, city)
    async with city.database.write() as connection:
        await connection.execute(delete(devices))
    assert (await ask(client, api))["captive"] is True
