"""What engineers see of residents' reports."""

from __future__ import annotations

from datetime import timedelta

from foundation.privacy import Keyring
from foundation.problem_reports import ProblemKind, seal_text
from foundation.schema import problem_reports
from monitoring.overview import Overview
from monitoring.problem_reports import Reported, count_reports, read_reports
from monitoring.problems import find_problems
from tests.monitoring.city import NOW, City

HOUR = timedelta(hours=1)


async def report(
    city: City, keyring: Keyring, kind: str, ago: timedelta, venue: int | None = 0, text: str = ""
) -> None:
    await city.insert(
        problem_reports, council_id=city.council_id, nas_id=city.nas_id,
        venue_id=None if venue is None else city.venue_ids[venue], kind=kind, state="online", finding="no-news",
        text_encrypted=seal_text(keyring, text), reported_at=NOW - ago,
    )  # fmt: skip


async def test_reports_are_counted_by_place_and_kind_and_one_without_a_venue_by_its_gateway(
    any_city: City, keyring: Keyring
) -> None:
    for kind, venue in (("slow", 0), ("slow", 0), ("stops", 0), ("slow", 1), ("slow", None)):
        await report(any_city, keyring, kind, HOUR, venue)
    await report(any_city, keyring, "slow", 25 * HOUR)
    async with any_city.database.read() as connection:
        found = await count_reports(connection, NOW - 24 * HOUR, None)
        assert await count_reports(connection, NOW - 24 * HOUR, [any_city.council_id]) == found
        assert await count_reports(connection, NOW - 24 * HOUR, []) == ()
    assert [(each.number, each.kind) for each in found if each.venue_id == any_city.venue_ids[0]] == [
        (2, ProblemKind.SLOW),
        (1, ProblemKind.STOPS),
    ]
    assert len(found) == 4
    assert all(each.place for each in found)


async def test_a_venues_reports_are_read_newest_first_with_what_was_written(city: City, keyring: Keyring) -> None:
    await report(city, keyring, "slow", 2 * HOUR, text="Upstairs")
    await report(city, keyring, "one-site", HOUR)
    await report(city, keyring, "slow", HOUR, venue=1)
    async with city.database.read() as connection:
        found = await read_reports(connection, keyring, city.venue_ids[0], NOW - 24 * HOUR)
    assert [(each.kind, each.text, each.finding) for each in found] == [
        (ProblemKind.ONE_SITE, "", "no news"),
        (ProblemKind.SLOW, "Upstairs", "no news"),
    ]
    assert "Upstairs" not in repr(found)


def test_one_report_is_a_note_and_many_of_a_kind_are_a_problem_with_what_to_do() -> None:
    for kind in ProblemKind:
        reported = (Reported(7, "Library", kind, 5), Reported(8, "Hall", kind, 1))
        found = find_problems(Overview(NOW, (), 0, 0, (), (), (), NOW, reported=reported))
        assert [(problem.level, problem.venue_id) for problem in found] == [("problem", 7), ("note", 8)]
        assert kind.meaning in found[0].finding
        assert all(problem.remedy for problem in found)
