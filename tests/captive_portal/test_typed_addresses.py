"""Short addresses that are typed from one screen into another."""

from __future__ import annotations

from captive_portal.typed_addresses import new_page_path, read_page_path


def test_a_pages_address_can_be_typed_as_people_type() -> None:
    path = new_page_path()
    assert read_page_path(path) == path
    assert read_page_path(path.upper().replace("-", "")) == path
    assert path != new_page_path()
    for wrong in ("", "abcd-efgh-jkm", "abcd-efgh-jkmnp", "abcd-efgh-jkm1", "ábcd-efgh-jkmn", "abcd/efgh/jkmn"):
        assert read_page_path(wrong) is None
