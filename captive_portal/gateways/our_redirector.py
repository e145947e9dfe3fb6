"""The redirect of our own gateway for plain Linux (deploy/nftables-gateway), which knows a device by its address.

``mac`` and ``ip`` of the device, and, where gateway and portal share a secret, ``seal``: HMAC-SHA-256 over the whole
query before ``&seal=``, in hexadecimal. Without a secret nothing in it is proven; then what it says can only be as
good as the device's word.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.base import Arrival, Clue, Outcome, Redirect, Refusal, RefusalReason
from captive_portal.gateways.configuration import Site, Snippet
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.parameters import read_clue, read_ip, read_mac
from foundation.mac_address import MacAddress

MEANINGS: Final[Mapping[str, str]] = {
    "mac": "The device's address.",
    "ip": "The device's IP address.",
    "ap": "The access point that it is at, where the gateway knows.",
    "seal": "Over all that stands before it, made with the portal's secret.",
}
_SEAL: Final = re.compile(r"[0-9a-f]{64}")


def seal(query: str, portal_secret: bytes) -> str:
    """What the redirector appends as ``seal`` to the query."""
    return hmac.digest(portal_secret, query.encode(), hashlib.sha256).hex()


def identify(redirect: Redirect) -> Clue | Refusal:
    """A gateway has an arrival address of its own; the access point tells the venue."""
    if redirect.arrival_key is None:
        return Refusal(RefusalReason.MISSING)
    return read_clue(redirect, access_point=("ap",))


def parse(redirect: Redirect, gateway: Gateway, *, needs_secret: bool) -> Arrival | Refusal:
    """Check the seal, then read the device; ``needs_secret`` refuses a gateway that shares none."""
    wrong = _check_seal(redirect.raw_query, gateway.portal_secret, needs_secret=needs_secret)
    if wrong is not None:
        return Refusal(wrong)
    device, address = read_mac(redirect, "mac"), read_ip(redirect, "ip")
    if isinstance(device, Refusal):
        return device
    if isinstance(address, Refusal):
        return address
    return Arrival(Outcome.CAPTIVE, device, hand_over_of(device) | {"ip": address})


def hand_over_of(device: MacAddress) -> dict[str, str]:
    """All that it takes."""
    return {"mac": str(device)}


def garden_of(site: Site) -> Snippet:
    """What dnsmasq puts into nft's set of what is reachable before login; a name stands for all that ends with it."""
    names = dict.fromkeys((urlsplit(site.portal_url).hostname or "", *site.walled_garden))
    return Snippet(
        "Reachable before login: names for the set garden",
        "/etc/dnsmasq.d/citywifi-garden.conf",
        f"nftset=/{'/'.join(names)}/4#inet#citywifi#garden",
    )


def _check_seal(raw_query: str, secret: bytes | None, *, needs_secret: bool) -> RefusalReason | None:
    if not secret:
        return RefusalReason.INCOMPLETE_GATEWAY if needs_secret else None
    sealed, mark, given = raw_query.rpartition("&seal=")
    if not mark:
        return RefusalReason.UNSEALED
    if not _SEAL.fullmatch(given) or not hmac.compare_digest(seal(sealed, secret), given):
        return RefusalReason.WRONG_SEAL
    return None
