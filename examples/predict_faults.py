"""Learn to predict faults from history and confirmed outcomes, in five steps.

    python examples/predict_faults.py                      # about two minutes
    python examples/predict_faults.py --appliances 40      # quicker, and worse

The history is simulated here. With your own, leave step 1 out and name your folder in step 2: it holds Parquet files
as the pipeline writes them (var/history), and a CSV of what technicians confirmed with the columns appliance_id,
fault, confirmed_at and repaired_at. On the command line the same is
`foremend train --appliance-model rf-260 --history DIR --outcomes FILE`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from foremend.engine.lane import deviations
from foremend.learning.outcomes import read_outcomes
from foremend.learning.past import from_history, stored_in
from foremend.learning.training_sets import Split, by_appliance
from foremend.vocabulary.errors import ConfigError, ForemendError
from foremend.vocabulary.profiles import load_profiles
from models import FaultPredictor, gate_metrics, window_watch
from models.settings import ModelsSettings
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import write_history
from simulators.fleet.scenario import plain_fleet

MODEL = "rf-260"
DAY_MS = 86_400_000
say = Console().print


def main(appliances: int, days: int, seed: int, folder: Path) -> dict[str, Any]:
    """Everything from an empty `folder` to a judged predictor; returns what it prints at the end.

    Raises ConfigError where the history is too little to learn from, or to judge by.
    """
    say(f"[bold]1. History[/]: {appliances} refrigerators, {days} days, most of them fall ill")
    written = write_history(Fleet(plain_fleet({MODEL: appliances}, days, fault_rate=0.8), seed), folder)
    say(f"   {written.readings:,} readings in {folder / 'history'}, {written.faults} faults in truth.json")

    say("[bold]2. Rows[/]: one for each appliance and day, learnt from and judged by kept apart")
    profile = load_profiles()[MODEL]
    outcomes = read_outcomes(folder / "truth.json")
    rows = by_appliance(from_history(profile, stored_in(folder), outcomes, ModelsSettings()).rows)
    require_enough(rows)
    learn, judge = rows.learn, rows.judge
    say(
        f"   learn from {len(learn.features)} rows of {learn.appliances} appliances, {len(learn.names)} features"
    )
    say(f"   judge by {len(judge.features)} rows of {judge.appliances} others")

    say("[bold]3. Learn[/]: a predictor that names faults, a detector that says 'not normal'")
    predictor = FaultPredictor(profile.faults, seed=seed)
    predictor.learn(deviations(profile), learn.features, learn.days_to_failure, learn.appliance)
    detector = window_watch(seed)
    detector.learn(learn.names, learn.features[learn.healthy])

    say("[bold]4. Score[/]: the row that the predictor is surest about")
    when = np.zeros(len(judge.appliance), np.int64)  # event time; used for no more than labelling the answer
    prediction = predictor.score(judge.appliance, when, judge.features)
    row, fault = np.unravel_index(np.argmax(prediction.probability), prediction.probability.shape)
    columns = predictor.drivers(judge.features[row], int(fault))
    ahead = judge.days_to_failure[row, fault]
    say(f"   {profile.faults[fault]} with probability {prediction.probability[row, fault]:.2f}")
    say(f"   in {prediction.days_low[row, fault]:.0f} to {prediction.days_high[row, fault]:.0f} days")
    say(f"   because of {', '.join(judge.names[column] for column in columns)}")
    say(f"   in truth: {f'{ahead:.0f} days' if np.isfinite(ahead) else 'it was well'}")

    say("[bold]5. Judge[/]: by appliances that neither has seen")
    score = detector.score(judge.appliance, when, judge.features).value
    result: dict[str, Any] = {
        **gate_metrics(prediction.probability, judge.days_to_failure, predictor.horizon_days),
        "share_of_ill_rows_not_normal": float((score[~judge.healthy] > 0.99).mean()),
        "share_of_healthy_rows_not_normal": float((score[judge.healthy] > 0.99).mean()),
    }
    for name, value in result.items():
        say(f"   {name.replace('_', ' ')}: {value:.3f}")
    return result


def require_enough(rows: Split) -> None:
    """Raises ConfigError unless both parts have ill and healthy rows: without, there is nothing to learn or measure."""
    for what, part in (("learn from", rows.learn), ("judge by", rows.judge)):
        for state, found in (("ill", ~part.healthy), ("healthy", part.healthy)):
            if not found.any():
                raise ConfigError(
                    f"no {state} row to {what}, of {part.appliances} appliances: take more appliances or days"
                )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--appliances", type=int, default=120)
    arguments.add_argument("--days", type=int, default=120)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        try:
            main(chosen.appliances, chosen.days, chosen.seed, Path(place) / "fleet")
        except ForemendError as error:
            sys.exit(f"predict_faults: {error}")
