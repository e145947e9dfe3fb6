"""How a council and a venue look: name, colour and logo.

A colour is refused where neither black nor white text on it has the contrast that WCAG 2.2 asks for (4.5 to 1, success
criterion 1.4.3). A logo is decoded and written anew, so that nothing but its pixels reaches a browser.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from PIL import Image, UnidentifiedImageError

from captive_portal.errors import PortalError

LEAST_CONTRAST: Final = 4.5
INK: Final = "#0b0c0c"
PAPER: Final = "#ffffff"
# Part of the 50 kB that a first page may weigh.
MOST_LOGO_OCTETS: Final = 12 * 1024
# A file of this size that is no larger than it should be after it was written anew may still be read.
MOST_UPLOADED_OCTETS: Final = 1024 * 1024
_MOST_PIXELS: Final = 4_000_000
# As the header shows it; twice as many pixels for sharp screens.
_SHOWN_HEIGHT: Final = 48
_SHOWN_WIDTH: Final = 200
_SHARPNESS: Final = 2
_FORMATS: Final = ("PNG", "JPEG", "WEBP")


class BrandingError(PortalError):
    """A colour or a logo that cannot be used; the message says why and what would do."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG of our own making, and the size in CSS pixels at which it is shown."""

    digest: str
    width: int
    height: int
    octets: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """Its address; another picture has another one, so a browser may keep it for ever."""
        return f"/logos/{self.digest}.png"


@dataclass(frozen=True, slots=True)
class Brand:
    """What is shown of a council, or of a venue instead of its council; None where nothing was chosen."""

    name: str | None = None
    colour: str | None = None
    logo: Logo | None = None

    @property
    def style(self) -> str:
        """The rules that a page carries for it; empty where it looks as all do."""
        return style_of(self.colour) if self.colour else ""


# Where nothing was chosen.
PLAIN: Final = Brand()


@lru_cache(maxsize=1024)
def brand_of(venue: str | None, council: str | None) -> Brand:
    """What is stored of a venue and of its council: the venue's own where it has it, else the council's."""
    chosen = {**read_branding(council), **read_branding(venue)}
    logo = chosen.get("logo")
    return Brand(chosen.get("name"), chosen.get("colour"), Logo(**logo) if logo else None)


def read_branding(stored: str | None) -> dict[str, Any]:
    """What was chosen for a council or a venue: some of ``name``, ``colour`` and ``logo``."""
    return dict(json.loads(stored)) if stored else {}


def write_branding(chosen: Mapping[str, Any]) -> str | None:
    """As it is stored; None where nothing is left that was chosen."""
    logo = chosen.get("logo")
    values = dict(chosen)
    if isinstance(logo, Logo):
        values["logo"] = {"digest": logo.digest, "width": logo.width, "height": logo.height}
    return json.dumps(values, ensure_ascii=False) if values else None


@lru_cache(maxsize=1024)
def style_of(colour: str) -> str:
    """The colour of the page's head, and of the text on it."""
    return f":root{{--brand:{colour};--on-brand:{text_on(colour)}}}"


def parse_colour(text: str) -> str:
    """A colour that text can stand on, as ``#rrggbb``. Raises BrandingError, with the nearest that would do."""
    found = re.fullmatch(r"#?([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})", text.strip())
    if found is None:
        raise BrandingError(f"{text!r} is not a colour; write it as red, green and blue in hexadecimal, like #0b5cad")
    digits = found[1].lower()
    colour = "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))
    if best_contrast(colour) < LEAST_CONTRAST:
        nearest = nearest_with_contrast(colour)
        raise BrandingError(
            f"text on {colour} has a contrast of {best_contrast(colour):.2f} to 1 at most, and {LEAST_CONTRAST} to 1 "
            f"is the least that everybody can read; the nearest colour that does is {nearest}"
        )
    return colour


def text_on(colour: str) -> str:
    """Black or white, whichever is easier to read on the colour."""
    return PAPER if contrast(PAPER, colour) >= contrast(INK, colour) else INK


def best_contrast(colour: str) -> float:
    """The contrast of the text that ``text_on`` chooses."""
    return contrast(text_on(colour), colour)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, contrast ratio)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2, relative luminance)."""
    channels = [value / 255 for value in _channels(colour)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def nearest_with_contrast(colour: str) -> str:
    """The colour of the same hue, a little darker or lighter, that text can stand on."""
    for step in range(1, 256):
        for target in (0, 255):
            mixed = [round(value + (target - value) * step / 255) for value in _channels(colour)]
            candidate = "#" + "".join(f"{value:02x}" for value in mixed)
            if best_contrast(candidate) >= LEAST_CONTRAST:
                return candidate
    raise AssertionError("black carries white text")


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def read_logo(uploaded: bytes) -> Logo:
    """A PNG, JPEG or WebP file as a logo: decoded, made smaller, written anew. Raises BrandingError."""
    if len(uploaded) > MOST_UPLOADED_OCTETS:
        raise BrandingError(f"the logo has {len(uploaded)} octets; {MOST_UPLOADED_OCTETS} are the most")
    picture = _decode(uploaded)
    picture.thumbnail((_SHOWN_WIDTH * _SHARPNESS, _SHOWN_HEIGHT * _SHARPNESS))
    octets = _encode(picture)
    if len(octets) > MOST_LOGO_OCTETS:
        # A palette of 256 colours is enough for a logo, and a quarter of the weight.
        octets = _encode(picture.quantize(256, method=Image.Quantize.FASTOCTREE))
    if len(octets) > MOST_LOGO_OCTETS:
        raise BrandingError(
            f"the logo has {len(octets)} octets at the size of a page's head; {MOST_LOGO_OCTETS} are the most, so that "
            "pages load on slow phones; use a simpler picture"
        )
    width, height = (max(1, round(side / _SHARPNESS)) for side in picture.size)
    return Logo(hashlib.sha256(octets).hexdigest()[:32], width, height, octets)


def _decode(uploaded: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(uploaded), formats=_FORMATS) as opened:
                # The size is in the head of the file; nothing has been decoded yet.
                if opened.width * opened.height > _MOST_PIXELS:
                    raise BrandingError(f"the logo is {opened.width} × {opened.height} pixels large; make it smaller")
                return opened.convert("RGBA")
    except UnidentifiedImageError:
        raise BrandingError(
            "the logo is not a PNG, JPEG or WebP picture; SVG is not taken, as it can hold scripts"
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BrandingError("the logo's file is damaged; save the picture again") from None


def _encode(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, format="PNG", optimize=True)
    return written.getvalue()
