"""MikroTik's hotspot, as the HotSpot pages of help.mikrotik.com describe it (read in vendor documentation).

RouterOS redirects nobody to a portal elsewhere by itself: it shows the files of its own folder. Ours (see
mikrotik_configuration.py) send the browser on to the portal with the router's variables in the address, so the names
of the parameters here are our own.

How the one-time password goes back is decided by what the router offers:

- Where it gave a CHAP challenge, the browser is redirected (303) to the router with the response in the address. The
  password itself is not in it, and the response is good for this challenge only. A form would have to be posted from
  an HTTPS page to plain HTTP, which browsers warn of; and it would need one more press of a button.
- Without a challenge the password must be sent as it is, so never in an address, which stays in histories and logs:
  the browser posts a form, to the router's HTTPS address. To plain HTTP only where the gateway's option says that this
  router does nothing else.

That ``/login`` takes GET as well as POST is second-hand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Action,
    Arrival,
    BrowserForm,
    BrowserRedirect,
    Capabilities,
    Clue,
    Failure,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.gateway import Gateway, Option, origin
from captive_portal.gateways.mikrotik_configuration import Result, configure
from captive_portal.gateways.parameters import read_clue, read_mac

# As RouterOS writes octets for scripts: each as a backslash and three octal digits.
_OCTET: Final = r"\\[0-3][0-7]{2}"
_CHAP_ID: Final = re.compile(_OCTET)
_CHAP_CHALLENGE: Final = re.compile(rf"(?:{_OCTET}){{16}}")
# A session that is older was not begun by this login: /login shows alogin.html to who is on already, too.
_LONGEST_LOGIN_SECONDS: Final = 15
# RouterOS says nowhere how long a challenge is good for; fetching a new one costs one redirect.
_CAPABILITIES: Final = Capabilities(sends_accounting=True, hand_over_lifetime_seconds=120)

_OUTCOMES: Final[Mapping[str, Outcome]] = {
    Result.LOGIN: Outcome.CAPTIVE,
    Result.ONLINE: Outcome.GRANTED,
    Result.ERROR: Outcome.REFUSED,
    Result.LOGGED_OUT: Outcome.LOGGED_OFF,
}
_MEANINGS: Final = {
    "result": "Which of the router's pages sent it: login (captive, or refused if there is an error), online, "
    "logged-out or error.",
    "mac": "The device's address.",
    "identity": "The router's name (/system identity), as in NAS-Identifier.",
    "link-login-only": "Where the router wants the login; must be the gateway's login address.",
    "chap-id": "The identifier for the CHAP response, as an octet in octal; only with http-chap.",
    "chap-challenge": "The challenge for it, as sixteen octets in octal.",
    "error": "Why the router did not let the device on, in its own words or RADIUS's Reply-Message.",
    "uptime": "Seconds since the session began; much more than none means that the device was on already.",
}


class LoginBy(StrEnum):
    """What may be sent to a router's plain HTTP address."""

    CHAP = "http-chap"
    PAP = "http-pap"


_OPTIONS: Final = (
    Option(
        "login_by",
        "What the router's plain HTTP login takes. http-pap sends passwords as they are; HTTPS always may.",
        default=LoginBy.CHAP,
        choices=tuple(LoginBy),
    ),
)


@dataclass(frozen=True, slots=True)
class MikroTik:
    """The driver; see the protocol in base.py."""

    name: str = "mikrotik"
    title: str = "MikroTik hotspot"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = _OPTIONS
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """By the router's identity, which it also gives as NAS-Identifier."""
        return read_clue(redirect, identifier="identity")

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check page, device, target and challenge, in this order."""
        outcome = _OUTCOMES.get(redirect.parameters.get("result", ""))
        if outcome is None:
            return Refusal(RefusalReason.UNKNOWN_RESULT)
        device = read_mac(redirect, "mac")
        if isinstance(device, Refusal):
            return device
        error = redirect.parameters.get("error", "")
        if outcome is Outcome.CAPTIVE:
            chap = _check_login(redirect, gateway)
            if isinstance(chap, Refusal):
                return chap
            hand_over = {"mac": str(device), **chap}
            if not error:
                return Arrival(outcome, device, hand_over)
            return Arrival(Outcome.REFUSED, device, hand_over, failure=read_failure(error))
        if outcome is Outcome.REFUSED:
            return Arrival(outcome, device, {}, failure=read_failure(error))
        if outcome is Outcome.GRANTED and _is_old(redirect.parameters.get("uptime", "")):
            outcome = Outcome.ALREADY_ONLINE
        return Arrival(outcome, device, {})

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """To ``/login``: by GET with a CHAP response, or by a form with the password (see above)."""
        hand_over, target = credentials.hand_over, _page(gateway, "login")
        if "chap_id" not in hand_over and not _takes_passwords(gateway):
            return self.renew(hand_over, gateway)
        if "chap_id" not in hand_over:
            return BrowserForm(target, {"username": credentials.user_name, "password": credentials.password})
        identifier, challenge = bytes.fromhex(hand_over["chap_id"]), bytes.fromhex(hand_over["chap_challenge"])
        response = chap_response(credentials.password, identifier, challenge)
        return BrowserRedirect(f"{target}?{urlencode({'username': credentials.user_name, 'password': response})}")

    def renew(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """``/login`` shows login.html with a new challenge, or alogin.html to who is on."""
        # An entry can lose its login address while residents are on their way.
        return BrowserRedirect(INTERCEPTED_URL if gateway.login_url is None else _page(gateway, "login"))

    def log_out(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """``/logout`` (the router's link-logout) ends the session and shows logout.html."""
        return BrowserRedirect(_page(gateway, "logout"))

    def configuration(self, site: Site) -> Configuration:
        """Commands for its terminal, and the files for its folder."""
        return configure(site)


def chap_response(password: str, identifier: bytes, challenge: bytes) -> str:
    """CHAP (RFC 1994 section 4.1) in hexadecimal, as the login page's ``password``."""
    return hashlib.md5(identifier + password.encode() + challenge, usedforsecurity=False).hexdigest()


def read_octal(text: str) -> bytes:
    r"""Octets from RouterOS's escapes: ``\145\001`` is ``e`` and 1. The text must have been checked."""
    return bytes(int(digits, 8) for digits in text.split("\\")[1:])


def read_failure(error: str) -> Failure:
    """What kind of failure the router's message tells of; any text may stand there, Reply-Message included."""
    message = error.lower()
    if "not responding" in message:
        return Failure.TIMEOUT
    # Of errors.txt: what has nothing to do with who logs in.
    ours = (
        "internal error",
        "configuration error",
        "shutting down",
        "challenge response",
        "free addresses",
        "session limit reached",
        "already authorizing",
    )
    return Failure.OTHER if any(part in message for part in ours) else Failure.REJECTED


def _check_login(redirect: Redirect, gateway: Gateway) -> dict[str, str] | Refusal:
    """What login.html brings: where to log in, which must be where we know, and the challenge."""
    if gateway.login_url is None:
        return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
    target = redirect.parameters.get("link-login-only", "")
    if not target:
        return Refusal(RefusalReason.MISSING)
    if not gateway.allows(target):
        return Refusal(RefusalReason.WRONG_TARGET)
    identifier = redirect.parameters.get("chap-id", "")
    challenge = redirect.parameters.get("chap-challenge", "")
    if not identifier and not challenge:
        return {} if _takes_passwords(gateway) else Refusal(RefusalReason.MISSING)
    if not _CHAP_ID.fullmatch(identifier) or not _CHAP_CHALLENGE.fullmatch(challenge):
        return Refusal(RefusalReason.MALFORMED)
    return {"chap_id": read_octal(identifier).hex(), "chap_challenge": read_octal(challenge).hex()}


def _takes_passwords(gateway: Gateway) -> bool:
    """Whether a password may be sent there as it is."""
    return (gateway.login_url or "").startswith("https:") or gateway.options.get("login_by") == LoginBy.PAP


def _is_old(uptime: str) -> bool:
    return uptime.isascii() and uptime.isdecimal() and int(uptime) > _LONGEST_LOGIN_SECONDS


def _page(gateway: Gateway, name: str) -> str:
    """One of the router's pages at its registered address, whatever the redirect says."""
    return f"{origin(gateway.login_url or '')}/{name}"
