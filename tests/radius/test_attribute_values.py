"""Every dictionary type both ways, whole, cut and changed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radius.attribute_values import VALUE_TYPES, Value

octets_of_any_length = st.binary(min_size=1, max_size=253)
VALUES: dict[str, st.SearchStrategy[Value]] = {
    "string": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60),
    "octets": octets_of_any_length,
    "tlv": octets_of_any_length,
    "integer": st.integers(0, 2**32 - 1),
    "integer64": st.integers(0, 2**64 - 1),
    "short": st.integers(0, 2**16 - 1),
    "byte": st.integers(0, 255),
    "signed": st.integers(-(2**31), 2**31 - 1),
    "ipaddr": st.ip_addresses(v=4),
    "ipv6addr": st.ip_addresses(v=6),
    "ipv6prefix": st.builds(
        lambda address, length: IPv6Network((address, length), strict=False), st.ip_addresses(v=6), st.integers(0, 128)
    ),
    "date": st.integers(0, 2**32 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    "ifid": st.binary(min_size=8, max_size=8),
    "ether": st.binary(min_size=6, max_size=6),
}
FIXED_LENGTHS = {
    "integer": 4,
    "integer64": 8,
    "short": 2,
    "byte": 1,
    "signed": 4,
    "ipaddr": 4,
    "ipv6addr": 16,
    "date": 4,
    "ifid": 8,
    "ether": 6,
}


def test_every_type_is_tested_here() -> None:
    assert VALUES.keys() == VALUE_TYPES.keys()


@pytest.mark.parametrize("name", VALUES)
@settings(max_examples=50, deadline=None)
@given(st.data())
def test_what_is_encoded_is_decoded_to_the_same(name: str, data: st.DataObject) -> None:
    value_type, value = VALUE_TYPES[name], data.draw(VALUES[name])
    assert value_type.decode(value_type.encode(value)) == value


@pytest.mark.parametrize("name", FIXED_LENGTHS)
def test_one_octet_less_or_more_is_refused(name: str) -> None:
    for length in range(20):
        if length == FIXED_LENGTHS[name]:
            VALUE_TYPES[name].decode(bytes(length))
        else:
            with pytest.raises(ValueError, match=r"octets|Address|permitted"):
                VALUE_TYPES[name].decode(bytes(length))


@pytest.mark.parametrize("name", VALUES)
@settings(max_examples=50, deadline=None)
@given(st.data())
def test_what_was_cut_or_changed_is_another_value_or_refused(name: str, data: st.DataObject) -> None:
    value_type = VALUE_TYPES[name]
    octets = bytearray(value_type.encode(data.draw(VALUES[name])))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    del octets[data.draw(st.integers(0, len(octets))) :]
    with suppress(ValueError):
        read = value_type.decode(bytes(octets))
        # What can be read can be written; only octets of no length have nothing to write.
        assert not octets or value_type.decode(value_type.encode(read)) == read
