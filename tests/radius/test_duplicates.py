"""Retransmissions get the same octets; nothing is processed twice, and nothing unanswered is swallowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from radius.duplicates import DuplicateCache, Key, Known

KEY: Key = ("192.0.2.1", 50_000, 1, 7)
FIRST, SECOND = b"1" * 16, b"2" * 16


def test_a_retransmission_gets_the_same_octets() -> None:
    cache = DuplicateCache(keep_seconds=10)
    assert cache.begin(KEY, FIRST, 0) is Known.NEW
    cache.complete(KEY, FIRST, b"reply", 1)
    assert cache.begin(KEY, FIRST, 2) == b"reply"


def test_a_retransmission_of_a_request_in_progress_is_told_apart() -> None:
    cache = DuplicateCache(keep_seconds=10)
    cache.begin(KEY, FIRST, 0)
    assert cache.begin(KEY, FIRST, 1) is Known.IN_PROGRESS


def test_the_same_identifier_with_a_new_authenticator_is_a_new_request() -> None:
    cache = DuplicateCache(keep_seconds=10)
    cache.begin(KEY, FIRST, 0)
    cache.complete(KEY, FIRST, b"reply", 0)
    assert cache.begin(KEY, SECOND, 1) is Known.NEW


def test_an_overtaken_requests_late_reply_does_not_become_the_new_ones() -> None:
    cache = DuplicateCache(keep_seconds=10)
    cache.begin(KEY, FIRST, 0)
    cache.begin(KEY, SECOND, 1)
    cache.complete(KEY, FIRST, b"late", 2)
    cache.forget(KEY, FIRST)
    assert cache.begin(KEY, SECOND, 3) is Known.IN_PROGRESS


def test_another_port_or_code_is_another_request() -> None:
    cache = DuplicateCache(keep_seconds=10)
    cache.begin(KEY, FIRST, 0)
    assert cache.begin(("192.0.2.1", 50_001, 1, 7), FIRST, 0) is Known.NEW
    assert cache.begin(("192.0.2.1", 50_000, 4, 7), FIRST, 0) is Known.NEW


def test_what_got_no_answer_is_processed_again() -> None:
    cache = DuplicateCache(keep_seconds=10)
    cache.begin(KEY, FIRST, 0)
    cache.forget(KEY, FIRST)
    assert cache.begin(KEY, FIRST, 1) is Known.NEW


def test_a_reply_is_kept_for_its_time_from_when_it_was_made() -> None:
    cache = DuplicateCache(keep_seconds=10)
    cache.begin(KEY, FIRST, 0)
    cache.complete(KEY, FIRST, b"reply", 5)
    assert cache.begin(KEY, FIRST, 14.9) == b"reply"
    assert cache.begin(KEY, FIRST, 15) is Known.NEW


def test_expired_entries_make_room_without_counting_as_evicted() -> None:
    cache = DuplicateCache(keep_seconds=10, limit=4)
    for port in range(4):
        cache.begin(("192.0.2.1", port, 1, 7), FIRST, 0)
    cache.begin(KEY, FIRST, 11)
    assert (len(cache), cache.evictions) == (1, 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.booleans()), max_size=200))
def test_it_never_holds_more_than_its_limit(steps: list[tuple[int, int, bool]]) -> None:
    cache = DuplicateCache(keep_seconds=10, limit=8)
    for now, (port, authenticator, is_answered) in enumerate(steps):
        key, octets = ("192.0.2.1", port, 1, 0), bytes([authenticator]) * 16
        cache.begin(key, octets, now / 4)
        if is_answered:
            cache.complete(key, octets, b"reply", now / 4)
        assert len(cache) <= cache.limit
