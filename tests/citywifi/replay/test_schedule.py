"""The replay's schedule: exactly the published sessions, inside the real opening hours, the same for the same seed."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywifi.demo_city import load_demo_city
from citywifi.replay.demo import choose_libraries, city_of
from citywifi.replay.errors import ReplayError
from citywifi.replay.opening import open_periods
from citywifi.replay.schedule import (
    City,
    Library,
    TerminateCause,
    day_sessions,
    day_total,
    month_plan,
    published_sessions,
    share_out,
)

COVENTRY = city_of(load_demo_city())
LONDON = ZoneInfo("Europe/London")
WEDNESDAY = date(2026, 11, 18)
MONDAY = date(2026, 11, 16)


@given(st.integers(0, 100_000), st.dictionaries(st.integers(), st.integers(0, 10_000), max_size=40))
def test_shares_are_whole_add_up_and_are_nowhere_off_by_more_than_one(total: int, weights: dict[int, int]) -> None:
    shares = share_out(total, weights)
    whole = sum(weights.values())
    assert sum(shares.values()) == (total if whole else 0)
    for key, weight in weights.items():
        assert whole == 0 or abs(shares[key] - total * weight / whole) < 1


@pytest.mark.parametrize(("year", "month"), [(2023, 4), (2024, 2), (2025, 2), (2026, 11), (2026, 12), (2027, 3)])
def test_the_days_of_a_month_add_up_to_the_published_figure(year: int, month: int) -> None:
    plan = month_plan(COVENTRY, year, month)
    assert len(plan) == calendar.monthrange(year, month)[1]
    assert sum(sum(day.values()) for day in plan.values()) == published_sessions(COVENTRY, year, month)


def test_a_month_outside_the_published_year_has_the_figure_of_the_same_calendar_month() -> None:
    assert published_sessions(COVENTRY, 2026, 11) == COVENTRY.monthly_sessions["2023-11"] == 42_449
    assert published_sessions(COVENTRY, 2026, 2) == COVENTRY.monthly_sessions["2024-02"]


def test_a_month_that_nobody_published_is_an_error_that_says_so() -> None:
    city = City((), {"2023-04": 1}, LONDON)
    with pytest.raises(ReplayError, match="month 5"):
        published_sessions(city, 2023, 5)


def test_the_shared_figures_are_those_of_the_publishers_file(shared_data: object) -> None:
    if shared_data is None:
        assert COVENTRY.monthly_sessions["2023-04"] == 32_075
        return
    file = shared_data / "usage" / "library_wifi_sessions.csv"  # type: ignore[operator]  # a Path where present
    rows = [line.split(",") for line in file.read_text(encoding="utf-8-sig").splitlines()]
    published = {period[:7]: int(count) for code, period, count in rows[1:] if code == "E08000026"}
    assert dict(COVENTRY.monthly_sessions) == published


def test_a_library_that_is_closed_on_a_day_has_no_sessions_on_it() -> None:
    wednesday = month_plan(COVENTRY, 2026, 11)[WEDNESDAY]
    open_on_wednesday = {library.reference for library in COVENTRY.libraries if library.opening_hours.get("wednesday")}
    assert {reference for reference, sessions in wednesday.items() if sessions} == open_on_wednesday


def test_a_library_with_twice_the_hours_has_twice_the_sessions() -> None:
    long = Library(1, "long", {"monday": ["09:00-17:00"]})
    short = Library(2, "short", {"monday": ["09:00-13:00"]})
    plan = month_plan(City((long, short), {"2023-05": 3000}, LONDON), 2026, 5)
    assert plan[date(2026, 5, 4)] == {"long": 500, "short": 250}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("day", [WEDNESDAY, date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)])
def test_every_session_lies_inside_its_library_s_opening_hours(day: date, seed: int) -> None:
    for session in day_sessions(COVENTRY, day, seed):
        periods = open_periods(session.library.opening_hours, day, LONDON)
        assert any(period.opens_at <= session.arrives_at and session.ends_at <= period.closes_at for period in periods)
        assert session.seconds > 0
        assert session.input_octets >= 0
        assert 0 <= session.output_octets <= session.seconds * 1_250_000


@pytest.mark.parametrize("seed", range(3))
def test_no_device_is_in_two_sessions_at_once(seed: int) -> None:
    busy_until: dict[object, object] = {}
    for session in day_sessions(COVENTRY, MONDAY, seed):
        until = busy_until.get((session.library.number, session.visitor.device))
        assert until is None or until <= session.arrives_at  # type: ignore[operator]  # both are datetimes
        busy_until[session.library.number, session.visitor.device] = session.ends_at


def test_a_day_has_as_many_sessions_as_planned_in_the_order_of_arrival() -> None:
    sessions = day_sessions(COVENTRY, MONDAY, 7)
    assert len(sessions) == day_total(COVENTRY, MONDAY)
    assert sorted(session.arrives_at for session in sessions) == [session.arrives_at for session in sessions]


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert day_sessions(COVENTRY, WEDNESDAY, 1) == day_sessions(COVENTRY, WEDNESDAY, 1)
    assert day_sessions(COVENTRY, WEDNESDAY, 1) != day_sessions(COVENTRY, WEDNESDAY, 2)


def test_every_path_of_the_portal_is_taken_on_an_ordinary_day() -> None:
    sessions = day_sessions(COVENTRY, MONDAY, 1)
    visitors = [session.visitor for session in sessions]
    assert {visitor.language for visitor in visitors} == {"en", "cy"}
    assert {visitor.email is None for visitor in visitors} == {True, False}
    assert {visitor.wants_to_be_remembered for visitor in visitors} == {True, False}
    assert {visitor.device.is_locally_administered for visitor in visitors} == {True, False}
    assert len({visitor.device for visitor in visitors}) < len(visitors), "nobody comes back"
    assert {session.ending for session in sessions} >= {TerminateCause.USER_REQUEST, TerminateCause.IDLE_TIMEOUT}


def test_addresses_that_are_not_made_up_belong_to_no_manufacturer() -> None:
    for session in day_sessions(COVENTRY, MONDAY, 1):
        device = session.visitor.device
        if not device.is_locally_administered:
            assert device.octets[:3] == bytes.fromhex("00005e")
            assert 0x40 <= device.octets[3] < 0x90


def test_some_devices_change_their_address_within_a_month_and_others_keep_it() -> None:
    def devices(day: date) -> set[object]:
        return {session.visitor.device for session in day_sessions(COVENTRY, day, 1)}

    before, after = devices(MONDAY), devices(MONDAY + timedelta(days=28))
    assert before & after
    assert {device for device in before if device.is_locally_administered} - after  # type: ignore[attr-defined]


def test_libraries_are_chosen_by_a_part_of_their_name() -> None:
    assert len(choose_libraries(COVENTRY, [])) == 17
    assert len(choose_libraries(COVENTRY, ["Tile Hill"])) == 1
    with pytest.raises(ReplayError, match="tile-hill"):
        choose_libraries(COVENTRY, ["Atlantis"])
