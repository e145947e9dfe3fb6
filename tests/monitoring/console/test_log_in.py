"""Engineers log in as all staff do, and each sees what belongs to their councils."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import insert, select, update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    accounting_restarts,
    audit_events,
    councils,
    network_access_servers,
    staff_accounts,
    staff_sessions,
    texts_sent,
    venues,
)
from foundation.settings import MonitoringSettings, Settings
from foundation.staff import Role
from monitoring.console import disconnection
from monitoring.console.site import make_console_app
from radius.authentication.outcome import RejectReason
from radius.dynamic_authorization import Outcome, Result
from radius.storage.journals import Journals
from tests.monitoring.city import City
from tests.support.staff import Account, add_staff

Client = TestClient[web.Request, web.Application]
ClientMaker = Callable[..., Awaitable[Client]]
URL = "http://wifi.example:8090"


@pytest.fixture
async def settings(tmp_path: object) -> Settings:
    return Settings(data_directory=tmp_path, monitoring=MonitoringSettings(public_url=URL))  # type: ignore[arg-type]


@pytest.fixture
async def client(aiohttp_client: ClientMaker, city: City, keyring: Keyring, settings: Settings) -> Client:
    return await aiohttp_client(make_console_app(Runtime(settings, city.database, keyring)))


@pytest.fixture
async def engineer(city: City, keyring: Keyring) -> Account:
    return await add_staff(city.database, keyring, "engineer", [city.council_id], Role.ENGINEER)


async def log_in(client: Client, account: Account) -> str:
    """The first page that they see."""
    async with client.post("/console/log-in", data=account.log_in()) as response:
        assert (response.status, response.url.path) == (200, "/console")
        return await response.text()


def token_in(page: str) -> str:
    found = re.search(r'name="form_token" value="(\w+)"', page)
    assert found is not None
    return found[1]


async def elsewhere(database: Database, keyring: Keyring) -> tuple[int, int]:
    """Birmingham with a library, a gateway that restarted, a session and texts; the council and the session."""
    city = City(database, 0, 0, [], [])
    now = datetime.now(UTC)
    city.council_id = await city.insert(councils, code="E08000025", name="Birmingham", created_at=now)
    city.nas_id = await city.insert(
        network_access_servers, council_id=city.council_id, name="Selly Oak", network="127.10.0.2/32",
        vendor="coovachilli", secret_encrypted=keyring.encrypt("nas secret", b"a long random one"), created_at=now,
        updated_at=now, dynamic_authorization_host="127.0.0.1", dynamic_authorization_port=3799,
    )  # fmt: skip
    city.venue_ids.append(
        await city.insert(
            venues, council_id=city.council_id, source="test", reference="x", name="Selly Oak library",
            created_at=now, updated_at=now,
        )
    )  # fmt: skip
    await city.insert(
        accounting_restarts, council_id=city.council_id, nas_id=city.nas_id, nas_identifier="", restarted_at=now
    )
    await city.add_reject(now, RejectReason.WRONG_PASSWORD.explanation)
    session_id = await city.add_session(now - timedelta(minutes=5), 60, is_open=True)
    async with database.write() as connection:
        await connection.execute(
            insert(texts_sent).values(council_id=city.council_id, month=f"{now:%Y-%m}", segments=999_999)
        )
    return city.venue_ids[0], session_id


async def test_an_engineer_logs_in_with_password_and_code(client: Client, engineer: Account) -> None:
    async with client.get("/console") as response:
        assert (response.url.path, response.status) == ("/console/log-in", 200)
    page = await log_in(client, engineer)
    assert "Foleshill library" in page
    assert "<p>engineer · <a " in page
    assert "Somebody else made your password" not in page


async def test_a_wrong_password_says_nothing_of_what_is_wrong(client: Client, engineer: Account) -> None:
    async with client.post("/console/log-in", data=engineer.log_in("wrong password")) as response:
        assert response.status == 422
        page = await response.text()
    assert "Name, password or code is wrong" in page
    assert "wrong password" not in page
    assert "Set-Cookie" not in response.headers


async def test_whoever_is_no_engineer_is_not_let_in_and_not_logged_in(
    client: Client, city: City, keyring: Keyring
) -> None:
    helper = await add_staff(city.database, keyring, "desk", [city.council_id], Role.HELPER, Role.MANAGER)
    async with client.post("/console/log-in", data=helper.log_in()) as response:
        assert response.status == 422
        assert "not an engineer" in await response.text()
    async with city.database.read() as connection:
        assert (await connection.execute(select(staff_sessions))).all() == []


async def test_a_role_that_is_taken_away_is_gone_at_once(client: Client, city: City, engineer: Account) -> None:
    await log_in(client, engineer)
    async with city.database.write() as connection:
        await connection.execute(update(staff_accounts).values(disabled_at=datetime.now(UTC)))
    async with client.get("/console") as response:
        assert response.url.path == "/console/log-in"


async def test_the_cookie_is_for_the_console_only_and_no_script_reads_it(client: Client, engineer: Account) -> None:
    async with client.post("/console/log-in", data=engineer.log_in(), allow_redirects=False) as response:
        cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("citywifi-console=")
    assert {"HttpOnly", "Path=/console", "SameSite=Strict", "Max-Age=36000"} <= set(cookie.split("; "))


async def test_by_https_the_cookie_goes_nowhere_else(
    aiohttp_client: ClientMaker, city: City, keyring: Keyring, engineer: Account
) -> None:
    settings = Settings(monitoring=MonitoringSettings(public_url="https://console.example"))
    client = await aiohttp_client(make_console_app(Runtime(settings, city.database, keyring)))
    async with client.post("/console/log-in", data=engineer.log_in(), allow_redirects=False) as response:
        (cookie,) = SimpleCookie(response.headers["Set-Cookie"]).values()
    assert (cookie.key, cookie["secure"]) == ("__Secure-citywifi-console", True)
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_logging_out_ends_it_on_the_server(client: Client, city: City, engineer: Account) -> None:
    page = await log_in(client, engineer)
    async with client.post("/console/log-out", data={"form_token": token_in(page)}) as response:
        assert response.url.path == "/console/log-in"
    async with city.database.read() as connection:
        assert (await connection.execute(select(staff_sessions))).all() == []


async def test_an_engineer_sees_their_own_councils_and_no_other(
    client: Client, city: City, keyring: Keyring, engineer: Account
) -> None:
    venue_id, _session_id = await elsewhere(city.database, keyring)
    page = await log_in(client, engineer)
    assert "Selly Oak" not in page
    assert "E08000025" not in page
    assert "<dt>Sessions now</dt><dd>0</dd>" in page
    assert '<dd class="second">0 rejected</dd>' in page
    async with client.get(f"/console/venues/{venue_id}") as response:
        assert response.status == 404
    both = await add_staff(city.database, keyring, "both", [city.council_id, city.council_id + 1], Role.ENGINEER)
    page = await log_in(client, both)
    assert "Selly Oak library" in page
    assert "E08000025" in page
    assert "<dt>Sessions now</dt><dd>1</dd>" in page


async def test_a_session_of_another_council_cannot_be_ended(
    client: Client, city: City, keyring: Keyring, engineer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    _venue_id, session_id = await elsewhere(city.database, keyring)
    monkeypatch.delattr(disconnection, "disconnect_session")
    form = {"form_token": token_in(await log_in(client, engineer))}
    async with client.post(f"/console/sessions/{session_id}/end", data=form) as response:
        assert response.status == 404


async def test_who_ended_a_session_is_written_down(
    client: Client, city: City, engineer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def disconnect(*_arguments: object) -> Outcome:
        return Outcome(Result.DISCONNECTED, "ended")

    monkeypatch.setattr(disconnection, "disconnect_session", disconnect)
    session_id = await city.add_session(datetime.now(UTC) - timedelta(minutes=5), 60, is_open=True)
    form = {"form_token": token_in(await log_in(client, engineer))}
    async with client.post(f"/console/sessions/{session_id}/end", data=form) as response:
        assert "ended the session" in await response.text()
    async with city.database.read() as connection:
        (event,) = (await connection.execute(select(audit_events))).all()
        account_id = (await connection.execute(select(staff_accounts.c.id))).scalar_one()
    assert (event.actor, event.action, event.subject) == (
        f"staff {account_id}", "end session", f"session {session_id}"
    )  # fmt: skip
    assert event.council_id == city.council_id


async def test_a_form_of_another_log_in_does_nothing(client: Client, city: City, engineer: Account) -> None:
    await log_in(client, engineer)
    async with client.post("/console/log-out", data={"form_token": "0" * 32}) as response:
        assert response.status == 403
    async with client.post(
        "/console/log-out", data=b"\xff", headers={"Content-Type": "multipart/form-data"}
    ) as response:
        assert response.status == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "[::1]:8090", "LOCALHOST:80"])
async def test_the_demos_console_is_open_to_this_machine(
    aiohttp_client: ClientMaker, city: City, keyring: Keyring, host: str
) -> None:
    client = await aiohttp_client(make_console_app(Runtime(Settings(demo=True), city.database, keyring)))
    async with client.get("/console", headers={"Host": host}) as response:
        assert response.status == 200
        assert "Log out" not in await response.text()


@pytest.mark.parametrize(
    ("remote", "host"), [("192.0.2.7", "127.0.0.1"), (None, "localhost"), ("127.0.0.1", "evil.example")]
)
async def test_the_demos_console_is_open_to_nobody_else(
    aiohttp_client: ClientMaker, city: City, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, remote: str, host: str
) -> None:
    client = await aiohttp_client(make_console_app(Runtime(Settings(demo=True), city.database, keyring)))
    monkeypatch.setattr(web.BaseRequest, "remote", remote)
    async with client.get("/console", headers={"Host": host}) as response:
        assert response.status == 403


def _is_away(_database: Database) -> None:
    raise ConnectionRefusedError


async def test_without_the_database_engineers_who_were_here_are_told_what_waits_and_others_are_not(
    aiohttp_client: ClientMaker,
    city: City,
    keyring: Keyring,
    settings: Settings,
    engineer: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journals = Journals.of(settings, keyring, "accounting")
    journals.append([b"a record"] * 7, (datetime.now(UTC) - timedelta(minutes=5)).timestamp())
    app = make_console_app(Runtime(settings, city.database, keyring))
    known, stranger = await aiohttp_client(app), await aiohttp_client(app)
    await log_in(known, engineer)
    monkeypatch.setattr(Database, "short_read", _is_away)
    async with known.get("/console") as response:
        assert response.status == 503
        assert "wait in the journal" in await response.text()
    async with stranger.get("/console") as response:
        assert response.status == 503
        assert "journal" not in await response.text()
    journals.close()
