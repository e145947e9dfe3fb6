"""A redirect as one of our gateways would send it, for a device that does not exist, to try the portal with.

What a redirect must say stands with each driver; here are the values of a gateway's own entry, in the form in which its
kind sends them. A seal that gateway and portal share is made with the entry's secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from captive_portal.gateways import coovachilli, our_redirector
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.opennds_redirect import hid_of, pack
from captive_portal.gateways.unifi import site_of
from captive_portal.laboratory.explanation import KnownGateway
from foundation.arrival_tokens import PATH as DEVICE_PATH
from foundation.arrival_tokens import ArrivalToken, seal
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring

# The second bit of the first octet says that nobody gave it to a device; documentation's network (RFC 5737).
_DEVICE: Final = "02-00-5E-00-53-01"
_IP: Final = "192.0.2.23"
_WANTED: Final = "http://example.org/"
_SSID: Final = "WiFi"
_GOOD_FOR: Final = timedelta(hours=1)
_NO_ACCESS_POINT: Final = MacAddress.parse("00-00-5E-00-53-00")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a redirect is made of."""

    gateway: Gateway
    access_point: str
    portal_url: str
    keyring: Keyring = field(repr=False)

    @property
    def login_url(self) -> str:
        return self.gateway.login_url or ""

    @property
    def login_host(self) -> str:
        return urlsplit(self.login_url).hostname or ""

    @property
    def identifier(self) -> str:
        return self.gateway.nas_identifier or self.gateway.name

    def to(self, parameters: Mapping[str, str]) -> str:
        """The arrival address with a query."""
        return f"{self.gateway.portal_address}?{urlencode(parameters, quote_via=quote)}"


def example_redirect(known: KnownGateway, portal_url: str, keyring: Keyring) -> str:
    """One that is good now. ``portal_url`` is the portal's own address, without a slash at its end."""
    stations = sorted(str(station) for station in known.access_points)
    station = stations[0] if stations else str(_NO_ACCESS_POINT)
    return _MAKERS[known.driver](_Entry(known.gateway, station, portal_url, keyring))


def _coovachilli(entry: _Entry) -> str:
    port = urlsplit(entry.login_url).port
    url = entry.to(
        {
            "res": "notyet", "uamip": entry.login_host, "uamport": str(port or 3990),
            "challenge": secrets.token_hex(16), "called": entry.access_point, "mac": _DEVICE, "ip": _IP,
            "nasid": entry.identifier, "sessionid": secrets.token_hex(8), "userurl": _WANTED,
        }
    )  # fmt: skip
    secret = entry.gateway.portal_secret
    return f"{url}&md={coovachilli.seal(url, secret)}" if secret else url


def _mikrotik(entry: _Entry) -> str:
    chap = {"chap-id": r"\145", "chap-challenge": "".join(f"\\{octet:03o}" for octet in secrets.token_bytes(16))}
    is_private = entry.login_url.startswith("https:") or entry.gateway.options.get("login_by") == "http-pap"
    own = {"result": "login", "mac": _DEVICE.replace("-", ":"), "identity": entry.identifier}
    return entry.to({**own, "link-login-only": entry.login_url, **({} if is_private else chap)})


def _cisco(entry: _Entry) -> str:
    return entry.to(
        {
            "switch_url": entry.login_url, "ap_mac": entry.access_point, "client_mac": _DEVICE, "wlan": _SSID,
            "redirect": _WANTED,
        }
    )  # fmt: skip


def _cisco_central(entry: _Entry) -> str:
    """RADIUS makes an address for each device, and the controller appends what that wanted."""
    until = datetime.now(UTC) + _GOOD_FOR
    token = ArrivalToken(entry.gateway.nas_id, MacAddress.parse(_DEVICE), until)
    return f"{entry.portal_url}{DEVICE_PATH}{seal(entry.keyring, token)}?{urlencode({'redirect_url': _WANTED})}"


def _aruba(entry: _Entry) -> str:
    return entry.to(
        {
            "cmd": "login", "mac": _DEVICE, "ip": _IP, "essid": _SSID, "apname": "ap", "apmac": entry.access_point,
            "vcname": entry.identifier, "switchip": entry.login_host, "url": _WANTED,
        }
    )  # fmt: skip


def _cambium(entry: _Entry) -> str:
    return entry.to(
        {
            "ga_ssid": _SSID, "ga_ap_mac": entry.access_point, "ga_nas_id": entry.identifier,
            "ga_srvr": entry.login_host or _first_of(entry.gateway), "ga_cmac": _DEVICE, "ga_Qv": secrets.token_hex(8),
            "ga_orig_url": _WANTED,
        }
    )  # fmt: skip


def _fortigate(entry: _Entry) -> str:
    return entry.to(
        {
            "login": "", "post": entry.login_url, "magic": secrets.token_hex(8), "usermac": _DEVICE,
            "apmac": entry.access_point, "userip": _IP, "ssid": _SSID,
        }
    )  # fmt: skip


def _meraki(entry: _Entry) -> str:
    cloud = entry.login_url.rstrip("/") or "https://n1.network-auth.com"
    return entry.to(
        {
            "login_url": f"{cloud}/splash/login?mauth={secrets.token_hex(8)}", "continue_url": _WANTED,
            "ap_mac": entry.access_point, "client_mac": _DEVICE, "client_ip": _IP,
        }
    )  # fmt: skip


def _meraki_click_through(entry: _Entry) -> str:
    cloud = entry.login_url.rstrip("/") or "https://n1.network-auth.com"
    return entry.to(
        {
            "base_grant_url": f"{cloud}/splash/grant", "user_continue_url": _WANTED, "node_mac": entry.access_point,
            "client_ip": _IP, "client_mac": _DEVICE,
        }
    )  # fmt: skip


def _nftables(entry: _Entry) -> str:
    query, secret = urlencode({"mac": _DEVICE, "ip": _IP}), entry.gateway.portal_secret
    sealed = f"{query}&seal={our_redirector.seal(query, secret)}" if secret else query
    return f"{entry.gateway.portal_address}?{sealed}"


def _omada(entry: _Entry) -> str:
    return entry.to(
        {
            "clientMac": _DEVICE, "apMac": entry.access_point, "ssidName": _SSID, "t": "1700000000000000",
            "radioId": "1", "site": entry.identifier, "redirectUrl": _WANTED,
        }
    )  # fmt: skip


def _omada_radius(entry: _Entry) -> str:
    parts = urlsplit(entry.login_url)
    return entry.to(
        {
            "target": entry.login_host or _first_of(entry.gateway), "targetPort": str(parts.port or 8843),
            "scheme": parts.scheme or "http", "clientMac": _DEVICE, "clientIp": _IP, "apMac": entry.access_point,
            "ssidName": _SSID, "radioId": "1", "originUrl": _WANTED,
        }
    )  # fmt: skip


def _opennds(entry: _Entry) -> str:
    level, token = entry.gateway.options.get("level", "1"), secrets.token_hex(4)
    address, name = urlsplit(entry.login_url).netloc, entry.gateway.options.get("gateway_name") or entry.identifier
    if level == "0":
        action = f"http://{address}/opennds_auth/?clientip={_IP}"
        return f"{entry.gateway.portal_address}?authaction={action}&gatewayname={quote(name, safe='')}&tok={token}"
    items = {
        "hid": hid_of(token), "clientip": _IP, "clientmac": _DEVICE.replace("-", ":").lower(), "client_type": "cpd_can",
        "gatewayname": quote(name, safe=""), "gatewayaddress": address, "authdir": "opennds_auth",
        "originurl": quote(_WANTED, safe=""),
    }  # fmt: skip
    secret = entry.gateway.portal_secret or b""
    return entry.to(pack(items, secret, is_encrypted=level in ("2", "3")))


def _ruckus(entry: _Entry) -> str:
    return entry.to(
        {
            "sip": entry.login_host or _first_of(entry.gateway), "mac": entry.access_point.replace("-", "").lower(),
            "client_mac": _DEVICE, "uip": _IP, "url": _WANTED, "ssid": _SSID,
        }
    )  # fmt: skip


def _ruckus_smartzone(entry: _Entry) -> str:
    return entry.to(
        {
            "nbiIP": entry.login_host, "client_mac": _DEVICE, "uip": _IP, "mac": entry.access_point, "proxy": "0",
            "reason": "Un-Auth-Captive", "ssid": _SSID, "wlan": "1", "url": _WANTED,
        }
    )  # fmt: skip


def _unifi(entry: _Entry) -> str:
    query = urlencode(
        {"ap": entry.access_point, "id": _DEVICE, "t": "1700000000", "url": _WANTED, "ssid": _SSID}, quote_via=quote
    )
    return f"{entry.portal_url}/guest/s/{site_of(entry.gateway)}/?{query}"


def _first_of(gateway: Gateway) -> str:
    """The address of a gateway that is entered by its network only."""
    return (gateway.network or "").partition("/")[0]


_MAKERS: Final[Mapping[str, Callable[[_Entry], str]]] = {
    "aruba": _aruba,
    "cambium": _cambium,
    "cisco": _cisco,
    "cisco-central": _cisco_central,
    "coovachilli": _coovachilli,
    "fortigate": _fortigate,
    "hostapd": _nftables,
    "meraki": _meraki,
    "meraki-click-through": _meraki_click_through,
    "mikrotik": _mikrotik,
    "nftables": _nftables,
    "omada": _omada,
    "omada-open-api": _omada,
    "omada-radius": _omada_radius,
    "opennds": _opennds,
    "ruckus": _ruckus,
    "ruckus-smartzone": _ruckus_smartzone,
    "unifi": _unifi,
}
