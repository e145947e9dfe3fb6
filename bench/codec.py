"""The packet path without sockets and database: decode, verify, read the password, build and sign the reply.

It measures the codec that Python finds, and says which: pure Python's from the checkout, or the compiled one of a
folder that ``python -m tools.compiled_install`` filled.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.row import Row
from radius import packet
from radius.attributes import encode_all, get_integer, get_octets, get_text
from radius.packet import (
    Code,
    Packet,
    decode,
    encode_reply,
    encode_request,
    hide_password,
    new_authenticator,
    reveal_password,
    verify_request,
)

_KIND = "pure Python" if packet.__file__.endswith(".py") else "compiled"
_SECRET = b"a shared secret of 32 characters"
_TURNS = 2_000
_REPETITIONS = 50
_REPLY = encode_all(
    [
        ("Session-Timeout", 14_400),
        ("Idle-Timeout", 900),
        ("Acct-Interim-Interval", 600),
        ("Class", bytes(45)),
        ("WISPr-Bandwidth-Max-Down", 10_000_000),
    ]
)


def measure() -> list[Row]:
    """Microseconds for one request, by kind; what the handlers ask a request for is a row of its own."""
    return [
        _row("Access-Request with PAP", _access()),
        _row("Accounting-Request", _accounting()),
        _row("a dozen attributes read by name", _reading()),
        _row("a reply's attributes encoded by name", _encoding()),
    ]


def _access() -> Callable[[], None]:
    datagram = _access_request().octets

    def answer() -> None:
        request = decode(datagram)
        verify_request(request, _SECRET)
        hidden = get_octets(request, "User-Password")
        assert hidden is not None
        reveal_password(hidden, _SECRET, request.authenticator)
        encode_reply(Code.ACCESS_ACCEPT, request, _REPLY, _SECRET)

    return answer


def _access_request() -> Packet:
    authenticator = new_authenticator()
    password = hide_password(b"abcdefghij0123456789", _SECRET, authenticator)
    attributes = encode_all(
        [
            ("User-Name", "tabcdefghijklmnopqrstuvwxyz"),
            ("User-Password", password),
            ("Calling-Station-Id", "00-00-5E-00-53-01"),
            ("Called-Station-Id", "00-00-5E-00-53-81:City WiFi"),
            ("NAS-Identifier", "central-library"),
            ("NAS-Port-Type", "Wireless-802.11"),
            ("Acct-Session-Id", "65a1b2c3d4e5f607"),
        ]
    )
    return encode_request(Code.ACCESS_REQUEST, 1, attributes, _SECRET, authenticator=authenticator)


def _accounting() -> Callable[[], None]:
    attributes = encode_all(
        [
            ("Acct-Status-Type", "Interim-Update"),
            ("Acct-Session-Id", "65a1b2c3d4e5f607"),
            ("Calling-Station-Id", "00-00-5E-00-53-01"),
            ("Acct-Input-Octets", 123_456),
            ("Acct-Output-Octets", 1_234_567),
            ("Acct-Session-Time", 600),
            ("Class", bytes(45)),
        ]
    )
    datagram = encode_request(Code.ACCOUNTING_REQUEST, 1, attributes, _SECRET).octets

    def answer() -> None:
        request = decode(datagram)
        verify_request(request, _SECRET)
        encode_reply(Code.ACCOUNTING_RESPONSE, request, (), _SECRET)

    return answer


def _reading() -> Callable[[], None]:
    request = _access_request()

    def read() -> None:
        for name in ("User-Name", "Calling-Station-Id", "NAS-Identifier", "Acct-Session-Id"):
            get_text(request, name)
        get_text(request, "Called-Station-Id", lenient=True)
        for name in ("CHAP-Password", "EAP-Message", "MS-CHAP2-Response", "State", "User-Password"):
            get_octets(request, name)
        get_integer(request, "Service-Type")
        get_integer(request, "NAS-Port-Type")

    return read


def _encoding() -> Callable[[], None]:
    class_value = bytes(45)

    def build() -> None:
        encode_all(
            [
                ("Session-Timeout", 14_400),
                ("Idle-Timeout", 900),
                ("Acct-Interim-Interval", 600),
                ("Class", class_value),
                ("WISPr-Bandwidth-Max-Down", 10_000_000),
            ]
        )

    return build


def _row(what: str, answer: Callable[[], None]) -> Row:
    figures = []
    for _ in range(_REPETITIONS):
        started = time.perf_counter()
        for _ in range(_TURNS):
            answer()
        figures.append((time.perf_counter() - started) / _TURNS * 1e6)
    return Row.of(f"codec ({_KIND}): {what}", figures, "µs a request")
