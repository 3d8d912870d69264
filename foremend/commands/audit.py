"""`foremend audit`: that nobody changed what was written down."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import people
from foremend.vocabulary.errors import IntegrityError

app = typer.Typer(help="The audit log: verified, exported, anchored outside.", no_args_is_help=True)


@app.command("verify")
def verify(
    anchors: Annotated[
        Path | None, typer.Option(help="A file of anchors; none: the one of config.yaml.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read the log with the rows that it covers, and compare it with its anchors; code 7 where something is wrong."""
    from foremend.jobs import audit

    found = audit.verify(config, anchors)
    shown = {name: value for name, value in found.items() if json or value != ""}
    show("Audit log", shown, json)
    if found["problem"]:
        raise IntegrityError(f"the audit log is not whole: {found['problem']}")
    if not found["anchored"] and not json:
        people.print("note: not anchored: a log that was written anew from its start would not be seen")


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option(help="A new file; none: stdout.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write every entry as one line of JSON, oldest first."""
    from foremend.jobs import audit

    if out is None:
        audit.export(config, sys.stdout.buffer)
        return
    with out.open("xb") as file:
        show("Exported", {"file": str(out), "entries": audit.export(config, file)}, json)


@app.command("anchor")
def anchor(
    restart: Annotated[
        str, typer.Option(help="Why the log differs from its anchors, such as a restored backup.")
    ] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Write a signed checkpoint into `alerts.audit.anchor_file` now; code 7 where the log is not the one of before."""
    from foremend.jobs import audit

    show("Anchor", audit.anchor(config, restart), json)
