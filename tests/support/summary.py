"""The last lines of a test run: what ran against which real peers, and what was missing."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    took_part: dict[str, Counter[str]] = {"peer": Counter(), "missing peer": Counter(), "data": Counter()}
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for kind, name in set(getattr(report, "user_properties", [])):
                if kind in took_part and (report.when == "call" or outcome == "skipped"):
                    took_part[kind][name] += 1
    terminalreporter.section("real peers and data")
    for name, tests in sorted(took_part["peer"].items()):
        terminalreporter.write_line(f"with {name}: {_tests(tests)}")
    for name, tests in sorted(took_part["data"].items()):
        terminalreporter.write_line(f"with {name}: {_tests(tests)}")
    for name, tests in sorted(took_part["missing peer"].items()):
        terminalreporter.write_line(f"NOT RUN, missing {name}: {_tests(tests)}", red=True)
    if not took_part["missing peer"]:
        terminalreporter.write_line("no test was left out for want of a peer")


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"
