"""Sheets of codes to print and cut: HTML that becomes PDF; a QR code joins the network or opens the portal."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import Final

import segno
from PIL import ImageFile
from segno.helpers import make_wifi

from captive_portal.ways_in.pictures import PICTURES, picture_name
from captive_portal.ways_in.voucher_codes import Form
from citywifi.errors import CommandError

_STYLE: Final = """
@page { size: A4; margin: 10mm }
body { font-family: "DejaVu Sans", "Noto Sans", sans-serif; margin: 0; color: #000 }
.card { break-inside: avoid; border: 1px dashed #555; box-sizing: border-box; padding: 5mm; display: inline-block;
  vertical-align: top; width: 94mm; height: 55mm; overflow: hidden; font-size: 9pt }
.card h2 { margin: 0 0 1mm; font-size: 11pt }
.card p { margin: 0 0 1mm }
.code { font-size: 13pt; font-weight: bold; margin: 1.5mm 0 }
.code svg { width: 9mm; height: 9mm; margin-right: 1mm }
.qr { float: right; width: 21mm; height: 21mm; margin: 0 0 1mm 2mm }
.large .card { width: 188mm; height: 138mm; font-size: 20pt; padding: 9mm }
.large .card h2 { font-size: 26pt }
.large .code { font-size: 32pt; margin: 5mm 0 }
.large .code svg { width: 20mm; height: 20mm }
.large .qr { width: 40mm; height: 40mm }
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on every card."""

    council: str
    venue: str
    # Open network to join (SSID); empty where it is not known.
    network: str
    portal_url: str
    # Until when, and for how long, in words.
    until: str
    gives: str
    devices: int
    is_large: bool = False


def make_html(sheet: Sheet, codes: list[tuple[Form, str]]) -> str:
    """The cards as a page of HTML; a code of pictures is given by their numbers, from 1."""
    cards = "".join(_card(sheet, form, text) for form, text in codes)
    kind = "large" if sheet.is_large else "small"
    title = escape(f"Codes for the WiFi of {sheet.council}")
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f'</head><body class="{kind}">{cards}</body></html>'
    )


def load_printer() -> ModuleType:
    """WeasyPrint, which only sheets need, and which takes a second to load. Raises CommandError without Pango."""
    try:
        import weasyprint
    except OSError:
        raise CommandError(
            "sheets are drawn with the Pango library, which is not on this machine; "
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0, or write the codes with --file"
        ) from None
    # It has Pillow take halves of pictures for whole ones, everywhere in the process; a council's logo is not.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    printer: ModuleType = weasyprint
    return printer


def make_pdf(sheet: Sheet, codes: list[tuple[Form, str]]) -> bytes:
    """The cards as PDF/UA, so that a screen reader can read them, too. Raises CommandError without Pango."""
    document = load_printer().HTML(string=make_html(sheet, codes), url_fetcher=_fetch_nothing)
    pdf = document.write_pdf(pdf_variant="pdf/ua-1")
    assert isinstance(pdf, bytes)
    return pdf


def _fetch_nothing(_url: str) -> dict[str, object]:
    raise ValueError("a sheet of codes refers to nothing outside of itself")


def _card(sheet: Sheet, form: Form, text: str) -> str:
    network = f"Choose the WiFi <b>{escape(sheet.network)}</b>" if sheet.network else "Choose the free WiFi"
    where = f" at {escape(sheet.venue)}" if sheet.venue else ""
    devices = "one device" if sheet.devices == 1 else f"{sheet.devices} devices"
    return (
        f'<div class="card">{_qr(sheet)}<h2>Free WiFi{where}</h2>'
        f"<p>1. {network}.<br>2. Choose “With a code that I was given”.<br>3. {_step(form)}</p>"
        f'<p class="code">{_shown(form, text)}</p>'
        f"<p>For {devices}. {escape(sheet.gives)} Good until {escape(sheet.until)}.</p></div>"
    )


def _step(form: Form) -> str:
    return "Press these pictures, one after the other:" if form is Form.PICTURES else "Enter this code:"


def _shown(form: Form, text: str) -> str:
    if form is not Form.PICTURES:
        return escape(text)
    numbers = [int(number) - 1 for number in text.split()]
    return "".join(_named(PICTURES[number], picture_name(number)) for number in numbers)


def _named(drawing: str, name: str) -> str:
    """The drawing with its name for a screen reader; printed in black."""
    return drawing.replace('aria-hidden="true"', f'role="img" aria-label="{escape(name)}"').replace(
        "currentColor", "#000"
    )


def _qr(sheet: Sheet) -> str:
    qr = make_wifi(ssid=sheet.network, password=None, security=None) if sheet.network else segno.make(sheet.portal_url)
    svg = qr.svg_inline(scale=3, border=2, omitsize=True, svgclass="qr", lineclass=None)
    label = "QR code that joins the network" if sheet.network else "QR code of the WiFi page"
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
