"""CoovaChilli's universal access method (UAM), as its src/redir.c and doc/ describe it.

Chilli redirects an unknown device's browser to the portal (``uamserver``) with a challenge, and seals the address with
``md``: MD5 over the whole text before ``&md=`` and the secret that it shares with the portal (``uamsecret``). The
portal answers by sending the browser to chilli's own ``/logon`` with a CHAP response; chilli then asks RADIUS and
sends the browser back with ``res=success`` or ``res=failed``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode, urlsplit

from captive_portal.gateways.base import (
    Action,
    Arrival,
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
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option
from foundation.mac_address import MacAddress, NotAMacAddressError

_DEFAULT_PORT: Final = "3990"
_CHALLENGE = re.compile(r"[0-9A-Fa-f]{32}")
_SEAL = re.compile(r"[0-9A-Fa-f]{32}")
_LONGEST_NAS_IDENTIFIER: Final = 253

_OUTCOMES: Final = {
    "notyet": Outcome.CAPTIVE,
    "challenge": Outcome.CAPTIVE,
    "splash": Outcome.CAPTIVE,
    "wispr": Outcome.CAPTIVE,
    "success": Outcome.GRANTED,
    "already": Outcome.ALREADY_ONLINE,
    "failed": Outcome.REFUSED,
    "logoff": Outcome.LOGGED_OFF,
}
# Chilli keeps a challenge for 600 seconds (challengetimeout); one that is nearly over is not used any more.
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=540,
    garden=GardenSyntax(NameForm.WILDCARD),
)
_MEANINGS: Final = {
    "res": "What happened: notyet (captive), success, failed, already (on), logoff.",
    "uamip": "Chilli's own address, where the browser is to log in.",
    "uamport": "The port of that.",
    "challenge": "For the CHAP response; good for ten minutes.",
    "called": "The gateway's address, as in Called-Station-Id.",
    "mac": "The device's address.",
    "ip": "The device's IP address.",
    "nasid": "The gateway's name, as in NAS-Identifier.",
    "sessionid": "The Acct-Session-Id that accounting will have.",
    "ssl": "Where to log in by HTTPS, where chilli can (uamuissl).",
    "userurl": "What the device wanted; nobody here reads it.",
    "reason": "Of failed: reject, timeout, mtu or other.",
    "reply": "The Reply-Message of a reject.",
    "lang": "The language that chilli was told of.",
    "ssid": "The network's name.",
    "md": "Seal over all that stands before it, made with uamsecret.",
}
_FAILURES: Final = {"reject": Failure.REJECTED, "timeout": Failure.TIMEOUT}


@dataclass(frozen=True, slots=True)
class CoovaChilli:
    """The driver; see the protocol in base.py."""

    name: str = "coovachilli"
    title: str = "CoovaChilli"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``nasid`` is NAS-Identifier, ``called`` the address in Called-Station-Id."""
        nas_identifier = redirect.parameters.get("nasid") or None
        called = redirect.parameters.get("called") or None
        if nas_identifier is None and called is None:
            return Refusal(RefusalReason.MISSING)
        if nas_identifier is not None and len(nas_identifier) > _LONGEST_NAS_IDENTIFIER:
            return Refusal(RefusalReason.MALFORMED)
        try:
            # Some builds write a Called-Station-Id with the network's name behind the address.
            access_point = MacAddress.parse_station_id(called)[0] if called else None
        except NotAMacAddressError:
            # nasid is chosen freely, called is not always an address; one clue of the two is enough.
            if nas_identifier is None:
                return Refusal(RefusalReason.MALFORMED)
            access_point = None
        return Clue(nas_identifier, access_point)

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check seal, target, device and challenge, in this order."""
        wrong = _check_seal(redirect.raw_query, gateway) or _check_target(redirect, gateway)
        if wrong is not None:
            return Refusal(wrong)
        parameters = redirect.parameters
        outcome = _OUTCOMES.get(parameters.get("res", ""))
        if outcome is None:
            return Refusal(RefusalReason.UNKNOWN_RESULT)
        try:
            device = MacAddress.parse(parameters["mac"])
        except KeyError:
            return Refusal(RefusalReason.MISSING)
        except NotAMacAddressError:
            return Refusal(RefusalReason.MALFORMED)
        challenge = parameters.get("challenge", "")
        if challenge and not _CHALLENGE.fullmatch(challenge):
            return Refusal(RefusalReason.MALFORMED)
        if outcome is Outcome.CAPTIVE and not challenge:
            return Refusal(RefusalReason.MISSING)
        failure = _FAILURES.get(parameters.get("reason", ""), Failure.OTHER)
        return Arrival(
            outcome=outcome,
            device=device,
            hand_over={"challenge": challenge.lower()} if challenge else {},
            language=parameters.get("lang") or None,
            failure=failure if outcome is Outcome.REFUSED else None,
        )

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """To ``/logon`` with the CHAP response, because the password itself must not be in an address."""
        challenge = bytes.fromhex(credentials.hand_over["challenge"])
        response = chap_response(credentials.password, challenge, gateway.portal_secret)
        query = urlencode({"username": credentials.user_name, "response": response})
        return BrowserRedirect(f"{_base(gateway)}/logon?{query}")

    def renew(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """``/prelogin`` redirects to the portal with a new challenge, or says ``already``."""
        return BrowserRedirect(f"{_base(gateway)}/prelogin")

    def log_out(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """``/logoff`` redirects to the portal with ``res=logoff``."""
        return BrowserRedirect(f"{_base(gateway)}/logoff")

    def configuration(self, site: Site) -> Configuration:
        """The variables of ``/etc/chilli/defaults`` (or ``local.conf``)."""
        gateway = site.gateway
        lines = {
            "HS_NASID": gateway.nas_identifier or gateway.name,
            "HS_RADIUS": site.radius_host,
            "HS_RADIUS2": site.radius_host,
            "HS_RADAUTH": str(site.authentication_port),
            "HS_RADACCT": str(site.accounting_port),
            "HS_RADSECRET": "SECRET",
            "HS_UAMFORMAT": site.arrival_url,
            "HS_UAMSECRET": "PORTAL-SECRET",
            "HS_UAMALLOW": urlsplit(site.portal_url).netloc,
            # Names of large sites have other addresses for each who asks: chilli reads the answers that go by.
            **(
                {"HS_UAMDOMAINS": " ".join(host.removeprefix("*") for host in site.walled_garden)}
                if site.walled_garden
                else {}
            ),
            "HS_COAPORT": "3799",
        }
        text = "\n".join(f"{name}='{value}'" for name, value in lines.items())
        # Chilli puts the device's address in place of %{m}.
        option = f"{site.api_url}%{{m}}" if site.api_url else None
        api = (Snippet("What has no variable", "/etc/chilli/local.conf", f"captiveportalapi_uri={option}"),)
        return Configuration(
            snippets=(Snippet("Chilli's variables", "/etc/chilli/local.conf", text), *(api if option else ())),
            notes=("Browsers are sent to its login address by plain HTTP unless uamuissl is set.",),
            captive_portal_option=option,
        )


def seal(text: str, portal_secret: bytes) -> str:
    """What chilli appends as ``md`` to the address ``text``."""
    return hashlib.md5(text.encode() + portal_secret, usedforsecurity=False).hexdigest().upper()


def chap_response(password: str, challenge: bytes, portal_secret: bytes | None) -> str:
    """The ``response`` of ``/logon``: CHAP (RFC 1994 section 4.1) with identifier 0, in hexadecimal.

    With a secret, chilli first mixes it into its challenge, and gives RADIUS the mixture as CHAP-Challenge.
    """
    if portal_secret:
        challenge = hashlib.md5(challenge + portal_secret, usedforsecurity=False).digest()
    return hashlib.md5(b"\x00" + password.encode() + challenge, usedforsecurity=False).hexdigest()


def _check_seal(raw_query: str, gateway: Gateway) -> RefusalReason | None:
    if not gateway.portal_secret:
        return None
    sealed, _, given = raw_query.rpartition("&md=")
    if not sealed:
        return RefusalReason.UNSEALED
    address = gateway.portal_address.partition("?")[0]
    expected = seal(f"{address}?{sealed}", gateway.portal_secret)
    if not _SEAL.fullmatch(given) or not hmac.compare_digest(expected, given.upper()):
        return RefusalReason.WRONG_SEAL
    return None


def _check_target(redirect: Redirect, gateway: Gateway) -> RefusalReason | None:
    """The gateway must call itself by the address that we have for it, or its base for HTTPS must be that one."""
    if gateway.login_url is None:
        return RefusalReason.INCOMPLETE_GATEWAY
    if "uamip" not in redirect.parameters:
        return RefusalReason.MISSING
    if redirect.parameters.get("ssl", "").rstrip("/") == _base(gateway):
        return None
    known = urlsplit(gateway.login_url)
    try:
        same_host = ip_address(redirect.parameters["uamip"]) == ip_address(known.hostname or "")
    except ValueError:
        return RefusalReason.WRONG_TARGET
    known_port = known.port or (443 if known.scheme == "https" else 80)
    same_port = redirect.parameters.get("uamport", _DEFAULT_PORT) == str(known_port)
    return None if same_host and same_port else RefusalReason.WRONG_TARGET


def _base(gateway: Gateway) -> str:
    return (gateway.login_url or "").rstrip("/")
