from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.gateways.base import Arrival, Failure, Outcome
from captive_portal.journey import (
    PAGES,
    PATIENCE,
    TRANSITIONS,
    Details,
    Event,
    IllegalTransitionError,
    Journey,
    State,
    advance,
    meet,
    needs_new_hand_over,
)
from foundation.mac_address import MacAddress

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GATEWAY_EVENTS = (Event.GRANTED, Event.REFUSED, Event.ENDED, Event.MAY_RELEASE, Event.MUST_REGISTER)


def journey(state: State, **details: object) -> Journey:
    made = Details(path_id="a" * 24, driver="coovachilli", randomised=False)
    return Journey(
        id=1,
        council_id=1,
        nas_id=1,
        venue_id=None,
        mac_pseudonym=bytes(16),
        resident_id=None,
        state=state,
        language="en",
        details=replace(made, **details),  # type: ignore[arg-type]  # each test names fields that exist
        expires_at=NOW + timedelta(hours=1),
    )


def arrival(outcome: Outcome, failure: Failure | None = None, **hand_over: str) -> Arrival:
    return Arrival(outcome, MacAddress.parse("00-00-5E-00-53-01"), hand_over, failure=failure)


def test_every_stored_state_has_a_page_and_a_row_in_the_table() -> None:
    assert set(PAGES) == set(State)
    assert set(TRANSITIONS) == set(State) - {State.EXPIRED}


@pytest.mark.parametrize("state", TRANSITIONS)
@pytest.mark.parametrize("event", GATEWAY_EVENTS)
def test_a_gateway_may_say_anything_at_any_time(state: State, event: Event) -> None:
    assert isinstance(advance(journey(state), event).state, State)


def test_every_state_can_be_reached_and_none_is_a_dead_end() -> None:
    reached = {target for row in TRANSITIONS.values() for target in row.values()}
    assert reached == set(TRANSITIONS)
    assert all(set(row.values()) - {state} for state, row in TRANSITIONS.items())


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.CHOOSE, Event.CODE_SENT),
        (State.CHOOSE, Event.PROVEN),
        (State.CODE, Event.SENT_TO_GATEWAY),
        (State.RELEASE, Event.PROVEN),
        (State.EMAIL, Event.GRACE_GIVEN),
        (State.VOUCHER, Event.CODE_SENT),
        (State.WAITING, Event.VERIFIED),
        (State.ONLINE, Event.REGISTERED),
        (State.EXPIRED, Event.MAY_RELEASE),
    ],
)
def test_steps_cannot_be_skipped(state: State, event: Event) -> None:
    with pytest.raises(IllegalTransitionError):
        advance(journey(state), event)


def test_nobody_is_online_before_accounting_proves_it() -> None:
    to_online = {(state, event) for state, row in TRANSITIONS.items() for event in row if row[event] is State.ONLINE}
    assert {pair for pair in to_online if pair[0] is not State.ONLINE} == {(State.WAITING, Event.PROVEN)}


def test_a_new_device_chooses_first_and_a_known_one_is_released_at_once() -> None:
    captive = arrival(Outcome.CAPTIVE, challenge="00")
    assert meet(journey(State.CHOOSE), captive, may_release=False, now=NOW).state is State.CHOOSE
    assert meet(journey(State.CHOOSE), captive, may_release=True, now=NOW).state is State.RELEASE


@pytest.mark.parametrize("state", [State.CHOOSE, State.EMAIL, State.CODE])
def test_reopening_the_page_continues_at_the_same_step_with_the_new_challenge(state: State) -> None:
    again = meet(journey(state), arrival(Outcome.CAPTIVE, challenge="11"), may_release=False, now=NOW)
    assert again.state is state
    assert again.details.hand_over == {"challenge": "11"}
    assert again.details.handed_over_at == NOW


def test_the_same_challenge_again_is_as_old_as_it_was() -> None:
    before = journey(State.CHOOSE, hand_over={"challenge": "11"}, handed_over_at=NOW)
    later = NOW + timedelta(minutes=5)
    assert meet(before, arrival(Outcome.CAPTIVE, challenge="11"), may_release=False, now=later) == before


def test_a_gateway_that_renews_with_the_same_challenge_is_believed_and_not_asked_in_a_circle() -> None:
    old = NOW - timedelta(hours=1)
    sent = journey(State.RELEASE, hand_over={"challenge": "11"}, handed_over_at=old, renewing=True)
    back = meet(sent, arrival(Outcome.CAPTIVE, challenge="11"), may_release=True, now=NOW)
    assert not needs_new_hand_over(back, 540, NOW)


def test_a_probe_during_the_release_does_not_take_the_journey_back() -> None:
    waiting = journey(State.WAITING, waiting_since=NOW)
    captive = arrival(Outcome.CAPTIVE, challenge="11")
    assert meet(waiting, captive, may_release=True, now=NOW + timedelta(seconds=1)).state is State.WAITING
    assert meet(waiting, captive, may_release=True, now=NOW + PATIENCE).state is State.RELEASE


@pytest.mark.parametrize("state", [State.ONLINE, State.FAILED, State.ENDED])
def test_a_device_that_is_captive_again_starts_again(state: State) -> None:
    captive = arrival(Outcome.CAPTIVE, challenge="11")
    assert meet(journey(state), captive, may_release=True, now=NOW).state is State.RELEASE
    assert meet(journey(state), captive, may_release=False, now=NOW).state is State.CHOOSE


def test_the_gateways_word_alone_leads_to_waiting() -> None:
    granted = meet(journey(State.WAITING, waiting_since=NOW), arrival(Outcome.GRANTED), may_release=True, now=NOW)
    assert granted.state is State.WAITING
    assert not granted.details.already_online
    already = meet(journey(State.CHOOSE), arrival(Outcome.ALREADY_ONLINE), may_release=False, now=NOW)
    assert already.state is State.WAITING
    assert already.details.already_online


def test_a_refusal_keeps_its_reason_and_does_not_disturb_who_is_still_registering() -> None:
    refused = arrival(Outcome.REFUSED, Failure.TIMEOUT)
    failed = meet(journey(State.WAITING), refused, may_release=True, now=NOW)
    assert (failed.state, failed.details.failure) == (State.FAILED, Failure.TIMEOUT)
    assert meet(journey(State.CODE), refused, may_release=False, now=NOW).state is State.CODE
    assert meet(journey(State.ONLINE), refused, may_release=True, now=NOW).state is State.ONLINE


def test_logging_off_ends_what_was_online() -> None:
    assert meet(journey(State.ONLINE), arrival(Outcome.LOGGED_OFF), may_release=True, now=NOW).state is State.ENDED


def test_a_hand_over_is_renewed_when_it_is_missing_or_old() -> None:
    assert needs_new_hand_over(journey(State.RELEASE), 540, NOW)
    fresh = journey(State.RELEASE, hand_over={"challenge": "00"}, handed_over_at=NOW)
    assert not needs_new_hand_over(fresh, 540, NOW + timedelta(seconds=539))
    assert needs_new_hand_over(fresh, 540, NOW + timedelta(seconds=540))


def test_a_hand_over_that_was_waited_on_in_vain_is_fetched_anew_unless_there_is_a_newer_one() -> None:
    before = {"hand_over": {"challenge": "00"}, "handed_over_at": NOW - timedelta(seconds=9)}
    waiting = journey(State.WAITING, released_at=NOW, waiting_since=NOW, **before)
    assert not needs_new_hand_over(waiting, 540, NOW + timedelta(seconds=9))
    assert needs_new_hand_over(waiting, 540, NOW + PATIENCE)
    newer = replace(waiting, details=replace(waiting.details, handed_over_at=NOW + timedelta(seconds=9)))
    assert not needs_new_hand_over(newer, 540, NOW + PATIENCE)


def test_a_journey_shows_its_page_and_those_one_step_back() -> None:
    code = journey(State.CODE)
    assert [page for page in PAGES.values() if code.shows(page)] == ["start", "email", "phone", "code"]
    assert code.current_path() == f"/j/{'a' * 24}/code"
    assert not journey(State.CHOOSE).shows("online")


def test_whoever_is_online_to_fetch_a_code_can_type_it() -> None:
    in_grace = journey(State.ONLINE, contact="ann@example.org")
    assert in_grace.shows("code")
    assert not journey(State.ONLINE).shows("code")
    verified = advance(in_grace, Event.VERIFIED, contact=None)
    assert (verified.state, verified.shows("code")) == (State.ONLINE, False)


@pytest.mark.parametrize("state", [State.WAITING, State.ONLINE, State.FAILED, State.ENDED])
def test_when_grace_is_over_the_journey_waits_for_the_code_that_was_sent(state: State) -> None:
    captive = arrival(Outcome.CAPTIVE, challenge="11")
    over = meet(journey(state, contact="ann@example.org"), captive, may_release=False, now=NOW)
    assert over.state is State.CODE


@pytest.mark.parametrize("state", [State.EMAIL, State.PHONE, State.VOUCHER])
def test_a_redirect_leaves_alone_who_is_still_registering(state: State) -> None:
    captive = arrival(Outcome.CAPTIVE, challenge="11")
    assert meet(journey(state, contact="ann@example.org"), captive, may_release=False, now=NOW).state is state


def test_a_right_to_be_on_can_have_an_end() -> None:
    registered = replace(journey(State.RELEASE, device_id=1, access_until=NOW), resident_id=1)
    assert registered.may_be_on(NOW - timedelta(seconds=1))
    assert not registered.may_be_on(NOW)
    assert not journey(State.RELEASE).may_be_on(NOW)
    assert replace(journey(State.RELEASE, device_id=1), resident_id=1).may_be_on(NOW)


def test_nothing_private_shows_in_a_traceback() -> None:
    shown = repr(journey(State.CODE, contact="ann@example.org", hand_over={"challenge": "c0ffee"}, user_name="tabc"))
    for private in ("ann@", "c0ffee", "tabc", "a" * 24):
        assert private not in shown
