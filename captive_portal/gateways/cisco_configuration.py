"""What an engineer enters for local web authentication with an external page: Catalyst 9800 (IOS XE) and AireOS.

From Cisco's configuration guides for both (read in vendor documentation, tried on no equipment).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.configuration import Configuration, Site, Snippet

_NAME: Final = "citywifi"
_NOTES: Final = (
    "The gateway's login address is the virtual interface's, as switch_url has it: https://NAME/login.html, or with "
    "its IP address. Another name, port or scheme in the redirect is refused.",
    "Give the virtual interface a name and a certificate that phones trust; else each of them shows an error before "
    "the login. With plain HTTP a browser warns that the form is not secure.",
    "Replace PORTAL-ADDRESS by the portal's IP address. Where it has several or they change, permit it by name.",
    "A Catalyst 9800 sends the device's and the access point's address only with the three lines `redirect append`; "
    "without client_mac the redirect is refused.",
    "Calling-Station-Id must be the device's address, or the one-time password is refused.",
    "AireOS takes at most 252 characters for the page's address.",
    "Do not give DHCP option 114 unless the portal's captive portal API can tell which device asks.",
)


def configure(site: Site) -> Configuration:
    """Both kinds of controller; an engineer takes one of them."""
    return Configuration(
        snippets=(
            Snippet("Catalyst 9800: RADIUS", "configure terminal", _ios_radius(site)),
            Snippet("Catalyst 9800: parameter-map and names before login", "configure terminal", _ios_web(site)),
            Snippet("Catalyst 9800: WLAN and policy profile", "configure terminal", _IOS_WLAN),
            Snippet("AireOS: RADIUS", "command line", _aireos_radius(site)),
            Snippet("AireOS: ACL before login", "command line", _aireos_acl(site)),
            Snippet("AireOS: external page; WLAN-ID is the WLAN's number", "command line", _aireos_wlan(site)),
        ),
        notes=_NOTES,
    )


def _ios_radius(site: Site) -> str:
    ports = f"auth-port {site.authentication_port} acct-port {site.accounting_port}"
    return f"""\
aaa new-model
radius server {_NAME}
 address ipv4 {site.radius_host} {ports}
 key 0 SECRET
aaa group server radius {_NAME}
 server name {_NAME}
aaa authentication login {_NAME} group {_NAME}
aaa authorization network {_NAME} group {_NAME}
aaa accounting identity {_NAME} start-stop group {_NAME}
aaa accounting update periodic 10
aaa server radius dynamic-author
 client {site.radius_host} server-key 0 SECRET"""


def _ios_web(site: Site) -> str:
    hosts = dict.fromkeys((urlsplit(site.portal_url).hostname or "", *site.walled_garden))
    names = "\n".join(f" url {host}" for host in hosts)
    return f"""\
parameter-map type webauth {_NAME}
 type webauth
 redirect for-login {site.arrival_url}
 redirect append ap-mac tag ap_mac
 redirect append client-mac tag client_mac
 redirect append wlan-ssid tag wlan
 redirect portal ipv4 PORTAL-ADDRESS
urlfilter list {_NAME}
 action permit
{names}"""


_IOS_WLAN: Final = f"""\
wlan WLAN-PROFILE
 security web-auth
 security web-auth authentication-list {_NAME}
 security web-auth parameter-map {_NAME}
wireless profile policy POLICY-PROFILE
 aaa-override
 accounting-list {_NAME}
 urlfilter list pre-auth-filter {_NAME}"""


def _aireos_radius(site: Site) -> str:
    return f"""\
config radius auth add 1 {site.radius_host} {site.authentication_port} ascii SECRET
config radius auth rfc3576 enable 1
config radius acct add 1 {site.radius_host} {site.accounting_port} ascii SECRET
config radius callStationIdType ap-macaddr-ssid"""


def _aireos_acl(site: Site) -> str:
    # A name stands for all that ends with it.
    hosts = dict.fromkeys(host.removeprefix("*.") for host in site.walled_garden)
    domains = "\n".join(f"config acl url-domain add {host} {_NAME}" for host in hosts)
    rules = f"""\
config acl create {_NAME}
config acl rule add {_NAME} 1
config acl rule destination address {_NAME} 1 PORTAL-ADDRESS 255.255.255.255
config acl rule action {_NAME} 1 permit
config acl rule add {_NAME} 2
config acl rule source address {_NAME} 2 PORTAL-ADDRESS 255.255.255.255
config acl rule action {_NAME} 2 permit
config acl apply {_NAME}"""
    return f"{rules}\n{domains}" if domains else rules


def _aireos_wlan(site: Site) -> str:
    return f"""\
config custom-web webauth-type external
config custom-web ext-webauth-url {site.arrival_url}
config wlan disable WLAN-ID
config wlan security web-auth enable WLAN-ID
config wlan security web-auth acl WLAN-ID {_NAME}
config wlan radius_server auth add WLAN-ID 1
config wlan radius_server acct add WLAN-ID 1
config wlan aaa-override enable WLAN-ID
config wlan enable WLAN-ID"""
