"""Lynx in a terminal of its own: what its window shows, and keys that somebody presses."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])|[\x0e\x0f]")
# So high that no page needs scrolling.
_LINES, _COLUMNS = 120, 80
_DRAW_ANEW = b"\x0c"
_ENTER, _NEXT, _RELOAD = b"\r", b"\t", b"\x12"
_PATIENCE_SECONDS = 30
_RELOADED_SECONDS = 1.0
_STAYS_DRAWN = 5


class TextBrowser:
    """Use :func:`open_text_browser`."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal

    async def until(self, shown: str, *, reload: bool = False) -> None:
        """Wait until the window shows it. Keys that are pressed while a page is loading would be lost."""
        screen, seen = "", 0
        # A page that was loaded anew must stay: one more loading of it, asked for before, would swallow the next keys.
        often_enough = _STAYS_DRAWN if reload else 1
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while seen < often_enough:
                    screen = await self._screen()
                    seen = seen + 1 if shown in screen else 0
                    if reload and not seen:
                        os.write(self._terminal, _RELOAD)
                        await asyncio.sleep(_RELOADED_SECONDS)
        except TimeoutError:
            raise AssertionError(f"the window does not show {shown!r} but {screen}") from None

    async def press(self, text: str) -> None:
        """Search for the text of a field, a button or a link, and press Enter there."""
        await self._find(text)
        os.write(self._terminal, _ENTER)

    async def fill_in(self, text: str, *, behind: str) -> None:
        """Type into the field that follows a link, and press the button behind it."""
        await self._find(behind)
        os.write(self._terminal, _NEXT + text.encode() + _NEXT + _ENTER)

    async def _find(self, text: str) -> None:
        os.write(self._terminal, b"/" + text.encode() + _ENTER)
        await self._screen()

    async def _screen(self) -> str:
        os.write(self._terminal, _DRAW_ANEW)
        await asyncio.sleep(0.1)
        octets = b""
        with suppress(BlockingIOError):
            while more := os.read(self._terminal, 65536):
                octets += more
        return " ".join(_ESCAPES.sub(b" ", octets).decode(errors="replace").split())


@asynccontextmanager
async def open_text_browser(lynx: Path, address: str, home: Path) -> AsyncIterator[TextBrowser]:
    """Lynx at an address, without anybody's settings; it is killed at the end."""
    terminal, its_side = pty.openpty()
    try:
        os.set_blocking(terminal, False)
        fcntl.ioctl(its_side, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        environment = {"TERM": "vt100", "HOME": str(home), "LANG": "C.UTF-8"}
        process = await asyncio.create_subprocess_exec(
            lynx, "-nopause", address, env=environment, stdin=its_side, stdout=its_side, stderr=its_side
        )
        try:
            yield TextBrowser(terminal)
        finally:
            process.kill()
            await process.wait()
    finally:
        os.close(terminal)
        os.close(its_side)
