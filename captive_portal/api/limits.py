"""How often programs may ask: each address, each key and each resident's token has a rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import web
from prometheus_client import Counter, Gauge

from captive_portal.api.problems import TOO_MANY, ProblemError, retry_after
from foundation.settings import PortalSettings
from foundation.token_buckets import TokenBuckets

_MOST_COUNTED: Final = 10_000
_Buckets = TokenBuckets[int | str]

_refused = Counter(
    "citywifi_portal_api_refused_requests_total",
    "Requests of the open API beyond a rate, by whose it is: an address's, a key's or a resident's.",
    ["rate"],
)
_limit = Gauge(
    "citywifi_portal_api_requests_per_minute",
    "How often one may ask the open API in a minute, by who; keys have their own.",
    ["rate"],
    multiprocess_mode="livemostrecent",
)
_counted = Gauge(
    "citywifi_portal_api_counted_callers",
    "Callers of the open API that are counted to limit how often each asks, by whose rate it is.",
    ["rate"],
    multiprocess_mode="livemostrecent",
)
_counted_limit = Gauge(
    "citywifi_portal_api_counted_callers_limit",
    "How many callers of the open API can be counted for one rate.",
    multiprocess_mode="livemostrecent",
)
_evictions = Counter(
    "citywifi_portal_api_caller_evictions_total", "Callers of the open API whose count was given up for want of room."
)


class Rates:
    """Who asked how often lately; one per process. A minute's requests may come at once."""

    def __init__(self, settings: PortalSettings) -> None:
        self._per_address = settings.api_requests_per_address_per_minute
        self._per_resident = settings.api_requests_per_resident_per_minute
        self._addresses = _buckets(self._per_address)
        self._residents = _buckets(self._per_resident)
        # By rate: few keys have rates of their own.
        self._keys: dict[int, _Buckets] = {}
        _limit.labels("address").set(self._per_address)
        _limit.labels("resident").set(self._per_resident)
        _counted_limit.set(_MOST_COUNTED)

    def take_address(self, address: str, now: float) -> None:
        """Count a request of an address. Raises ProblemError."""
        _take(self._addresses, address, now, self._per_address, "address")

    def take_resident(self, resident_id: int, now: float) -> None:
        """Count a request with a token of a resident's. Raises ProblemError."""
        _take(self._residents, resident_id, now, self._per_resident, "resident")

    def take_key(self, key_id: int, per_minute: int, now: float) -> None:
        """Count a request with a key. Raises ProblemError."""
        buckets = self._keys.setdefault(per_minute, _buckets(per_minute))
        _take(buckets, key_id, now, per_minute, "key")


RATES: Final = web.AppKey("api_rates", Rates)


def address_of(request: web.Request, proxies: Iterable[IPv4Network | IPv6Network]) -> str:
    """Whose request it is: behind a proxy of ours, whoever the proxy says last (X-Forwarded-For).

    Of IPv6 the network of 64 bits, because all its addresses are one subscriber's.
    """
    remote = _read(request.remote or "")
    if remote is not None and any(remote in network for network in proxies):
        remote = _read(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()) or remote
    return str(IPv6Network((remote, 64), strict=False) if isinstance(remote, IPv6Address) else remote or "")


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _buckets(per_minute: int) -> _Buckets:
    return TokenBuckets(per_second=per_minute / 60, burst=per_minute, limit=_MOST_COUNTED, evictions=_evictions)


def _take(buckets: _Buckets, caller: int | str, now: float, per_minute: int, rate: str) -> None:
    may = buckets.take(caller, now)
    _counted.labels(rate).set(len(buckets))
    if not may:
        _refused.labels(rate).inc()
        seconds = math.ceil(60 / per_minute)
        raise ProblemError(TOO_MANY, f"More than {per_minute} requests in a minute.", retry_after(seconds))
