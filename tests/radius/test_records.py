"""What an Accounting-Request says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.privacy import Keyring
from radius.accounting.records import Record, Restart, SessionRecord, event_time, read_record
from radius.authorization import make_class
from radius.discards import RequestUnansweredError, Unanswered
from radius.errors import MalformedAttributeError
from radius.nas import AccessPoint, NasTable
from radius.packet import Code, encode_request
from tests.radius.support import ACCESS_POINT, DEVICE, NAS, NOW, SECRET, Values, accounting_request

KEYRING = Keyring(bytes(range(32)))
TABLE = NasTable((), {(1, bytes.fromhex("001a2b3c4d5e")): AccessPoint(9, 4)})
WEEK = 7 * 86_400


def read(values: Values, **nas: int | None) -> Record:
    return read_record(accounting_request(values), replace(NAS, **nas), TABLE, KEYRING, NOW, WEEK)  # type: ignore[arg-type]  # only numbers


def read_session(values: Values, **nas: int | None) -> SessionRecord:
    record = read(values, **nas)
    assert isinstance(record, SessionRecord)
    return record


def test_a_start_begins_at_its_event() -> None:
    record = read_session({"Acct-Status-Type": "Start"})
    assert (record.status, record.started_at, record.event_at, record.is_stop) == ("start", NOW, NOW, False)
    assert (record.acct_session_id, record.nas_identifier) == ("0001", "gateway")
    assert record.calling_station_id == str(DEVICE)


def test_a_stop_tells_when_the_session_began_and_why_it_ended() -> None:
    record = read_session({"Acct-Status-Type": "Stop", "Acct-Session-Time": 90, "Acct-Terminate-Cause": "User-Request"})
    assert record.started_at == NOW - timedelta(seconds=90)
    assert (record.session_seconds, record.is_stop, record.terminate_cause) == (90, True, 1)


def test_octets_have_64_bits_with_gigawords() -> None:
    record = read_session(
        {
            "Acct-Status-Type": "Interim-Update",
            "Acct-Input-Octets": 5,
            "Acct-Input-Gigawords": 1,
            "Acct-Output-Octets": 2**32 - 1,
            "Acct-Output-Gigawords": 2,
        }
    )
    assert record.input_octets == 2**32 + 5
    assert record.output_octets == 3 * 2**32 - 1


def test_counts_that_no_column_can_hold_are_cut_to_what_it_can() -> None:
    record = read_session({"Acct-Status-Type": "Stop", "Acct-Input-Gigawords": 2**32 - 1})
    assert record.input_octets == 2**63 - 1


def test_a_session_of_a_hundred_years_is_not_believed() -> None:
    record = read_session({"Acct-Status-Type": "Stop", "Acct-Session-Time": 2**32 - 1})
    assert (record.session_seconds, record.started_at) == (0, NOW)


def test_the_venue_is_the_access_points_else_the_gateways() -> None:
    assert read_session({"Acct-Status-Type": "Start"}, venue_id=77).venue_id == 4
    elsewhere = {"Acct-Status-Type": "Start", "Called-Station-Id": "hotspot1"}
    record = read_session(elsewhere, venue_id=77)
    assert (record.venue_id, record.access_point_id, record.network_name) == (77, None, None)


def test_the_networks_name_is_what_follows_the_access_points_address() -> None:
    assert read_session({"Acct-Status-Type": "Start"}).network_name == "CityWiFi"
    bare = read_session({"Acct-Status-Type": "Start", "Called-Station-Id": ACCESS_POINT})
    assert bare.network_name is None


def test_class_tells_resident_and_device() -> None:
    record = read_session({"Acct-Status-Type": "Start", "Class": make_class(KEYRING, 11, 22)})
    assert (record.resident_id, record.device_id) == (11, 22)


@pytest.mark.parametrize(
    "value",
    [b"somebody else's class", b"\0", make_class(Keyring(b"\x07" * 32), 11, 22)],
    ids=["text", "too short", "sealed by another key"],
)
def test_a_foreign_class_tells_nothing_and_does_no_harm(value: bytes) -> None:
    record = read_session({"Acct-Status-Type": "Start", "Class": value})
    assert (record.resident_id, record.device_id) == (None, None)


def test_of_several_classes_ours_counts_wherever_it_stands() -> None:
    ours = make_class(KEYRING, 11, 22)
    raw = [(40, b"\0\0\0\x01"), (44, b"1"), (25, b"somebody else's"), (25, ours)]
    record = read_record(encode_request(Code.ACCOUNTING_REQUEST, 1, raw, SECRET), NAS, TABLE, KEYRING, NOW, WEEK)
    assert isinstance(record, SessionRecord)
    assert (record.resident_id, record.device_id) == (11, 22)


def test_a_class_that_was_opened_before_is_still_nothing_to_another_key() -> None:
    packet = accounting_request({"Acct-Status-Type": "Start", "Class": make_class(KEYRING, 11, 22)})
    read_record(packet, NAS, TABLE, KEYRING, NOW, WEEK)
    other = read_record(packet, NAS, TABLE, Keyring(b"\x07" * 32), NOW, WEEK)
    assert isinstance(other, SessionRecord)
    assert (other.resident_id, other.device_id) == (None, None)


@pytest.mark.parametrize(
    ("values", "is_known"),
    [
        ({"Acct-Status-Type": "Start"}, True),
        ({"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": 1}, True),
        ({"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": 0}, False),
        ({"Acct-Status-Type": "Stop"}, False),
        ({"Acct-Status-Type": "Stop", "Acct-Session-Time": 2**32 - 1}, False),
    ],
)
def test_only_a_start_or_a_session_time_tells_when_the_session_began(values: Values, is_known: bool) -> None:
    assert read_session(values).start_is_known is is_known


def test_the_address_is_text() -> None:
    assert (
        read_session({"Acct-Status-Type": "Start", "Framed-IP-Address": "10.0.200.5"}).framed_ip_address == "10.0.200.5"
    )


def test_a_session_is_the_same_in_all_its_records_and_differs_by_each_of_its_names() -> None:
    start = read_session({"Acct-Status-Type": "Start"})
    stop = read_session({"Acct-Status-Type": "Stop", "Acct-Session-Time": 5, "User-Name": "other"})
    assert start.session_key == stop.session_key
    others = [
        read_session({"Acct-Status-Type": "Start", "Acct-Session-Id": "0002"}),
        read_session({"Acct-Status-Type": "Start", "Calling-Station-Id": "02-00-5E-00-53-02"}),
        read_session({"Acct-Status-Type": "Start", "NAS-Identifier": "gatewa", "Acct-Session-Id": "y0001"}),
        read_session({"Acct-Status-Type": "Start"}, id=2),
    ]
    assert len({start.session_key, *[other.session_key for other in others]}) == 5


@pytest.mark.parametrize(("status", "word"), [("Accounting-On", "on"), ("Accounting-Off", "off")])
def test_on_and_off_are_restarts_of_that_nas(status: str, word: str) -> None:
    record = read({"Acct-Status-Type": status, "Acct-Session-Id": None, "Acct-Delay-Time": 30})
    assert isinstance(record, Restart)
    assert (record.status, record.nas_identifier) == (word, "gateway")
    assert record.restarted_at == NOW - timedelta(seconds=30)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, Unanswered.ACCT_STATUS_TYPE_MISSING),
        ({"Acct-Status-Type": 15}, Unanswered.ACCT_STATUS_TYPE_UNSUPPORTED),
        ({"Acct-Status-Type": "Start", "Acct-Session-Id": None}, Unanswered.ACCT_SESSION_ID_MISSING),
    ],
)
def test_what_cannot_be_recorded_is_not_answered(values: Values, reason: Unanswered) -> None:
    with pytest.raises(RequestUnansweredError) as caught:
        read(values)
    assert caught.value.reason is reason


@pytest.mark.parametrize("number", [40, 41, 42, 43, 46, 52, 53, 55, 8])
def test_a_number_or_address_of_the_wrong_length_is_malformed(number: int) -> None:
    raw = {40: b"\0\0\0\x03", 44: b"1", number: b"\0\x01"}
    packet = encode_request(Code.ACCOUNTING_REQUEST, 1, list(raw.items()), SECRET)
    with pytest.raises(MalformedAttributeError):
        read_record(packet, NAS, TABLE, KEYRING, NOW, WEEK)


def test_names_that_are_not_utf_8_or_hold_nul_are_kept_readable() -> None:
    raw = [(40, b"\0\0\0\x01"), (44, b"\xff\x00a"), (1, b"M\xfcller")]
    packet = encode_request(Code.ACCOUNTING_REQUEST, 1, raw, SECRET)
    record = read_record(packet, NAS, TABLE, KEYRING, NOW, WEEK)
    assert isinstance(record, SessionRecord)
    assert (record.acct_session_id, record.user_name) == ("\ufffd\ufffda", "M\ufffdller")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([b"service-type=Framed", b"audit-session-id=0A0B0C0D000000AB"], "0A0B0C0D000000AB"),
        ([b"audit-session-id="], None),
        ([b"method=mab"], None),
        ([], None),
    ],
)
def test_ciscos_own_name_of_a_session_is_kept(pairs: list[bytes], expected: str | None) -> None:
    wrapped = [(26, b"\0\0\0\x09" + bytes((1, len(pair) + 2)) + pair) for pair in pairs]
    raw = [(40, b"\0\0\0\x01"), (44, b"1"), *wrapped]
    record = read_record(encode_request(Code.ACCOUNTING_REQUEST, 1, raw, SECRET), NAS, TABLE, KEYRING, NOW, WEEK)
    assert isinstance(record, SessionRecord)
    assert record.audit_session_id == expected


def test_a_malformed_attribute_of_ciscos_does_not_keep_a_record_out() -> None:
    raw = [(40, b"\0\0\0\x01"), (44, b"1"), (26, b"\0\0\0\x09\x01\x00")]
    record = read_record(encode_request(Code.ACCOUNTING_REQUEST, 1, raw, SECRET), NAS, TABLE, KEYRING, NOW, WEEK)
    assert isinstance(record, SessionRecord)
    assert record.audit_session_id is None


def test_delay_puts_the_event_before_its_arrival() -> None:
    packet = accounting_request({"Acct-Status-Type": "Start", "Acct-Delay-Time": 3600})
    assert event_time(packet, NOW, WEEK) == NOW - timedelta(hours=1)


def test_a_delay_beyond_the_limit_is_not_believed() -> None:
    packet = accounting_request({"Acct-Status-Type": "Start", "Acct-Delay-Time": WEEK + 1})
    assert event_time(packet, NOW, WEEK) == NOW


@pytest.mark.parametrize(("seconds", "is_believed"), [(-300, True), (300, True), (-301, False), (301, False)])
def test_event_timestamp_is_believed_within_300_seconds_of_arrival_less_delay(seconds: int, is_believed: bool) -> None:
    happened_at = NOW - timedelta(seconds=600)
    stamped_at = happened_at + timedelta(seconds=seconds)
    packet = accounting_request({"Acct-Status-Type": "Start", "Acct-Delay-Time": 600, "Event-Timestamp": stamped_at})
    assert event_time(packet, NOW, WEEK) == (stamped_at if is_believed else happened_at)


@given(
    st.sampled_from(["Start", "Stop", "Interim-Update", "Accounting-On", "Accounting-Off"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_no_numbers_put_an_event_after_its_arrival_or_far_into_the_past(
    status: str, delay_seconds: int, session_seconds: int
) -> None:
    record = read({"Acct-Status-Type": status, "Acct-Delay-Time": delay_seconds, "Acct-Session-Time": session_seconds})
    begun_at = record.restarted_at if isinstance(record, Restart) else record.started_at
    assert NOW - timedelta(days=7 + 366) <= begun_at <= NOW


def test_a_record_is_not_printed_with_what_it_says_of_a_person() -> None:
    assert str(DEVICE) not in repr(read({"Acct-Status-Type": "Start"}))
