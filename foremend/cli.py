"""The command line: thin; every command calls one function and shows what it returns."""

from __future__ import annotations

import errno
import gc
import logging
import sys
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from foremend.commands.common import private_files
from foremend.commands.table import OnlyWhatIsAsked
from foremend.logs import Format, Level, in_json, set_up
from foremend.terminal import people
from foremend.vocabulary.errors import ForemendError, UnavailableError

_LOOK_FOR_GARBAGE_EVERY = 20_000
"""New objects. A start makes half a million and none of them is garbage: to look after each 700 was a twelfth of it."""
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})
"""What a disk says that room or a mount mends, not a setting."""
_OF_NOBODY = frozenset({"init", "simulate", "demo", "broker"})
"""What these make tells of no household, and others may have to read it."""

app = typer.Typer(
    cls=OnlyWhatIsAsked,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
log = logging.getLogger("foremend")


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"foremend {version('foremend')}")
        raise typer.Exit


@app.callback()
def every_command(
    context: typer.Context,
    log_level: Annotated[
        Level, typer.Option(envvar="FOREMEND_LOG_LEVEL", help="Say this and what is graver.")
    ] = "info",
    log_format: Annotated[
        Format, typer.Option(envvar="FOREMEND_LOG_FORMAT", help="json: one object a line, for programs.")
    ] = "text",
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """Foresees faults of connected home appliances and, with the owner's consent, acts before they break."""
    set_up(log_level, log_format)
    if context.invoked_subcommand not in _OF_NOBODY:
        context.with_resource(private_files())


def main() -> None:
    """Entry point: errors become one sentence and their exit code."""
    gc.set_threshold(_LOOK_FOR_GARBAGE_EVERY)
    try:
        app()
    except ForemendError as error:
        _end(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        where = error.filename or "the disk"
        _end(f"{where} cannot be used: {error.strerror}", UnavailableError.exit_code)


def _end(sentence: str, code: int) -> NoReturn:
    if in_json():
        log.error("%s", sentence)
    else:
        people.print(f"[red]foremend:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(code)
