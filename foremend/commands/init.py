"""`foremend init`: a commented config.yaml to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from foremend.terminal import people
from foremend.vocabulary.errors import ConfigError

BEGINNINGS = Path(__file__).parent / "beginnings"
_BEFORE_THE_START = {
    "home": ("check", "run"),
    "pilot": ("check", "models prepare", "run"),
    "kafka": ("check", "topics create", "models prepare"),
}
"""Commands that come next, in order."""


def init(
    beginning: Annotated[
        Literal["home", "pilot", "kafka"],
        typer.Argument(help="A plug at home, a maker's pilot on one machine, or more machines around Kafka."),
    ],
    config: Annotated[Path, typer.Option("--config", help="The file to write.")] = Path("config.yaml"),
) -> None:
    """Write a commented config.yaml for one of three beginnings. Never overwrites one."""
    text = (BEGINNINGS / f"{beginning}.yaml").read_text(encoding="utf-8")
    try:
        with config.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"{config} is there already: name another file with --config, or move it away"
        ) from None
    except OSError as error:
        raise ConfigError(f"{config} cannot be written: {error.strerror}") from error
    where = "" if config == Path("config.yaml") else f" --config {config}"
    first, *rest = (f"foremend {command}{where}" for command in _BEFORE_THE_START[beginning])
    said = f"{config} is written. Edit what is marked EDIT, then: {first}; after it: {'; '.join(rest)}"
    people.print(said, markup=False, highlight=False, soft_wrap=True)
