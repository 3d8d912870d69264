"""`foremend status`: how the fleet is."""

from __future__ import annotations

from typing import Any

from foremend.commands.common import Config, Json, show


def status(config: Config = None, json: Json = False) -> None:
    """Say how the fleet is: the worst first, counts by state, what fails first, how the pipeline is.

    Asks the service of the config, which has to run: foremend run, or foremend service. Where it lets nobody in
    without a token, FOREMEND_TOKEN holds one.
    """
    from foremend.jobs import status as job

    found = job.status(config)
    show("Fleet", found if json else in_short(found), json)


def in_short(found: dict[str, Any]) -> dict[str, Any]:
    """For people: no zeros, and a line an episode."""
    pipeline = found["pipeline"]
    lines = {
        f"{one['severity']} {number}": f"{one['appliance_id']}: {one['fault']}"
        + ("" if one["days_to_failure"] is None else f", in about {one['days_to_failure']:.0f} days")
        for number, one in enumerate(found["first"], 1)
    }
    return {
        "": found["said"],
        **{state: many for state, many in found["by_state"].items() if many},
        **lines,
        "pipeline": pipeline["state"] + ("" if pipeline["connected"] else ", without its broker"),
        "newest reading": pipeline["event_time"] or "none yet",
        "page": found["address"],
    }
