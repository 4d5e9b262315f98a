"""What a comparison says of pairs of runs."""

import pytest
from compare import FIGURES, Measured, Run, compared, interval_of_median, table


def run(value: float, **others: float) -> Run:
    """A run in which each figure is `value`, but for those that are named, as `Rust_steps`."""
    figures = {}
    for key in FIGURES:
        named = [other for name, other in others.items() if key[1] == name.replace("_", ", ")]
        higher = key[1].endswith(", steps")
        figures[key] = Measured(named[0] if named else value, "unit", higher)
    return figures


def test_the_interval_leaves_out_as_many_values_as_95_percent_allow() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0, 10.0, 9.0, 8.0, 7.0, 6.0]
    # Fewer than two heads in ten throws, or more than eight: 2.1 %; fewer than three: 10.9 %.
    assert interval_of_median(values) == (2.0, 9.0)
    assert interval_of_median(range(6)) == (0, 5)
    with pytest.raises(ValueError, match="5 values"):
        interval_of_median(range(5))


def test_a_ratio_says_how_many_times_as_good_whichever_way_is_better() -> None:
    rows = compared([(run(2.0), run(1.0))] * 6)
    by_name = {row.name: row for row in rows}
    assert by_name["throughput, Rust, steps"].ratio == 0.5
    assert by_name["latency, linear, Rust, p50"].ratio == 2.0
    assert (
        by_name["latency, linear, Rust, p50"].before,
        by_name["latency, linear, Rust, p50"].now,
    ) == (2.0, 1.0)


def test_only_a_whole_interval_below_the_limit_is_worse() -> None:
    noisy = [(run(1.0), run(1.0, Rust_steps=value)) for value in (0.9, 0.9, 0.9, 0.9, 0.9, 0.98)]
    assert [row.name for row in compared(noisy) if row.worse] == []
    clear = [(run(1.0), run(1.0, Rust_steps=value)) for value in (0.9, 0.9, 0.9, 0.9, 0.9, 0.96)]
    rows = compared(clear)
    assert [row.name for row in rows if row.worse] == ["throughput, Rust, steps"]
    assert (
        "| throughput, Rust, steps | 1 unit | 0.9 unit | 0.900 | 0.900 to 0.960 | worse |"
        in table("abc", rows)
    )
