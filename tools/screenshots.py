"""Takes the README's pictures from a running demo: ``make run`` in one terminal, ``make screenshots`` in another.

The portal as a phone sees it (360 pixels wide) beside the engineers' console and the council's report.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

from foundation.settings import load_settings

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "images"
GATEWAY = "http://127.10.0.1:3990/"
_CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


def take(browser: Browser, address: str, file: str, *, width: int, height: int) -> None:
    """Open an address as it is without JavaScript and save what the window shows."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        java_script_enabled=False,
        device_scale_factor=2 if width < 600 else 1,
    )
    page = context.new_page()
    page.goto(address)
    page.screenshot(path=PICTURES / file)
    context.close()
    print(f"{file}: {address}")


def main() -> int:
    """Take every picture; exit status 2 where the demo is not running."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is not installed: apt-get install chromium", file=sys.stderr)
        return 2
    monitoring = load_settings().monitoring
    console = f"http://{monitoring.host}:{monitoring.port}"
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_CHROMIUM_OPTIONS)
        try:
            take(browser, GATEWAY, "portal.png", width=360, height=720)
            take(browser, f"{console}/console", "console.png", width=1280, height=900)
            take(browser, f"{console}/report", "report.png", width=1280, height=1400)
        except Error as error:
            print(f"Is the demo running (make run)? {error.message.splitlines()[0]}", file=sys.stderr)
            return 2
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
