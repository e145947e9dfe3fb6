"""What an engineer enters into a FortiGate: RADIUS, a group, a network with an external captive portal, and a policy.

From Fortinet's administration guides and community articles (read in vendor documentation).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.configuration import Configuration, Site, Snippet

_NAME: Final = "citywifi"
_NOTES: Final = (
    "The gateway's login address is what `post` in the redirect has, such as https://192.0.2.1:1003/fgtauth. Another "
    "name, port or scheme is refused.",
    "With auth-secure-http the address should be a name (`set auth-portal-addr` or the interface's) with a certificate "
    "that phones trust.",
    "WAN is the interface to the internet, and the VAP's name is that of its interface.",
    "Look at the first Access-Request: Calling-Station-Id must be the device's MAC address. If it is an IP address, "
    "one-time passwords are refused, and this FortiGate cannot be served so.",
    "Set no security-redirect-url: the portal would not know which device came to it.",
    "The FortiGate asks the portal's captive portal API for nobody; give DHCP option 114 only where the API can tell "
    "which device asks.",
)


def configure(site: Site) -> Configuration:
    """In the order in which they refer to each other."""
    return Configuration(
        snippets=(
            Snippet("RADIUS and group", "command line", _radius(site)),
            Snippet("Network with the external portal", "command line", _network(site)),
            Snippet("What is reached before login", "command line", _before_login(site)),
        ),
        notes=_NOTES,
    )


def _radius(site: Site) -> str:
    return f"""\
config user radius
    edit "{_NAME}"
        set server "{site.radius_host}"
        set secret SECRET
        set radius-port {site.authentication_port}
        set auth-type pap
        set acct-interim-interval 600
        set radius-coa enable
        config accounting-server
            edit 1
                set status enable
                set server "{site.radius_host}"
                set port {site.accounting_port}
                set secret SECRET
            next
        end
    next
end
config user group
    edit "{_NAME}"
        set member "{_NAME}"
    next
end
config user setting
    set auth-secure-http enable
end"""


def _network(site: Site) -> str:
    return f"""\
config wireless-controller vap
    edit "{_NAME}"
        set ssid "CityWiFi"
        set security captive-portal
        set portal-type external-auth
        set external-web "{site.arrival_url}"
        set selected-usergroups "{_NAME}"
    next
end"""


def _before_login(site: Site) -> str:
    hosts = list(dict.fromkeys((urlsplit(site.portal_url).hostname or "", *site.walled_garden)))
    names = [f"{_NAME}-{host}" for host in hosts]
    addresses = "\n".join(
        f'    edit "{name}"\n        set type fqdn\n        set fqdn "{host}"\n    next'
        for name, host in zip(names, hosts, strict=True)
    )
    destinations = " ".join(f'"{name}"' for name in names)
    return f"""\
config firewall address
{addresses}
end
config firewall policy
    edit 0
        set name "{_NAME} before login"
        set srcintf "{_NAME}"
        set dstintf "WAN"
        set srcaddr "all"
        set dstaddr {destinations}
        set action accept
        set schedule "always"
        set service "DNS" "HTTP" "HTTPS"
        set nat enable
        set captive-portal-exempt enable
    next
end"""
