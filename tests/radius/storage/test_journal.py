"""The journal: on the disk when it says so, in order, private, bounded, and read as far as it can be read."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from foundation.privacy import Keyring
from radius.storage.journal import Journal, JournalError, JournalFullError, Window
from radius.storage.journals import KEEP_DAMAGED_SECONDS, Journals, read_waiting

REPOSITORY = Path(__file__).resolve().parents[3]
NOW = 1_795_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journals(folder: Path, keyring: Keyring) -> Iterator[Journals]:
    opened = Journals(folder, "accounting", keyring, 10_000_000)
    yield opened
    opened.close()


def payloads(first: int, last: int) -> list[bytes]:
    return [f"record {number} of somebody".encode().ljust(300, b".") for number in range(first, last + 1)]


def append_for_ever(journals: Journals) -> None:
    while True:
        taken = journals.waiting
        journals.append(payloads(taken + 1, taken + 100), NOW)


def everything(journals: Journals) -> tuple[list[bytes], int]:
    """What can be delivered, in its order, and how many records are lost."""
    found: list[bytes] = []
    damaged = 0
    while journal := journals.next():
        window = journal.read(100)
        found += [payload for _, payload in window.entries]
        damaged += window.damaged
        journal.forget(window.until)
    return found, damaged


@contextmanager
def adopted(folder: Path, keyring: Keyring) -> Iterator[Journals]:
    """The journals as the next worker finds them."""
    journals = Journals(folder, "accounting", keyring, 10_000_000)
    journals.adopt()
    yield journals
    journals.close()


def file_in(folder: Path) -> Path:
    (file,) = folder.glob("*.journal")
    return file


def test_records_come_back_in_the_order_in_which_they_were_given(journals: Journals) -> None:
    journals.append(payloads(1, 250), NOW)
    journals.append(payloads(251, 260), NOW + 1)
    assert (journals.waiting, journals.oldest_at) == (260, NOW)
    assert everything(journals) == (payloads(1, 260), 0)
    assert (journals.waiting, journals.oldest_at) == (0, None)


def test_without_records_there_is_no_file(journals: Journals, folder: Path) -> None:
    assert journals.adopt() == 0
    journals.append(payloads(1, 3), NOW)
    everything(journals)
    journals.finish()
    assert list(folder.iterdir()) == []


def test_what_is_forgotten_makes_room_for_others(journals: Journals) -> None:
    for round_number in range(5):
        journals.append(payloads(1, 1000), NOW)
        grown = journals.octets
        journal = journals.next()
        assert journal is not None
        journal.forget((round_number + 1) * 1000 - 10)
        assert journals.octets < grown / 5
    assert file_in(journals._directory).stat().st_size < 1_000_000


def test_the_next_worker_finds_what_waits_and_only_that(folder: Path, keyring: Keyring) -> None:
    first = Journals(folder, "accounting", keyring, 10_000_000)
    first.append(payloads(1, 50), NOW)
    journal = first.next()
    assert journal is not None
    journal.forget(20)
    first.close()
    with adopted(folder, keyring) as journals:
        assert journals.waiting == 30
        assert everything(journals) == (payloads(21, 50), 0)


def test_two_workers_never_have_the_same_journal(folder: Path, keyring: Keyring) -> None:
    first = Journals(folder, "accounting", keyring, 10_000_000)
    first.append(payloads(1, 5), NOW)
    with adopted(folder, keyring) as second, adopted(folder, keyring) as third:
        assert second.waiting == third.waiting == 0
        first.close()
        assert second.adopt() == 5
        assert third.adopt() == 0


def test_new_records_go_behind_those_that_were_adopted(folder: Path, keyring: Keyring) -> None:
    first = Journals(folder, "accounting", keyring, 10_000_000)
    first.append(payloads(1, 5), NOW)
    first.close()
    with adopted(folder, keyring) as second:
        second.append(payloads(6, 9), NOW)
        assert everything(second) == (payloads(1, 9), 0)


def test_journals_of_another_kind_are_left_alone(folder: Path, keyring: Keyring) -> None:
    other = Journals(folder, "authentication_log", keyring, 10_000_000)
    other.append(payloads(1, 5), NOW)
    other.close()
    with adopted(folder, keyring) as journals:
        assert journals.waiting == 0


def test_nobody_reads_a_record_without_the_key(journals: Journals, folder: Path, keyring: Keyring) -> None:
    journals.append(payloads(1, 50), NOW)
    assert folder.stat().st_mode & 0o077 == 0
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        assert b"somebody" not in file.read_bytes()


def test_a_record_that_was_put_in_anothers_place_is_not_believed(
    journals: Journals, folder: Path, keyring: Keyring
) -> None:
    journals.append(payloads(1, 3), NOW)
    with sqlite3.connect(file_in(folder)) as connection:
        connection.execute("UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE number = 1) WHERE number = 2")
    connection.close()
    assert everything(journals) == ([*payloads(1, 1), *payloads(3, 3)], 1)


def test_a_journal_has_a_largest_size(folder: Path, keyring: Keyring) -> None:
    journals = Journals(folder, "accounting", keyring, 200_000)
    with pytest.raises(JournalFullError, match="journal_octets"):
        append_for_ever(journals)
    assert 100_000 < journals.octets <= 200_000
    taken = journals.waiting
    assert everything(journals) == (payloads(1, taken), 0)
    journals.append(payloads(1, 100), NOW)
    journals.close()


def fill_the_disk(folder: Path, keyring: Keyring) -> None:
    """No file may grow beyond some octets, as when the disk is full; Python ignores the signal."""
    journals = Journals(folder, "accounting", keyring, 10_000_000)
    journals.append(payloads(1, 100), NOW)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    taken = 100
    refused = 0
    for _ in range(20):
        try:
            journals.append(payloads(taken + 1, taken + 200), NOW)
            taken += 200
        except JournalError:
            refused += 1
    assert refused
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    journals.append(payloads(taken + 1, taken + 7), NOW)
    assert everything(journals) == (payloads(1, taken + 7), 0)
    journals.close()


def test_on_a_full_disk_records_are_refused_and_those_before_and_after_are_kept(folder: Path, keyring: Keyring) -> None:
    child = os.fork()
    if child == 0:  # a limit of its own
        try:
            fill_the_disk(folder, keyring)
        except BaseException as error:
            sys.stderr.write(repr(error))
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_on_a_small_disk_that_is_full_the_same(tmp_path: Path, keyring: Keyring) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"no small disk can be made here: {mount.stderr.strip()}")
    try:
        journals = Journals(disk / "journal", "accounting", keyring, 10_000_000)
        with pytest.raises(JournalFullError, match="full"):
            append_for_ever(journals)
        taken = journals.waiting
        assert taken
        assert everything(journals) == (payloads(1, taken), 0)
        journals.finish()
        journals.append(payloads(1, 100), NOW)
        journals.close()
    finally:
        subprocess.run(["umount", disk], check=True)


KILLED = """
import os, sys, time
from pathlib import Path
from foundation.privacy import Keyring
from radius.storage.journals import Journals
from tests.radius.storage.test_journal import payloads
journals = Journals(Path(sys.argv[1]), "accounting", Keyring(bytes(range(32))), 10_000_000)
number = 0
while True:
    journals.append(payloads(number + 1, number + 20), time.time())
    number += 20
    print(number, flush=True)
"""


def test_after_kill_9_everything_that_was_taken_is_there(folder: Path, keyring: Keyring) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        taken = 0
        while taken < 400:
            taken = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    taken = int(rest[-1]) if rest else taken
    with adopted(folder, keyring) as journals:
        found, damaged = everything(journals)
    assert damaged == 0
    # The batch that was under way may be there too: it is whole, or not there.
    assert found in (payloads(1, taken), payloads(1, taken + 20))


def left(folder: Path, keyring: Keyring, count: int, *, in_main_file: bool) -> Path:
    """The journal of a worker that died, its records in the file itself or in its -wal file; as large as that is."""
    copy = folder.with_name("copy")
    copy.mkdir()
    journals = Journals(folder, "accounting", keyring, 10_000_000)
    for number in range(1, count + 1, 50):
        journals.append(payloads(number, number + 49), NOW)
    if in_main_file:
        with sqlite3.connect(file_in(folder)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    journals.close()
    file = file_in(copy)
    return file if in_main_file else file.with_name(f"{file.name}-wal")


def check_what_is_left(folder: Path, keyring: Keyring, count: int) -> int:
    """What can be read comes in its order, the rest is counted, the file is put aside; how many records came."""
    with adopted(folder, keyring) as journals:
        assert journals.waiting == count
        journal = journals.next()
        assert journal is not None
        found, damaged = everything(journals)
        assert len(found) + damaged == count
        everyone = {payload: number for number, payload in enumerate(payloads(1, count))}
        numbers = [everyone[payload] for payload in found]
        assert numbers == sorted(numbers)
        journal.damaged = damaged
        ((_, aside),) = journals.finish()
        assert (aside.suffix if aside else None) == (".damaged" if damaged else None)
        assert list(folder.glob("*.journal*")) == list(folder.glob("*.lock")) == []
        # A new one begins.
        journals.append(payloads(1, 1), NOW)
    return len(found)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_torn_tail_costs_the_batches_that_are_torn(folder: Path, keyring: Keyring, kept: float) -> None:
    torn = left(folder, keyring, 1000, in_main_file=False)
    octets = torn.read_bytes()
    torn.write_bytes(octets[: int(kept * len(octets))])
    found = check_what_is_left(torn.parent, keyring, 1000)
    assert abs(found - 1000 * kept) <= 60
    assert found % 50 == 0


@pytest.mark.parametrize("place", [0.2, 0.5, 0.95])
def test_overwritten_octets_in_the_tail_cost_what_is_behind_them(folder: Path, keyring: Keyring, place: float) -> None:
    torn = left(folder, keyring, 1000, in_main_file=False)
    octets = bytearray(torn.read_bytes())
    at = int(place * len(octets))
    octets[at : at + 100] = os.urandom(100)
    torn.write_bytes(octets)
    found = check_what_is_left(torn.parent, keyring, 1000)
    assert abs(found - 1000 * place) <= 60


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_overwritten_octets_in_the_file_cost_the_records_that_stood_there(
    folder: Path, keyring: Keyring, place: float
) -> None:
    torn = left(folder, keyring, 1000, in_main_file=True)
    octets = bytearray(torn.read_bytes())
    at = int(place * len(octets))
    octets[at : at + 5000] = bytes(5000)
    torn.write_bytes(octets)
    assert 900 <= check_what_is_left(torn.parent, keyring, 1000) < 1000


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(folder: Path, keyring: Keyring) -> None:
    torn = left(folder, keyring, 1000, in_main_file=True)
    octets = torn.read_bytes()
    torn.write_bytes(octets[: len(octets) // 2])
    assert 400 <= check_what_is_left(torn.parent, keyring, 1000) <= 600


def test_a_file_that_is_none_any_more_is_counted_and_put_aside(folder: Path, keyring: Keyring) -> None:
    torn = left(folder, keyring, 200, in_main_file=True)
    torn.write_bytes(os.urandom(torn.stat().st_size))
    assert check_what_is_left(torn.parent, keyring, 200) == 0


def test_without_its_lock_file_a_journal_is_still_delivered(folder: Path, keyring: Keyring) -> None:
    file = left(folder, keyring, 100, in_main_file=True)
    file.with_suffix(".lock").unlink()
    with adopted(file.parent, keyring) as journals:
        assert everything(journals) == (payloads(1, 100), 0)


def test_a_journal_of_another_key_is_put_aside_whole(folder: Path, keyring: Keyring) -> None:
    file = left(folder, keyring, 100, in_main_file=True)
    with adopted(file.parent, Keyring(b"another key".ljust(32))) as journals:
        journal = journals.next()
        assert journal is not None
        assert journal.read(100) == Window((), 100, 100)


def test_what_was_put_aside_is_removed_when_nobody_will_look_at_it_any_more(journals: Journals, folder: Path) -> None:
    folder.mkdir()
    old, new, others = (folder / name for name in ("accounting-1.damaged", "accounting-2.damaged", "another"))
    for file in (old, new, others):
        file.touch()
    for file in (old, others):
        os.utime(file, (NOW, time.time() - KEEP_DAMAGED_SECONDS - 1))
    journals.adopt()
    assert sorted(folder.iterdir()) == [new, others]


def test_anybody_who_may_look_sees_what_waits_without_touching_it(journals: Journals, folder: Path) -> None:
    assert read_waiting(folder).records == 0
    journals.append(payloads(1, 40), NOW)
    waiting = read_waiting(folder)
    assert waiting.records == 40
    assert waiting.octets > 12_000
    assert waiting.oldest_at is not None
    assert waiting.oldest_at.timestamp() == NOW
    assert isinstance(journals.next(), Journal)
    everything(journals)
    assert read_waiting(folder).records == 0
