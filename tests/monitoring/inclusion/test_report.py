from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.retention_job import keep
from foundation.settings import RetentionSettings
from monitoring.inclusion.indicators import (
    Area,
    Council,
    CouncilIndicators,
    Measures,
    NoCouncilError,
    Period,
    PeriodError,
    find_council,
    read_indicators,
)
from monitoring.inclusion.profile import DailyProfile, protect_profile, read_profile
from monitoring.inclusion.report import MEASURES, CouncilReport, Missing, Row, assemble, make_report
from monitoring.usage import roll_up
from tests.monitoring.city import NOW, City

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
COUNCIL = Council(1, "E08000026", "Coventry", "Europe/London")


def row(rows: tuple[Row, ...], name: str) -> Row:
    return next(row for row in rows if row.area.name.startswith(name))


async def report_of(city: City, period: Period = NOVEMBER, threshold: int = 3) -> CouncilReport:
    await roll_up(city.database, NOW)
    return await make_report(city.database, None, period, threshold)


async def test_the_totals_are_the_sessions_that_there_are(any_city: City) -> None:
    people = [await any_city.add_resident(number % 2) for number in range(20)]
    for number, resident in enumerate(people):
        begin = NOW - timedelta(hours=number)
        await any_city.add_session(begin, 1800, venue=number % 2, resident=resident, octets=(10**8, 9 * 10**8))
    made = await report_of(any_city)
    assert [made.total.figure(name) for name in MEASURES] == [20, 20, 20, 10.0, 20.0]
    foleshill, first = row(made.wards, "Foleshill"), row(made.deciles, "1 (")
    assert [foleshill.figure(name) for name in MEASURES] == [10, 10, 10, 5.0, 10.0]
    assert [first.figure(name) for name in MEASURES] == [10, 10, 10, 5.0, 10.0]
    assert [row.area.code for row in made.deciles] == [str(number) for number in range(1, 11)]


async def test_somebody_who_used_two_wards_counts_in_both_and_once_in_the_total(city: City) -> None:
    for resident in [await city.add_resident() for _ in range(6)]:
        await city.add_session(NOW - timedelta(hours=2), venue=0, resident=resident)
        await city.add_session(NOW - timedelta(hours=1), venue=1, resident=resident)
    made = await report_of(city)
    assert [row(made.wards, name).active_users for name in ("Foleshill", "Earlsdon")] == [6, 6]
    assert made.total.active_users == 6


async def test_a_session_of_nobody_known_counts_as_a_session_and_not_as_a_user(city: City) -> None:
    for _ in range(7):
        await city.add_session(NOW)
    made = await report_of(city)
    assert (made.total.sessions, made.total.active_users) == (7, 0)


async def test_a_session_at_no_known_venue_stands_in_a_row_of_its_own(city: City) -> None:
    for resident in [await city.add_resident(None) for _ in range(8)]:
        await city.add_session(NOW, venue=None, resident=resident)
    made = await report_of(city)
    assert row(made.wards, "At no known").sessions == 8
    assert row(made.deciles, "Not known").registrations == 8


async def test_a_day_is_the_councils_day_also_in_summer_time(city: City) -> None:
    # 23:30 UTC on 30 June is half past midnight on 1 July in Coventry.
    for _ in range(5):
        await city.add_session(datetime(2026, 6, 30, 23, 30, tzinfo=UTC), 60)
    assert (await report_of(city, Period(date(2026, 7, 1), date(2026, 7, 2)))).total.sessions == 5
    assert (await report_of(city, Period(date(2026, 6, 30), date(2026, 7, 1)))).total.sessions == 0


async def test_a_row_with_few_users_hides_all_their_use_and_the_other_row_with_it(city: City) -> None:
    few = [await city.add_resident(0) for _ in range(2)]
    many = [await city.add_resident(1) for _ in range(9)]
    for number in range(40):
        await city.add_session(NOW - timedelta(hours=number), venue=0, resident=few[number % 2])
    for resident in many:
        await city.add_session(NOW, venue=1, resident=resident)
    made = await report_of(city, threshold=5)
    for name in ("Foleshill", "Earlsdon"):
        use = [row(made.wards, name).figure(measure) for measure in MEASURES if measure != "registrations"]
        assert use == [Missing.CONFIDENTIAL] * 4
    assert (made.total.active_users, made.total.sessions) == (11, 49)
    assert made.has_confidential_figures


async def test_without_anybody_every_figure_is_an_honest_zero(city: City) -> None:
    made = await report_of(city)
    assert {row.figure(name) for row in (*made.wards, made.total) for name in MEASURES} == {0}
    assert not made.has_confidential_figures


async def test_what_is_no_longer_kept_is_not_available_rather_than_zero(city: City) -> None:
    long_ago = NOW - timedelta(days=200)
    for resident in [await city.add_resident(0, long_ago) for _ in range(9)]:
        await city.add_session(long_ago, resident=resident)
    await roll_up(city.database, NOW)
    await keep(city.database, RetentionSettings(), NOW)
    day = long_ago.date()
    made = await report_of(city, Period(day, day + timedelta(days=1)))
    assert made.total.active_users is Missing.NOT_AVAILABLE
    assert made.total.sessions == 9
    # Whether a ward's use was by enough people can no longer be known.
    assert row(made.wards, "Foleshill").sessions is Missing.NOT_AVAILABLE
    assert made.total.registrations == 9
    assert made.has_unavailable_figures


async def test_a_council_must_be_named_where_it_is_not_there(city: City) -> None:
    async with city.database.read() as connection:
        with pytest.raises(NoCouncilError, match="there are: E08000026"):
            await find_council(connection, "E08000001")


def test_a_period_without_a_day_is_refused() -> None:
    with pytest.raises(PeriodError, match="the day after the last"):
        Period(date(2026, 11, 1), date(2026, 11, 1))


async def test_the_links_between_the_tables_are_the_places(city: City) -> None:
    async with city.database.read() as connection:
        council = await find_council(connection)
        found = await read_indicators(connection, council, NOVEMBER)
    assert found.links == {("E05000000", "1"), ("E05000001", "9"), ("unknown", "unknown")}


people = st.integers(0, 9)
venues = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4), people, people, people), min_size=1, max_size=8)


@given(venues)
def test_no_figure_of_a_report_is_about_few_people(
    found: list[tuple[int, int, int, int, int]],
) -> None:
    """Each venue: ward, decile, registrations, users, sessions more than users; users are distinct people."""
    made = assemble(COUNCIL, NOVEMBER, indicators(found), 5)
    true_wards, true_deciles = (table(found, place) for place in (0, 1))
    for rows, true in ((made.wards, true_wards), (made.deciles, true_deciles)):
        for line in rows:
            measures = true[line.area.code]
            assert isinstance(line.registrations, Missing) or not 0 < line.registrations < 5
            if 0 < (measures.active_users or 0) < 5:
                assert line.sessions is line.hours_online is line.gigabytes is Missing.CONFIDENTIAL
        # Nothing can be worked out by taking the shown rows off the total.
        for name in MEASURES:
            if name != "active_users" and not isinstance(made.total.figure(name), Missing):
                assert sum(line.figure(name) is Missing.CONFIDENTIAL for line in rows) != 1


def table(found: list[tuple[int, int, int, int, int]], place: int) -> dict[str, Measures]:
    by_code: dict[str, Measures] = {}
    for venue in found:
        code = str(venue[place])
        before = by_code.get(code, Measures())
        sessions = venue[3] + (venue[4] if venue[3] else 0)
        by_code[code] = Measures(
            (before.registrations or 0) + venue[2],
            (before.active_users or 0) + venue[3],
            before.sessions + sessions,
            before.session_seconds + 600 * sessions,
            before.octets + 10**9 * sessions,
        )
    return by_code


def indicators(found: list[tuple[int, int, int, int, int]]) -> CouncilIndicators:
    whole = table([(0, 0, *venue[2:]) for venue in found], 0)["0"]
    return CouncilIndicators(
        wards={Area(code, code): measures for code, measures in table(found, 0).items()},
        deciles={Area(code, code): measures for code, measures in table(found, 1).items()},
        total=whole,
        links=frozenset((str(venue[0]), str(venue[1])) for venue in found),
    )


async def test_the_daily_profile_is_in_local_hours_and_withholds_small_counts(city: City) -> None:
    for _ in range(12):
        await city.add_session(NOW - timedelta(hours=1), 60)
    for _ in range(2):
        await city.add_session(NOW - timedelta(hours=5), 60)
    await city.add_session(NOW - timedelta(days=8), 60)
    await roll_up(city.database, NOW)
    council = Council(city.council_id, "E08000026", "Coventry", str(ZoneInfo("Europe/Paris")))
    async with city.database.read() as connection:
        profile = await read_profile(connection, council, NOW, 5)
    assert profile.sessions[12] is profile.sessions[8] is Missing.CONFIDENTIAL
    assert profile.sessions.count(0) == 22


def test_a_busy_profile_withholds_nothing() -> None:
    assert protect_profile({9: 50, 10: 70}, 5) == DailyProfile((0,) * 9 + (50, 70) + (0,) * 13)
