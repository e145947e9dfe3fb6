"""What an engineer enters into a MikroTik router: commands for RouterOS 7, and its hotspot's pages.

From the pages on HotSpot, RADIUS and DHCP of help.mikrotik.com (read in vendor documentation). Variables stand in their
``-esc`` form, which RouterOS encodes for an address; ``$(if name)`` leaves out what is empty.
"""

from __future__ import annotations

from enum import StrEnum
from html import escape
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.configuration import Configuration, Site, Snippet

_FOLDER: Final = "citywifi"


class Result(StrEnum):
    """Which of the router's pages sent the browser."""

    LOGIN = "login"
    ONLINE = "online"
    ERROR = "error"
    LOGGED_OUT = "logged-out"


_ALWAYS: Final = "&amp;mac=$(mac-esc)&amp;identity=$(identity-esc)"
# RouterOS fills chap-id, chap-challenge and error in on the pages of /login only. error-orig is the message as the
# router has it, before errors.txt translates it.
_VARIABLES: Final = {
    Result.LOGIN: "&amp;link-login-only=$(link-login-only-esc)"
    "$(if chap-id)&amp;chap-id=$(chap-id-esc)&amp;chap-challenge=$(chap-challenge-esc)$(endif)"
    "$(if error)&amp;error=$(error-orig-esc)$(endif)",
    Result.ONLINE: "&amp;uptime=$(uptime-secs)",
    Result.ERROR: "&amp;error=$(error-orig-esc)",
    Result.LOGGED_OUT: "",
}
_FILES: Final = {
    "login.html": Result.LOGIN,
    "alogin.html": Result.ONLINE,
    "status.html": Result.ONLINE,
    "logout.html": Result.LOGGED_OUT,
    "error.html": Result.ERROR,
}
_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={address}">
<title>WiFi</title>
</head>
<body>
<h1>WiFi</h1>
<p><a href="{address}">Go on to the WiFi page</a></p>
</body>
</html>
"""
# link-login-only may have http: here, which the API must not give.
_API: Final = """\
{{
  "captive": $(if logged-in == 'yes')false$(else)true$(endif),
  "user-portal-url": "https://{host}/login",
  "venue-info-url": "{portal}",
$(if session-timeout-secs != 0)
  "seconds-remaining": $(session-timeout-secs),
$(endif)
  "can-extend-session": true
}}
"""
_NOTES: Final = (
    "Copy the router's folder hotspot to citywifi first, then put these files in place of those of the same name. The "
    "folder's other pages stay; flogin.html, fstatus.html and flogout.html must not be there.",
    "The gateway's login address is the router's, as link-login-only has it: http:// and the hotspot's DNS name (or "
    "address), https:// where login-by has https. Another name or port in the redirect is refused.",
    "http-chap never sends the password. Give HTTPS a certificate that phones trust, or leave it off.",
    "Over HTTPS the router is the captive portal API itself (RFC 8908): from RouterOS 7.3 on it answers for each "
    "device at https://NAME/api, from api.json, and gives DHCP option 114 by itself once the hotspot has a DNS name "
    "and a certificate. Over plain HTTP it must not give the option, nor the portal's, because it cannot put a "
    "device's address into it.",
    "cookie must not be in login-by: the router would log in again with a password that is good once.",
    "Messages in errors.txt may be translated; the portal is told the original ones.",
    "From RouterOS 7.15 on set require-message-auth in /radius; older ones may send no Message-Authenticator.",
    "The hotspot is for IPv4 only: give its clients no IPv6, or they go past it.",
)


def page(arrival_url: str, result: Result) -> str:
    """A page of the hotspot that sends the browser on, with a link for those that do not go by themselves."""
    separator = "&amp;" if "?" in arrival_url else "?"
    address = f"{escape(arrival_url)}{separator}result={result}{_ALWAYS}{_VARIABLES[result]}"
    return _PAGE.format(address=address)


def configure(site: Site) -> Configuration:
    """Commands first, then the files."""
    files = (Snippet(name, f"file {_FOLDER}/{name}", page(site.arrival_url, result)) for name, result in _FILES.items())
    terminal = (
        Snippet("RADIUS", "terminal", _radius(site)),
        Snippet("Hotspot profile", "terminal", _profile(site)),
        Snippet("Walled garden", "terminal", _walled_garden(site)),
    )
    if not _is_private(site):
        return Configuration((*terminal, *files), _NOTES)
    api = Snippet("api.json", f"file {_FOLDER}/api.json", _API.format(host=_host(site), portal=site.portal_url))
    option = f"https://{_host(site)}/api"
    dhcp = Snippet("DHCP option 114, where the router does not give it by itself", "terminal", _dhcp(option))
    return Configuration((*terminal, dhcp, *files, api), _NOTES, captive_portal_option=option)


def _is_private(site: Site) -> bool:
    return (site.gateway.login_url or "").startswith("https:")


def _host(site: Site) -> str:
    return urlsplit(site.gateway.login_url or "").hostname or ""


def _dhcp(option: str) -> str:
    value = _quote(f"s'{option}'")
    return (
        f"/ip dhcp-server option add name=captive-portal code=114 value={value}\n"
        "/ip dhcp-server network set [find] dhcp-option=captive-portal"
    )


def _radius(site: Site) -> str:
    gateway = site.gateway
    return (
        f"/system identity set name={_quote(gateway.nas_identifier or gateway.name)}\n"
        f'/radius add service=hotspot address={site.radius_host} secret="SECRET" timeout=3s '
        f"authentication-port={site.authentication_port} accounting-port={site.accounting_port}\n"
        "/radius incoming set accept=yes port=3799"
    )


def _profile(site: Site) -> str:
    by = "mac,https ssl-certificate=CERTIFICATE" if _is_private(site) else "mac,http-chap"
    if not _is_private(site) and site.gateway.options.get("login_by") == "http-pap":
        by = "mac,http-pap"
    name = _host(site)
    dns_name = f" dns-name={_quote(name)}" if name and not _is_address(name) else ""
    return (
        f"/ip hotspot profile set hsprof1 use-radius=yes radius-accounting=yes radius-interim-update=received "
        f"login-by={by} mac-auth-mode=mac-as-username-and-password "
        f"nas-port-type=wireless-802.11 html-directory-override={_FOLDER}{dns_name}"
    )


def _walled_garden(site: Site) -> str:
    """By name in both: the one looks into HTTP requests, the other lets the name's addresses through."""
    hosts = (urlsplit(site.portal_url).hostname or "", *site.walled_garden)
    lines = []
    for host in dict.fromkeys(hosts):
        if _is_address(host):
            lines.append(f"/ip hotspot walled-garden ip add action=accept dst-address={host} comment=citywifi")
            continue
        lines.append(f"/ip hotspot walled-garden add action=allow dst-host={_quote(host)} comment=citywifi")
        # Only the former takes patterns.
        if "*" not in host:
            lines.append(f"/ip hotspot walled-garden ip add action=accept dst-host={_quote(host)} comment=citywifi")
    return "\n".join(lines)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _quote(text: str) -> str:
    """A string of RouterOS's scripting language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
