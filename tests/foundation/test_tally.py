"""What is counted in plain numbers arrives in the metric, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from foundation.tally import CounterTally, HistogramTally, SummedHistogram

BOUNDS = (0.1, 0.5, 1.0)


def test_events_are_handed_on_by_their_labels() -> None:
    registry = CollectorRegistry()
    tally = CounterTally(Counter("x", "X.", ["kind"], registry=registry))
    for kind in ("a", "b", "a"):
        tally.add(kind)
    assert registry.get_sample_value("x_total", {"kind": "a"}) is None
    tally.flush()
    tally.flush()
    assert registry.get_sample_value("x_total", {"kind": "a"}) == 2
    assert registry.get_sample_value("x_total", {"kind": "b"}) == 1


@given(st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 1.0, 1.5, 9.0])))
def test_many_observations_are_the_same_as_each_by_itself(values: list[float]) -> None:
    tallied, plain = CollectorRegistry(), CollectorRegistry()
    tally = HistogramTally(SummedHistogram("x", "X.", ["port"], buckets=BOUNDS, registry=tallied), BOUNDS, "one")
    histogram = Histogram("x", "X.", ["port"], buckets=BOUNDS, registry=plain).labels("one")
    for value in values:
        tally.observe(value)
        histogram.observe(value)
    tally.flush()
    tally.flush()
    for name, labels in [("x_sum", {}), ("x_count", {}), *(("x_bucket", {"le": f"{bound}"}) for bound in BOUNDS)]:
        here, there = (each.get_sample_value(name, {"port": "one"} | labels) for each in (tallied, plain))
        assert abs((here or 0) - (there or 0)) < 1e-9
