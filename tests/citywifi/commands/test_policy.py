"""`citywifi policy`, on the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from citywifi.cli import app
from citywifi.errors import CommandError
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import audit_events, councils, installation, policies, venues
from tests.radius.support import build_city, insert, rows

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def run(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in an installation with a council, and its Central Library of reference 1."""
    database = Database(sqlite_url)
    await build_city(database, Keyring.demo())
    async with database.write() as connection:
        fingerprint = Keyring.demo().fingerprint
        await connection.execute(installation.insert().values(name="key_fingerprint", value=fingerprint))
    await database.close()
    monkeypatch.setenv("CITYWIFI_DEMO", "true")
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("COLUMNS", "300")

    async def invoke(*arguments: str) -> Result:
        # In a thread, because the command has an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, app, ["policy", *arguments])

    return invoke


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def refused(result: Result) -> str:
    assert isinstance(result.exception, CommandError), result.output
    return str(result.exception)


async def test_what_is_set_stands_in_the_database_and_in_the_audit(run: Run, database: Database) -> None:
    made = await run(
        *("set", "--venue", "1", "--network", "CityWiFi", "--group", "staff", "--session-time", "4h"),
        *("--idle-time", "10min", "--daily-time", "8h", "--daily-data", "2GB", "--download", "10Mbit/s"),
        *("--upload", "2Mbit/s", "--devices", "3", "--open", "08:00-22:00", "--vlan", "20", "--filter", "guests"),
    )
    assert "made the policy for group staff, network CityWiFi, Central Library" in said(made)
    assert "nobody is in the group staff yet" in said(made)
    (row,) = await rows(database, policies)
    assert (row.venue_id, row.network_name, row.group_name) == (1, "CityWiFi", "staff")
    assert (row.opens_at, row.closes_at, row.session_seconds, row.idle_seconds) == ("08:00", "22:00", 14_400, 600)
    assert (row.daily_seconds, row.daily_octets, row.simultaneous_devices) == (28_800, 2 * 10**9, 3)
    assert (row.download_kilobits_per_second, row.upload_kilobits_per_second) == (10_000, 2_000)
    assert (row.vlan, row.filter_name) == (20, "guests")
    (event,) = await rows(database, audit_events)
    assert (event.actor, event.action, event.council_id) == ("command line", "set policy", 1)
    assert event.subject == "group staff, network CityWiFi, Central Library"
    assert event.detail["vlan"] == 20


async def test_a_second_time_only_what_is_written_changes(run: Run, database: Database) -> None:
    await run("set", "--session-time", "4h", "--vlan", "20", "--open", "08:00-22:00")
    (before,) = await rows(database, policies)
    assert "changed the policy for all of Coventry" in said(await run("set", "--vlan", "30", "--open", "inherit"))
    (row,) = await rows(database, policies)
    assert (row.session_seconds, row.vlan, row.opens_at, row.closes_at) == (14_400, 30, None, None)
    assert row.updated_at > before.updated_at


async def test_the_list_has_what_each_policy_says_and_what_it_inherits(run: Run) -> None:
    assert "all of Coventry (session 4h), (idle 15m)" in said(await run("list"))
    await run("set", "--session-time", "2h", "--daily-data", "2GB")
    await run("set", "--group", "staff", "--daily-data", "none", "--vlan", "20")
    lines = (await run("list")).output.splitlines()
    assert "session 2h, (idle 15m), data a day 2GB, (download 10Mbit/s)" in lines[1]
    assert lines[2].startswith("group staff")
    assert "(session 2h), (idle 15m), data a day none" in lines[2]
    assert "VLAN 20" in lines[2]


async def test_the_list_as_json_has_plain_numbers(run: Run) -> None:
    await run("set", "--venue", "Central Library", "--session-time", "2h", "--open", "08:00-22:00")
    (policy,) = json.loads((await run("list", "--json")).output)
    assert (policy["venue"], policy["network"], policy["group"]) == ("Central Library", "", "")
    assert (policy["says"]["session_seconds"], policy["says"]["idle_seconds"]) == (7200, None)
    assert (policy["in_force"]["idle_seconds"], policy["in_force"]["opening"]) == (900, "08:00-22:00")


async def test_show_tells_which_limit_comes_from_where(run: Run) -> None:
    await run("set", "--session-time", "2h")
    await run("set", "--venue", "1", "--vlan", "20")
    await run("set", "--group", "staff", "--devices", "5")
    shown = said(await run("show", "--venue", "1", "--group", "staff", "--network", "CityWiFi"))
    assert "In force for group staff, network CityWiFi, Central Library:" in shown
    assert "session 2h from the policy for all of Coventry" in shown
    assert "idle 15m from the setting radius.idle_timeout_seconds" in shown
    assert "VLAN 20 from the policy for Central Library" in shown
    assert "devices 5 from the policy for group staff" in shown
    assert "time a day none no policy says anything" in shown


async def test_show_has_the_attributes_that_a_vendor_would_get(run: Run) -> None:
    await run("set", "--download", "10Mbit/s", "--upload", "2Mbit/s", "--daily-data", "5GB", "--filter", "guests")
    mikrotik = said(await run("show", "--vendor", "mikrotik"))
    assert "Session-Timeout = 14400" in mikrotik
    assert 'Mikrotik-Rate-Limit = "2000k/10000k"' in mikrotik
    assert "Mikrotik-Total-Limit = 705032704 Mikrotik-Total-Limit-Gigawords = 1" in mikrotik
    assert 'Mikrotik-Address-List = "guests"' in mikrotik
    cisco = said(await run("show", "--vendor", "cisco"))
    assert "Airespace-Data-Bandwidth-Average-Contract-Upstream = 2000" in cisco
    assert "It cannot be told of daily data" in cisco
    assert "nothing, because it speaks no RADIUS" in said(await run("show", "--vendor", "opennds"))
    assert "'netgear' is no vendor that is known; there are coovachilli" in refused(
        await run("show", "--vendor", "netgear")
    )


async def test_show_says_when_the_place_is_closed(run: Run) -> None:
    now = datetime.now(UTC)
    closed = f"{(now.hour + 3) % 24:02}:00-{(now.hour + 4) % 24:02}:00"
    await run("set", "--open", closed)
    shown = said(await run("show", "--vendor", "hostapd"))
    assert "At this moment nobody is let on: the network is closed at this time of day" in shown
    assert "Session-Timeout = 14400" in shown


async def test_remove_removes_exactly_one(run: Run, database: Database) -> None:
    await run("set", "--vlan", "20")
    await run("set", "--network", "CityWiFi", "--vlan", "30")
    assert "removed the policy for all of Coventry" in said(await run("remove"))
    assert [row.network_name for row in await rows(database, policies)] == ["CityWiFi"]
    assert refused(await run("remove")) == "there is no policy for all of Coventry; see: citywifi policy list"
    assert [event.action for event in await rows(database, audit_events)][-1] == "remove policy"


async def test_a_venue_that_is_not_known_or_not_clear_is_refused(run: Run, database: Database) -> None:
    assert "there is no venue 'Nowhere'" in refused(await run("set", "--venue", "Nowhere", "--vlan", "20"))
    now = datetime.now(UTC)
    twin = {"source": "parks", "reference": "1", "name": "War Memorial Park", "created_at": now, "updated_at": now}
    await insert(database, venues, council_id=1, **twin)
    unclear = refused(await run("set", "--venue", "1", "--vlan", "20"))
    assert "2 venues are called '1'" in unclear
    assert "parks:1 (War Memorial Park)" in unclear
    assert "War Memorial Park" in said(await run("set", "--venue", "parks:1", "--vlan", "20"))


async def test_with_several_councils_one_must_be_named(run: Run, database: Database) -> None:
    now = datetime.now(UTC)
    await insert(database, councils, code="E08000025", name="Birmingham", created_at=now)
    assert "several councils" in str((await run("set", "--vlan", "20")).exception)
    assert "all of Birmingham" in said(await run("set", "--council", "E08000025", "--vlan", "20"))
    async with database.read() as connection:
        owner = (await connection.execute(select(policies.c.council_id))).scalar_one()
    assert owner == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give at least one limit"),
        (["--download", "10MB/s"], "counts bytes"),
        (["--network", "x" * 33, "--vlan", "20"], "at most 32 octets"),
        (["--group", "x" * 65, "--vlan", "20"], "at most 64 characters"),
    ],
)
async def test_what_cannot_be_set_is_refused_in_one_sentence(run: Run, arguments: list[str], reason: str) -> None:
    assert reason in refused(await run("set", *arguments))
