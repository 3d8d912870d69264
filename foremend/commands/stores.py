"""`foremend doctor`, `backup` and `restore`: the stores of an installation as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show
from foremend.vocabulary.errors import IntegrityError


def doctor(
    accept_loss: Annotated[
        str | None,
        typer.Option(help="Go on without what it lost: journal, database, snapshot, history, key, files."),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read every store through: what is there, what is lost and what to do; code 7 where something is wrong."""
    from foremend.jobs.doctor import accept_loss as accept
    from foremend.jobs.doctor import examine
    from foremend.terminal import progress_bar

    if accept_loss is not None:
        show("Accepted", accept(config, accept_loss), json)
        return
    with progress_bar() as bar:
        task = bar.add_task("read history", total=None)
        found = examine(config, lambda done, total: bar.update(task, completed=done, total=total))
    show("Stores", found | {"problems": found["problems"] if json else len(found["problems"])}, json)
    if found["problems"]:
        raise IntegrityError("; ".join(found["problems"]))


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder for it.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Copy everything but the key and config.yaml, of one moment, also while the pipeline runs."""
    from foremend.jobs.backup import back_up
    from foremend.terminal import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("back up", total=None)
        result = back_up(
            config,
            folder,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    show("Backup", result, json)


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup that `foremend backup` made.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Bring a backup back to where config.yaml says things are; overwrites nothing, and says what to do then."""
    from foremend.jobs.restore import restore as bring_back
    from foremend.terminal import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("restore", total=None)
        result = bring_back(
            config,
            folder,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    show("Restored", result, json)
