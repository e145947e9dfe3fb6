"""CoovaChilli's side of its Universal Access Method: the redirect with its seal, and the challenge arithmetic.

Written from the contract, apart from the portal's driver, so that each tests the other. Source: coova-chilli
``src/redir.c`` and ``src/chilli.c`` (behaviour only).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import md5
from urllib.parse import quote

# The order in which CoovaChilli writes what it has to say; `reason` is part of `res` in its source.
PARAMETER_ORDER = (
    "res", "reason", "uamip", "uamport", "challenge", "starttime", "sessiontime", "sessiontimeout", "stoptime",
    "called", "uid", "timeleft", "mac", "ip", "reply", "ssid", "nasid", "vlan", "loc", "lang", "sessionid", "ssl",
    "redirurl", "userurl",
)  # fmt: skip
LONGEST_PASSWORD_OCTETS = 128
_POSITION = {name: position for position, name in enumerate(PARAMETER_ORDER)}


class Result(StrEnum):
    """What ``res`` can say."""

    NOT_YET = "notyet"
    SUCCESS = "success"
    FAILED = "failed"
    ALREADY = "already"
    LOGGED_OFF = "logoff"


class FailureReason(StrEnum):
    """What ``reason`` can say when ``res`` is failed."""

    REJECT = "reject"
    TIMEOUT = "timeout"
    OTHER = "other"


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What a browser brought to /logon, as RADIUS carries it on: a revealed password, or a CHAP response.

    ``response`` has 16 octets and answers ``challenge``.
    """

    password: bytes | None = None
    response: bytes | None = None
    challenge: bytes = b""


def redirect_url(uam_server: str, uam_secret: bytes, parameters: Mapping[str, str]) -> str:
    """The portal's address with the parameters in CoovaChilli's order and ``md`` over all of it."""
    pairs = sorted(parameters.items(), key=lambda pair: _POSITION[pair[0]])
    query = "&".join(f"{name}={quote(value, safe='-._~')}" for name, value in pairs)
    url = f"{uam_server}{'&' if '?' in uam_server else '?'}{query}"
    return f"{url}&md={seal(url, uam_secret)}" if uam_secret else url


def seal(url: str, uam_secret: bytes) -> str:
    """``md``: upper-case hexadecimal MD5 of the text before ``&md=``, then the secret."""
    return md5(url.encode() + uam_secret, usedforsecurity=False).hexdigest().upper()


def keyed_challenge(challenge: bytes, uam_secret: bytes) -> bytes:
    """What both sides compute with: the challenge itself, or with a secret MD5 of both."""
    return md5(challenge + uam_secret, usedforsecurity=False).digest() if uam_secret else challenge


def chap_response(password: bytes, keyed: bytes, identifier: int = 0) -> bytes:
    """What a portal that knows the password sends as ``response`` (RFC 1994), 16 octets."""
    return md5(bytes((identifier,)) + password + keyed, usedforsecurity=False).digest()


def mask_password(password: bytes, keyed: bytes) -> bytes:
    """The password XOR the keyed challenge, repeated; its own inverse."""
    return bytes(octet ^ keyed[position % len(keyed)] for position, octet in enumerate(password))


def read_proof(query: Mapping[str, str], keyed: bytes) -> Proof | None:
    """``response`` (CHAP) or ``password`` (PAP) of a /logon, both hexadecimal; None for anything malformed."""
    try:
        if "response" in query:
            response = bytes.fromhex(query["response"])
            return Proof(response=response, challenge=keyed) if len(response) == len(keyed) else None
        masked = bytes.fromhex(query["password"])
    except (KeyError, ValueError):
        return None
    if not 0 < len(masked) <= LONGEST_PASSWORD_OCTETS:
        return None
    return Proof(password=mask_password(masked, keyed).rstrip(b"\0"))
