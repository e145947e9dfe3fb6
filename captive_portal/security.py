"""What protects every answer of the portal: its headers, and in them the content security policy."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Final

from foundation.security_headers import common_headers
from foundation.settings import PortalSettings

# The largest form has an email address and a few words.
BODY_LIMIT_OCTETS: Final = 16 * 1024

# Policies that are kept ready; only gateways' own origins are in them, none that a request could make up.
_MOST_GATEWAYS: Final = 1024


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
    policy = content_security_policy(style, gateway_origin)
    common = common_headers(settings.public_url)
    return {**common, "Cache-Control": "no-store", "Content-Security-Policy": policy}
