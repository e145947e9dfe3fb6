"""What the captive portal API says of a session (RFC 8908 section 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from captive_portal.capport import OpenSession, Remaining, addresses_expire_at, answer, remaining
from radius.policies.effective import EffectivePolicy
from radius.policies.opening import Opening
from radius.policies.usage import NO_USAGE, Usage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = EffectivePolicy(3600, 900, 10_000, 5_000)
GIGABYTE = 1_000_000_000


def on(minutes: int = 10, usage: Usage = NO_USAGE, access_until: datetime | None = None, **limits: Any) -> OpenSession:
    """A session that has lasted so long."""
    began = NOON - timedelta(minutes=minutes)
    return OpenSession(began, replace(POLICY, **limits), UTC, usage, access_until)


def test_a_session_has_what_is_left_of_its_length_and_can_be_begun_anew() -> None:
    assert remaining(on(minutes=10), NOON) == Remaining(3000, None, can_extend=True)


def test_a_session_whose_length_is_over_is_none() -> None:
    assert remaining(on(minutes=60), NOON) is None


@pytest.mark.parametrize("minutes", [0, 59])
def test_a_daily_share_cannot_be_extended(minutes: int) -> None:
    session = on(minutes, Usage(seconds=7200 - 30, octets=0), daily_seconds=7200)
    assert remaining(session, NOON) == Remaining(30, None, can_extend=False)


def test_octets_are_those_that_are_left_of_the_day() -> None:
    session = on(usage=Usage(octets=GIGABYTE - 7), daily_octets=GIGABYTE)
    assert remaining(session, NOON) == Remaining(3000, 7, can_extend=True)


@pytest.mark.parametrize(
    ("usage", "limits"),
    [
        (Usage(seconds=7200), {"daily_seconds": 7200}),
        (Usage(octets=GIGABYTE), {"daily_octets": GIGABYTE}),
        (NO_USAGE, {"opening": Opening.parse("08:00", "12:00")}),
    ],
    ids=["day's time", "day's data", "closed"],
)
def test_a_device_is_captive_as_soon_as_its_day_is_used_up_or_the_place_closes(
    usage: Usage, limits: dict[str, Any]
) -> None:
    assert remaining(on(usage=usage, **limits), NOON) is None


def test_closing_time_ends_a_session_and_cannot_be_extended() -> None:
    session = on(opening=Opening.parse("08:00", "12:05"))
    assert remaining(session, NOON) == Remaining(300, None, can_extend=False)


def test_the_end_of_a_paper_code_cannot_be_extended() -> None:
    session = on(access_until=NOON + timedelta(minutes=5))
    assert remaining(session, NOON) == Remaining(300, None, can_extend=False)
    assert remaining(on(access_until=NOON), NOON) is None


def test_a_resident_with_as_many_devices_as_may_be_is_still_on() -> None:
    session = on(usage=Usage(devices=frozenset({"a", "b"})), simultaneous_devices=2)
    assert remaining(session, NOON) is not None


def test_a_captive_device_is_told_its_way_in_and_nothing_of_limits() -> None:
    told = answer(None, "https://wifi.example/r/T", "https://wifi.example/r/T/venue")
    assert told == {
        "captive": True,
        "user-portal-url": "https://wifi.example/r/T",
        "venue-info-url": "https://wifi.example/r/T/venue",
    }


def test_a_device_that_is_on_is_told_what_is_left() -> None:
    told = answer(Remaining(60, 1024, can_extend=True), "https://w/r/T", "https://w/r/T/venue")
    assert told == {
        "captive": False,
        "user-portal-url": "https://w/r/T",
        "venue-info-url": "https://w/r/T/venue",
        "can-extend-session": True,
        "seconds-remaining": 60,
        "bytes-remaining": 1024,
    }
    assert "bytes-remaining" not in answer(Remaining(60, None, can_extend=True), "", "")


def test_addresses_stay_the_same_for_a_day_and_are_good_for_a_week() -> None:
    assert addresses_expire_at(NOON) == addresses_expire_at(NOON + timedelta(hours=11))
    assert addresses_expire_at(NOON) - NOON > timedelta(days=7)
