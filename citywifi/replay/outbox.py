"""Where a simulated resident reads their mail: the demo's outbox folder."""

from __future__ import annotations

import asyncio
import os
import re
from email import message_from_bytes
from email.policy import default as default_policy
from pathlib import Path

_CODE = re.compile(r"(?m)^\s*(\d{6})\s*$")
_LOOK_EVERY_SECONDS = 0.1


class Outbox:
    """Reads each mail once and remembers the newest code for each address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._codes: dict[str, str] = {}

    def forget(self, address: str) -> None:
        """Before a new code is asked for: an older one is no answer."""
        self._read_new()
        self._codes.pop(address, None)

    async def code_for(self, address: str, patience_seconds: float) -> str | None:
        """The newest code to an address; None when none comes in time."""
        loop = asyncio.get_running_loop()
        gives_up_at = loop.time() + patience_seconds
        while True:
            self._read_new()
            if address in self._codes:
                return self._codes[address]
            if loop.time() >= gives_up_at:
                return None
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    def _read_new(self) -> None:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208  names are enough; a Path for each of hundreds costs more
        except FileNotFoundError:
            return
        new = {name for name in names if name.endswith(".eml")} - self._seen
        # The names begin with the time, so that the newest code for an address is read last.
        for name in sorted(new):
            message = message_from_bytes((self._folder / name).read_bytes(), policy=default_policy)
            body = message.get_body(("plain",))
            code = _CODE.search(body.get_content()) if body is not None else None
            if code is None:
                continue  # half written: the next look finds it whole
            self._seen.add(name)
            self._codes[str(message["To"]).strip()] = code[1]
