"""The benchmarks at sizes of seconds: they run, both sides agree, and they say what they were measured on."""

import sys

import pytest

from tests.bench import __main__ as bench
from tests.bench import growth, machine
from tests.bench.process import in_own_process


@pytest.mark.parametrize(
    ("name", "sizes", "says"),
    [
        ("against_pandas", {"rows": 250_000}, "marts.correlations"),
        ("growth", {"rows": 100_000, "years": 1}, "exponent of cpu"),
        pytest.param("one_more_day", {"symbols": 4, "years": 2, "days": 1}, "landing and raw", marks=pytest.mark.slow),
        ("all_pairs", {"symbols": 5, "sessions": 120, "window": 90, "sample": 3}, "largest difference"),
        ("spent_outputs", {"rows": 5_000, "days": 10}, "daily profit and loss"),
    ],
)
def test_a_benchmark_runs_and_says_what_on(name, sizes, says, monkeypatch, capsys):
    arguments = [word for size, value in sizes.items() for word in (f"--{size}", str(value))]
    monkeypatch.setattr(sys, "argv", ["bench", name, *arguments])
    bench.main()
    printed = capsys.readouterr().out
    assert says in printed
    assert machine.processor() in printed.splitlines()[0]


def test_sizes_of_every_benchmark_can_be_given():
    for name in bench.NAMES:
        assert bench.load(name).SIZES.keys() == bench.load(name).run.__annotations__.keys() - {"return"}


def test_in_proportion_is_an_exponent_of_one():
    assert growth.exponent((10, 100), [3.0, 30.0]) == pytest.approx(1)
    assert growth.exponent((10, 100), [3.0, 300.0]) == pytest.approx(2)


def test_one_more_day_writes_one_row_a_symbol(tmp_path):
    from tests.bench.long_histories import universe

    (tmp_path / "universe.yaml").write_text(universe(4))
    dates = ["2026-03-30", "2026-03-31"]
    written = in_own_process("tests.bench.one_more_day", "daily_runs", folder=str(tmp_path), dates=dates, years=1)[
        "written"
    ]
    assert written[0] > 4 * 240
    assert written[1] == 4
