"""`foremend appliances`: the fleet as a list."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact


def appliances(
    search: Annotated[
        str | None, typer.Option(help="How the id begins, or by right the owner's reference.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="critical, warning, info, silent, learning, not_judged, ok or never_heard."),
    ] = None,
    appliance_model: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    fault: Annotated[str | None, typer.Option(help="Only with an open episode of it.")] = None,
    service_area: Annotated[str | None, typer.Option(help="Only where these people go.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Only of this one, by its nameplate; asks for the right owners.")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Only of this one, by its nameplate; asks for the right owners.")
    ] = None,
    firmware: Annotated[
        str | None, typer.Option(help="Only with this one, the newest that is known of its nameplate.")
    ] = None,
    sort: Annotated[str, typer.Option(help="urgency, days_left, last_seen or -last_seen.")] = "urgency",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The first so many.")] = 50,
    config: Config = None,
    json: Json = False,
) -> None:
    """List appliances, the most urgent first, as the page of the fleet does.

    Asks the service of the config, which has to run: foremend run, or foremend service. Where it lets nobody in
    without a token, FOREMEND_TOKEN holds one.
    """
    from foremend.jobs import appliances as job

    found = job.appliances(
        config, limit, search=search, state=state, appliance_model=appliance_model, fault=fault,
        service_area=service_area, region=region, batch=batch, firmware=firmware, sort=sort,
    )  # fmt: skip
    if json:
        show("Fleet", found, json)
    else:
        lines: dict[str, Any] = {Exact(one["appliance_id"]): _line(one) for one in found["appliances"]}
        more = {"": f"there are more: --limit is {limit}"} if found["more"] else {}
        show("Fleet", (lines or {"": "no appliance fits"}) | more, json)


def _line(one: dict[str, Any]) -> str:
    words = [one["state"], *one["faults"]]
    if one["fails_at"]:
        words.append(f"expected {one['fails_at'][:10]}")
    words.append(
        f"heard {one['last_seen'][:16].replace('T', ' ')}" if one["last_seen"] else "never heard from"
    )
    return ", ".join(words)
