"""`foremend discover`: from a stranger's broker to a config that watches what is on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from foremend.commands.common import Config, Json
from foremend.terminal import emit, people, progress_bar
from foremend.vocabulary.errors import ConfigError, RefusedError

if TYPE_CHECKING:
    from ingest.discovery.listen import Progress
    from ingest.discovery.report import Discovery

_PASSWORD_ENV = "FOREMEND_MQTT_PASSWORD"


def discover(
    url: Annotated[
        str | None, typer.Argument(help="mqtt://host:1883 or mqtts://host:8883; none: the config's broker.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3_600, help="How long to listen.")] = 60,
    user: Annotated[str | None, typer.Option(help="Of the broker.")] = None,
    password_env: Annotated[
        str | None,
        typer.Option(help=f"Variable with the password; with --user: {_PASSWORD_ENV}, else asked for."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Propose this device only, by its name; repeat for several.")
    ] = None,
    appliance_model: Annotated[
        str, typer.Option(help="What hangs behind the devices.")
    ] = "generic-compressor",
    write: Annotated[
        bool, typer.Option("--write", help="Put it into the config, and keep what is there.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Listen to a broker for a minute: which devices speak there, and the config that has them watched.

    Publishes nothing. Without --write it changes nothing.
    """
    from foremend.jobs.discover import Search
    from foremend.jobs.discover import discover as listened
    from foremend.jobs.discover import write as put

    search = Search(url, user, _password(user, password_env), seconds, appliance_model, only or ())
    file = config or Path("config.yaml")
    with _progress(seconds, url or "the config's broker") as progress:
        try:
            broker, found = listened(search, _existing(config, write), progress)
        except RefusedError as error:
            raise RefusedError(f"{error}; here: --user NAME" if user is None else str(error)) from error
    problems = put(file, broker, found) if write and found.entries else []
    if json:
        wrote = str(file) if write and found.entries else None
        emit({"broker": broker.url, **found.as_dict(), "written": wrote, "problems": problems})
    else:
        _tell(found, broker.url, file, write, config)
    if problems:
        raise ConfigError("\n".join(problems))


def _existing(config: Path | None, write: bool) -> Path | None:
    """The file to look at; one that is still to be written says nothing."""
    return None if config is not None and write and not config.exists() else config


def _password(user: str | None, password_env: str | None) -> str | None:
    """The variable that holds it, filled by asking where a terminal is there."""
    name = password_env or (_PASSWORD_ENV if user else None)
    if user and name and name not in os.environ and people.is_interactive:
        os.environ[name] = typer.prompt(f"Password of {user}", hide_input=True, err=True)
    return name


@contextmanager
def _progress(seconds: float, where: str) -> Iterator[Progress]:
    people.print(f"listening to {where} for {seconds:g} s", markup=False, highlight=False)
    with progress_bar() as bar:
        task = bar.add_task("listen", total=round(seconds))
        yield lambda passed, heard: bar.update(
            task,
            completed=round(passed),
            description=f"{heard.messages} messages on {len(heard.topics)} topics, s",
        )


def _tell(found: Discovery, broker: str, file: Path, write: bool, config: Path | None) -> None:
    from rich.console import Console

    from foremend.commands.discover_tables import tables
    from foremend.jobs.config_file import as_yaml

    console = Console()
    for table in tables(found):
        console.print(table)
    _say(f"{found.messages} messages came; {_nothing(found)}" if not found.devices else "")
    if found.left_out:
        _say(f"{found.left_out} messages were on more topics than are looked at, and are not among these")
    where = "" if config is None else f" --config {config}"
    if not found.entries:
        _say("nothing new to put into the config")
    elif write:
        _say(f"{file} has them now. Next: foremend check{where} --connect; then: foremend run{where}")
    else:
        console.print(as_yaml(found.entries), markup=False, highlight=False, soft_wrap=True)
        _say(
            f"put this into {file}: the same command with --write does it (and --only NAME takes some of them)"
        )


def _nothing(found: Discovery) -> str:
    if found.messages:
        return "no device of a kind that is known here"
    return "is anything connected to this broker, and may this user read everything (#)?"


def _say(sentence: str) -> None:
    if sentence:
        people.print(escape(sentence), highlight=False, soft_wrap=True)
