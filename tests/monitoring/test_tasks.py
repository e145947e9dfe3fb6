from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from foundation.database import Database
from foundation.settings import Settings
from monitoring import metrics
from monitoring.tasks import Task, run_forever, run_once, tasks_of
from tests.monitoring.city import NOW, City


def runs(task: str, result: str) -> float:
    name = "citywifi_monitoring_task_runs_total"
    return REGISTRY.get_sample_value(name, {"task": task, "result": result}) or 0.0


async def test_a_task_that_fails_is_counted_and_runs_again() -> None:
    attempts: list[int] = []
    enough = asyncio.Event()

    async def fail_once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("the database went away")
        if len(attempts) == 3:
            enough.set()

    working = asyncio.create_task(run_forever([Task("flaky", 0.01, fail_once)]))
    async with asyncio.timeout(5):
        await enough.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert runs("flaky", "failed") == 1
    assert runs("flaky", "done") >= 1


async def test_with_the_database_away_every_task_fails_gently(free_port: int) -> None:
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port}/none")
    assert [await run_once(task) for task in tasks_of(Settings(), away)] == [False, False, False, False]
    await away.close()


async def test_with_the_database_there_every_task_does_its_work(city: City) -> None:
    await city.add_session(NOW)
    tasks = tasks_of(Settings(), city.database)
    assert [task.name for task in tasks] == ["usage", "months", "retention", "gauges"]
    assert [await run_once(task) for task in tasks] == [True, True, True, True]
    labels = {"council": "E08000026", "venue": "Foleshill library"}
    points = {**labels, "condition": "never_heard"}
    assert REGISTRY.get_sample_value("citywifi_monitoring_access_points", points) == 1
    assert REGISTRY.get_sample_value("citywifi_monitoring_open_sessions", labels) == 0
    assert (REGISTRY.get_sample_value("citywifi_monitoring_usage_lag_seconds") or 0) < 60
    assert (REGISTRY.get_sample_value("citywifi_monitoring_oldest_record_age_seconds", {"rule": "sessions"}) or 0) > 0


async def test_gauges_of_a_venue_follow_what_happens_there(city: City) -> None:
    session = {"council": "E08000026", "venue": "Earlsdon library"}
    await city.add_session(NOW, venue=1, is_open=True)
    await metrics.refresh(city.database, NOW, silent_after=timedelta(minutes=30), texts_per_month=1000)
    assert REGISTRY.get_sample_value("citywifi_monitoring_open_sessions", session) == 1
