"""Files as they are met: encodings, marks, shapes, and everything that is not such a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from citywifi.imports.errors import ImportFileError
from citywifi.imports.readers import read_features, read_table, require_columns

EXPECTED = "a list of things"


def written(folder: Path, content: bytes | str, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_becomes_rows_with_the_lines_that_they_begin_on(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, 'name,place\n"One\ntwo",here\n\nThree,there\n'), EXPECTED)
    assert table.columns == ("name", "place")
    assert [(row.line, row.values["name"]) for row in table.rows] == [(2, "One\ntwo"), (5, "Three")]


def test_a_byte_order_mark_in_every_row_is_not_part_of_the_values(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "\ufeffid,name\n\ufeff1,Pere Pruna\n\ufeff2,Claror\n"), EXPECTED)
    assert table.columns == ("id", "name")
    assert [row.values["id"] for row in table.rows] == ["1", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_accents_survive_in_every_encoding_that_is_met(tmp_path: Path, encoding: str) -> None:
    table = read_table(written(tmp_path, "id,name\n1,Gràcia\n".encode(encoding)), EXPECTED)
    assert table.rows[0].values == {"id": "1", "name": "Gràcia"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_heading_tells_what_separates_values(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(("id", "name")) + "\r\n" + delimiter.join(("1", "Stoke")) + "\r\n"
    assert read_table(written(tmp_path, text), EXPECTED).rows[0].values == {"id": "1", "name": "Stoke"}


def test_a_row_with_too_few_or_too_many_values_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8\n"), EXPECTED)
    assert [row.values["a"] for row in table.rows] == ["1", "7"]
    assert [str(problem) for problem in table.broken] == [
        "line 3: row '3': the row has 1 values and the heading has 2",
        "line 4: row '4,5,6': the row has 3 values and the heading has 2",
    ]


def test_json_objects_become_rows_with_nested_columns_joined_by_dots(tmp_path: Path) -> None:
    text = '[\n {"id": "PW1", "point": {"lat": 48.86, "lon": 2.28}},\n {"id": null, "point": null}\n]'
    table = read_table(written(tmp_path, text, "sites.json"), EXPECTED)
    assert table.columns == ("id", "point.lat", "point.lon", "point")
    assert [(row.line, row.values["id"]) for row in table.rows] == [(2, "PW1"), (3, "")]
    assert table.rows[0].values["point.lat"] == "48.86"


def test_every_json_row_has_every_column(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, '[{"id": "1"}, {"id": "2", "name": "Two"}]'), EXPECTED)
    assert [row.values.get("name") for row in table.rows] == ["", "Two"]


def test_geojson_points_become_rows_with_their_coordinates(tmp_path: Path) -> None:
    text = (
        '{"type": "FeatureCollection", "features": [\n{"type": "Feature", "properties": {"id": "7"}, '
        '"geometry": {"type": "Point", "coordinates": [-1.5, 52.4]}}]}'
    )
    row = read_table(written(tmp_path, text), EXPECTED).rows[0]
    assert (row.line, row.values["geometry.latitude"], row.values["geometry.longitude"]) == (2, "52.4", "-1.5")


def test_features_carry_the_line_that_they_begin_on(tmp_path: Path) -> None:
    text = '{"type": "FeatureCollection",\n"features": [\n{"properties": {"a": 1}, "geometry": null},\n{}]}'
    assert [feature.line for feature in read_features(written(tmp_path, text), EXPECTED)] == [3, 4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"id,name\n", "has only one line"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "is not text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not text"),
        (b"id,name\n1,\x1b[31mred\n", "is not text"),
        (b"PK\x03\x04 rest", "ZIP archive or an Excel workbook"),
        (b"\x1f\x8b rest", "gzip-compressed"),
        (b"%PDF-1.7", "PDF document"),
        (b'{"a": 1}', "not an array of objects"),
        (b"[]", "empty array"),
        (b"[1, 2", "not valid JSON"),
        (b"[" * 100_000, "JSON"),
        (b'id,name\n1,"' + b"x" * 200_000, "cannot be read as CSV"),
    ],
)
def test_what_is_no_such_file_gets_one_sentence_that_says_what_was_expected(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(ImportFileError) as caught:
        read_table(written(tmp_path, content), EXPECTED)
    message = str(caught.value)
    assert said in message
    assert message.startswith("file.csv ")
    assert EXPECTED in message
    assert "\n" not in message


def test_a_directory_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="is a directory; expected a list of things"):
        read_table(tmp_path, EXPECTED)
    with pytest.raises(ImportFileError, match="does not exist; expected a list of things"):
        read_table(tmp_path / "nowhere.csv", EXPECTED)


def test_a_device_is_not_read() -> None:
    with pytest.raises(ImportFileError, match="not a regular file"):
        read_table(Path("/dev/zero"), EXPECTED)


def test_features_that_are_none_are_read_as_empty_ones(tmp_path: Path) -> None:
    text = '{"features": [{"properties": [1], "geometry": "here"}]}'
    (feature,) = read_features(written(tmp_path, text), EXPECTED)
    assert (feature.properties, feature.geometry) == ({}, {})
    text = '{"features": [{"properties": {"id": 1}, "geometry": {"type": "Point", "coordinates": 5}}, 7]}'
    table = read_table(written(tmp_path, text), EXPECTED)
    assert [row.values for row in table.rows] == [{"id": "1"}]
    assert [problem.reason for problem in table.broken] == ["is not an object"]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "a,b\n1,2\n"), EXPECTED)
    with pytest.raises(
        ImportFileError, match=r"has no column c, d; expected a list of things, and its columns are a, b"
    ):
        require_columns(table, ("a", "c", "d"), EXPECTED)


def test_features_of_something_else_are_refused(tmp_path: Path) -> None:
    for content in ('{"type": "Topology"}', "[1]", '{"features": []}'):
        with pytest.raises(ImportFileError, match="not a GeoJSON feature collection"):
            read_features(written(tmp_path, content), EXPECTED)
