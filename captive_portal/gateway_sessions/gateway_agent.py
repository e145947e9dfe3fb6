"""What the agent of a plain Linux gateway tells and is told: which devices it sees, and which may be on.

Everything is told anew each time, so that nothing has to be kept in step: a lost answer, a restart of either side or
two portals that are asked in turn change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Any, Final

from captive_portal.capport import OpenSession, remaining
from foundation.mac_address import MacAddress, NotAMacAddressError

MOST_DEVICES: Final = 2000
# A session that goes on is written down so often.
_WRITTEN_EVERY: Final = timedelta(seconds=60)
_LARGEST_COUNT: Final = 2**62


class MalformedReportError(ValueError):
    """The body is not a report; nothing of it is in the message."""


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device at the gateway. Octets are since it was let on; input is from the device."""

    address: MacAddress = field(repr=False)
    ip: str = field(repr=False)
    is_on: bool
    input_octets: int = 0
    output_octets: int = 0


def read_report(body: bytes) -> tuple[SeenDevice, ...]:
    """``{"devices": [{"mac", "ip", "on", "input", "output"}]}``. Raises MalformedReportError."""
    try:
        listed = json.loads(body)["devices"]
        if len(listed) > MOST_DEVICES:
            raise MalformedReportError(f"more than {MOST_DEVICES} devices")
        seen = {device.address: device for device in map(_read_device, listed)}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, MalformedReportError):
            raise
        raise MalformedReportError("not a report of devices") from None
    return tuple(seen.values())


def answer(allowed: Mapping[MacAddress, int]) -> dict[str, object]:
    """Which devices may be on, and for how many seconds from now; all others may not."""
    return {"on": {address.format(":", upper=False): seconds for address, seconds in allowed.items()}}


def seconds_allowed(session: OpenSession, let_on_until: datetime, now: datetime) -> int:
    """How long a device may be on from now; 0 for not at all."""
    left = remaining(session, now)
    if left is None:
        return 0
    return max(0, min(left.seconds, int((let_on_until - now).total_seconds())))


def is_due(written_at: datetime, now: datetime) -> bool:
    """Whether a session that goes on is to be written down."""
    return now - written_at >= _WRITTEN_EVERY


def _read_device(listed: Any) -> SeenDevice:
    try:
        address = MacAddress.parse(listed["mac"])
    except NotAMacAddressError:
        raise MalformedReportError("a device's address is none") from None
    return SeenDevice(
        address=address,
        ip=str(IPv4Address(listed["ip"])),
        is_on=listed["on"] is True,
        input_octets=_count(listed.get("input", 0)),
        output_octets=_count(listed.get("output", 0)),
    )


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_COUNT:
        raise MalformedReportError("a count is none")
    return value
