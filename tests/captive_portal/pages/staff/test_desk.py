"""Help at a desk: the resident says a number, a member of staff lets that device on and can do nothing else."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select, update

from captive_portal.pages.staff import access
from foundation.schema import audit_events, councils, devices, journeys
from foundation.schema import help_requests as requests
from foundation.staff import IDLE, Role, add_account
from tests.captive_portal.conftest import LOGIN_URL, City, Client, Phone

PASSWORD = "a long enough password"


@dataclass
class Desk:
    """A member of staff with a browser, which keeps the cookie, and an app for the codes."""

    client: Client
    key: bytes
    cookie: str = ""
    page: str = ""
    status: int = 0
    path: str = ""
    user_name: str = "desk"

    async def log_in(self, password: str = PASSWORD) -> None:
        code = TOTP(self.key, 6, SHA1(), 30).generate(int(datetime.now(UTC).timestamp())).decode()
        await self.post("/staff/log-in", user_name=self.user_name, password=password, code=code)

    async def get(self, path: str) -> None:
        await self._request("GET", path)

    async def post(self, path: str, **fields: str) -> None:
        token = re.search(r'name="form_token" value="(\w+)"', self.page)
        await self._request("POST", path, {"form_token": token[1] if token else "", **fields})

    async def _request(self, method: str, path: str, fields: dict[str, str] | None = None) -> None:
        headers = {"Cookie": self.cookie} if self.cookie else {}
        # Each has a browser of their own, though one client carries them all.
        self.client.session.cookie_jar.clear()
        answer = await self.client.request(method, path, data=fields, headers=headers, allow_redirects=False)
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            self.set_cookie = answer.headers["Set-Cookie"]
        self.path, self.status, self.page = path, answer.status, await answer.text()
        if answer.status == 303:
            await self._request("GET", answer.headers["Location"])


@pytest.fixture
async def desk(client: Client, city: City) -> Desk:
    return Desk(client, await account(city, "desk", city.council_id))


async def account(city: City, name: str, council_id: int, role: Role = Role.HELPER) -> bytes:
    async with city.database.write() as connection:
        uri = await add_account(
            connection, city.runtime.keyring, name, PASSWORD, [council_id], [role], datetime.now(UTC)
        )
    return base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])


@pytest.fixture(autouse=True)
async def offered(city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(councils).values(ways_in="click,staff"))


async def ask(phone: Phone) -> str:
    """Choose help on the first page; gives the number on the screen."""
    await phone.arrive()
    await phone.submit(way="staff", accept_terms="yes")
    assert phone.page == "help"
    number = re.search(r"<strong[^>]*>(\d{4})</strong>", phone.text)
    assert number is not None
    return number[1]


async def test_a_resident_is_let_on_by_the_number_that_they_say(phone: Phone, city: City, desk: Desk) -> None:
    number = await ask(phone)
    await desk.log_in()
    assert desk.path == "/staff"
    assert f">{number}</strong> – Central Library" in desk.page
    await desk.post("/staff/let-on", number=f" {number[:2]} {number[2:]} ")
    assert desk.path == "/staff?let-on=yes"
    assert number not in desk.page
    await phone.get(phone.path)
    assert phone.page == "connect"
    assert "A member of staff has let this device on." in phone.text
    assert "You have used this WiFi before" not in phone.text
    await phone.submit()
    assert phone.path.startswith(f"{LOGIN_URL}/logon")
    async with city.database.read() as connection:
        (device,) = (await connection.execute(select(devices))).all()
        (event,) = (await connection.execute(select(audit_events).where(audit_events.c.actor == "staff 1"))).all()
    assert device.way_in == "staff"
    assert (event.action, event.council_id, event.detail) == ("let a device on", city.council_id, {"venue": 1})


async def test_the_number_stays_while_the_page_is_reloaded_and_is_new_when_its_time_is_over(
    phone: Phone, city: City
) -> None:
    number = await ask(phone)
    await phone.get(phone.path)
    assert number in phone.text
    async with city.database.write() as connection:
        await connection.execute(update(requests).values(expires_at=datetime.now(UTC)))
    await phone.get(phone.path)
    assert number not in phone.text
    async with city.database.read() as connection:
        assert len((await connection.execute(select(requests))).all()) == 1


@pytest.mark.parametrize("number", ["", "9999999", "abcd", "' OR 1=1"])
async def test_a_number_that_nobody_shows_lets_nobody_on(phone: Phone, desk: Desk, number: str) -> None:
    await ask(phone)
    await desk.log_in()
    await desk.post("/staff/let-on", number=number)
    assert desk.status == 422
    assert "No device waits with this number" in desk.page
    await phone.get(phone.path)
    assert phone.page == "help"


async def test_a_number_is_good_once(phone: Phone, desk: Desk) -> None:
    number = await ask(phone)
    await desk.log_in()
    await desk.post("/staff/let-on", number=number)
    await desk.post("/staff/let-on", number=number)
    assert desk.status == 422


async def test_who_helps_one_council_cannot_help_at_another(phone: Phone, city: City, client: Client) -> None:
    async with city.database.write() as connection:
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        added = await connection.execute(councils.insert().values(other).returning(councils.c.id))
    elsewhere = Desk(client, await account(city, "desk", added.scalar_one()))
    number = await ask(phone)
    await elsewhere.log_in()
    assert number not in elsewhere.page
    await elsewhere.post("/staff/let-on", number=number)
    assert elsewhere.status == 422


async def test_a_resident_who_went_another_way_is_not_helped_any_more(phone: Phone, city: City, desk: Desk) -> None:
    number = await ask(phone)
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/start")
    await phone.submit(way="click", accept_terms="yes")
    await desk.log_in()
    await desk.post("/staff/let-on", number=number)
    assert desk.status == 422


@pytest.mark.parametrize("path", ["/staff", "/staff/let-on", "/staff/log-out"])
async def test_nobody_gets_in_without_logging_in(desk: Desk, path: str) -> None:
    if path == "/staff":
        await desk.get(path)
    else:
        await desk.post(path, number="1234")
    assert desk.path == "/staff/log-in"


async def test_a_wrong_password_says_nothing_of_what_is_wrong_and_keeps_only_the_name(desk: Desk) -> None:
    await desk.log_in(password="a wrong password")
    assert desk.status == 422
    assert "Name, password or code is wrong" in desk.page
    assert "a wrong password" not in desk.page
    assert desk.cookie == ""


async def test_a_form_of_another_site_does_nothing(phone: Phone, desk: Desk) -> None:
    number = await ask(phone)
    await desk.log_in()
    await desk.post("/staff/let-on", number=number, form_token="0" * 32)
    assert desk.status == 403
    await phone.get(phone.path)
    assert phone.page == "help"


async def test_the_cookie_is_for_these_pages_only_and_no_script_reads_it(desk: Desk) -> None:
    await desk.log_in()
    attributes = {part.strip() for part in desk.set_cookie.split(";")[1:]}
    assert attributes >= {"HttpOnly", "Path=/staff", "SameSite=Strict", "Max-Age=36000"}


async def test_logging_out_ends_it_on_the_server(desk: Desk) -> None:
    await desk.log_in()
    cookie = desk.cookie
    await desk.post("/staff/log-out")
    desk.cookie = cookie
    await desk.get("/staff")
    assert desk.path == "/staff/log-in"


async def test_who_goes_away_is_logged_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.log_in()
    monkeypatch.setattr(access, "clock", lambda: datetime.now(UTC) + IDLE)
    await desk.get("/staff")
    assert desk.path == "/staff/log-in"


async def test_when_every_number_is_taken_the_resident_is_told_so(
    phone: Phone, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captive_portal.storage.help_requests.secrets.randbelow", lambda _most: 7)
    assert await ask(phone) == "1007"
    async with city.database.write() as connection:
        await connection.execute(update(journeys).values(mac_pseudonym=b"somebody else's!"))
    other = Phone(phone.client, city)
    await other.arrive()
    await other.submit(way="staff", accept_terms="yes")
    assert other.status == 503
    assert "too many" in other.text.lower()
    async with city.database.write() as connection:
        later = datetime.now(UTC) - timedelta(minutes=1)
        await connection.execute(update(requests).values(expires_at=later))
    await other.get(other.path)
    assert other.page == "help"
