"""`foremend train` and `foremend evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foremend.commands.common import Config, Json, lifecycle, show


def train(
    appliance_model: Annotated[str, typer.Option(help="Which appliance model.")],
    history: Annotated[
        str | None, typer.Option(help="Folder of Parquet, or 'influx'; without it, history is simulated.")
    ] = None,
    outcomes: Annotated[
        str | None,
        typer.Option(help="What technicians confirmed: 'tickets', a CSV, or a simulation's truth.json."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Train detectors and the fault predictor: the first version is the champion, later ones are challengers."""
    from foremend.terminal import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("train", total=None)
        result = lifecycle(config).train(
            appliance_model,
            seed,
            history,
            outcomes,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None),
        )
    show("Trained", result, json)


def evaluate(
    appliance_model: Annotated[str, typer.Option(help="Which appliance model.")],
    history: Annotated[Path, typer.Option(help="Folder of Parquet history that it did not learn from.")],
    outcomes: Annotated[
        Path, typer.Option(help="A simulation's truth.json, or a CSV of confirmed outcomes.")
    ],
    version: Annotated[str | None, typer.Option(help="None: the challenger, else the champion.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write report.html and report.json into it.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Judge a trained version, and the champion on the same data: recall, lead time, false alarms, cost."""
    from foremend.jobs.evaluate import evaluate, in_short
    from foremend.terminal import progress_bar, say

    with progress_bar() as bar:
        task = bar.add_task("read days", total=None)
        report = evaluate(
            appliance_model,
            version,
            history,
            outcomes,
            out,
            config,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    show("Evaluation", report if json else in_short(report), json)
    if report["not_kept"]:
        say(f"The console will not show what it costs to be wrong: {report['not_kept']}")
