"""Of several policies, which one decides a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.policies.directory import PolicyTable
from radius.policies.effective import (
    LIMIT_NAMES,
    Limits,
    Place,
    Policy,
    default_limits,
    effective_policy,
    network_name,
    sources,
)
from radius.policies.opening import Opening
from tests.radius.support import radius_settings

DEFAULTS = default_limits(radius_settings())
HERE = Place(1, 7, "CityWiFi", "staff")

places = st.builds(
    Place,
    council_id=st.sampled_from([1, 2]),
    venue_id=st.sampled_from([None, 7, 8]),
    network_name=st.sampled_from(["", "CityWiFi", "Secure"]),
    group_name=st.sampled_from(["", "staff", "members"]),
)
numbers = st.none() | st.integers(0, 5)
limits = st.builds(
    Limits,
    opening=st.none() | st.builds(Opening, st.sampled_from([0, 480]), st.sampled_from([0, 1320])),
    session_seconds=st.none() | st.integers(1, 5),
    idle_seconds=st.none() | st.integers(1, 5),
    daily_seconds=numbers,
    daily_octets=numbers,
    download_kilobits_per_second=st.none() | st.integers(1, 5),
    upload_kilobits_per_second=st.none() | st.integers(1, 5),
    simultaneous_devices=numbers,
    vlan=numbers,
    filter_name=st.none() | st.sampled_from(["", "guests", "staff"]),
)
policies = st.lists(st.builds(Policy, places, limits), unique_by=lambda policy: policy.place, max_size=12)


def policy(*, venue: int | None = None, network: str = "", group: str = "", council: int = 1, **said: Any) -> Policy:
    return Policy(Place(council, venue, network, group), Limits(**said))


def test_without_policies_the_settings_decide() -> None:
    found = effective_policy([], HERE, DEFAULTS)
    assert (found.session_seconds, found.idle_seconds) == (4 * 3600, 900)
    assert (found.download_kilobits_per_second, found.upload_kilobits_per_second) == (10_000, 5_000)
    assert not found.needs_usage
    assert (found.opening, found.vlan, found.filter_name) == (None, None, None)


def test_group_comes_before_network_before_venue_before_council() -> None:
    said = [
        policy(session_seconds=1),
        policy(venue=7, session_seconds=2),
        policy(network="CityWiFi", session_seconds=3),
        policy(network="CityWiFi", venue=7, session_seconds=4),
        policy(group="staff", session_seconds=5),
        policy(group="staff", venue=7, session_seconds=6),
        policy(group="staff", network="CityWiFi", session_seconds=7),
        policy(group="staff", network="CityWiFi", venue=7, session_seconds=8),
    ]
    for count in range(1, len(said) + 1):
        assert effective_policy(said[:count], HERE, DEFAULTS).session_seconds == count


def test_each_limit_is_decided_by_itself() -> None:
    said = [policy(venue=7, session_seconds=60, vlan=20), policy(group="staff", vlan=30)]
    found = effective_policy(said, HERE, DEFAULTS)
    assert (found.session_seconds, found.vlan) == (60, 30)


def test_a_group_can_be_freed_from_what_its_venue_says() -> None:
    venue = policy(
        venue=7,
        opening=Opening(480, 1320),
        daily_octets=10,
        daily_seconds=10,
        simultaneous_devices=1,
        vlan=20,
        filter_name="guests",
    )
    freed = policy(
        group="staff",
        opening=Opening(0, 0),
        daily_octets=0,
        daily_seconds=0,
        simultaneous_devices=0,
        vlan=0,
        filter_name="",
    )
    assert effective_policy([venue, freed], HERE, DEFAULTS) == effective_policy([], HERE, DEFAULTS)


def test_another_councils_policies_are_nothing_here() -> None:
    assert effective_policy([policy(council=2, session_seconds=1)], HERE, DEFAULTS) == effective_policy(
        [], HERE, DEFAULTS
    )


@given(policies, places)
def test_each_limit_is_the_most_exact_policys_that_speaks_of_it(said: list[Policy], place: Place) -> None:
    decided = sources(said, place)
    assert list(decided) == list(LIMIT_NAMES) == [field.name for field in fields(Limits)]
    for name, source in decided.items():
        speaking = [each for each in said if each.covers(place) and getattr(each.limits, name) is not None]
        assert (source is None) == (not speaking)
        if source is not None:
            assert source in speaking
            assert all(source.exactness >= each.exactness for each in speaking)


@given(policies, places, st.randoms(use_true_random=False))
def test_the_order_of_policies_makes_no_difference(said: list[Policy], place: Place, chance: Any) -> None:
    mixed = [*said]
    chance.shuffle(mixed)
    assert effective_policy(mixed, place, DEFAULTS) == effective_policy(said, place, DEFAULTS)


@given(policies, places)
def test_policies_that_do_not_cover_a_place_make_no_difference(said: list[Policy], place: Place) -> None:
    covering = [each for each in said if each.covers(place)]
    assert effective_policy(said, place, DEFAULTS) == effective_policy(covering, place, DEFAULTS)


@given(policies, places)
def test_there_always_is_a_session_time_idle_time_and_speed(said: list[Policy], place: Place) -> None:
    found = effective_policy(said, place, DEFAULTS)
    assert min(found.session_seconds, found.idle_seconds) > 0
    assert min(found.download_kilobits_per_second, found.upload_kilobits_per_second) > 0


@given(policies, st.lists(places, max_size=6))
def test_the_table_answers_the_same_and_remembers_no_more_than_its_policies_name(
    said: list[Policy], asked: Sequence[Place]
) -> None:
    table = PolicyTable(DEFAULTS, said)
    for place in asked:
        assert table.effective(place) == effective_policy(said, place, DEFAULTS)
    before = len(table._known)
    for number in range(50):
        for place in asked:
            elsewhere = replace(place, network_name=f"invented {number}", venue_id=1000 + number)
            assert table.effective(elsewhere) == effective_policy(said, elsewhere, DEFAULTS)
    assert len(table._known) <= before + len(asked)


def test_only_limits_that_end_open_sessions_make_a_council_end_them() -> None:
    assert PolicyTable(DEFAULTS, [policy(vlan=20, session_seconds=60, simultaneous_devices=2)]).ending_councils == []
    for said in ({"opening": Opening(480, 1320)}, {"daily_seconds": 60}, {"daily_octets": 60}):
        assert PolicyTable(DEFAULTS, [policy(**said, council=2), policy(vlan=20)]).ending_councils == [2]
    assert PolicyTable(DEFAULTS, [policy(daily_seconds=0, daily_octets=0)]).ending_councils == []


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("00-1A-2B-3C-4D-5E:CityWiFi", "CityWiFi"),
        ("00:1a:2b:3c:4d:5e:City:WiFi", "City:WiFi"),
        ("001a2b3c4d5e", ""),
        ("hotspot1", ""),
        ("hotspot:CityWiFi", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_networks_name_is_what_follows_an_access_points_address(called: str | None, name: str) -> None:
    assert network_name(called) == name
