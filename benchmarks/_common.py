"""What the benchmarks share: reading tables, watching one series, and the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.engine.lane import Step
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Detector
from foremend.vocabulary.profiles import Profile, Signal, Title, Watch
from foremend.vocabulary.types import Block, Finding, FindingKind, Score, Severity
from models.detectors import reading_watch
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

Result = dict[str, Any]
SERIES = "series"
READINGS_RULE = "unlike-itself"
"""The rule of config.yaml that judges the watch over readings."""


def read_table(path: Path, delimiter: str = ",") -> pa.Table:
    """A CSV file with a header, gzipped or not, by its name. Raises InputError where it is not one."""
    try:
        return pacsv.read_csv(path, parse_options=pacsv.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not a CSV file with a header: {error}") from error


def columns_of(table: pa.Table, names: Iterable[str]) -> NDArray[np.float64]:
    """(n, d) float64, NaN where empty."""
    picked = [table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in names]
    return np.stack(picked, axis=1)


def times_of(table: pa.Table, name: str) -> NDArray[np.int64]:
    """(n,) ms since 1970."""
    times: NDArray[np.int64] = table[name].to_numpy().astype("datetime64[ms]").astype(np.int64)
    return times


def files_in(folder: Path, pattern: str) -> list[Path]:
    """Files below `folder` that match, gzipped or not, sorted. Raises InputError where there is none."""
    found = sorted({*folder.rglob(pattern), *folder.rglob(pattern + ".gz")})
    if not found:
        raise InputError(
            f"no file {pattern} or {pattern}.gz below {folder}: give the folder that holds the data"
        )
    return found


@dataclass(frozen=True, slots=True)
class Setup:
    """What watches and what judges: as appliances are, unless a comparison asks for another."""

    watch: Callable[[], Detector] = reading_watch
    rules: RulesSettings = field(default_factory=lambda: load_settings().rules)

    @property
    def alarm(self) -> float:
        """The score above which the rule on readings opens an episode."""
        return next(rule.opens_at for rule in self.rules.book if rule.name == READINGS_RULE)


@dataclass(frozen=True, slots=True)
class Watched:
    """What the engine made of one series."""

    score: NDArray[np.float64]  # (n,) what the watch said of each row, 0..1
    raised: NDArray[np.bool_]  # (n,) rows at which an episode was opened or became more urgent


def watch_series(
    names: Sequence[str],
    time: NDArray[np.int64],
    rows: NDArray[np.float64],
    setup: Setup | None = None,
) -> Watched:
    """One series as the readings of an appliance that nobody knows, through the engine and the rules of config.yaml.

    A row further back in time than the lateness of config.yaml is late, as anywhere: not judged, and no alarm.
    """
    setup, settings = setup or Setup(), load_settings()
    number, scored_at, value = [], [], np.zeros(len(rows))

    def hear(step: Step, score: Score) -> None:
        judged = step.released.seq[np.isfinite(step.released.values).any(axis=1)]
        value[judged] = score.value
        number.append(judged)
        scored_at.append(score.time)

    engine = Engine(
        {SERIES: _profile(names)},
        RuleBook(setup.rules),
        lateness_ms=settings.ingest.lateness,
        on_score=hear,
        watches={"readings": setup.watch},
    )
    findings = [*engine.process(_block(names, time, rows)), *engine.flush()]
    at = np.searchsorted(np.concatenate(scored_at), _raising_times(findings))
    raised = np.zeros(len(rows), np.bool_)
    raised[np.concatenate(number)[at]] = True
    return Watched(value, raised)


def _block(names: Sequence[str], time: NDArray[np.int64], rows: NDArray[np.float64]) -> Block:
    appliance, seq = np.zeros(len(rows), np.int32), np.arange(len(rows))
    return Block(SERIES, ("one",), appliance, time, seq, dict(zip(names, rows.T, strict=True)))


def _profile(names: Sequence[str]) -> Profile:
    """An appliance model that measures `names` and is watched by its readings."""
    signals = {name: Signal(unit="1", min=-np.inf, max=np.inf) for name in names}
    title = Title(en=SERIES, zh=SERIES)
    return Profile(
        name=SERIES, category="generic", title=title, signals=signals, watch=Watch(rows="readings")
    )


def _raising_times(findings: Sequence[Finding]) -> list[int]:
    """When an episode was opened, or an open one became more urgent, ms UTC."""
    times: list[int] = []
    severity: Severity | None = None
    for finding in findings:
        opened = finding.kind is FindingKind.OPENED
        if opened or (finding.kind is FindingKind.UPDATED and finding.severity is not severity):
            times.append(finding.time)
        severity = finding.severity
    return times


def main(
    run: Callable[[Path], Result],
    describe: Callable[[Result], str],
    arguments: Sequence[str] | None = None,
    *,
    needs_path: bool = True,
) -> int:
    """The command line of a benchmark: PATH, and --json for one JSON object instead of a sentence."""
    parser = argparse.ArgumentParser(description=run.__doc__)
    nargs = None if needs_path else "?"
    parser.add_argument(
        "path", type=Path, nargs=nargs, default=Path(), help="the folder that holds the data set"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    try:
        result = run(given.path)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write((json.dumps(result) if given.json else describe(result)) + "\n")
    return 0


def rounded(values: Mapping[str, float | int]) -> Result:
    """Fractions to four places."""
    return {name: round(value, 4) for name, value in values.items()}


def by_seeds(doc: str | None, usual: int, summary: Callable[[range], Result]) -> None:
    """The command line of a benchmark that makes a fleet of each seed, and prints the `summary` of some as JSON."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=usual, help="how many fleets")
    parser.add_argument(
        "--first", type=int, default=1000, help="the first seed; below 1000 they are for development"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = summary(range(given.first, given.first + given.seeds))
    sys.stdout.write(json.dumps(found, indent=None if given.json else 1) + "\n")
