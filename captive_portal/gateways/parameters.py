"""What drivers of several makers read from a redirect: whose it is, which gateway's, and whether a host may be trusted.

Each function looks at values that a browser carried, so each says `Refusal`, or no, to whatever is not what it must be.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.base import Clue, Redirect, Refusal, RefusalReason
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress, NotAMacAddressError

# NAS-Identifier is one RADIUS attribute (RFC 2865 section 5).
LONGEST_NAS_IDENTIFIER: Final = 253


def read_mac(redirect: Redirect, *names: str) -> MacAddress | Refusal:
    """The address in the first of these parameters that is there."""
    text = read_first(redirect, *names)
    if text is None:
        return Refusal(RefusalReason.MISSING)
    try:
        return MacAddress.parse(text)
    except NotAMacAddressError:
        return Refusal(RefusalReason.MALFORMED)


def read_first(redirect: Redirect, *names: str) -> str | None:
    """The value of the first of these parameters that is there and not empty."""
    return next((value for name in names if (value := redirect.parameters.get(name))), None)


def read_clue(
    redirect: Redirect, *, identifier: str | None = None, access_point: tuple[str, ...] = ()
) -> Clue | Refusal:
    """The gateway by the parameters that hold its name and its access point's address.

    One of the two is enough; at an arrival address of its own neither is needed.
    """
    name = read_first(redirect, identifier) if identifier else None
    if name is not None and len(name) > LONGEST_NAS_IDENTIFIER:
        return Refusal(RefusalReason.MALFORMED)
    found = read_mac(redirect, *access_point)
    if isinstance(found, MacAddress):
        return Clue(name, found)
    if name is not None or redirect.arrival_key is not None:
        return Clue(name, None)
    return found


def read_ip(redirect: Redirect, name: str) -> str | Refusal:
    """The IP address in a parameter, in its own usual spelling."""
    text = redirect.parameters.get(name)
    if not text:
        return Refusal(RefusalReason.MISSING)
    try:
        address = ip_address(text)
    except ValueError:
        return Refusal(RefusalReason.MALFORMED)
    # A zone (fe80::1%eth0) is a word that anyone can choose.
    return Refusal(RefusalReason.MALFORMED) if "%" in text else str(address)


def read_device(
    redirect: Redirect, *, mac: tuple[str, ...], ip: tuple[str, ...] = (), network: tuple[str, ...] = ()
) -> dict[str, str] | Refusal:
    """What every hand-over begins with: the device's ``mac``, and ``ip`` and the network's ``ssid`` where they came.

    An IP address that is none is left out, because nothing depends on it.
    """
    device = read_mac(redirect, *mac)
    if isinstance(device, Refusal):
        return device
    found = {"mac": str(device)}
    address = next((value for name in ip if isinstance(value := read_ip(redirect, name), str)), None)
    if address is not None:
        found["ip"] = address
    if name := read_first(redirect, *network):
        found["ssid"] = name
    return found


def is_host_of(host: str, url: str | None) -> bool:
    """Whether a host from a redirect (name or IP address, nothing else) is that of an address that we have."""
    try:
        known = urlsplit(url or "").hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(host) == ip_address(known)
    except ValueError:
        # urlsplit gives names in lower case.
        return known != "" and host.lower().rstrip(".") == known.rstrip(".")


def is_within(host: str, network: str | None) -> bool:
    """Whether an IP address from a redirect belongs to a gateway's network (CIDR)."""
    try:
        # No zone, which is a word that anyone can choose and would become part of an address.
        return network is not None and "%" not in host and ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def check_target(gateway: Gateway, host: str | None, *more: str | None) -> RefusalReason | None:
    """Why a redirect may not be one of this gateway's, by the host that it wants credentials sent to; None if it may.

    The host must be that of the gateway's login address, or an IP address of its network. ``more`` are other names that
    the redirect gives the same host; they count only as the login address's host, because nothing is sent to them.
    """
    if gateway.login_url is None and gateway.network is None:
        return RefusalReason.INCOMPLETE_GATEWAY
    names = [name for name in (host, *more) if name]
    if not names:
        return RefusalReason.MISSING
    is_known = any(is_host_of(name, gateway.login_url) for name in names) or is_within(host or "", gateway.network)
    return None if is_known else RefusalReason.WRONG_TARGET


def target_base(gateway: Gateway, host: str, port: int) -> str:
    """Where credentials go, without a path: the login address, else the IP address that `check_target` let pass."""
    if gateway.login_url is not None:
        return gateway.login_url.rstrip("/")
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
