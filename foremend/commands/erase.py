"""`foremend erase` and `erasures`: everything about an owner is removed, and a report says what was and what stays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import emit

Out = Annotated[Path | None, typer.Option(help="Also write the report there: erasure-ID.json and .html.")]


def erase(
    owner: Annotated[str, typer.Option(help="The owner's id.")],
    reference: Annotated[
        str, typer.Option(help="What you call this request: all that the report says of whose it is.")
    ] = "",
    out: Out = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until it is done.")] = 600.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Remove everything about an owner: database, journal, snapshot, history, files, audit log. Done within 24 hours.

    The running pipeline does it; where none runs, this command. Killed or asked again, it goes on where it was.
    """
    from foremend.terminal import progress_bar
    from foremend.wiring.erasing import erase as carry_out

    with progress_bar() as bar:
        task = bar.add_task("erase", total=None)
        result = carry_out(config, owner, reference, wait, lambda stage: bar.update(task, description=stage))
    _write(result, out)
    show("Erased", result if json else _short(result), json)


def erasures(
    id: Annotated[str | None, typer.Option("--id", help="Only this one, with its report.")] = None,
    out: Out = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Every erasure that was asked for: its stage, when it is due, when it was done."""
    from foremend.wiring import erasing

    if id is not None:
        result = erasing.erasure(config, id)
        _write(result, out)
        show("Erasure", result if json else _short(result), json)
        return
    found = erasing.erasures(config)
    if json:
        emit({"erasures": found})
    for one in () if json else found:
        show(one["id"], {name: value for name, value in one.items() if name != "id"}, False)


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """For people: what was removed, by place, and how many places keep something."""
    plain = {name: report[name] for name in ("id", "reference", "stage", "asked", "due", "done", "in_time")}
    removed = {f"removed {name}": count for name, count in report["removed"].items() if count}
    told = {"told": ", ".join(report["told"]) or "nobody", "not told": ", ".join(report["not_told"]) or "-"}
    return plain | removed | told | {"kept": ", ".join(one["what"] for one in report["kept"])}


def _write(report: dict[str, Any], out: Path | None) -> None:
    if out is None:
        return
    import orjson

    from alerts.personal.report import page

    out.mkdir(parents=True, exist_ok=True)
    (out / f"erasure-{report['id']}.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    (out / f"erasure-{report['id']}.html").write_text(page(report))
