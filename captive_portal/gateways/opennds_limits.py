"""Limits as openNDS takes them: minutes or seconds, kbit/s, and kilobytes of 1024 octets; 0 is the gateway's own limit.

openNDS counts both directions by themselves and knows no sum, so each direction may use what the policy allows in all.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from captive_portal.gateways.base import AccessLimits
from captive_portal.gateways.opennds_redirect import is_hid, report_seal

# What the shell on a router can still compare.
_LARGEST: Final = 2**31 - 1
_SECONDS_A_MINUTE: Final = 60
_OCTETS_A_KILOBYTE: Final = 1024
# "na" in base64: there is no custom data, and openNDS wants some.
_NO_CUSTOM_DATA: Final = "bmE="
_LONGEST_LIST: Final = 1024
_MOST_IN_A_LIST: Final = 4


def grant(rhid: str, limits: AccessLimits) -> str:
    """One device in the answer to authmon's ``view``: what it hands to ``ndsctl auth``, percent-encoded.

    The gateway gives it to a shell, so there is nothing in it but digits, lower-case hexadecimal and base64.
    Raises ValueError for an rhid that is none.
    """
    if not is_hid(rhid):
        raise ValueError("no rhid")
    minutes = _rounded_up(limits.seconds, _SECONDS_A_MINUTE)
    return quote(" ".join((rhid, str(minutes), *_rates_and_quotas(limits), _NO_CUSTOM_DATA)), safe="")


def grant_list(grants: list[tuple[str, AccessLimits]]) -> str:
    """The answer to ``view``: at most four devices, and no more than authmon reads."""
    text = "*"
    for rhid, limits in grants[:_MOST_IN_A_LIST]:
        longer = f"{text} {grant(rhid, limits)}"
        if len(longer) > _LONGEST_LIST:
            break
        text = longer
    return text


def sealed_limits(hid: str, limits: AccessLimits, faskey: bytes) -> str:
    """For the browser to carry to our BinAuth script: seconds, rates, quotas and a seal, joined by points."""
    seconds = _rounded_up(limits.seconds, 1)
    text = ".".join((str(seconds), *_rates_and_quotas(limits)))
    return f"{text}.{report_seal(f'{text}&{hid}', faskey)}"


def _rates_and_quotas(limits: AccessLimits) -> tuple[str, str, str, str]:
    """Up and down of each."""
    quota = str(_rounded_up(limits.octets, _OCTETS_A_KILOBYTE))
    up, down = limits.upload_kilobits_per_second, limits.download_kilobits_per_second
    return str(_rounded_up(up, 1)), str(_rounded_up(down, 1)), quota, quota


def _rounded_up(amount: int | None, unit: int) -> int:
    """Never 0 for what has a limit, because that is none."""
    return 0 if amount is None else min(max(-(-amount // unit), 1), _LARGEST)
