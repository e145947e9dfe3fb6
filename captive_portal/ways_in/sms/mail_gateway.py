"""A mail server that makes texts of mail to NUMBER@PROVIDER."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from string import Template

import aiohttp

from captive_portal.ways_in import mail
from captive_portal.ways_in.sms.base import SmsError, Text
from foundation.settings import Settings


async def send(text: Text, settings: Settings, http: aiohttp.ClientSession) -> None:  # noqa: ARG001  one shape
    """Send it as mail. Raises SmsError."""
    try:
        await mail.send(message_of(text, settings.mail.sender, settings.sms.mail_address), settings)
    except mail.MailError as error:
        raise SmsError("mail", str(error)) from None


def message_of(text: Text, sender: str, address: str) -> EmailMessage:
    """The mail: nothing but the text. Raises SmsError for an address that is none."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    try:
        message["To"] = Address(addr_spec=Template(address).substitute(number=text.number.removeprefix("+")))
    except (ValueError, KeyError, IndexError):
        raise SmsError("address", "sms.mail_address is no address; write it like $number@sms.example.net") from None
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.body + "\n")
    return message
