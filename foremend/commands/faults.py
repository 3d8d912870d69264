"""`foremend faults`: the catalogue."""

from __future__ import annotations

from typing import Any

from foremend.commands.common import Json
from foremend.terminal import emit


def faults(json: Json = False) -> None:
    """The fault catalogue: what Foremend knows to look for, and what a technician finds."""
    from foremend.vocabulary.catalogue import faults_table, load_catalogue

    if json:
        emit({name: entry.model_dump(mode="json") for name, entry in load_catalogue().items()})
    else:
        people_stdout().print(faults_table(load_catalogue().values()))


def people_stdout() -> Any:
    """A console on stdout, for tables that are the result: as wide as the terminal, and 80 columns at most."""
    from rich.console import Console

    from foremend.terminal import WIDEST

    out = Console()
    out.width = min(out.width, WIDEST)
    return out
