"""Topics on a real broker: made once, with the right partitions and policies, and never made to fit by force."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from foremend.cli import app
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.topics import check, create
from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError


def _with(kafka: KafkaSettings, **keys: Any) -> KafkaSettings:
    return kafka.model_copy(update=keys)


async def _made_by_another(kafka: KafkaSettings, name: str, partitions: int, configs: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    await admin.close()


def test_topics_are_made_as_the_settings_say(kafka: KafkaSettings) -> None:
    """Blocks and dead letters flow by, state is compacted, and blocks and state have the same partitions."""
    made = asyncio.run(create(kafka))

    blocks, state, letters = (made[f"{kafka.prefix}-{name}"] for name in ("blocks", "state", "dead-letters"))
    assert {one["was"] for one in made.values()} == {"created"}
    assert {one["partitions"] for one in made.values()} == {4}
    assert (blocks["cleanup.policy"], blocks["retention.ms"]) == ("delete", "604800000")
    assert (state["cleanup.policy"], state["min.cleanable.dirty.ratio"]) == ("compact", "0.1")
    assert letters["retention.ms"] == blocks["retention.ms"]
    assert asyncio.run(check(kafka)).keys() == made.keys()


def test_to_create_again_changes_nothing(kafka: KafkaSettings) -> None:
    """So that a deployment may run it every time."""
    first = asyncio.run(create(kafka))

    again = asyncio.run(create(kafka))

    assert {one["was"] for one in again.values()} == {"there"}
    assert again == {name: one | {"was": "there"} for name, one in first.items()}


def test_those_who_create_at_once_all_succeed(kafka: KafkaSettings) -> None:
    """Several machines of a deployment may start together; each topic is made by one of them."""

    async def all_at_once() -> list[dict[str, Any]]:
        return await asyncio.gather(*(create(kafka) for _ in range(4)))

    results = asyncio.run(all_at_once())

    assert sum(one["was"] == "created" for result in results for one in result.values()) == 3


def test_another_retention_is_given_to_topics_that_stand(kafka: KafkaSettings) -> None:
    """And what an operator set on a topic beside stays."""
    name = kafka.blocks_topic
    asyncio.run(_made_by_another(kafka, name, 4, {"cleanup.policy": "delete", "compression.type": "zstd"}))

    asyncio.run(create(kafka))
    changed = asyncio.run(create(_with(kafka, retention=86_400_000)))[name]

    assert (changed["was"], changed["retention.ms"], changed["compression.type"]) == (
        "changed",
        "86400000",
        "zstd",
    )


def test_a_partition_count_is_never_changed(kafka: KafkaSettings) -> None:
    """More partitions would send an appliance's readings to another state than its own."""
    asyncio.run(create(kafka))

    with pytest.raises(ConfigError, match=r"-blocks has 4 partitions and kafka\.partitions is 8"):
        asyncio.run(create(_with(kafka, partitions=8)))
    with pytest.raises(ConfigError, match=r"-blocks has 4 partitions and kafka\.partitions is 8"):
        asyncio.run(check(_with(kafka, partitions=8)))


def test_state_has_as_many_partitions_as_blocks(kafka: KafkaSettings) -> None:
    """A worker finds the state of a partition of blocks in the same one; a start without that is refused."""
    asyncio.run(_made_by_another(kafka, kafka.state_topic, 2, {"cleanup.policy": "compact"}))

    with pytest.raises(ConfigError, match=r"-state has 2 partitions .* blocks and state need the same count"):
        asyncio.run(create(kafka))


@pytest.mark.parametrize(
    ("configs", "sentence"),
    [
        ({"cleanup.policy": "delete"}, r"-state has cleanup\.policy=delete where it needs compact"),
        ({}, r"-state was made by the broker itself \(auto-creation\)"),
    ],
)
def test_a_topic_that_would_lose_state_is_refused(
    kafka: KafkaSettings, configs: dict[str, str], sentence: str
) -> None:
    """A state topic that deletes by age, or that nobody made on purpose."""
    asyncio.run(_made_by_another(kafka, kafka.state_topic, 4, configs))

    with pytest.raises(ConfigError, match=sentence):
        asyncio.run(create(kafka))


def test_a_check_makes_nothing(kafka: KafkaSettings) -> None:
    """What is missing is named, again and again."""
    for _ in range(2):
        with pytest.raises(ConfigError, match=rf"no topic {kafka.blocks_topic}, {kafka.state_topic}"):
            asyncio.run(check(kafka))


def test_more_replicas_than_brokers_are_refused(kafka: KafkaSettings) -> None:
    """In the cluster's own words."""
    with pytest.raises(RefusedError, match="replicat"):
        asyncio.run(create(_with(kafka, replication=3)))


def test_a_cluster_that_is_away_may_be_asked_again() -> None:
    """Nobody listens: an error that says retry, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]

    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} cannot be reached"):
        asyncio.run(check(KafkaSettings(brokers=(f"127.0.0.1:{port}",))))


def test_the_commands_speak_json(kafka: KafkaSettings, tmp_path: Path) -> None:
    """`foremend topics create --json`, then `check`."""
    config = tmp_path / "config.yaml"
    keys = {"brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions}
    config.write_text(yaml.safe_dump({"kafka": keys}))
    arguments = ["--config", str(config), "--json"]

    made = CliRunner().invoke(app, ["topics", "create", *arguments])
    seen = CliRunner().invoke(app, ["topics", "check", *arguments])

    assert json.loads(made.stdout)[kafka.blocks_topic]["was"] == "created"
    assert json.loads(seen.stdout)[kafka.state_topic]["partitions"] == 4
