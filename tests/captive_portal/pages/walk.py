"""Ways through the portal that lead to every page; what is seen on them is kept by the page's name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from aiohttp import web

from captive_portal.gateways.base import BrowserForm
from captive_portal.information_rights.marketing import stop_token
from captive_portal.pages.common import RUNTIME, open_visit, perform
from captive_portal.pages.staff import access
from foundation.arrival_tokens import ArrivalToken, seal
from foundation.mac_address import MacAddress
from foundation.schema import councils, staff_roles, terms_versions
from foundation.staff import Role
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import (
    PORTAL_URL,
    City,
    Client,
    Phone,
    newest_code,
    redirect,
    start_session,
    token_names,
)
from tests.captive_portal.pages.staff.test_desk import Desk
from tests.captive_portal.pages.staff.test_essentials import account
from tests.captive_portal.pages.test_requests import ask as ask_for_data

INFORMATION = ("terms", "privacy", "accessibility", "easy-terms", "easy-privacy")
ON_A_JOURNEY = ("status", "check", "report", "report?sent=yes", "carry-on", "secure", "requests", "essentials")
# They lead nowhere: what was there is gone, or never was.
NOWHERE = (f"/j/{'a' * 24}/start", "/go/abcd-efgh-jkmn", "/secure/abcd-efgh-jkmn", "/nothing")
OPEN_API = "open api"


def is_in_english_alone(name: str) -> bool:
    """What only staff and programmers see."""
    return name == OPEN_API or (name.startswith("staff") and name != "staff log-in")


async def visit_the_whole_way(phone: Phone, city: City, number: int) -> dict[str, str]:
    """Walk the whole way by email, with each mistake on it; the pages by name."""
    mac = f"00-00-5E-00-53-{number:02X}"
    pages: dict[str, str] = {}

    def keep(name: str) -> None:
        pages[name] = phone.text

    await phone.arrive(mac=mac)
    keep("start")
    await phone.submit()
    keep("start with errors")
    await phone.submit(way="email", accept_terms="yes", remember_device="yes")
    keep("email")
    await phone.submit(email="nobody")
    keep("email with error")
    await phone.submit(email="ann@example.org")
    keep("code")
    await phone.submit(code="12")
    keep("code with error")
    await phone.submit(code=newest_code(city))
    await phone.arrive(mac=mac, res="failed", reason="reject")
    keep("failed")
    await phone.submit()
    await phone.arrive(mac=mac)
    await phone.arrive(mac=mac, res="success", challenge=None)
    keep("waiting")
    await start_session(city, user_name=(await token_names(city))[-1])
    await phone.get(phone.path)
    keep("online")
    journey = phone.path.rpartition("/")[0]
    for name in ON_A_JOURNEY:
        await phone.get(f"{journey}/{name}")
        keep(name)
    await phone.get(f"{journey}/secure")
    await phone.submit()
    keep("user name for the secure network")
    await phone.get(f"/test{journey}")
    keep("hand over")
    await phone.get(venue_address(city, mac))
    keep("venue")
    await phone.get(f"{journey}/data")
    keep("data before the code")
    await phone.submit()
    keep("data code")
    await phone.submit(code=newest_code(city))
    await phone.get(f"{journey}/data")
    keep("data")
    for name in ("data/delete", "data/token", "news"):
        await phone.get(f"{journey}/{name}")
        keep(name)
    for topic in INFORMATION:
        await phone.get(f"{journey}/{topic}")
        keep(topic)
    await phone.arrive(mac=mac, res="logoff", challenge=None)
    keep("ended")
    await phone.arrive(mac=mac)
    keep("connect")
    for path in ("/", "/terms", "/privacy", "/accessibility", "/demo/outbox", *NOWHERE):
        await phone.get(path)
        keep(path)
    await phone.get(venue_address(city, "00-00-5E-00-53-77"))
    keep("venue before login")
    await phone.arrive(mac="nonsense")
    keep("refused")
    return pages


async def visit_other_ways(phone: Phone, city: City, number: int) -> dict[str, str]:
    """The pages of a venue that offers texts, codes on paper and help; staff's own first page."""
    pages: dict[str, str] = {}

    def keep(name: str) -> None:
        pages[name] = phone.text

    await offer(city, "sms,code,sponsor,staff")
    await phone.arrive(mac=f"00-00-5E-00-53-{number + 0x80:02X}")
    keep("start with other ways")
    await phone.submit(way="code", accept_terms="yes")
    keep("voucher")
    await phone.submit(code="hippopotamus")
    keep("voucher with error")
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/pictures")
    await phone.submit(picture="3")
    keep("pictures")
    await phone.get(f"{journey}/start")
    await phone.submit(way="sms", accept_terms="yes")
    keep("phone")
    await phone.submit(phone="1")
    keep("phone with error")
    await phone.submit(phone="07400 123456")
    keep("code by text")
    await phone.get(f"{journey}/start")
    await phone.submit(way="staff", accept_terms="yes")
    keep("help")
    await phone.get("/staff/log-in")
    keep("staff log-in")
    await offer(city, "click,email")
    return pages


def venue_address(city: City, mac: str) -> str:
    """The page of the captive portal API's ``venue-info-url`` for a device."""
    expires = datetime.now(UTC) + timedelta(hours=1)
    token = ArrivalToken(nas_id=city.nas_id, device=MacAddress.parse(mac), expires_at=expires)
    return f"/r/{seal(city.runtime.keyring, token)}/venue"


async def visit_the_council(phone: Phone, city: City, contact: str) -> dict[str, str]:
    """Pages for somebody without a journey: a request and what becomes of it, numbers that are published, news."""
    pages: dict[str, str] = {}

    def keep(name: str) -> None:
        pages[name] = phone.text

    await phone.get("/councils/E08000026/requests")
    await phone.submit(kind="access", contact="nobody")
    keep("request with error")
    await phone.submit(kind="access", contact=contact)
    keep("request")
    await phone.submit(code=newest_code(city))
    keep("request whose contact is proved")
    for path in ("disclosures", "essentials"):
        await phone.get(f"/councils/E08000026/{path}")
        keep(f"{path} of a council")
    await phone.get(f"/news/stop/{stop_token(city.runtime.keyring, 1)}")
    keep("stop news")
    await phone.submit()
    keep("news stopped")
    return pages


async def visit_an_unready_city(phone: Phone, number: int) -> dict[str, str]:
    """Without terms, and with a second council to choose from."""
    await phone.arrive(mac=f"00-00-5E-00-53-{number:02X}")
    no_terms = phone.text
    await phone.get("/terms")
    return {"no terms": no_terms, "councils": phone.text}


async def make_unready(city: City) -> None:
    """For the pages that follow."""
    async with city.database.write() as connection:
        await connection.execute(terms_versions.delete())
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        await connection.execute(councils.insert().values(other))


async def hand_over(request: web.Request) -> web.Response:
    """As for a gateway that wants a form posted, in the clear."""
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, datetime.now(UTC))
    return perform(request, BrowserForm("http://10.9.9.9/login", {"username": "tabc"}), visit)


async def visit_staff(client: Client, city: City, phone: Phone) -> dict[str, str]:
    """Staff's pages, which are in English, by somebody with every role."""
    pages: dict[str, str] = {}
    staff = Desk(client, await account(city, Role.HELPER, city.council_id))
    async with city.database.write() as connection:
        for role in set(Role) - {Role.HELPER}:
            row = {"account_id": 1, "council_id": city.council_id, "role": role.value}
            await connection.execute(staff_roles.insert().values(row))
    await offer(city, "click,staff")
    await phone.arrive()
    await phone.submit(way="staff", accept_terms="yes")
    await ask_for_data(phone)
    await staff.log_in()
    pages["staff"] = staff.page
    await staff.post("/staff/let-on", number="0")
    pages["staff with error"] = staff.page
    for section in access.SECTIONS:
        await staff.get(section.path)
        assert staff.status == 200, section.path
        pages[f"staff: {section.title}"] = staff.page
    await staff.get("/staff/laboratory")
    await staff.post("/staff/laboratory", url=PORTAL_URL + redirect(), what="play")
    pages["staff laboratory with a play"] = staff.page
    await staff.get(f"/staff/laboratory/gateways/{city.nas_id}")
    pages["staff gateway"] = staff.page
    await staff.get("/staff/password")
    await staff.post("/staff/password", current="", new="")
    pages["staff password with error"] = staff.page
    await staff.get("/staff/accounts/1")
    pages["staff account"] = staff.page
    await staff.post("/staff/accounts", user_name="newcomer", **{f"role-{city.council_id}-helper": "yes"})
    pages["staff account's secrets"] = staff.page
    await staff.get("/staff/requests")
    request = re.search(r'"(/staff/requests/[^"]+)">', staff.page)
    assert request is not None
    await staff.get(request[1])
    pages["staff request"] = staff.page
    await phone.get("/api/v1/")
    pages[OPEN_API] = phone.text
    return pages
