"""What an engineer enters into openNDS: opennds.conf (Debian's 9.10), OpenWrt's UCI, and the BinAuth script.

openNDS calls the script at each log-in and log-out. Ours reports both to the gateway's own arrival address, under a
seal made with ``faskey``; at levels 0 to 2 nothing else proves that a device is on. It uses what every router has
(sh, date, sha256sum, and wget or curl), answers openNDS at once and reports in the background. Unlike the script that
comes with openNDS it keeps no log of addresses and of what people wanted to see.
"""

from __future__ import annotations

import shlex
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.configuration import Configuration, Site, Snippet

_SCRIPT: Final = "/etc/opennds/citywifi-report.sh"
_SCRIPT_TEXT: Final = """\
#!/bin/sh
# openNDS asks it what a device may, and the captive portal hears from it who was let on and who is off again.
key='PORTAL-SECRET'
address={address}

digest() {{ printf '%s' "$1" | sha256sum | cut -c1-64; }}
seal() {{ digest "$key$(digest "$key$1")"; }}
post() {{
    if command -v curl >/dev/null; then
        curl -sf -m 5 -o /dev/null --data "$1" "$address"
    else
        wget -q -T 5 -O /dev/null --post-data="$1" "$address"
    fi
}}

if [ "$1" = auth_client ]; then
    # auth_client MAC WANTED BROWSER IP TOKEN CUSTOM: the portal's limits, sealed; without them just a minute.
    limits=${{7%.*}}
    if [ "$(seal "$limits&$(digest "$6")")" = "${{7##*.}}" ]; then
        echo "$limits" | tr . ' '
    else
        echo "60 64 64 0 0"
    fi
    exit 0
fi
# METHOD MAC OCTETS-TO-IT OCTETS-FROM-IT BEGINNING END TOKEN CUSTOM
report="auth_get=reported&method=$1&clientmac=$2&bytes_incoming=$3&bytes_outgoing=$4&token=$7"
sealed="$report&seal=$(seal "$report")"
# openNDS waits for this script, and everybody else for openNDS.
(for pause in 0 1 3 10 30 60; do sleep "$pause"; post "$sealed" && break; done) </dev/null >/dev/null 2>&1 &
exit 0
"""
# openNDS 9.10 ends at an option that only its script authmon.sh knows. The script finds it in a comment, too.
_POLLING: Final = {"nat_traversal_poll_interval": "1"}
_FIREWALL: Final = """
FirewallRuleSet authenticated-users {
    FirewallRule allow all
}
FirewallRuleSet users-to-router {
    FirewallRule allow udp port 53
    FirewallRule allow tcp port 53
    FirewallRule allow udp port 67
}
"""


def configuration(site: Site, level: str, gateway_name: str) -> Configuration:
    """The three files."""
    settings = _settings(site, level, gateway_name)
    gardens = _gardens(site)
    return Configuration(
        snippets=(
            Snippet("openNDS on Debian", "/etc/opennds/opennds.conf", _plain(settings, gardens)),
            Snippet("openNDS on OpenWrt, and release 10 anywhere", "/etc/config/opennds", _uci(settings, gardens)),
            Snippet("Reports to the portal (chmod 700)", _SCRIPT, _script(site)),
        ),
        notes=_notes(site, level),
        # dnsmasq gives every device the same, and openNDS's own API is plain HTTP, which RFC 8908 does not allow.
        captive_portal_option=None,
    )


def _settings(site: Site, level: str, gateway_name: str) -> dict[str, str]:
    arrival = urlsplit(site.arrival_url)
    login = urlsplit(site.gateway.login_url or "http://GATEWAY-ADDRESS:2050")
    is_polling = level in ("3", "4")
    host = arrival.hostname or ""
    values = {
        "gatewayinterface": "br-lan",
        "gatewayname": gateway_name,
        # The name would get a number that the portal does not know.
        "enable_serial_number_suffix": "0",
        "gatewayport": str(login.port or 80),
        # A name of its own would stand in redirects instead of the address that the portal knows.
        "gatewayfqdn": "disable",
        "fasport": str(_fas_port(arrival.scheme, arrival.port, is_polling=is_polling)),
        "faspath": arrival.path,
        **({} if _is_ip_address(host) else {"fasremotefqdn": host}),
        "fasremoteip": host if _is_ip_address(host) else "PORTAL-IP-ADDRESS",
        "faskey": "PORTAL-SECRET",
        "fas_secure_enabled": level,
        "binauth": _SCRIPT,
        # DHCP option 114 would be an address by plain HTTP, which phones do not ask (RFC 8908 section 4.1).
        "dhcp_default_url_enable": "0",
        "preauthidletimeout": "30",
    }
    return {**values, **(_POLLING if is_polling else {})}


def _gardens(site: Site) -> tuple[str, ...]:
    host = urlsplit(site.portal_url).hostname or ""
    own = () if _is_ip_address(host) else (host,)
    return tuple(dict.fromkeys((*own, *site.walled_garden)))


def _plain(settings: dict[str, str], gardens: tuple[str, ...]) -> str:
    lines = [f"{'# ' if name in _POLLING else ''}{name} {value}" for name, value in settings.items()]
    lines += [f"walledgarden_fqdn_list {' '.join(gardens)}", "walledgarden_port_list 443"] if gardens else []
    return "\n".join(lines) + "\n" + _FIREWALL


def _uci(settings: dict[str, str], gardens: tuple[str, ...]) -> str:
    lines = ["config opennds", "\toption enabled '1'"]
    quoted = {name: value.replace("'", r"'\''") for name, value in settings.items()}
    lines += [f"\toption {name} '{value}'" for name, value in quoted.items()]
    lines += [f"\tlist walledgarden_fqdn_list '{host}'" for host in gardens]
    lines += ["\tlist walledgarden_port_list '443'"] if gardens else []
    lines += ["\tlist authenticated_users 'allow all'"]
    lines += [f"\tlist users_to_router 'allow {rule}'" for rule in ("tcp port 53", "udp port 53", "udp port 67")]
    return "\n".join(lines) + "\n"


def _script(site: Site) -> str:
    return _SCRIPT_TEXT.format(address=shlex.quote(site.arrival_url))


def _fas_port(scheme: str, port: int | None, *, is_polling: bool) -> int:
    """Below level 3 openNDS can only redirect to plain HTTP, which the portal's web server sends on to HTTPS."""
    if scheme == "https" and not is_polling:
        return 80
    return port or (443 if scheme == "https" else 80)


def _notes(site: Site, level: str) -> tuple[str, ...]:
    notes = [
        "gatewayinterface is the one that residents are on; leave the rest as it is.",
        "openNDS reads the leases of dnsmasq, which must give out the addresses.",
        "The walled garden needs dnsmasq-full and ipset.",
        "faskey may hold letters and digits only: openNDS puts it into commands of a shell.",
    ]
    is_secure = site.portal_url.startswith("https:")
    if level in ("3", "4"):
        notes.append(
            "The gateway comes to the portal by HTTPS and must trust its certificate: php-cli with OpenSSL, ca-bundle."
        )
    if level in ("3", "4") and not is_secure:
        notes.append("This level needs HTTPS, and the portal's address has none: it cannot work.")
    if level in ("0", "1", "2") and is_secure:
        notes.append(
            "openNDS redirects to plain HTTP at this level: the portal's web server must send port 80 on to HTTPS with"
            " path and query as they are."
        )
    if level == "0":
        notes.append("Level 0 is no protection: who knows openNDS gets on without the portal.")
    if level == "4":
        notes.append("Level 4 needs release 10.")
    return tuple(notes)


def _is_ip_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
