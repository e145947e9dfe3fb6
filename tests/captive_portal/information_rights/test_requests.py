"""Requests about data: which steps are possible when, and what is due then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.information_rights import requests
from captive_portal.information_rights.requests import InformationRequest, Kind, Outcome, RequestError, Rules, Wait

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
RIGHTS = [kind for kind in Kind if kind is not Kind.COMPLAINT]


def request(kind: Kind = Kind.ACCESS, *, identified: bool = True) -> InformationRequest:
    asked = InformationRequest(
        id=1,
        council_id=1,
        number="26-7KQ4MX",
        kind=kind,
        language="en",
        rules=Rules("Europe/London", 20),
        received_at=NOW,
        contact="ann@example.org",
        waits_for=None if kind is Kind.COMPLAINT else Wait.IDENTITY,
    )
    return requests.contact_proved(asked, NOW) if identified else asked


def due(asked: InformationRequest) -> str | None:
    """The last day."""
    moment = asked.due_at()
    return None if moment is None else f"{moment - timedelta(seconds=1):%Y-%m-%d}"


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_month_begins_when_a_request_came_whose_identity_is_proved_at_once(kind: Kind) -> None:
    assert due(request(kind)) == "2026-12-03"


def test_the_clock_stands_until_identity_is_proved_and_the_month_begins_then() -> None:
    asked = request(identified=False)
    assert (asked.waits_for, due(asked)) == (Wait.IDENTITY, None)
    assert due(requests.contact_proved(asked, later(5))) == "2026-12-08"
    assert due(requests.identity_proved(asked, later(5))) == "2026-12-08"


def test_a_second_code_opens_the_page_again_and_moves_no_clock() -> None:
    asked = requests.contact_proved(request(), later(20))
    assert due(asked) == "2026-12-03"
    assert asked.is_open(later(20))
    assert not asked.is_open(later(20) + requests.OPEN_FOR)


def test_the_clock_stands_while_clarification_is_waited_for_and_goes_on_then() -> None:
    asked = requests.clarification_asked(request(), later(2))
    assert (asked.waits_for, due(asked)) == (Wait.CLARIFICATION, None)
    answered = requests.clarified(asked, later(11))
    assert (answered.waits_for, due(answered)) == (None, "2026-12-13")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ACCESS])
def test_only_subject_access_may_wait_for_clarification(kind: Kind) -> None:
    with pytest.raises(RequestError, match="write a message"):
        requests.clarification_asked(request(kind), NOW)


def test_two_months_more_can_be_taken_once() -> None:
    extended = requests.extended(request(), later(29))
    assert due(extended) == "2027-02-03"
    with pytest.raises(RequestError, match="once"):
        requests.extended(extended, later(29))


def test_the_first_month_cannot_be_extended_when_it_is_over() -> None:
    with pytest.raises(RequestError, match="before it is over"):
        requests.extended(request(), later(31))


def test_a_complaint_is_acknowledged_in_thirty_days_and_answered_in_the_councils_own_time() -> None:
    asked = request(Kind.COMPLAINT)
    assert due(asked) == "2026-12-02"
    assert due(requests.acknowledged(asked, later(3))) == "2026-11-23"


def test_a_complaint_waits_for_nobodys_identity() -> None:
    asked = request(Kind.COMPLAINT, identified=False)
    assert requests.answered(asked, Outcome.DONE, NOW).outcome is Outcome.DONE


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_right_is_given_only_to_who_is_known_and_can_be_refused_to_anybody(kind: Kind) -> None:
    asked = request(kind, identified=False)
    for outcome in (Outcome.DONE, Outcome.PARTLY):
        with pytest.raises(RequestError, match="identity is not proved"):
            requests.answered(asked, outcome, NOW)
    assert requests.answered(asked, Outcome.REFUSED, NOW).closed_at == NOW


def test_data_are_given_after_the_code_only() -> None:
    known_otherwise = requests.identity_proved(request(identified=False), NOW)
    with pytest.raises(RequestError, match="code"):
        requests.answered(known_otherwise, Outcome.DONE, NOW, gives_data=True)
    assert requests.answered(request(), Outcome.DONE, NOW, gives_data=True).gives_data


def test_data_are_given_for_subject_access_only() -> None:
    with pytest.raises(RequestError, match="asked for them"):
        requests.answered(request(Kind.ERASURE), Outcome.DONE, NOW, gives_data=True)


def test_only_who_asked_can_withdraw() -> None:
    with pytest.raises(RequestError, match="who asked"):
        requests.answered(request(), Outcome.WITHDRAWN, NOW)
    assert requests.withdrawn(request(), NOW).outcome is Outcome.WITHDRAWN


CLOSING: list[Callable[[InformationRequest], InformationRequest]] = [
    lambda asked: requests.answered(asked, Outcome.DONE, NOW),
    lambda asked: requests.withdrawn(asked, NOW),
]
STEPS: list[Callable[[InformationRequest], InformationRequest]] = [
    *CLOSING,
    lambda asked: requests.acknowledged(asked, NOW),
    lambda asked: requests.identity_proved(asked, NOW),
    lambda asked: requests.clarification_asked(asked, NOW),
    lambda asked: requests.clarified(asked, NOW),
    lambda asked: requests.extended(asked, NOW),
]


@pytest.mark.parametrize("close", CLOSING, ids=["answered", "withdrawn"])
def test_nothing_happens_to_a_closed_request_any_more(
    close: Callable[[InformationRequest], InformationRequest],
) -> None:
    closed = close(request())
    assert due(closed) is None
    for step in STEPS:
        with pytest.raises(RequestError):
            step(closed)


def test_the_page_of_who_gave_no_contact_is_open_to_whoever_has_its_address() -> None:
    assert replace(request(identified=False), contact=None).is_open(NOW)
    assert not request(identified=False).is_open(NOW)


def test_a_step_out_of_turn_says_what_is_waited_for() -> None:
    waiting = requests.clarification_asked(request(), NOW)
    with pytest.raises(RequestError, match="clarification is waited for"):
        requests.extended(waiting, NOW)
    with pytest.raises(RequestError, match="proved already"):
        requests.identity_proved(request(), NOW)
    with pytest.raises(RequestError, match="does not wait"):
        requests.clarified(request(), NOW)
    with pytest.raises(RequestError, match="no acknowledgement"):
        requests.acknowledged(request(), NOW)
