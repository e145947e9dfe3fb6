"""What axe-core finds wrong with a page, by WCAG 2.2 at level AA and its own best practices."""

from __future__ import annotations

from typing import Final

from playwright.async_api import BrowserContext, Page, ViewportSize

from tests.support.peers import Peers

FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
# 400 % of 1,280 pixels, as WCAG 2.2's criterion 1.4.10 has it.
NARROWEST: Final = ViewportSize(width=320, height=640)
_ASK: Final = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const rules = {runOnly: tags, resultTypes: ["violations"]};
  const found = await axe.run(document, rules);
  return found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)}`));
}"""
_OVERFLOW: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def bring_axe(context: BrowserContext, peers: Peers) -> None:
    """Have axe-core in every page of a context."""
    axe = (peers.require_package("axe-core") / "axe.min.js").read_text(encoding="utf-8")
    await context.add_init_script(axe)


async def judge(page: Page) -> list[str]:
    """What is wrong with the page that is open, in a few words each; nothing for a good one."""
    too_wide = await page.evaluate(_OVERFLOW)
    found: list[str] = await page.evaluate(_ASK)
    return [*found, f"{too_wide} pixels too wide"] if found or too_wide else []
