"""`foremend run` and `foremend broker`: one machine, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from foremend.commands.common import Config


def run(config: Config = None) -> None:
    """Run the pipeline on one machine until interrupted: MQTT in, tickets and messages out, the page."""
    from foremend.wiring.one_machine import run_until_signal

    run_until_signal(config)


def broker(port: Annotated[int, typer.Option(min=0, max=65_535)] = 1883) -> None:
    """Run the embedded MQTT broker in the foreground, on 127.0.0.1, without passwords: for a first day only."""
    from foremend.stores.broker import run_broker

    run_broker(port)
