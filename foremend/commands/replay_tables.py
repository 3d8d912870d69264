"""What a replay found, in tables that fit a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from foremend.terminal import MOST_SHOWN, pairs_table
from foremend.vocabulary.types import MS_PER_SECOND, FindingKind


def tables(result: Mapping[str, Any]) -> Iterator[Table]:
    """The sums, the trained models, the episodes and, where there is one, the backtest."""
    yield pairs_table("Replay", _sums(result))
    if result["findings"]:
        yield _episodes(result["findings"])
    if "backtest" in result:
        yield _backtest(result["backtest"])


def _sums(result: Mapping[str, Any]) -> dict[str, Any]:
    days = sum(len(one["days"]) for one in result["appliances"].values())
    opened = [one for one in result["findings"] if one["kind"] == FindingKind.OPENED]
    found = f"{len(opened)} episodes, about {len({one['appliance_id'] for one in opened})} appliances"
    return {
        **({"files": result["files"]} if "files" in result else {}),
        "appliances": len(result["appliances"]),
        "appliance-days": days,
        "readings": ", ".join(f"{count} {name}" for name, count in result["readings"].items()),
        "dead letters": "; ".join([str(result["dead_letters"]), *result["dead_letter_reasons"][:3]]),
        **({"rows left out": result["left_out"]} if result.get("left_out") else {}),
        "trained models": "\n".join(f"{one['appliance_model']} {one['sentence']}" for one in result["models"])
        or "none",
        "found": found if opened else "nothing",
    }


def _episodes(findings: list[dict[str, Any]]) -> Table:
    """The first so many, with the highest severity they reached."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for one in findings:
        found.setdefault((one["appliance_id"], one["fault"], one["episode_start"]), one | {"until": None})
        episode = found[one["appliance_id"], one["fault"], one["episode_start"]]
        episode["severity"] = one["severity"]
        if one["kind"] == FindingKind.CLOSED:
            episode["until"] = one["time"]
    shown = sorted(found.values(), key=lambda one: one["time"])
    more = len(shown) - MOST_SHOWN
    table = Table(title="Episodes", caption=f"and {more} more: --json has all" if more > 0 else None)
    for name in ("appliance", "fault", "severity", "told", "closed"):
        table.add_column(name, overflow="fold")
    for one in shown[:MOST_SHOWN]:
        table.add_row(
            escape(one["appliance_id"]),
            one["fault"],
            one["severity"],
            _date(one["time"]),
            _date(one["until"]),
        )
    return table


def _backtest(figures: Mapping[str, Any]) -> Table:
    """By fault, as it was; what was false by the fault that was named."""
    table = Table(title="Told before the failure", caption=_below(figures), caption_justify="left")
    table.add_column("fault", overflow="fold")
    for name in ("failed", "told", "named", "lead days", "false"):
        table.add_column(name, justify="right")
    for fault, row in figures["faults"].items():
        table.add_row(fault, *_cells(row))
    table.add_section()
    table.add_row("all", *_cells(figures))
    return table


def _cells(row: Mapping[str, Any]) -> list[str]:
    ill, lead = row["ill"], row["lead_days"]
    told, named = (str(round((row[name] or 0) * ill)) for name in ("told", "named"))
    return [str(ill), told, named, "" if lead is None else f"{lead:.1f}", str(row["false"])]


def _below(figures: Mapping[str, Any]) -> str:
    rate = figures["false_per_100"]
    said = "" if rate is None else f", {rate:.3g} per 100 appliance-years"
    return (
        f"{figures['appliances']} appliances, {figures['well_years']:.1f} appliance-years in which nothing was wrong"
        f"{said}. Warnings are episodes above info; lead is the median to the failure. Told by another fault's name:"
        f" {figures['misnamed']}, after the failure: {figures['misnamed_after']}. --json has each outcome and each"
        " false warning."
    )


def _date(time: int | None) -> str:
    return "" if time is None else datetime.fromtimestamp(time / MS_PER_SECOND, UTC).date().isoformat()
