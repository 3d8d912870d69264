"""Fleets that this project's simulator did not make: told, named, how early, and what was false.

`python -m benchmarks.outside [--json] [--fleet NAME ...] [--outcomes 0,15,60]`. The protocol of the figures is in
`foremend.learning.backtest`, that of outcomes in `benchmarks.outside.outcomes`; docs/outside.md shows what was reached.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.outside import fleets, recorded
from benchmarks.outside.nature import Case
from benchmarks.outside.outcomes import first_outcomes, halves, trained
from benchmarks.outside.watch import Progress, champion, lived_through
from foremend.config import Settings, load_settings
from foremend.learning.backtest import score
from foremend.terminal import emit, people, progress_bar
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.profiles import Profile, load_profiles

COUNTS = (0, 15, 60)
APPLIANCES = 240
_COLUMNS = ("told", "named", "lead_days", "false_per_100", "ill")


def run(names: Sequence[str], counts: Sequence[int], given: argparse.Namespace) -> dict[str, Any]:
    """Every fleet after every number of outcomes; one that is missing is named with the reason."""
    settings, profiles = load_settings(given.config), load_profiles()
    found: dict[str, Any] = {}
    for name in names:
        began = time.process_time()
        with progress_bar() as bar:
            task = bar.add_task(name, total=None)

            def progress(done: int, total: int, what: str = name, bar: Any = bar, task: Any = task) -> None:
                bar.update(task, description=what, completed=done, total=total)

            try:
                some = fleets.cases(name, given.appliances, given.seed, given.data, progress)
            except InputError as error:
                people.print(f"{name} is left out: {error}")
                continue
            found[name] = judged(some, profiles[fleets.appliance_model(name)], settings, counts, progress)
        found[name]["cpu_s"] = round(time.process_time() - began, 1)
    return {"seed": given.seed, "fleets": found}


def judged(
    some: Sequence[Case], profile: Profile, settings: Settings, counts: Sequence[int], progress: Progress
) -> dict[str, Any]:
    """One fleet. With no outcomes the whole fleet is judged, and the judged half of it once more."""
    judging, giving = halves(some)
    figures: dict[str, Any] = {}
    for count in counts:
        if count == 0:
            said = lived_through(some, profile, champion(profile, settings), settings, progress)
            half = score(said, [fleets.truth(case) for case in judging])
            figures["0"] = score(said, [fleets.truth(case) for case in some]) | {"judged_half": half}
            continue
        try:
            figures[str(count)] = _after(judging, giving, count, profile, settings, progress)
        except ConfigError as error:
            figures.setdefault("left_out", {})[str(count)] = str(error)
    return figures


def _after(
    judging: Sequence[Case],
    giving: Sequence[Case],
    count: int,
    profile: Profile,
    settings: Settings,
    progress: Progress,
) -> dict[str, Any]:
    if not profile.faults:
        raise ConfigError(f"{profile.name} names no faults: nothing is learnt from outcomes")
    outcomes = first_outcomes(giving, count)
    with TemporaryDirectory() as folder:
        learnt = trained(giving, outcomes, profile, settings, Path(folder))
    truths = [fleets.truth(case) for case in judging]
    figures = score(lived_through(judging, profile, learnt.fitted, settings, progress), truths)
    if learnt.refused is not None:
        forced = {profile.name: learnt.refused}
        figures["refused"] = score(lived_through(judging, profile, forced, settings, progress), truths)
    return figures | {"became": learnt.became}


def show(result: dict[str, Any]) -> None:
    """For people: a row for each fleet and number of outcomes, then the faults of each."""
    console, sums = Console(), _table("Fleets outside the simulator", "fleet", "outcomes")
    for name, by_count in result["fleets"].items():
        faults = _table(name, "fault", "outcomes")
        for count in (key for key in by_count if key.isdigit()):
            sums.add_row(name, count, *_cells(by_count[count]))
            for fault, row in by_count[count]["faults"].items():
                faults.add_row(fault, count, *_cells(row | {"false_per_100": row["false"]}))
        faults.columns[5].header = "false"
        console.print(faults)
    console.print(sums)


def _table(title: str, *first: str) -> Table:
    table = Table(title=title)
    for name in (*first, *_COLUMNS):
        table.add_column(
            name.replace("_", " "), justify="left" if name in first else "right", no_wrap=name in first
        )
    return table


def _cells(row: dict[str, Any]) -> list[str]:
    return ["" if row.get(name) is None else f"{row[name]:.3g}" for name in _COLUMNS]


def numbers(text: str) -> list[int]:
    """Whole numbers between commas, rising; argparse says so where they are none."""
    return sorted({int(one) for one in text.split(",")})


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outside", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--fleet", action="append", choices=fleets.NAMES, help="only this one; may be repeated"
    )
    parser.add_argument("--outcomes", type=numbers, default=COUNTS, help="how many are confirmed, e.g. 0,15")
    parser.add_argument(
        "--appliances", type=int, default=APPLIANCES, help="of each simulated fleet, half of them ill"
    )
    parser.add_argument("--seed", type=int, default=fleets.SEED, help="of the simulated fleets")
    parser.add_argument(
        "--data", type=Path, default=recorded.DATA, help="the folder that holds fleet-a and fleet-a2"
    )
    parser.add_argument("--config", type=Path, help="rules, and the registry whose champions are judged")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    given = _options().parse_args(arguments)
    result = run(given.fleet or fleets.NAMES, given.outcomes, given)
    emit(result) if given.json else show(result)
    return 0 if result["fleets"] else InputError.exit_code


if __name__ == "__main__":
    sys.exit(main())
