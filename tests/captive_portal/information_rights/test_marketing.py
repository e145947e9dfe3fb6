from __future__ import annotations

import re

import pytest

from captive_portal.information_rights.marketing import (
    PATTERN,
    ActiveConsent,
    Changes,
    Channel,
    Controller,
    Offer,
    Sender,
    changes,
    choices,
    read_stop_token,
    stop_token,
)
from foundation.privacy import Keyring

COUNCIL = Sender(Controller.COUNCIL, "Coventry", None, Channel.EMAIL)
POOL = Sender(Controller.VENUE, "The pool", 3, Channel.EMAIL)
ENGLISH, WELSH = Offer(1, COUNCIL, "en", "News"), Offer(2, COUNCIL, "cy", "Newyddion")
SWIMMING = Offer(3, POOL, "en", "Swimming")
OFFERS = (ENGLISH, WELSH, SWIMMING)
OLD = Offer(9, COUNCIL, "en", "Old words")


def test_each_sender_has_one_box_in_the_residents_language_where_there_is_one() -> None:
    boxes = choices(OFFERS, (), "cy")
    assert [(box.offer.text, box.consents) for box in boxes] == [("Newyddion", ()), ("Swimming", ())]


def test_who_said_yes_to_other_words_of_the_same_sender_said_yes() -> None:
    [box, _pool] = choices(OFFERS, [ActiveConsent(7, OLD)], "en")
    assert (box.offer, box.consents) == (ENGLISH, (7,))


def test_what_nobody_asks_any_more_can_still_be_taken_back() -> None:
    [box] = choices((), [ActiveConsent(7, OLD)], "en")
    assert (box.offer, box.consents) == (OLD, (7,))
    assert changes((), [ActiveConsent(7, OLD)], {9: False}) == Changes((), (7,))
    assert changes((), [], {9: True}) == Changes((), ())


@pytest.mark.parametrize(
    ("active", "ticked", "changed"),
    [
        ((), {1: False, 3: False}, Changes((), ())),
        ((), {2: True, 3: False}, Changes((WELSH,), ())),
        ((ActiveConsent(7, OLD),), {1: True}, Changes((), ())),
        ((ActiveConsent(7, OLD), ActiveConsent(8, WELSH)), {1: False}, Changes((), (7, 8))),
        ((ActiveConsent(7, OLD),), {3: True}, Changes((SWIMMING,), ())),
        ((), {77: True}, Changes((), ())),
    ],
    ids=["nothing", "a yes", "a yes again", "a no", "another sender", "no such offer"],
)
def test_a_sent_page_changes_what_was_on_it_and_nothing_else(
    active: tuple[ActiveConsent, ...], ticked: dict[int, bool], changed: Changes
) -> None:
    assert changes(OFFERS, active, ticked) == changed


def test_a_token_is_always_the_same_and_only_ours_is_read(keyring: Keyring) -> None:
    token = stop_token(keyring, 2**63 - 1)
    assert token == stop_token(keyring, 2**63 - 1)
    assert re.fullmatch(PATTERN, token)
    assert read_stop_token(keyring, token) == 2**63 - 1
    assert read_stop_token(keyring, stop_token(Keyring(bytes(32)), 1)) is None
    assert read_stop_token(keyring, "A" * 50) is None
