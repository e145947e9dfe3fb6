"""Devices that were let on a moment ago."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.policies import recent
from radius.policies.recent import KEEP_SECONDS, RecentDevices


def test_a_device_is_remembered_for_as_long_as_accounting_may_take() -> None:
    devices = RecentDevices()
    devices.add(1, "a", 100.0)
    devices.add(1, "b", 105.0)
    assert devices.of(1, 110.0) == {"a", "b"}
    assert devices.of(1, 100.0 + KEEP_SECONDS) == {"b"}
    assert devices.of(1, 200.0) == devices.of(2, 110.0) == frozenset()


def test_those_of_long_ago_are_forgotten_when_another_comes() -> None:
    devices = RecentDevices()
    for resident in range(100):
        devices.add(resident, "a", 100.0)
    devices.add(1000, "a", 100.0 + KEEP_SECONDS)
    assert len(devices) == 1


def test_no_more_than_a_limit_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_RESIDENTS", 3)
    devices = RecentDevices()
    for resident in range(10):
        devices.add(resident, "a", 100.0)
    assert len(devices) == 3
    assert devices.of(9, 100.0) == {"a"}
    assert devices.of(0, 100.0) == frozenset()


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abc"), st.floats(0, 20)), max_size=20))
def test_what_is_remembered_is_exactly_what_was_let_on_lately(events: list[tuple[int, str, float]]) -> None:
    devices, now, let_on = RecentDevices(), 0.0, {}
    for resident, device, later in events:
        now += later
        devices.add(resident, device, now)
        let_on[resident, device] = now
    for resident in (1, 2, 3):
        expected = {name for (whose, name), at in let_on.items() if whose == resident and now - at < KEEP_SECONDS}
        assert devices.of(resident, now) == expected
