"""What protects every answer: headers, the content security policy, and the check that a form was ours."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from foundation.settings import PortalSettings

# The largest form has an email address and a few words.
BODY_LIMIT_OCTETS: Final = 16 * 1024

# Policies that are kept ready; only gateways' own origins are in them, none that a request could make up.
_MOST_GATEWAYS: Final = 1024

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Which version answers is nobody's business.
    "Server": "CityWiFi",
}


def style_source(stylesheet: str) -> str:
    """The policy's name for the one stylesheet that pages carry."""
    digest = hashlib.sha256(stylesheet.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@lru_cache(maxsize=_MOST_GATEWAYS)
def content_security_policy(style: str, gateway_origin: str | None) -> str:
    """Nothing but our own styles, logos and forms; a form may end, by redirect, at the journey's gateway."""
    form_targets = " ".join(filter(None, ("'self'", gateway_origin)))
    return (
        f"default-src 'none'; style-src {style}; img-src 'self' data:; base-uri 'none'; "
        f"form-action {form_targets}; frame-ancestors 'none'"
    )


def headers(settings: PortalSettings, style: str, gateway_origin: str | None) -> dict[str, str]:
    """The security headers of an answer."""
    chosen = {**_ALWAYS, "Content-Security-Policy": content_security_policy(style, gateway_origin)}
    if settings.public_url.lower().startswith("https:"):
        chosen["Strict-Transport-Security"] = "max-age=31536000"
    return chosen


def is_own_form(request_headers: Mapping[str, str], settings: PortalSettings) -> bool:
    """Whether a POST comes from one of our pages, as far as the browser says.

    Old browsers say nothing, and those that keep to our no-referrer policy say ``Origin: null``; the path's
    unguessable identifier is what protects those.
    """
    site = request_headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request_headers.get("Origin")
    if origin is None or origin == "null":
        return True
    own = urlsplit(settings.public_url)
    return origin.lower() == f"{own.scheme}://{own.netloc}".lower()
