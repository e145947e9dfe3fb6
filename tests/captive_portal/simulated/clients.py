"""What tells one kind of client from another: how it finds out that it is captive, and what its browser can do.

Sources: Apple, Android, Microsoft, Mozilla and GNOME as their pages describe the probes; RFC 8908 and RFC 8910 for
those that ask the captive portal API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_PAGE_BUDGET_OCTETS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Client:
    """One kind of client."""

    name: str
    probe_url: str
    # What says that nothing is in the way.
    free_status: int
    free_body: str = ""
    user_agent: str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140 Safari/537.36"
    # Where the person's browser begins; the probe's address where that is opened.
    start_url: str | None = None
    # It asks the captive portal API first and believes it more than the probe.
    asks_api: bool = False
    # Its sheet goes as soon as the probe succeeds.
    closes_when_free: bool = False
    # <meta http-equiv="refresh"> is followed; a text browser's reader presses the link instead.
    follows_refresh: bool = True
    # Engines check a form's targets, also where it is redirected to, against the page's content security policy.
    enforces_policy: bool = True
    sees_only_accessible_tree: bool = False
    # Every page must be at most so large.
    page_budget_octets: int | None = None
    # Looks for WISPr's XML in what it gets, and goes on as a browser where there is none.
    reads_wispr: bool = False


_APPLE: Final = "http://captive.apple.com/hotspot-detect.html"
_APPLE_FREE: Final = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
_GOOGLE: Final = "http://connectivitycheck.gstatic.com/generate_204"
_SHEET: Final = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_ANDROID: Final = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 8 Build; wv) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36"
)

CLIENTS: Final = (
    Client("apple_cna", _APPLE, 200, _APPLE_FREE, _SHEET, closes_when_free=True),
    Client("apple_capport", _APPLE, 200, _APPLE_FREE, _SHEET, asks_api=True, closes_when_free=True),
    Client("android_probe", _GOOGLE, 204, "", _ANDROID, closes_when_free=True),
    Client("android_capport", _GOOGLE, 204, "", _ANDROID, asks_api=True, closes_when_free=True),
    Client(
        "windows_ncsi",
        "http://www.msftconnecttest.com/connecttest.txt",
        200,
        "Microsoft Connect Test",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140 Edg/140",
        start_url="http://www.msftconnecttest.com/redirect",
    ),
    Client(
        "firefox",
        "http://detectportal.firefox.com/canonical.html",
        200,
        '<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>',
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    Client("chromeos", "http://www.gstatic.com/generate_204", 204),
    Client(
        "networkmanager",
        "http://nmcheck.gnome.org/check_network_status.txt",
        200,
        "NetworkManager is online\n",
        start_url="http://nmcheck.gnome.org/",
    ),
    Client(
        "kindle",
        "http://spectrum.s3.amazonaws.com/kindle-wifi/wifistub.html",
        200,
        "81ce4465-7167-4dcb-835b-dcc9e44c112a",
    ),
    Client(
        "text_browser_no_js",
        "http://example.org/",
        200,
        "Example Domain",
        "Lynx/2.9.2 libwww-FM/2.14",
        follows_refresh=False,
        enforces_policy=False,
    ),
    Client("wispr_client", _APPLE, 200, _APPLE_FREE, "CaptiveNetworkSupport-484 wispr", reads_wispr=True),
    Client("screen_reader_dom", "http://example.org/", 200, "Example Domain", sees_only_accessible_tree=True),
    Client("slow_2g", _GOOGLE, 204, "", _ANDROID, page_budget_octets=_PAGE_BUDGET_OCTETS),
)
