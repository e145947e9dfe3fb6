"""Limits as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywifi.errors import CommandError
from citywifi.policy_values import (
    LIMITS,
    parse_duration,
    parse_octets,
    parse_opening,
    parse_speed,
    read_limits,
    show_duration,
    show_limit,
    show_octets,
    show_opening,
    show_speed,
)
from radius.policies.effective import LIMIT_NAMES
from radius.policies.opening import Opening


def test_every_limit_of_a_policy_can_be_written_and_is_shown() -> None:
    assert sorted(limit.name for limit in LIMITS) == sorted(LIMIT_NAMES)
    assert len({limit.option for limit in LIMITS}) == len({limit.title for limit in LIMITS}) == len(LIMITS)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4h", 14_400), ("90min", 5400), ("90m", 5400), ("1h30m", 5400), ("1h 30min", 5400), ("2d", 172_800), ("45s", 45)],
)
def test_a_time_has_its_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "octets"),
    [("500MB", 500_000_000), ("2GB", 2_000_000_000), ("1.5GB", 1_500_000_000), ("2 GiB", 2**31), ("1tb", 10**12)],
)
def test_data_is_in_thousands_unless_written_with_an_i(text: str, octets: int) -> None:
    assert parse_octets(text) == octets


@pytest.mark.parametrize(
    ("text", "kilobits"),
    [("10Mbit/s", 10_000), ("512kbit/s", 512), ("1Gbit/s", 1_000_000), ("2.5 Mbit/s", 2500), ("10Mbps", 10_000)],
)
def test_speed_is_in_bits(text: str, kilobits: int) -> None:
    assert parse_speed(text) == kilobits


@pytest.mark.parametrize("text", ["10MB/s", "10MBps", "10MB", "1GiB/s"])
def test_a_speed_in_bytes_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(CommandError, match="1 MB/s is 8Mbit/s"):
        parse_speed(text)


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("08:00-22:00", Opening(480, 1320)),
        ("8:00-22:30", Opening(480, 1350)),
        ("18:00 - 02:00", Opening(1080, 120)),
        ("08:00-24:00", Opening(480, 0)),
    ],
)
def test_opening_times_are_a_window_of_the_day(text: str, opening: Opening) -> None:
    assert parse_opening(text) == opening


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("session_seconds", "4", "--session-time: '4' is not a time; write it like 4h"),
        ("session_seconds", "4 fortnights", "is not a time"),
        ("session_seconds", "0h", "is not a time"),
        ("session_seconds", "1000d", "is not a time"),
        ("session_seconds", "", "is not a time"),
        ("session_seconds", "none", "there always is a limit for --session-time"),
        ("download_kilobits_per_second", "none", "there always is a limit for --download"),
        ("daily_octets", "2", "--daily-data: '2' is not an amount of data; write it like 500MB or 2GB"),
        ("daily_octets", "2Gbit", "is not an amount of data"),
        ("daily_octets", "-2GB", "is not an amount of data"),
        ("daily_octets", "0.1e3GB", "is not an amount of data"),
        ("upload_kilobits_per_second", "10", "--upload: '10' is not a speed"),
        ("upload_kilobits_per_second", "fast", "is not a speed"),
        ("upload_kilobits_per_second", "0.1kbit/s", "is not a speed"),
        ("opening", "8-22", "are no opening times; write them like 08:00-22:00"),
        ("opening", "08:00", "are no opening times"),
        ("opening", "08:00-25:00", "are no opening times"),
        ("simultaneous_devices", "0", "write a number from 1 to 1000"),
        ("simultaneous_devices", "²", "write a number from 1 to 1000"),
        ("vlan", "4095", "--vlan: '4095' is not a VLAN; write a number from 1 to 4094"),
        ("filter_name", "gäste", "is not the name of a filter"),
        ("filter_name", "x" * 129, "is not the name of a filter"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_to_write(name: str, text: str, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        read_limits({name: text})
    assert said in str(refused.value)


def test_only_what_is_written_is_set() -> None:
    written = {
        "session_seconds": "4h",
        "vlan": None,
        "daily_octets": "none",
        "filter_name": "none",
        "opening": "always",
    }
    assert read_limits(written | {"opening": "always"}) == {
        "opening": Opening(0, 0),
        "session_seconds": 14_400,
        "daily_octets": 0,
        "filter_name": "",
    }
    assert read_limits({"session_seconds": "inherit", "vlan": "inherit"}) == {"session_seconds": None, "vlan": None}
    assert read_limits({}) == {}


def limit(name: str) -> Any:
    return next(each for each in LIMITS if each.name == name)


def test_no_limit_is_shown_as_none_and_no_opening_times_as_always() -> None:
    assert show_limit(limit("vlan"), None) == show_limit(limit("vlan"), 0) == "none"
    assert show_limit(limit("filter_name"), "") == "none"
    assert show_limit(limit("opening"), None) == show_limit(limit("opening"), Opening(0, 0)) == "always"
    assert show_limit(limit("vlan"), 20) == "20"


def test_amounts_are_shown_in_the_unit_that_people_use() -> None:
    assert [show_octets(count) for count in (2 * 10**9, 1_500_000, 999)] == ["2GB", "1.5MB", "999octets"]
    assert [show_speed(count) for count in (10_000, 512, 2_500_000)] == ["10Mbit/s", "512kbit/s", "2.5Gbit/s"]
    assert show_opening(Opening.parse("18:00", "24:00")) == "18:00-24:00"


@given(st.integers(1, 366 * 86_400))
def test_a_time_is_read_as_it_is_shown(seconds: int) -> None:
    assert parse_duration(show_duration(seconds)) == seconds


@given(st.builds(Opening, st.integers(0, 1439), st.integers(0, 1439)).filter(lambda opening: not opening.is_always))
def test_opening_times_are_read_as_they_are_shown(opening: Opening) -> None:
    assert parse_opening(show_opening(opening)) == opening


@given(st.text(max_size=20))
def test_whatever_is_written_is_understood_or_refused(text: str) -> None:
    for each in LIMITS:
        try:
            read_limits({each.name: text})
        except CommandError:
            continue
