"""To which session of its key a record belongs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from radius.accounting.anchors import ANCHOR_TOLERANCE_SECONDS, AnchorMemory, Move, Question, SessionsOfKey, place

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = b"k" * 16
HOUR = 3600


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def begun(started: float, event: float | None = None) -> Question:
    """A record that tells when the session began."""
    return Question(KEY, at(started), at(started if event is None else event), True)


def during(event: float) -> Question:
    """A record without Acct-Session-Time."""
    return Question(KEY, at(event), at(event), False)


def known(*anchors: float, unbegun: float | None = None) -> dict[bytes, SessionsOfKey]:
    return {KEY: SessionsOfKey([at(anchor) for anchor in anchors], None if unbegun is None else at(unbegun))}


def anchors_of(*questions: Question, of: dict[bytes, SessionsOfKey] | None = None) -> list[float]:
    placed = place(questions, {} if of is None else of)
    assert placed.moves == []
    return [(anchor - NOON).total_seconds() for anchor in placed.anchors]


def test_the_first_record_makes_the_session_and_the_others_belong_to_it() -> None:
    assert anchors_of(begun(0), begun(1.5, HOUR), begun(-2, 2 * HOUR)) == [0, 0, 0]


def test_within_the_tolerance_it_is_the_session_that_is_known_and_beyond_it_a_new_one() -> None:
    limit = ANCHOR_TOLERANCE_SECONDS
    assert anchors_of(begun(limit), of=known(0)) == [0]
    assert anchors_of(begun(limit + 1), of=known(0)) == [limit + 1]
    assert anchors_of(begun(-limit - 1), of=known(0)) == [-limit - 1]


def test_of_two_sessions_it_is_the_nearer_one() -> None:
    assert anchors_of(begun(400), begun(800), of=known(0, 1100)) == [0, 1100]


def test_a_record_without_time_belongs_to_the_latest_session_that_began_before_it() -> None:
    assert anchors_of(during(HOUR - 60), during(2 * HOUR), of=known(0, HOUR)) == [0, HOUR]


def test_a_record_without_time_may_seem_to_be_some_seconds_before_the_start() -> None:
    assert anchors_of(during(HOUR - 5), of=known(0, HOUR)) == [HOUR]
    assert anchors_of(during(-60), of=known(0, HOUR)) == [0]


def test_records_without_time_of_a_session_that_nobody_saw_begin_are_one_session() -> None:
    assert anchors_of(during(300), during(0), during(HOUR)) == [0, 0, 0]
    assert anchors_of(during(300), of=known(unbegun=HOUR)) == [HOUR]


def test_who_tells_the_beginning_takes_over_the_session_without_one() -> None:
    placed = place([begun(0, 7000)], known(unbegun=7200))
    assert placed.anchors == [at(0)]
    assert placed.moves == [Move(KEY, at(7200), at(0))]


def test_a_session_that_began_after_it_is_another_one() -> None:
    assert anchors_of(begun(HOUR), of=known(unbegun=0)) == [HOUR]


def test_in_one_batch_the_order_does_not_matter() -> None:
    assert anchors_of(during(HOUR), begun(0)) == [0, 0]


def test_keys_have_nothing_to_do_with_each_other() -> None:
    other = begun(0)._replace(session_key=b"o" * 16)
    placed = place([begun(100), other], {})
    assert placed.anchors == [at(100), at(0)]


beginnings = st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True)
jitters = st.floats(-3, 3)


@given(beginnings, st.data())
def test_sessions_are_told_apart_in_every_order_and_division(hours: list[int], data: st.DataObject) -> None:
    made = [(hour, begun(hour * HOUR + data.draw(jitters))) for hour in hours for _ in range(3)]
    sequence = data.draw(st.permutations(made))
    cut = data.draw(st.integers(0, len(sequence)))
    state: dict[bytes, SessionsOfKey] = {}
    found = [
        anchor for some in (sequence[:cut], sequence[cut:]) for anchor in place([q for _, q in some], state).anchors
    ]
    by_hour = {hour: {anchor for (h, _), anchor in zip(sequence, found, strict=True) if h == hour} for hour in hours}
    assert all(len(anchors) == 1 for anchors in by_hour.values())
    assert len(set.union(*by_hour.values())) == len(hours)


def test_memory_answers_only_where_no_other_session_can_be_nearer() -> None:
    memory = AnchorMemory(10)
    memory.remember(KEY, at(0))
    assert memory.find(KEY, at(300)) == at(0)
    assert memory.find(KEY, at(-300)) == at(0)
    assert memory.find(KEY, at(301)) is None
    assert memory.find(b"o" * 16, at(0)) is None


def test_memory_keeps_to_its_limit_and_forgets_what_is_not_asked_for() -> None:
    memory = AnchorMemory(10)
    memory.remember(KEY, at(0))
    for number in range(100):
        memory.remember(number.to_bytes(16, "big"), at(0))
        assert memory.find(KEY, at(0)) == at(0)
        assert len(memory) <= memory.limit
    assert memory.find((0).to_bytes(16, "big"), at(0)) is None
    assert memory.find((99).to_bytes(16, "big"), at(0)) == at(0)
