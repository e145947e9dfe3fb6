"""The demo's outbox: texts that are shown beside the mails that were not sent either."""

from __future__ import annotations

import aiohttp

from captive_portal.ways_in import mail
from captive_portal.ways_in.sms.base import SmsError, Text
from captive_portal.ways_in.sms.mail_gateway import message_of
from foundation.settings import Settings

# RFC 6761: nobody has an address there.
_ADDRESS = "$number@sms.invalid"


async def send(text: Text, settings: Settings, http: aiohttp.ClientSession) -> None:  # noqa: ARG001  one shape
    """Keep it. Raises SmsError, also where this is no demo."""
    if not settings.demo:
        raise SmsError("not-configured", "no provider of texts is set; set CITYWIFI_SMS__PROVIDER")
    message = message_of(text, settings.mail.sender, _ADDRESS)
    message["Subject"] = "SMS"
    try:
        mail.keep_in_outbox(message, settings.outbox_directory)
    except mail.MailError as error:
        raise SmsError("outbox", str(error)) from None
