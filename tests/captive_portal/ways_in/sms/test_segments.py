from __future__ import annotations

import pytest

from captive_portal.languages import NAMES, current_language
from captive_portal.ways_in.sms.delivery import code_text, segments
from captive_portal.ways_in.sms.segments import Measure, measure

# What one text costs in each language: those that are not written in Latin letters have 70 places in a segment.
MOST_SEGMENTS = {"en": 1, "cy": 1, "gd": 1, "pl": 1, "ro": 1, "ar": 1, "ur": 1, "uk": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Measure("GSM-7", 0, 1)),
        ("a" * 160, Measure("GSM-7", 160, 1)),
        ("a" * 161, Measure("GSM-7", 161, 2)),
        ("a" * 306, Measure("GSM-7", 306, 2)),
        ("a" * 307, Measure("GSM-7", 307, 3)),
        ("€" * 80, Measure("GSM-7", 160, 1)),
        ("€" * 81, Measure("GSM-7", 162, 2)),
        # An escape and its character stay together, so a place is lost at the end of each segment.
        ("€" * 153, Measure("GSM-7", 306, 3)),
        ("ŵ" * 70, Measure("UCS-2", 70, 1)),
        ("ŵ" * 71, Measure("UCS-2", 71, 2)),
        ("😀" * 35, Measure("UCS-2", 70, 1)),
        ("😀" * 36, Measure("UCS-2", 72, 2)),
        ("à la carte", Measure("GSM-7", 10, 1)),
        ("â", Measure("UCS-2", 1, 1)),
    ],
    ids=lambda value: value[:3] + str(len(value)) if isinstance(value, str) else "",
)
def test_texts_are_counted_as_networks_do(text: str, expected: Measure) -> None:
    assert measure(text) == expected


@pytest.mark.parametrize("language", NAMES)
def test_the_text_of_every_language_takes_as_many_segments_as_is_known(language: str) -> None:
    token = current_language.set(language)
    try:
        text = code_text("+447400123456", "123456", 15)
    finally:
        current_language.reset(token)
    assert "123456" in text.body
    assert segments(text) <= MOST_SEGMENTS[language], measure(text.body)
