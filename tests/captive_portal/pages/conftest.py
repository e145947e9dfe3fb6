"""Every page of the portal in every language, walked to once for all tests that judge pages."""

from __future__ import annotations

import pytest

from captive_portal.languages import NAMES
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import City, Phone, newest_code, start_session, token_names

INFORMATION = ("terms", "privacy", "accessibility", "easy-terms", "easy-privacy")
_walked: dict[tuple[str, str], str] = {}


@pytest.fixture
async def every_page(phone: Phone, city: City) -> dict[tuple[str, str], str]:
    """HTML by language and name of the page."""
    if not _walked:
        for number, language in enumerate(NAMES, 1):
            phone.headers["Accept-Language"] = language
            pages = await visit_every_page(phone, city, number)
            pages |= await visit_other_ways(phone, city, number)
            _walked.update({(language, name): html for name, html in pages.items()})
            async with city.database.write() as connection:
                for table in ("accounting_sessions", "one_time_tokens", "journeys", "devices", "residents"):
                    await connection.exec_driver_sql(f"DELETE FROM {table}")
    return _walked


async def visit_every_page(phone: Phone, city: City, number: int) -> dict[str, str]:
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
    await phone.get(f"{journey}/status")
    keep("status")
    await phone.get(f"{journey}/data")
    keep("data before the code")
    await phone.submit()
    keep("data code")
    await phone.submit(code=newest_code(city))
    await phone.get(f"{journey}/data")
    keep("data")
    await phone.get(f"{journey}/data/delete")
    keep("data delete")
    for topic in INFORMATION:
        await phone.get(f"{journey}/{topic}")
        keep(topic)
    await phone.arrive(mac=mac, res="logoff", challenge=None)
    keep("ended")
    await phone.arrive(mac=mac)
    keep("connect")
    for path in ("/", "/terms", "/privacy", "/accessibility", "/demo/outbox", "/nothing", f"/j/{'a' * 24}/start"):
        await phone.get(path)
        keep(path)
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
