"""When a home server is believed to be alive."""

from __future__ import annotations

from radius.roaming.health import TRIED_AGAIN_AFTER_SECONDS, Health, State

NEW = Health()
KNOWN = Health(knows_status=True, asked_for_status_at=0.0)
EVERY = 10.0


def test_a_new_server_is_alive_and_is_asked_once_for_its_status() -> None:
    assert NEW.state is State.ALIVE
    assert NEW.status_is_due(0, EVERY)
    assert not NEW.status_asked(0).status_is_due(1000, EVERY)


def test_silence_makes_it_suspected_and_its_status_is_asked_for_at_once() -> None:
    suspected = KNOWN.unanswered(1, 3)
    assert suspected.state is State.SUSPECTED
    assert suspected.status_is_due(3, EVERY)
    assert not suspected.status_asked(3).status_is_due(4, EVERY)


def test_a_suspected_server_that_tells_its_status_is_alive_because_the_silence_was_anothers() -> None:
    assert KNOWN.unanswered(1, 3).status_answered(3.1).state is State.ALIVE


def test_silence_to_status_server_means_down() -> None:
    assert KNOWN.unanswered(1, 3).status_unanswered(3, 5).state is State.DOWN


def test_a_server_that_may_not_know_status_server_is_not_down_for_its_silence_to_it() -> None:
    assert NEW.unanswered(1, 3).status_unanswered(3, 5).state is State.SUSPECTED


def test_silence_to_a_request_that_was_sent_under_suspicion_means_down() -> None:
    suspected = NEW.unanswered(1, 3)
    assert suspected.unanswered(3.5, 5.5).state is State.DOWN


def test_the_requests_that_were_under_way_when_it_died_are_one_failure() -> None:
    health = NEW
    for number in range(100):
        health = health.unanswered(1 + number / 100, 3 + number / 100)
    assert health.state is State.SUSPECTED
    revived = health.answered(5)
    assert revived.unanswered(2, 5.1).state is State.ALIVE


def test_an_answer_to_a_request_proves_that_it_is_alive() -> None:
    for health in (NEW.unanswered(1, 3), NEW.unanswered(1, 3).unanswered(3.5, 5.5)):
        assert health.answered(6).state is State.ALIVE


def test_a_server_that_is_down_needs_three_answers_in_a_row() -> None:
    down = KNOWN.unanswered(1, 3).status_unanswered(3, 5)
    twice = down.status_answered(15).status_answered(25)
    assert twice.state is State.DOWN
    assert twice.status_answered(35).state is State.ALIVE
    again = twice.status_unanswered(35, 37).status_answered(45).status_answered(55)
    assert again.state is State.DOWN


def test_a_server_that_is_down_is_asked_every_so_often() -> None:
    down = KNOWN.unanswered(1, 3).status_asked(3).status_unanswered(3, 5)
    assert not down.status_is_due(12, EVERY)
    assert down.status_is_due(13, EVERY)
    assert not down.status_asked(13).status_is_due(22, EVERY)


def test_a_server_that_does_not_know_status_server_gets_another_chance_after_a_while() -> None:
    down = NEW.unanswered(1, 3).unanswered(3.5, 5.5)
    assert down.after_waiting(5.5 + TRIED_AGAIN_AFTER_SECONDS - 1).state is State.DOWN
    assert down.after_waiting(5.5 + TRIED_AGAIN_AFTER_SECONDS).state is State.ALIVE


def test_a_server_that_knows_it_is_not_tried_with_residents_requests() -> None:
    down = KNOWN.unanswered(1, 3).status_unanswered(3, 5)
    assert down.after_waiting(10_000).state is State.DOWN
