"""`foremend topics`, `gateway` and `worker`: the pipeline on more than one machine."""

from __future__ import annotations

from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show
from foremend.vocabulary.errors import ConfigError

topics = typer.Typer(help="The topics of the pipeline on Kafka.", no_args_is_help=True)


@topics.command("create")
def create_topics(config: Config = None, json: Json = False) -> None:
    """Make the topics that are missing, and give the others the retention of `kafka:`; nothing is ever deleted."""
    import asyncio

    from foremend.config import load_settings
    from foremend.runtimes.kafka.topics import create

    show("Topics", asyncio.run(create(load_settings(config).kafka)), json)


@topics.command("check")
def check_topics(config: Config = None, json: Json = False) -> None:
    """Are all topics there, with the partitions and the policy that gateways and workers rely on?"""
    import asyncio

    from foremend.config import load_settings
    from foremend.runtimes.kafka.topics import check

    show("Topics", asyncio.run(check(load_settings(config).kafka)), json)


def gateway(
    config: Config = None,
    client_id: Annotated[
        str | None,
        typer.Option(help="Of its MQTT session: another for each gateway, the same after a restart."),
    ] = None,
    unshared: Annotated[
        bool, typer.Option(help="Take the devices that send changes only (shelly-gen2); run exactly one.")
    ] = False,
    keeper: Annotated[
        bool, typer.Option(help="Keep what Mosquitto gives to nobody after a restart; run exactly one.")
    ] = False,
    health_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Serve /livez, /readyz and /metrics there.")
    ] = None,
) -> None:
    """Take messages from MQTT, check them and write blocks to Kafka, beside any number of other gateways."""
    from foremend.plan import make_plan

    if unshared and keeper:
        raise ConfigError("--unshared and --keeper are two processes: start one gateway with each")
    settings = make_plan(config, "gateway").settings
    from foremend.wiring.gateway import Role, run_gateway  # needs what the plan looked for

    role: Role = "unshared" if unshared else "keeper" if keeper else "shared"
    run_gateway(settings, client_id, role, health_port)


def worker(
    config: Config = None,
    health_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Serve /livez, /readyz and /metrics there.")
    ] = None,
) -> None:
    """Judge the blocks of its share of the partitions, beside any number of other workers; needs trained models."""
    from foremend.plan import make_plan

    settings = make_plan(config, "worker").settings
    from foremend.wiring.worker import run_worker  # needs what the plan looked for

    run_worker(settings, health_port)
