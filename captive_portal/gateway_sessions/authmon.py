"""What openNDS gateways say and ask by themselves: authmon's polling, and the reports of the BinAuth script.

Sources: forward_authentication_service/libs/authmon.sh, binauth/binauth_log.sh, libopennds.sh and
fas-aes-https.php of openNDS 9.10. Everything here is values; captive_portal/pages/authmon.py serves it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from captive_portal.gateways.base import Usage
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.opennds import gateway_name, is_polling
from captive_portal.gateways.opennds_redirect import is_hid, is_report_sealed, is_token
from foundation.mac_address import MacAddress, NotAMacAddressError

_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_NUMBER = re.compile(r"[0-9]{1,18}")
# authmon handles four devices at a time.
_MOST_ACKNOWLEDGED: Final = 64
_REPORT_FIELDS: Final = ("auth_get", "method", "clientmac", "bytes_incoming", "bytes_outgoing", "token")

# RFC 2866 section 5.10, of what openNDS says why it took a device off (src/auth.c).
_CAUSES: Final[Mapping[str, int]] = {
    "client_deauth": 1,
    "idle_deauth": 4,
    "timeout_deauth": 5,
    "ndsctl_deauth": 6,
    "shutdown_deauth": 7,
    "downquota_deauth": 10,
    "upquota_deauth": 10,
}
_BEGINNINGS: Final = frozenset({"client_auth", "ndsctl_auth"})


class PollAction(StrEnum):
    """``auth_get``"""

    CLEAR = "clear"
    VIEW = "view"
    LIST = "list"
    DEAUTHED = "deauthed"
    CUSTOM = "custom"
    # Of our own BinAuth script.
    REPORTED = "reported"


class PollRefusal(StrEnum):
    """Why a gateway is not listened to; a metric's label."""

    UNKNOWN_ACTION = "unknown-action"
    WRONG_LEVEL = "wrong-level"
    WRONG_GATEWAY = "wrong-gatewayhash"
    WRONG_SEAL = "wrong-seal"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Poll:
    """A question or a piece of news, checked as far as it can be without the database."""

    action: PollAction
    # Of view and list: what the gateway has let on since.
    acknowledged: tuple[str, ...] = field(default=(), repr=False)
    # Of view: it wants to know who waits; else it tells who is on.
    asks: bool = True
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A device was let on, or taken off."""

    device: MacAddress = field(repr=False)
    # The token of the visit, which no browser is told above level 0.
    token: str = field(repr=False)
    # RFC 2866 section 5.10; None where the device was let on.
    cause: int | None
    usage: Usage
    # The gateway proved that it knows the secret.
    is_sealed: bool


def gateway_hash(gateway: Gateway) -> str:
    """SHA-256 of gatewayname, percent-encoded as openNDS does it."""
    encoded = _ESCAPE.sub(lambda escape: escape.group().lower(), quote(gateway_name(gateway), safe="~"))
    return hashlib.sha256(encoded.encode("ascii")).hexdigest()


def read_poll(fields: Mapping[str, str], gateway: Gateway) -> Poll | PollRefusal:
    """Check what came to a gateway's address."""
    try:
        action = PollAction(fields.get("auth_get", ""))
    except ValueError:
        return PollRefusal.UNKNOWN_ACTION
    if action is PollAction.REPORTED:
        return _read_sealed_report(fields, gateway)
    if not is_polling(gateway):
        return PollRefusal.WRONG_LEVEL
    if fields.get("gatewayhash", "") != gateway_hash(gateway):
        return PollRefusal.WRONG_GATEWAY
    payload = _decode(fields.get("payload", ""))
    if payload is None:
        return PollRefusal.MALFORMED
    if action in (PollAction.VIEW, PollAction.LIST):
        return _read_view(action, payload)
    if action is PollAction.DEAUTHED:
        return _read_deauthed(payload)
    return Poll(action)


def _read_view(action: PollAction, payload: str) -> Poll | PollRefusal:
    """``none`` asks; ``* RHID RHID…`` tells. The sample in PHP splits at line ends only, authmon sends spaces."""
    if payload == "none":
        return Poll(action)
    star, *references = payload.split()[: _MOST_ACKNOWLEDGED + 1] or [""]
    if star != "*" or not all(is_hid(reference) for reference in references):
        return PollRefusal.MALFORMED
    return Poll(action, tuple(references), asks=False)


def _read_deauthed(payload: str) -> Poll | PollRefusal:
    """``method=…, clientmac=…``, as the BinAuth script of openNDS itself sends it; in base64 twice, or once."""
    text = payload if "method=" in payload else _decode(payload)
    if text is None:
        return PollRefusal.MALFORMED
    items = [item.strip().partition("=") for item in text.split(",")]
    report = _report({name: value for name, _equals, value in items}, is_sealed=False)
    if report is None or report.cause is None:
        return PollRefusal.MALFORMED
    return Poll(PollAction.DEAUTHED, report=report)


def _read_sealed_report(fields: Mapping[str, str], gateway: Gateway) -> Poll | PollRefusal:
    text = "&".join(f"{name}={fields.get(name, '')}" for name in _REPORT_FIELDS)
    if not gateway.portal_secret or not is_report_sealed(text, fields.get("seal", ""), gateway.portal_secret):
        return PollRefusal.WRONG_SEAL
    report = _report(fields, is_sealed=True)
    return PollRefusal.MALFORMED if report is None else Poll(PollAction.REPORTED, report=report)


def _report(values: Mapping[str, str], *, is_sealed: bool) -> Report | None:
    method, token = values.get("method", ""), values.get("token", "")
    counts = values.get("bytes_incoming", ""), values.get("bytes_outgoing", "")
    if (method not in _BEGINNINGS and method not in _CAUSES) or not is_token(token):
        return None
    if not all(_NUMBER.fullmatch(count) for count in counts):
        return None
    try:
        device = MacAddress.parse(values.get("clientmac", ""))
    except NotAMacAddressError:
        return None
    # openNDS counts as the device sees it: incoming is what it downloads.
    incoming, outgoing = map(int, counts)
    return Report(device, token, _CAUSES.get(method), Usage(input_octets=outgoing, output_octets=incoming), is_sealed)


def _decode(text: str) -> str | None:
    try:
        # The GET of gateways without PHP does not percent-encode it.
        return base64.b64decode(text.replace(" ", "+"), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
