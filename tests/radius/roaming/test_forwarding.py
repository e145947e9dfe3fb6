"""What goes to a home server, and what comes back from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.privacy import Keyring
from radius import attributes
from radius.attributes import encode
from radius.authenticators import hide_salted, reveal_password, reveal_salted
from radius.authorization import make_class
from radius.errors import MalformedAttributeError
from radius.packet import Attribute, Code, Packet, decode, encode_reply, encode_request, new_authenticator
from radius.roaming.forwarding import (
    MOST_PROXY_STATES,
    eap_failure,
    good_until,
    inward,
    is_loop,
    marker_of,
    method_of,
    operator_attribute,
    outward,
    outward_accounting,
)
from tests.radius.support import NOW, SECRET, Values, access_request, accounting_request

HOME = b"what the home server and we share"
MARKER = b"our mark"
OPERATOR = operator_attribute("wifi.coventry.example")
MICROSOFT = (311).to_bytes(4, "big")


def forwarded(received: Packet) -> tuple[list[Attribute], bytes]:
    authenticator = new_authenticator()
    return outward(received, SECRET, authenticator, HOME, OPERATOR, MARKER), authenticator


def values(pairs: Iterable[Attribute], name: str) -> list[bytes]:
    number = attributes.definition_of(name).number
    return [value for kind, value in pairs if kind == number]


def test_everything_goes_and_a_password_is_hidden_anew() -> None:
    received = access_request(
        [
            ("User-Name", "mary@a.example"),
            ("User-Password", "secret"),
            ("NAS-Identifier", "hall"),
            ("Proxy-State", b"one"),
        ]
    )
    sent, authenticator = forwarded(received)
    assert values(sent, "User-Name") == [b"mary@a.example"]
    assert values(sent, "NAS-Identifier") == [b"hall"]
    (hidden,) = values(sent, "User-Password")
    assert reveal_password(hidden, HOME, authenticator) == b"secret"
    assert values(sent, "Message-Authenticator") == []
    assert values(sent, "Proxy-State") == [b"one", MARKER]


def test_it_says_who_serves_the_guest_and_asks_for_a_chargeable_identity() -> None:
    sent, _ = forwarded(access_request({"User-Name": "mary@a.example"}))
    assert values(sent, "Operator-Name") == [b"1wifi.coventry.example"]
    assert values(sent, "Chargeable-User-Identity") == [b"\0"]


def test_what_another_proxy_has_said_of_that_stays() -> None:
    said: Values = [("Operator-Name", "1other.example"), ("Chargeable-User-Identity", b"guest 7")]
    sent, _ = forwarded(access_request(said))
    assert values(sent, "Operator-Name") == [b"1other.example"]
    assert values(sent, "Chargeable-User-Identity") == [b"guest 7"]


def test_without_an_operator_name_nothing_is_said() -> None:
    assert operator_attribute("") == ()


def test_a_chap_challenge_that_was_the_authenticator_is_made_explicit() -> None:
    received = access_request({"User-Name": "mary@a.example", "CHAP": "secret"})
    sent, _ = forwarded(received)
    assert values(sent, "CHAP-Challenge") == [received.authenticator]
    explicit = access_request([("CHAP", "secret"), ("CHAP-Challenge", b"challenge")])
    assert values(forwarded(explicit)[0], "CHAP-Challenge") == [b"challenge"]


def test_eap_goes_untouched() -> None:
    pieces: Values = [("EAP-Message", b"a" * 253), ("EAP-Message", b"b"), ("State", b"round two")]
    sent, _ = forwarded(access_request(pieces))
    assert values(sent, "EAP-Message") == [b"a" * 253, b"b"]
    assert values(sent, "State") == [b"round two"]


def test_a_password_that_cannot_be_revealed_is_the_nas_fault() -> None:
    received = encode_request(Code.ACCESS_REQUEST, 1, [(2, b"short")], SECRET)
    with pytest.raises(MalformedAttributeError):
        forwarded(received)


def test_accounting_goes_without_our_own_class_and_with_the_delay(keyring: Keyring) -> None:
    ours, theirs = make_class(keyring, 1, 2), b"the home's"
    received = accounting_request({"Acct-Status-Type": "Stop", "Acct-Delay-Time": 5})
    extended = [*received.attributes, (25, ours), (25, theirs), (33, b"the NAS's")]
    received = encode_request(Code.ACCOUNTING_REQUEST, 1, extended, SECRET)
    sent = outward_accounting(received, keyring, 30, OPERATOR, MARKER)
    assert values(sent, "Class") == [theirs]
    assert values(sent, "Acct-Delay-Time") == [(35).to_bytes(4, "big")]
    assert values(sent, "Operator-Name") == [b"1wifi.coventry.example"]
    assert values(sent, "Proxy-State") == [b"the NAS's", MARKER]


def returned(
    code: Code, *given: Attribute, received: Packet | None = None, asked: Packet | None = None
) -> tuple[Attribute, ...]:
    received = received or access_request({"User-Name": "mary@a.example"})
    asked = asked or encode_request(Code.ACCESS_REQUEST, 1, (), HOME)
    reply = decode(encode_reply(code, asked, given, HOME))
    return inward(reply, asked, HOME, received, SECRET, lambda realm: realm == "a.example")


def test_a_home_server_chooses_no_place_in_our_network() -> None:
    foreign = [
        encode("Filter-Id", "everything"),
        encode("Framed-IP-Address", "10.0.0.1"),
        encode("WISPr-Bandwidth-Max-Down", 10**9),
        encode("WISPr-Redirection-URL", "http://evil.example/"),
        encode("Mikrotik-Rate-Limit", "1G/1G"),
        encode("Idle-Timeout", 86400),
        encode("Acct-Interim-Interval", 1),
        encode("Termination-Action", 1),
        (64, b"\0\0\0\x0d"),
        (81, b"7"),
        encode("Proxy-State", b"x"),
    ]
    for code in (Code.ACCESS_ACCEPT, Code.ACCESS_CHALLENGE, Code.ACCESS_REJECT):
        assert returned(code, *foreign) == ()


def test_what_a_home_server_may_say_comes_back() -> None:
    wanted = (
        (79, b"\x03\x01\0\x04"),
        (25, b"class"),
        encode("Chargeable-User-Identity", b"guest"),
        encode("Reply-Message", "Welcome"),
        encode("User-Name", "mary.smith@A.example"),
    )
    assert returned(Code.ACCESS_ACCEPT, *wanted) == wanted


@pytest.mark.parametrize("name", ["mary", "mary@b.example", "demo"])
def test_a_user_name_that_does_not_lead_home_is_left_out(name: str) -> None:
    assert returned(Code.ACCESS_ACCEPT, encode("User-Name", name)) == ()


def test_a_challenge_brings_its_state() -> None:
    wanted = ((79, b"\x01\x02\0\x05\x19"), (24, b"round two"), encode("Session-Timeout", 30))
    assert returned(Code.ACCESS_CHALLENGE, *wanted, (25, b"class")) == wanted


def test_a_reject_says_only_what_the_method_needs() -> None:
    error = (26, MICROSOFT + b"\x02\x0d" + b"\x01E=691 R=0 "[:11])
    wanted = ((79, b"\x04\x01\0\x04"), error)
    assert returned(Code.ACCESS_REJECT, *wanted, encode("Reply-Message", "no such user")) == wanted


def test_session_keys_are_hidden_anew_for_the_nas() -> None:
    received = access_request({"User-Name": "mary@a.example"})
    asked = encode_request(Code.ACCESS_REQUEST, 1, (), HOME)
    hidden = [hide_salted(key * 32, HOME, asked.authenticator) for key in (b"s", b"r")]
    both = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in zip((16, 17), hidden, strict=True))
    came = returned(Code.ACCESS_ACCEPT, (26, MICROSOFT + both), received=received, asked=asked)
    keys = [(value[4], reveal_salted(value[6:], SECRET, received.authenticator)) for _, value in came]
    assert keys == [(16, b"s" * 32), (17, b"r" * 32)]


def test_keys_that_do_not_open_are_the_home_servers_fault() -> None:
    with pytest.raises(MalformedAttributeError):
        returned(Code.ACCESS_ACCEPT, (26, MICROSOFT + b"\x10\x24" + bytes(34)))


def test_vendor_attributes_that_cannot_be_read_are_the_home_servers_fault() -> None:
    with pytest.raises(MalformedAttributeError):
        returned(Code.ACCESS_ACCEPT, (26, MICROSOFT + b"\x10\xff"))


def test_the_home_servers_session_timeout_is_an_end() -> None:
    asked = encode_request(Code.ACCESS_REQUEST, 1, (), HOME)
    reply = decode(encode_reply(Code.ACCESS_ACCEPT, asked, [encode("Session-Timeout", 1800)], HOME))
    assert good_until(reply, NOW) == NOW + timedelta(minutes=30)
    assert good_until(decode(encode_reply(Code.ACCESS_ACCEPT, asked, (), HOME)), NOW) is None


def test_a_request_that_was_here_before_is_known_again(keyring: Keyring) -> None:
    ours, others = marker_of(keyring, 1), marker_of(keyring, 2)
    assert ours != others
    assert is_loop(access_request([("Proxy-State", b"x"), ("Proxy-State", ours)]), ours)
    assert not is_loop(access_request([("Proxy-State", b"x"), ("Proxy-State", others)]), ours)


def test_too_many_proxies_are_a_loop() -> None:
    states: Values = [("Proxy-State", bytes((n,))) for n in range(MOST_PROXY_STATES)]
    assert not is_loop(access_request(states), MARKER)
    assert is_loop(access_request([*states, ("Proxy-State", b"one more")]), MARKER)


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ([("EAP-Message", b"\x02\x09\0\x05\x01")], "proxy/eap"),
        ([("User-Password", "x")], "proxy/pap"),
        ([("CHAP", "x")], "proxy/chap"),
        ([("MS-CHAP-Challenge", b"x" * 16)], "proxy/mschap"),
        ([], "proxy/none"),
    ],
)
def test_the_log_names_the_method(given: Values, method: str) -> None:
    assert method_of(access_request(given)) == method


def test_a_refused_eap_conversation_ends_with_eap_failure() -> None:
    assert eap_failure(access_request([("EAP-Message", b"\x02\x09\0\x05\x01")])) == ((79, b"\x04\x09\0\x04"),)
    assert eap_failure(access_request({"User-Name": "x"})) == ()


@given(
    st.sampled_from([Code.ACCESS_ACCEPT, Code.ACCESS_CHALLENGE, Code.ACCESS_REJECT]),
    st.lists(st.tuples(st.integers(1, 79) | st.integers(81, 255), st.binary(max_size=253)), max_size=6),
    st.binary(max_size=249),
)
def test_whatever_a_home_server_sends_is_passed_on_or_is_its_fault(
    code: Code, given_attributes: list[Attribute], of_microsoft: bytes
) -> None:
    try:
        came = returned(code, *given_attributes, (26, MICROSOFT + of_microsoft))
    except MalformedAttributeError:
        return
    encode_reply(code, access_request({"User-Name": "mary@a.example"}), came, SECRET)
