"""`foremend messages`: what owners read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(help="Messages to owners.", no_args_is_help=True)


@app.callback()
def messages() -> None:
    """Messages to owners."""


@app.command("preview")
def preview(
    finding: Annotated[str, typer.Argument(help="The finding's id, as in /api/v1/findings.")],
    language: Annotated[
        str | None, typer.Option(help="zh, en, de, es or fr; none: the one that its owner reads.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="sms, push or email; none: all of them.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what the owner would read of a finding, and whether it would leave now. Nothing is sent.

    The audit log says who read it.
    """
    from alerts.reads import note_read
    from foremend.jobs.tokens import by_account
    from foremend.runtimes.clock import SystemClock
    from foremend.vocabulary.errors import InputError
    from foremend.wiring.household import at_the_desk

    def read(desk: Any, _settings: Any) -> dict[str, Any]:
        found = desk.previews.of(finding, language, channel, named=True)
        if found is None:
            raise InputError(f"there is no finding {finding!r}: GET /api/v1/findings lists them")
        note_read(desk.engine, SystemClock(), "message", finding, by_account())
        return dict(found)

    show("Would be told", at_the_desk(config, read), json)
