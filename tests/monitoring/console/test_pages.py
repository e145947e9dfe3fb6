from __future__ import annotations

import csv
import io
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import select, update

from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.problem_reports import seal_text
from foundation.runtime import Runtime
from foundation.schema import audit_events, problem_reports, venues
from foundation.settings import Settings
from monitoring.console import disconnection
from monitoring.console.site import make_console_app
from monitoring.inclusion.publication import COLUMNS
from radius.authentication.outcome import RejectReason
from radius.dynamic_authorization import Outcome, Result
from radius.storage.journals import Journals
from tests.monitoring.city import IP_ADDRESS, MAC_ADDRESS, USER_NAME, City

Client = TestClient[web.Request, web.Application]
ClientMaker = Callable[..., Awaitable[Client]]
OPEN_PAGES = ["/", "/report", "/report.csv", "/healthz", "/static/console.css", "/console/log-in"]
VOID = {"meta", "link", "input", "br"}


@pytest.fixture
def open_site(aiohttp_client: ClientMaker, city: City, keyring: Keyring) -> Callable[..., Awaitable[Client]]:
    async def open_it(*, demo: bool = True) -> Client:
        runtime = Runtime(Settings(demo=demo), city.database, keyring)
        return await aiohttp_client(make_console_app(runtime))

    return open_it


async def page(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path) as response:
        assert response.status == status
        return await response.text()


def pages_of(city: City) -> list[str]:
    return [*OPEN_PAGES, "/console", *(f"/console/venues/{venue}" for venue in city.venue_ids)]


async def test_no_page_shows_who_anybody_is(busy_city: City, open_site: ClientMaker, keyring: Keyring) -> None:
    address = MacAddress.parse(MAC_ADDRESS)
    spellings = {address.format(separator, upper=upper) for separator in ("-", ":", "") for upper in (True, False)}
    pseudonym = keyring.device_pseudonym(busy_city.council_id, address).hex()
    client = await open_site()
    for path in pages_of(busy_city):
        text = await page(client, path)
        for secret in (*spellings, USER_NAME, IP_ADDRESS, pseudonym):
            assert secret not in text, path


class Checker(HTMLParser):
    """Every element is closed, every table has a caption, every header a scope, every picture a title."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.last_table_has_caption = True
        self.identifiers: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if "id" in named:
            self.identifiers.append(named["id"] or "")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "th" and "scope" not in named:
            self.problems.append("a th without scope")
        if tag == "table":
            self.last_table_has_caption = False
        if tag == "caption":
            self.last_table_has_caption = True
        if tag in {"script", "style"} or any(name.startswith("on") or name == "style" for name in named):
            self.problems.append(f"{tag} with script or style, which the policy forbids")
        if tag == "svg" and (named.get("role") != "img" or "aria-labelledby" not in named):
            self.problems.append("a picture without role and title")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and not self.last_table_has_caption:
            self.problems.append("a table without caption")
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"{tag} closed where it was not open")


async def test_every_page_is_well_formed_and_accessible(busy_city: City, open_site: ClientMaker) -> None:
    client = await open_site()
    for path in pages_of(busy_city):
        if path.endswith((".csv", ".css", "healthz")):
            continue
        text = await page(client, path)
        checker = Checker()
        checker.feed(text)
        assert (checker.problems, checker.open) == ([], []), path
        assert len(checker.identifiers) == len(set(checker.identifiers)), path
        assert text.startswith('<!doctype html>\n<html lang="en">')
        assert text.count("<h1") == 1


async def test_the_console_says_what_is_wrong_and_what_to_do(busy_city: City, open_site: ClientMaker) -> None:
    text = await page(await open_site(), "/console")
    assert "Silent while open: Foleshill 1." in text
    assert "check its uplink and power" in text
    assert "Never heard: Earlsdon 1." in text
    assert RejectReason.WRONG_PASSWORD.explanation in text
    assert "00010203" in text
    assert "Gateway restarted." in text


async def test_a_venues_page_shows_its_sessions_and_log_ins(busy_city: City, open_site: ClientMaker) -> None:
    client = await open_site()
    text = await page(client, f"/console/venues/{busy_city.venue_ids[0]}")
    assert "Foleshill library" in text
    assert text.count("/end") == 1
    assert RejectReason.DEVICE_NOT_REMEMBERED.explanation not in text
    await page(client, "/console/venues/99999", 404)


async def test_the_console_renews_itself_until_it_is_held_still(city: City, open_site: ClientMaker) -> None:
    client = await open_site()
    async with client.get("/console") as response:
        assert response.headers["Refresh"] == "30"
        assert "/console?still=yes" in await response.text()
    async with client.get("/console?still=yes") as response:
        assert "Refresh" not in response.headers


async def test_an_empty_installation_has_pages_too(open_site: ClientMaker, city: City) -> None:
    client = await open_site()
    for path in pages_of(city):
        await page(client, path)


async def test_the_reports_totals_are_on_the_page_and_in_the_file(busy_city: City, open_site: ClientMaker) -> None:
    client = await open_site()
    assert "<dt>Sessions</dt><dd>21</dd>" in await page(client, "/report")
    lines = list(csv.DictReader(io.StringIO(await page(client, "/report.csv"))))
    assert tuple(lines[0]) == COLUMNS
    assert lines[-1]["sessions"] == "21"
    async with client.get("/report.csv") as response:
        assert response.headers["Content-Disposition"].startswith('attachment; filename="wifi-E08000026-')


async def test_open_data_ends_with_yesterday_and_the_demos_has_today_in_it(
    busy_city: City, open_site: ClientMaker
) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    for demo, expected in ((False, "0"), (True, "21")):
        client = await open_site(demo=demo)
        first = tomorrow - timedelta(days=2)
        text = await page(client, f"/report.csv?from={first - timedelta(days=30)}&to={tomorrow + timedelta(days=9)}")
        total = list(csv.DictReader(io.StringIO(text)))[-1]
        near_midnight = datetime.now(UTC).hour < 1
        assert total["sessions"] == expected or near_midnight


@pytest.mark.parametrize(
    "query",
    ["from=x", "from=2026-13-01", "from=2026-02-01&to=2026-01-01", "from=1990-01-01", "council=E1", "from=2999-01-01"],
)
async def test_a_period_that_makes_no_sense_is_told_in_a_sentence(
    city: City, open_site: ClientMaker, query: str
) -> None:
    client = await open_site()
    assert "cannot be made" in await page(client, f"/report?{query}", 400)
    await page(client, f"/report.csv?{query}", 400)


async def test_what_somebody_types_comes_back_escaped(city: City, open_site: ClientMaker) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(venues).values(name="<script>alert(1)</script>"))
    client = await open_site()
    for path in ("/report?council=<script>", f"/console/venues/{city.venue_ids[0]}", "/console"):
        async with client.get(path) as response:
            assert "<script" not in await response.text()


async def test_a_session_is_ended_only_by_a_form_of_ours_and_that_is_written_down(
    busy_city: City, open_site: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def disconnect(*arguments: object) -> Outcome:
        asked.append(arguments[2])
        return Outcome(Result.DISCONNECTED, "ended")

    monkeypatch.setattr(disconnection, "disconnect_session", disconnect)
    client = await open_site()
    text = await page(client, f"/console/venues/{busy_city.venue_ids[0]}")
    found = re.search(r'action="(/console/sessions/(\d+)/end)".*?name="form_token" value="(\w+)"', text)
    assert found is not None
    for token, headers in ((found[3], {"Origin": "http://evil.example"}), ("0" * 64, {}), ("", {})):
        async with client.post(found[1], data={"form_token": token}, headers=headers) as response:
            assert response.status == 403
    assert asked == []
    async with client.post(found[1], data={"form_token": found[3]}) as response:
        assert response.status == 200
        assert "ended the session" in await response.text()
    assert asked == [int(found[2])]
    async with busy_city.database.read() as connection:
        (event,) = (await connection.execute(select(audit_events))).all()
    assert (event.actor, event.action, event.detail["result"]) == ("staff 0", "end session", "disconnected")


async def test_a_report_is_deleted_only_by_a_form_of_ours_and_that_is_written_down(
    busy_city: City, open_site: ClientMaker, keyring: Keyring
) -> None:
    report_id = await busy_city.insert(
        problem_reports, council_id=busy_city.council_id, nas_id=busy_city.nas_id, venue_id=busy_city.venue_ids[0],
        kind="slow", state="online", finding="working", text_encrypted=seal_text(keyring, "Ask <Ann>"),
        reported_at=datetime.now(UTC),
    )  # fmt: skip
    client = await open_site()
    text = await page(client, f"/console/venues/{busy_city.venue_ids[0]}")
    assert "Ask &lt;Ann&gt;" in text
    found = re.search(rf'action="(/console/reports/{report_id}/delete)".*?name="form_token" value="(\w+)"', text)
    assert found is not None
    async with client.post(found[1], data={"form_token": "0" * 64}) as response:
        assert response.status == 403
    async with client.post(found[1], data={"form_token": found[2]}) as response:
        assert response.status == 200
        assert "Nothing within 7 days." in await response.text()
    async with client.post(found[1], data={"form_token": found[2]}) as response:
        assert response.status == 404
    async with busy_city.database.read() as connection:
        (event,) = (await connection.execute(select(audit_events))).all()
    assert (event.actor, event.action, event.subject) == ("staff 0", "delete report", f"problem report {report_id}")


async def test_without_the_database_there_is_one_clear_sentence(
    aiohttp_client: ClientMaker, keyring: Keyring, free_port: int
) -> None:
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port}/none")
    client = await aiohttp_client(make_console_app(Runtime(Settings(demo=True), away, keyring)))
    assert "citywifi doctor" in await page(client, "/report", 503)
    assert "citywifi doctor" in await page(client, "/console", 503)
    assert "does not answer" in await page(client, "/healthz", 503)
    await away.close()


async def test_without_the_database_engineers_are_told_what_waits_for_it(
    aiohttp_client: ClientMaker, keyring: Keyring, free_port: int, tmp_path: Path
) -> None:
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port}/none")
    settings = Settings(demo=True, data_directory=tmp_path)
    journals = Journals.of(settings, keyring, "accounting")
    journals.append([b"a record"] * 7, (datetime.now(UTC) - timedelta(minutes=5)).timestamp())
    client = await aiohttp_client(make_console_app(Runtime(settings, away, keyring)))
    assert "wait in the journal for the database: 7 " in await page(client, "/console", 503)
    assert "journal" not in await page(client, "/report", 503)
    journals.close()
    await away.close()


async def test_what_waits_in_the_journal_needs_somebody(
    aiohttp_client: ClientMaker, busy_city: City, keyring: Keyring, tmp_path: Path
) -> None:
    settings = Settings(demo=True, data_directory=tmp_path)
    journals = Journals.of(settings, keyring, "accounting")
    journals.append([b"a record"] * 7, (datetime.now(UTC) - timedelta(minutes=5)).timestamp())
    client = await aiohttp_client(make_console_app(Runtime(settings, busy_city.database, keyring)))
    assert "wait in the journal for the database: 7 " in await page(client, "/console")
    journals.close()
