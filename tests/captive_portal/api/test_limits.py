from __future__ import annotations

from ipaddress import ip_network
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from captive_portal.api.limits import address_of

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.9.0.0/24"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.9.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.9.0.2", "203.0.113.5, 198.51.100.1", "198.51.100.1"),
        ("10.9.0.2", None, "10.9.0.2"),
        ("10.9.0.2", "unknown", "10.9.0.2"),
        ("127.0.0.1", "2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::5", None, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", None, "192.0.2.7"),
        ("", None, ""),
    ],
    ids=[
        "itself", "claims another", "behind our proxy", "the proxy's word is the last", "the proxy itself",
        "the proxy does not know", "a network of IPv6 behind it", "a network of IPv6", "IPv4 as IPv6 writes it",
        "no address",
    ],
)  # fmt: skip
def test_a_request_counts_for_whoever_is_behind_our_proxies_and_nobody_elses(
    remote: str, forwarded: str | None, expected: str
) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (remote, 4711) if name == "peername" else default
    request = make_mocked_request("GET", "/api/v1/venues", headers=headers, transport=transport)
    assert address_of(request, PROXIES) == expected
