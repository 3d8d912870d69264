"""`foremend diagnose`: how an appliance is, asked of the appliance itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from foremend.commands.common import Config, Json, show


def diagnose(
    appliance: Annotated[str, typer.Argument(help="Its id.")],
    answer: Annotated[
        Literal["solved", "not_solved", "could_not"] | None,
        typer.Option(help="How the owner's own steps of the last diagnosis went; nothing is asked then."),
    ] = None,
    note: Annotated[str, typer.Option(help="For whoever gets the ticket, with --answer.")] = "",
    language: Annotated[Literal["en", "zh"], typer.Option(help="Of the table; --json has both.")] = "en",
    config: Config = None,
    json: Json = False,
) -> None:
    """Ask an appliance for fresh readings, and say what is wrong and what to do.

    Where it does not answer, from what is known. Its pipeline has to run beside: `foremend run`, or, with workers on
    Kafka, `foremend service`. The owner's consent for monitoring is asked first.
    """
    from foremend.jobs import diagnose as job
    from foremend.wiring.household import at_the_desk

    if answer is None:
        found = at_the_desk(config, lambda desk, _: job.diagnose(desk.diagnoses, appliance))
        show("Diagnosis", found if json else _in_short(found, language), json)
    else:
        said = at_the_desk(
            config, lambda desk, _: job.answer(desk.diagnoses, desk.words, appliance, answer, note)
        )
        short = {"outcome": said["outcome"], "ticket": said["ticket_id"], "said": said["answered"][language]}
        show("Answered", said if json else short, json)


def _in_short(found: dict[str, Any], language: str) -> dict[str, Any]:
    """A line each, in one language."""
    lines: dict[str, Any] = {"appliance": found["appliance_id"], "said": " ".join(found["said"][language])}
    for number, one in enumerate(found["faults"], 1):
        chance = "" if one["probability"] is None else f", {one['probability']:.0%}"
        lines[f"fault {number}"] = (
            f"{one['title'].get(language, one['fault'])} ({one['when'][language]}{chance})"
        )
        lines |= (
            {f"evidence {number}": "; ".join(one["evidence"][language])} if one["evidence"][language] else {}
        )
        steps = [*one["self_help"].get(language, []), *filter(None, [one["safety"].get(language)])]
        lines |= {f"steps {number}": " ".join(steps)} if steps else {}
        lines |= {f"parts {number}": ", ".join(one["parts"])} if one["parts"] else {}
        lines[f"skill {number}"] = one["skill_words"][language]
    return lines | {"next": found["next"], "diagnosis": found["diagnosis_id"]}
