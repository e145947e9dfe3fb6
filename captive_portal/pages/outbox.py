"""The demo's outbox: what would have gone out by mail. Only in the demo, and only for this machine itself."""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path
from typing import Final

from aiohttp import web

from captive_portal.pages.common import RUNTIME, render
from captive_portal.ways_in import mail

_SHOWN = 20
_CODE: Final = re.compile(r"\b\d{6}\b")


async def show_outbox(request: web.Request) -> web.Response:
    """GET /demo/outbox: the newest mails."""
    directory = request.app[RUNTIME].settings.outbox_directory
    messages = [_read(path) for path in mail.newest_in_outbox(directory, _SHOWN)]
    return render(request, "outbox.html", {"messages": messages})


def _read(path: Path) -> dict[str, object]:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    paragraphs = [line for line in str(body.get_content()).splitlines() if line] if body is not None else []
    # Each paragraph is one line; the code of a mail has one to itself, of a text it is the first word.
    codes = [text for text in paragraphs if text.isdecimal()] or _CODE.findall(" ".join(paragraphs))
    return {
        "to": str(message["To"]),
        "subject": str(message["Subject"]),
        "date": str(message["Date"]),
        "code": codes[0] if codes else "",
        "paragraphs": [text for text in paragraphs if text not in codes],
    }
