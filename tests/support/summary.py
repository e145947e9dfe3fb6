"""The last lines of a test run: what ran against which real peers, and what was missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

_KEPT = "citywifi/took_part"
_KINDS = ("peer", "data", "missing peer")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--after-the-others",
        action="store_true",
        help="the second part of `make test`: its last lines count the first part's tests, too",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # one of several processes; what they saw comes together in the first
        return
    # There is none with `-p no:cacheprovider`.
    cache = getattr(config, "cache", None)
    kept = cache.get(_KEPT, {}) if cache and config.getoption("--after-the-others") else {}
    took_part = {kind: Counter(kept.get(kind, {})) for kind in _KINDS}
    passed = len(terminalreporter.stats.get("passed", [])) + kept.get("passed", 0)
    for kind, name in _noted(terminalreporter):
        if kind in took_part:
            took_part[kind][name] += 1
    if cache:
        cache.set(_KEPT, {**took_part, "passed": passed})
    terminalreporter.section("real peers and data")
    for kind in ("peer", "data"):
        for name, tests in sorted(took_part[kind].items()):
            terminalreporter.write_line(f"with {name}: {_tests(tests)}")
    for name, tests in sorted(took_part["missing peer"].items()):
        terminalreporter.write_line(f"NOT RUN, missing {name}: {_tests(tests)}", red=True)
    if not took_part["missing peer"]:
        terminalreporter.write_line("no test was left out for want of a peer")
    if kept:
        terminalreporter.write_line(f"in both parts together {_tests(passed)} passed")


def _noted(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, str]]:
    """What each test noted, once."""
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            if report.when == "call" or outcome == "skipped":
                yield from set(report.user_properties)


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"
