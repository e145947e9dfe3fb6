"""Column mappings: the registers that are known, and what a person writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from citywifi.imports.errors import MappingError
from citywifi.imports.readers import Table
from citywifi.imports.registers import REGISTERS, RegisterMapping, choose_mapping, read_mapping
from tests.citywifi.imports.conftest import WriteFile


def table(*columns: str) -> Table:
    return Table("register.csv", columns, ())


@pytest.mark.parametrize("name", REGISTERS)
def test_a_known_register_is_recognised_by_its_columns(name: str) -> None:
    columns = (*sorted(REGISTERS[name].publisher_columns), "something else")
    assert choose_mapping(table(*columns), None, ()) is not None
    assert choose_mapping(table(*columns), None, ()).source == name


def test_an_unknown_register_says_what_columns_it_has_and_how_to_name_them() -> None:
    with pytest.raises(MappingError, match=r"none of the registers known .* its columns are ID, Title"):
        choose_mapping(table("ID", "Title"), None, ())


def test_columns_can_be_named_one_by_one() -> None:
    mapping = choose_mapping(
        table("ID", "Title", "Road", "Town"), None, ("reference=ID", 'name="Title"', "address=Road", "address=Town")
    )
    assert mapping == RegisterMapping(
        source="register", columns={"reference": ("ID",), "name": ("Title",), "address": ("Road", "Town")}
    )


def test_a_named_column_goes_on_top_of_a_known_mapping() -> None:
    columns = (*REGISTERS["paris"].publisher_columns, "autre nom")
    assert choose_mapping(table(*columns), "paris", ("name=autre nom",)).columns["name"] == ("autre nom",)


@pytest.mark.parametrize(
    ("wanted", "columns", "said"),
    [
        (
            "london",
            (),
            "there is no mapping 'london'; known are libraries, libraries-england, linknyc, paris, barcelona",
        ),
        ("paris", (), "has no column arc_adresse, cp"),
        (None, ("reference=ID",), "no column for name"),
        (None, ("reference=ID", "name=Nom"), "has no column Nom"),
        (None, ("colour=ID",), "a venue has no field 'colour'"),
        (None, ("name",), "write --column name="),
        ("nowhere.toml", (), "cannot be read"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(wanted: str | None, columns: tuple[str, ...], said: str) -> None:
    with pytest.raises(MappingError, match=said) as caught:
        choose_mapping(table("ID", "Title"), wanted, columns)
    assert "\n" not in str(caught.value)


def test_a_mapping_can_be_written_as_a_file(write: WriteFile) -> None:
    file = write(
        "parks.toml",
        'source = "parks"\nkind = "park"\ndate_order = "month first"\n'
        '[columns]\nreference = "ID"\nname = "Title"\naddress = ["Road", "Town"]\n'
        '[statuses]\n"In Use" = "open"\n[kinds]\nP = "park"\n',
    )
    assert read_mapping(file) == RegisterMapping(
        source="parks",
        columns={"reference": ("ID",), "name": ("Title",), "address": ("Road", "Town")},
        statuses={"in use": "open"},
        kinds={"p": "park"},
        kind="park",
        month_first=True,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns = [", "cannot be read"),
        ("colour = 1", "has colour, which means nothing here"),
        ("columns = 3", "have to be tables"),
        ("[columns]\nname = 3", "columns.name has to be"),
        ('[columns]\nshape = "x"', "no field 'shape'"),
        ('[statuses]\nx = "gone"', "cannot have the status 'gone'"),
        ('date_order = "year first"', "date_order is 'year first'"),
        ('source = " "', "source is empty"),
    ],
)
def test_a_mapping_file_that_is_wrong_says_where(write: WriteFile, text: str, said: str) -> None:
    with pytest.raises(MappingError, match=said):
        read_mapping(write("parks.toml", text))


def test_a_mapping_file_that_is_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="cannot be read"):
        read_mapping(tmp_path)
