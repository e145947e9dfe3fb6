"""How a redirect's values are shown to an engineer: enough to compare, too little to recognise a person's device."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.gateway import Gateway, origin
from captive_portal.gateways.parameters import is_host_of, is_within
from foundation.mac_address import MacAddress, NotAMacAddressError

_LONGEST_SHOWN: Final = 32
_BEGINNING: Final = 8
_LEAST_OF_AN_OPAQUE_VALUE: Final = 20


def shown_value(value: str, gateways: Sequence[Gateway], access_points: Collection[MacAddress]) -> str:
    """A value of a redirect from one of these gateways.

    Of a device's address its maker remains, of its IP address nothing but the kind, of a web address whose it is, of
    a long or opaque text (a token, a challenge, a user name) its beginning. What is equipment's own is shown whole.
    """
    device = _shown_mac(value, access_points) or _shown_ip(value, gateways)
    if device is not None:
        return device
    if "://" in value:
        return _shown_url(value, gateways)
    if "@" in value or len(value) > _LONGEST_SHOWN or _is_opaque(value):
        return f"{value[:_BEGINNING]}… ({len(value)} characters)"
    return value


def _shown_mac(value: str, access_points: Collection[MacAddress]) -> str | None:
    try:
        mac, rest = MacAddress.parse_station_id(value)
    except NotAMacAddressError:
        return None
    if mac in access_points:
        return value
    kind = "made up by the device" if mac.is_locally_administered else "given by its maker"
    return f"{str(mac)[:8]}-… (an address {kind}{', and a name' if rest else ''})"


def _shown_ip(value: str, gateways: Sequence[Gateway]) -> str | None:
    try:
        address = ip_address(value)
    except ValueError:
        return None
    if any(is_host_of(value, one.login_url) or is_within(value, one.network) for one in gateways):
        return value
    return f"an IPv{address.version} address"


def _shown_url(value: str, gateways: Sequence[Gateway]) -> str:
    try:
        whose, parts = origin(value), urlsplit(value)
    except ValueError:
        return f"not a web address ({len(value)} characters)"
    is_own = any(one.login_url is not None and origin(one.login_url) == whose for one in gateways)
    rest = len(value) - len(whose)
    if is_own and not parts.query:
        return value
    return f"{whose}{parts.path}?…" if is_own else f"{whose}{f'/… ({rest} characters)' if rest > 1 else ''}"


def _is_opaque(value: str) -> bool:
    """Letters and digits without a word between them, such as a token."""
    return len(value) >= _LEAST_OF_AN_OPAQUE_VALUE and value.isalnum() and not value.isalpha()
