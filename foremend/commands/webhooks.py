"""`foremend webhooks`: who is told by signed events, how that goes, and sending it once more."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact

app = typer.Typer(help="Endpoints of signed events: how they are, what went there.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="As under alerts.webhooks.")]
Since = Annotated[str | None, typer.Option(help="Written from then on: ISO 8601 with its zone.")]
Until = Annotated[str | None, typer.Option(help="Written before then.")]


@app.command("list")
def every(config: Config = None, json: Json = False) -> None:
    """Show each endpoint: how many keys sign, whether it is disabled, its messages by state."""
    from foremend.jobs import webhooks

    found = webhooks.every(config)
    show("Webhooks", {"webhooks": found} if json else {Exact(one["name"]): one for one in found}, json)


@app.command("test")
def try_out(name: Name, config: Config = None, json: Json = False) -> None:
    """Send a signed event `foremend.test` now; ends with 4 where nobody takes it, 5 where it is refused (410)."""
    from foremend.jobs import webhooks

    show("Taken", webhooks.try_out(config, name), json)


@app.command("deliveries")
def deliveries(
    name: Name,
    since: Since = None,
    until: Until = None,
    state: Annotated[str | None, typer.Option(help="pending, sent, held_back, superseded or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what went to an endpoint, what waits, and what was given up with the reason; the newest first."""
    from foremend.jobs import webhooks

    found = webhooks.deliveries(config, name, since, until, state, limit)
    lines: dict[str, Any] = {
        Exact(one["message_id"]): f"{one['state']}: {one['event_type']}, {one['appliance_id']}"
        + (f" ({one['error']})" if one["error"] else "")
        for one in found
    }
    show("Deliveries", {"deliveries": found} if json else lines, json)


@app.command("replay")
def replay(
    name: Name,
    ids: Annotated[
        list[str] | None, typer.Argument(help="webhook-ids, or ids of deliveries; none: by --since, --until.")
    ] = None,
    since: Since = None,
    until: Until = None,
    delivered: Annotated[bool, typer.Option("--delivered", help="Also what arrived already.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send given-up messages once more, each with its webhook-id of before; consent is asked again."""
    from foremend.jobs import webhooks

    show("Replayed", webhooks.replay(config, name, ids or (), since, until, delivered), json)


@app.command("enable")
def enable(
    name: Name,
    again: Annotated[bool, typer.Option("--replay", help="And send all that was given up.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Use an endpoint again that was disabled by answering 410."""
    from foremend.jobs import webhooks

    show("Enabled", webhooks.enable(config, name, again), json)
