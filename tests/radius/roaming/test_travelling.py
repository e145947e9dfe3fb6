"""Our residents at other operators, and whose request is whose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.outcome import Accepted, Challenged, Rejected, RejectReason
from radius.roaming.travelling import at_other_operator, with_realm_unknown
from radius.service import Arrival, Request
from tests.radius.support import NAS, NOW, SECRET, Values, access_request

ACCEPTED = Accepted("peap/mschapv2", resident_id=7, detail="TLS 1.3")
ASKS = ("Chargeable-User-Identity", b"\0")
OPERATOR = ("Operator-Name", "1solihull.example")


def asked(*more: tuple[str, object], name: str = "mary", nas_id: int = 1) -> Request:
    values: Values = [("User-Name", name), *more]
    packet = access_request(values)
    key = ("192.0.2.1", 1, packet.code, packet.identifier)
    return Request(packet, replace(NAS, id=nas_id), SECRET, Arrival(NOW, 0.0), key)


def identity(keyring: Keyring, request: Request, accepted: Accepted = ACCEPTED) -> bytes | None:
    step = at_other_operator(accepted, request, keyring)
    assert isinstance(step, Accepted)
    return next((value for number, value in step.attributes if number == 89), None)


def test_nobody_who_did_not_ask_gets_an_identity(keyring: Keyring) -> None:
    assert identity(keyring, asked()) is None
    assert identity(keyring, asked(OPERATOR)) is None


def test_an_operator_knows_a_resident_again_and_no_two_operators_know_the_same_one(keyring: Keyring) -> None:
    here = identity(keyring, asked(OPERATOR, ASKS))
    assert here is not None
    assert len(here) == 32
    # Another device, with another user name: the same person.
    assert identity(keyring, asked(OPERATOR, ASKS, name="mary2")) == here
    assert identity(keyring, asked(("Operator-Name", "1dudley.example"), ASKS)) != here
    assert identity(keyring, asked(OPERATOR, ASKS), replace(ACCEPTED, resident_id=8)) != here


def test_an_operator_without_a_name_is_known_by_its_equipment(keyring: Keyring) -> None:
    first = identity(keyring, asked(ASKS))
    assert first is not None
    assert identity(keyring, asked(ASKS, nas_id=2)) not in (None, first)


def test_a_credential_that_is_no_residents_is_known_by_its_name(keyring: Keyring) -> None:
    nobodys = replace(ACCEPTED, resident_id=None, proven_name="staff")
    first = identity(keyring, asked(OPERATOR, ASKS), nobodys)
    assert first == identity(keyring, asked(OPERATOR, ASKS, name="anonymous"), nobodys)
    assert first != identity(keyring, asked(OPERATOR, ASKS), replace(nobodys, proven_name="other"))
    by_name = replace(nobodys, proven_name=None)
    assert identity(keyring, asked(OPERATOR, ASKS, name="staff"), by_name) == first


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("1solihull.example", "TLS 1.3, at operator solihull.example"),
        ("1" + "a" * 200, "TLS 1.3, at operator " + "a" * 80),
        ("1evil\nreason: accepted", "TLS 1.3, at operator evil?reason:?accepted"),
        ("1", "TLS 1.3, at operator "),
    ],
)
def test_the_log_names_the_operator_and_nothing_can_be_forged_with_it(keyring: Keyring, sent: str, shown: str) -> None:
    step = at_other_operator(ACCEPTED, asked(("Operator-Name", sent)), keyring)
    assert isinstance(step, Accepted)
    assert step.detail == shown
    assert len(step.detail) <= 200


def test_a_reject_is_told_with_the_operator_too(keyring: Keyring) -> None:
    step = at_other_operator(Rejected("pap", RejectReason.WRONG_PASSWORD), asked(OPERATOR, ASKS), keyring)
    assert isinstance(step, Rejected)
    assert (step.detail, step.attributes) == ("at operator solihull.example", ())


def test_a_challenge_stays_as_it_is(keyring: Keyring) -> None:
    challenge = Challenged("peap/mschapv2", (attributes.encode("State", b"x"),))
    assert at_other_operator(challenge, asked(OPERATOR, ASKS), keyring) is challenge


def test_only_an_unknown_name_is_explained_by_its_realm() -> None:
    unknown = with_realm_unknown(Rejected("pap", RejectReason.UNKNOWN_USER))
    assert isinstance(unknown, Rejected)
    assert unknown.reason is RejectReason.REALM_UNKNOWN
    for step in (Rejected("pap", RejectReason.WRONG_PASSWORD), ACCEPTED):
        assert with_realm_unknown(step) is step
