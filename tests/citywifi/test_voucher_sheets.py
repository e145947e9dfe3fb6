"""Sheets of codes, and what making them must not change for others."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from captive_portal.appearance.branding import BrandingError, read_logo
from citywifi.voucher_sheets import Sheet, make_pdf

SHEET = Sheet(
    council="Coventry", venue="", network="", portal_url="https://wifi.example", until="", gives="", devices=1
)


def test_half_a_logo_is_refused_after_a_sheet_was_printed() -> None:
    # WeasyPrint has Pillow take halves of pictures for whole ones, in the whole process.
    written = io.BytesIO()
    Image.new("RGB", (200, 50), "navy").save(written, format="PNG")
    assert make_pdf(SHEET, []).startswith(b"%PDF")
    with pytest.raises(BrandingError, match="damaged"):
        read_logo(written.getvalue()[:60])
