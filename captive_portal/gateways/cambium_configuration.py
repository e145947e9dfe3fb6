"""What an engineer enters into Cambium's enterprise access points: commands, or the same fields of cnMaestro.

From the cnPilot Enterprise AP user guide and the vendor's community articles (read in vendor documentation).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.configuration import Configuration, Site, Snippet

_NOTES: Final = (
    "WLAN-NUMBER is the number of the WLAN, 1 for the first.",
    "Without a login address at the portal, logins go to the access point that sent the redirect. Its address must be "
    "of the entry's network, or of the one in the option access_points.",
    "With `External Portal Post Through cnMaestro` the login address is cnMaestro's https:// address. It needs a "
    "certificate that phones trust; then no browser warns of the form.",
    "After the login the access point sends browsers where they wanted to go. Leave `Success Action` like that: an "
    "address of its own gets no parameter that tells the device.",
    "Accounting must be on: it is the portal's only proof that a device is on.",
    "The access points cannot give each device an answer of its own to DHCP option 114.",
)


def configure(site: Site) -> Configuration:
    """RADIUS, then guest access, of one WLAN."""
    return Configuration(
        snippets=(
            Snippet("RADIUS", "Configure > WLAN > RADIUS Server, or the command line", _radius(site)),
            Snippet("External hotspot", "Configure > WLAN > Guest Access, or the command line", _guest_access(site)),
        ),
        notes=_NOTES,
    )


def _radius(site: Site) -> str:
    gateway = site.gateway
    identifier = gateway.nas_identifier or gateway.name
    return f"""\
wireless wlan WLAN-NUMBER
 radius-server authentication host 1 {site.radius_host}
 radius-server authentication port 1 {site.authentication_port}
 radius-server authentication secret 1 SECRET
 radius-server accounting host 1 {site.radius_host}
 radius-server accounting port 1 {site.accounting_port}
 radius-server accounting secret 1 SECRET
 radius-server accounting mode start-interim-stop
 radius-server accounting interim-interval 600
 radius-server nas-identifier {identifier}
 radius-server dynamic-authorization"""


def _guest_access(site: Site) -> str:
    hosts = dict.fromkeys((urlsplit(site.portal_url).hostname or "", *site.walled_garden))
    names = "\n".join(f" guest-access whitelist {number} {host}" for number, host in enumerate(hosts, 1))
    is_private = (site.gateway.login_url or "").startswith("https:")
    redirect = "http" if site.gateway.options.get("login_scheme") != "https" and not is_private else "https"
    return f"""\
wireless wlan WLAN-NUMBER
 guest-access
 guest-access portal-mode external
 guest-access auth-type radius
 guest-access redirect-mode {redirect}
 guest-access external-page-url {site.arrival_url}
{names}"""
