"""User names for the secure network, as a phone gets, sees and removes them."""

from __future__ import annotations

import plistlib
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, update

from foundation.schema import accounting_sessions, credential_pages, credentials, journeys
from foundation.settings import PortalSettings, Settings
from tests.captive_portal.conftest import PORTAL_URL, City, Client, Phone, get_online
from tests.captive_portal.pages.test_pages import check_page
from tests.captive_portal.secure import NETWORK, SERVER, offering


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    base = Settings(demo=True, data_directory=tmp_path / "data", portal=PortalSettings(public_url=PORTAL_URL))
    return offering(base)


def figure(phone: Phone, name: str) -> str:
    """What a page says for a term."""
    found = re.search(rf"<dt[^>]*>{name}</dt><dd[^>]*>([^<]+)</dd>", phone.text)
    assert found is not None, phone.text
    return found[1]


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("citywifi_portal_credentials_total", {"result": result}) or 0.0


async def get_user_name(phone: Phone) -> str:
    """Online, and then on to the page of a new user name."""
    online = phone.path.rpartition("/")[0]
    await phone.get(f"{online}/secure")
    await phone.submit()
    assert phone.path.startswith("/secure/"), phone.text
    return figure(phone, "User name")


async def test_a_resident_who_is_online_gets_a_user_name_and_removes_it(phone: Phone, city: City) -> None:
    made, revoked = counted("made"), counted("revoked")
    await get_online(phone, city)
    journey = phone.path.removesuffix("/online")
    assert f'href="{journey}/secure"' in phone.text
    await phone.get(f"{journey}/secure")
    assert NETWORK in phone.text
    assert "Your user names" not in phone.text
    check_page(phone.text, "en")
    await phone.submit()
    check_page(phone.text, "en")
    user_name = figure(phone, "User name")
    assert len(figure(phone, "Password").split("-")) == 4
    assert figure(phone, "Domain") == SERVER
    assert f"{PORTAL_URL}{phone.path}" in phone.text.replace("<wbr>", "")

    await phone.get(f"{journey}/secure")
    check_page(phone.text, "en")
    assert user_name in phone.text
    assert "Not used in the last 24 hours." in " ".join(phone.text.split())
    number = re.search(r'name="credential" value="(\d+)"', phone.text)
    assert number is not None
    await phone.post(f"{journey}/revoke", credential=number[1])
    assert "The user name was removed" in phone.text
    assert user_name not in phone.text
    async with city.database.read() as connection:
        assert (await connection.execute(select(credentials.c.revoked_at))).scalar_one() is not None
        assert (await connection.execute(select(credential_pages))).all() == []
    assert (counted("made"), counted("revoked")) == (made + 1, revoked + 1)


async def test_the_pages_are_in_welsh_too(phone: Phone, city: City) -> None:
    phone.headers["Accept-Language"] = "cy"
    await get_online(phone, city)
    await phone.get(phone.path.replace("/online", "/secure"))
    check_page(phone.text, "cy")
    await phone.submit()
    check_page(phone.text, "cy")
    assert "Eich enw defnyddiwr" in phone.text
    page = phone.path
    phone.headers["Accept-Language"] = "en"
    await phone.get(page)
    check_page(phone.text, "cy")
    await phone.get(f"{page}?lang=en")
    check_page(phone.text, "en")


async def test_another_browser_opens_the_page_by_its_address_alone(phone: Phone, city: City, client: Client) -> None:
    await get_online(phone, city)
    user_name = await get_user_name(phone)
    safari = Phone(client, city)
    await safari.get(phone.path.upper().replace("/SECURE/", "/secure/").replace("-", ""))
    assert figure(safari, "User name") == user_name


async def test_the_profile_and_the_authority_can_be_loaded(
    phone: Phone, city: City, client: Client, settings: Settings
) -> None:
    await get_online(phone, city)
    user_name = await get_user_name(phone)
    password = figure(phone, "Password")
    links = re.findall(r'href="(/secure/[^"]+)"', phone.text)
    async with client.get(links[0]) as response:
        assert response.status == 200
        assert response.content_type == "application/x-apple-aspen-config"
        assert response.headers["Content-Disposition"] == 'attachment; filename="secure-wifi.mobileconfig"'
        assert response.headers["Cache-Control"] == "no-store"
        profile = plistlib.loads(await response.read())
    wifi = next(one for one in profile["PayloadContent"] if one["PayloadType"] == "com.apple.wifi.managed")
    eap = wifi["EAPClientConfiguration"]
    assert (eap["UserName"], eap["UserPassword"], eap["TLSTrustedServerNames"]) == (user_name, password, [SERVER])
    async with client.get(links[1]) as response:
        assert response.content_type == "application/x-x509-ca-cert"
        pem = (settings.certificates_directory / "ca.pem").read_text()
        assert await response.read() == ssl.PEM_cert_to_DER_cert(pem)


async def test_a_page_whose_time_is_over_shows_nothing(phone: Phone, city: City, client: Client) -> None:
    await get_online(phone, city)
    await get_user_name(phone)
    page, password = phone.path, figure(phone, "Password")
    async with city.database.write() as connection:
        await connection.execute(update(credential_pages).values(expires_at=datetime.now(UTC)))
    await phone.get(page)
    assert phone.status == 404
    assert password not in phone.text
    for part in ("profile", "certificate"):
        async with client.get(f"{page}/{part}") as response:
            assert response.status == 404


async def test_a_form_that_comes_twice_leads_to_one_page(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    secure = phone.path.replace("/online", "/secure")
    for _ in range(2):
        await phone.post(secure, page="abcd-efgh-jkmn")
        assert phone.path == "/secure/abcd-efgh-jkmn"
    async with city.database.read() as connection:
        assert len((await connection.execute(select(credentials))).all()) == 1


async def test_at_the_limit_one_must_be_removed_first(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    secure = phone.path.replace("/online", "/secure")
    for number in range(5):
        await phone.post(secure, page=f"abcd-efgh-jkm{number + 2}")
    await phone.get(secure)
    assert "Get a user name and password" not in phone.text
    assert "Remove one that you do not use" in phone.text
    await phone.post(secure, page="abcd-efgh-jkmn")
    assert phone.status == 422
    check_page(phone.text, "en")
    async with city.database.write() as connection:
        await connection.execute(update(credentials).values(revoked_at=datetime.now(UTC)))
    await phone.post(secure, page="abcd-efgh-jkmn")
    assert phone.status == 422
    assert "Try again in an hour" in phone.text
    check_page(phone.text, "en")


async def test_only_a_device_that_is_online_now_gets_or_removes_anything(phone: Phone, city: City) -> None:
    await phone.arrive()
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/secure")
    assert phone.page == "start"
    await phone.post(f"{journey}/secure", page="abcd-efgh-jkmn")
    assert phone.page == "start"
    await get_online(phone, city)
    await get_user_name(phone)
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(stopped_at=datetime.now(UTC)))
    for page, fields in (("secure", {"page": "2222-3333-4444"}), ("revoke", {"credential": "1"})):
        await phone.post(f"{journey}/{page}", **fields)
        assert phone.page == "ended"
    async with city.database.write() as connection:
        await connection.execute(update(journeys).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
    await phone.get(f"{journey}/secure")
    assert phone.page == "expired"
    async with city.database.read() as connection:
        [only] = (await connection.execute(select(credentials))).all()
    assert only.revoked_at is None


@pytest.mark.parametrize("page", ["", "short", "abcd-efgh-jkm1", "../../../../etc"])
async def test_an_address_that_we_did_not_draw_is_refused(page: str, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.post(phone.path.replace("/online", "/secure"), page=page)
    assert phone.status == 400


@pytest.mark.parametrize("credential", ["", "x", "-1", "²", "9" * 19, "1 or 1=1"])
async def test_a_number_that_is_none_is_refused(credential: str, phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.post(phone.path.replace("/online", "/revoke"), credential=credential)
    assert phone.status == 400


async def test_forms_of_other_sites_are_refused(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    phone.headers["Sec-Fetch-Site"] = "cross-site"
    await phone.post(phone.path.replace("/online", "/secure"), page="abcd-efgh-jkmn")
    assert phone.status == 403


async def test_a_remembered_device_gets_there_from_its_gateways_own_address(phone: Phone, city: City) -> None:
    await get_online(phone, city, remember_device="yes")
    async with city.database.write() as connection:
        await connection.execute(update(journeys).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
    await phone.arrive(res="already", challenge=None)
    await phone.get(phone.path)
    assert phone.page == "online"
    assert await get_user_name(phone)


async def test_a_certificate_that_cannot_be_read_takes_the_offer_away(
    phone: Phone, city: City, settings: Settings
) -> None:
    await get_online(phone, city)
    (settings.certificates_directory / "server.pem").write_text("no certificate")
    await phone.get(phone.path.replace("/online", "/secure"))
    assert phone.status == 404


async def test_nothing_is_said_of_a_secure_network_where_there_is_none(
    phone: Phone, city: City, settings: Settings
) -> None:
    await get_online(phone, city)
    (settings.certificates_directory / "server.pem").unlink()
    online = phone.path
    for page in ("online", "status"):
        await phone.get(online.replace("/online", f"/{page}"))
        assert "secure" not in phone.text
    await phone.get(online.replace("/online", "/secure"))
    assert phone.status == 404


async def test_the_privacy_notice_tells_of_user_names(phone: Phone, city: City) -> None:
    await phone.get("/councils/E08000026/privacy")
    assert "secure network" in phone.text
