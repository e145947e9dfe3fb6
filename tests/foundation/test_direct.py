"""Statements straight to the driver do what SQLAlchemy's do, and say whose fault an error is."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.engine import make_url

from foundation.database import Database, greatest
from foundation.direct import DatabaseError, DatabaseUnavailableError, RowsRefusedError, among
from foundation.direct_sqlite import padded
from foundation.schema import access_points, authentications, councils, devices, network_access_servers, residents

MOMENT = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)
COUNCIL = 1000
LOG_COLUMNS = (
    "council_id", "at", "nas_id", "venue_id", "method", "accepted", "reason", "detail", "user_pseudonym", "milliseconds"
)  # fmt: skip


def log_line(**changes: Any) -> tuple[Any, ...]:
    line = {
        "council_id": COUNCIL,
        "at": MOMENT,
        "nas_id": 1,
        "venue_id": None,
        "method": "pap",
        "accepted": True,
        "reason": "",
        "detail": "",
        "user_pseudonym": bytes(16),
        "milliseconds": 1.5,
    }
    return tuple((line | changes).values())


@pytest.fixture
async def city(any_database: Database) -> Database:
    """A council, its NAS and one resident."""
    await fill(any_database)
    return any_database


async def fill(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(councils).values(id=COUNCIL, code="E1", name="One", created_at=MOMENT))
        await connection.execute(
            insert(network_access_servers).values(
                id=1,
                council_id=COUNCIL,
                name="gateway",
                network="10.0.0.1/32",
                secret_encrypted=b"",
                vendor="coovachilli",
                created_at=MOMENT,
                updated_at=MOMENT,
            )
        )
        await connection.execute(
            insert(residents).values(
                id=7, council_id=COUNCIL, contact_kind="none", registered_at=MOMENT, last_seen_at=MOMENT
            )
        )


@pytest.fixture
async def impatient(any_database_url: str) -> AsyncIterator[Database]:
    """Waits for a fifth of a second, on two connections."""
    database = Database(any_database_url, direct_connections=2, direct_patience_seconds=0.2)
    await fill(database)
    yield database
    await database.close()


async def add_councils(database: Database, *codes: str) -> None:
    bulk = database.direct.bulk_insert(councils, ["code", "name", "created_at"])
    async with database.direct.writing() as transaction:
        await transaction.insert(bulk, [(code, "Somewhere", MOMENT) for code in codes])


async def codes(database: Database) -> list[str]:
    """As SQLAlchemy reads them, without the first."""
    async with database.read() as connection:
        found = await connection.execute(select(councils.c.code).where(councils.c.code != "E1"))
        return sorted(found.scalars())


async def test_what_is_inserted_is_read_alike_by_sqlalchemy(city: Database) -> None:
    bulk = city.direct.bulk_insert(authentications, LOG_COLUMNS)
    in_summer_time = MOMENT.astimezone(timezone(timedelta(hours=1)))
    lines = [
        log_line(),
        log_line(
            at=in_summer_time, accepted=False, reason="Zażółć 🚲", user_pseudonym=b"\x00\xff" * 8, milliseconds=0.25
        ),
        log_line(at=MOMENT.replace(microsecond=0)),
    ]
    await city.direct.insert(bulk, lines)
    statement = select(*[authentications.c[name] for name in LOG_COLUMNS]).order_by(authentications.c.id)
    async with city.read() as connection:
        by_sqlalchemy = [tuple(row) for row in await connection.execute(statement)]
    directly = [tuple(row) for row in await city.direct.fetch(city.direct.statement(statement))]
    assert by_sqlalchemy == lines
    assert directly == lines
    assert {row[1].tzinfo for row in directly} == {UTC}
    assert [type(row[5]) for row in directly] == [bool] * 3


async def test_what_sqlalchemy_wrote_is_compared_and_updated_directly(city: Database) -> None:
    direct = city.direct
    later = MOMENT + timedelta(seconds=1)
    renamed = direct.statement(
        update(councils)
        .where(councils.c.created_at < bindparam("until"), councils.c.name == "One")
        .values(created_at=bindparam("moment"))
        .returning(councils.c.id, councils.c.created_at)
    )
    async with direct.writing() as transaction:
        none = await transaction.fetch(renamed, until=MOMENT, moment=later)
        one = await transaction.fetch(renamed, until=later, moment=later)
    assert (none, [tuple(row) for row in one]) == ([], [(COUNCIL, later)])
    assert [tuple(row) for row in await direct.fetch(renamed, until=later, moment=later)] == []


async def test_any_number_of_values_is_asked_for_at_once(city: Database) -> None:
    await add_councils(city, *(f"C{number}" for number in range(100)))
    statement = city.direct.statement(
        select(councils.c.code).where(among(councils.c.code, "codes"), among(councils.c.name, "names"))
    )
    for count in (0, 1, 3, 100):
        wanted = [f"C{number}" for number in range(count)]
        found = await city.direct.fetch(statement, codes=wanted, names=["Somewhere", "Nowhere"])
        assert sorted(code for (code,) in found) == sorted(wanted)


async def test_an_index_serves_what_is_among_values(database: Database) -> None:
    statement = database.direct.statement(select(devices.c.id).where(among(devices.c.mac_pseudonym, "names")))
    shown, _values = statement.compiled.text_and_values({"names": [b"1", b"2"]})
    assert "= 1" not in shown


async def test_a_list_is_read_once_even_where_every_row_is_looked_at(postgres_url: str) -> None:
    database = Database(postgres_url)
    statement = database.direct.statement(select(councils.c.id).where(among(councils.c.name, "names")))
    with_values = statement.compiled.text.replace("$1::VARCHAR", "'{One,Two}'")
    async with database.read() as connection:
        plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {with_values}")).scalars())
    assert "Seq Scan" in plan
    assert "InitPlan" in plan
    await database.close()


async def test_pseudonyms_are_asked_for_as_octets(city: Database) -> None:
    bulk = city.direct.bulk_insert(
        devices, ["council_id", "resident_id", "mac_pseudonym", "randomised", "created_at", "last_seen_at"]
    )
    await city.direct.insert(bulk, [(COUNCIL, 7, bytes([n]) * 16, False, MOMENT, MOMENT) for n in range(3)])
    statement = city.direct.statement(select(devices.c.mac_pseudonym).where(among(devices.c.mac_pseudonym, "names")))
    found = await city.direct.fetch(statement, names=[b"\x01" * 16, b"\x09" * 16])
    assert [tuple(row) for row in found] == [(b"\x01" * 16,)]


async def test_a_column_can_be_computed_from_the_rows_own_value_and_a_conflict_be_merged(city: Database) -> None:
    known = select(residents.c.id).where(residents.c.id == bindparam("known_resident")).scalar_subquery()
    bulk = city.direct.bulk_insert(
        devices,
        ["council_id", "mac_pseudonym", "randomised", "created_at", "last_seen_at"],
        computed={"resident_id": func.coalesce(known, 7)},
        parameters=["known_resident"],
        on_conflict=lambda new: new.on_conflict_do_update(
            index_elements=["council_id", "mac_pseudonym"],
            set_={
                "last_seen_at": greatest(devices.c.last_seen_at, new.excluded.last_seen_at),
                "randomised": case((new.excluded.created_at < MOMENT + timedelta(days=1), True), else_=False),
            },
        ),
    )
    later = MOMENT + timedelta(hours=1)
    for seen in (MOMENT, later, MOMENT):
        rows = [(COUNCIL, bytes([n]) * 16, False, seen, seen, resident) for n, resident in ((1, 7), (2, 99), (3, None))]
        await city.direct.insert(bulk, rows)
    found = devices.c.resident_id, devices.c.created_at, devices.c.last_seen_at, devices.c.randomised
    rows_found = await city.direct.fetch(city.direct.statement(select(*found)))
    assert [tuple(row) for row in rows_found] == [(7, MOMENT, later, True)] * 3


async def test_nothing_to_insert_is_nothing_to_do(city: Database) -> None:
    bulk = city.direct.bulk_insert(authentications, LOG_COLUMNS)
    await city.direct.insert(bulk, [])
    async with city.direct.writing() as transaction:
        await transaction.insert(bulk, [])
        await transaction.lock([])


async def test_one_statement_is_executed_with_many_sets_of_parameters(city: Database) -> None:
    await add_councils(city, "A", "B", "C")
    rename = city.direct.statement(
        update(councils).where(councils.c.code == bindparam("which")).values(name=bindparam("new_name"))
    )
    async with city.direct.writing() as transaction:
        await transaction.execute_many(rename, [{"which": code, "new_name": f"New {code}"} for code in ("A", "C")])
    names = city.direct.statement(select(councils.c.name).where(among(councils.c.code, "codes")))
    found = await city.direct.fetch(names, codes=["A", "B", "C"])
    assert sorted(name for (name,) in found) == ["New A", "New C", "Somewhere"]


async def test_parameters_must_be_those_of_the_statement(city: Database) -> None:
    statement = city.direct.statement(select(councils.c.id).where(councils.c.code == bindparam("which")))
    with pytest.raises(TypeError, match="which"):
        await city.direct.fetch(statement)
    with pytest.raises(TypeError, match="other"):
        await city.direct.fetch(statement, which="A", other=1)


async def test_a_column_that_python_would_fill_must_be_given(city: Database) -> None:
    with pytest.raises(DatabaseError, match="made in Python"):
        city.direct.statement(update(access_points).values(name="other"))


async def test_all_is_rolled_back_when_the_block_raises(city: Database) -> None:
    async def fail_half_way() -> None:
        async with city.direct.writing() as transaction:
            await transaction.insert(
                city.direct.bulk_insert(councils, ["code", "name", "created_at"]), [("A", "", MOMENT)]
            )
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await fail_half_way()
    assert await codes(city) == []
    await add_councils(city, "A")
    assert await codes(city) == ["A"]


async def test_a_transaction_that_goes_on_after_an_error_is_not_committed(city: Database) -> None:
    bulk = city.direct.bulk_insert(councils, ["code", "name", "created_at"])

    async def go_on() -> None:
        async with city.direct.writing() as transaction:
            await transaction.insert(bulk, [("A", "", MOMENT)])
            with pytest.raises(RowsRefusedError):
                await transaction.insert(bulk, [("B", "", MOMENT), ("A", "", MOMENT)])

    with pytest.raises(DatabaseUnavailableError, match="nothing of it was committed"):
        await go_on()
    assert await codes(city) == []


@pytest.mark.parametrize(
    "line",
    [
        log_line(method=None),
        log_line(council_id="one"),
        log_line(nas_id=2**70),
        log_line(reason="\udcff"),
        log_line(at=MOMENT.replace(tzinfo=None)),
    ],
    ids=["no value", "another type", "too large", "no text", "a time without a zone"],
)
async def test_rows_that_do_not_fit_are_refused_and_nothing_is_kept(
    city: Database, line: tuple[Any, ...], request: pytest.FixtureRequest
) -> None:
    if city.is_sqlite and request.node.callspec.id.endswith("another type"):
        line = log_line(council_id={})  # SQLite's columns take text for a number
    bulk = city.direct.bulk_insert(authentications, LOG_COLUMNS)
    with pytest.raises(RowsRefusedError) as refused:
        await city.direct.insert(bulk, [log_line(), line])
    assert "\udcff" not in str(refused.value)
    counted = city.direct.statement(select(func.count()).select_from(authentications))
    assert [tuple(row) for row in await city.direct.fetch(counted)] == [(0,)]


async def test_a_refusal_names_the_constraint_but_never_a_value(city: Database) -> None:
    await add_councils(city, "private")
    with pytest.raises(RowsRefusedError, match="code") as refused:
        await add_councils(city, "private")
    assert "private" not in str(refused.value)


async def test_several_write_at_once_and_each_is_committed(city: Database) -> None:
    await asyncio.gather(*[add_councils(city, f"A{number:02}", f"B{number:02}") for number in range(12)])
    assert len(await codes(city)) == 24


async def test_a_lock_keeps_the_next_one_waiting_until_the_transaction_ends(city: Database) -> None:
    entered: list[str] = []

    async def read_then_write(name: str) -> None:
        async with city.direct.writing() as transaction:
            await transaction.lock([2**63 - 1, -(2**63), 5, 5])
            entered.append(f"{name} in")
            await asyncio.sleep(0.02)
            entered.append(f"{name} out")

    await asyncio.gather(read_then_write("first"), read_then_write("second"))
    assert [step.split()[1] for step in entered] == ["in", "out", "in", "out"]


async def test_a_cancelled_transaction_writes_nothing_and_does_not_disturb_the_next(city: Database) -> None:
    reached = asyncio.Event()

    async def write() -> None:
        async with city.direct.writing() as transaction:
            bulk = city.direct.bulk_insert(councils, ["code", "name", "created_at"])
            await transaction.insert(bulk, [("cancelled", "", MOMENT)])
            reached.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_councils(city, "A")
    assert await codes(city) == ["A"]


async def test_cancelled_at_any_moment_the_transaction_is_whole_or_not_there(city: Database) -> None:
    for turns in range(1, 9):
        task = asyncio.create_task(add_councils(city, f"A{turns}", f"B{turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await add_councils(city, f"C{turns}")
        written = {code[0] for code in await codes(city) if code.endswith(str(turns))}
        assert written in ({"C"}, {"A", "B", "C"})


async def test_a_lock_that_somebody_else_holds_for_too_long_is_given_up(impatient: Database) -> None:
    await add_councils(impatient, "A")
    async with impatient.write() as other:
        await other.execute(update(councils).values(name="locked"))
        rename = impatient.direct.statement(update(councils).values(name="mine"))
        with pytest.raises(DatabaseUnavailableError):
            await impatient.direct.fetch(rename)
    await impatient.direct.fetch(rename)


async def test_a_lock_of_another_program_is_waited_for_while_other_tasks_go_on(sqlite_url: str) -> None:
    database = Database(sqlite_url, direct_patience_seconds=5)
    with closing(sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(add_councils(database, "A"))
        await asyncio.sleep(0.05)
        assert not writing.done()
        other.execute("ROLLBACK")
    await writing
    assert await codes(database) == ["A"]
    await database.close()


async def test_a_file_that_cannot_be_written_to_is_unavailable_until_it_can_be(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await add_councils(database, "A")
    await database.direct.fetch(database.direct.statement(text("PRAGMA query_only = ON")))
    with pytest.raises(DatabaseUnavailableError, match="readonly"):
        await add_councils(database, "B")
    await add_councils(database, "C")
    assert await codes(database) == ["A", "C"]
    await database.close()


async def test_a_database_that_is_not_there_is_unavailable(free_port: int, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    for url in (f"postgresql://nobody@127.0.0.1:{free_port}/none", f"sqlite:///{tmp_path / 'file'}"):
        database = Database(url)
        with pytest.raises(DatabaseUnavailableError):
            await database.direct.fetch(database.direct.statement(select(councils.c.id)))
        await database.close()


async def lose_connections(url: str) -> None:
    """As PostgreSQL does when it stops: everybody's connection to the database ends."""
    killer = Database(url, pool_size=1)
    async with killer.write() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await killer.close()


async def test_lost_connections_are_remade_after_at_most_one_error(postgres_url: str) -> None:
    database = Database(postgres_url)
    statement = database.direct.statement(select(func.pg_sleep(0.01)))
    await asyncio.gather(*[database.direct.fetch(statement) for _ in range(4)])
    await lose_connections(postgres_url)
    errors = 0
    for _ in range(6):
        try:
            await database.direct.fetch(statement)
        except DatabaseUnavailableError:
            errors += 1
    assert errors <= 1
    await database.close()


async def test_a_connection_that_is_lost_meanwhile_is_an_unavailable_database(postgres_url: str) -> None:
    database = Database(postgres_url)
    asking = asyncio.create_task(database.direct.fetch(database.direct.statement(select(func.pg_sleep(30)))))

    async def write() -> None:
        async with database.direct.writing() as transaction:
            await transaction.fetch(database.direct.statement(delete(councils)))
            has_written.set()
            await are_lost.wait()

    has_written, are_lost = asyncio.Event(), asyncio.Event()
    writing = asyncio.create_task(write())
    await has_written.wait()
    # Again, because the question may have been on its way still.
    while not asking.done():
        await lose_connections(postgres_url)
        await asyncio.sleep(0.05)
    are_lost.set()
    assert [type(one) for one in await asyncio.gather(asking, writing, return_exceptions=True)] == [
        DatabaseUnavailableError
    ] * 2
    await add_councils(database, "A")
    await database.close()


async def test_a_database_that_hangs_is_given_up_after_a_while_and_used_again_then(postgres_url: str) -> None:
    database = Database(postgres_url, direct_patience_seconds=0.2)
    with pytest.raises(DatabaseUnavailableError, match="in time"):
        await database.direct.fetch(database.direct.statement(select(func.pg_sleep(30))))
    await add_councils(database, "A")
    await database.close()


async def test_no_more_connections_are_made_than_allowed(postgres_url: str) -> None:
    database = Database(postgres_url, direct_connections=2, direct_patience_seconds=0.3)
    counted = database.direct.statement(
        text("SELECT count(*), pg_sleep(0.05) FROM pg_stat_activity WHERE datname = current_database()")
    )
    answers = await asyncio.gather(*[database.direct.fetch(counted) for _ in range(6)])
    assert {rows[0][0] for rows in answers} <= {1, 2}
    hanging = database.direct.statement(select(func.pg_sleep(0.5)))
    outcomes = await asyncio.gather(*[database.direct.fetch(hanging) for _ in range(3)], return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailableError}
    await database.close()


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (500, 512)])
def test_lists_are_padded_to_powers_of_two_with_their_last_value(count: int, expected: int) -> None:
    values = list(range(count))
    assert len(padded(values)) == expected
    assert set(padded(values)) == set(values)
