"""How often something may happen, by key, in a table that does not grow."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter

from foundation.token_buckets import TokenBuckets


@pytest.fixture
def evictions() -> Counter:
    return Counter("forgotten", "Keys that were forgotten.", registry=CollectorRegistry())


def test_a_burst_may_pass_and_then_so_many_a_second(evictions: Counter) -> None:
    buckets: TokenBuckets[str] = TokenBuckets(per_second=2, burst=3, limit=10, evictions=evictions)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not buckets.take("a", 0.4)
    assert buckets.take("a", 0.5)
    assert [buckets.take("a", 60.0) for _ in range(4)] == [True, True, True, False]


def test_one_key_takes_nothing_from_another(evictions: Counter) -> None:
    buckets: TokenBuckets[str] = TokenBuckets(per_second=1, burst=1, limit=10, evictions=evictions)
    assert buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
    assert not buckets.take("a", 0.0)


def test_who_was_silent_while_half_as_many_others_were_heard_is_forgotten(evictions: Counter) -> None:
    buckets: TokenBuckets[int] = TokenBuckets(per_second=1, burst=1, limit=4, evictions=evictions)
    for key in (1, 2, 3, 1, 4):
        buckets.take(key, 0.0)
    assert len(buckets) == 3
    assert evictions._value.get() == 1
    assert not buckets.take(1, 0.0)
    assert buckets.take(2, 0.0)


def test_invented_keys_do_not_fill_the_memory(evictions: Counter) -> None:
    buckets: TokenBuckets[int] = TokenBuckets(per_second=1, burst=1, limit=100, evictions=evictions)
    for key in range(10_000):
        buckets.take(key, key / 1000)
    assert len(buckets) <= 100
    assert evictions._value.get() == 10_000 - len(buckets)
