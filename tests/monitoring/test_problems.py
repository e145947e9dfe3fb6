from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from foundation.due_requests import DueRequests
from foundation.text_budgets import Budget
from foundation.venue_health import Condition, Opening
from monitoring.overview import AccessPoint, Authentication, Overview, Restart, Venue
from monitoring.problems import Problem, find_problems, is_expected, remedy_of
from radius.authentication.outcome import RejectReason
from tests.monitoring.city import NOW


def venue(*conditions: Condition) -> Venue:
    points = tuple(AccessPoint(f"{number}", "Gateway", None, c) for number, c in enumerate(conditions, start=1))
    opening = Opening(True, NOW - timedelta(hours=5))
    return Venue(7, "E08000026", ZoneInfo("Europe/London"), "Library", "", "open", opening, None, points, 0)


def problems(
    *venues: Venue, rejects: tuple[Authentication, ...] = (), restarts: tuple[Restart, ...] = (), late: int = 0
) -> tuple[Problem, ...]:
    counted = NOW - timedelta(minutes=late)
    return find_problems(Overview(NOW, venues, 0, 0, (), rejects, restarts, counted))


def rejects(number: int, reason: RejectReason) -> tuple[Authentication, ...]:
    return (Authentication(NOW, 7, "Library", "Gateway", "pap", False, reason.explanation, "00", 1.0),) * number


@pytest.mark.parametrize(
    ("sent", "limit", "level"),
    [(0, 0, None), (0, 100, None), (79, 100, None), (80, 100, "note"), (100, 100, "problem"), (120, 100, "problem")],
)
def test_texts_that_run_out_are_told_before_they_have(sent: int, limit: int, level: str | None) -> None:
    texts = (Budget(1, "E08000026", "2026-11", sent, limit),)
    found = find_problems(Overview(NOW, (), 0, 0, (), (), (), NOW, texts))
    assert [problem.level for problem in found] == ([level] if level else [])
    assert all("--limit" in problem.remedy for problem in found)


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    assert problems(venue(Condition.HEARD, Condition.QUIET)) == ()


def test_a_venue_that_is_silent_as_a_whole_is_a_problem_of_its_uplink() -> None:
    (problem,) = problems(venue(Condition.SILENT, Condition.SILENT))
    assert (problem.level, problem.venue_id) == ("problem", 7)
    assert "uplink" in problem.remedy


def test_one_silent_access_point_among_others_may_only_be_unused() -> None:
    (problem,) = problems(venue(Condition.SILENT, Condition.HEARD))
    assert problem.level == "note"


def test_one_that_was_never_heard_is_told_apart_from_a_silent_one() -> None:
    (problem,) = problems(venue(Condition.NEVER_HEARD))
    assert problem.finding.startswith("Never heard")


def test_many_rejects_for_one_reason_at_one_place_are_a_problem_with_what_to_do() -> None:
    (problem,) = problems(rejects=rejects(10, RejectReason.WRONG_PASSWORD))
    assert problem.place == "Library"
    assert "secrets" in problem.remedy
    assert problems(rejects=rejects(9, RejectReason.WRONG_PASSWORD)) == ()


def test_new_devices_that_are_sent_to_the_portal_are_no_problem() -> None:
    assert problems(rejects=rejects(50, RejectReason.DEVICE_NOT_REMEMBERED)) == ()


def test_a_fresh_restart_is_a_note_and_an_old_one_is_history() -> None:
    fresh, old = Restart(NOW - timedelta(minutes=5), "A", ""), Restart(NOW - timedelta(hours=5), "B", "")
    (problem,) = problems(restarts=(fresh, old))
    assert (problem.level, problem.place) == ("note", "A")


def test_a_roll_up_that_lags_is_a_problem_and_comes_before_every_note() -> None:
    found = problems(venue(Condition.NEVER_HEARD), late=11)
    assert [problem.level for problem in found] == ["problem", "note"]


@pytest.mark.parametrize("reason", RejectReason)
def test_no_reason_is_unknown_to_the_console(reason: RejectReason) -> None:
    assert remedy_of(reason.explanation)
    of_portal_or_policy = ("device_no", "outside_", "daily_", "too_many_devices")
    assert is_expected(reason.explanation) == reason.value.startswith(of_portal_or_policy)


def test_a_reason_of_another_version_is_shown_without_advice() -> None:
    assert remedy_of("something new") == ""
    assert not is_expected("something new")


def test_requests_about_data_are_told_before_they_are_overdue() -> None:
    due = (DueRequests("E08000026", open=4, urgent=1, overdue=2), DueRequests("E08000025", open=1, urgent=0, overdue=0))
    found = find_problems(Overview(NOW, (), 0, 0, (), (), (), NOW, requests=due))
    assert [(problem.level, problem.place) for problem in found] == [("problem", "E08000026"), ("note", "E08000026")]
    assert "overdue: 2" in found[0].finding
    assert "within 7 days: 1" in found[1].finding
