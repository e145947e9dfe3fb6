"""Is it me or the WiFi? What is decided from what is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.journey import State
from captive_portal.support.diagnosis import DeviceFacts, Finding, PlaceFacts, Side, diagnose
from foundation.venue_health import Condition
from radius.authentication.outcome import RejectReason

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEARD = PlaceFacts((Condition.HEARD, Condition.HEARD), NOW - MINUTE)
SILENT = PlaceFacts((Condition.SILENT, Condition.NEVER_HEARD), NOW - 60 * MINUTE)
ONLINE = DeviceFacts(State.ONLINE, heard_at=NOW - 5 * MINUTE, heard_every=10 * MINUTE)
NOT_HEARD = DeviceFacts(State.ONLINE, heard_at=NOW - 22 * MINUTE, heard_every=10 * MINUTE)
WAITED_LONG = DeviceFacts(State.WAITING, waiting_since=NOW - MINUTE)


def test_a_device_that_the_network_tells_of_is_on_and_the_wifi_works() -> None:
    assert diagnose(HEARD, ONLINE, NOW) is Finding.WORKING


def test_a_device_that_is_told_of_works_whatever_else_is_silent() -> None:
    assert diagnose(SILENT, ONLINE, NOW) is Finding.WORKING


def test_a_device_of_which_nothing_is_ever_told_counts_as_on() -> None:
    assert diagnose(PlaceFacts(), DeviceFacts(State.ONLINE), NOW) is Finding.WORKING


def test_it_is_the_device_where_others_are_told_of_and_it_is_not() -> None:
    busy = PlaceFacts((Condition.HEARD,), NOW, others_are_on=True)
    assert diagnose(busy, NOT_HEARD, NOW) is Finding.DEVICE_NOT_HEARD
    assert Finding.DEVICE_NOT_HEARD.side is Side.DEVICE


def test_it_is_the_wifi_where_nothing_at_all_is_told_of() -> None:
    assert diagnose(SILENT, NOT_HEARD, NOW) is Finding.EQUIPMENT_SILENT
    assert Finding.EQUIPMENT_SILENT.side is Side.WIFI


def test_where_a_device_is_not_told_of_and_nobody_else_can_be_asked_it_could_be_either() -> None:
    assert diagnose(HEARD, NOT_HEARD, NOW) is Finding.NO_NEWS
    assert Finding.NO_NEWS.side is Side.UNKNOWN


def test_two_records_may_be_lost_before_anything_is_said() -> None:
    late = DeviceFacts(State.ONLINE, heard_at=NOW - 21 * MINUTE, heard_every=10 * MINUTE)
    assert diagnose(HEARD, late, NOW) is Finding.WORKING


def test_equipment_that_has_just_restarted_is_the_wifis_fault_for_ten_minutes() -> None:
    restarted = PlaceFacts((Condition.HEARD,), NOW, restarted_at=NOW - 9 * MINUTE)
    for device in (NOT_HEARD, WAITED_LONG, DeviceFacts(State.CHOOSE)):
        assert diagnose(restarted, device, NOW) is Finding.EQUIPMENT_RESTARTED
    long_ago = PlaceFacts((Condition.HEARD,), NOW, restarted_at=NOW - 10 * MINUTE)
    assert diagnose(long_ago, NOT_HEARD, NOW) is Finding.NO_NEWS


@pytest.mark.parametrize("state", [State.ONLINE, State.WAITING, State.FAILED])
def test_a_controller_that_does_not_answer_is_the_wifis_fault(state: State) -> None:
    assert diagnose(PlaceFacts(controller_is_silent=True), DeviceFacts(state), NOW) is Finding.CONTROLLER_SILENT


@pytest.mark.parametrize("state", [State.ONLINE, State.WAITING, State.FAILED, State.ENDED, State.RELEASE])
@pytest.mark.parametrize(
    ("reason", "finding"),
    [
        (RejectReason.OUTSIDE_OPENING_TIMES, Finding.CLOSED),
        (RejectReason.DAILY_TIME_USED_UP, Finding.DAY_USED_UP),
        (RejectReason.DAILY_DATA_USED_UP, Finding.DAY_USED_UP),
        (RejectReason.TOO_MANY_DEVICES, Finding.TOO_MANY_DEVICES),
    ],
)
def test_a_limit_is_named_as_one_and_nobodys_fault(state: State, reason: RejectReason, finding: Finding) -> None:
    assert diagnose(HEARD, DeviceFacts(state, refusal=reason), NOW) is finding
    assert finding.side is Side.LIMIT


def test_a_right_that_is_over_is_a_limit_too() -> None:
    assert diagnose(HEARD, DeviceFacts(State.ENDED, right_has_ended=True), NOW) is Finding.RIGHT_ENDED


def test_who_waits_is_told_to_wait_before_anything_is_blamed() -> None:
    just_sent = DeviceFacts(State.WAITING, waiting_since=NOW - timedelta(seconds=29))
    assert diagnose(SILENT, just_sent, NOW) is Finding.CONNECTING


@pytest.mark.parametrize("state", [State.WAITING, State.FAILED])
def test_who_was_not_let_on_is_told_of_silent_equipment_or_that_it_could_be_either(state: State) -> None:
    device = DeviceFacts(state, waiting_since=NOW - MINUTE)
    assert diagnose(SILENT, device, NOW) is Finding.EQUIPMENT_SILENT
    assert diagnose(HEARD, device, NOW) is Finding.NOT_LET_ON


def test_before_the_first_sign_in_of_the_day_silence_is_nobodys_fault() -> None:
    assert diagnose(SILENT, DeviceFacts(State.CHOOSE), NOW) is Finding.NOT_SIGNED_IN


def test_equipment_in_a_place_where_others_are_on_is_not_silent() -> None:
    conditions = (Condition.SILENT,)
    assert not PlaceFacts(conditions, others_are_on=True).is_silent
    assert PlaceFacts(conditions).is_silent
    assert not PlaceFacts((Condition.SILENT, Condition.QUIET)).is_silent
    assert not PlaceFacts().is_silent


def test_a_part_that_is_silent_is_known_by_another_that_is_not() -> None:
    assert PlaceFacts((Condition.SILENT, Condition.HEARD)).has_silent_part
    assert not SILENT.has_silent_part


def test_every_finding_is_somebodys_or_nobodys() -> None:
    assert {finding.side for finding in Finding} == set(Side)
    assert all(len(finding) <= 24 for finding in Finding)
