"""`foremend held-back`: what consent, policies, quiet hours and rates held back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact


def held_back(
    waits: Annotated[
        bool, typer.Option("--waits", help="What leaves later, instead of what never did.")
    ] = False,
    cause: Annotated[
        str | None,
        typer.Option(help="never_given, withdrawn, ended, policy, no_address, quiet_hours or rates."),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="ticket, sms, push or email.")] = None,
    appliance: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The first so many.")] = 20,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what was held back and why: how much in 30 days and now, then each, as the page does.

    Asks the service of the config, which has to run: foremend run, or foremend service. Where it lets nobody in
    without a token, FOREMEND_TOKEN holds one; without the right messages it reads the counts alone.
    """
    from foremend.jobs import held_back as job

    found = job.held_back(config, limit, waits, cause=cause, purpose=purpose, appliance_id=appliance)
    show("Held back", found if json else _in_short(found, limit), json)


def _in_short(found: dict[str, Any], limit: int) -> dict[str, Any]:
    """For people: a line a count, and a line each."""
    counts = found["counts"]
    lines = {
        f"{words} {one['cause']} {one['purpose']}": one["number"]
        for words, name in (("never left:", "never_left"), ("waits:", "waits"))
        for one in counts[name]
    }
    if found["held_back"] is None:
        return {**lines, "": "this token has not the right messages: no list"}
    lines |= {
        Exact(f"{number} {_line(one)[0]}"): _line(one)[1] for number, one in enumerate(found["held_back"], 1)
    }
    more = {"": f"there are more: --limit is {limit}"} if found["more"] else {}
    return (lines or {"": "nothing was held back"}) | more


def _line(one: dict[str, Any]) -> tuple[str, str]:
    until = f", may leave {one['until'][:16].replace('T', ' ')}" if one["until"] else ""
    what = f"{one['act']} of {one['fault']}" if one["fault"] else one["act"]
    return one["appliance_id"], f"{one['at'][:16].replace('T', ' ')} {what}: {one['reason']}{until}"
