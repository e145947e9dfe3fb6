"""Where the RADIUS service's time goes under load: ``python -m bench.profile pap`` (or chap, mac, acct, ttls, peap).

Only benchmarks profile: an environment variable and a folder in PYTHONPATH, and the product knows nothing of it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from bench.eap import Crowd
from bench.generator import Work, load
from bench.laboratory import Laboratory, System, Variant, laboratory

_SAMPLER = Path(__file__).parent / "profiling"
_REPOSITORY = Path(__file__).parent.parent
_SHOWN = 30
_RESIDENTS = 10_000
_EAP = ("ttls", "peap")
_EAP_DEVICES = 4
_TITLES = {"functions": "in the function itself", "within": "in it and what it calls", "lines": "at the line"}


def main(arguments: list[str]) -> int:
    """Load one kind of request for some seconds and print three lists, each in percent of the samples."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("kind", choices=("pap", "chap", "mac", "acct", *_EAP))
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--cache-entries", type=int, default=0)
    parser.add_argument("--log-nothing", action="store_true", help="radius.log_accepted = false")
    parser.add_argument("--outstanding", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=12)
    chosen = parser.parse_args(arguments)
    with laboratory() as lab:
        folder = lab.folder / "profile"
        folder.mkdir()
        path = os.pathsep.join(filter(None, (str(_SAMPLER), os.environ.get("PYTHONPATH", ""))))
        # With the last one the service need not exec itself, which the sampler's timer does not survive.
        environment = {
            "CITYWIFI_BENCH_PROFILE": str(folder),
            "PYTHONPATH": path,
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
        }
        variant = Variant(
            _RESIDENTS,
            chosen.database,
            cache_entries=chosen.cache_entries,
            log_accepted=not chosen.log_nothing,
            is_compiled=False,  # only of Python's functions can be told where they spend their time
            environment=environment,
        )
        with lab.ours(variant) as system:
            rate = _rate(lab, system, chosen.kind, chosen.outstanding, chosen.seconds)
        print(f"{chosen.kind}: {rate:,.0f} a second while it was sampled")
        # The process that worked is the one with the most samples.
        files = [json.loads(file.read_text()) for file in folder.glob("*.json")]
        _print(max(files, key=lambda one: sum(one["functions"].values())))
    return 0


def _rate(lab: Laboratory, system: System, kind: str, outstanding: int, seconds: float) -> float:
    if kind in _EAP:
        population = lab.population(_RESIDENTS)
        people = [(population.user_name(number), population.password(number)) for number in range(_EAP_DEVICES)]
        crowd = Crowd(system.target, "1.2", kind, people, is_full=True)
        with crowd.logging_in():
            time.sleep(seconds)
        crowd.close()
        return crowd.rate
    file = lab.devices(_RESIDENTS) if kind == "mac" else lab.users(_RESIDENTS)
    return load(lab.generator, system.target, Work(kind, file, outstanding), seconds).a_second


def _print(found: dict[str, dict[str, int]]) -> None:
    samples = sum(found["functions"].values())
    for key, title in _TITLES.items():
        print(f"\n{samples} samples of processor time; percent {title}")
        for name, count in Counter(found[key]).most_common(_SHOWN):
            print(f"{count / samples:6.1%}  {_shortened(name)}")


def _shortened(name: str) -> str:
    for start in (f"{_REPOSITORY}/", f"{sys.prefix}/lib/python3.11/site-packages/", f"{sys.base_prefix}/lib/"):
        name = name.replace(start, "")
    return name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
