"""`foremend topics`: what the pipeline on more than one machine needs on Kafka."""

from __future__ import annotations

import asyncio

import typer

from foremend.commands.common import Config, Json, show
from foremend.config import load_settings

topics = typer.Typer(help="The topics of the pipeline on Kafka.", no_args_is_help=True)


@topics.command("create")
def create_topics(config: Config = None, json: Json = False) -> None:
    """Make the topics that are missing, and give the others the retention of `kafka:`; nothing is ever deleted."""
    from foremend.runtimes.kafka.topics import create

    show("Topics", asyncio.run(create(load_settings(config).kafka)), json)


@topics.command("check")
def check_topics(config: Config = None, json: Json = False) -> None:
    """Are all topics there, with the partitions and the policy that gateways and workers rely on?"""
    from foremend.runtimes.kafka.topics import check

    show("Topics", asyncio.run(check(load_settings(config).kafka)), json)
