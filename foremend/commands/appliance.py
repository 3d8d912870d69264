"""`foremend appliance`: one appliance, with a small chart of each signal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import WIDEST

_LEVELS = "▁▂▃▄▅▆▇█"
_NOTHING = " "
_COLUMNS = 40
"""Columns of the chart: with the name of a signal and its values they fit into a terminal of 80."""


def appliance(
    appliance_id: Annotated[str, typer.Argument(metavar="APPLIANCE", help="Its id.")],
    days: Annotated[float, typer.Option(min=0.01, max=1000, help="Before it was last heard of.")] = 7.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show one appliance: how it is, what was found, its tickets, and each signal over the last days as a small chart.

    Asks the service of the config, which has to run: foremend run, or foremend service. Where it lets nobody in
    without a token, FOREMEND_TOKEN holds one.
    """
    from foremend.jobs import appliance as job

    found = job.appliance(config, appliance_id, days, _COLUMNS)
    show(appliance_id, found if json else _in_short(found), json)


def _in_short(found: dict[str, Any]) -> dict[str, Any]:
    """For people: a line an episode, a ticket, a purpose, and two a signal."""
    one = found["appliance"]
    return {
        "state": one["state"].replace("_", " "),
        "model": one["appliance_model"],
        "heard": one["last_seen"][:16].replace("T", " "),
        **{f"found {number}": _episode(episode) for number, episode in enumerate(found["episodes"], 1)},
        **{
            f"ticket {number}": f"{ticket['status']}: {ticket['fault']} ({ticket['ticket_id']})"
            for number, ticket in enumerate(found["tickets"], 1)
        },
        **_agreed(found["standing"]),
        **_charts(found["series"]),
    }


def _episode(one: dict[str, Any]) -> str:
    parts = [one["severity"], one["fault"]]
    if one["probability"] is not None:
        parts.append(f"probability {one['probability']:.0%}")
    if one["days_to_failure"] is not None:
        parts.append(f"in about {one['days_to_failure']:.0f} days")
    return ", ".join(parts)


def _agreed(standing: dict[str, Any] | None) -> dict[str, str]:
    if standing is None:
        return {}
    if standing["agreed"] is None:
        return {"agreed": "registered to nobody: nothing may be done"}
    given = [one["purpose"].replace("_", " ") for one in standing["agreed"] if one["given"]]
    return {"agreed": ", ".join(given) or "to nothing"}


def _charts(series: dict[str, Any] | None) -> dict[str, str]:
    if series is None or not series["stored"]:
        return {"readings": "not stored here, or not to be shown"}
    if not series["times"]:
        newest = "the newest follow once ten minutes of later ones came"
        return {"readings": f"none stored in these days: {newest}; --days reaches back"}
    return {one["name"]: _chart(one, series) for one in series["signals"]}


def _chart(signal: dict[str, Any], series: dict[str, Any]) -> str:
    """The line, then what it spans: lowest, highest, last."""
    known = [value for name in ("low", "high") for value in signal[name] if value is not None]
    if not known:
        return "none"
    line = _in_time(signal["mean"], series)
    return (
        f"{sparkline(line)}\n{min(known):.4g} to {max(known):.4g}, last {signal['last']:.4g} {signal['unit']}"
    ).rstrip()


def _in_time(values: Sequence[float | None], series: dict[str, Any]) -> list[float | None]:
    """A place for each stretch of time: nothing where nothing was heard."""
    first, width = series["times"][0], series["stretch_ms"]
    placed: list[float | None] = [None] * min((series["times"][-1] - first) // width + 1, WIDEST)
    for time, value in zip(series["times"], values, strict=True):
        placed[min((time - first) // width, len(placed) - 1)] = value
    return placed


def sparkline(values: Sequence[float | None]) -> str:
    """One letter a value, from the lowest to the highest of them; a blank where there is none."""
    known = [value for value in values if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    top = len(_LEVELS) - 1
    return "".join(
        _NOTHING if value is None else _LEVELS[round((value - low) / span * top) if span else top // 2]
        for value in values
    )
