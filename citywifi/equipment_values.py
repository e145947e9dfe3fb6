"""What may be written for access equipment: networks, shared secrets, addresses; each refusal says what to do."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from citywifi.errors import CommandError
from foundation.certificates import CertificateError, checked_dns_name
from foundation.runtime import WELL_KNOWN_SECRETS
from radius.nas_table import Quarantine
from radius.vendors import NAMES, VENDORS

# RFC 2865 section 3 says at least 16 octets; RFC 6614 section 2.3 prescribes the word.
SHORTEST_SECRET_OCTETS: Final = 16
RADSEC_SECRET: Final = b"radsec"
LONGEST_OVERLAP: Final = timedelta(days=30)
_MADE_SECRET_OCTETS: Final = 16
_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LARGEST_VLAN: Final = 4094
_LONGEST_URL: Final = 400
_LONGEST_HOST: Final = 64
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 253


def checked_network(text: str) -> str:
    """A network (CIDR) or an address as it is stored. Raises CommandError that says what was probably meant."""
    try:
        network = ip_network(text.strip(), strict=False)
        written = ip_address(text.strip().partition("/")[0])
    except ValueError:
        raise CommandError(
            f"{text!r} is not a network; write it like 192.0.2.0/24, 192.0.2.1 or 2001:db8::/64"
        ) from None
    if written != network.network_address:
        raise CommandError(f"{text} is an address within {network}; write {network} for all of it, or {written} alone")
    if network.prefixlen == 0:
        raise CommandError(f"{network} is everybody; write the network that the equipment's packets come from")
    if isinstance(written, IPv6Address) and written.ipv4_mapped is not None:
        raise CommandError(f"{text} is an IPv4 address in IPv6's spelling; write {written.ipv4_mapped}")
    return str(network)


def checked_secret(text: str) -> bytes:
    """A shared secret. Raises CommandError for one that could be guessed; never shows it."""
    octets = text.encode()
    if octets.lower() in WELL_KNOWN_SECRETS:
        raise CommandError("this secret stands in examples everywhere; leave out --secret-stdin and a good one is made")
    if len(octets) < SHORTEST_SECRET_OCTETS:
        raise CommandError(
            f"this secret has {len(octets)} octets and can be guessed from one packet; use {SHORTEST_SECRET_OCTETS} or "
            "more, or leave out --secret-stdin and a good one is made"
        )
    if len(set(octets)) < SHORTEST_SECRET_OCTETS // 4:
        raise CommandError("this secret repeats itself; leave out --secret-stdin and a good one is made")
    return octets


def make_secret() -> bytes:
    """128 random bits in letters and digits, which every piece of equipment takes."""
    return secrets.token_hex(_MADE_SECRET_OCTETS).encode()


def checked_duration(text: str) -> timedelta:
    """How long an old secret stays good: ``1h``, ``30m``, ``2d``, or ``0``. Raises CommandError."""
    found = _DURATION.fullmatch(text.strip().lower())
    if text.strip() != "0" and found is None:
        raise CommandError(f"{text!r} is not a duration; write it like 90s, 30m, 1h or 2d, or 0")
    duration = timedelta(seconds=int(found[1]) * _UNIT_SECONDS[found[2]] if found else 0)
    if duration > LONGEST_OVERLAP:
        raise CommandError(f"{text} is longer than {LONGEST_OVERLAP.days} days; an old secret must end some time")
    return duration


def checked_columns(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that options give; an empty text clears one. Raises CommandError for the first that cannot be."""
    values: dict[str, Any] = {}
    for column, value in wanted.items():
        if value is None:
            continue
        check = _CHECKS.get(column)
        is_taken_away = value == "" and column not in _NEVER_EMPTY
        values[column] = None if is_taken_away else check(value) if check else value
    return values


def check_together(row: Mapping[str, Any]) -> None:
    """What must fit together in a whole row. Raises CommandError."""
    if row["network"] is None and row["radsec_name"] is None and row.get("arrival_key") is None:
        raise CommandError(
            "say where its packets come from (NETWORK), or what its certificate says (--radsec-name), or, where it "
            "speaks no RADIUS, how the captive portal speaks to it (--driver)"
        )
    if row["dynamic_authorization_port"] is not None and row["dynamic_authorization_host"] is None:
        raise CommandError("--disconnect-port needs --disconnect-host")
    if row["unknown_devices"] == "quarantine":
        vendor = VENDORS[row["vendor"]]
        asked = Quarantine(row["quarantine_vlan"], row["quarantine_role"], row["quarantine_url"])
        if not vendor.quarantine(asked):
            raise CommandError(
                f"{vendor.title} cannot shut an unknown device in with that; it needs {vendor.quarantine_needs}"
            )


def with_default_port(row: dict[str, Any]) -> dict[str, Any]:
    """The port for RFC 5176 requests, where only the host was given: the vendor's."""
    if row["dynamic_authorization_host"] is not None and row["dynamic_authorization_port"] is None:
        spoken = VENDORS[row["vendor"]].dynamic_authorization
        if spoken is None:
            raise CommandError(f"{VENDORS[row['vendor']].title} takes no requests to end a session by RADIUS")
        row = {**row, "dynamic_authorization_port": spoken.default_port}
    return row


def _checked_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(text) > _LONGEST_URL or not text.isascii():
        raise CommandError(f"{text!r} is not a web address; write it like https://wifi.example.org/")
    return text


def _checked_host(text: str) -> str:
    """An address, not a name: to whom an order goes should not depend on a name server."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise CommandError(f"{text!r} is not an IP address, to which Disconnect-Requests could be sent") from None


def _checked_port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise CommandError(f"{number} is not a port; ports are 1 to 65535")
    return number


def _checked_vlan(number: int) -> int:
    if not 1 <= number <= _LARGEST_VLAN:
        raise CommandError(f"{number} is not a VLAN; they are 1 to {_LARGEST_VLAN}")
    return number


def _checked_vendor(text: str) -> str:
    if text not in NAMES:
        raise CommandError(f"{text!r} is not a vendor that is known; there is {', '.join(NAMES)}")
    return text


def _checked_radsec_name(text: str) -> str:
    try:
        return checked_dns_name(text)
    except CertificateError as error:
        raise CommandError(str(error)) from None


def _checked_choice(*choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise CommandError(f"{text!r} is not possible here; write {' or '.join(choices)}")
        return text

    return check


def _checked_text(longest: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > longest or not text.isprintable() or not text.strip():
            raise CommandError(f"a name has at most {longest} letters, digits and signs")
        return text.strip()

    return check


_NEVER_EMPTY: Final = frozenset({"name", "vendor", "message_authenticator", "unknown_devices"})
_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "network": checked_network,
    "name": _checked_text(_LONGEST_NAME),
    "vendor": _checked_vendor,
    "radsec_name": _checked_radsec_name,
    "nas_identifier": _checked_text(_LONGEST_TEXT),
    "message_authenticator": _checked_choice("require", "auto"),
    "dynamic_authorization_host": _checked_host,
    "dynamic_authorization_port": _checked_port,
    "login_url": _checked_url,
    "portal_url": _checked_url,
    "unknown_devices": _checked_choice("reject", "quarantine"),
    "quarantine_vlan": _checked_vlan,
    "quarantine_role": _checked_text(_LONGEST_TEXT),
    "quarantine_url": _checked_url,
}
