from __future__ import annotations

import inspect
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client.registry import REGISTRY

from captive_portal import metrics as portal_metrics
from foundation import telemetry
from foundation.database import Database
from foundation.direct import MOST_CONNECTIONS
from foundation.settings import load_settings
from monitoring import metrics as monitoring_metrics
from radius import directory_cache
from radius.storage import metrics as storage_metrics
from radius.workers import Role, workers_of
from tests.support.peers import Peers

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"


def test_the_example_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_SETTINGS_FILE", str(DEPLOY / "citywifi.example.toml"))
    settings = load_settings()
    assert settings.portal.public_url == "https://wifi.example.gov.uk"
    assert settings.data_directory == Path("/var/lib/citywifi")


def test_prometheus_scrapes_where_the_metrics_are() -> None:
    monitoring = load_settings().monitoring
    assert f"{monitoring.metrics_host}:{monitoring.metrics_port}" in (DEPLOY / "prometheus.yml").read_text()


@pytest.mark.peer("promtool")
def test_prometheus_understands_the_alarms(peers: Peers) -> None:
    command: list[str | Path] = [peers.require("promtool"), "check", "config", DEPLOY / "prometheus.yml"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rules found" in result.stdout


@pytest.mark.peer("promtool")
def test_the_alarms_go_off_when_the_database_is_away_and_the_journal_fills(peers: Peers) -> None:
    rules = Path(__file__).with_name("prometheus_rules_test.yml")
    command: list[str | Path] = [peers.require("promtool"), "test", "rules", rules]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_alarms_are_about_metrics_that_there_are() -> None:
    # They are there once their modules are.
    assert {
        portal_metrics.essential_sites_unreachable,
        monitoring_metrics.texts_sent,
        storage_metrics.storage_away,
        directory_cache.stale_answers,
        telemetry.start_time_seconds,
    }
    named = re.findall(r"citywifi_\w+", "".join(re.findall(r"expr: .*", (DEPLOY / "prometheus_rules.yml").read_text())))
    there_are = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    there_are |= {name for metric in REGISTRY.collect() for name in (metric.name, f"{metric.name}_total")}
    assert named
    assert set(named) <= there_are


def test_two_hosts_with_the_example_settings_stay_within_the_connections_that_the_page_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CITYWIFI_SETTINGS_FILE", str(DEPLOY / "two_hosts.example.toml"))
    settings = load_settings()
    assert not settings.is_on_sqlite
    pool = inspect.signature(Database).parameters["pool_size"].default
    listening = (Role.AUTHENTICATION, Role.RADSEC)
    portal, monitoring = pool + MOST_CONNECTIONS, pool
    workers = sum(pool + MOST_CONNECTIONS + (worker.role in listening) for worker in workers_of(settings))
    host = portal + monitoring + workers
    page = (DEPLOY.parent / "docs" / "postgresql.md").read_text()
    assert f"RadSec make {host}." in page
    commands, backup, superuser = 4 * pool, 1, 3
    needed = 2 * host + commands + backup + superuser
    assert f"superuser make {needed}:" in page
    assert "`max_connections = 210`" in page
    assert needed <= 210
