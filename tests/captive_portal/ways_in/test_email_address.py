from __future__ import annotations

import pytest

from captive_portal.ways_in.email_address import NotAnEmailAddressError, mask, parse_email_address


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann.Smith+wifi@Example.ORG ", "Ann.Smith+wifi@example.org"),
        ("o'neill@example.co.uk", "o'neill@example.co.uk"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_addresses_that_people_have_are_accepted(typed: str, address: str) -> None:
    assert parse_email_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann@localhost",
        "ann@example..org",
        "ann@-example.org",
        "ann@10.0.0.1",
        "ann smith@example.org",
        "ann@example.org\nBcc: all@example.org",
        "ann@example.org, bob@example.org",
        "ann@bob@example.org",
        '"ann"@example.org',
        "<ann@example.org>",
        ".ann@example.org",
        "ann\x00@example.org",
        f"{'a' * 65}@example.org",
        f"ann@{'a' * 64}.org",
        f"ann@{'a.' * 130}org",
    ],
)
def test_anything_that_is_not_one_address_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(NotAnEmailAddressError) as caught:
        parse_email_address(typed)
    assert "example.org" not in str(caught.value)


def test_a_masked_address_is_known_to_its_owner_only() -> None:
    assert mask("jane.smith@example.org") == "ja•••@example.org"
    assert mask("al@example.org") == "a•••@example.org"
