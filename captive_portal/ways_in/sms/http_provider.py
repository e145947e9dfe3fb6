"""Any provider with an HTTP interface: an address and a body in which $number and $text stand."""

from __future__ import annotations

import json
from string import Template
from urllib.parse import quote

import aiohttp

from captive_portal.ways_in.sms.base import SmsError, Text, explain_status
from foundation.settings import Settings


async def send(text: Text, settings: Settings, http: aiohttp.ClientSession) -> None:
    """POST the body, or GET the address where there is none. Raises SmsError."""
    sms = settings.sms
    body = sms.http_body.get_secret_value()
    url = fill(sms.http_url.get_secret_value(), text, "application/x-www-form-urlencoded")
    headers = {}
    if authorization := sms.http_authorization.get_secret_value():
        headers["Authorization"] = authorization
    data = None
    if body:
        headers["Content-Type"] = sms.http_content_type
        data = fill(body, text, sms.http_content_type).encode()
    method = "POST" if body else "GET"
    async with http.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
        if not 200 <= answer.status < 300:
            raise explain_status(answer.status)


def fill(template: str, text: Text, content_type: str) -> str:
    """Put number and text in, written so that they stay values: within quotes in JSON, encoded in forms and addresses.

    Raises SmsError; it does not show the template, in which there may be a key.
    """

    def written(value: str) -> str:
        if content_type.startswith("application/json"):
            return json.dumps(value)[1:-1]
        return quote(value, safe="")

    try:
        return Template(template).substitute(number=written(text.number), text=written(text.body))
    except (ValueError, KeyError):
        message = "sms.http_url or sms.http_body has a $ that is neither $number nor $text; write $$ for a dollar sign"
        raise SmsError("template", message) from None
