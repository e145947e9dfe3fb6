from __future__ import annotations

import pytest
from pydantic import SecretStr

from foundation.settings import RadiusSettings, RadSecSettings, Settings, SettingsError
from radius.service import Port
from radius.workers import ALONE, Role, Worker, worker_named, workers_of

POSTGRESQL = SecretStr("postgresql://citywifi@localhost/citywifi")


def on_postgresql(authentication: int, accounting: int, *, radsec: bool = False) -> Settings:
    radius = RadiusSettings(authentication_workers=authentication, accounting_workers=accounting)
    return Settings(database_url=POSTGRESQL, radius=radius, radsec=RadSecSettings(enabled=radsec))


def test_authentication_and_accounting_are_processes_of_their_own() -> None:
    assert [worker.name for worker in workers_of(Settings())] == ["radius-authentication-1", "radius-accounting-1"]


def test_there_are_as_many_as_the_settings_ask_for_and_one_for_radsec() -> None:
    assert [worker.name for worker in workers_of(on_postgresql(2, 3, radsec=True))] == [
        "radius-authentication-1",
        "radius-authentication-2",
        "radius-accounting-1",
        "radius-accounting-2",
        "radius-accounting-3",
        "radius-radsec-1",
    ]


@pytest.mark.parametrize("setting", ["authentication_workers", "accounting_workers"])
def test_on_sqlite_more_than_one_is_refused(setting: str) -> None:
    settings = Settings(radius=RadiusSettings.model_validate({setting: 2}))
    with pytest.raises(SettingsError, match=rf"radius\.{setting} is 2, but only one process .* use PostgreSQL"):
        workers_of(settings)


def test_jobs_that_are_needed_once_run_in_one_process() -> None:
    for settings in (on_postgresql(2, 3, radsec=True), Settings()):
        assert [worker.name for worker in workers_of(settings) if worker.runs_jobs] == ["radius-accounting-1"]
    assert ALONE.runs_jobs


def test_radsec_takes_both_kinds_of_requests_and_no_udp_port() -> None:
    radsec = Worker(Role.RADSEC)
    assert radsec.serves == tuple(Port)
    assert radsec.ports == ()
    assert radsec.takes_radsec


def test_who_is_the_only_one_lets_nobody_share_its_port() -> None:
    assert not ALONE.shares_ports
    assert [worker.shares_ports for worker in workers_of(on_postgresql(1, 2))] == [False, True, True]


def test_a_name_that_no_worker_has_is_refused_with_those_that_there_are() -> None:
    assert worker_named("radius-accounting-1", Settings()) == Worker(Role.ACCOUNTING)
    with pytest.raises(SettingsError, match="radius-authentication-1, radius-accounting-1"):
        worker_named("radius-accounting-2", Settings())
