"""`foremend dead-letters`: messages that could not be used, and sending them again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact

app = typer.Typer(help="Messages of devices that could not be used.", no_args_is_help=True)


@app.command("list")
def every(
    days: Annotated[int, typer.Option(min=1, max=3650, help="So many days back.")] = 30,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show them by what is wrong and the device's topic, the newest first."""
    from foremend.jobs import dead_letters as job

    found = job.groups(config, days)
    lines: dict[str, Any] = {Exact(one["id"]): _line(one) for one in found}
    show("Dead letters", {"groups": found} if json else lines or {"": "every message could be used"}, json)


@app.command("replay")
def replay(
    group: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Send a group again, 500 at most, as if the devices did: once what was wrong is mended. Each goes once."""
    from foremend.jobs import dead_letters as job

    show("Sent again", job.replay(config, group), json)


def _line(one: dict[str, Any]) -> str:
    again = f", {one['to_send']} to send again" if one["to_send"] else ""
    newest = one["newest"][:16].replace("T", " ")
    return f"{one['messages']} from {one['topic'][:80]}, newest {newest}{again}: {one['reason'][:200]}"
