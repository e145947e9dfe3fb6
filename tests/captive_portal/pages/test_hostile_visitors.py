"""Redirects and requests of people who do not mean well, and of browsers that do things twice."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import quote, urlsplit

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select, update
from yarl import URL

from captive_portal.gateways.coovachilli import seal
from foundation.schema import (
    devices,
    journeys,
    network_access_servers,
    one_time_tokens,
    residents,
    terms_acceptances,
    verification_codes,
)
from tests.captive_portal.conftest import (
    LOGIN_URL,
    PORTAL_SECRET,
    PORTAL_URL,
    City,
    Client,
    Phone,
    newest_code,
    redirect,
    start_session,
    token_names,
)

LOG_ON = f"{LOGIN_URL}/logon"


def refusals(reason: str) -> float:
    labels = {"driver": "coovachilli", "result": reason}
    return REGISTRY.get_sample_value("citywifi_portal_arrivals_total", labels) or 0.0


async def rows(city: City, table: object) -> int:
    async with city.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"uamip": "203.0.113.9"}, "wrong-target"),
        ({"uamport": "80"}, "wrong-target"),
        ({"nasid": "nowhere"}, "unknown-gateway"),
        ({"nasid": "<script>alert(1)</script>"}, "unknown-gateway"),
        ({"nasid": "central' OR '1'='1"}, "unknown-gateway"),
        ({"nasid": None, "called": None}, "missing-parameter"),
        ({"mac": None}, "missing-parameter"),
        ({"mac": "g" * 17}, "malformed"),
        ({"challenge": None}, "missing-parameter"),
        ({"challenge": "0" * 33}, "malformed"),
        ({"res": "yes"}, "unknown-result"),
        ({"lang": "cy\r\nSet-Cookie: a=b"}, "malformed"),
        ({"ssid": "\x00"}, "malformed"),
    ],
)
async def test_a_hostile_redirect_gets_a_page_without_its_words_and_is_counted(
    phone: Phone, city: City, changed: dict[str, str | None], reason: str
) -> None:
    before = refusals(reason)
    await phone.arrive(secret=PORTAL_SECRET, **changed)
    assert phone.status == 400
    assert "The WiFi is not working here" in phone.text
    assert f"Reference for staff: {reason}" in phone.text
    for value in changed.values():
        assert value is None or len(value) < 4 or value not in phone.text
    assert refusals(reason) == before + 1
    assert await rows(city, journeys) == 0


@pytest.mark.parametrize("secret", [None, b"guessed", b""])
async def test_a_redirect_that_the_gateway_did_not_seal_is_refused(
    phone: Phone, city: City, secret: bytes | None
) -> None:
    await phone.arrive(secret=secret)
    assert phone.status == 400
    assert await rows(city, journeys) == 0


async def test_a_gateway_that_another_council_named_alike_is_told_apart_by_its_seal(phone: Phone, city: City) -> None:
    keyring = city.runtime.keyring
    async with city.database.write() as connection:
        row = (await connection.execute(select(network_access_servers))).mappings().one()
        twin = {name: value for name, value in row.items() if name != "id"}
        twin |= {"name": "Twin", "network": "10.2.0.1/32", "login_url": "http://10.2.0.1:3990"}
        twin["portal_secret_encrypted"] = keyring.encrypt("portal secret", b"the twin's secret")
        await connection.execute(network_access_servers.insert().values(**twin))
    await phone.arrive(secret=b"the twin's secret", uamip="10.2.0.1")
    assert phone.page == "start"
    await phone.submit(way="click", accept_terms="yes")
    assert phone.path.startswith("http://10.2.0.1:3990/logon")
    await phone.arrive(secret=b"the twin's secret")
    assert phone.status == 400


async def test_random_queries_never_bring_the_portal_down(client: Client) -> None:
    source = random.Random(7)
    names = ["res", "mac", "nasid", "called", "uamip", "uamport", "challenge", "md", "lang", "", "res"]
    for _ in range(150):
        text = "&".join(
            f"{source.choice(names)}={quote(source.randbytes(source.randrange(20)))}"
            for _ in range(source.randrange(12))
        )
        response = await client.get(URL(f"/arrive/coovachilli?{text}", encoded=True), allow_redirects=False)
        assert response.status == 400


async def test_sealed_nonsense_never_brings_the_portal_down_either(client: Client) -> None:
    source = random.Random(8)
    for _ in range(100):
        name = source.choice(["res", "mac", "called", "uamip", "uamport", "challenge", "lang", "ssl", "reason"])
        path = redirect(secret=None, **{name: source.randbytes(source.randrange(30)).decode("latin-1")})
        response = await client.get(
            URL(f"{path}&md={seal(PORTAL_URL + path, PORTAL_SECRET)}", encoded=True), allow_redirects=False
        )
        assert response.status in (303, 400)


async def test_the_portal_never_redirects_to_where_a_parameter_says(phone: Phone) -> None:
    await phone.arrive(userurl="http://evil.example/", redirurl="http://evil.example/")
    await phone.submit(way="click", accept_terms="yes")
    assert urlsplit(phone.path).netloc == urlsplit(LOGIN_URL).netloc
    assert "evil" not in phone.path


async def test_what_is_typed_comes_back_as_text(phone: Phone) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email='"><script>alert(1)</script>')
    assert phone.status == 422
    assert "<script" not in phone.text
    assert "&lt;script&gt;" in phone.text


async def test_forms_with_unexpected_fields_and_files_are_harmless(client: Client, city: City) -> None:
    phone = await Phone(client, city).arrive()
    for data in (
        {"way": "root", "terms": "-1", "accept_terms": "yes"},
        {"way": "click", "terms": "9" * 30, "accept_terms": "yes"},
        {"way": "click", "terms": "²", "accept_terms": "yes"},
    ):
        response = await client.post(phone.path, data=data)
        assert response.status == 422
    upload = b'--x\r\nContent-Disposition: form-data; name="way"; filename="f"\r\n\r\nclick\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await client.post(phone.path, data=upload, headers=headers)).status == 422
    for content_type in (
        "multipart/form-data",
        "application/x-www-form-urlencoded; charset=nonsense",
        "application/x-www-form-urlencoded; charset=utf-16",
    ):
        broken = await client.post(phone.path, data=b"\xff\xfe=%zz\xff", headers={"Content-Type": content_type})
        assert broken.status in (400, 422), content_type
    assert await token_names(city) == []


async def test_steps_cannot_be_skipped_by_posting_to_them(phone: Phone, city: City) -> None:
    await phone.arrive()
    journey = phone.path.rpartition("/")[0]
    for page in ("code", "connect", "logout", "forget", "resend", "email"):
        await phone.post(f"{journey}/{page}", code="123456", email="ann@example.org")
        assert phone.page == "start"
    assert await token_names(city) == []
    assert await rows(city, verification_codes) == 0


async def test_guessing_codes_is_stopped(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    right = newest_code(city)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(5):
        await phone.submit(code=wrong)
        assert "That is not the code" in phone.text
    await phone.submit(code=right)
    assert "can no longer be used" in phone.text
    assert await rows(city, residents) == 0


async def test_known_and_unknown_addresses_get_the_same_answers(client: Client, city: City) -> None:
    seen = []
    for number in (1, 2):
        mac = f"00-00-5E-00-53-{number:02X}"
        phone = await Phone(client, city).arrive(mac=mac)
        await phone.submit(way="email", accept_terms="yes")
        await phone.submit(email="ann@example.org")
        path_id = phone.path.split("/")[2]
        seen.append((phone.status, phone.page, phone.text.replace(path_id, "ID")))
        await phone.submit(code=newest_code(city))
        assert phone.path.startswith(LOG_ON)
    assert seen[0] == seen[1]
    assert await rows(city, residents) == 1
    assert await rows(city, devices) == 2


async def test_too_many_codes_are_told_with_another_way_on(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    for number in range(5):
        await phone.get(phone.path.replace("/code", "/email"))
        await phone.submit(email=f"ann{number}@example.org")
        assert phone.page == "code"
    await phone.get(phone.path.replace("/code", "/email"))
    await phone.submit(email="ann6@example.org")
    assert "Too many codes" in phone.text
    await phone.get(phone.path.replace("/email", "/start"))
    await phone.submit(way="click", accept_terms="yes")
    assert phone.path.startswith(LOG_ON)


async def test_a_mail_that_cannot_be_sent_is_told_at_once(
    phone: Phone, city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    blocked = city.runtime.settings.outbox_directory
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder should be")
    await phone.submit(email="ann@example.org")
    assert "We could not send the email" in phone.text
    assert 'value="ann@example.org"' in phone.text
    assert "ann@" not in capsys.readouterr().out


async def test_a_changed_address_makes_the_codes_of_the_old_one_worthless(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="an@example.org")
    old = newest_code(city)
    await phone.get(phone.path.replace("/code", "/email"))
    await phone.submit(email="ann@example.org")
    new = newest_code(city)
    if old != new:
        await phone.submit(code=old)
        assert "That is not the code" in phone.text
    await phone.submit(code=new)
    assert phone.path.startswith(LOG_ON)


async def test_a_double_click_gets_online_with_one_resident_and_one_token(client: Client, city: City) -> None:
    phone = await Phone(client, city).arrive()
    copies = [Phone(client, city, text=phone.text, path=phone.path) for _ in range(4)]
    await asyncio.gather(*(copy.submit(way="click", accept_terms="yes") for copy in copies))
    assert len({copy.path for copy in copies}) == 1
    assert copies[0].path.startswith(LOG_ON)
    for table in (residents, devices, one_time_tokens, terms_acceptances):
        assert await rows(city, table) == 1


async def test_a_code_that_is_sent_twice_at_once_registers_once(client: Client, city: City) -> None:
    phone = await Phone(client, city).arrive()
    await phone.submit(way="email", accept_terms="yes")
    twice = [Phone(client, city, text=phone.text, path=phone.path) for _ in range(2)]
    await asyncio.gather(*(copy.submit(email="ann@example.org") for copy in twice))
    assert {copy.page for copy in twice} == {"code"}
    assert await rows(city, verification_codes) == 1
    code = newest_code(city)
    await asyncio.gather(*(copy.submit(code=code) for copy in twice))
    assert all(copy.path.startswith(LOG_ON) for copy in twice)
    for table in (residents, devices, one_time_tokens):
        assert await rows(city, table) == 1


async def test_two_tabs_that_arrive_at_once_share_one_journey(client: Client, city: City) -> None:
    tabs = [Phone(client, city) for _ in range(4)]
    await asyncio.gather(*(tab.arrive() for tab in tabs))
    assert len({tab.path for tab in tabs}) == 1
    assert await rows(city, journeys) == 1
    await tabs[0].submit(way="email", accept_terms="yes")
    await tabs[1].submit(way="click", accept_terms="yes")
    assert tabs[1].path.startswith(LOG_ON)
    await tabs[0].submit(email="ann@example.org")
    assert tabs[0].page == "waiting"


async def test_the_back_button_leads_to_an_earlier_step_and_on_from_there(phone: Phone, city: City) -> None:
    await phone.arrive()
    start = phone.path
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.get(start)
    assert phone.page == "start"
    await phone.submit(way="click", accept_terms="yes")
    assert phone.path.startswith(LOG_ON)
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents.c.contact_kind))).scalar_one() == "none"


async def test_going_back_after_the_grant_shows_that_one_is_online(phone: Phone, city: City) -> None:
    await phone.arrive()
    start, form = phone.path, phone.text
    await phone.submit(way="click", accept_terms="yes")
    await phone.arrive(res="success", challenge=None)
    await start_session(city, user_name=(await token_names(city))[0])
    await phone.get(phone.path)
    for _ in range(2):
        await phone.get(phone.path)
        assert phone.page == "online"
    await phone.get(start)
    assert phone.page == "online"
    phone.text = form
    await phone.submit(way="click", accept_terms="yes")
    assert phone.page == "online"
    assert len(await token_names(city)) == 1


async def test_reloading_the_redirect_after_the_release_waits_for_the_same_release(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    await phone.arrive()
    assert phone.page == "waiting"
    await phone.post(phone.path.replace("waiting", "start"))
    assert phone.path.startswith(LOG_ON)
    async with city.database.write() as connection:
        await connection.execute(update(one_time_tokens).values(uses=1))
    await phone.arrive(res="already", challenge=None)
    assert phone.page == "waiting"


async def test_no_address_holds_anything_personal(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    for path in (phone.path,):
        assert "ann" not in path
        assert "00-00-5E" not in path
    await phone.submit(code=newest_code(city))
    assert "ann" not in phone.path


async def test_what_a_stolen_database_shows_of_a_journey_is_nothing(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    path_id = phone.path.split("/")[2]
    async with city.database.read() as connection:
        row = (await connection.execute(select(journeys))).one()
    stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    for private in (path_id.encode(), b"ann@example.org", b"00-00-5E-00-53-01", b"00005e005301"):
        assert private not in stored
