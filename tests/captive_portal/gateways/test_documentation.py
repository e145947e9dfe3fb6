"""Every kind of gateway has its page for engineers, and the index leads to all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import RefusalReason

FOLDER: Final = Path(__file__).resolve().parents[3] / "docs" / "gateways"
INDEX: Final = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_is_in_the_index_with_a_page_of_its_own(driver: str) -> None:
    [row] = [line for line in INDEX.splitlines() if line.startswith("| [") and f"`{driver}`" in line]
    link = re.search(r"\]\(([a-z0-9-]+\.md)\)", row)
    assert link is not None
    assert (FOLDER / link[1]).exists(), link[1]


def test_every_page_is_in_the_index() -> None:
    for page in FOLDER.glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in INDEX, page.name


@pytest.mark.parametrize("reason", RefusalReason)
def test_the_word_on_the_residents_page_is_explained(reason: RefusalReason) -> None:
    assert f"`{reason}`" in INDEX
