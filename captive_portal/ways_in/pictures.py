"""Sixteen pictures for people who do not read: drawn for this, in one colour, and different in their outline."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from captive_portal.languages import gettext as _

# Each in a square of 24, in lines and areas of the text's colour; the number is part of printed codes, so none moves.
_DRAWINGS: Final = (
    # sun
    '<circle cx="12" cy="12" r="5"/><path d="M12 1v4M12 19v4M1 12h4M19 12h4M4 4l3 3M17 17l3 3M20 4l-3 3M7 17l-3 3"/>',
    # moon
    '<path d="M15 2a10 10 0 1 0 7 14A9 9 0 0 1 15 2z"/>',
    # star
    '<path d="M12 1l3 8h8l-6.5 5L19 22l-7-5-7 5 2.5-8L1 9h8z"/>',
    # house
    '<path d="M1 12L12 2l11 10h-3v10h-6v-7h-4v7H4V12z"/>',
    # tree
    '<path d="M12 1l7 9h-4l6 8h-7v5h-4v-5H3l6-8H5z"/>',
    # fish
    '<path d="M1 5l5 5c5-6 13-5 17 2-4 7-12 8-17 2l-5 5z"/>',
    # key
    '<path d="M7 8a5 5 0 1 0 4 6h5v4h3v-4h4v-4H11a5 5 0 0 0-4-2z"/>',
    # boat
    '<path d="M11 1v13H3zM13 4v10h7zM1 16h22l-4 6H5z"/>',
    # cup
    '<path d="M2 5h14v15H2z"/><path d="M16 8h6v8h-6" fill="none"/>',
    # heart
    '<path d="M12 22C-5 11 4-3 12 6c8-9 17 5 0 16z"/>',
    # umbrella
    '<path d="M1 12a11 10 0 0 1 22 0z"/><path d="M12 12v8a3 3 0 0 1-5 0" fill="none"/>',
    # bell
    '<path d="M3 19c4-3 2-15 9-15s5 12 9 15zM9 20h6a3 3 0 0 1-6 0zM11 1h2v3h-2z"/>',
    # flag
    '<path d="M3 1h2v2h17l-5 5 5 5H5v10H3z"/>',
    # arrow
    '<path d="M1 9h12V3l10 9-10 9v-6H1z"/>',
    # plus
    '<path d="M8 1h8v7h7v8h-7v7H8v-7H1V8h7z"/>',
    # ladder
    '<path d="M6 1v22M18 1v22M6 5h12M6 10h12M6 15h12M6 20h12" fill="none"/>',
)


def _draw(shape: str) -> Markup:
    return Markup(  # noqa: S704  our own drawings, of numbers only
        '<svg viewBox="0 0 24 24" width="56" height="56" aria-hidden="true" focusable="false" fill="currentColor" '
        f'stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round">{shape}</svg>'
    )


PICTURES: Final = tuple(_draw(shape) for shape in _DRAWINGS)


def picture_name(number: int) -> str:
    """What a picture shows, in the resident's language."""
    return (
        _("Sun"),
        _("Moon"),
        _("Star"),
        _("House"),
        _("Tree"),
        _("Fish"),
        _("Key"),
        _("Boat"),
        _("Cup"),
        _("Heart"),
        _("Umbrella"),
        _("Bell"),
        _("Flag"),
        _("Arrow"),
        _("Plus"),
        _("Ladder"),
    )[number]
