"""This tree against another revision of it: both built alike, and measured in turns by one suite.

Single runs on one machine differ by a third. Of pairs of runs, one right after the other, the ratio
of each figure is taken; the interval of the median ratio tells a change from noise.
"""

import json
import math
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from measure import Programs, environment, measure

# A figure is worse when the whole interval is below this: so many times as good as it was.
WORSE = 0.97

CONFIDENCE = 0.95

# One run. What a checkpoint adds to the WAL depends on when it comes: it is left out.
SUITE = ("latency", "throughput", "--rounds=1", "--samples=200", "--seconds=4")
SETTINGS = {"full_page_writes": "off"}

_LATENCY = ("linear, Rust", "linear, Python", "diamond, Python", "fan, Python")
_LOAD = (
    "steps",
    "CPU per 1,000 steps, engine",
    "CPU per 1,000 steps, worker",
    "CPU per 1,000 steps, PostgreSQL",
    "WAL per step",
    "resident memory, engine",
    "resident memory, worker",
)
FIGURES = (
    *(("latency", f"{workflow}, p50") for workflow in _LATENCY),
    *(
        ("throughput", f"{language}, {figure}")
        for language in ("Rust", "Python")
        for figure in _LOAD
    ),
)


@dataclass(frozen=True)
class Measured:
    """One figure of one run."""

    value: float
    unit: str
    higher_is_better: bool


Run: TypeAlias = dict[tuple[str, str], Measured]


@dataclass(frozen=True)
class Comparison:
    """What is known of one figure: how many times as good as before it is."""

    name: str
    unit: str
    before: float
    now: float
    ratio: float
    least: float
    most: float

    @property
    def worse(self) -> bool:
        """Whether even the best that can be believed is worse than what is let pass."""
        return self.most < WORSE


def compare(revision: str, pairs: int) -> int:
    """Measures both in turns and prints a table. 1 when a figure is worse, else 0."""
    workspace = Path(os.environ["BUILD_WORKSPACE_DIRECTORY"])
    other = _checkout(workspace, revision)
    before, now = _build(other), _build(workspace)
    runs: list[tuple[Run, Run]] = []
    for number in range(pairs):
        print(f"pair {number + 1} of {pairs}", flush=True)
        # Whatever the first of a pair has of its place, each has as often.
        if number % 2:
            after = _run(now)
            runs.append((_run(before), after))
        else:
            first = _run(before)
            runs.append((first, _run(now)))
    comparisons = compared(runs)
    print(table(revision, comparisons), end="")
    worse = [comparison.name for comparison in comparisons if comparison.worse]
    if worse:
        print(f"\nworse than {WORSE} of {revision}: {'; '.join(worse)}")
    return 1 if worse else 0


def compared(runs: Sequence[tuple[Run, Run]]) -> list[Comparison]:
    """Every figure of these pairs, each of a run before and one now."""
    return [_compared(key, [(before[key], now[key]) for before, now in runs]) for key in FIGURES]


def _compared(key: tuple[str, str], pairs: Sequence[tuple[Measured, Measured]]) -> Comparison:
    ratios = [
        now.value / before.value if now.higher_is_better else before.value / now.value
        for before, now in pairs
    ]
    least, most = interval_of_median(ratios)
    return Comparison(
        name=", ".join(key),
        unit=pairs[0][1].unit,
        before=statistics.median(before.value for before, _ in pairs),
        now=statistics.median(now.value for _, now in pairs),
        ratio=statistics.median(ratios),
        least=least,
        most=most,
    )


def interval_of_median(values: Iterable[float]) -> tuple[float, float]:
    """The interval that has the median with 95 % confidence, whatever the distribution.

    Its ends are two of the values: the median lies below the k-th of n values with the probability
    of fewer than k heads in n throws of a coin (https://en.wikipedia.org/wiki/Sign_test).
    ValueError for fewer than six values, which have no such interval.
    """
    ordered = sorted(values)
    count = len(ordered)
    outside, rank = 0.0, 0
    while (more := outside + 2 * math.comb(count, rank) / 2**count) <= 1 - CONFIDENCE:
        outside, rank = more, rank + 1
    if not rank:
        raise ValueError(f"{count} values have no interval of {CONFIDENCE:.0%}")
    return ordered[rank - 1], ordered[count - rank]


def table(revision: str, comparisons: Iterable[Comparison]) -> str:
    """A Markdown table, a row a figure."""
    rows = [
        f"| figure | {revision} | now | times as good | 95 % interval | |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {row.name} | {row.before:.4g} {row.unit} | {row.now:.4g} {row.unit} | {row.ratio:.3f} "
        f"| {row.least:.3f} to {row.most:.3f} | {'worse' if row.worse else ''} |"
        for row in comparisons
    ]
    return "\n".join(rows) + "\n"


def _run(programs: Programs) -> Run:
    with tempfile.TemporaryDirectory(prefix="tasker-compare-") as folder:
        file = Path(folder, "figures.json")
        code = measure(programs, [*SUITE, f"--json={file}"], SETTINGS)
        if code:
            raise SystemExit(code)
        scenarios = json.loads(file.read_text())
    figures = {
        (scenario, figure["what"]): Measured(
            figure["value"], figure["unit"], figure["better"] == "higher"
        )
        for scenario, figures in scenarios.items()
        for figure in figures
    }
    return {key: figures[key] for key in FIGURES}


def _checkout(workspace: Path, revision: str) -> Path:
    """The files of a revision, in a folder that is always the same: Bazel finds its work again."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "tasker" / "compare"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder / "revision.tar"
    subprocess.run(
        ["git", "archive", f"--output={archive}", f"{revision}^{{commit}}"],
        cwd=workspace,
        check=True,
    )
    subprocess.run(["tar", "--extract", f"--file={archive}"], cwd=folder, check=True)
    archive.unlink()
    return folder


def _build(workspace: Path) -> Programs:
    """Builds what is measured as //bench does."""
    bazel = [workspace / "tools/bazel"]
    optimised = ["--compilation_mode=opt", "--symlink_prefix=/"]
    targets = ["//bench:rust_worker", "//crates/server", "//tasker_py:worker"]
    environ = environment()
    subprocess.run([*bazel, "build", *optimised, *targets], cwd=workspace, env=environ, check=True)
    built = subprocess.run(
        [*bazel, "info", *optimised, "bazel-bin"],
        cwd=workspace,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    # It would tidy its caches while something is measured.
    subprocess.run([*bazel, "shutdown"], cwd=workspace, env=environ, check=True)
    return Programs.below(Path(built.stdout.strip()))
