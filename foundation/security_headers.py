"""What protects portal and console alike: headers of every answer, and the check that a form was our own page's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Which version answers is nobody's business.
    "Server": "CityWiFi",
}
# What goes with it once a browser has come by HTTPS: never come by anything else for a year.
_HTTPS_ONLY: Final = {"Strict-Transport-Security": "max-age=31536000"}


def is_https(public_url: str) -> bool:
    """Whether browsers reach a site by HTTPS."""
    return public_url.lower().startswith("https:")


@lru_cache(maxsize=8)
def common_headers(public_url: str) -> Mapping[str, str]:
    """The headers that do not depend on what is answered, for a site that browsers reach by ``public_url``.

    The content security policy and Cache-Control are the site's own.
    """
    return {**_ALWAYS, **(_HTTPS_ONLY if is_https(public_url) else {})}


def is_own_form(request_headers: Mapping[str, str], public_url: str) -> bool:
    """Whether a POST comes from one of our pages, as far as the browser says (Fetch Metadata; Origin, RFC 6454).

    Old browsers say nothing, and those that keep to our no-referrer policy say ``Origin: null``; what a stranger
    cannot know, a journey's path or a log-in's form token, is what protects those.
    """
    site = request_headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request_headers.get("Origin")
    if origin is None or origin == "null":
        return True
    own = urlsplit(public_url)
    return origin.lower() == f"{own.scheme}://{own.netloc}".lower()
