from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from foundation.database import DatabaseHealth
from foundation.schema import access_points, councils, venues
from tests.captive_portal.api.conftest import Program
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import City

# A Monday at half past nine in London, in winter.
MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


async def change(city: City, **values: object) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(venues).where(venues.c.id == city.venue_id).values(**values))


async def add_venues(city: City, number: int, **values: object) -> None:
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        for each in range(number):
            common = {"council_id": city.council_id, "source": "more", "created_at": now, "updated_at": now}
            await connection.execute(
                venues.insert().values(**{**common, "reference": str(each), "name": f"Hall {each}", **values})
            )


async def test_a_venue_is_told_with_where_it_is_and_how_one_gets_in(anybody: Program, city: City) -> None:
    hours = {"monday": ["09:00-17:00"]}
    await change(city, opening_hours=hours, postcode="CV1 1FY", latitude=52.408, longitude=-1.506, kind="library")
    await offer(city, "staff,click")
    answer = await anybody.ask("GET", f"/venues/{city.venue_id}")
    assert answer.status == 200
    assert answer.body | {"open_now": None, "wifi": ""} == {
        "id": city.venue_id,
        "council": "E08000026",
        "name": "Central Library",
        "kind": "library",
        "status": "open",
        "open_now": None,
        "wifi": "",
        "opening_hours": hours,
        "time_zone": "Europe/London",
        "address": None,
        "postcode": "CV1 1FY",
        "latitude": 52.408,
        "longitude": -1.506,
        "ways_in": ["staff", "click"],
    }


@pytest.mark.parametrize(
    ("hours", "status", "expected"),
    [
        ({"monday": ["09:00-17:00"]}, "open", True),
        ({"monday": ["10:00-17:00"]}, "open", False),
        ({"monday": ["09:00-17:00"]}, "closed", False),
        (None, "open", None),
    ],
    ids=["open", "before its hours", "given up", "hours not known"],
)
async def test_open_now_is_by_the_hours_and_only_of_a_venue_that_there_is(
    anybody: Program,
    city: City,
    monkeypatch: pytest.MonkeyPatch,
    hours: dict[str, list[str]] | None,
    status: str,
    expected: bool | None,
) -> None:
    monkeypatch.setattr("captive_portal.api.operations.clock", lambda: MONDAY)
    await change(city, opening_hours=hours, status=status)
    assert (await anybody.ask("GET", f"/venues/{city.venue_id}")).body["open_now"] is expected


@pytest.mark.parametrize(
    ("heard_ago", "expected"),
    [(timedelta(minutes=5), "working"), (timedelta(hours=2), "silent"), (None, "unknown")],
    ids=["lately", "hours ago", "never"],
)
async def test_the_wifi_of_a_venue_works_where_an_access_point_was_heard_of_lately(
    anybody: Program, city: City, heard_ago: timedelta | None, expected: str
) -> None:
    heard_at = None if heard_ago is None else datetime.now(UTC) - heard_ago
    async with city.database.write() as connection:
        await connection.execute(update(access_points).values(last_heard_at=heard_at))
    assert (await anybody.ask("GET", f"/venues/{city.venue_id}")).body["wifi"] == expected


async def test_a_list_is_read_page_by_page(anybody: Program, city: City) -> None:
    await add_venues(city, 4)
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        answer = await anybody.ask("GET", "/venues", params={"limit": 2, "after": after})
        seen += [venue["name"] for venue in answer.body["venues"]]
        after = answer.body["next"]
    assert seen == ["Central Library", "Hall 0", "Hall 1", "Hall 2", "Hall 3"]


async def test_a_list_can_be_of_one_council_and_of_one_status(anybody: Program, city: City) -> None:
    async with city.database.write() as connection:
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        added = await connection.execute(councils.insert().values(other).returning(councils.c.id))
    await add_venues(city, 1, council_id=added.scalar_one(), status="planned")
    listed = await anybody.ask("GET", "/councils")
    assert [council["name"] for council in listed.body["councils"]] == ["Birmingham", "Coventry"]
    for query, names in (
        ({"council": "E08000025"}, ["Hall 0"]),
        ({"status": "open"}, ["Central Library"]),
        ({"council": "E08000026", "status": "planned"}, []),
        ({"council": "X1"}, []),
    ):
        answer = await anybody.ask("GET", "/venues", params=query)
        assert [venue["name"] for venue in answer.body["venues"]] == names


async def test_pages_of_other_sites_may_read_it_and_whoever_is_in_between_keeps_it_a_minute(
    anybody: Program, city: City
) -> None:
    headers = (await anybody.ask("GET", "/venues")).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Cache-Control"] == "public, max-age=60"
    missing = await anybody.ask("GET", "/venues/999")
    assert missing.problem == "not-found"
    assert missing.headers["Access-Control-Allow-Origin"] == "*"
    assert missing.headers["Cache-Control"] == "no-store"


async def test_status_says_that_the_service_works(anybody: Program) -> None:
    answer = await anybody.ask("GET", "/status")
    assert answer.status == 200
    assert datetime.fromisoformat(answer.body["time"]).tzinfo is not None
    assert answer.body["database_seconds"] >= 0


async def test_status_says_when_to_come_again_while_the_database_is_away(
    anybody: Program, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_self: object) -> DatabaseHealth:
        return DatabaseHealth(False, "", 0.0, 0.0)

    monkeypatch.setattr(type(city.database), "health", away)
    answer = await anybody.ask("GET", "/status")
    assert (answer.problem, answer.status, answer.headers["Retry-After"]) == ("unavailable", 503, "10")
