from __future__ import annotations

from captive_portal.information_rights.terms import Block, read_blocks


def test_plain_text_becomes_headings_paragraphs_and_lists() -> None:
    text = "# Rules\nBe kind\nto others.\n\nDo not:\n\n- shout\n- run\n\n## More\n"
    assert read_blocks(text) == [
        Block("heading", ("Rules",)),
        Block("paragraph", ("Be kind to others.",)),
        Block("paragraph", ("Do not:",)),
        Block("list", ("shout", "run")),
        Block("heading", ("More",)),
    ]


def test_an_empty_text_has_no_blocks() -> None:
    assert read_blocks(" \n\n") == []
