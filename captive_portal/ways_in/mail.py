"""Mail with verification codes: by SMTP, or, in the demo only, into a folder of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

import aiosmtplib

from captive_portal import metrics
from captive_portal.errors import PortalError
from captive_portal.languages import gettext as _
from foundation.settings import MailSettings, Settings


class MailError(PortalError):
    """The mail was not handed over; the message says why, and never to whom."""


def code_message(sender: str, recipient: str, digits: str, place_name: str, minutes: int) -> EmailMessage:
    """The mail with a code, in the language of the page that is being made."""
    paragraphs = [
        _("Your code for the free WiFi of %(place)s is:") % {"place": place_name},
        digits,
        _("Type it into the WiFi page on your device. It is good for %(minutes)s minutes.") % {"minutes": minutes},
        _("If you did not ask for this code, you do not need to do anything."),
    ]
    return plain_message(sender, recipient, _("%(code)s is your WiFi code") % {"code": digits}, paragraphs)


def plain_message(sender: str, recipient: str, subject: str, paragraphs: Iterable[str]) -> EmailMessage:
    """A mail of plain text."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    # RFC 3834: a holiday reply to a code helps nobody.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(paragraphs) + "\n")
    return message


async def send(message: EmailMessage, settings: Settings) -> None:
    """Hand the mail over. Raises MailError."""
    if settings.mail.host:
        await _send_by_smtp(message, settings.mail)
    elif settings.demo:
        keep_in_outbox(message, settings.outbox_directory)
    else:
        metrics.mail_failures.labels("not-configured").inc()
        raise MailError("no mail server is set; set CITYWIFI_MAIL__HOST")


async def _send_by_smtp(message: EmailMessage, settings: MailSettings) -> None:
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.host,
            port=settings.port,
            start_tls=settings.start_tls,
            username=settings.user_name or None,
            password=settings.password.get_secret_value() or None,
            timeout=settings.timeout_seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused:
        metrics.mail_failures.labels("recipient-refused").inc()
        raise MailError("the mail server refused the recipient") from None
    except TimeoutError:  # also aiosmtplib's own kinds of it
        metrics.mail_failures.labels("timeout").inc()
        raise MailError(f"the mail server did not answer within {settings.timeout_seconds} s") from None
    except (aiosmtplib.SMTPException, OSError) as error:
        metrics.mail_failures.labels("server").inc()
        raise MailError(f"the mail server did not take the mail: {type(error).__name__}") from None


def keep_in_outbox(message: EmailMessage, folder: Path) -> None:
    """Where the demo keeps what it does not send. Raises MailError."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_bytes(message.as_bytes())
    except OSError as error:
        metrics.mail_failures.labels("outbox").inc()
        raise MailError(f"the outbox folder cannot be written: {error.strerror}") from None


def newest_in_outbox(folder: Path, number: int) -> list[Path]:
    """The newest mails in the demo's outbox, the newest first."""
    return sorted(folder.glob("*.eml"), reverse=True)[:number]
