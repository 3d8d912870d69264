"""Every command: its name, where it is, and what its help begins with; none is loaded before somebody asks for it."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "init": ("init:init", "Write a commented config.yaml for one of three beginnings. Never overwrites one."),
    "insights": (
        "insights:insights",
        "Which features and habits go with failures, how much, and what would be if they were otherwise.",
    ),
    "diagnose": (
        "diagnose:diagnose",
        "Ask an appliance for fresh readings, and say what is wrong and what to do.",
    ),
    "discover": (
        "discover:discover",
        "Listen to a broker for a minute: which devices speak there, and the config that has them watched.",
    ),
    "erase": (
        "erase:erase",
        "Remove everything about an owner: database, journal, snapshot, history, files, audit log. "
        "Done within 24 hours.",
    ),
    "erasures": (
        "erase:erasures",
        "Every erasure that was asked for: its stage, when it is due, when it was done.",
    ),
    "export": (
        "export:export",
        "Everything about one owner, to hand out: a zip of JSON lines and CSV with a readme, English "
        "and Chinese.",
    ),
    "forecasts": (
        "forecasts:forecasts",
        "How many visits each area, and how many of each part, the next weeks will take; eight of "
        "ten come as said.",
    ),
    "held-back": (
        "held_back:held_back",
        "Show what was held back and why: how much in 30 days and now, then each, as the page does.",
    ),
    "gateway": (
        "kafka:gateway",
        "Take messages from MQTT, check them and write blocks to Kafka, beside any number of other gateways.",
    ),
    "replay": (
        "replay:replay",
        "Send recorded telemetry through the same rules and trained models as live readings, and "
        "report what they find.",
    ),
    "service": (
        "service:service",
        "Serve the page and send what is due, beside workers on the same database, until interrupted.",
    ),
    "appliance": (
        "appliance:appliance",
        "Show one appliance: how it is, what was found, its tickets, and each signal over the last "
        "days as a small chart.",
    ),
    "appliances": (
        "appliances:appliances",
        "List appliances, the most urgent first, as the page of the fleet does.",
    ),
    "status": (
        "status:status",
        "Say how the fleet is: the worst first, counts by state, what fails first, how the pipeline is.",
    ),
    "watch": (
        "watch:watch",
        "Say how the fleet is until Ctrl-C: as foremend status, in place; where no terminal is, what "
        "changed, a line each.",
    ),
    "wellbeing": (
        "wellbeing:app",
        "Trusted contacts of owners who said yes to wellbeing.",
    ),
    "worker": (
        "kafka:worker",
        "Judge the blocks of its share of the partitions, beside any number of other workers; needs "
        "trained models.",
    ),
    "doctor": (
        "stores:doctor",
        "Read every store through: what is there, what is lost and what to do; code 7 where "
        "something is wrong.",
    ),
    "backup": (
        "stores:backup",
        "Copy everything but the key and config.yaml, of one moment, also while the pipeline runs.",
    ),
    "restore": (
        "stores:restore",
        "Bring a backup back to where config.yaml says things are; overwrites nothing, and says what "
        "to do then.",
    ),
    "demo": (
        "demo.command:demo",
        "The main job, end to end, on this machine: a simulated fleet, a broker, the pipeline, a "
        "service platform.",
    ),
    "run": (
        "run:run",
        "Run the pipeline on one machine until interrupted: MQTT in, tickets and messages out, the page.",
    ),
    "check": (
        "check:check",
        "Find everything in config.yaml and the profiles that would be refused at a start.",
    ),
    "simulate": (
        "simulate:simulate",
        "Simulate a household fleet: its history into a folder, or live over MQTT.",
    ),
    "faults": (
        "faults:faults",
        "The fault catalogue: what Foremend knows to look for, and what a technician finds.",
    ),
    "train": (
        "train:train",
        "Train detectors and the fault predictor: the first version is the champion, later ones are "
        "challengers.",
    ),
    "evaluate": (
        "train:evaluate",
        "Judge a trained version, and the champion on the same data: recall, lead time, false alarms, cost.",
    ),
    "broker": (
        "run:broker",
        "Run the embedded MQTT broker in the foreground, on 127.0.0.1, without passwords: for a "
        "first day only.",
    ),
    "models": ("models:app", "Trained models: list, show, compare, promote, roll back."),
    "tickets": ("tickets:app", "Service tickets: what is done about them, and what was found."),
    "history": ("history:app", "Where every reading is stored."),
    "household": ("household:app", "Your own household: agree to be told, take it back, try it."),
    "tokens": ("tokens:app", "Tokens of programs that ask the API."),
    "users": ("users:app", "Users of the page. Nobody but the user sees or types a password."),
    "retention": ("retention:app", "How long what is kept, and what went when it was older."),
    "audit": ("audit:app", "The audit log: verified, exported, anchored outside."),
    "owners": ("owners:app", "Owners and their appliances."),
    "nameplates": (
        "nameplates:app",
        "Who is in the fleet: model, batch, region, installation and firmware of each appliance.",
    ),
    "consent": ("consent:app", "What owners agreed to: grant, withdraw, read."),
    "webhooks": ("webhooks:app", "Endpoints of signed events: how they are, what went there."),
    "messages": ("messages:app", "Messages to owners."),
    "cohorts": (
        "cohorts:app",
        "Which batches, firmware and models fail more than their siblings; `watch` need not be written.",
    ),
    "dead-letters": ("dead_letters:app", "Messages of devices that could not be used."),
    "topics": ("kafka:topics", "The topics of the pipeline on Kafka."),
}
"""Name -> (module in `foremend.commands`: function or group, first paragraph of its help), as `--help` lists them."""


class OnlyWhatIsAsked(TyperGroup):
    """A group that knows `COMMANDS` by name and first words, and loads the one that is called, helped or completed."""

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.commands = {name: TyperCommand(name, help=words) for name, (_, words) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """As Typer has it, but with all that the command takes."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, loaded(name) if name else None, rest


def loaded(name: str) -> Any:
    """The command or group of that name in `COMMANDS`, with its parameters."""
    found = resolve_name(f"foremend.commands.{COMMANDS[name][0]}")
    alone = typer.Typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return typer.main.get_group(alone).commands[name]
