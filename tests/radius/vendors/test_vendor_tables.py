"""The operators' tables of vendors say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radius.vendors import NAMES, VENDORS, Change, Pairs

PAGE = Path(__file__).resolve().parents[3] / "docs" / "vendors.md"
CHANGES = {Change.LIMITS: "new limits", Change.REAUTHENTICATE: "asks again", Change.NONE: "–"}


def tables() -> list[dict[str, list[str]]]:
    """The cells of each table by the vendor's name."""
    found: list[dict[str, list[str]]] = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| vendor"):
            found.append({})
        elif name := re.fullmatch(r"`(\w+)`", cells[0]):
            found[-1][name.group(1)] = cells[1:]
    return found


LIMITS, SESSIONS = tables()


def says(cell: str, told: Pairs) -> bool:
    """Whether a cell names the first attribute, or says that there is none."""
    if not told:
        return cell.startswith("–")
    return told[0][0] in cell or (told[0][0] == "Tunnel-Type" and cell == "Tunnel attributes")


def test_both_tables_have_every_vendor_in_the_order_of_the_code() -> None:
    assert tuple(LIMITS) == tuple(SESSIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_limits_are_told_in_the_attributes_of_the_table(name: str) -> None:
    vendor, (speed, data, vlan, filter_) = VENDORS[name], LIMITS[name]
    assert says(speed, vendor.speed(2, 1))
    assert says(data, vendor.data(1))
    assert says(vlan, vendor.vlan(1))
    assert says(filter_, vendor.filter("guests"))


@pytest.mark.parametrize("name", NAMES)
def test_what_ends_or_changes_a_session_is_as_in_the_table(name: str) -> None:
    vendor, (quarantine, names, change, port) = VENDORS[name], SESSIONS[name]
    assert quarantine.split(" (")[0] == vendor.quarantine_needs.split(" (")[0]
    wanted = vendor.dynamic_authorization
    if wanted is None:
        assert (names, change, port) == ("–", "–", "–")
        return
    assert names.split(",")[0].removesuffix(" (needed)") == wanted.identifying[0]
    assert ("(needed)" in names) == bool(wanted.required)
    assert change == CHANGES[wanted.change]
    assert port.startswith(str(wanted.default_port))
    assert all(str(other) in port for other in wanted.other_ports)
