"""openNDS with its forwarding authentication service (FAS), levels 0 to 4 of ``fas_secure_enabled``.

Written from src/http_microhttpd.c of release 9.10, forward_authentication_service/ and docs/source/fas.rst.

========  ======================================  =====================================================================
level     the redirect has                        who lets the device on, and what proves it
========  ======================================  =====================================================================
0         ``authaction`` with the token itself    the browser opens the gateway's ``/opennds_auth/`` with the token;
                                                  anybody could, without coming to the portal. A sealed report of our
                                                  BinAuth script proves it.
1, 2      ``fas``: a list, at level 2 encrypted   the browser does, with ``rhid``, which only the portal can compute.
                                                  A sealed report of our BinAuth script proves it.
3, 4      as levels 2 and 1                       the gateway comes and asks (authmon), and acknowledges: that is proof
========  ======================================  =====================================================================

An authenticated browser that opens ``/opennds_auth/`` is sent back with ``status=authenticated``. It carries that word
itself, so the word leads to the page that waits, and never counts as proof. Where the device wanted to go
(``originurl``, ``redir``) is never looked at.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from captive_portal.gateways.base import (
    Action,
    Arrival,
    BrowserRedirect,
    Capabilities,
    Clue,
    Operation,
    Outcome,
    Pass,
    PolledGrant,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.opennds_configuration import configuration
from captive_portal.gateways.opennds_limits import sealed_limits
from captive_portal.gateways.opennds_redirect import (
    hid_of,
    is_hid,
    is_token,
    pack,
    read_encrypted,
    read_plain,
    rhid_of,
)
from foundation.mac_address import MacAddress, NotAMacAddressError

LEVEL: Final = Option(
    "level",
    "fas_secure_enabled: 3 (encrypted, the gateway comes and asks) where the portal has HTTPS; 0 is for tests only.",
    default="3",
    choices=("0", "1", "2", "3", "4"),
)
GATEWAY_NAME: Final = Option(
    "gateway_name", "gatewayname, exactly as openNDS tells it; empty: the NAS-Identifier, else the gateway's name."
)
_AUTHENTICATION_DIRECTORY: Final = "opennds_auth"
_ENCRYPTED_LEVELS: Final = ("2", "3")
_POLLING_LEVELS: Final = ("3", "4")
# openNDS forgets a device that did nothing for 30 minutes (preauthidletimeout), and with it its token.
_CAPABILITIES: Final = Capabilities(
    sends_accounting=False,
    hand_over_lifetime_seconds=25 * 60,
    garden=GardenSyntax(NameForm.SUFFIX),
)
_MEANINGS: Final = {
    "fas": "The list of what the gateway knows, in base64; at levels 2 and 3 encrypted with faskey.",
    "iv": "Of the encryption at levels 2 and 3.",
    "authaction": "Level 0: where the gateway lets devices on; only its own login address is believed.",
    "clientip": "Level 0: the device's IP address.",
    "gatewayname": "Level 0: the gateway's name, as in its configuration.",
    "tok": "Level 0: the device's token. With status=authenticated at other levels: the portal's own yes (rhid).",
    "redir": "What the device wanted; nobody here reads it.",
    "status": "authenticated: the gateway has let the device on already.",
}


@dataclass(frozen=True, slots=True)
class OpenNDS:
    """The driver; see the protocol in base.py."""

    name: str = "opennds"
    title: str = "openNDS"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = (LEVEL, GATEWAY_NAME)
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """Only its own arrival address tells which gateway it is: its list may be encrypted with its secret."""
        return Refusal(RefusalReason.UNKNOWN_GATEWAY) if redirect.arrival_key is None else Clue(None, None)

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Read and check the list, or at level 0 the parameters."""
        if not gateway.portal_secret or gateway.login_url is None:
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        status = redirect.parameters.get("status")
        if status not in (None, "authenticated"):
            return Refusal(RefusalReason.UNKNOWN_RESULT)
        if level_of(gateway) == "0":
            return _parse_open(redirect, gateway)
        return _parse_list(redirect, gateway, gateway.portal_secret)

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """At levels 3 and 4 the gateway comes for it; else the browser brings it the token or ``rhid``."""
        hand_over = credentials.hand_over
        if level_of(gateway) in _POLLING_LEVELS:
            return PolledGrant(Operation.GRANT, _reference(hand_over, gateway), credentials.limits)
        limits = sealed_limits(hand_over["hid"], credentials.limits, gateway.portal_secret or b"")
        fields = {"tok": _reference(hand_over, gateway), "redir": credentials.return_url, "custom": limits}
        if level_of(gateway) != "0":
            fields |= _pack(hand_over, gateway)
        return BrowserRedirect(f"{_base(gateway)}/{_AUTHENTICATION_DIRECTORY}/?{urlencode(fields)}")

    def renew(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """``/login`` redirects a captive device to the portal; one that is on sees the gateway's own page."""
        return BrowserRedirect(f"{_base(gateway)}/login")

    def log_out(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """At every level the browser itself tells the gateway: authmon cannot, and knows no other way back.

        The gateway then shows a page of its own with one button, which leads to the portal.
        """
        return BrowserRedirect(f"{_base(gateway)}/opennds_deny/")

    def configuration(self, site: Site) -> Configuration:
        """opennds.conf, the same for OpenWrt's UCI, and the BinAuth script."""
        return configuration(site, level_of(site.gateway), gateway_name(site.gateway))


def level_of(gateway: Gateway) -> str:
    """``fas_secure_enabled``."""
    return gateway.options.get("level") or LEVEL.default


def is_polling(gateway: Gateway) -> bool:
    """Whether it comes and asks (authmon)."""
    return level_of(gateway) in _POLLING_LEVELS


def gateway_name(gateway: Gateway) -> str:
    """What it calls itself."""
    return gateway.options.get("gateway_name") or gateway.nas_identifier or gateway.name


def _parse_open(redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
    """Level 0. ``authaction`` is missing where the device came by the captive portal API or was on already."""
    parameters = redirect.parameters
    token = parameters.get("tok", "")
    if not token:
        return Refusal(RefusalReason.MISSING)
    if not is_token(token):
        return Refusal(RefusalReason.MALFORMED)
    target = parameters.get("authaction", "").partition("?")[0]
    if target and target != f"{_base(gateway)}/{_AUTHENTICATION_DIRECTORY}/":
        return Refusal(RefusalReason.WRONG_TARGET)
    if parameters.get("gatewayname", gateway_name(gateway)) != gateway_name(gateway):
        return Refusal(RefusalReason.UNKNOWN_GATEWAY)
    hand_over = {"token": token, "hid": hid_of(token)}
    client_ip = parameters.get("clientip") or parameters.get("authaction", "").partition("?clientip=")[2]
    if _is_ip_address(client_ip):
        hand_over["ip"] = client_ip
    return _arrival(redirect, token, hand_over)


def _parse_list(redirect: Redirect, gateway: Gateway, faskey: bytes) -> Arrival | Refusal:
    """Levels 1 to 4."""
    parameters = redirect.parameters
    fas = parameters.get("fas", "")
    if not fas:
        return Refusal(RefusalReason.MISSING)
    if level_of(gateway) in _ENCRYPTED_LEVELS:
        items = read_encrypted(fas, parameters.get("iv", ""), faskey)
    else:
        items = read_plain(fas)
    if isinstance(items, Refusal):
        return items
    wrong = _check_list(items, gateway)
    if wrong is not None:
        return Refusal(wrong)
    if "status" in parameters and not hmac.compare_digest(
        rhid_of(items["hid"], faskey).encode(), parameters.get("tok", "").encode()
    ):
        return Refusal(RefusalReason.WRONG_SEAL)
    try:
        device = MacAddress.parse(items["clientmac"])
    except NotAMacAddressError:
        return Refusal(RefusalReason.MALFORMED)
    return _arrival(redirect, device, {"mac": str(device), "hid": items["hid"], "ip": items["clientip"]})


def _check_list(items: Mapping[str, str], gateway: Gateway) -> RefusalReason | None:
    if any(name not in items for name in ("hid", "clientip", "clientmac", "gatewayname", "gatewayaddress")):
        return RefusalReason.MISSING
    if not is_hid(items["hid"]) or not _is_ip_address(items["clientip"]):
        return RefusalReason.MALFORMED
    if unquote(items["gatewayname"]) != gateway_name(gateway):
        return RefusalReason.UNKNOWN_GATEWAY
    is_known_target = items["gatewayaddress"] == urlsplit(_base(gateway)).netloc
    # Level 1 of release 9.10 does not tell the directory.
    if not is_known_target or items.get("authdir", _AUTHENTICATION_DIRECTORY) != _AUTHENTICATION_DIRECTORY:
        return RefusalReason.WRONG_TARGET
    return None


def _arrival(redirect: Redirect, device: MacAddress | str, hand_over: Mapping[str, str]) -> Arrival:
    if "status" in redirect.parameters:
        # Of a visit that the portal knows already.
        return Arrival(Outcome.ALREADY_ONLINE, device, {})
    return Arrival(Outcome.CAPTIVE, device, hand_over)


def _pack(hand_over: Mapping[str, str], gateway: Gateway) -> dict[str, str]:
    """The list once more: a browser that was let on before is sent back with all that it brought to the gateway."""
    items = {
        "hid": hand_over["hid"],
        "clientip": hand_over["ip"],
        "clientmac": MacAddress.parse(hand_over["mac"]).format(":").lower(),
        "gatewayname": quote(gateway_name(gateway), safe=""),
        "gatewayaddress": urlsplit(_base(gateway)).netloc,
    }
    return pack(items, gateway.portal_secret or b"", is_encrypted=level_of(gateway) in _ENCRYPTED_LEVELS)


def _reference(hand_over: Mapping[str, str], gateway: Gateway) -> str:
    """What the gateway takes for a yes: the token at level 0, else ``rhid``."""
    if level_of(gateway) == "0":
        return hand_over["token"]
    return rhid_of(hand_over["hid"], gateway.portal_secret or b"")


def _is_ip_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _base(gateway: Gateway) -> str:
    return (gateway.login_url or "").rstrip("/")
